package httpsource

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"millwright/internal/errs"
)

// An answer is what came back for a call, after redirects.
type answer struct {
	status int
	header http.Header
	wire   *wire
	url    *url.URL // the last one asked
	moved  bool     // a redirect led to another origin
	length int64    // declared; -1 if not
	framed bool     // the protocol shows where the body ends
}

// send asks once, follows redirects, and returns an answer whose header has
// arrived. The caller closes its wire.
func (f *fetch) send(ctx context.Context, c call) (*answer, error) {
	moved := false
	for hop := 0; ; hop++ {
		a, err := f.roundTrip(ctx, c)
		if err != nil {
			return nil, err
		}
		a.moved = moved
		location := a.header.Get("Location")
		if !isRedirect(a.status) || location == "" {
			return a, nil
		}
		a.wire.Close()
		if hop >= f.limits.Redirects {
			return nil, errs.New(errs.Upstream, "the source redirects more than %d times", f.limits.Redirects).Named("too-many-redirects").
				Fix("use the address that it finally leads to")
		}
		if c, err = f.redirected(c, a, location); err != nil {
			return nil, err
		}
		moved = moved || !c.own
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirected returns the call to the new place. To another origin nothing goes
// that could be a secret.
func (f *fetch) redirected(c call, a *answer, location string) (call, error) {
	next, err := c.url.Parse(location)
	if err != nil || next.Scheme != "http" && next.Scheme != "https" || next.Hostname() == "" {
		return c, errs.New(errs.Upstream, "the source redirects to an address that cannot be fetched").Named("redirect-invalid").
			Fix("use the address that it should lead to")
	}
	next.Fragment, next.RawFragment = "", ""
	next.User = nil
	next.RawQuery = printable(next.RawQuery)
	own := originOf(next) == f.origin
	if a.status <= http.StatusSeeOther && c.method != http.MethodGet && c.method != http.MethodHead {
		c.method, c.body, c.typ = http.MethodGet, nil, ""
	}
	if !own && c.body != nil {
		return c, errs.New(errs.Upstream, "the source redirects the request with its body to another origin, %s", originOf(next)).
			Named("redirect-not-followed").Fix("use that address itself, if you trust it")
	}
	if own {
		next.User = f.login // the login of the address as typed belongs to the origin
	}
	c.url, c.own = next, own
	return c, nil
}

// roundTrip sends one request.
func (f *fetch) roundTrip(ctx context.Context, c call) (*answer, error) {
	if l := f.client.limiter(c.url.Host, f.spec.Options.Rate); l != nil {
		if err := l.Wait(ctx); err != nil {
			return nil, canceled(ctx)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	total := time.AfterFunc(f.limits.Total, func() { cancel(errTotal) })
	give := func(err error) (*answer, error) {
		total.Stop()
		cancel(nil)
		return nil, err
	}
	req, err := f.build(ctx, c)
	if err != nil {
		return give(err)
	}
	f.out.Requests++
	start := f.client.cfg.Now()
	resp, err := f.client.transport.RoundTrip(req)
	if err != nil {
		return give(classify(ctx, err, c.url.Hostname(), f.limits))
	}
	if f.out.Requests == 1 {
		f.out.Latency = f.client.cfg.Now().Sub(start)
	}
	return &answer{
		status: resp.StatusCode, header: resp.Header, url: c.url, length: resp.ContentLength,
		framed: resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor >= 2 || c.method == http.MethodHead,
		wire:   &wire{body: resp.Body, limits: f.limits, ctx: ctx, cancel: cancel, total: total, host: c.url.Hostname()},
	}, nil
}

// upstreamError explains an answer that is no success.
func (f *fetch) upstreamError(a *answer, excerpt string) error {
	e := errs.New(errs.Upstream, "the source answered %d %s", a.status, http.StatusText(a.status)).Named("upstream-status")
	if excerpt != "" {
		e.Msg += ": " + excerpt
	}
	switch {
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusProxyAuthRequired:
		f.credentialFixes(e, a)
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		e.Fix("check the path of the address", "check the parameters")
	case a.status == http.StatusMethodNotAllowed:
		e.Fix("use another method" + strings.TrimSuffix(", such as "+a.header.Get("Allow"), ", such as "))
	case a.status == http.StatusTooManyRequests:
		e.Fix("try again later", "set options.rate to fewer requests a second")
		if d, ok := retryAfter(a.header, f.client.cfg.Now()); ok {
			e.After(min(d, 24*time.Hour))
		}
	case a.status >= 500:
		e.Fix("try again later; the fault is on the source's side")
	case isRedirect(a.status):
		e.Fix("the source redirects without saying where: check the address")
	default:
		e.Fix("check the parameters and the body of the request")
	}
	return e
}

func (f *fetch) credentialFixes(e *errs.Error, a *answer) {
	switch {
	case a.moved:
		e.Fix("use the address of " + originOf(a.url) + " itself: credentials are not sent along when a source redirects to another origin")
	case f.spec.Auth.Kind == "" || f.spec.Auth.Kind == "None":
		e.Fix("set an authType and its credentials")
	default:
		e.Fix("check the credentials: they were sent as "+string(f.spec.Auth.Kind), "they may have expired or lack a permission")
	}
	if want := a.header.Get("WWW-Authenticate"); want != "" {
		e.Fix("the source asks for: " + f.redact.Redact(clip(want, 120)))
	}
}

// excerpt reads the beginning of an error's body for a person.
func (f *fetch) excerpt(head []byte) string {
	// Redacted before it is cut: half a secret would not be recognised.
	text := f.redact.Redact(string(head[:min(len(head), 8000)]))
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if strings.HasPrefix(text, "<") {
		return "an HTML page"
	}
	return clip(text, 300)
}

// retryable reports whether a status may be better the next time.
func retryableStatus(status int) bool {
	switch status {
	case 408, 425, 429, 500, 502, 503, 504:
		return true
	}
	return false
}

func retryableError(err error) bool {
	e, ok := errs.Find(err)
	if !ok {
		return false
	}
	switch e.Type {
	case "connection-refused", "connection-lost", "upstream-timeout", "dns-failed", "body-truncated", "idle-timeout", "host-unreachable":
		return true
	}
	return false
}

// mayRepeat reports whether the request can be sent twice without harm.
func (f *fetch) mayRepeat() bool {
	switch f.spec.Method {
	case "GET", "HEAD", "OPTIONS":
		return true
	}
	return f.spec.Options.Retry.Safe
}

// retryAfter reads Retry-After in seconds or as a date. It reports false for
// what is neither.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		// A number that does not fit is a wait without end.
		return time.Duration(min(max(n, 0), 1<<33)) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// pause waits before attempt number n is repeated. It reports false if the
// source asks for a longer wait than allowed.
func (f *fetch) pause(ctx context.Context, n int, why string, h http.Header) (bool, error) {
	longest := firstOf(f.spec.Options.Retry.MaxWait, 2*time.Minute)
	now := f.client.cfg.Now()
	wait := f.client.cfg.Backoff << min(n, 20)
	wait = min(wait, longest)
	wait = wait/2 + rand.N(wait/2+1)
	if asked, ok := retryAfter(h, now); ok {
		if asked > longest {
			return false, nil
		}
		wait, why = max(asked, time.Millisecond), why+"; the source asked for this wait (Retry-After)"
	}
	return true, f.wait(ctx, why, now, wait)
}

func (f *fetch) wait(ctx context.Context, why string, now time.Time, d time.Duration) error {
	f.sink.Waiting(why, now.Add(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return canceled(ctx)
	case <-t.C:
		return nil
	}
}

// courtesy waits when the source says that the next request would be one too
// many.
func (f *fetch) courtesy(ctx context.Context, h http.Header) error {
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		left, err := strconv.ParseFloat(strings.TrimSpace(h.Get(prefix+"Remaining")), 64)
		if err != nil || left > 0 {
			continue
		}
		reset, err := strconv.ParseFloat(strings.TrimSpace(h.Get(prefix+"Reset")), 64)
		if err != nil || reset <= 0 {
			continue
		}
		now := f.client.cfg.Now()
		wait := time.Duration(min(reset, 1e6) * float64(time.Second))
		if reset > 1e9 { // a moment, not a duration
			wait = time.Unix(int64(min(reset, 1e11)), 0).Sub(now)
		}
		if longest := firstOf(f.spec.Options.Retry.MaxWait, 2*time.Minute); wait > 0 {
			return f.wait(ctx, "the source's rate limit is used up", now, min(wait, longest))
		}
	}
	return nil
}

// drain reads what is left of a short body, so that its connection can be used
// again.
func drain(w *wire) {
	_, _ = io.CopyN(io.Discard, w, 64<<10)
	w.Close()
}
