package job_test

import (
	"context"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

// copyRows gives every job of the queue a second row.
const copyRows = `INSERT INTO river_job (args, kind, max_attempts, queue, state, attempt) SELECT args, kind, 1, queue, ?, 0 FROM river_job LIMIT 1`

func TestAJobStartsWithoutWaitingForThePoll(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": nothing}, job.Config{})
	start(t, r)
	at := time.Now()
	const n = 20 // polling takes about a second for each
	for range n {
		wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID)
	}
	if took := time.Since(at); took > n*500*time.Millisecond {
		t.Errorf("%d jobs one after the other took %s", n, took)
	}
}

func TestWhatTheQueueStillHoldsFromBeforeIsDropped(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	ran := make(chan job.ID, 3)
	r := newRunner(t, db, map[string]job.Handler{"x": func(_ context.Context, run *job.Run) error {
		ran <- run.Job.ID
		return nil
	}}, job.Config{})
	j := submit(t, r, job.NewJob{Type: "x"})
	for _, state := range []string{"running", "available"} {
		if _, err := db.Write().ExecContext(t.Context(), copyRows, state); err != nil {
			t.Fatal(err)
		}
	}
	stop := start(t, r)
	wait(t, r, j.ID)
	stop()
	if n := count(t, db.Read(), `SELECT count(*) FROM river_job`); n != 1 || len(ran) != 1 {
		t.Errorf("the queue has %d rows, and the job ran %d times", n, len(ran))
	}
}

// Who waits for data does not wait for what is found out about other data, and the other
// way round; so too for jobs that an earlier process left, and those that had a parent.
func TestJobsAsideAndOthersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	const workers = 2
	begun := make(chan string, 10)
	free := map[string]chan struct{}{"run": make(chan struct{}), "study": make(chan struct{})}
	handle := func(_ context.Context, run *job.Run) error {
		begun <- run.Job.Type
		<-free[run.Job.Type]
		return nil
	}
	handlers := map[string]job.Handler{"run": handle, "study": handle, "quick": nothing, "quick study": nothing}
	cfg := job.Config{Workers: workers, Aside: []string{"study", "quick study"}}
	before := newRunner(t, db, handlers, cfg)
	var left []job.ID
	for range 2 * workers {
		left = append(left, submit(t, before, job.NewJob{Type: "study"}).ID)
	}
	left = append(left, submit(t, before, job.NewJob{Type: "run"}).ID)
	r := newRunner(t, db, handlers, cfg)
	start(t, r)
	if a, b := <-begun, <-begun; a == b {
		t.Errorf("two jobs of type %s begin where only one is let", a)
	}
	parent := submit(t, r, job.NewJob{Type: "quick"})
	wait(t, r, parent.ID)
	close(free["study"])
	for range 2*workers - 1 {
		<-begun
	}
	left = append(left, submit(t, r, job.NewJob{Type: "run"}).ID)
	if kind := <-begun; kind != "run" {
		t.Errorf("a %s begins", kind)
	}
	wait(t, r, submit(t, r, job.NewJob{Type: "quick study"}).ID) // while all others are at work
	parent = submit(t, r, job.NewJob{Type: "quick study"})
	wait(t, r, submit(t, r, job.NewJob{Type: "quick study", ParentID: parent.ID, AfterParent: true}).ID)
	close(free["run"])
	for _, id := range left {
		if j := wait(t, r, id); j.Status != job.Completed {
			t.Errorf("%+v", j)
		}
	}
}

func TestAJobThatIsPutOffRunsOnlyWhenItIsDue(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{
		"later": func(context.Context, *job.Run) error {
			return errs.New(errs.Unavailable, "busy").After(time.Hour)
		},
		"now": nothing,
	}, job.Config{Workers: 1})
	start(t, r)
	later := submit(t, r, job.NewJob{Type: "later"})
	for e := range subscribe(t, r, later.ID, 0) {
		if e.Name == job.EventRequeued {
			break
		}
	}
	// A row that should not be there: it may not start the job.
	if _, err := db.Write().ExecContext(t.Context(), copyRows, "available"); err != nil {
		t.Fatal(err)
	}
	wait(t, r, submit(t, r, job.NewJob{Type: "now"}).ID)
	if j := get(t, r, later.ID); j.Status != job.Pending || j.Attempt != 1 {
		t.Errorf("got %+v", j)
	}
	if err := r.Cancel(t.Context(), later.ID); err != nil {
		t.Fatal(err)
	}
}

func TestAClockThatIsSetBackHoldsNothingUp(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	ahead := job.Config{Now: func() time.Time { return time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC) }}
	j := submit(t, newRunner(t, db, map[string]job.Handler{"x": nothing}, ahead), job.NewJob{Type: "x"})
	r := newRunner(t, db, map[string]job.Handler{"x": nothing}, job.Config{})
	start(t, r)
	wait(t, r, j.ID)
	names, all := collect(t, subscribe(t, r, j.ID, 0))
	diff(t, "events", names, []string{"job.created", "job.started", "job.completed"})
	rest, _ := collect(t, subscribe(t, r, j.ID, all[0].Seq))
	diff(t, "after the first", rest, names[1:])
}
