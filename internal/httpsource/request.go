package httpsource

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A call is one page's request before it is sent: everything but credentials.
type call struct {
	url    *url.URL
	method string
	body   []byte
	typ    string // content type of body
	own    bool   // goes to the spec's origin: headers and credentials belong to it
}

// token tells whether a call was made before.
func (c call) token() string {
	u := *c.url
	u.User = nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String() + "\n" + string(c.body)
}

// jsonBody is the body if it is a JSON object.
func (c call) jsonBody() []byte {
	if body := bytes.TrimSpace(c.body); len(body) > 0 && body[0] == '{' && !strings.Contains(c.typ, "form") && jsontext.Value(body).IsValid() {
		return body
	}
	return nil
}

// firstCall builds the request that the person described.
func (a *asker) firstCall() (call, error) {
	u, err := url.Parse(a.spec.URL.Reveal())
	if err != nil {
		return call{}, errs.New(errs.Invalid, "url is not a valid address").Named("url-invalid").At("/url")
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = printable(u.RawQuery)
	for _, p := range a.spec.Parameters {
		if !p.Value.Empty() {
			u.RawQuery = appendQuery(u.RawQuery, p.Name, p.Value.Reveal())
		}
	}
	for _, g := range a.spec.ParameterGroups {
		for _, p := range g.Parameters {
			if !p.Value.Empty() {
				u.RawQuery = appendQuery(u.RawQuery, p.Name, p.Value.Reveal())
				break
			}
		}
	}
	c := call{url: u, method: a.spec.Method, own: true}
	if c.body, c.typ, err = a.spec.Body.encode(); err != nil {
		return call{}, err
	}
	if param, value, in, ok := paginate.First(a.spec.Options.Pagination); ok {
		return c.with(param, value, in, false)
	}
	return c, nil
}

// printable percent-encodes what cannot stand in a request line and leaves every
// other byte of a query alone.
func printable(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= 0x20 || c >= 0x7f || c == '"' || c == '<' || c == '>' {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func appendQuery(query, name, value string) string {
	pair := url.QueryEscape(name) + "=" + url.QueryEscape(value)
	if query == "" {
		return pair
	}
	return query + "&" + pair
}

// setQuery replaces a parameter where it stands, or appends it.
func setQuery(query, name, value string) string {
	pair := url.QueryEscape(name) + "=" + url.QueryEscape(value)
	var out []string
	done := false
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(key); err != nil || plain != name {
			if part != "" {
				out = append(out, part)
			}
			continue
		}
		if !done {
			out, done = append(out, pair), true
		}
	}
	if !done {
		out = append(out, pair)
	}
	return strings.Join(out, "&")
}

// step returns the call with the parameters of a step that has no URL.
func (c call) step(s paginate.Step) (call, error) {
	next, err := c.with(s.Param, s.Value, s.In, s.Text)
	if err == nil && s.SizeParam != "" {
		next, err = next.with(s.SizeParam, s.Size, s.In, false)
	}
	return next, err
}

// with returns the call with one more parameter in the query or in the body.
func (c call) with(param, value, in string, text bool) (call, error) {
	if in != "body" {
		u := *c.url
		u.RawQuery = setQuery(u.RawQuery, param, value)
		c.url = &u
		return c, nil
	}
	if strings.Contains(c.typ, "form-urlencoded") {
		c.body = []byte(setQuery(string(c.body), param, value))
		return c, nil
	}
	raw := jsontext.Value(value)
	if text || raw.Kind() != '0' || !raw.IsValid() {
		var err error
		if raw, err = jsontext.AppendQuote(nil, value); err != nil {
			return c, errs.New(errs.Upstream, "the token for the next page is not text").Named("bad-token").Because(err)
		}
	}
	body, err := setMember(c.body, strings.Split(param, "."), raw)
	if err != nil {
		return c, errs.New(errs.Invalid, "the paging parameter %q cannot be put into the body: it is not a JSON object", clip(param, 60)).
			Named("pagination-invalid").At("/options/pagination/in").Fix(`send a JSON object, or set in to "query"`)
	}
	c.body = body
	return c, nil
}

// setMember sets a member of a JSON object and keeps the order of the others.
func setMember(data []byte, path []string, value jsontext.Value) ([]byte, error) {
	o, err := readObject(data, "")
	if err != nil {
		return nil, err
	}
	out, done := ordered{}, false
	for _, m := range o.members {
		v := m.value
		if m.name == path[0] {
			done = true
			if v = value; len(path) > 1 {
				if v, err = setMember(m.value, path[1:], value); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, field{m.name, v})
	}
	if !done {
		v := value
		if len(path) > 1 {
			if v, err = setMember(nil, path[1:], value); err != nil {
				return nil, err
			}
		}
		out = append(out, field{path[0], v})
	}
	var buf bytes.Buffer
	out.encode(jsontext.NewEncoder(&buf))
	return bytes.TrimSpace(buf.Bytes()), nil
}

// encode writes the body and names its type.
func (b Body) encode() ([]byte, string, error) {
	switch b.Type {
	case RawBody:
		return []byte(b.Content.Reveal()), b.ContentType, nil
	case FormURL:
		query := ""
		for _, p := range b.Parameters {
			query = appendQuery(query, p.Name, p.Value.Reveal())
		}
		return []byte(query), "application/x-www-form-urlencoded", nil
	case FormData:
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		var problems []error
		for _, p := range b.Parameters {
			problems = append(problems, w.WriteField(p.Name, p.Value.Reveal()))
		}
		problems = append(problems, w.Close())
		return buf.Bytes(), w.FormDataContentType(), errors.Join(problems...)
	}
	return nil, "", nil
}

// safeHeaders are sent to any origin; all others only to the one that a person
// gave them for, because any header can hold a secret.
func safeHeaders() []string {
	return []string{"Accept", "Accept-Language", "Accept-Charset", "Accept-Encoding", "User-Agent"}
}

// build makes the request of a call. Credentials and the person's own headers
// are added only if it goes to the spec's origin.
func (a *asker) build(ctx context.Context, c call) (*http.Request, error) {
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	u := *c.url
	login := u.User
	u.User = nil
	req, err := http.NewRequestWithContext(ctx, c.method, "", body)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the request cannot be built").Named("url-invalid")
	}
	req.URL, req.Host = &u, u.Host
	req.Header.Set("User-Agent", a.client.cfg.UserAgent)
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	req.Header.Set("Accept-Encoding", "gzip, br, zstd")
	if c.typ != "" {
		req.Header.Set("Content-Type", c.typ)
	}
	a.addHeaders(req, c.own)
	if c.typ != "" && a.spec.Body.Type != RawBody {
		req.Header.Set("Content-Type", c.typ) // a form's type holds its boundary
	}
	if !c.own {
		return req, nil
	}
	if password, ok := login.Password(); login != nil && req.Header.Get("Authorization") == "" && (ok || login.Username() != "") {
		auth.Credentials{Kind: auth.Basic, Basic: auth.Login{Username: login.Username(), Password: secret.New(password)}}.Apply(req)
	}
	if err := a.proof.Prove(ctx, a.sideDoor(), req); err != nil {
		return nil, a.proofError(ctx, err)
	}
	a.redact.refresh()
	// Next links and redirects often leave out a key that was given as a parameter.
	for _, p := range a.spec.Parameters {
		if secret.LooksSecret(p.Name) && !p.Value.Empty() && !strings.Contains(strings.ToLower(p.Name), "page") && !u.Query().Has(p.Name) {
			req.URL.RawQuery = appendQuery(req.URL.RawQuery, p.Name, p.Value.Reveal())
		}
	}
	return req, nil
}

func (a *asker) addHeaders(req *http.Request, own bool) {
	for _, h := range a.spec.Headers {
		if !own && !containsFold(safeHeaders(), h.Name) {
			continue
		}
		switch strings.ToLower(h.Name) {
		case "host":
			req.Host = h.Value.Reveal()
		case "content-length", "transfer-encoding", "connection", "proxy-connection", "keep-alive", "upgrade", "te", "trailer", "proxy-authorization":
			// They belong to the connection, which is ours.
		default:
			req.Header.Set(h.Name, h.Value.Reveal())
		}
	}
}

func containsFold(list []string, name string) bool {
	for _, s := range list {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}
