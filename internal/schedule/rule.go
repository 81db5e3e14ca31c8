package schedule

import (
	"strings"
	"time"

	"github.com/netresearch/go-cron"

	"millwright/internal/errs"
)

// A Timing says when slots are, as a person types it. Either Every or Cron is set.
type Timing struct {
	Every  string // "15m", "1h30m", "24h", "1d", "2w"; of elapsed time, whatever the clocks do
	Cron   string // five fields, or a word such as @daily; of the clocks in Zone
	Zone   string // name in the IANA database; empty means UTC
	Jitter string // how late a run may start at most, such as "5m"; empty means not at all
}

// A Rule is a Timing made ready for use.
type Rule struct {
	Timing
	every  time.Duration
	anchor time.Time // slots of every lie whole intervals away from it
	cron   *cron.SpecSchedule
	zone   *time.Location
	jitter time.Duration
	share  float64 // how much of the jitter this schedule takes: 0 <= share < 1
}

// parse makes a Rule. Slots of Every are counted from anchor. least is the
// shortest interval that Every may have.
func parse(t Timing, anchor time.Time, share float64, least time.Duration) (_ Rule, err error) {
	r := Rule{Timing: t, anchor: anchor, share: share}
	if r.zone, err = zoneOf(t.Zone); err != nil {
		return Rule{}, err
	}
	if t.Jitter != "" {
		if r.jitter, err = parseDuration(t.Jitter); err != nil {
			return Rule{}, errs.New(errs.Invalid, "the jitter is not a duration: %v", err).Named("bad-jitter").At("/jitter").Fix("write it like 5m")
		}
	}
	switch {
	case t.Every == "" && t.Cron == "":
		return Rule{}, errs.New(errs.Invalid, "the schedule says neither every nor cron").Named("no-timing").At("/every").
			Fix(`send "every": "1h"`, `or "cron": "0 6 * * *"`)
	case t.Every != "" && t.Cron != "":
		return Rule{}, errs.New(errs.Invalid, "the schedule says both every and cron").Named("two-timings").At("/cron").Fix("leave one of them out")
	case t.Cron != "":
		r.cron, err = parseCron(t.Cron)
		return r, err
	}
	if r.every, err = parseDuration(t.Every); err != nil {
		return Rule{}, errs.New(errs.Invalid, "every is not a duration: %v", err).Named("bad-interval").At("/every").
			Fix("write it like 15m, 1h30m, 24h or 2w")
	}
	if r.every < least || r.every <= 0 {
		return Rule{}, errs.New(errs.Invalid, "the interval is too short: runs may be %s apart at least", shortest(least)).Named("interval-too-short").At("/every").
			Fix("use " + shortest(least) + " or more")
	}
	if r.jitter >= r.every {
		return Rule{}, errs.New(errs.Invalid, "the jitter is as long as the interval or longer, so runs could pass each other").Named("bad-jitter").At("/jitter").
			Fix("use a jitter that is shorter than every")
	}
	return r, nil
}

// shortest writes an interval the way a person types it.
func shortest(least time.Duration) string {
	text := least.String()
	if least%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

// Location returns the time zone of the rule.
func (r Rule) Location() *time.Location { return r.zone }

// Next returns the first slot after t; the zero time if there is none.
//
// A slot of Cron that the clocks jump over is at the moment of the jump, together
// with all others that they jump over. One that they show twice is at the first.
func (r Rule) Next(t time.Time) time.Time {
	if r.cron == nil {
		return r.anchor.Add(floor(t.Sub(r.anchor), r.every) + r.every)
	}
	// The library is asked about clocks that never change.
	for c := civil(t, r.zone); ; {
		if c = r.cron.Next(c); c.IsZero() {
			return time.Time{}
		}
		if slot := instant(c, r.zone); slot.After(t) {
			return slot
		}
	}
}

// Last returns the newest slot at or before t; the zero time if there is none.
func (r Rule) Last(t time.Time) time.Time {
	if r.cron == nil {
		return r.anchor.Add(floor(t.Sub(r.anchor), r.every))
	}
	// Where the clocks were put back a moment ago, they have shown later slots before.
	start := civil(t, r.zone)
	if shown := civil(t.Add(-24*time.Hour), r.zone).Add(24 * time.Hour); shown.After(start) {
		start = shown
	}
	for c := start.Add(time.Second); ; {
		if c = r.cron.Prev(c); c.IsZero() {
			return time.Time{}
		}
		if slot := instant(c, r.zone); !slot.After(t) {
			return slot
		}
	}
}

// floor returns the greatest multiple of unit that is not greater than d.
func floor(d, unit time.Duration) time.Duration {
	n := d / unit * unit
	if n > d {
		n -= unit
	}
	return n
}

// At returns when the run of a slot starts: later than the slot by the schedule's
// own share of the jitter, and before the next slot.
func (r Rule) At(slot time.Time) time.Time {
	if r.jitter == 0 {
		return slot
	}
	most := r.jitter
	if next := r.Next(slot); !next.IsZero() {
		most = min(most, next.Sub(slot))
	}
	return slot.Add(time.Duration(r.share * float64(most)).Truncate(time.Second))
}

// due returns the newest slot whose run is to have started by now; the zero time
// if there is none.
func (r Rule) due(now time.Time) time.Time {
	slot := r.Last(now)
	if !slot.IsZero() && r.At(slot).After(now) {
		// Of all slots only the newest can be still to come.
		slot = r.Last(slot.Add(-1))
	}
	return slot
}
