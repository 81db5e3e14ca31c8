// Package provider talks to a language model behind an OpenAI-compatible URL.
//
// It is optional: nothing needs it, and what it says is a proposal that others check.
// Requests pass the guarded dialer like those of every connection. The key is sent to
// the configured origin only, and no error holds it.
package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/guard"
	"millwright/internal/secret"
)

// A Config says which model is asked, and how long.
type Config struct {
	URL     string         // of the API, up to and with /v1: https://api.example.com/v1
	Key     secret.String  // sent as a bearer token; may be empty
	Model   string         // as the API names it
	Timeout time.Duration  // for one answer; 0 means 15 s
	Allow   []netip.Prefix // private ranges that may be reached, for a model on this machine
}

// Limits of one exchange.
const (
	maxAnswer = 256 << 10 // bytes of an answer that are read
	maxPrompt = 64 << 10  // bytes that are sent
)

// A Client asks one model. It is safe for concurrent use.
type Client struct {
	config   Config
	endpoint string
	http     *http.Client
}

// New returns a client; errs.Invalid if the URL is none that can be asked.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, errs.New(errs.Invalid, "the provider's URL is not the address of an API").Named("config-invalid").
			Fix("use --provider-url https://api.example.com/v1, and MILLWRIGHT_PROVIDER_KEY for the key")
	}
	if u.Scheme == "http" && !c.Key.Empty() && !local(u.Hostname()) {
		return nil, errs.New(errs.Invalid, "the provider's key would be sent in the clear").Named("config-invalid").
			Fix("use an https:// address, or no key")
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	dialer := guard.New(guard.Config{Allow: c.Allow})
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: c.Timeout,
		MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true}
	return &Client{config: c, endpoint: strings.TrimRight(c.URL, "/") + "/chat/completions", http: &http.Client{
		Transport: transport, Timeout: c.Timeout,
		// A redirect would carry the question, and perhaps the key, somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// local reports whether a host is this machine.
func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Complete returns what the model says to the task. It fails with errs.Upstream for
// whatever the other side does wrong, and with errs.TooLarge for a task that is too long.
func (c *Client) Complete(ctx context.Context, instructions, task string) (_ string, err error) {
	defer errs.Wrap(&err, "provider.Complete")
	if len(instructions)+len(task) > maxPrompt {
		return "", errs.New(errs.TooLarge, "the question to the model is longer than %d bytes", maxPrompt)
	}
	body, err := json.Marshal(map[string]any{"model": c.config.Model, "temperature": 0, "stream": false, "messages": []message{{"system", instructions}, {"user", task}}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if !c.config.Key.Empty() {
		req.Header.Set("Authorization", "Bearer "+c.config.Key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if kind := errs.KindOf(err); kind == errs.Invalid {
			return "", err // the guard's refusal says what to do
		}
		// The error's text may hold the URL, never a header.
		return "", errs.New(errs.Upstream, "the model did not answer").Because(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return "", errs.New(errs.Upstream, "the model's answer broke off").Because(err)
	case len(text) > maxAnswer:
		return "", errs.New(errs.Upstream, "the model's answer is longer than %d bytes", maxAnswer)
	case resp.StatusCode != http.StatusOK:
		return "", errs.New(errs.Upstream, "the model's API answered %d", resp.StatusCode)
	}
	return said(text)
}

// said returns the words of the first choice.
func said(text []byte) (string, error) {
	var answer struct {
		Choices []struct {
			Message message `json:"message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", errs.New(errs.Upstream, "the model's answer is not that of a chat API").Because(fmt.Errorf("%d bytes: %w", len(text), err))
	}
	if len(answer.Choices) == 0 || strings.TrimSpace(answer.Choices[0].Message.Content) == "" {
		return "", errs.New(errs.Upstream, "the model said nothing")
	}
	return answer.Choices[0].Message.Content, nil
}
