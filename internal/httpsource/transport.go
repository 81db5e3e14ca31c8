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
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
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
	dialer    *guard.Dialer
	transport *http.Transport
	paces     paces
	provers   provers
}

// New returns a Client. Close it when done.
func New(cfg Config) *Client {
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.Limits.tempDir = cfg.TempDir
	set(&cfg.UserAgent, firstOf(cfg.UserAgent, "millwright"))
	set(&cfg.Backoff, firstOf(cfg.Backoff, 500*time.Millisecond))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{
		cfg:     cfg,
		dialer:  guard.New(guard.Config{Allow: cfg.Allow, Timeout: cfg.Limits.Connect, Resolver: cfg.Resolver}),
		paces:   paces{buckets: map[string]*bucket{}, quotas: map[string]*pace{}},
		provers: provers{known: map[string]auth.Prover{}},
	}
	c.transport = c.newTransport(cfg.RootCAs)
	return c
}

// newTransport returns a transport over the one guarded dialer.
func (c *Client) newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // the environment's proxy would dial in our place, unguarded
		DialContext:            c.dial,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.cfg.Limits.TLS,
		ResponseHeaderTimeout:  c.cfg.Limits.Header,
		MaxResponseHeaderBytes: c.cfg.Limits.HeaderBytes,
		DisableCompression:     true, // decode undoes it, with limits
		MaxIdleConnsPerHost:    maxParallel,
		IdleConnTimeout:        30 * time.Second,
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

	spent time.Duration // in reads of the window that is open
	came  int64         // bytes in it
}

func (w *wire) Read(p []byte) (int, error) {
	idle := time.AfterFunc(w.limits.Idle, func() { w.cancel(errIdle) })
	start := time.Now()
	n, err := w.body.Read(p)
	idle.Stop()
	w.n += int64(n)
	if err == nil && w.tooSlow(n, time.Since(start)) {
		return n, errs.New(errs.Upstream, "the source sends less than %d bytes a second", w.limits.Throughput).Named("too-slow").
			Fix("try again later", "or lower options.limits.min_bytes_per_second of this connection")
	}
	if w.n > w.limits.WireBytes {
		return 0, errs.New(errs.TooLarge, "the body is longer than %d bytes as received", w.limits.WireBytes).Named("response-too-large").
			Fix("ask for less at a time, such as smaller pages", "or raise options.limits.wire_bytes of this connection")
	}
	if err != nil && err != io.EOF {
		err = classify(w.ctx, err, w.host, w.limits)
	}
	return n, err
}

// tooSlow reports whether the window that ends with this read was too slow. Only
// the time in which we wait for the source counts.
func (w *wire) tooSlow(n int, took time.Duration) bool {
	w.spent += took
	w.came += int64(n)
	if w.spent < w.limits.Window {
		return false
	}
	slow := float64(w.came) < float64(w.limits.Throughput)*w.spent.Seconds()
	w.spent, w.came = 0, 0
	return slow
}

// Close gives the connection up, or back if all was read.
func (w *wire) Close() error {
	w.total.Stop()
	w.cancel(nil)
	w.body.Close() // nothing to do about a connection that is given up
	return nil
}
