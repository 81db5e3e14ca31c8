package job_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

// collect returns the events' names until the channel closes.
func collect(t *testing.T, events <-chan job.Event) (names []string, all []job.Event) {
	t.Helper()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return names, all
			}
			names, all = append(names, e.Name), append(all, e)
		case <-time.After(30 * time.Second):
			t.Fatalf("the stream does not end; so far %q", names)
		}
	}
}

func subscribe(t *testing.T, r *job.Runner, id job.ID, after int64) <-chan job.Event {
	t.Helper()
	events, err := r.Subscribe(t.Context(), id, after)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestASubscriberGetsTheStoredEventsThenTheLiveOnesThenTheEnd(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	began, release := make(chan struct{}), make(chan struct{})
	r := newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		err := run.Emit(ctx, "NewDataObjectEvent", map[string]int{"n": 1})
		close(began)
		<-release
		return errors.Join(err, db.Tx(ctx, func(tx *sql.Tx) error {
			return errors.Join(run.EmitTx(ctx, tx, "NewDataObjectEvent", map[string]int{"n": 2}), run.CompleteTx(ctx, tx))
		}))
	}}, job.Config{})
	start(t, r)
	j := submit(t, r, job.NewJob{Type: "x"})
	early := subscribe(t, r, j.ID, 0)
	receive(t, began, "start")
	late := subscribe(t, r, j.ID, 0)
	close(release)

	want := []string{"job.created", "job.started", "NewDataObjectEvent", "NewDataObjectEvent", "job.completed"}
	names, all := collect(t, early)
	diff(t, "early", names, want)
	names, same := collect(t, late)
	diff(t, "late", names, want)
	diff(t, "both", same, all)
	if string(all[3].Data) != `{"n":2}` || all[4].Status != job.Completed || all[4].Progress != 1 || all[2].Status != job.Running {
		t.Errorf("got %+v", all)
	}
	for i, e := range all {
		if e.Seq < 1 || i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("event %d has number %d", i, e.Seq)
		}
		rest, _ := collect(t, subscribe(t, r, j.ID, e.Seq))
		diff(t, fmt.Sprintf("resumed after event %d", i), rest, want[min(i+1, len(want)-1):])
	}
	rest, _ := collect(t, subscribe(t, r, j.ID, all[4].Seq+1000))
	diff(t, "resumed after a number from the future", rest, []string{"job.completed"})
	if _, err := r.Subscribe(t.Context(), "no", 0); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestACanceledAndAFailedJobEndWithJobFailed(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(context.Context, *job.Run) error {
		return errs.New(errs.Invalid, "bad").Fix("better")
	}}, job.Config{})
	canceled := submit(t, r, job.NewJob{Type: "x"})
	if err := r.Cancel(t.Context(), canceled.ID); err != nil {
		t.Fatal(err)
	}
	failed := submit(t, r, job.NewJob{Type: "x"})
	start(t, r)
	for id, want := range map[job.ID]job.Status{canceled.ID: job.Canceled, failed.ID: job.Failed} {
		_, all := collect(t, subscribe(t, r, id, 0))
		last := all[len(all)-1]
		var data struct{ Error job.Problem }
		if err := json.Unmarshal(last.Data, &data); err != nil {
			t.Fatal(err)
		}
		if last.Name != job.EventFailed || last.Status != want || data.Error.Detail == "" {
			t.Errorf("got %+v, %s", last, last.Data)
		}
	}
}

func TestASubscriberThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const emits = 40
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		for i := range 100_000 {
			run.Progress(ctx, job.Progress{Pages: int64(i)})
			if i%(100_000/emits) == 0 {
				if err := run.Emit(ctx, "Tick", i); err != nil {
					return err
				}
			}
		}
		return nil
	}}, job.Config{})
	start(t, r)
	j := submit(t, r, job.NewJob{Type: "x"})
	slow := subscribe(t, r, j.ID, 0)
	if j = wait(t, r, j.ID); j.Status != job.Completed || j.Detail.Pages != 99_999 {
		t.Errorf("got %+v", j)
	}
	ticks := 0
	_, all := collect(t, slow)
	for _, e := range all {
		if e.Name == "Tick" {
			ticks++
		}
	}
	if ticks != emits || len(all) > emits+10 {
		t.Errorf("got %d stored events of %d, %d in all", ticks, emits, len(all))
	}
}

func TestProgressIsSeenAtOnceAndStoredOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := metatest.Open(t)
		if _, err := db.Write().ExecContext(t.Context(), `
			CREATE TABLE writes (detail TEXT);
			CREATE TRIGGER count_writes AFTER UPDATE OF detail ON jobs WHEN new.status = 'running'
				BEGIN INSERT INTO writes VALUES (new.detail); END`); err != nil {
			t.Fatal(err)
		}
		var r *job.Runner
		r = newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
			for i := range 101 {
				run.Progress(ctx, job.Progress{Phase: "fetch", Fraction: float64(i) / 100, Pages: int64(i)})
				j := get(t, r, run.Job.ID)
				if j.Detail.Pages != int64(i) || j.Phase != "fetch" || j.Progress != float64(i)/100 {
					t.Errorf("report %d: %+v", i, j)
				}
				time.Sleep(100 * time.Millisecond)
			}
			run.Progress(ctx, job.Progress{Pages: 500, Waiting: "429, Retry-After"})
			time.Sleep(time.Minute)
			var stored string
			err := db.Read().QueryRowContext(ctx, `SELECT detail FROM jobs`).Scan(&stored)
			if want := `{"phase":"fetch","pages":500,"waiting":"429, Retry-After"}`; stored != want {
				t.Errorf("stored %s, %v, want %s", stored, err, want)
			}
			return nil
		}}, job.Config{})
		stop := start(t, r)
		j := submit(t, r, job.NewJob{Type: "x"})
		live := subscribe(t, r, j.ID, 0)
		reports := 0
		for e := range live {
			if e.Name == job.EventProgress {
				reports++
			}
		}
		if reports != 102 {
			t.Errorf("a reader that keeps up got %d of 102 reports", reports)
		}
		// One for the claim, one a second for ten seconds, the last, the end.
		if n := count(t, db.Read(), `SELECT count(*) FROM writes`); n < 11 || n > 15 {
			t.Errorf("progress was written %d times in 10 s", n)
		}
		stop()
	})
}

func TestSubscriptionsEndWithTheirContextAndWithRun(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": nothing}, job.Config{})
	j := submit(t, r, job.NewJob{Type: "x"})
	blocked := submit(t, r, job.NewJob{Type: "x", ParentID: j.ID, AfterParent: true})
	ctx, cancel := context.WithCancel(t.Context())
	mine, err := r.Subscribe(ctx, blocked.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	receive(t, mine, "event")
	cancel()
	if names, _ := collect(t, mine); len(names) > 0 {
		t.Errorf("got %q after the context ended", names)
	}
	theirs := subscribe(t, r, blocked.ID, 0)
	done, stopped := context.WithCancel(t.Context())
	stopped()
	if err := r.Run(done); err != nil {
		t.Fatal(err)
	}
	names, _ := collect(t, theirs)
	diff(t, "before Run ended", names, []string{"job.created"})
}

func TestHandlersCannotForgeTheEnd(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		return run.Emit(ctx, job.EventCompleted, nil)
	}}, job.Config{})
	start(t, r)
	if j := wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID); j.Status != job.Failed {
		t.Errorf("got %+v", j)
	}
}
