package httpsource

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A fetch is the state of one Fetch. Its methods run on one goroutine; what it
// shares with others is in its asker and in ahead.
type fetch struct {
	*asker
	opt  Options
	sink Sink

	out      Outcome
	plan     decode.Plan
	planned  bool // the plan is settled
	hash     maphash.Hash
	pages    map[uint64]int  // hash of a page's records -> its number
	openings map[uint64]bool // hashes of the first records of pages
	opening  bool            // the next record is the first of its page
	tokens   map[string]bool // ways to a next page that were taken
	longest  int64           // records of the longest page
	short    bool            // the page before was shorter than the longest
	empties  int             // empty pages in a row
	samples  int             // bytes in out.Sample
	hidden   int64           // records in which a secret was hidden
	single   bool            // the answer is one object
	last     []byte          // the last record of the page, if paging may need it
	over     int64           // records of the first page beyond MaxRecords, looked at only
	looked   int             // their bytes
	proving  bool            // page two is fetched only to prove how the source pages
	faulty   string          // a page that speaks of an error in place of records
	total    claim
	ahead    ahead
	earlier  bookmark // what an earlier Fetch has done
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
	start := c.cfg.Now()
	whole, looked, err := spec.resolve(ctx, opt.Secrets)
	if err != nil {
		return Outcome{}, err
	}
	ask, leave, err := c.asker(whole, looked, opt)
	if err != nil {
		return Outcome{}, err
	}
	defer leave()
	f := &fetch{asker: ask, opt: opt, sink: sink, pages: map[uint64]int{}, openings: map[uint64]bool{}, tokens: map[string]bool{}}
	f.opt.MaxPages = lesser(opt.MaxPages, whole.Options.Limits.Pages)
	f.opt.MaxRecords = lesser(opt.MaxRecords, whole.Options.Limits.Records)
	f.opt.HeadBytes = min(opt.HeadBytes, 64<<10)
	f.hash.SetSeed(maphash.MakeSeed())
	err = f.run(ctx)
	f.stop()
	f.sum(c.cfg.Now().Sub(start))
	var own fromSink
	if errors.As(err, &own) {
		return f.out, own.error
	}
	if err == nil && f.out.Verdict.State == Incomplete && !whole.Options.WarnOnly {
		err = errs.New(errs.Upstream, "the records are not complete: %s", f.out.Verdict.Message).Named("incomplete-" + f.out.Verdict.Reason).
			Fix(f.out.Verdict.Fixes...).Fix(`or set options.on_partial to "warn" to keep what was received`)
	}
	f.failed(err)
	err = f.clean(err)
	f.suggest(err)
	return f.out, err
}

// asker prepares the sending of requests; looked are the secrets that were put in
// by name. The caller ends it with leave.
func (c *Client) asker(spec Spec, looked []secret.String, opt Options) (a *asker, leave func(), err error) {
	a = &asker{
		client: c, spec: spec, limits: c.cfg.Limits.with(spec.Options.Limits), origin: spec.Origin(), caller: spec.caller(),
		attempts: firstOf(opt.Attempts, firstOf(spec.Options.Retry.Attempts, 5)),
	}
	a.proof = c.provers.get(a.caller, spec.Auth)
	a.redact = newRedaction(append(spec.Secrets(), looked...), a.proof.Secrets)
	if a.doors, err = c.doors(spec.Options.TLS); err != nil {
		return nil, nil, err
	}
	host := ""
	if u, err := url.Parse(spec.URL.Reveal()); err == nil {
		host = strings.ToLower(u.Host)
		a.login = u.User
	}
	var out func()
	a.bucket, out = c.paces.enter(host, spec.Options.Rate)
	return a, func() { out(); a.doors.close() }, nil
}

// sum adds up what the Fetch cost.
func (f *fetch) sum(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.Duration, f.out.Latency, f.out.Requests = took, f.latency, f.sent
	f.out.Bytes, f.out.DecodedBytes = f.bytes+f.earlier.Bytes, f.decoded+f.earlier.Decoded
	if f.opt.Resume != "" {
		f.out.Detected.ResponsePath = f.earlier.Path
	}
	f.out.Rotated = auth.Rotated(f.proof, f.spec.Auth.OAuth2)
}

// failed notes the answer that ended the Fetch.
func (f *fetch) failed(err error) {
	var r *answered
	if !errors.As(err, &r) {
		return
	}
	f.out.Status = r.status
	if f.out.Pages == 0 {
		f.out.Header, f.out.ContentType = f.publicHeader(r.header), r.header.Get("Content-Type")
		f.keepHead(r.head, false)
	}
}

// say tells the sink why nothing happens.
func (f *fetch) say(reason string, until time.Time) { f.sink.Waiting(reason, until) }

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
	f.tokens[c.token()] = true
	var style paginate.Style
	if f.opt.Resume != "" {
		if style, c, err = f.resume(c); err != nil {
			return err
		}
	}
	l, err := f.load(ctx, c, f.say)
	if err != nil {
		return err
	}
	f.first(l)
	if f.bodyless(l.answer) {
		f.drop(l)
		f.out.Pages++
		f.end(Complete, "no-body", "the answer has no body by its nature")
		return nil
	}
	w := &way{call: c, loaded: l}
	for w != nil {
		p, err := f.deliver(w.loaded, int(f.out.Pages)+1)
		f.drop(w.loaded)
		if err != nil {
			return err
		}
		if p.enough {
			f.limited("max-records", f.opt.MaxRecords, "records")
			return f.endPage(p, "")
		}
		if f.over > 0 {
			return f.prove(ctx, w.call, p)
		}
		if style == nil {
			style, w, err = f.second(ctx, w.call, p)
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
	f.out.Status = l.answer.status
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
