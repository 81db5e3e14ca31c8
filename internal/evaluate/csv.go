package evaluate

import (
	"io"
	"strings"
	"unicode/utf8"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// csvSink writes RFC 4180: CRLF, and quotes where they are needed. encoding/csv
// cannot tell an empty text from a null.
type csvSink struct {
	w     io.Writer
	safe  bool
	head  []byte // until it was written
	line  []byte
	field []byte
}

func newCSV(schema table.Schema, w io.Writer, safe bool) *csvSink {
	s := &csvSink{w: w, safe: safe}
	for i, c := range schema.Columns {
		if i > 0 {
			s.head = append(s.head, ',')
		}
		s.head = s.append(s.head, c.Name, true)
	}
	s.head = append(s.head, "\r\n"...)
	return s
}

func (s *csvSink) batch(rows engine.Rows) error {
	if err := s.header(); err != nil {
		return err
	}
	encode := newEncoders(rows.Batch(), rows.Schema())
	for i := range int(rows.Batch().NumRows()) {
		line := s.line[:0]
		for c, e := range encode {
			if c > 0 {
				line = append(line, ',')
			}
			if e.null(i) {
				// Readers take an empty line for no row at all.
				if len(encode) == 1 {
					line = append(line, `""`...)
				}
				continue
			}
			var isText bool
			s.field, isText = e.text(s.field[:0], i)
			line = s.append(line, string(s.field), isText)
		}
		s.line = append(line, "\r\n"...)
		if _, err := s.w.Write(s.line); err != nil {
			return err
		}
	}
	return nil
}

func (s *csvSink) close() error { return s.header() }

func (s *csvSink) header() error {
	head := s.head
	s.head = nil
	_, err := s.w.Write(head)
	return err
}

func (s *csvSink) append(line []byte, text string, isText bool) []byte {
	if s.safe && isText && isFormula(text) {
		text = "'" + text
	}
	if text != "" && !strings.ContainsAny(text, "\",\r\n") {
		return append(line, text...)
	}
	line = append(line, '"')
	line = append(line, strings.ReplaceAll(text, `"`, `""`)...)
	return append(line, '"')
}

// isFormula reports whether a spreadsheet may compute the text: by its first
// character, of which some programs know wide forms too.
func isFormula(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first)
}
