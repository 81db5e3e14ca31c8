// Package schedule says when a datasource is run again by itself.
//
// A schedule has slots: moments at which a run is due. Each slot is dealt with at
// most once, in the transaction that starts its run, whatever dies and wherever
// the clock is set. Slots that passed while nobody was there are made up for by
// one run.
package schedule

import (
	"hash/fnv"
	"time"

	"millwright/internal/errs"
)

// Least is the shortest interval that people may choose.
const Least = time.Minute

// An Overlap says what becomes of a slot while the run before it goes on.
type Overlap string

// The overlap policies.
const (
	Skip  Overlap = "skip"  // the slot passes without a run
	Queue Overlap = "queue" // its run starts when the other has ended; at most one waits
)

func parseOverlap(text string) (Overlap, error) {
	switch o := Overlap(text); o {
	case "":
		return Skip, nil
	case Skip, Queue:
		return o, nil
	}
	return "", errs.New(errs.Invalid, "the overlap policy is not known").Named("bad-overlap").At("/overlap").Fix("use skip or queue")
}

// A Setting is what a person chooses.
type Setting struct {
	Timing
	Overlap string // skip or queue; empty means skip
	Paused  bool
	UserID  string // who chose it; runs start in their name
}

// A Schedule is the setting of a datasource and how it stands.
type Schedule struct {
	Rule
	DatasourceID string
	ProjectID    string
	UserID       string
	Overlap      Overlap
	Paused       bool
	NextSlot     time.Time // zero while paused
	NextAt       time.Time // when its run starts: the slot with the jitter; zero while paused
	WaitingSlot  time.Time // the slot whose run waits for the one before it; zero if none does
	LastSlot     time.Time // the newest slot whose run was started; zero before the first
	LastAt       time.Time // when that was
	LastJobID    string
	Skipped      int64  // slots without a run, because of an overlap or because no run could start
	Missed       int64  // slots that passed while no server ran, or that the clock was set past
	Message      string // why the newest slot was not as usual; empty if it was
	CreatedAt    time.Time
	UpdatedAt    time.Time

	dealt     spans
	checkedAt time.Time
}

// A Slot is a moment at which a run is due, and when that run starts.
type Slot struct{ Slot, At time.Time }

// Coming returns the next n slots, in the schedule's time zone; none while it is
// paused.
func (s Schedule) Coming(n int) []Slot {
	var coming []Slot
	for slot := s.NextSlot; !slot.IsZero() && len(coming) < n; slot = s.dealt.next(s.Rule, slot) {
		coming = append(coming, Slot{slot.In(s.zone), s.At(slot).In(s.zone)})
	}
	return coming
}

// shareOf returns which part of its jitter the schedule of a datasource takes: always the
// same one, and another than most others.
func shareOf(datasourceID string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(datasourceID)) // never fails
	return float64(h.Sum64()>>11) / (1 << 53)
}

// plan sets the next slot: the first after t that was not dealt with.
func (s *Schedule) plan(t time.Time) {
	s.NextSlot, s.NextAt = s.dealt.next(s.Rule, t), time.Time{}
	if !s.NextSlot.IsZero() {
		s.NextAt = s.At(s.NextSlot)
	}
}
