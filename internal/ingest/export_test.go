package ingest

import (
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/httpsource"
	"millwright/internal/table"
)

// A Tracker is a tracker for tests from outside.
type Tracker struct{ t *tracker }

// NewTracker returns a tracker of a run that follows the one that left known.
func NewTracker(c httpsource.Cursor, known *CursorState, merging bool) (*Tracker, error) {
	sent, err := known.next(c)
	return &Tracker{newTracker(c, known, sent, merging)}, err
}

// See shows a record and reports whether it was landed before.
func (t *Tracker) See(record string) (bool, error) { return t.t.see([]byte(record)) }

// End returns what the next run has to know.
func (t *Tracker) End() (*CursorState, error) { return t.t.end() }

// Next returns what a run after s asks for.
func Next(s *CursorState, c httpsource.Cursor) (jsontext.Value, error) {
	v, err := s.next(c)
	if v == nil {
		return nil, err
	}
	return v.raw, err
}

// MaxRemembered is the bound of the records that are remembered.
const MaxRemembered = maxRemembered

// ServesExactly is servesExactly.
func ServesExactly(file, now table.Schema) bool { return servesExactly(file, now) }

// Spans brings numbers into spans and back.
func Spans(numbers []int64) []int64 { return spansOf(numbers).numbers() }
