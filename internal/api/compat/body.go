package compat

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// tidyBody rewrites a JSON body to one object with snake_case field names. What
// is not JSON is left alone. It fails when the body is larger than maxBody.
func tidyBody(w http.ResponseWriter, r *http.Request) error {
	if !mutates(r.Method) || !maybeJSON(r.Header.Get("Content-Type")) || isStream(r.URL.Path) {
		return nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return err
	}
	tidy, ok := tidyJSON(raw, r)
	if !ok {
		tidy = raw
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Body = io.NopCloser(bytes.NewReader(tidy))
	r.ContentLength = int64(len(tidy))
	return nil
}

func mutates(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// isStream reports whether the route takes an upload, which is never buffered.
func isStream(path string) bool { return strings.HasPrefix(path, "/v1/actions/load/") }

// maybeJSON reports whether a body of that type may be JSON. One client sends
// JSON as text/plain, and curl -d calls whatever it sends a form.
func maybeJSON(contentType string) bool {
	return contentType == "" || strings.Contains(contentType, "json") || strings.HasPrefix(contentType, "text/plain") ||
		strings.HasPrefix(contentType, "application/x-www-form-urlencoded")
}

func tidyJSON(raw []byte, r *http.Request) ([]byte, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	// Old clients encode some bodies twice: a JSON string that holds the object.
	var inner string
	if raw[0] == '"' && json.Unmarshal(raw, &inner) == nil && strings.HasPrefix(strings.TrimSpace(inner), "{") {
		raw = []byte(inner)
	}
	fields, ok := object(raw)
	if !ok {
		return nil, false
	}
	isHTTP := strings.HasPrefix(r.URL.Path, "/v1/http/")
	// Some calls wrap the body by mistake; in a connection "body" is a real field.
	if wrapped, only := fields["body"]; only && len(fields) == 1 && !isHTTP {
		if unwrapped, ok := object(wrapped); ok {
			fields = unwrapped
		}
	}
	if !isHTTP {
		fields = snakeKeys(fields)
	}
	if takesQuery(r.URL.Path) {
		fromQuery(fields, r)
	}
	tidy, err := json.Marshal(fields)
	return tidy, err == nil
}

// object decodes one level, so that values keep their exact text.
func object(raw []byte) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, false
	}
	return fields, true
}

// snakeKeys renames the top-level fields; what is inside them is the caller's.
// A field that is sent in both spellings keeps the snake_case one.
func snakeKeys(fields map[string]json.RawMessage) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(fields))
	for key, value := range fields {
		snake := Snake(key)
		if _, both := fields[snake]; both && snake != key {
			continue
		}
		out[snake] = value
	}
	return out
}

// Snake returns a camelCase name in snake_case. Names with "-" are left alone,
// as the TypeScript client leaves them.
func Snake(name string) string {
	if strings.Contains(name, "-") {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) {
			if i > 0 {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// takesQuery reports whether a mutation may have its fields in the query string,
// where the Python client puts them. Slot values of a run stay where they are.
func takesQuery(path string) bool {
	return !slices.ContainsFunc([]string{"/v1/http/", "/v1/run/", "/v1/actions/", "/v1/jobs/subscribe/", "/live/", "/v1/live/"}, func(prefix string) bool {
		return strings.HasPrefix(path, prefix)
	})
}

// fromQuery adds query parameters that the body does not have as fields.
func fromQuery(fields map[string]json.RawMessage, r *http.Request) {
	for name, values := range r.URL.Query() {
		name = Snake(name)
		if _, sent := fields[name]; sent || len(values) == 0 {
			continue
		}
		text, err := json.Marshal(values[0])
		if err != nil {
			continue // unreachable: a string always encodes
		}
		if values[0] == "true" || values[0] == "false" {
			text = []byte(values[0])
		}
		fields[name] = text
	}
}
