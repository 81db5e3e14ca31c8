package httpsource

import (
	"net/http"
	"strings"
	"time"

	"millwright/internal/errs"
)

// upstreamError explains an answer that is no success.
func (a *asker) upstreamError(got *answer, excerpt string) error {
	e := errs.New(errs.Upstream, "the source answered %d %s", got.status, http.StatusText(got.status)).Named("upstream-status")
	if excerpt != "" {
		e.Msg += ": " + excerpt
	}
	switch {
	case got.status == http.StatusUnauthorized || got.status == http.StatusForbidden || got.status == http.StatusProxyAuthRequired:
		a.credentialFixes(e, got)
	case got.status == http.StatusNotFound || got.status == http.StatusGone:
		e.Fix("check the path of the address", "check the parameters")
	case got.status == http.StatusMethodNotAllowed:
		e.Fix("use another method" + strings.TrimSuffix(", such as "+got.header.Get("Allow"), ", such as "))
	case got.status == http.StatusTooManyRequests:
		e.Fix("try again later", "set options.rate to fewer requests a second")
		if d, ok := retryAfter(got.header, a.client.cfg.Now()); ok {
			e.After(min(d, 24*time.Hour))
		}
	case got.status >= 500:
		e.Fix("try again later; the fault is on the source's side")
	case isRedirect(got.status):
		e.Fix("the source redirects without saying where: check the address")
	default:
		e.Fix("check the parameters and the body of the request")
	}
	return e
}

func (a *asker) credentialFixes(e *errs.Error, got *answer) {
	switch {
	case got.moved:
		e.Fix("use the address of " + originOf(got.url) + " itself: credentials are not sent along when a source redirects to another origin")
	case a.spec.Auth.Kind == "" || a.spec.Auth.Kind == "None":
		e.Fix("set an authType and its credentials")
	default:
		e.Fix("check the credentials: they were sent as "+string(a.spec.Auth.Kind), "they may have expired or lack a permission")
	}
	if want := got.header.Get("WWW-Authenticate"); want != "" {
		e.Fix("the source asks for: " + a.redact.Redact(clip(want, 120)))
	}
}

// excerpt reads the beginning of an error's body for a person.
func (a *asker) excerpt(head []byte) string {
	// Redacted before it is cut: half a secret would not be recognised.
	text := a.redact.Redact(string(head[:min(len(head), 8000)]))
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if strings.HasPrefix(text, "<") {
		return "an HTML page"
	}
	return clip(text, 300)
}
