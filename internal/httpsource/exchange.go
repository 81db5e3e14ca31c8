package httpsource

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"millwright/internal/errs"
)

// A counted connection counts the bytes that arrive.
type counted struct {
	net.Conn
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// dial connects through the guarded dialer.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &counted{Conn: conn}, nil
}

// exchange sends req and waits for the header of the answer. Over HTTP/2, Go
// reports a header that is far over the limit as it does any other break of the
// protocol, without its cause: what arrived meanwhile tells them apart.
func exchange(door http.RoundTripper, req *http.Request, l Limits) (*http.Response, error) {
	var conn atomic.Pointer[counted]
	var before atomic.Int64
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		under := got.Conn
		if secure, ok := under.(*tls.Conn); ok {
			under = secure.NetConn()
		}
		if c, ok := under.(*counted); ok {
			before.Store(c.n.Load())
			conn.Store(c)
		}
	}}
	resp, err := door.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	// A header of that many bytes may be half as long on its way.
	if c := conn.Load(); err != nil && c != nil && strings.Contains(err.Error(), "connection error: PROTOCOL_ERROR") && c.n.Load()-before.Load() > l.HeaderBytes/2 {
		return nil, headerTooLarge(l)
	}
	return resp, err
}

func headerTooLarge(l Limits) error {
	return errs.New(errs.TooLarge, "the header of the answer is longer than %d bytes", l.HeaderBytes).Named("response-header-too-large").
		Fix("report it to the source: no client accepts such headers")
}

// brokenHTTP2 reports whether the text of an error says that frames came which
// HTTP/2 does not allow. What the source itself calls an error may be better the
// next time, and is none.
func brokenHTTP2(text string) bool {
	if strings.Contains(text, "connection error: ") || strings.Contains(text, "http2: frame too large") || strings.Contains(text, "looked like an HTTP/1.1 header") {
		return true
	}
	return strings.Contains(text, "stream error: ") && strings.Contains(text, "; PROTOCOL_ERROR") && !strings.Contains(text, "received from peer")
}
