package source

import (
	"bytes"
	"encoding/json"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// A leaf is a value of a JSON document that is hidden when it is shown.
type leaf struct {
	pointer string
	text    string
	secret  bool // by its own name, not only because of where it stands
}

// conceal returns the JSON document with every value that may be a secret
// replaced by [secret.Hidden], and what it replaced: every value at or below a
// key that looks like a secret's, every value of headers, cookies, parameters
// and bodies, and passwords and query values of URLs. Key order is not kept.
func conceal(raw json.RawMessage, pointer string) (any, []leaf, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // a number must not change on its way through
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, nil, errs.New(errs.Invalid, "%s is not JSON", strings.TrimPrefix(pointer, "/")).At(pointer).Because(err)
	}
	var m masker
	return m.value(value, place{pointer: pointer}), m.found, nil
}

type masker struct{ found []leaf }

// A place is where in the document the masker stands.
type place struct {
	pointer string
	hide    bool
	secret  bool // hidden because a key on the way here looks like a secret's
	pair    bool // an object here is a {name, value, location}, so the name is none
}

func (m *masker) value(v any, at place) any {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys) // so that the first refusal is always the same one
		out := make(map[string]any, len(v))
		for _, k := range keys {
			out[k] = m.member(v[k], k, at)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = m.value(v[i], place{at.pointer + "/" + strconv.Itoa(i), at.hide, at.secret, true})
		}
		return out
	case string:
		return m.text(v, at)
	case json.Number:
		if at.hide {
			return m.text(v.String(), at)
		}
	}
	return v // true, false, null and visible numbers
}

func (m *masker) member(v any, key string, at place) any {
	if text, ok := v.(string); ok {
		if _, known := auth.ParseKind(text); known && isKey(key, "authtype", "type") {
			return v // "Bearer Token" says how, not what
		}
		if at.pair && isKey(key, "name", "key", "location", "in", "addto") {
			return v
		}
	}
	looks := secret.LooksSecret(key)
	return m.value(v, place{
		pointer: at.pointer + "/" + escape(key),
		hide:    at.hide || looks || carries(key),
		secret:  at.secret || looks,
		pair:    isKey(key, "apikey"),
	})
}

// carries reports whether values under the key go into the request, where any
// of them may be a secret whatever its name.
func carries(key string) bool {
	return isKey(key, "headers", "header", "cookies", "params", "parameters", "parametergroups", "query", "queryparams",
		"body", "dsn", "connectionstring", "username", "user")
}

// isKey compares regardless of case and underscores: clients mix both spellings.
func isKey(key string, names ...string) bool {
	plain := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
	for _, n := range names {
		if plain == n {
			return true
		}
	}
	return false
}

func (m *masker) text(text string, at place) string {
	if text == "" {
		return text
	}
	if at.hide {
		m.found = append(m.found, leaf{at.pointer, text, at.secret})
		return secret.Hidden
	}
	return maskURL(text, func(string) bool { return true }, func(name, value string) {
		m.found = append(m.found, leaf{at.pointer, value, name == "" || secret.LooksSecret(name)})
	})
}

// redactAll hides known secrets where they are repeated under a harmless name.
func redactAll(value any, known secret.Redactor) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			v[k] = redactAll(v[k], known)
		}
	case []any:
		for i := range v {
			v[i] = redactAll(v[i], known)
		}
	case string:
		return known.Redact(v)
	}
	return value
}

// maskURI hides the password and the secret-looking query values of a URI.
func maskURI(uri string) string { return maskURL(uri, secret.LooksSecret, func(string, string) {}) }

// maskURL hides the user information and the query values that hide selects, if
// text is a URL, and calls found with each and its name ("" for the user's);
// anything else it returns as it is.
func maskURL(text string, hide func(name string) bool, found func(name, value string)) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return text
	}
	hidden := u.User != nil
	if hidden {
		found("", u.User.Username())
		if password, ok := u.User.Password(); ok {
			found("", password)
		}
		u.User = url.User(secret.Hidden)
	}
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if value == "" || !hide(plain) {
			continue
		}
		if unescaped, err := url.QueryUnescape(value); err == nil {
			value = unescaped
		}
		hidden = true
		found(plain, value)
		pairs[i] = name + "=" + secret.Hidden
	}
	if !hidden {
		return text // spelled as it was
	}
	u.RawQuery = strings.Join(pairs, "&")
	return u.String()
}

// refusePlaceholder fails if one of the secrets is what we show instead of one:
// the client sent back what it had read.
func refusePlaceholder(leaves []leaf) error {
	for _, l := range leaves {
		if strings.Contains(l.text, secret.Hidden) {
			return placeholderAt(l.pointer)
		}
	}
	return nil
}

func placeholderAt(pointer string) *errs.Error {
	return errs.New(errs.Invalid, "%s is the placeholder %s that stands for a hidden secret, not a secret", pointer, secret.Hidden).
		Named("placeholder-sent").At(pointer).
		Fix("enter the secret again", "or leave the whole field out to keep the stored one")
}

func escape(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }
