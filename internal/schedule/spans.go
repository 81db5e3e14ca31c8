package schedule

import (
	"encoding/json"
	"slices"
	"time"

	"millwright/internal/meta"
)

// maxSpans is how many spans are kept: one more comes with each time that the
// server was down, or the schedule paused, for longer than an interval.
const maxSpans = 500

// spans are the slots that were dealt with: started, or skipped. Each span holds
// all slots from its first to its last. They are in order and do not touch.
type spans []span

type span struct{ first, last time.Time }

// has reports whether the slot was dealt with.
func (s spans) has(slot time.Time) bool {
	return slices.ContainsFunc(s, func(x span) bool { return !slot.Before(x.first) && !slot.After(x.last) })
}

// with returns the spans with the slot of the rule in them.
func (s spans) with(r Rule, slot time.Time) spans {
	if s.has(slot) {
		return s
	}
	at := slices.IndexFunc(s, func(x span) bool { return x.first.After(slot) })
	if at < 0 {
		at = len(s)
	}
	all := slices.Insert(slices.Clone(s), at, span{slot, slot})
	if at+1 < len(all) && r.Next(slot).Equal(all[at+1].first) {
		all[at].last = all[at+1].last
		all = slices.Delete(all, at+1, at+2)
	}
	if at > 0 && r.Next(all[at-1].last).Equal(all[at].first) {
		all[at-1].last = all[at].last
		all = slices.Delete(all, at, at+1)
	}
	if len(all) > maxSpans {
		// The oldest grow together: what lay between them will not be dealt with any more.
		all[1].first = all[0].first
		all = all[1:]
	}
	return all
}

// next returns the first slot after t that was not dealt with; the zero time if
// there is none.
func (s spans) next(r Rule, t time.Time) time.Time {
	slot := r.Next(t)
	for _, x := range s {
		if !slot.IsZero() && !slot.Before(x.first) && !slot.After(x.last) {
			slot = r.Next(x.last)
		}
	}
	return slot
}

// newest returns the newest slot at or before t that was not dealt with; the zero
// time if there is none.
func (s spans) newest(r Rule, t time.Time) time.Time {
	for _, x := range slices.Backward(s) {
		if !t.IsZero() && !t.Before(x.first) && !t.After(x.last) {
			t = r.Last(x.first.Add(-1))
		}
	}
	return t
}

func (s spans) encode() (string, error) {
	list := make([][2]int64, len(s))
	for i, x := range s {
		list[i] = [2]int64{meta.Micros(x.first), meta.Micros(x.last)}
	}
	text, err := json.Marshal(list)
	return string(text), err
}

func decodeSpans(text string) (spans, error) {
	var list [][2]int64
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	all := make(spans, len(list))
	for i, x := range list {
		all[i] = span{meta.Time(x[0]), meta.Time(x[1])}
	}
	return all, nil
}
