package httpsource

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/secret"
)

// ordered is a JSON object that keeps the order of its members.
type ordered []field

type field struct {
	name  string
	value any // string, bool, int64, float64, jsontext.Value, ordered or []any
}

func (o ordered) index(name string) int {
	for i, f := range o {
		if f.name == name {
			return i
		}
	}
	return -1
}

// encode writes o. The encoder writes to memory, so its only error would be a
// value of a type that field does not allow.
func (o ordered) encode(enc *jsontext.Encoder) {
	must(enc.WriteToken(jsontext.BeginObject))
	for _, f := range o {
		must(enc.WriteToken(jsontext.String(f.name)))
		encodeValue(enc, f.value)
	}
	must(enc.WriteToken(jsontext.EndObject))
}

func encodeValue(enc *jsontext.Encoder, value any) {
	switch v := value.(type) {
	case string:
		must(enc.WriteToken(jsontext.String(v)))
	case bool:
		must(enc.WriteToken(jsontext.Bool(v)))
	case int64:
		must(enc.WriteToken(jsontext.Int(v)))
	case float64:
		must(enc.WriteToken(jsontext.Float(v)))
	case jsontext.Value:
		must(enc.WriteValue(v))
	case ordered:
		v.encode(enc)
	case []any:
		must(enc.WriteToken(jsontext.BeginArray))
		for _, e := range v {
			encodeValue(enc, e)
		}
		must(enc.WriteToken(jsontext.EndArray))
	default:
		panic("httpsource: a field holds a type that cannot be written")
	}
}

func must(err error) {
	if err != nil {
		panic("httpsource: writing JSON to memory: " + err.Error())
	}
}

// hideBody returns a raw body with the values under secret-looking keys hidden,
// and calls found with each. A body that is neither JSON nor a form is returned
// as it is.
func hideBody(b Body, found func(name, value string)) string {
	content := b.Content.Reveal()
	if b.Type != RawBody || content == "" {
		return content
	}
	if hidden, ok := hideJSON(content, found); ok {
		return hidden
	}
	if strings.Contains(b.ContentType, "form-urlencoded") {
		parts := strings.Split(content, "&")
		for i, part := range parts {
			name, value, ok := strings.Cut(part, "=")
			if !ok || !secret.LooksSecret(name) {
				continue
			}
			if plain, err := url.QueryUnescape(value); err == nil {
				found(name, plain)
			}
			parts[i] = name + "=" + secret.Hidden
		}
		return strings.Join(parts, "&")
	}
	return content
}

// hideJSON does for JSON what hideBody says. It reports false if content is not
// JSON.
func hideJSON(content string, found func(name, value string)) (string, bool) {
	dec := jsontext.NewDecoder(strings.NewReader(content), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		kind, n := dec.StackIndex(dec.StackDepth())
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return strings.TrimSpace(out.String()), out.Len() > 0
		}
		if err != nil || enc.WriteToken(token) != nil {
			return "", false
		}
		if kind != '{' || n%2 != 0 || token.Kind() != '"' || !secret.LooksSecret(token.String()) {
			continue
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return "", false
		}
		collect(name, value, found)
		if enc.WriteToken(jsontext.String(secret.Hidden)) != nil {
			return "", false
		}
	}
}

// collect calls found with every scalar in value.
func collect(name string, value jsontext.Value, found func(name, value string)) {
	dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		kind, n := dec.StackIndex(dec.StackDepth())
		token, err := dec.ReadToken()
		if err != nil {
			return
		}
		if isName := kind == '{' && n%2 == 0; isName {
			continue
		}
		if k := token.Kind(); k == '"' || k == '0' {
			found(name, token.String())
		}
	}
}
