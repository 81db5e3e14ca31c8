package decode

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// columns zips an object of arrays of equal length into rows. A member that is
// no array is a fact about all rows and is repeated in each.
func (s *splitter) columns(raw jsontext.Value) error {
	names, values, err := ordered(raw)
	if err != nil {
		return err
	}
	lists := make([][]jsontext.Value, len(names))
	rows, first := -1, ""
	for i, v := range values {
		list, ok := elementsOf(v)
		if !ok {
			continue
		}
		if lists[i] = list; list == nil {
			lists[i] = []jsontext.Value{}
		}
		if rows >= 0 && len(list) != rows {
			return errs.New(errs.Upstream, "the arrays %q and %q have %d and %d elements and cannot be columns of one table",
				clip(first), clip(names[i]), rows, len(list)).Named("columns-differ").
				Fix("select one of the arrays with a response path")
		}
		rows, first = len(list), names[i]
	}
	if rows < 0 {
		return errs.New(errs.Upstream, "the selected value is not an object of arrays").Named("not-columns").
			Fix(`set options.shape to "rows"`)
	}
	for r := range rows {
		s.buf = append(s.buf[:0], '{')
		for i, name := range names {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			if s.buf, err = jsontext.AppendQuote(s.buf, name); err != nil {
				return err
			}
			s.buf = append(s.buf, ':')
			if lists[i] != nil {
				s.buf = append(s.buf, lists[i][r]...)
			} else {
				s.buf = append(s.buf, values[i]...)
			}
		}
		s.buf = append(s.buf, '}')
		if err := s.out(s.buf); err != nil {
			return err
		}
	}
	return nil
}

// ordered splits an object and keeps the order of its members.
func ordered(raw jsontext.Value) ([]string, []jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	if dec.PeekKind() != '{' {
		return nil, nil, errs.New(errs.Upstream, "the selected value is not an object of arrays").Named("not-columns").
			Fix(`set options.shape to "rows"`)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	var names []string
	var values []jsontext.Value
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name.String())
		v, err := dec.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		values = append(values, v.Clone())
	}
	return names, values, nil
}
