package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// A client calls a Millwright server the way any program would.
type client struct {
	base string // such as http://127.0.0.1:7400
	key  secret.String
	http *http.Client
}

func newClient(base string, key secret.String) *client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// A question may take minutes to answer, and its rows as long to arrive.
		ResponseHeaderTimeout: 10 * time.Minute,
	}
	return &client{base: strings.TrimRight(base, "/"), key: key, http: &http.Client{Transport: transport}}
}

// A refusal is a problem document: why the server did not do what it was asked.
type refusal struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"` // the kind
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	Fixes     []string `json:"fixes"`
	RequestID string   `json:"request_id"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}

// asError returns the refusal as the error that the server had.
func (r refusal) asError() error {
	kind := errs.Kind(r.Title)
	if !slices.Contains(errs.Kinds(), kind) {
		kind = kindOf(r.Status)
	}
	if kind == errs.Internal {
		return fmt.Errorf("the server had an %s; its log tells more of request %s", r.Detail, r.RequestID)
	}
	e := errs.New(kind, "%s", withoutFixes(r.Detail, r.Fixes)).Named(r.Type).Fix(r.Fixes...)
	for _, f := range r.Errors {
		e.Fields = append(e.Fields, errs.Field{Pointer: f.Pointer, Msg: f.Detail})
	}
	return e
}

// withoutFixes removes the fixes from a text that ends with them, as details do
// for people who see nothing else.
func withoutFixes(text string, fixes []string) string {
	return strings.TrimSuffix(text, " ("+strings.Join(fixes, "; ")+")")
}

// kindOf returns what an HTTP status says of an error that says no more.
func kindOf(status int) errs.Kind {
	switch status {
	case http.StatusBadRequest:
		return errs.Invalid
	case http.StatusUnauthorized:
		return errs.Anonymous
	case http.StatusForbidden:
		return errs.Denied
	case http.StatusNotFound:
		return errs.NotFound
	case http.StatusConflict:
		return errs.Conflict
	case http.StatusRequestEntityTooLarge:
		return errs.TooLarge
	case http.StatusTooManyRequests:
		return errs.Busy
	case http.StatusInternalServerError:
		return errs.Internal
	}
	return errs.Unavailable
}

// do sends a request and returns the answer, whose body the caller must close.
// An answer other than 200 is a classified error.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		text, err := encode(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(text)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return nil, usage("%q is not the URL of a server", c.base).Fix("--server http://127.0.0.1:7400")
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.send(r)
}

// send is do for a request that is made already.
func (c *client) send(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	resp, err := c.http.Do(r)
	if err != nil {
		if r.Context().Err() != nil {
			return nil, r.Context().Err()
		}
		return nil, &unreachable{c.base, err}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	said := refusal{Status: resp.StatusCode}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(err, json.Unmarshal(text, &said)); err != nil || said.Detail == "" {
		return nil, errs.New(kindOf(resp.StatusCode), "%s answered %s, which is not how a Millwright server refuses", c.base, resp.Status).
			Fix("check --server or MILLWRIGHT_URL")
	}
	return nil, said.asError()
}

// call sends a request and decodes the JSON answer into out, which may be nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, body, out any) error {
	resp, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what we expect: %w", method, path, err)
	}
	return nil
}

// encode returns v as JSON that a person can read: & and < stay what they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// alive reports whether a server answers at base.
func alive(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
