package httpsource

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"millwright/internal/errs"
)

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
		return headerTooLarge(l)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.New(errs.Upstream, "%s closed the connection in the middle of its answer", host).Named("body-truncated").
			Fix("try again; if it stays so, the source or a proxy before it cuts its answers")
	case strings.Contains(text, "malformed"), strings.Contains(text, "invalid header"), strings.Contains(text, "multiple Content-Length"), strings.Contains(text, "bad Content-Length"), strings.Contains(text, "invalid Content-Length"),
		strings.Contains(text, "too many transfer encodings"), strings.Contains(text, "unsupported transfer encoding"), strings.Contains(text, "chunk"), strings.Contains(text, "unexpected ALPN"), strings.Contains(text, "HTTP/0.9"),
		strings.Contains(text, "1xx informational"), brokenHTTP2(text):
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
	case strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "remote error: tls: bad certificate"), strings.Contains(err.Error(), "remote error: tls: unknown certificate"):
		return fail("it wants a client certificate, or another one", "give a client certificate in options.tls.cert and options.tls.key")
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
