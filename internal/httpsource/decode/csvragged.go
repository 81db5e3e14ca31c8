package decode

import (
	"fmt"
	"strings"

	"millwright/internal/errs"
)

// Ragged says which records of a CSV have more or fewer fields than the first, and
// what was done with them.
type Ragged struct {
	Policy string       `json:"policy"` // pad or skip
	Fields int          `json:"fields"` // of the first record
	Rows   int64        `json:"rows"`
	Lines  []RaggedLine `json:"lines"` // the first few
}

// A RaggedLine is one such record.
type RaggedLine struct {
	Line   int64 `json:"line"` // where it begins, from 1
	Fields int   `json:"fields"`
}

// String names the records for a person.
func (r Ragged) String() string {
	parts := make([]string, len(r.Lines))
	for i, l := range r.Lines {
		parts[i] = fmt.Sprintf("line %d has %d", l.Line, l.Fields)
	}
	text := strings.Join(parts, ", ")
	if more := r.Rows - int64(len(r.Lines)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// raggedRows collects them.
type raggedRows struct {
	policy string // empty or "fail": the body is refused
	width  int    // of the first record; 0 while there is none
	found  Ragged
	since  int64 // records since the first of them, where the body is refused
	blank  int64 // the first of the empty lines that were read last; 0 if there are none
	blanks int64
}

const (
	raggedLines = 10        // so many are named
	raggedLook  = 1_000_000 // so many records more are read to count them
)

// hold remembers an empty line.
func (r *raggedRows) hold(line int64) {
	if r.blank == 0 {
		r.blank = line
	}
	r.blanks++
}

// release says that records follow the empty lines: so they are records, too.
func (r *raggedRows) release() {
	for ; r.blanks > 0; r.blanks-- {
		r.note(r.blank, 0)
		r.blank++
	}
	r.blank = 0
	if r.fails() {
		r.since++
	}
}

func (r *raggedRows) note(line int64, fields int) {
	r.found.Rows++
	if len(r.found.Lines) < raggedLines {
		r.found.Lines = append(r.found.Lines, RaggedLine{line, fields})
	}
}

// fails reports whether the body will be refused.
func (r *raggedRows) fails() bool {
	return r.found.Rows > 0 && r.policy != "pad" && r.policy != "skip"
}

// over reports whether enough was read of a body that is refused.
func (r *raggedRows) over() bool { return r.since > raggedLook }

// endRagged refuses the body, or says in the result what was done.
func (s *splitter) endRagged() error {
	r := &s.ragged
	if r.found.Rows == 0 {
		return nil
	}
	r.found.Policy, r.found.Fields = r.policy, r.width
	if r.fails() {
		return ragged(r.found)
	}
	s.result.Ragged = &r.found
	return nil
}

func ragged(found Ragged) error {
	first := found.Lines[0]
	msg := fmt.Sprintf("the record at line %d has %d fields, and the first has %d", first.Line, first.Fields, found.Fields)
	if found.Rows > 1 {
		msg += fmt.Sprintf("; of %d such records: %s", found.Rows, found)
	}
	return errs.New(errs.Upstream, "%s", msg).Named("csv-ragged").
		Fix("report it to the source: its values cannot be put under columns safely",
			`if the delimiter was taken wrongly, set options.shape, for example to "csv; delimiter=semicolon"`,
			`to fill such records up, or leave them out, add "ragged=pad" or "ragged=skip" to the shape`)
}
