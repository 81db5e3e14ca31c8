package decode

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

func bytesReader(raw []byte) io.Reader { return bytes.NewBuffer(raw) }

// value reads the next value whole. It is valid until the next read.
func (s *splitter) value() (jsontext.Value, error) {
	s.leash.mark = s.dec.InputOffset()
	raw, err := s.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if s.dec.StackDepth() >= s.limits.Depth {
		return nil, tooDeep(s.limits.Depth)
	}
	return raw, s.measure()
}

// measure checks the depth of the value that was read last and the number of keys of
// its objects. The tokenizer allows more of both than what comes after it can bear.
func (s *splitter) measure() error {
	if s.dec.scan.keys > s.limits.Keys {
		return tooManyKeys(s.limits.Keys)
	}
	if s.dec.deep() > s.limits.Depth {
		return tooDeep(s.limits.Depth)
	}
	return nil
}

// held reads the next value whole, which may be as long as a document that has
// to be held.
func (s *splitter) held() (jsontext.Value, error) {
	limit, option := s.leash.limit, s.leash.option
	s.leash.limit, s.leash.option = max(s.limits.DocumentBytes, limit), "document_bytes"
	defer func() { s.leash.limit, s.leash.option = limit, option }()
	return s.value()
}

// within lets f read a value in memory as if it came next.
func (s *splitter) within(raw jsontext.Value, f func() error) error {
	dec, rope := s.dec, s.leash
	s.leash = &leash{r: bytesReader(raw), limit: max(s.limits.DocumentBytes, s.limits.RecordBytes), option: "document_bytes"}
	s.dec = newTokens(s.leash)
	defer func() { s.dec, s.leash = dec, rope }()
	return f()
}

// members calls f for each member of the object that comes next; f reads the
// value.
func (s *splitter) members(f func(name string) error) error {
	if err := s.open(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		s.leash.mark = s.dec.InputOffset()
		if s.dec.PeekKind() == '}' {
			return s.close()
		}
		token, err := s.dec.ReadToken()
		if err != nil {
			return err
		}
		if n >= s.limits.Keys {
			return tooManyKeys(s.limits.Keys)
		}
		if err := f(token.String()); err != nil {
			return err
		}
	}
}

// elements calls f for each element of the array that comes next; f reads it.
func (s *splitter) elements(f func(i int64) error) error {
	if err := s.open(); err != nil {
		return err
	}
	for i := int64(0); ; i++ {
		switch s.dec.PeekKind() {
		case ']':
			return s.close()
		case jsontext.KindInvalid:
			_, err := s.dec.ReadToken()
			return err
		}
		if err := f(i); err != nil {
			return err
		}
	}
}

func (s *splitter) open() error {
	s.leash.mark = s.dec.InputOffset()
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	if s.dec.StackDepth() > s.limits.Depth {
		return tooDeep(s.limits.Depth)
	}
	return nil
}

func (s *splitter) close() error {
	s.leash.mark = s.dec.InputOffset()
	_, err := s.dec.ReadToken()
	return err
}

// skip checks the next value and drops it, however long it is.
func (s *splitter) skip() error {
	base := s.dec.StackDepth()
	s.leash.mark = s.dec.InputOffset()
	if s.dec.pass() {
		if s.dec.scan.keys > s.limits.Keys {
			return tooManyKeys(s.limits.Keys)
		}
		if base+s.dec.deep() > s.limits.Depth {
			return tooDeep(s.limits.Depth)
		}
		return nil
	}
	for {
		s.leash.mark = s.dec.InputOffset()
		if _, err := s.dec.ReadToken(); err != nil {
			return err
		}
		depth := s.dec.StackDepth()
		if depth > s.limits.Depth {
			return tooDeep(s.limits.Depth)
		}
		if l := s.dec.top(); l != nil && l.kind == '{' && l.n > int64(s.limits.Keys) {
			return tooManyKeys(s.limits.Keys)
		}
		if depth == base {
			return nil
		}
	}
}

// pick follows names and indexes inside a value in memory.
func pick(raw jsontext.Value, steps []step) (jsontext.Value, bool, error) {
	for _, st := range steps {
		dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
		kind := dec.PeekKind()
		if st.kind == byName && kind != '{' || st.kind == byIndex && kind != '[' {
			return nil, false, nil
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil, false, err
		}
		found := false
		for i := 0; !found && dec.PeekKind() != '}' && dec.PeekKind() != ']'; i++ {
			hit := st.kind == byIndex && i == st.index
			if kind == '{' {
				name, err := dec.ReadToken()
				if err != nil {
					return nil, false, err
				}
				hit = name.String() == st.name
			}
			v, err := dec.ReadValue()
			if err != nil {
				return nil, false, err
			}
			if hit {
				raw, found = v.Clone(), true
			}
		}
		if !found {
			return nil, false, nil
		}
	}
	return raw, true, nil
}
