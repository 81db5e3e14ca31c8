package ingest

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A finder picks members out of records. It is not safe for concurrent use.
type finder struct {
	dec  jsontext.Decoder
	text bytes.Reader
}

// find returns the value at the path of keys in an object, which is valid until the
// next call, and whether there is one.
func (f *finder) find(record []byte, path ...string) (jsontext.Value, bool) {
	f.text.Reset(record)
	f.dec.Reset(&f.text, jsontext.AllowDuplicateNames(true))
	for depth, key := range path {
		if f.dec.PeekKind() != '{' {
			return nil, false
		}
		if _, err := f.dec.ReadToken(); err != nil {
			return nil, false
		}
		if !f.member(key) {
			return nil, false
		}
		if depth == len(path)-1 {
			v, err := f.dec.ReadValue()
			return v, err == nil
		}
	}
	return nil, false
}

// member moves to the value of that key in the object that was entered.
func (f *finder) member(key string) bool {
	for f.dec.PeekKind() == '"' {
		name, err := f.dec.ReadToken()
		if err != nil {
			return false
		}
		if name.String() == key {
			return true
		}
		if f.dec.SkipValue() != nil {
			return false
		}
	}
	return false
}

// field returns the value of a field that a person named: a key, or keys with dots
// between them. A key that has dots itself comes first.
func (f *finder) field(record []byte, name string) (jsontext.Value, bool) {
	if v, ok := f.find(record, name); ok {
		return v, true
	}
	if path := strings.Split(name, "."); len(path) > 1 {
		return f.find(record, path...)
	}
	return nil, false
}

// someKeys is how many keys a message names.
const someKeys = 20

// keys lists the keys of a record for a message.
func keys(record []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(record), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return ""
	}
	var names []string
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			break
		}
		name := clip(token.String()) // valid until the next read
		if len(names) == someKeys {
			name = "…"
		}
		if names = append(names, name); len(names) > someKeys || d.SkipValue() != nil {
			break
		}
	}
	return strings.Join(names, ", ")
}

// fingerprint returns a hash of the record's content: neither white space nor the
// order of keys counts.
func fingerprint(record []byte) (hash, error) {
	v := jsontext.Value(bytes.Clone(record))
	if err := v.Format(jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(false),
		jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false), jsontext.Multiline(false),
		jsontext.SpaceAfterColon(false), jsontext.SpaceAfterComma(false), jsontext.AllowDuplicateNames(true)); err != nil {
		return hash{}, err
	}
	return sumOf(v), nil
}
