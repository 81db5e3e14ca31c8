package curl

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// credentials takes what proves who is asking out of the headers and the
// address, so that it is kept as a credential. An Authorization header wins over
// -u, as in curl.
func (p *parser) credentials(s *httpsource.Spec) {
	login := p.urlLogin(s)
	if header, ok := p.request.header("Authorization"); ok {
		p.request.drop("Authorization")
		s.Auth = authorization(header)
		return
	}
	switch r := p.request; {
	case r.bearer != "":
		s.Auth = auth.Credentials{Kind: auth.Bearer, Bearer: secret.New(r.bearer)}
	case r.user != nil && *r.user != "" && *r.user != ":":
		if s.Auth = basic(*r.user); r.digest {
			s.Auth = auth.Credentials{Kind: auth.Digest, Digest: s.Auth.Basic}
		}
		if !strings.Contains(*r.user, ":") {
			p.note(Missing, "the login has no password; curl would ask for it")
		}
	case login != nil:
		s.Auth = *login
	default:
		p.apiKey(s)
	}
}

func basic(login string) auth.Credentials {
	name, password, _ := strings.Cut(login, ":")
	return auth.Credentials{Kind: auth.Basic, Basic: auth.Login{Username: name, Password: secret.New(password)}}
}

// urlLogin takes the login out of https://user:password@host.
func (p *parser) urlLogin(s *httpsource.Spec) *auth.Credentials {
	u, err := url.Parse(s.URL.Reveal())
	if err != nil || u.User == nil {
		return nil
	}
	password, _ := u.User.Password()
	login := basic(u.User.Username() + ":" + password)
	// The rest of the address stays byte for byte.
	scheme, rest, _ := strings.Cut(s.URL.Reveal(), "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	s.URL = secret.New(scheme + "://" + rest[at+1:])
	if u.User.Username() == "" && password == "" || strings.Contains(u.User.Username(), ":") {
		return nil
	}
	return &login
}

// authorization reads the value of an Authorization header. What is neither
// Bearer nor Basic is sent as it is.
func authorization(value string) auth.Credentials {
	kind, rest, _ := strings.Cut(value, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(kind, "bearer") && rest != "":
		return auth.Credentials{Kind: auth.Bearer, Bearer: secret.New(rest)}
	case strings.EqualFold(kind, "basic"):
		plain, err := base64.StdEncoding.DecodeString(rest)
		if login := string(plain); err == nil && utf8.Valid(plain) && strings.Contains(login, ":") && login != ":" {
			return basic(login)
		}
	}
	return auth.Credentials{Kind: auth.APIKey, APIKey: auth.Key{Name: "Authorization", Value: secret.New(value), Location: auth.Header}}
}

// apiKey makes the first header or query parameter that looks like one an API
// key. Further ones stay where they are.
func (p *parser) apiKey(s *httpsource.Spec) {
	for _, h := range p.request.headers {
		if !h.Value.Empty() && keyName(h.Name) {
			p.request.drop(h.Name)
			s.Auth = auth.Credentials{Kind: auth.APIKey, APIKey: auth.Key{Name: h.Name, Value: h.Value, Location: auth.Header}}
			return
		}
	}
	before, query, ok := strings.Cut(s.URL.Reveal(), "?")
	if !ok {
		return
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		plainName, err := url.QueryUnescape(name)
		plainValue, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil || plainValue == "" || !keyName(plainName) {
			continue
		}
		pairs = append(pairs[:i], pairs[i+1:]...)
		if rest := strings.Join(pairs, "&"); rest != "" {
			before += "?" + rest
		}
		s.URL = secret.New(before)
		s.Auth = auth.Credentials{Kind: auth.APIKey, APIKey: auth.Key{Name: plainName, Value: secret.New(plainValue), Location: auth.Query}}
		return
	}
}

// keyName reports whether a header or parameter of that name is an API key.
// Tokens that stand for a page or guard a browser's form are not.
func keyName(name string) bool {
	lower := strings.ToLower(name)
	for _, other := range []string{"page", "next", "cursor", "continu", "csrf", "xsrf", "sync", "cookie", "websocket", "idempotency", "session", "partition", "sort", "proxy", "signature"} {
		if strings.Contains(lower, other) {
			return false
		}
	}
	return secret.LooksSecret(name) || lower == "appid" || lower == "app_id" || lower == "x-app-id"
}
