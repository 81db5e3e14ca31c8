package decode

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// A tabular gives names to the values of rows that come as arrays.
type tabular struct {
	names  []string
	quoted [][]byte // the names as JSON with a colon; one for each name
	fixed  bool     // a row may not be longer than the names
	rows   int64
}

func (t *tabular) set(names []string) error {
	t.names, t.quoted, t.fixed = distinctNames(names), nil, true
	return t.quote()
}

// widen names columns up to n by their number.
func (t *tabular) widen(n int) error {
	for len(t.names) < n {
		t.names = append(t.names, columnName(len(t.names)))
	}
	return t.quote()
}

// stretch names columns up to n that a header left without a name.
func (t *tabular) stretch(n int) error {
	if n <= len(t.names) {
		return nil
	}
	more := slices.Clone(t.names)
	for i := len(more); i < n; i++ {
		more = append(more, columnName(i))
	}
	t.names = distinctNames(more)
	return t.quote()
}

func (t *tabular) quote() error {
	for i := len(t.quoted); i < len(t.names); i++ {
		q, err := jsontext.AppendQuote(nil, t.names[i])
		if err != nil {
			return err
		}
		t.quoted = append(t.quoted, append(q, ':'))
	}
	return nil
}

// append adds the cells as members. A row that is shorter than the names ends in
// nulls: many sources leave empty cells at the end out.
func (t *tabular) append(buf []byte, cells []jsontext.Value) ([]byte, error) {
	t.rows++
	if len(cells) > len(t.names) {
		if t.fixed {
			return nil, errs.New(errs.Upstream, "row %d has %d values for %d columns", t.rows, len(cells), len(t.names)).Named("arrays-ragged").
				Fix(`if the first row is no header, set options.shape to "arrays; header=absent"`, `or set options.shape to "rows" to take the arrays as they are`)
		}
		if err := t.widen(len(cells)); err != nil {
			return nil, err
		}
	}
	for i, q := range t.quoted {
		if buf[len(buf)-1] != '{' {
			buf = append(buf, ',')
		}
		buf = append(buf, q...)
		if i < len(cells) {
			buf = append(buf, cells[i]...)
		} else {
			buf = append(buf, "null"...)
		}
	}
	return buf, nil
}

// cells emits an element of an array of arrays as a row. The first may be a
// header; on later pages it is one only if it is the same again.
func (s *splitter) cells(raw jsontext.Value) error {
	row, ok := s.join.elements(raw)
	if !ok {
		return errs.New(errs.Upstream, "an element is not an array, as the first one is").Named("not-an-array").
			Fix(`set options.shape to "rows" to take the elements as they are`)
	}
	if len(row) > s.limits.Keys {
		return tooManyKeys(s.limits.Keys)
	}
	if s.table == nil {
		s.table = &tabular{}
		if s.plan.Shape.param("header") == "present" {
			return s.heading(row)
		}
	}
	return s.named(row)
}

// heading takes the first row of arrays as the names.
func (s *splitter) heading(row []jsontext.Value) error {
	names := make([]string, len(row))
	for i, v := range row {
		names[i] = text(v)
	}
	same, err := sameHeader(s.plan.Columns, names, 1)
	if err != nil {
		return err
	}
	if !same {
		if err := s.table.set(s.plan.Columns); err != nil {
			return err
		}
		return s.named(row)
	}
	s.result.Columns = names
	return s.table.set(names)
}

// named emits a row of values under the names of the table.
func (s *splitter) named(row []jsontext.Value) error {
	var err error
	if s.buf, err = s.table.append(append(s.buf[:0], '{'), row); err != nil {
		return err
	}
	return s.out(append(s.buf, '}'))
}

// sameHeader reports whether the first row of a page is the header that an
// earlier page had. A row with none of its names is a row of values; one with
// some of them at other places would put values under wrong names.
func sameHeader(want, got []string, line int64) (bool, error) {
	if want == nil || slices.Equal(want, got) {
		return true, nil
	}
	for _, name := range got {
		if strings.TrimSpace(name) != "" && slices.Contains(want, name) {
			return false, errs.New(errs.Upstream, "the header at line %d differs from that of the first page: %s instead of %s", line,
				clip(strings.Join(got, ", ")), clip(strings.Join(want, ", "))).Named("header-changed").
				Fix("report it to the source: pages of one table must have the same columns")
		}
	}
	return false, nil
}

// text is a string's text, or any other value as it is written.
func text(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		out, _ := jsontext.AppendUnquote(nil, v) // valid: the tokenizer read it
		return string(out)
	case 'n':
		return ""
	}
	return string(v)
}
