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
	"strings"
	"time"

	"millwright/internal/secret"
)

// A client calls a Millwright server the way any program would.
type client struct {
	base string // such as http://127.0.0.1:7400
	key  secret.String
	http *http.Client
}

func newClient(base string, key secret.String) *client {
	return &client{base: strings.TrimRight(base, "/"), key: key, http: &http.Client{Timeout: 10 * time.Minute}}
}

// A problem is a refusal by the server, as it describes itself.
type problem struct {
	Type      string   `json:"type"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	Fixes     []string `json:"fixes"`
	RequestID string   `json:"request_id"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}

// Error says what the server said, naming the fields it named.
func (p *problem) Error() string {
	text := p.Detail
	for _, f := range p.Errors {
		if f.Pointer != "" && !strings.Contains(text, f.Pointer) {
			text += fmt.Sprintf("\n  %s: %s", f.Pointer, f.Detail)
		}
	}
	return text
}

// unreachable is the error of a server that does not answer.
type unreachable struct {
	base string
	err  error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("no server answers at %s; start one with 'millwright serve', or name another with --server or MILLWRIGHT_URL", u.base)
}

func (u *unreachable) Unwrap() error { return u.err }

// do sends a request and returns the answer, whose body the caller must close.
// An answer other than 200 is a *problem.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
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
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &unreachable{c.base, err}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	p := &problem{Status: resp.StatusCode}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(err, json.Unmarshal(text, p)); err != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("the server answered %s", resp.Status)
	}
	return nil, p
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

// alive reports whether a server answers at base.
func alive(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/healthz", nil)
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
