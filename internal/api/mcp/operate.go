package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"millwright/internal/errs"
)

// maxAnswer bounds what an operation may answer a tool.
const maxAnswer = 64 << 20

// operate makes an operation of the API and reads its answer into out, which may be
// nil. The context says who makes it. A refusal is the error that the API had.
func (s *Server) operate(ctx context.Context, method, path string, query url.Values, body, out any) error {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, path, &payload)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	s.Operations.ServeHTTP(w, r)
	switch {
	case w.tooLong:
		return errs.New(errs.TooLarge, "the answer is too long for a tool").Fix("ask for fewer rows, or aggregate in SQL")
	case w.status != http.StatusOK:
		return refusal(w)
	case out == nil:
		return nil
	}
	if stream, ok := out.(*eventStream); ok {
		stream.text = w.body.String()
		return nil
	}
	d := json.NewDecoder(&w.body)
	d.UseNumber()
	return d.Decode(out)
}

// An answer is what an operation writes.
type answer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	tooLong bool
}

// Header returns the header to be set.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write keeps what is not too much.
func (a *answer) Write(p []byte) (int, error) {
	if a.tooLong = a.tooLong || a.body.Len()+len(p) > maxAnswer; a.tooLong {
		return len(p), nil
	}
	return a.body.Write(p)
}

// refusal returns the error of which the answer is the problem document.
func refusal(w *answer) error {
	var said struct {
		Type      string
		Title     errs.Kind
		Detail    string
		Fixes     []string
		RequestID string `json:"request_id"`
		Errors    []struct{ Pointer, Detail string }
	}
	if err := json.Unmarshal(w.body.Bytes(), &said); err != nil || !slices.Contains(errs.Kinds(), said.Title) || said.Title == errs.Internal {
		return errs.New(errs.Unavailable, "the server had an internal error; its log tells more of request %s", said.RequestID).Named("internal")
	}
	// The detail ends with the fixes, for people who see nothing else.
	e := errs.New(said.Title, "%s", withoutFixes(said.Detail, said.Fixes)).Named(said.Type).Fix(said.Fixes...)
	for _, f := range said.Errors {
		e.Fields = append(e.Fields, errs.Field{Pointer: f.Pointer, Msg: f.Detail})
	}
	return e
}

// withoutFixes removes the fixes from a text that ends with them, as details do
// for people who see nothing else.
func withoutFixes(text string, fixes []string) string {
	return strings.TrimSuffix(text, " ("+strings.Join(fixes, "; ")+")")
}

// An eventStream is an answer that came as server-sent events.
type eventStream struct{ text string }

// read reads the data of the last event of that name, and reports whether there is one.
func (s eventStream) read(name string, into any) bool {
	found := false
	for event := range strings.SplitSeq(s.text, "\n\n") {
		var named bool
		var data string
		for line := range strings.SplitSeq(event, "\n") {
			if line == "event: "+name {
				named = true
			}
			if text, ok := strings.CutPrefix(line, "data: "); ok {
				data = text
			}
		}
		if named && json.Unmarshal([]byte(data), into) == nil {
			found = true
		}
	}
	return found
}

// readResult reads what the tools need of a program's answer.
func readResult(text []byte) (r apiResult, err error) {
	err = json.Unmarshal(text, &r)
	return r, err
}
