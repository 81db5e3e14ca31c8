// Package compat holds the tolerances that existing clients of the workflow
// need, as one middleware. The operations behind it see only the clean contract:
// paths under /v1, a Bearer token, and snake_case fields in a JSON object.
package compat

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Prefix is the second place at which every route is served.
const Prefix = "/api/infactory"

// Handler serves next with the tolerances. Requests are changed in place: their
// bodies, unless they are uploads, are read whole, within a limit of size and
// time. refuse answers requests whose body goes beyond it.
func Handler(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Infactory-Sdk-Version") != "" {
			w = &plainProblems{ResponseWriter: w}
		}
		cleanPath(r)
		moveKey(r)
		modernize(r)
		if err := tidyBody(w, r); err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cleanPath serves every route at Prefix too, and takes doubled and trailing
// slashes without a redirect: a client that follows one may turn POST into GET.
// Encoded slashes and dots are no slashes and dots: a proxy before us may guard
// paths, and must not be fooled.
func cleanPath(r *http.Request) {
	p := path.Clean("/" + r.URL.EscapedPath())
	if rest, ok := strings.CutPrefix(p, Prefix); ok && (rest == "" || rest[0] == '/') {
		p = "/" + strings.TrimPrefix(rest, "/")
	}
	// The README of the TypeScript client spells live calls with the version in front.
	if strings.HasPrefix(p, "/v1/live/") {
		p = strings.TrimPrefix(p, "/v1")
	}
	plain, err := url.PathUnescape(p)
	if err != nil {
		return // unreachable: the server parsed it
	}
	if r.URL.Path, r.URL.RawPath = plain, p; (&url.URL{Path: plain}).EscapedPath() == p {
		r.URL.RawPath = ""
	}
}

// moveKey puts an API key, wherever a client sends it, into a Bearer header, and
// takes it out of the URL so that no log can show it.
func moveKey(r *http.Request) {
	query := r.URL.Query()
	key := query.Get("nf_api_key")
	if query.Has("nf_api_key") || query.Has("params") {
		query.Del("nf_api_key")
		// The TypeScript client serialises some options objects as "[object Object]".
		query.Del("params")
		r.URL.RawQuery = query.Encode()
	}
	r.RequestURI = r.URL.RequestURI()
	if header := r.Header.Get("Authorization"); header != "" {
		if !strings.Contains(header, " ") {
			r.Header.Set("Authorization", "Bearer "+header)
		}
		return
	}
	if key == "" {
		key = r.Header.Get("X-API-Key")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
}

// plainProblems sends problem documents as application/json: the TypeScript
// client parses nothing else.
type plainProblems struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach Flush.
func (p *plainProblems) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader corrects the content type on its way out.
func (p *plainProblems) WriteHeader(status int) {
	if strings.HasPrefix(p.Header().Get("Content-Type"), "application/problem+json") {
		p.Header().Set("Content-Type", "application/json")
	}
	p.ResponseWriter.WriteHeader(status)
}
