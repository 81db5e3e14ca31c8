package httpsource

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/paginate"
)

// suggest writes what a person could look at or try next, each with what speaks
// for it. err is what the Fetch ends with.
func (f *fetch) suggest(err error) {
	add := func(format string, args ...any) {
		text := f.redact.Redact(fmt.Sprintf(format, args...))
		if text != "" && !slices.Contains(f.out.Suggestions, text) {
			f.out.Suggestions = append(f.out.Suggestions, text)
		}
	}
	if e, ok := errs.Find(err); ok && e.Kind != errs.Canceled {
		f.suggestFor(e, add)
		for _, fix := range e.Fixes {
			add("%s", fix)
		}
	}
	for _, alarm := range f.out.Verdict.Alarms {
		add("%s", alarm)
	}
	if u, uerr := url.Parse(f.spec.URL.Reveal()); uerr == nil && strings.EqualFold(u.Scheme, "http") && f.sends() != "" && !local(u.Hostname()) && f.out.Status != 0 {
		add("%s without encryption: use https:// if the source has it", f.sends())
	}
	if err == nil {
		f.suggestPaging(add)
	}
}

// sends says which proof of who is asking goes with each request; "" for none.
func (f *fetch) sends() string {
	switch c := f.spec.Auth; c.Kind {
	case auth.APIKey:
		what := map[auth.Location]string{auth.Query: "the parameter ", auth.Cookie: "the cookie "}[c.APIKey.Location]
		return firstOf(what, "the header ") + clip(c.APIKey.Name, 60) + " is sent"
	case auth.Bearer:
		return "the token is sent in the header Authorization"
	case auth.Basic:
		return "the user name and the password are sent"
	case auth.OAuth2:
		return "a token that the token URL gave is sent"
	case auth.Session:
		return "the token that the login gave is sent"
	case auth.Digest:
		return "the source's Digest challenge is answered"
	case auth.MTLS:
		return "a client certificate is shown"
	}
	for _, h := range f.spec.Headers {
		if strings.EqualFold(h.Name, "Authorization") {
			return "the header Authorization is sent"
		}
	}
	return ""
}

func (f *fetch) suggestFor(e *errs.Error, add func(string, ...any)) {
	status, sent := f.out.Status, f.sends()
	asked := strings.ToLower(f.out.Header.Get("Www-Authenticate"))
	switch {
	case e.Type == "not-json" && status == http.StatusOK:
		add("200 with something that is no data: is this the address of the API, or of a page for people or a login?")
	case e.Type != "upstream-status":
	case status == http.StatusUnauthorized && strings.Contains(asked, "digest") && f.spec.Auth.Kind != auth.Digest:
		add(`401: the source asks for Digest authentication; set authType to "Digest Auth"`)
	case status == http.StatusUnauthorized && sent == "" && strings.Contains(asked, "basic"):
		add(`401: no credentials are sent, and the source asks for a user name and a password; set authType to "Basic Auth"`)
	case status == http.StatusUnauthorized && sent == "":
		add("401: no credentials are sent")
	case status == http.StatusUnauthorized && f.spec.Auth.Kind == auth.APIKey:
		add("401: %s; the key may be expired, or belong in another place", sent)
	case status == http.StatusUnauthorized:
		add("401: %s; it may be expired or not be accepted here", sent)
	case status == http.StatusForbidden && sent == "":
		add("403: no credentials are sent")
	case status == http.StatusForbidden:
		add("403: %s and known, as it seems, but lacks the permission for this", sent)
	case status == http.StatusNotAcceptable:
		add("406: the source does not speak what is asked for; set a header Accept")
	case status == http.StatusUnsupportedMediaType:
		add("415: the source does not take this body; check body.contentType")
	}
}

// suggestPaging tells of more pages that may exist.
func (f *fetch) suggestPaging(add func(string, ...any)) {
	found := f.out.Detected.Pagination
	switch {
	case found.Given || found.Setting.Kind == "" || found.Setting.Kind == paginate.None:
	case !found.Verified:
		add("paging looks like %s (%s), which was not proven by a second page", found.Setting.Kind, found.Evidence)
	}
}

// local reports whether a host is this machine or a private address.
func local(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsLoopback() || addr.IsPrivate())
}
