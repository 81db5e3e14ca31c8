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
	s.table = new(tabular)
	first := true
	for {
		err := r.read()
		if err == io.EOF {
			break
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
		if err := s.record(r); err != nil {
			return err
		}
	}
	return nil // a body without a record is an empty page
}

// record emits one record. A line without anything at the end of the body is no
// record; the one that is in the middle is, and has too few fields.
func (s *splitter) record(r *csvReader) error {
	width := len(s.table.names)
	if r.blank() && width > 1 {
		line := r.recordLine
		for {
			switch err := r.read(); {
			case err == io.EOF:
				return nil
			case err != nil:
				return err
			case !r.blank():
				return ragged(line, 0, width)
			}
		}
	}
	if len(r.fields) != width {
		return ragged(r.recordLine, len(r.fields), width)
	}
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
	s.buf = append(s.buf, '}')
	return s.out(s.buf)
}

func ragged(line int64, got, want int) error {
	return errs.New(errs.Upstream, "the record at line %d has %d fields, and the first has %d", line, got, want).Named("csv-ragged").
		Fix("report it to the source: its values cannot be put under columns safely",
			`if the delimiter was taken wrongly, set options.shape, for example to "csv; delimiter=semicolon"`)
}
