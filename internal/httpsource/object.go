package httpsource

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// A member is one field of a JSON object, with the pointer that names it in the
// caller's own spelling.
type member struct {
	name    string
	pointer string
	value   jsontext.Value
}

// An object keeps the order of its members: parameters are sent in that order.
type object struct {
	pointer string
	members []member
}

// readObject splits a JSON object into members. The empty value and null are
// empty objects.
func readObject(data jsontext.Value, pointer string) (object, error) {
	o := object{pointer: pointer}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return o, nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return o, badJSON(err, pointer)
		}
		return o, wrong(pointer, "must be an object").Named("wrong-type")
	}
	if _, err := dec.ReadToken(); err != nil {
		return o, badJSON(err, pointer)
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return o, badJSON(err, pointer)
		}
		key := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return o, badJSON(err, pointer)
		}
		o.members = append(o.members, member{key, pointer + "/" + escapePointer(key), value.Clone()})
	}
	if _, err := dec.ReadToken(); err != nil {
		return o, badJSON(err, pointer)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return o, wrong(pointer, "something follows the object").Named("bad-json")
	}
	return o, nil
}

// readArray splits a JSON array into members named by their index.
func readArray(m member) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(m.value))
	if dec.PeekKind() != '[' {
		return nil, wrong(m.pointer, "must be an array").Named("wrong-type")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, badJSON(err, m.pointer)
	}
	var out []member
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, badJSON(err, m.pointer)
		}
		out = append(out, member{"", m.pointer + "/" + itoa(len(out)), value.Clone()})
	}
	return out, nil
}

// get returns the member that a caller spells in camelCase or snake_case. null
// counts as absent.
func (o object) get(names ...string) (member, bool) {
	for _, m := range o.members {
		for _, name := range names {
			if snake(m.name) == name && m.value.Kind() != 'n' {
				return m, true
			}
		}
	}
	return member{}, false
}

// at names the place of a member that may be missing.
func (o object) at(name string) string { return o.pointer + "/" + name }

// over returns the members of o, and those of base that o lacks or leaves empty.
func (o object) over(base object) object {
	merged := object{pointer: o.pointer}
	have := map[string]bool{}
	for _, m := range o.members {
		if !isBlank(m.value) {
			merged.members = append(merged.members, m)
			have[canonical(m.name)] = true
		}
	}
	for _, m := range base.members {
		if !have[canonical(m.name)] {
			merged.members = append(merged.members, m)
		}
	}
	return merged
}

// canonical is the one name of a field that has aliases.
func canonical(name string) string {
	if name = snake(name); name == "auth_config" {
		return "auth"
	}
	return name
}

func isBlank(v jsontext.Value) bool {
	switch string(compact(v)) {
	case "null", `""`, "{}", "[]":
		return true
	}
	return false
}

func compact(v jsontext.Value) jsontext.Value {
	c := v.Clone()
	if err := c.Compact(); err != nil {
		return v
	}
	return c
}

// scalar returns the text of a string, number or boolean exactly as it is
// spelled; null is the empty text.
func (m member) scalar() (string, error) {
	switch m.value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, m.value)
		if err != nil {
			return "", badJSON(err, m.pointer)
		}
		return string(text), nil
	case '0', 't', 'f':
		return string(m.value), nil
	case 'n':
		return "", nil
	}
	return "", wrong(m.pointer, "must be a string").Named("wrong-type")
}

// text returns the text of an optional scalar member.
func (o object) text(names ...string) (string, error) {
	m, ok := o.get(names...)
	if !ok {
		return "", nil
	}
	return m.scalar()
}

// scalarOr is scalar for a member that may be missing.
func (m member) scalarOr(missing string) (string, error) {
	if m.value == nil {
		return missing, nil
	}
	return m.scalar()
}

// secret reads a scalar, or {"secret": NAME}: a reference to one.
func (m member) secret() (secret.String, error) {
	if name, ok := reference(m); ok {
		return secret.Ref(name), nil
	}
	text, err := m.scalar()
	return secret.New(text), err
}

// secret reads an optional member that may hold a secret or refer to one.
func (o object) secret(names ...string) (secret.String, error) {
	m, ok := o.get(names...)
	if !ok {
		return secret.String{}, nil
	}
	return m.secret()
}

// reference returns the name in {"secret": NAME}.
func reference(m member) (string, bool) {
	if m.value.Kind() != '{' {
		return "", false
	}
	o, err := readObject(m.value, m.pointer)
	if err != nil || len(o.members) != 1 || o.members[0].name != "secret" || o.members[0].value.Kind() != '"' {
		return "", false
	}
	name, err := o.members[0].scalar()
	return name, err == nil && name != ""
}

// snake turns the camelCase of known fields into snake_case.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) {
			if i > 0 {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// wrong is an error about one field of the request.
func wrong(pointer, format string, args ...any) *errs.Error {
	e := errs.New(errs.Invalid, format, args...)
	name := strings.TrimPrefix(pointer, "/")
	if name != "" {
		e.Msg = name + " " + e.Msg
	}
	return e.At(pointer)
}

func badJSON(err error, pointer string) error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return wrong(pointer, "is not valid JSON").Named("bad-json")
	}
	what := "is not valid JSON"
	if errors.Is(err, jsontext.ErrDuplicateName) {
		what = "has the same key twice"
	}
	return wrong(pointer+string(syntax.JSONPointer), "%s (byte %d)", what, syntax.ByteOffset).
		Named("bad-json").Fix("send a JSON object")
}
