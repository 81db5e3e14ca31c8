package schedule_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
	"millwright/internal/schedule"
)

// A world is a database with a datasource "d" and a clock, and runs that are rows,
// so that a run is there exactly if its transaction was committed.
type world struct {
	t testing.TB
	*schedule.Store
	now    time.Time
	busy   bool  // a run of the datasource goes on
	refuse error // why no run can start; nil if it can
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := metatest.Open(t)
	furnish(t, db)
	w := &world{t: t, now: anchor}
	w.Store = &schedule.Store{DB: db, Now: func() time.Time { return w.now }}
	return w
}

func furnish(t testing.TB, db *meta.DB) {
	t.Helper()
	metatest.Projects(t, db, "p", "q")
	for id, project := range map[string]string{"d": "p", "e": "p", "f": "q"} {
		metatest.Datasource(t, db, project, id)
	}
	metatest.Exec(t, db, `CREATE TABLE runs (n INTEGER PRIMARY KEY, at BIGINT NOT NULL)`)
}

func (w *world) start(ctx context.Context, tx *sql.Tx, _ schedule.Schedule) (string, error) {
	// What a refused start has written must not stay.
	if _, err := tx.ExecContext(ctx, `INSERT INTO runs (at) VALUES (?)`, meta.Micros(w.now)); err != nil {
		return "", err
	}
	if w.busy {
		return "", errs.New(errs.Conflict, "busy").Named(schedule.InProgress)
	}
	return "job", w.refuse
}

func (w *world) set(n schedule.Setting) schedule.Schedule {
	w.t.Helper()
	s, err := w.Set(context.Background(), "d", n)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) state() schedule.Schedule {
	w.t.Helper()
	s, err := w.Get(context.Background(), "d")
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// look is one look of the runner. It returns the slots whose runs it started.
func (w *world) look() (slots []time.Time) {
	w.t.Helper()
	due, err := w.Due(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range due {
		started, err := w.Fire(context.Background(), d, w.start)
		if err != nil {
			w.t.Fatal(err)
		}
		if started {
			slots = append(slots, w.state().LastSlot)
		}
	}
	return slots
}

// pass lets time pass with a look each step. It returns the slots of the runs.
func (w *world) pass(d, step time.Duration) (slots []time.Time) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(step)
		slots = append(slots, w.look()...)
	}
	return slots
}

func (w *world) runs() (n int) {
	w.t.Helper()
	if err := w.DB.Read().QueryRowContext(context.Background(), `SELECT count(*) FROM runs`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// clocks shows slots as hours and minutes.
func clocks(slots []time.Time) (all []string) {
	for _, s := range slots {
		all = append(all, s.Format("15:04"))
	}
	return all
}

func every(interval string) schedule.Setting {
	return schedule.Setting{Timing: schedule.Timing{Every: interval}}
}

// twice returns a slot that is there more than once.
func twice(slots []time.Time) (time.Time, bool) {
	sorted := slices.SortedFunc(slices.Values(slots), time.Time.Compare)
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Equal(sorted[i-1]) {
			return sorted[i], true
		}
	}
	return time.Time{}, false
}
