package evil

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/httpsource"
)

// A pager is a kind of paging: how the source reads which page is meant, and
// how it names the next one.
type pager struct {
	name    string
	family  string // "url", "cursor", "page", "offset" or "last"
	setting string // as a person sets it; empty: it has to be found
	method  string
	fields  string
	path    string
	in      string // where the request says what it wants: "query", "json" or "form"
	param   string
	out     string // where the answer names the next page: "body", "header" or "link"
}

// An ending is a way in which a source ends, or fails to.
type ending struct {
	name     string
	families string                                   // those it applies to
	want     Want                                     // for next URLs, links and tokens
	counted  Want                                     // for page numbers and offsets
	next     func(n int) (text string, there bool)    // the token after page n; nil: 1, 2 and then none
	page     func(s *Source, n, offset int) string    // the records of page n; nil: 10, 10, 5 and then none
	beside   func(n int, offset int) string           // more members of the answer
	first    func(w http.ResponseWriter, text string) // for page two, once
	always   bool                                     // first is for every time, and for every page but one
	after    int                                      // status behind the last page; 0: an empty page
}

// Paging is the conformance table: every kind of paging with every way of
// ending that applies to it. The group is the kind.
func Paging() []Behaviour {
	var list []Behaviour
	for _, p := range pagers() {
		for _, e := range endings() {
			if !slices.Contains(strings.Fields(e.families), p.family) && !slices.Contains(strings.Fields(e.families), p.name) {
				continue
			}
			want := e.want
			if p.counted() {
				want = e.counted
			}
			b := Behaviour{Group: p.name, Name: e.name, Method: p.method, Path: p.path, Fields: p.fields, Want: want, http: p.serve(e)}
			if p.setting != "" {
				b.Options = `"pagination":` + p.setting
			}
			if p.method == "POST" {
				b.Options = strings.TrimPrefix(b.Options+`,"retry":{"safe":true}`, ",")
			}
			list = append(list, b)
		}
	}
	return list
}

func (p pager) counted() bool { return p.out == "" }

func pagers() []pager {
	post := `"body":{"type":"raw","contentType":"application/json","content":"{\"q\":\"x\",\"limit\":10}"}`
	form := `"body":{"type":"x-www-form-urlencoded","parameters":{"q":"x"}}`
	return []pager{
		{name: "next-url", family: "url", setting: `{"kind":"next_url","path":"paging.next"}`, in: "query", param: "at", out: "body"},
		{name: "next-url-auto", family: "url", in: "query", param: "at", out: "body"},
		{name: "link", family: "url", setting: `"link_header"`, in: "query", param: "at", out: "link"},
		{name: "link-auto", family: "url", in: "query", param: "at", out: "link"},
		{name: "cursor-query", family: "cursor", setting: `{"kind":"cursor","path":"paging.next_cursor","param":"cursor"}`, in: "query", param: "cursor", out: "body"},
		{name: "cursor-auto", family: "cursor", in: "query", param: "cursor", out: "body"},
		{name: "cursor-header", family: "cursor", setting: `{"kind":"cursor","path":"X-Next-Cursor","param":"cursor","in":"header"}`, in: "query", param: "cursor", out: "header"},
		{name: "cursor-post", family: "cursor", setting: `{"kind":"cursor","path":"paging.next_cursor","param":"cursor","in":"body"}`, method: "POST", fields: post, in: "json", param: "cursor", out: "body"},
		{name: "cursor-form", family: "cursor", setting: `{"kind":"cursor","path":"paging.next_cursor","param":"cursor","in":"body"}`, method: "POST", fields: form, in: "form", param: "cursor", out: "body"},
		{name: "cursor-header-auto", family: "cursor", in: "query", param: "cursor", out: "header"},
		{name: "cursor-post-auto", family: "cursor", method: "POST", fields: post, in: "json", param: "cursor", out: "body"},
		{name: "last-row", family: "last", setting: `{"kind":"last_row","path":"id","param":"starting_after"}`, in: "query", param: "starting_after"},
		{name: "last-row-auto", family: "last", path: "/?starting_after=", in: "query", param: "starting_after"},
		{name: "last-row-post", family: "last", setting: `{"kind":"last_row","path":"id","param":"starting_after","in":"body"}`, method: "POST", fields: post, in: "json", param: "starting_after"},
		{name: "page-query", family: "page", setting: `{"kind":"page","param":"page"}`, in: "query", param: "page"},
		{name: "page-auto", family: "page", path: "/?page=1", in: "query", param: "page"},
		{name: "page-post", family: "page", setting: `{"kind":"page","param":"page","in":"body"}`, method: "POST", fields: post, in: "json", param: "page"},
		{name: "page-form", family: "page", setting: `{"kind":"page","param":"page","in":"body"}`, method: "POST", fields: form, in: "form", param: "page"},
		{name: "offset-query", family: "offset", setting: `{"kind":"offset","param":"offset"}`, in: "query", param: "offset"},
		{name: "offset-auto", family: "offset", path: "/?offset=0&limit=10", in: "query", param: "offset"},
		{name: "offset-post", family: "offset", setting: `{"kind":"offset","param":"offset","in":"body"}`, method: "POST", fields: post, in: "json", param: "offset"},
	}
}

func endings() []ending {
	complete, unverified := Want{State: httpsource.Complete}, Want{State: httpsource.CompleteUnverified}
	matched := Want{State: httpsource.Complete, Reason: "total-matched"}
	fewer, again, repeated := fails("incomplete-fewer-than-total"), fails("incomplete-repeated-token"), fails("incomplete-repeated-page")
	const tokens, counts, all = "url cursor", "page offset last", "url cursor page offset last"
	always := func(n int) (string, bool) { return fmt.Sprint(n + 1), true }
	fixed := func(list ...string) func(int) (string, bool) {
		return func(n int) (string, bool) { return list[min(n, len(list)-1)], true }
	}
	total := func(f func(n int) int) func(int, int) string {
		return func(n, _ int) string { return fmt.Sprintf(`"total":%d`, f(n)) }
	}
	status := func(code int) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, _ string) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(code)
		}
	}
	return []ending{
		{name: "token missing", families: tokens, want: complete},
		{name: "token null", families: "next-url next-url-auto cursor-query cursor-auto cursor-post cursor-form", want: complete, next: fixed("1", "2", "null")},
		{name: "token empty", families: "next-url next-url-auto cursor", want: complete, next: fixed("1", "2", "")},
		{name: "empty page", families: all, want: Want{State: httpsource.CompleteUnverified, Reason: "empty-page"}, counted: Want{State: httpsource.CompleteUnverified, Reason: "empty-page"}, next: always},
		{name: "has_more=false", families: "next-url next-url-auto cursor page offset last", want: Want{State: httpsource.Complete, Reason: "has-more-false"}, counted: Want{State: httpsource.Complete, Reason: "has-more-false"}, next: always,
			beside: func(n, _ int) string { return fmt.Sprintf(`"has_more":%v`, n < 2) }},
		{name: "has_more=false, and a link", families: "link link-auto", want: Want{State: httpsource.CompleteUnverified, Reason: "empty-page"}, next: always,
			beside: func(n, _ int) string { return fmt.Sprintf(`"has_more":%v`, n < 2) }},
		{name: "total reached", families: all, want: matched, counted: matched, beside: total(func(int) int { return 25 })},
		{name: "total pages reached", families: "page", counted: Want{State: httpsource.Complete, Reason: "last-page"}, beside: func(int, int) string { return `"total_pages":3` }},
		{name: "total not reached", families: all, want: fewer, counted: fewer, beside: total(func(int) int { return 100 })},
		{name: "total=-1", families: all, want: complete, counted: unverified, beside: total(func(int) int { return -1 })},
		{name: "total grows", families: all, want: matched, counted: matched, beside: total(func(n int) int { return []int{15, 22, 25, 25}[min(n, 3)] })},
		{name: "short page in the middle", families: all, want: complete, counted: unverified, page: func(s *Source, n, offset int) string {
			if offset >= 0 {
				size := 10
				if offset == 10 {
					size = 3
				}
				return s.rows(min(offset, 25), min(offset+size, 25))
			}
			cut := []int{0, 10, 13, 25}
			if n > 2 {
				return "[]"
			}
			return s.rows(cut[n], cut[n+1])
		}},
		{name: "empty page in the middle", families: tokens, want: complete, next: fixed("1", "2", "3", ""), page: func(s *Source, n, _ int) string {
			return []string{s.rows(0, 10), "[]", s.rows(10, 20), s.rows(20, 25)}[min(n, 3)]
		}},
		{name: "empty page before the total", families: counts, counted: fewer, beside: total(func(int) int { return 25 }), page: func(s *Source, n, offset int) string {
			if n == 0 && offset <= 0 {
				return s.rows(0, 10)
			}
			return "[]"
		}},
		{name: "repeated token", families: tokens, want: again, next: fixed("1", "1")},
		{name: "A-B-A", families: tokens, want: again, next: fixed("1", "2", "1")},
		{name: "last page repeated", families: "url cursor page offset", want: repeated, counted: repeated, next: always, page: func(s *Source, n, offset int) string {
			if offset >= 0 {
				n = offset / 10
			}
			return s.page(min(n, 2))
		}},
		{name: "the parameter is ignored", families: "cursor-query cursor-header cursor-post cursor-form page-query page-post page-form offset-query offset-post last-row last-row-post", want: repeated, counted: repeated, next: always,
			page: func(s *Source, _, _ int) string { return s.page(0) }},
		{name: "next at another host", families: "url", want: fails("incomplete-next-url-other-origin"), next: fixed("http://other.invalid/?at=1")},
		{name: "next relative to the host", families: "url", want: complete, next: relative("//HOST/?at=", "")},
		{name: "next relative to the root", families: "url", want: complete, next: relative("/?at=", "")},
		{name: "next is a query", families: "url", want: complete, next: relative("?at=", "")},
		{name: "next with a fragment", families: "url", want: complete, next: relative("?at=", "#top")},
		{name: "429 midway", families: all, want: complete, counted: unverified, first: status(429)},
		{name: "503 midway", families: all, want: complete, counted: unverified, first: status(503)},
		{name: "400 midway", families: "url cursor-query cursor-header cursor-post cursor-form page-query page-post page-form offset-query offset-post last-row last-row-post", want: fails("upstream-status"), counted: fails("upstream-status"), first: status(400)},
		{name: "400 for a guess", families: "cursor-auto cursor-header-auto page-auto offset-auto last-row-auto", want: fails("incomplete-cursor-parameter-unknown"),
			counted: Want{State: httpsource.CompleteUnverified, Alarm: "refused"}, first: status(400), always: true},
		{name: "reset midway", families: all, want: complete, counted: unverified, first: func(w http.ResponseWriter, text string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			write(w, text[:len(text)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{name: "404 behind the last", families: "page offset", counted: Want{State: httpsource.CompleteUnverified, Reason: "no-such-page"}, after: 404},
	}
}

// relative spells the next URL with something before and behind its number.
func relative(before, behind string) func(int) (string, bool) {
	return func(n int) (string, bool) { return before + fmt.Sprint(n+1) + behind, n < 2 }
}

// serve answers the way that p pages and e ends.
func (p pager) serve(e ending) func(http.ResponseWriter, *http.Request, *Source) {
	failed := make(chan struct{}, 1)
	return func(w http.ResponseWriter, r *http.Request, s *Source) {
		n, offset := p.asked(r)
		if p.method == "POST" && !p.kept(r) {
			http.Error(w, "the body of the request changed", http.StatusTeapot)
			return
		}
		if n > 0 && e.always {
			e.first(w, "")
			return
		}
		rows := p.rows(e, s, n, offset)
		if rows == "[]" && e.after != 0 {
			w.WriteHeader(e.after)
			return
		}
		text := p.text(w, e, s, n, offset, rows)
		if n == 1 && e.first != nil {
			select {
			case failed <- struct{}{}:
				e.first(w, text)
				return
			default:
			}
		}
		write(w, text)
	}
}

// asked reads which page, from 0, is wanted, or which record; offset is -1 for
// kinds that name pages.
func (p pager) asked(r *http.Request) (n, offset int) {
	text := r.URL.Query().Get(p.param)
	body, _ := io.ReadAll(r.Body) // a broken request is seen by kept
	switch p.in {
	case "json":
		var in map[string]json.RawMessage
		_ = json.Unmarshal(body, &in)
		text = strings.Trim(string(in[p.param]), `"`)
	case "form":
		in, _ := url.ParseQuery(string(body))
		text = in.Get(p.param)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	value, _ := strconv.Atoi(text)
	switch p.family {
	case "page":
		return max(value, 1) - 1, -1
	case "offset":
		return value / 10, value
	case "last":
		if text != "" {
			value++
		}
		return value / 10, value
	}
	return value, -1
}

// kept reports whether the request still says what the person wrote.
func (p pager) kept(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost {
		return false
	}
	if p.in == "form" {
		in, err := url.ParseQuery(string(body))
		return err == nil && in.Get("q") == "x"
	}
	var in struct {
		Q     string
		Limit int
	}
	return json.Unmarshal(body, &in) == nil && in.Q == "x" && in.Limit == 10
}

func (p pager) rows(e ending, s *Source, n, offset int) string {
	switch {
	case e.page != nil:
		return e.page(s, n, offset)
	case offset >= 0:
		return s.rows(min(offset, 25), min(offset+10, 25))
	}
	return s.page(n)
}

// text writes the answer, and the header that names the next page.
func (p pager) text(w http.ResponseWriter, e ending, s *Source, n, offset int, rows string) string {
	members := []string{`"items":` + rows}
	if e.beside != nil {
		members = append(members, e.beside(n, offset))
	}
	if p.out != "" {
		next, there := fmt.Sprint(n+1), n < 2
		if e.next != nil {
			next, there = e.next(n)
		}
		if paging := p.next(w, s, next, there); paging != "" {
			members = append(members, `"paging":{`+paging+`}`)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// next names the next page where p does.
func (p pager) next(w http.ResponseWriter, s *Source, next string, there bool) string {
	if !there {
		return ""
	}
	plain := next == "" || next == "null"
	if p.family == "url" && !plain {
		switch {
		case strings.HasPrefix(next, "//HOST"):
			next = strings.TrimPrefix(s.Self, "http:") + strings.TrimPrefix(next, "//HOST")
		case !strings.ContainsAny(next, "/?"):
			next = s.Self + "/?at=" + next
		}
	}
	switch p.out {
	case "link":
		if !plain {
			w.Header().Set("Link", "<"+next+`>; rel="next"`)
		}
		return ""
	case "header":
		w.Header().Set("X-Next-Cursor", next)
		return ""
	}
	key := map[string]string{"url": "next", "cursor": "next_cursor"}[p.family]
	if next == "null" {
		return quote(key) + ":null"
	}
	return quote(key) + ":" + quote(next)
}
