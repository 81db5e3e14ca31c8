package paginate

import (
	"math"
	"slices"
	"strconv"
)

// pageStyle counts pages.
type pageStyle struct{ Setting }

func (s pageStyle) Next(a Answer) Step {
	if more, known := a.more(s.HasMore); known && !more {
		return Step{Done: "has-more-false", Sure: true}
	}
	start := 1
	if s.Start != nil {
		start = *s.Start
	}
	total, known := a.totalPages(s.TotalPages)
	if known && int64(a.Number) >= total {
		return Step{Done: "last-page", Sure: true}
	}
	// A number of records that is reached with pages to come is no total.
	if step, done := a.counted(); done && (a.Records == 0 || !known) {
		return step
	}
	return s.step(s.Param, "page", start+a.Number)
}

// step sets a number, and the page size with it.
func (s Setting) step(param, usual string, n int) Step {
	if param == "" {
		param = usual
	}
	step := Step{Param: param, Value: strconv.Itoa(n), In: s.In}
	if name, value, _, ok := First(s); ok {
		step.SizeParam, step.Size = name, value
	}
	return step
}

// counted ends numbered pages: at an empty page, or when the claimed total has
// arrived and the source does not say that there is more, as one does that counts
// only what is left. A short page alone ends nothing.
func (a Answer) counted() (Step, bool) {
	if a.Records == 0 {
		return Step{Done: "empty-page"}, true
	}
	more, known := a.More()
	if total, _, ok := Total(a); ok && a.Seen >= total && !(known && more) {
		return Step{Done: "total-reached", Sure: true}, true
	}
	return Step{}, false
}

func (a Answer) totalPages(path string) (int64, bool) {
	if path != "" {
		raw, ok := a.lookup(path)
		if !ok {
			return 0, false
		}
		return number(raw)
	}
	for _, f := range a.Fields {
		switch plain(lastKey(f.Path)) {
		case "totalpages", "pagecount", "lastpage", "numpages", "nbpages", "totalpage", "pagestotal", "pages", "totalpagecount", "numberofpages", "maxpage":
			if n, ok := number(f.Raw); ok && n > 0 {
				return n, true
			}
		}
	}
	for _, name := range []string{"X-Total-Pages", "X-WP-TotalPages", "X-Page-Count", "X-Pagination-Page-Count"} {
		if n, ok := number([]byte(a.Header.Get(name))); ok && n > 0 {
			return n, true
		}
	}
	return 0, false
}

// proposePage looks for a page number in the request, or for one of several
// pages in the answer.
func proposePage(a Answer) []Finding {
	if name, n, in, ok := numbered(a, "page", "p", "pagenumber", "pageno", "pagenum", "currentpage", "pg", "pageindex"); ok {
		return []Finding{{Setting: Setting{Kind: Page, Param: name, In: in, Start: &n}, Evidence: "the request has a page number in " + name}}
	}
	total, ok := a.totalPages("")
	if !ok || total < 2 {
		return nil
	}
	for _, f := range a.Fields {
		switch plain(lastKey(f.Path)) {
		case "page", "currentpage", "pagenumber", "pageno", "number", "pageindex":
			n, ok := number(f.Raw)
			if !ok || n > 1 {
				continue
			}
			start, param := int(n), lastKey(f.Path)
			if name := plain(param); name == "currentpage" || name == "number" {
				param = "page"
			}
			return []Finding{{Setting: Setting{Kind: Page, Param: param, In: a.place(), Start: &start},
				Evidence: "the answer is page " + strconv.FormatInt(n, 10) + " of " + strconv.FormatInt(total, 10)}}
		}
	}
	start := 1
	return []Finding{{Setting: Setting{Kind: Page, Param: "page", In: a.place(), Start: &start}, Evidence: "the answer is one of " + strconv.FormatInt(total, 10) + " pages"}}
}

// numbered returns a parameter of the request with one of the names and a whole
// number, and where it stands.
func numbered(a Answer, names ...string) (name string, n int, in string, ok bool) {
	query := queryOf(a.URL)
	keys := make([]string, 0, len(query))
	for k := range query {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if n, err := strconv.Atoi(query.Get(k)); err == nil && n >= 0 && slices.Contains(names, plain(k)) {
			return k, n, "", true
		}
	}
	for _, f := range bodyFields(a.Body) {
		if n, ok := number(f.Raw); ok && n <= math.MaxInt32 && slices.Contains(names, plain(lastKey(f.Path))) {
			return f.Path, int(n), "body", true
		}
	}
	return "", 0, "", false
}
