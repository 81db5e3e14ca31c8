package mcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
)

const (
	sessionHeader = "Mcp-Session-Id"
	bodyTime      = 30 * time.Second // for a message to arrive
)

type sessionKey struct{}

// admit lets through who has a good key and comes from where callers may come from.
// The parameters scopes and project_id of the URL narrow what the key may do.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.checkOrigin(r.Header.Get("Origin")); err != nil {
			s.Refuse(w, r, err)
			return
		}
		if share(w.Header(), r) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		bearer(r.Header)
		caller, err := s.caller(r, w.Header().Set)
		if err == nil {
			err = readBody(w, r)
		}
		ctx := context.WithValue(r.Context(), callerKey{}, caller)
		if err == nil && r.Method == http.MethodPost && r.Header.Get(sessionHeader) == "" {
			var begun *session
			if begun, err = s.begin(ctx, caller); err == nil {
				ctx = context.WithValue(ctx, sessionKey{}, begun)
				defer s.settle(begun)
			}
		}
		if err != nil {
			s.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *Server) caller(r *http.Request, setHeader func(name, value string)) (Caller, error) {
	caller, err := s.Admit(r.Context(), r.Header.Get("Authorization"), setHeader)
	if err != nil {
		return caller, err
	}
	scopes := strings.FieldsFunc(r.URL.Query().Get("scopes"), func(c rune) bool { return c == ',' || c == ' ' })
	caller.Grant, err = caller.Narrow(scopes, r.URL.Query().Get("project_id"))
	return caller, err
}

// checkOrigin refuses requests that a browser makes for a page of elsewhere: a page
// whose name was pointed at this machine (DNS rebinding) tells its own origin.
// Programs that are no browsers tell none.
func (s *Server) checkOrigin(origin string) error {
	if origin == "" || slices.Contains(s.Origins, origin) {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		host := u.Hostname()
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
	}
	return errs.New(errs.Denied, "web pages of %.100q may not call this server", origin).Named("origin-denied").
		Fix("start the server with --origin and that address, if you trust its pages with your data")
}

// share lets a browser show the answer to the page that asked, which may ask. It
// reports whether the browser only wanted to know whether it may (CORS).
func share(h http.Header, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, Retry-After, WWW-Authenticate, X-Request-Id")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version, X-API-Key")
	h.Set("Access-Control-Max-Age", "3600")
	return true
}

// bearer puts a key from where the API also takes one to where the SDK looks.
func bearer(h http.Header) {
	key := h.Get("Authorization")
	if key == "" {
		key = h.Get("X-API-Key")
	}
	if key != "" && !strings.Contains(key, " ") {
		h.Set("Authorization", "Bearer "+key)
	}
}

// readBody reads the message whole, within a limit of size and time.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	deadline := http.NewResponseController(w)
	// A writer without deadlines is a test's.
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTime))
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	// A deadline that stays would end the request's context when it passes.
	_ = deadline.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errs.New(errs.TooLarge, "the message is larger than 4 MiB").Named("body-too-large").Because(err)
	case err != nil:
		return errs.New(errs.Invalid, "the message did not come whole").Named("body-incomplete").Fix("send it within 30 seconds").Because(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}
