package httpsource

import (
	"fmt"
	"slices"

	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/paginate"
)

// tally counts a page for the verdict.
func (f *fetch) tally(p facts, number int) {
	v := &f.out.Verdict
	if p.records == 0 {
		v.EmptyPages++
		f.empties++
		return
	}
	f.empties = 0
	if f.short {
		v.ShortPages++
	}
	f.short = p.records < f.longest
	if earlier, again := f.pages[p.hash]; again {
		v.RepeatedPages++
		f.alarm(fmt.Sprintf("page %d has the same records as page %d", number, earlier))
	} else {
		f.pages[p.hash] = number
	}
	f.longest = max(f.longest, p.records)
}

// finish makes the verdict when a style says that the data ends.
func (f *fetch) finish(a paginate.Answer, done string, sure bool) {
	f.claims(a)
	if f.proving {
		return // the records that were left out are not missing
	}
	records := f.out.Records
	if f.out.Verdict.RepeatedPages > 0 {
		f.incomplete("repeated-page", fmt.Sprintf("%d pages have the records of an earlier page", f.out.Verdict.RepeatedPages),
			"set options.pagination for this connection", "report it to the source")
		return
	}
	if f.single && f.out.Pages == 1 {
		if where := faultInRow(f.last); where != "" {
			f.alarm(fmt.Sprintf("%d, but the answer looks like an error (%s)", f.out.Status, where))
		}
		f.end(Complete, "one-object", "the answer is one object")
		return
	}
	none := f.spec.Options.Pagination.Kind == paginate.None
	more, says := a.More()
	switch seen := records + f.skipped(); {
	case f.comparable() && f.total.from != "" && seen == f.total.n:
		f.end(Complete, "total-matched", fmt.Sprintf("all %d records that the source claims (%s) arrived", f.total.n, f.total.from))
	case f.comparable() && f.total.from != "" && seen < f.total.n && !none:
		f.incomplete("fewer-than-total", fmt.Sprintf("the source claims %d records (%s), and %d arrived on %d pages", f.total.n, f.total.from, records, f.out.Pages),
			"set options.pagination for this connection to the way in which the source pages",
			`if that number means something else, set options.pagination to "none"`)
	case says && more && !none:
		f.incomplete("more-announced", "the source says that there is more, and names no way to it",
			"set options.pagination for this connection to the way in which the source pages")
	case sure:
		f.end(Complete, done, "the source said that its data ends here")
	default:
		f.end(CompleteUnverified, done, fmt.Sprintf("%d records on %d pages; the source names no total to compare with", records, f.out.Pages))
	}
	if f.comparable() && f.total.from != "" && records > f.total.n {
		f.alarm(fmt.Sprintf("%d records arrived, more than the %d that the source claims", records, f.total.n))
	}
	f.suspicions(done)
}

// skipped is how many records a person's own offset leaves out.
func (f *fetch) skipped() int64 {
	if s := f.out.Detected.Pagination.Setting; s.Kind == paginate.Offset && s.Start != nil {
		return int64(*s.Start)
	}
	return 0
}

// comparable reports whether rows can be counted against the source's total.
func (f *fetch) comparable() bool {
	s := f.out.Detected.Pagination.Setting
	fromLater := s.Kind == paginate.Page && s.Start != nil && *s.Start > 1
	return f.plan.Path.Plain() && f.plan.Shape.OnePerElement() && !fromLater && !f.single
}

// claims notes the total that the source names. A later page counts if it names
// it in the same place: a growing total is compared at its last value.
func (f *fetch) claims(a paginate.Answer) {
	n, from, ok := paginate.Total(a)
	if !ok || f.total.from != "" && f.total.from != from {
		return
	}
	// A source that goes on behind the last record may count only what is left:
	// with what came before that is the claim of the first page.
	if f.total.from != "" && n < f.total.n && n+a.Seen-a.Records == f.total.n {
		return
	}
	f.total = claim{n, from}
	f.out.Verdict.TotalClaimed, f.out.Verdict.TotalFrom = &n, from
}

// suspicions are alarms about data that looks complete.
func (f *fetch) suspicions(done string) {
	n := f.out.Records
	round := []int64{10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000}
	if f.out.Verdict.State == CompleteUnverified && f.out.Pages == 1 && done == "one-answer" && slices.Contains(round, n) {
		f.alarm(fmt.Sprintf("exactly %d records: this may be one page of more; look for paging in the API's documentation", n))
	}
	if n == 0 && f.out.Status == 200 {
		text := "200 but empty: are the parameters right?"
		if f.spec.Auth.Kind != "" && f.spec.Auth.Kind != auth.None {
			text = "200 but empty: is the token accepted? Some sources answer callers they do not know with an empty list"
		}
		f.alarm(text)
	}
	if f.hidden > 0 {
		f.alarm(fmt.Sprintf("the source echoes a secret of this connection; it was hidden in %d records", f.hidden))
	}
}

// repeated ends numbered pages that start over.
func (f *fetch) repeated(a paginate.Answer, page, earlier int) {
	f.claims(a)
	if f.comparable() && f.total.from != "" && f.out.Records+f.skipped() == f.total.n {
		f.finish(a, "repeated-page", false)
		return
	}
	f.out.Verdict.RepeatedPages++
	f.incomplete("repeated-page", fmt.Sprintf("page %d has the same records as page %d and was not taken", page, earlier),
		"set options.pagination for this connection", "report it to the source")
}

// unproven makes the verdict when no guess about the next page led to one.
func (f *fetch) unproven(a paginate.Answer, last paginate.Finding) {
	f.out.Detected.Pagination = paginate.Finding{Setting: paginate.Setting{Kind: paginate.None},
		Evidence: last.Evidence + ", but asking so gives the first page again"}
	if last.Setting.Kind == paginate.Cursor {
		f.incomplete("cursor-parameter-unknown", "the source gives a token for the next page ("+last.Setting.Path+"), and the parameter that takes it is not known",
			`set options.pagination to {"kind":"cursor","path":"`+last.Setting.Path+`","param":"..."} with the parameter from the API's documentation`)
		return
	}
	f.finish(a, "one-answer", false)
}

func (f *fetch) limited(reason string, limit int64, what string) {
	f.end(Limited, reason, fmt.Sprintf("stopped at the limit of %d %s", limit, what))
}

func (f *fetch) incomplete(reason, message string, fixes ...string) {
	f.end(Incomplete, reason, message)
	f.out.Verdict.Fixes = fixes
}

func (f *fetch) end(state State, reason, message string) {
	v := &f.out.Verdict
	v.State, v.Reason, v.Message = state, reason, f.redact.Redact(message)
	v.Pages, v.Records = f.out.Pages, f.out.Records
}
