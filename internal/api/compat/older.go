package compat

import (
	"net/http"
	"net/url"
	"strings"
)

// modernize turns what older clients ask for into what newer ones do: paths that have
// moved since, and parameters in camelCase.
func modernize(r *http.Request) {
	if to := movedTo(r.Method, r.URL.Path); to != r.URL.Path {
		r.URL.Path, r.URL.RawPath = to, ""
		r.RequestURI = r.URL.RequestURI()
	}
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		snakeQuery(r)
	}
}

// movedTo returns where the route is now.
func movedTo(method, path string) string {
	const keys, key, chat, explore = "/v1/authentication/api-keys", "/v1/authentication/api-key", "/v1/chat", "/v1/explore"
	switch {
	// The TypeScript client once had the plural in all routes of keys; it stayed in one.
	case path == keys && method != http.MethodPost:
		return path
	case path == keys || strings.HasPrefix(path, keys+"/"):
		return key + strings.TrimPrefix(path, keys)
	// Conversations were called chats.
	case path == chat || strings.HasPrefix(path, chat+"/"):
		return explore + strings.TrimPrefix(path, chat)
	}
	return path
}

// snakeQuery adds the snake_case name of each camelCase parameter that is not there
// in both. No slot has a name in camelCase.
func snakeQuery(r *http.Request) {
	query := r.URL.Query()
	added := false
	for name, values := range query {
		snake := Snake(name)
		if snake == name || query.Has(snake) {
			continue
		}
		query[snake] = values
		delete(query, name)
		added = true
	}
	if added {
		r.URL.RawQuery = url.Values(query).Encode()
		r.RequestURI = r.URL.RequestURI()
	}
}
