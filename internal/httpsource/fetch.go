package httpsource

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A fetch is the state of one Fetch.
type fetch struct {
	client *Client
	spec   Spec
	opt    Options
	sink   Sink
	limits Limits
	redact secret.Redactor
	origin string
	login  *url.Userinfo

	out     Outcome
	plan    decode.Plan
	planned bool // the plan is settled
	hash    maphash.Hash
	pages   map[uint64]int  // hash of a page's records -> its number
	tokens  map[string]bool // ways to a next page that were taken
	longest int64           // records of the longest page
	short   bool            // the page before was shorter than the longest
	empties int             // empty pages in a row
	samples int             // bytes in out.Sample
	hidden  int64           // records in which a secret was hidden
	single  bool            // the answer is one object
	total   claim
}

// A claim is how many records the source says there are.
type claim struct {
	n    int64
	from string
}

// Fetch asks for every page of spec and gives the records to sink. A test is a
// Fetch with small Options: there is no other path.
//
// It returns an error if a page could not be had or read, and also if records
// are missing at the end, unless the spec says to warn only; the Outcome holds
// what was known by then and, after the last page, the verdict. Canceling ctx
// breaks the connection at once. No error or outcome holds a secret of spec.
func (c *Client) Fetch(ctx context.Context, spec Spec, opt Options, sink Sink) (Outcome, error) {
	f := &fetch{
		client: c, spec: spec, opt: opt, sink: sink, limits: c.cfg.Limits.with(spec.Options.Limits),
		redact: spec.redactor(), origin: spec.Origin(), pages: map[uint64]int{}, tokens: map[string]bool{},
	}
	f.opt.MaxPages = lesser(opt.MaxPages, spec.Options.Limits.Pages)
	f.opt.MaxRecords = lesser(opt.MaxRecords, spec.Options.Limits.Records)
	f.opt.HeadBytes = min(opt.HeadBytes, 64<<10)
	f.hash.SetSeed(maphash.MakeSeed())
	start := c.cfg.Now()
	err := f.run(ctx)
	f.out.Duration = c.cfg.Now().Sub(start)
	var own fromSink
	if errors.As(err, &own) {
		return f.out, own.error
	}
	if err == nil && f.out.Verdict.State == Incomplete && !spec.Options.WarnOnly {
		err = errs.New(errs.Upstream, "the records are not complete: %s", f.out.Verdict.Message).Named("incomplete-" + f.out.Verdict.Reason).
			Fix(f.out.Verdict.Fixes...).Fix(`or set options.on_partial to "warn" to keep what was received`)
	}
	return f.out, f.clean(err)
}

// fromSink marks an error of the caller's own sink.
type fromSink struct{ error }

// lesser is the smaller of two limits of which 0 is none.
func lesser(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// run fetches page after page.
func (f *fetch) run(ctx context.Context) error {
	c, err := f.firstCall()
	if err != nil {
		return err
	}
	f.login = c.url.User
	f.tokens[c.token()] = true
	l, err := f.load(ctx, c)
	if err != nil {
		return err
	}
	f.first(l)
	if f.bodyless(l.answer) {
		f.drop(l)
		f.out.Pages = 1
		f.end(Complete, "no-body", "the answer has no body by its nature")
		return nil
	}
	var style paginate.Style
	w := &way{c, l}
	for n := 1; w != nil; n++ {
		p, err := f.deliver(w.loaded, n)
		f.drop(w.loaded)
		if err != nil {
			return err
		}
		if p.enough {
			f.limited("max-records", f.opt.MaxRecords, "records")
			return nil
		}
		if n == 1 {
			style, w, err = f.second(ctx, c, p)
		} else {
			w, err = f.next(ctx, w.call, style, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// first notes what the first answer shows about the source.
func (f *fetch) first(l *loaded) {
	f.out.ContentType = l.answer.header.Get("Content-Type")
	f.out.Header = f.publicHeader(l.answer.header)
	f.keepHead(l.head, !l.whole)
	if l.body != nil {
		f.out.Detected.Content = l.body.Content
	}
	if !l.answer.framed {
		f.alarm("the source does not say where its answer ends, so a cut at the end of a record would not show")
	}
	if l.answer.status == http.StatusPartialContent {
		f.alarm("206: the source calls its answer partial")
	}
}

func (f *fetch) keepHead(head []byte, more bool) {
	n := min(len(head), f.opt.HeadBytes)
	f.out.HeadCut = more || n < len(head)
	// A margin keeps a secret that the cut falls into whole until it is hidden.
	text := f.redact.Redact(string(head[:min(len(head), n+8<<10)]))
	f.out.Head = []byte(strings.ToValidUTF8(text[:min(len(text), n)], ""))
}

func (f *fetch) bodyless(a *answer) bool {
	if f.spec.Method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusResetContent {
		return true
	}
	return f.spec.Method == http.MethodOptions && a.length == 0
}

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
	proposals := paginate.Propose(a)
	if len(proposals) == 0 {
		f.out.Detected.Pagination = paginate.Finding{Setting: paginate.Setting{Kind: paginate.None}, Evidence: "nothing in the answer speaks of more pages"}
		f.finish(a, "one-answer", false)
		return nil, nil, nil
	}
	for i, proposal := range proposals {
		proposal.Setting.CrossOrigin = setting.CrossOrigin
		f.out.Detected.Pagination = proposal
		style := paginate.New(proposal.Setting)
		w, err := f.next(ctx, c, style, p)
		if guess := isGuess(proposal.Setting.Kind); err != nil && guess && rejects(err) {
			err = nil
		} else if err != nil || w == nil {
			return style, nil, err
		} else if !guess || f.differs(w.loaded, p) {
			f.out.Detected.Pagination.Verified = true
			return style, w, nil
		} else {
			f.drop(w.loaded)
		}
		if i == len(proposals)-1 {
			f.unproven(a, proposal)
		}
	}
	return nil, nil, nil
}

// isGuess reports whether a way of paging rests on the name of a parameter that
// the source did not give.
func isGuess(k paginate.Kind) bool {
	return k == paginate.Cursor || k == paginate.Page || k == paginate.Offset
}

// rejects reports whether the source refused a guessed parameter.
func rejects(err error) bool {
	var r *rejected
	return errors.As(err, &r) && r.status >= 400 && r.status < 500 && r.status != http.StatusTooManyRequests
}

// absent reports whether a page does not exist, which is how some sources end
// numbered pages.
func absent(err error) bool {
	var r *rejected
	return errors.As(err, &r) && (r.status == http.StatusNotFound || r.status == http.StatusRequestedRangeNotSatisfiable)
}

// differs reports whether the page has other records than the one before. One
// that is too long to look at twice is believed.
func (f *fetch) differs(l *loaded, first facts) bool {
	if !l.whole {
		return true
	}
	sum, _, err := f.digest(l)
	return err != nil || sum != first.hash
}

// next finds the way from a page to the next one and loads it. It returns nil
// when the data ends, with the verdict made.
func (f *fetch) next(ctx context.Context, c call, style paginate.Style, p facts) (*way, error) {
	n := int(f.out.Pages)
	a := p.answer(n, c, f.out.Records)
	if f.out.Verdict.RepeatedPages > 0 {
		f.finish(a, "repeated-page", false)
		return nil, nil
	}
	step := style.Next(a)
	if step.Done == "" && p.records == 0 && f.empties > maxEmpty {
		step = paginate.Step{Done: "empty-page"}
	}
	if step.Done != "" {
		f.finish(a, step.Done, step.Sure)
		return nil, nil
	}
	next, ok, err := f.follow(c, step)
	if err != nil || !ok {
		return nil, err
	}
	if f.opt.MaxPages > 0 && f.out.Pages >= f.opt.MaxPages {
		f.limited("max-pages", f.opt.MaxPages, "pages")
		return nil, nil
	}
	if f.opt.MaxRecords > 0 && f.out.Records >= f.opt.MaxRecords {
		f.limited("max-records", f.opt.MaxRecords, "records")
		return nil, nil
	}
	token := next.token()
	if f.tokens[token] {
		f.incomplete("repeated-token", "page "+itoa(n)+" leads back to a page that was fetched before", "report it to the source", "set options.pagination for this connection")
		return nil, nil
	}
	f.tokens[token] = true
	if err := f.courtesy(ctx, p.header); err != nil {
		return nil, err
	}
	l, err := f.load(ctx, next)
	if kind := f.out.Detected.Pagination.Setting.Kind; err != nil && (kind == paginate.Page || kind == paginate.Offset) && absent(err) {
		f.finish(a, "no-such-page", false)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if counted := f.out.Detected.Pagination.Setting.Kind; (counted == paginate.Page || counted == paginate.Offset) && l.whole && n > 1 {
		// Some sources give their last page again and again; it is not taken twice.
		if sum, rows, err := f.digest(l); err == nil && rows > 0 && f.pages[sum] > 0 {
			f.drop(l)
			f.repeated(a, n+1, f.pages[sum])
			return nil, nil
		}
	}
	return &way{next, l}, nil
}

// maxEmpty is how many empty pages in a row are followed when the source says
// that there is more: filters give such pages.
const maxEmpty = 3

// follow makes the call of a step. It reports false, with the verdict made, if
// the step may not be taken.
func (f *fetch) follow(c call, step paginate.Step) (call, bool, error) {
	if step.URL == "" {
		next, err := c.with(step.Param, step.Value, step.In, step.Text)
		if err == nil && step.SizeParam != "" {
			next, err = next.with(step.SizeParam, step.Size, step.In, false)
		}
		return next, err == nil, err
	}
	u, err := c.url.Parse(step.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
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

// clean takes the secrets of the spec out of an error.
func (f *fetch) clean(err error) error {
	e, ok := errs.Find(err)
	if !ok {
		if err == nil {
			return nil
		}
		return errs.New(errs.Internal, "fetching failed").Because(errors.New(f.redact.Redact(err.Error())))
	}
	c := *e
	c.Msg = f.redact.Redact(e.Msg)
	c.Fixes = nil
	for _, fix := range e.Fixes {
		c.Fixes = append(c.Fixes, f.redact.Redact(fix))
	}
	if e.Cause != nil && !errors.Is(e.Cause, context.Canceled) && !errors.Is(e.Cause, context.DeadlineExceeded) {
		c.Cause = errors.New(f.redact.Redact(e.Cause.Error()))
	}
	return &c
}

// publicHeader is a header for people: secret-looking values are hidden.
func (f *fetch) publicHeader(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		for _, v := range values {
			switch {
			case secret.LooksSecret(name) && name != "Www-Authenticate":
				v = secret.Hidden
			case name == "Location" || name == "Link" || name == "Content-Location":
				v = publicURL(v, f.redact)
			}
			out.Add(name, clip(f.redact.Redact(v), 2000))
		}
	}
	return out
}

func (f *fetch) alarm(text string) {
	f.out.Verdict.Alarms = append(f.out.Verdict.Alarms, f.redact.Redact(text))
}
