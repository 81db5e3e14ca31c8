package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"millwright/internal/errs"
)

// A body may be that large and take that long. Uploads are not bounded here.
const (
	maxBody  = 16 << 20
	bodyTime = 30 * time.Second
)

// tidyBody reads the body and rewrites it, if it is JSON, to one object with
// snake_case field names. What is not JSON is left alone.
func tidyBody(w http.ResponseWriter, r *http.Request) error {
	if !mutates(r.Method) || isStream(r.Method, r.URL.Path) {
		return nil
	}
	raw, err := readBody(w, r)
	if err != nil {
		return err
	}
	if maybeJSON(r.Header.Get("Content-Type")) {
		if tidy, ok := tidyJSON(raw, r); ok {
			raw = tidy
			r.Header.Set("Content-Type", "application/json")
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	r.ContentLength = int64(len(raw))
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := http.NewResponseController(w)
	// A writer without deadlines is a test's.
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTime))
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	// A deadline that stays would end the request's context when it passes.
	_ = deadline.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errs.New(errs.TooLarge, "the body is larger than 16 MiB").Named("body-too-large").Because(err)
	case err != nil:
		return nil, errs.New(errs.Invalid, "the body did not come whole").Named("body-incomplete").
			Fix("send it within 30 seconds").Because(err)
	}
	return raw, nil
}

func mutates(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// isStream reports whether the route takes an upload, which is never buffered.
func isStream(method, path string) bool {
	return strings.HasPrefix(path, "/v1/actions/load/") || slices.Contains(importPaths(), path) || method == http.MethodPatch && strings.HasPrefix(path, "/v1/uploads/")
}

func importPaths() []string {
	return []string{"/projects/import", "/projects/validate-import", "/v1/projects/import", "/v1/projects/validate-import"}
}

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
	if raw[0] == '"' && !isCode(r.URL.Path) && json.Unmarshal(raw, &inner) == nil && strings.HasPrefix(strings.TrimSpace(inner), "{") {
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
	spellWhole(fields)
	tidy, err := json.Marshal(fields)
	return tidy, err == nil
}

// isCode reports whether the body of the route may be a JSON string that means itself.
func isCode(path string) bool {
	return strings.HasPrefix(path, "/v1/datalines/") && strings.HasSuffix(path, "/schema")
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
