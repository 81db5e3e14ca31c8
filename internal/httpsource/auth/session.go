package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// A LoginRequest is a request whose answer holds the token for all others. All
// of it is sent to its URL and nowhere else.
type LoginRequest struct {
	URL     secret.String
	Method  string
	Headers []Pair
	Type    string        // content type of the body
	Body    secret.String // as it is sent; or else:
	Form    []Pair        // fields, written as JSON if Type says so and as a form if not

	From Location // where the answer holds the token: "body", "header" or "cookie"
	Path string   // keys joined by dots, or the name of the header or cookie

	Send   Location // where requests carry it; empty means header
	Name   string   // of the header, cookie or parameter
	Prefix string   // before the token in a header: "Bearer "
}

// Body is where an answer may hold a token; nothing is sent there.
const Body Location = "body"

func (l LoginRequest) secrets() []secret.String {
	var out []secret.String
	for _, h := range l.Headers {
		if secret.LooksSecret(h.Name) {
			out = append(out, h.Value)
		}
	}
	for _, f := range l.Form {
		if secret.LooksSecret(f.Name) {
			out = append(out, f.Value)
		}
	}
	return append(out, l.bodySecrets()...)
}

// encode writes the body.
func (l LoginRequest) encode() (string, error) {
	if len(l.Form) == 0 {
		return l.Body.Reveal(), nil
	}
	if strings.Contains(l.Type, "json") {
		fields := map[string]string{}
		for _, f := range l.Form {
			fields[f.Name] = f.Value.Reveal()
		}
		text, err := json.Marshal(fields)
		return string(text), err
	}
	form := url.Values{}
	for _, f := range l.Form {
		form.Add(f.Name, f.Value.Reveal())
	}
	return form.Encode(), nil
}

// bodySecrets are the scalars of a JSON or form body under a secret-looking name.
func (l LoginRequest) bodySecrets() []secret.String {
	text := l.Body.Reveal()
	if text == "" {
		return nil
	}
	if strings.Contains(l.Type, "form-urlencoded") {
		var out []secret.String
		values, err := url.ParseQuery(text)
		if err != nil {
			return []secret.String{l.Body}
		}
		for name, list := range values {
			for _, v := range list {
				if secret.LooksSecret(name) {
					out = append(out, secret.New(v))
				}
			}
		}
		return out
	}
	var out []secret.String
	dec := jsontext.NewDecoder(strings.NewReader(text))
	name := ""
	for {
		token, err := dec.ReadToken()
		if err == io.EOF {
			return out
		}
		if err != nil {
			return []secret.String{l.Body} // what cannot be read is hidden whole
		}
		kind, n := dec.StackIndex(dec.StackDepth())
		switch isName := kind == '{' && n%2 == 1; {
		case isName:
			name = token.String()
		case secret.LooksSecret(name) && (token.Kind() == '"' || token.Kind() == '0'):
			out = append(out, secret.New(token.String()))
		}
	}
}

// sessionProver logs in before the first request, and again when it is refused.
type sessionProver struct {
	login LoginRequest
	mu    sync.Mutex
	token token
}

func (p *sessionProver) Prove(ctx context.Context, via http.RoundTripper, req *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token.value.Empty() {
		if err := p.enter(ctx, via); err != nil {
			return err
		}
	}
	p.key().apply(req)
	return nil
}

// key is the token as what it is sent as.
func (p *sessionProver) key() Key {
	return Key{Name: p.login.Name, Value: secret.New(p.login.Prefix + p.token.value.Reveal()), Location: p.login.Send}
}

func (p *sessionProver) Refused(ctx context.Context, via http.RoundTripper, req *http.Request, _ http.Header) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.key()
	var carries bool
	switch now.Location {
	case Query:
		carries = req.URL.Query().Get(now.Name) == now.Value.Reveal()
	case Cookie:
		carries = strings.Contains(req.Header.Get("Cookie"), now.Name+"="+now.Value.Reveal())
	default:
		carries = req.Header.Get(now.Name) == now.Value.Reveal()
	}
	if !carries {
		return true, nil // another request has logged in again meanwhile
	}
	err := p.enter(ctx, via)
	return err == nil, err
}

func (p *sessionProver) Secrets() []secret.String {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.token.used)
}

// enter logs in. The caller holds p.mu.
func (p *sessionProver) enter(ctx context.Context, via http.RoundTripper) error {
	text, err := p.login.encode()
	var body io.Reader
	if text != "" {
		body = strings.NewReader(text)
	}
	req, rerr := http.NewRequestWithContext(ctx, p.login.Method, p.login.URL.Reveal(), body)
	if err = errors.Join(err, rerr); err != nil {
		return errs.New(errs.Invalid, "the login request cannot be built").Named("login-invalid")
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	if p.login.Type != "" {
		req.Header.Set("Content-Type", p.login.Type)
	}
	for _, h := range p.login.Headers {
		req.Header.Set(h.Name, h.Value.Reveal())
	}
	resp, err := quiet(via).Do(req)
	if err != nil {
		if e, ok := errs.Find(err); ok {
			return e
		}
		return errs.New(errs.Upstream, "the login address did not answer").Named("login-failed").Fix("check the login's url")
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, wholeBody))
	if err != nil {
		return errs.New(errs.Upstream, "the login address broke off its answer").Named("login-failed").Fix("try again later")
	}
	// A login by form often answers with a cookie and a redirect.
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return errs.New(errs.Upstream, "the login was answered with %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)).Named("login-refused").
			Fix("check the user name and the password of the login", "check the login's url and method")
	}
	value, err := p.login.find(resp, answer)
	if err != nil {
		return err
	}
	if err := oneLine(value); err != nil {
		return err
	}
	p.token.set(value)
	return nil
}

// find takes the token out of an answer.
func (l LoginRequest) find(resp *http.Response, body []byte) (string, error) {
	missing := func(where string) error {
		return errs.New(errs.Upstream, "the login was answered with %d, and its answer has no token %s", resp.StatusCode, where).
			Named("login-token-missing").Fix("check the login's token: in and path")
	}
	switch l.From {
	case Header:
		if v := resp.Header.Get(l.Path); v != "" {
			return v, nil
		}
		return "", missing("in the header " + clip(l.Path, 60))
	case Cookie:
		for _, c := range resp.Cookies() {
			if c.Name == l.Path && c.Value != "" {
				return c.Value, nil
			}
		}
		return "", missing("in the cookie " + clip(l.Path, 60))
	}
	if v, ok := pick(body, l.Path); ok {
		return v, nil
	}
	return "", missing("at " + clip(l.Path, 60))
}

// pick returns the string or number at keys joined by dots; an empty path is the
// whole body, which may then be plain text.
func pick(body []byte, path string) (string, bool) {
	value := jsontext.Value(body)
	if path == "" && !value.IsValid() {
		text := strings.TrimSpace(string(body))
		return text, text != ""
	}
	for path != "" {
		var key string
		key, path, _ = strings.Cut(path, ".")
		var ok bool
		if value, ok = step(value, key); !ok {
			return "", false
		}
	}
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		return string(text), err == nil && len(text) > 0
	case '0':
		return string(value), true
	}
	return "", false
}

// step returns a member of an object or an element of an array.
func step(value jsontext.Value, key string) (jsontext.Value, bool) {
	dec := jsontext.NewDecoder(strings.NewReader(string(value)))
	open, err := dec.ReadToken()
	if err != nil {
		return nil, false
	}
	for i := 0; dec.PeekKind() != ']' && dec.PeekKind() != '}'; i++ {
		name := strconv.Itoa(i)
		if open.Kind() == '{' {
			token, err := dec.ReadToken()
			if err != nil {
				return nil, false
			}
			name = token.String()
		}
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		if name == key {
			return v.Clone(), true
		}
	}
	return nil, false
}
