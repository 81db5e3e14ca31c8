package httpsource

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
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
func (a *asker) send(ctx context.Context, c call, say notify) (*answer, error) {
	moved := false
	for hop := 0; ; hop++ {
		got, err := a.ask(ctx, c, say)
		if err != nil {
			return nil, err
		}
		got.moved = moved
		location := got.header.Get("Location")
		if !isRedirect(got.status) || location == "" {
			return got, nil
		}
		got.wire.Close()
		if hop >= a.limits.Redirects {
			err = errs.New(errs.Upstream, "the source redirects more than %d times", a.limits.Redirects).Named("too-many-redirects").
				Fix("use the address that it finally leads to")
		} else {
			c, err = a.redirected(c, got, location)
		}
		if err != nil {
			return nil, &answered{error: err, status: got.status, header: got.header}
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

// fetchable reports whether an address that a source gives can be asked at all.
func fetchable(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && hasPort(u)
}

// hasPort reports whether the port of u exists; no port is one that exists.
func hasPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= 65535
}

// redirected returns the call to the new place. To another origin nothing goes
// that could be a secret.
func (a *asker) redirected(c call, got *answer, location string) (call, error) {
	next, err := c.url.Parse(location)
	if err != nil || !fetchable(next) {
		return c, errs.New(errs.Upstream, "the source redirects to an address that cannot be fetched").Named("redirect-invalid").
			Fix("use the address that it should lead to")
	}
	next.Fragment, next.RawFragment = "", ""
	next.User = nil
	next.RawQuery = printable(next.RawQuery)
	own := originOf(next) == a.origin
	if got.status <= http.StatusSeeOther && c.method != http.MethodGet && c.method != http.MethodHead {
		c.method, c.body, c.typ = http.MethodGet, nil, ""
	}
	if !own && c.body != nil {
		return c, errs.New(errs.Upstream, "the source redirects the request with its body to another origin, %s", originOf(next)).
			Named("redirect-not-followed").Fix("use that address itself, if you trust it")
	}
	if own {
		next.User = a.login // the login of the address as typed belongs to the origin
	}
	c.url, c.own = next, own
	return c, nil
}

// ask sends one request, and once more with new proof of who is asking if the
// source refuses the old one.
func (a *asker) ask(ctx context.Context, c call, say notify) (*answer, error) {
	got, req, err := a.roundTrip(ctx, c, say)
	if err != nil || got.status != http.StatusUnauthorized || !c.own {
		return got, err
	}
	again, err := a.proof.Refused(ctx, a.sideDoor(), req, got.header)
	if err != nil {
		a.discard(got)
		return nil, a.proofError(ctx, err)
	}
	if !again {
		return got, nil
	}
	a.discard(got)
	got, _, err = a.roundTrip(ctx, c, say)
	return got, err
}

// roundTrip sends one request.
func (a *asker) roundTrip(ctx context.Context, c call, say notify) (*answer, *http.Request, error) {
	if a.bucket != nil {
		if err := a.bucket.Wait(ctx); err != nil {
			return nil, nil, canceled(ctx)
		}
	}
	pace := a.pace(c)
	if err := pace.take(ctx, a.client.cfg.Now, a.longestWait(), say); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	total := time.AfterFunc(a.limits.Total, func() { cancel(errTotal) })
	give := func(err error) (*answer, *http.Request, error) {
		pace.done(nil)
		total.Stop()
		cancel(nil)
		return nil, nil, err
	}
	req, err := a.build(ctx, c)
	if err != nil {
		return give(err)
	}
	start := a.client.cfg.Now()
	resp, err := exchange(a.doors.of(c), req, a.limits)
	a.count(a.client.cfg.Now().Sub(start))
	if err != nil {
		return give(classify(ctx, err, c.url.Hostname(), a.limits))
	}
	left := readQuota(resp.Header, a.client.cfg.Now())
	pace.done(&left)
	return &answer{
		status: resp.StatusCode, header: resp.Header, url: c.url, length: resp.ContentLength,
		framed: resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor >= 2 || c.method == http.MethodHead,
		wire:   &wire{body: resp.Body, limits: a.limits, ctx: ctx, cancel: cancel, total: total, host: c.url.Hostname()},
	}, req, nil
}

func (a *asker) count(latency time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent++; a.sent == 1 {
		a.latency = latency
	}
}

// proofError names a failure to get the proof of who is asking.
func (a *asker) proofError(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTotal) {
		return canceled(ctx)
	}
	if e, ok := errs.Find(err); ok {
		return e
	}
	return errs.New(errs.Upstream, "the credentials could not be exchanged for a token").Named("token-failed").
		Fix("check the address that gives tokens").Because(err)
}
