package schedule

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"millwright/internal/errs"
)

// InProgress is the type of the errs.Conflict by which a Start says that another
// run of the datasource goes on.
const InProgress = "run-in-progress"

// A Start starts the run of a schedule in the transaction and returns its job. What
// it has written is undone if it fails.
type Start func(ctx context.Context, tx *sql.Tx, s Schedule) (jobID string, err error)

// maxCounted is how many missed slots are counted at once.
const maxCounted = 100_000

// errNothing ends a transaction in which nothing has changed.
var errNothing = errors.New("nothing to do")

// Fire deals with what is due of the schedule of a datasource, in one transaction:
// it starts the run and moves on to the next slot. A start that fails for a reason
// that will not pass by itself skips the slot; after any other error nothing has
// changed, and Fire can be called again. It reports whether a run was started.
func (s *Store) Fire(ctx context.Context, datasourceID string, start Start) (started bool, err error) {
	defer errs.Wrap(&err, "schedule.Fire(%s)", datasourceID)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		sch, found, err := s.lively(ctx, tx, datasourceID)
		if err != nil {
			return err
		}
		if !found || sch.Paused {
			return errNothing
		}
		f := firing{ctx: ctx, tx: tx, start: start, now: s.now(), Schedule: &sch}
		changed, err := f.run()
		if err != nil {
			return err
		}
		if !changed {
			return errNothing
		}
		started = f.started
		return save(ctx, tx, sch)
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	return started && err == nil, err
}

// A firing is one look at one schedule.
type firing struct {
	*Schedule
	ctx     context.Context
	tx      *sql.Tx
	start   Start
	now     time.Time
	started bool
}

// run reports whether the schedule has changed.
func (f *firing) run() (changed bool, err error) {
	if back := f.checkedAt.Sub(f.now); back > 0 {
		// Slots that were dealt with stay so; all others between now and then have
		// their turn.
		f.plan(f.now)
		f.Message = fmt.Sprintf("the server's clock was set back by %s", back.Round(time.Second))
		changed = true
	}
	if !f.WaitingSlot.IsZero() {
		busy, err := f.try(f.WaitingSlot)
		if err != nil {
			return false, err
		}
		if !busy {
			f.WaitingSlot, changed = time.Time{}, true
		}
	}
	if !f.NextSlot.IsZero() && !f.NextAt.After(f.now) {
		changed = true
		if err := f.pass(); err != nil {
			return false, err
		}
	}
	f.checkedAt = f.now
	return changed, nil
}

// pass deals with the newest slot that is due, and counts the others as missed.
func (f *firing) pass() error {
	passed := f.due(f.now)
	slot := f.dealt.newest(f.Rule, passed)
	missed := f.missed(slot)
	f.Missed += missed
	f.Message = ""
	f.dealt = f.dealt.with(f.Rule, slot)
	if f.WaitingSlot.IsZero() {
		busy, err := f.try(slot)
		if err != nil {
			return err
		}
		switch {
		case busy && f.Overlap == Queue:
			f.WaitingSlot = slot
			f.say("the run of the slot of %s waits for the one that goes on", slot)
		case busy:
			f.skip("the slot of %s was skipped: the run before it was not over", slot)
		}
	} else {
		f.skip("the slot of %s was skipped: another run waits already", slot)
	}
	if missed > 0 && f.Message == "" {
		f.Message = fmt.Sprintf("%s passed while no server looked; one run made up for them", count(int(missed), "slot"))
	}
	f.plan(passed)
	return nil
}

// missed counts the slots from the planned one up to slot that nobody dealt with.
func (f *firing) missed(slot time.Time) (n int64) {
	for at := f.NextSlot; at.Before(slot) && !at.IsZero() && n < maxCounted; at = f.dealt.next(f.Rule, at) {
		n++
	}
	return n
}

// try starts the run of the slot. It reports whether another one goes on. A start
// that is refused for another reason skips the slot.
func (f *firing) try(slot time.Time) (busy bool, err error) {
	if _, err := f.tx.ExecContext(f.ctx, `SAVEPOINT slot`); err != nil {
		return false, err
	}
	job, refused := f.start(f.ctx, f.tx, *f.Schedule)
	if refused != nil {
		if _, err := f.tx.ExecContext(f.ctx, `ROLLBACK TO slot`); err != nil {
			return false, errors.Join(refused, err)
		}
	}
	if _, err := f.tx.ExecContext(f.ctx, `RELEASE slot`); err != nil {
		return false, errors.Join(refused, err)
	}
	if refused == nil {
		f.LastSlot, f.LastAt, f.LastJobID, f.started = slot, f.now, job, true
		return false, nil
	}
	if e, ok := errs.Find(refused); ok && e.Kind == errs.Conflict && e.Type == InProgress {
		return true, nil
	}
	switch errs.KindOf(refused) {
	case errs.Invalid, errs.NotFound, errs.Conflict, errs.Denied, errs.TooLarge:
		f.skip("the slot of %s was skipped: "+errs.Public(refused), slot)
		return false, nil
	}
	return false, refused
}

func (f *firing) skip(format string, slot time.Time) {
	f.Skipped++
	f.say(format, slot)
}

func (f *firing) say(format string, slot time.Time) {
	f.Message = strings.Replace(format, "%s", slot.In(f.zone).Format("2006-01-02 15:04:05 MST"), 1)
}
