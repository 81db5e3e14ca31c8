package httpsource

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// A reveal shows the value of a named field, or hides it: text, or a reference
// as {"secret": NAME}.
type reveal func(name string, value secret.String) any

// plainly is a reveal for values whose references are shown as what they are.
func plainly(show func(name string, value secret.String) string) reveal {
	return func(name string, v secret.String) any {
		if v.Name() != "" {
			return ordered{{"secret", v.Name()}}
		}
		return show(name, v)
	}
}

// Public returns the request in the guide's camelCase form with every secret
// shown as "REDACTED": auth values, and the values of headers, parameters, form
// fields, query parameters of the URL and keys of a JSON body whose name looks
// like a secret's.
func (s Spec) Public() json.RawMessage { return s.write(plainly(s.hider()), s.PublicURL()) }

// Sealed returns the request with its secrets, for a vault and nothing else.
// [ParseSealed] reads it.
func (s Spec) Sealed() ([]byte, error) {
	return s.write(plainly(func(_ string, v secret.String) string { return v.Reveal() }), s.URL.Reveal()), nil
}

// MarshalJSON returns what Public returns, so that a Spec is safe to log.
func (s Spec) MarshalJSON() ([]byte, error) { return s.Public(), nil }

// PublicURL returns the URL without secrets.
func (s Spec) PublicURL() string { return publicURL(s.URL.Reveal(), s.redactor()) }

// Secrets returns every value to hide in texts about this request.
func (s Spec) Secrets() []secret.String {
	out := s.Auth.Secrets()
	add := func(name string, v secret.String) {
		if !v.Empty() && secret.LooksSecret(name) {
			out = append(out, v)
			// "Bearer abc", "Token abc": the second word is the secret.
			if _, token, ok := strings.Cut(v.Reveal(), " "); ok && len(token) >= 6 {
				out = append(out, secret.New(token))
			}
		}
	}
	s.each(func(_, name string, v *secret.String) { add(name, *v) })
	if u, err := url.Parse(s.URL.Reveal()); err == nil {
		if password, ok := u.User.Password(); ok {
			out = append(out, secret.New(password))
		}
		for name, values := range u.Query() {
			for _, v := range values {
				add(name, secret.New(v))
			}
		}
	}
	// A token's address is no place for a secret, but people put them there.
	for _, place := range []secret.String{s.Auth.OAuth2.TokenURL, s.Auth.Session.URL} {
		if u, err := url.Parse(place.Reveal()); err == nil {
			if password, ok := u.User.Password(); ok {
				out = append(out, secret.New(password))
			}
			for name, values := range u.Query() {
				for _, v := range values {
					add(name, secret.New(v))
				}
			}
		}
	}
	hideBody(s.Body, func(name, value string) { out = append(out, secret.New(value)) })
	return out
}

func (s Spec) redactor() secret.Redactor { return secret.NewRedactor(s.Secrets()...) }

func (s Spec) hider() func(name string, value secret.String) string {
	known := s.redactor()
	return func(name string, v secret.String) string {
		if v.Empty() {
			return ""
		}
		if secret.LooksSecret(name) {
			return secret.Hidden
		}
		return known.Redact(v.Reveal())
	}
}

// A redactor hides what it knows to be secret.
type redactor interface{ Redact(text string) string }

// publicURL hides the password and the secret-looking query values of text, and
// leaves the rest as it is spelled.
func publicURL(text string, known redactor) string {
	u, err := url.Parse(text)
	if err != nil {
		return known.Redact(text)
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), secret.Hidden)
	}
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if ok && value != "" && secret.LooksSecret(plain) {
			pairs[i] = name + "=" + secret.Hidden
		}
	}
	u.RawQuery = strings.Join(pairs, "&")
	return known.Redact(u.String())
}

func (s Spec) write(show reveal, address string) json.RawMessage {
	fields := ordered{
		{"url", address},
		{"method", s.Method},
		{"headers", pairs(s.Headers, show)},
		{"parameters", params(s.Parameters, show)},
		{"parameterGroups", groups(s.ParameterGroups, show)},
		{"authType", string(kindOf(s.Auth))},
		{"auth", credentials(s.Auth, show)},
	}
	if !s.Body.Empty() {
		fields = append(fields, field{"body", body(s.Body, show)})
	}
	if s.ResponsePath != "" {
		fields = append(fields, field{"responsePathExtractor", s.ResponsePath})
	}
	if o := options(s.Options, show); len(o) > 0 {
		fields = append(fields, field{"options", o})
	}
	var buf bytes.Buffer
	enc := jsontext.NewEncoder(&buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	fields.encode(enc)
	return bytes.TrimSpace(buf.Bytes())
}

func kindOf(c auth.Credentials) auth.Kind {
	if c.Kind == "" {
		return auth.None
	}
	return c.Kind
}

func pairs(list []Pair, show reveal) ordered {
	out := ordered{}
	for _, p := range list {
		out = append(out, field{p.Name, show(p.Name, p.Value)})
	}
	return out
}

// params writes a repeated parameter as one array: keys of an object are unique.
func params(list []Param, show reveal) ordered {
	out := ordered{}
	for _, p := range list {
		value := show(p.Name, p.Value)
		if i := out.index(p.Name); i >= 0 {
			old := out[i].value.(ordered)
			if many, ok := old[0].value.([]any); ok {
				old[0].value = append(many, value)
			} else {
				old[0].value = []any{old[0].value, value}
			}
			continue
		}
		out = append(out, field{p.Name, ordered{{"value", value}, {"required", p.Required}}})
	}
	return out
}

func groups(list []Group, show reveal) []any {
	out := []any{}
	for _, g := range list {
		members := []any{}
		for _, p := range g.Parameters {
			members = append(members, ordered{{"key", p.Name}, {"value", show(p.Name, p.Value)}})
		}
		out = append(out, ordered{{"required", g.Required}, {"parameters", members}})
	}
	return out
}

func body(b Body, show reveal) ordered {
	out := ordered{{"type", string(b.Type)}}
	if b.Type != RawBody {
		list := make([]Param, len(b.Parameters))
		for i, p := range b.Parameters {
			list[i] = Param{Name: p.Name, Value: p.Value}
		}
		return append(out, field{"parameters", params(list, show)})
	}
	// A probe tells whether show hides: a body has no name of its own.
	content := any(b.Content.Reveal())
	if show("password", secret.New("probe")) == secret.Hidden {
		content = show("content", secret.New(hideBody(b, func(string, string) {})))
	}
	return append(out, field{"contentType", b.ContentType}, field{"content", content})
}

func options(o SpecOptions, show reveal) ordered {
	out := ordered{}
	if p, err := json.Marshal(o.Pagination); err == nil && o.Pagination.Kind != "" {
		out = append(out, field{"pagination", jsontext.Value(p)})
	} else if o.Pagination.CrossOrigin {
		out = append(out, field{"pagination", ordered{{"kind", "auto"}, {"cross_origin", true}}})
	}
	if o.Shape != "" {
		out = append(out, field{"shape", string(o.Shape)})
	}
	limits := ordered{}
	values := limitFields(&o.Limits)
	for _, name := range limitNames() {
		if *values[name] != 0 {
			limits = append(limits, field{name, *values[name]})
		}
	}
	if len(limits) > 0 {
		out = append(out, field{"limits", limits})
	}
	if o.Retry != (Retry{}) {
		out = append(out, field{"retry", ordered{
			{"attempts", int64(o.Retry.Attempts)}, {"max_wait_seconds", int64(o.Retry.MaxWait / time.Second)}, {"safe", o.Retry.Safe}, {"unsafe", o.Retry.Unsafe},
		}})
	}
	if o.Rate != 0 {
		out = append(out, field{"rate", ordered{{"requests_per_second", o.Rate}}})
	}
	if o.Parallel != 0 {
		out = append(out, field{"parallel", int64(o.Parallel)})
	}
	if t := tlsFields(o.TLS, show); len(t) > 0 {
		out = append(out, field{"tls", t})
	}
	if !o.Run.IsZero() {
		out = append(out, field{"run", o.Run.write()})
	}
	if o.WarnOnly {
		out = append(out, field{"on_partial", "warn"})
	}
	return out
}
