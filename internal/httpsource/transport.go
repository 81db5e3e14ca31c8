package httpsource

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"millwright/internal/errs"
	"millwright/internal/httpsource/guard"
)

// Config says how a [Client] reaches sources.
type Config struct {
	Allow     []netip.Prefix // private ranges that connections may reach; none by default
	Resolver  *net.Resolver  // nil means Go's own
	RootCAs   *x509.CertPool // nil means the system's
	Limits    Limits         // zero fields mean the defaults
	UserAgent string         // default "millwright"
	TempDir   string         // for bodies that have to be read twice; default the system's
	Backoff   time.Duration  // first wait before a retry, doubled each time; 0 means 500 ms
	Now       func() time.Time
}

// A Client fetches. All its connections go through one guarded dialer. It is
// safe for concurrent use.
type Client struct {
	cfg       Config
	transport *http.Transport

	mu    sync.Mutex
	rates map[string]*rate.Limiter // by host, shared by all runs
}

// New returns a Client. Close it when done.
func New(cfg Config) *Client {
	cfg.Limits = cfg.Limits.withDefaults()
	set(&cfg.UserAgent, firstOf(cfg.UserAgent, "millwright"))
	set(&cfg.Backoff, firstOf(cfg.Backoff, 500*time.Millisecond))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	dialer := guard.New(guard.Config{Allow: cfg.Allow, Timeout: cfg.Limits.Connect, Resolver: cfg.Resolver})
	return &Client{
		cfg:   cfg,
		rates: map[string]*rate.Limiter{},
		transport: &http.Transport{
			Proxy:                  nil, // the environment's proxy would dial in our place, unguarded
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    cfg.Limits.TLS,
			ResponseHeaderTimeout:  cfg.Limits.Header,
			MaxResponseHeaderBytes: cfg.Limits.HeaderBytes,
			DisableCompression:     true, // decode undoes it, with limits
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
		},
	}
}

// Close drops idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

func firstOf[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// limiter returns the rate limiter of a host; nil means no limit.
func (c *Client) limiter(host string, perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.rates[host]
	if !ok {
		l = rate.NewLimiter(rate.Limit(perSecond), 1)
		c.rates[host] = l
	}
	l.SetLimit(rate.Limit(perSecond))
	return l
}

// Causes with which a request is ended from our side.
var (
	errIdle  = errors.New("no byte arrived within the idle limit")
	errTotal = errors.New("the answer did not end within the total limit")
)

// A wire is a body as it arrives: counted, limited, ended when idle. Its errors
// are classified.
type wire struct {
	body   io.ReadCloser
	n      int64
	limits Limits
	ctx    context.Context
	cancel context.CancelCauseFunc
	total  *time.Timer
	host   string
}

func (w *wire) Read(p []byte) (int, error) {
	idle := time.AfterFunc(w.limits.Idle, func() { w.cancel(errIdle) })
	n, err := w.body.Read(p)
	idle.Stop()
	w.n += int64(n)
	if w.n > w.limits.WireBytes {
		return 0, errs.New(errs.TooLarge, "the body is longer than %d bytes as received", w.limits.WireBytes).Named("response-too-large").
			Fix("ask for less at a time, such as smaller pages", "or raise options.limits.wire_bytes of this connection")
	}
	if err != nil && err != io.EOF {
		err = classify(w.ctx, err, w.host, w.limits)
	}
	return n, err
}

func (w *wire) Close() {
	w.total.Stop()
	w.cancel(nil)
	w.body.Close() // nothing to do about a connection that is given up
}

// classify names a network error. It never passes on a text of net/http or
// net/url: they repeat the address with its query.
func classify(ctx context.Context, err error, host string, l Limits) error {
	if e, ok := errs.Find(err); ok {
		return e
	}
	if e := ended(ctx, l); e != nil {
		return e
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return dnsError(dns, host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errs.New(errs.Upstream, "%s refuses connections on that port", host).Named("connection-refused").
			Fix("check the port", "check that the service is running").Because(syscall.ECONNREFUSED)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return errs.New(errs.Upstream, "%s cannot be reached from this machine", host).Named("host-unreachable").
			Fix("check the network of this machine")
	}
	if e := tlsError(err, host); e != nil {
		return e
	}
	text := err.Error()
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout(), strings.Contains(text, "timeout"):
		what := "did not answer in time"
		if errors.As(err, &op) && op.Op == "dial" {
			what = "did not accept a connection in time"
		}
		return errs.New(errs.Upstream, "%s %s", host, what).Named("upstream-timeout").Fix("try again later", "ask for less at a time")
	case strings.Contains(text, "response headers exceeded"), strings.Contains(text, "header list"):
		return errs.New(errs.TooLarge, "the header of the answer is longer than %d bytes", l.HeaderBytes).Named("response-header-too-large").
			Fix("report it to the source: no client accepts such headers")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.New(errs.Upstream, "%s closed the connection in the middle of its answer", host).Named("body-truncated").
			Fix("try again; if it stays so, the source or a proxy before it cuts its answers")
	case strings.Contains(text, "malformed"), strings.Contains(text, "invalid header"), strings.Contains(text, "bad Content-Length"), strings.Contains(text, "invalid Content-Length"),
		strings.Contains(text, "too many transfer encodings"), strings.Contains(text, "unsupported transfer encoding"), strings.Contains(text, "chunk"), strings.Contains(text, "unexpected ALPN"), strings.Contains(text, "HTTP/0.9"):
		return errs.New(errs.Upstream, "%s did not answer in valid HTTP", host).Named("bad-http").
			Fix("check the port and whether the address begins with http:// or https://")
	}
	return errs.New(errs.Upstream, "the connection to %s was lost", host).Named("connection-lost").Fix("try again later")
}

// ended names what ended the request from our side.
func ended(ctx context.Context, l Limits) error {
	if ctx.Err() == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errIdle):
		return errs.New(errs.Upstream, "the source sent nothing for %s in the middle of its answer", l.Idle).Named("idle-timeout").
			Fix("try again later", "or raise options.limits.idle_seconds of this connection")
	case errors.Is(cause, errTotal):
		return errs.New(errs.Upstream, "the answer did not end within %s", l.Total).Named("total-timeout").
			Fix("ask for less at a time", "or raise options.limits.total_seconds of this connection")
	}
	return canceled(ctx)
}

func canceled(ctx context.Context) error {
	return errs.New(errs.Canceled, "the request was canceled").Named("canceled").Because(context.Cause(ctx))
}

func dnsError(dns *net.DNSError, host string) error {
	if dns.IsNotFound {
		return errs.New(errs.Upstream, "the host %s does not exist", host).Named("host-not-found").At("/url").
			Fix("check the spelling of the host")
	}
	return errs.New(errs.Upstream, "the name %s could not be looked up", host).Named("dns-failed").
		Fix("try again later", "check the name server of this machine")
}

func tlsError(err error, host string) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	fail := func(why string, fixes ...string) error {
		return errs.New(errs.Upstream, "no safe connection to %s: %s", host, why).Named("tls-failed").Fix(fixes...)
	}
	switch {
	case errors.As(err, &unknown):
		return fail("its certificate is not signed by an authority known here", "check the host", "add the authority's certificate to this machine")
	case errors.As(err, &name):
		return fail("its certificate is for another host", "check the host")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail("its certificate has expired or is not valid yet", "tell the source's operator", "check the clock of this machine")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return fail("its certificate is not valid", "tell the source's operator")
	case errors.As(err, &record):
		return fail("it does not speak TLS on that port", "check the port, or use http://")
	case errors.As(err, &alert):
		return fail("it broke off the TLS handshake", "check the host and the port")
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fail("it does not speak TLS on that port", "use http:// or another port")
	case strings.Contains(err.Error(), "TLS handshake timeout"):
		return fail("the TLS handshake did not end in time", "try again later")
	case strings.Contains(err.Error(), "tls: "):
		return fail("the TLS handshake failed", "check the host and the port")
	}
	return nil
}
