// Package auth adds a person's credentials to a request.
//
// Credentials belong to one origin. The caller applies them to requests to that
// origin only; this package never looks at where a request goes. Kinds that get a
// token from another place send what that needs to the address that the person
// gave for it, and nowhere else.
package auth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"millwright/internal/secret"
)

// A Kind is a way of proving who is asking. Its text is what the API shows.
type Kind string

// The kinds of authentication.
const (
	None    Kind = "None"
	APIKey  Kind = "API Key"
	Bearer  Kind = "Bearer Token"
	Basic   Kind = "Basic Auth"
	OAuth2  Kind = "OAuth 2.0"     // a token for client credentials or for a refresh token
	Digest  Kind = "Digest Auth"   // RFC 7616
	Session Kind = "Session Login" // a first request whose answer holds a token
	MTLS    Kind = "mTLS"          // a client certificate and nothing else
)

// Kinds lists every kind, for messages.
func Kinds() []Kind { return []Kind{None, APIKey, Bearer, Basic, OAuth2, Digest, Session, MTLS} }

// ParseKind reads a kind regardless of case, spaces and punctuation, and in its
// short spellings ("apiKey", "bearer", "basic"). The empty text means None.
func ParseKind(text string) (Kind, bool) {
	letters := strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(text))
	switch letters {
	case "", "none", "noauth":
		return None, true
	case "apikey":
		return APIKey, true
	case "bearer", "bearertoken", "bearerauth":
		return Bearer, true
	case "basic", "basicauth":
		return Basic, true
	case "oauth", "oauth2", "oauth20", "oauth2clientcredentials", "clientcredentials", "oauth2refreshtoken":
		return OAuth2, true
	case "digest", "digestauth":
		return Digest, true
	case "session", "sessionlogin", "login":
		return Session, true
	case "mtls", "clientcertificate", "mutualtls":
		return MTLS, true
	}
	return None, false
}

// A Location is the part of the request that carries an API key.
type Location string

// The locations of an API key.
const (
	Header Location = "header"
	Query  Location = "query"
	Cookie Location = "cookie"
)

// A Key is an API key: a named value in one part of the request.
type Key struct {
	Name     string
	Value    secret.String
	Location Location
}

// A Login is a user name with a password.
type Login struct {
	Username string
	Password secret.String
}

// Credentials are what one kind needs. Only the field of that kind counts.
type Credentials struct {
	Kind    Kind // zero means None
	APIKey  Key
	Bearer  secret.String
	Basic   Login // as RFC 7617 has it
	Digest  Login // as RFC 7616 has it
	OAuth2  Grant
	Session LoginRequest
}

// A Pair is a named value.
type Pair struct {
	Name  string
	Value secret.String
}

// Apply adds the credentials to req. A query key that req already carries is
// left alone: a next link often repeats it. Kinds that need an answer first add
// nothing; see [New].
func (c Credentials) Apply(req *http.Request) {
	switch c.Kind {
	case Bearer:
		req.Header.Set("Authorization", "Bearer "+c.Bearer.Reveal())
	case Basic:
		req.Header.Set("Authorization", "Basic "+c.Basic.encoded())
	case APIKey:
		c.APIKey.apply(req)
	}
}

func (k Key) apply(req *http.Request) {
	switch k.Location {
	case Query:
		if req.URL.Query().Has(k.Name) {
			return
		}
		pair := url.QueryEscape(k.Name) + "=" + url.QueryEscape(k.Value.Reveal())
		if req.URL.RawQuery != "" {
			pair = req.URL.RawQuery + "&" + pair
		}
		req.URL.RawQuery = pair
	case Cookie:
		// Written by hand: http.Request.AddCookie drops bytes that it dislikes.
		pair := k.Name + "=" + k.Value.Reveal()
		if old := req.Header.Get("Cookie"); old != "" {
			pair = old + "; " + pair
		}
		req.Header.Set("Cookie", pair)
	default:
		req.Header.Set(k.Name, k.Value.Reveal())
	}
}

// Secrets returns the values to hide, in the forms in which they are sent.
func (c Credentials) Secrets() []secret.String {
	switch c.Kind {
	case Bearer:
		return []secret.String{c.Bearer}
	case Basic:
		return []secret.String{c.Basic.Password, secret.New(c.Basic.encoded())}
	case APIKey:
		return []secret.String{c.APIKey.Value}
	case Digest:
		return []secret.String{c.Digest.Password}
	case OAuth2:
		return c.OAuth2.secrets()
	case Session:
		return c.Session.secrets()
	}
	return nil
}

func (l Login) encoded() string {
	return base64.StdEncoding.EncodeToString([]byte(l.Username + ":" + l.Password.Reveal()))
}
