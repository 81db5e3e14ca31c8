package decode

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// A joiner writes one row from several places of a record. A name that is taken
// gets the prefix of its place, so that no value is lost.
type joiner struct {
	buf   []byte
	taken map[string]bool
	dec   *jsontext.Decoder
	elems []jsontext.Value
}

func (j *joiner) begin() {
	j.buf = append(j.buf[:0], '{')
	if j.taken == nil {
		j.taken = map[string]bool{}
	}
	clear(j.taken)
}

// put adds a member.
func (j *joiner) put(name, prefix string, raw []byte) error {
	for j.taken[name] {
		name = prefix + name
	}
	j.taken[name] = true
	if len(j.buf) > 1 {
		j.buf = append(j.buf, ',')
	}
	var err error
	if j.buf, err = jsontext.AppendQuote(j.buf, name); err != nil {
		return err
	}
	j.buf = append(append(j.buf, ':'), raw...)
	return nil
}

// end closes the row and returns it; it is valid until the next begin.
func (j *joiner) end() []byte {
	j.buf = append(j.buf, '}')
	return j.buf
}

// each calls f with the members of an object in their order. The value is valid
// during the call; each may not be nested in another each of the same joiner.
func (j *joiner) each(raw jsontext.Value, f func(name string, v jsontext.Value) error) error {
	j.open(raw)
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	for j.dec.PeekKind() == '"' {
		token, err := j.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		v, err := j.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := f(name, v); err != nil {
			return err
		}
	}
	return nil
}

// spread adds the members of an object.
func (j *joiner) spread(raw jsontext.Value, prefix string) error {
	return j.each(raw, func(name string, v jsontext.Value) error { return j.put(name, prefix, v) })
}

// elements splits an array without copying: the parts are valid as long as raw
// is, and the list until the next call.
func (j *joiner) elements(raw jsontext.Value) ([]jsontext.Value, bool) {
	if raw.Kind() != '[' {
		return nil, false
	}
	j.open(raw)
	j.elems = j.elems[:0]
	if _, err := j.dec.ReadToken(); err != nil {
		return nil, false
	}
	for j.dec.PeekKind() != ']' {
		v, err := j.dec.ReadValue()
		if err != nil {
			return nil, false
		}
		end := j.dec.InputOffset()
		j.elems = append(j.elems, raw[end-int64(len(v)):end])
	}
	return j.elems, true
}

func (j *joiner) open(raw jsontext.Value) {
	if j.dec == nil {
		j.dec = jsontext.NewDecoder(bytes.NewBuffer(raw))
		return
	}
	j.dec.Reset(bytes.NewBuffer(raw))
}
