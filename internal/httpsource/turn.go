package httpsource

import (
	"context"
	"errors"
	"net/http"

	"millwright/internal/errs"
	"millwright/internal/httpsource/paginate"
)

// A way is a page that was asked for and has begun to arrive.
type way struct {
	call   call
	loaded *loaded
}

// second decides how the source pages and goes to the second page. A guess is
// followed only if what it leads to differs from the first page.
func (f *fetch) second(ctx context.Context, c call, p facts) (paginate.Style, *way, error) {
	setting := f.spec.Options.Pagination
	a := p.answer(1, c, f.out.Records)
	if setting.Kind != "" && setting.Kind != paginate.Auto {
		f.out.Detected.Pagination = paginate.Finding{Setting: setting, Evidence: "set for this connection", Given: true, Verified: true}
		style := paginate.New(setting)
		w, err := f.next(ctx, c, style, p)
		return style, w, err
	}
	// While it is not known how the source pages there is no place to go on from.
	if err := f.endPage(p, ""); err != nil {
		return nil, nil, err
	}
	p.ended = true
	proposals := paginate.Propose(a)
	if len(proposals) == 0 {
		found, done := paginate.Finding{Setting: paginate.Setting{Kind: paginate.None}, Evidence: "nothing in the answer speaks of more pages"}, "one-answer"
		more, says := a.More()
		ended := says && !more
		if ended {
			found.Evidence, done = "the answer says that there is no more", "has-more-false"
		}
		f.out.Detected.Pagination = found
		f.finish(a, done, ended)
		return nil, nil, nil
	}
	for i, proposal := range proposals {
		proposal.Setting.CrossOrigin = setting.CrossOrigin
		f.out.Detected.Pagination = proposal
		style := paginate.New(proposal.Setting)
		w, err := f.next(ctx, c, style, p)
		last := i == len(proposals)-1
		if guess := isGuess(proposal.Setting.Kind); err != nil && guess && rejects(err) {
			if last {
				f.alarm("the second page was refused (" + errs.Public(f.clean(err)) + "); whether there is more is not known")
			}
			err = nil
		} else if err != nil || w == nil {
			return style, nil, err
		} else if !guess || f.differs(w.loaded, p) {
			f.out.Detected.Pagination.Verified = true
			return style, w, nil
		} else {
			f.drop(w.loaded)
		}
		f.stop()
		if last {
			f.unproven(a, proposal)
		}
	}
	return nil, nil, nil
}

// prove finds out how the source pages although no more records are wanted: the
// second page is asked for and let go of.
func (f *fetch) prove(ctx context.Context, c call, p facts) error {
	f.proving = true
	_, w, err := f.second(ctx, c, p)
	if w != nil {
		f.drop(w.loaded)
	}
	if err == nil && f.out.Verdict.State != Incomplete {
		f.limited("max-records", f.opt.MaxRecords, "records")
	}
	return err
}

// isGuess reports whether a way of paging rests on the name of a parameter that
// the source did not give.
func isGuess(k paginate.Kind) bool {
	return k == paginate.Cursor || k == paginate.LastRow || k.Numbered()
}

// rejects reports whether the source refused a guessed parameter.
func rejects(err error) bool {
	var r *answered
	return errors.As(err, &r) && r.status >= 400 && r.status < 500 && r.status != http.StatusTooManyRequests
}

// absent reports whether a page does not exist, which is how some sources end
// numbered pages.
func absent(err error) bool {
	var r *answered
	return errors.As(err, &r) && (r.status == http.StatusNotFound || r.status == http.StatusRequestedRangeNotSatisfiable)
}

// differs reports whether the page has other records than the one before. One
// that is too long to look at twice is believed.
func (f *fetch) differs(l *loaded, first facts) bool {
	if !l.whole {
		return true
	}
	sum, err := f.digest(l)
	return err != nil || sum != first.hash
}

// next ends the page, finds the way to the next one and loads it. It returns nil
// when the data ends, with the verdict made.
func (f *fetch) next(ctx context.Context, c call, style paginate.Style, p facts) (*way, error) {
	a := p.answer(int(f.out.Pages), c, f.out.Records)
	next, step, err := f.decide(a, c, style)
	if err != nil {
		return nil, err
	}
	place := ""
	if next != nil {
		place = f.place(step, next.url)
	}
	if err := f.endPage(p, place); err != nil || next == nil {
		return nil, err
	}
	f.plot(ctx, a, *next, style)
	l, err := f.obtain(ctx, *next)
	numbered := f.out.Detected.Pagination.Setting.Kind.Numbered()
	if err != nil && numbered && absent(err) {
		f.finish(a, "no-such-page", false)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if numbered && l.whole && a.Number > 1 {
		// Some sources give their last page again and again; it is not taken twice.
		if earlier := f.repeats(l); earlier > 0 {
			f.drop(l)
			f.repeated(a, a.Number+1, earlier)
			return nil, nil
		}
	}
	f.out.Status = l.answer.status
	return &way{*next, l}, nil
}

// decide finds the call for the next page. It returns nil when the data ends,
// with the verdict made.
func (f *fetch) decide(a paginate.Answer, c call, style paginate.Style) (*call, paginate.Step, error) {
	f.claims(a)
	if f.out.Verdict.RepeatedPages > 0 {
		f.finish(a, "repeated-page", false)
		return nil, paginate.Step{}, nil
	}
	if f.faulty != "" {
		f.incomplete("page-without-records", f.faulty, "try again later", "check what the source says in that place")
		return nil, paginate.Step{}, nil
	}
	step := style.Next(a)
	if step.Done == "" && a.Records == 0 && f.empties > maxEmpty {
		step = paginate.Step{Done: "empty-page"}
	}
	if step.Done == paginate.NoLastRow {
		f.incomplete(step.Done, "page "+itoa(a.Number)+" has no "+f.out.Detected.Pagination.Setting.Path+" in its last record to go on from",
			"set options.pagination.path to a value that every record has")
		return nil, step, nil
	}
	if step.Done != "" {
		f.finish(a, step.Done, step.Sure)
		return nil, step, nil
	}
	next, ok, err := f.follow(c, step)
	if err != nil || !ok {
		return nil, step, err
	}
	switch token := next.token(); {
	case f.opt.MaxPages > 0 && f.out.Pages >= f.opt.MaxPages:
		f.limited("max-pages", f.opt.MaxPages, "pages")
	case f.opt.MaxRecords > 0 && f.out.Records >= f.opt.MaxRecords && !f.proving:
		f.limited("max-records", f.opt.MaxRecords, "records")
	case f.tokens[token]:
		f.incomplete("repeated-token", "page "+itoa(a.Number)+" leads back to a page that was fetched before", "report it to the source", "set options.pagination for this connection")
	default:
		f.tokens[token] = true
		return &next, step, nil
	}
	return nil, step, nil
}

// endPage tells the sink that a page ended and where to go on from there.
func (f *fetch) endPage(p facts, place string) error {
	if p.ended {
		return nil
	}
	if err := f.sink.EndPage(PageEnd{Number: p.number, Records: p.records, Bytes: p.bytes, Next: place}); err != nil {
		return fromSink{err}
	}
	return nil
}

// maxEmpty is how many empty pages in a row are followed when the source says
// that there is more: filters give such pages.
const maxEmpty = 3

// follow makes the call of a step. It reports false, with the verdict made, if
// the step may not be taken.
func (f *fetch) follow(c call, step paginate.Step) (call, bool, error) {
	if step.URL == "" {
		next, err := c.step(step)
		return next, err == nil, err
	}
	u, err := c.url.Parse(step.URL)
	if err != nil || !fetchable(u) {
		f.incomplete("next-url-invalid", "the next URL that the source gives cannot be fetched", "report it to the source", "set options.pagination for this connection")
		return c, false, nil
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = printable(u.RawQuery)
	u.User = f.login
	// Behind a proxy many sources write http:// into links to themselves.
	if c.url.Scheme == "https" && u.Scheme == "http" && u.Port() == "" && u.Hostname() == c.url.Hostname() && c.url.Port() == "" {
		u.Scheme = "https"
	}
	own := originOf(u) == f.origin
	if !own {
		u.User = nil
		if !f.spec.Options.Pagination.CrossOrigin {
			f.incomplete("next-url-other-origin", "the next page is at another origin, "+originOf(u),
				"check that it belongs to the source, then set options.pagination.cross_origin to true; credentials are not sent there")
			return c, false, nil
		}
		if c.body != nil {
			f.incomplete("next-url-other-origin", "the next page is at another origin, "+originOf(u)+", to which the request's body is not sent", "use GET if the source allows it")
			return c, false, nil
		}
	}
	c.url, c.own = u, own
	return c, true, nil
}
