package decode

import (
	"io"

	"millwright/internal/errs"
)

// csv emits the records of a CSV as rows.
func (s *splitter) csv() error {
	if s.plan.Path.text != "" {
		return errs.New(errs.Invalid, "a response path selects in JSON or XML, and the body is CSV").Named("path-not-for-csv").At("/responsePathExtractor").
			Fix("leave the response path empty")
	}
	shape := s.plan.Shape
	if shape.param("delimiter") == "" || shape.param("header") == "" {
		return errs.New(errs.Internal, "the CSV's dialect was not settled")
	}
	r := newCSVReader(s.leash.r, delimiter(shape.param("delimiter")), shape.param("quote") == "none", s.limits)
	s.result.Kind = '['
	s.table, s.ragged = new(tabular), raggedRows{policy: shape.param("ragged")}
	first := true
	for {
		err := r.read()
		if err == io.EOF {
			break
		}
		if err != nil && s.ragged.fails() {
			break // what was found first is told
		}
		if err != nil {
			return err
		}
		if first {
			if first = false; shape.param("header") == "present" {
				same, err := sameHeader(s.plan.Columns, r.texts(), r.recordLine)
				if err != nil {
					return err
				}
				if same {
					s.result.Columns = r.texts()
				} else {
					s.result.Columns = s.plan.Columns
				}
				if err := s.table.set(s.result.Columns); err != nil {
					return err
				}
				if same {
					continue
				}
			} else if err := s.table.widen(len(r.fields)); err != nil {
				return err
			}
		}
		if s.ragged.width == 0 {
			s.ragged.width = len(s.table.names)
		}
		if err := s.record(r); err != nil {
			return err
		}
		if s.ragged.over() {
			break
		}
	}
	return s.endRagged() // a body without a record is an empty page
}

// record emits one record, unless its number of fields is another than that of the
// first: then what was chosen for such records is done.
func (s *splitter) record(r *csvReader) error {
	width := s.ragged.width
	if r.blank() && width > 1 {
		// At the end of the body it is no record; in the middle it is, and has too few fields.
		s.ragged.hold(r.recordLine)
		return nil
	}
	s.ragged.release()
	if len(r.fields) != width {
		s.ragged.note(r.recordLine, len(r.fields))
		if s.ragged.policy != "pad" {
			return nil
		}
		if err := s.table.stretch(len(r.fields)); err != nil {
			return err
		}
	}
	if s.ragged.fails() {
		return nil // it is read on only to tell how many there are
	}
	return s.cellsOf(r)
}

// cellsOf emits the fields of a record under the names of the table.
func (s *splitter) cellsOf(r *csvReader) error {
	s.buf = append(s.buf[:0], '{')
	for i, f := range r.fields {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		s.buf = append(s.buf, s.table.quoted[i]...)
		raw := r.rec[f.from:f.to]
		if len(raw) == 0 && !f.quoted {
			s.buf = append(s.buf, "null"...)
			continue
		}
		var err error
		if s.buf, err = appendScalar(s.buf, raw); err != nil {
			return err
		}
	}
	for i := len(r.fields); i < s.ragged.width; i++ {
		s.buf = append(append(append(s.buf, ','), s.table.quoted[i]...), "null"...)
	}
	s.buf = append(s.buf, '}')
	return s.out(s.buf)
}
