package job_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

func TestJobsThatWaitStartWhenTheirParentHasCompleted(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	release, order := make(chan struct{}), make(chan string, 10)
	say := func(_ context.Context, run *job.Run) error {
		order <- run.Job.UserID
		return nil
	}
	r := newRunner(t, db, map[string]job.Handler{"child": say, "parent": func(ctx context.Context, run *job.Run) error {
		<-release
		err := db.Tx(ctx, func(tx *sql.Tx) error {
			return run.CompleteTx(ctx, tx, job.NewJob{Type: "child", UserID: "then"})
		})
		return errors.Join(err, say(ctx, run))
	}}, job.Config{})
	start(t, r)
	parent := submit(t, r, job.NewJob{Type: "parent", UserID: "parent"})
	child := submit(t, r, job.NewJob{Type: "child", UserID: "child", ParentID: parent.ID, AfterParent: true})
	grandchild := submit(t, r, job.NewJob{Type: "child", UserID: "grandchild", ParentID: child.ID, AfterParent: true})
	free := submit(t, r, job.NewJob{Type: "child", UserID: "free", ParentID: parent.ID})
	wait(t, r, free.ID)
	if j := get(t, r, child.ID); j.Status != job.Pending || !j.Waiting {
		t.Errorf("the waiting job: %+v", j)
	}
	if got := receive(t, order, "run"); got != "free" {
		t.Errorf("%s ran first", got)
	}
	close(release)
	if j := wait(t, r, grandchild.ID); j.Status != job.Completed {
		t.Errorf("got %+v", j)
	}
	jobs, err := r.List(t.Context(), job.Filter{UserID: "then"})
	if err != nil || len(jobs) != 1 || jobs[0].ParentID != parent.ID {
		t.Fatalf("got %+v, %v", jobs, err)
	}
	if j := wait(t, r, jobs[0].ID); j.Status != job.Completed {
		t.Errorf("got %+v", j)
	}
	late := submit(t, r, job.NewJob{Type: "child", ParentID: parent.ID, AfterParent: true})
	if j := wait(t, r, late.ID); j.Status != job.Completed {
		t.Errorf("a job after a completed parent: %+v", j)
	}
}

func TestJobsThatWaitFailWithTheirParentInOneStep(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{
		"child":  func(context.Context, *job.Run) error { t.Error("it ran"); return nil },
		"parent": func(context.Context, *job.Run) error { return errs.New(errs.Upstream, "503") },
	}, job.Config{})
	parent := submit(t, r, job.NewJob{Type: "parent"})
	child := submit(t, r, job.NewJob{Type: "child", ParentID: parent.ID, AfterParent: true})
	grandchild := submit(t, r, job.NewJob{Type: "child", ParentID: child.ID, AfterParent: true})
	start(t, r)
	for _, id := range []job.ID{grandchild.ID, child.ID} {
		if j := wait(t, r, id); j.Status != job.Failed || j.Error.Detail != "not started: its parent failed" || j.Waiting {
			t.Errorf("got %+v", j)
		}
	}
	if j := get(t, r, parent.ID); j.Status != job.Failed {
		t.Errorf("got %+v", j)
	}
}

func TestARolledBackCompletionLeavesTheJobRunning(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	undo := errors.New("undo")
	r := newRunner(t, db, map[string]job.Handler{"child": nothing, "x": func(ctx context.Context, run *job.Run) error {
		err := db.Tx(ctx, func(tx *sql.Tx) error {
			if err := run.CompleteTx(ctx, tx, job.NewJob{Type: "child"}); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Errorf("got %v", err)
		}
		if n := count(t, db.Read(), `SELECT count(*) FROM jobs WHERE status = 'running'`); n != 1 {
			t.Error("the job is not running any more")
		}
		return errs.New(errs.TooLarge, "no room")
	}}, job.Config{})
	start(t, r)
	if j := wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID); j.Status != job.Failed {
		t.Errorf("got %+v", j)
	}
	if n := count(t, db.Read(), `SELECT count(*) FROM jobs`); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
}

func TestAnErrorAfterTheCompletionChangesNothing(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	// The job is known to be completed while its handler still runs: the test must
	// not end before that, nor the handler end its goroutine by failing the test.
	returned := make(chan struct{})
	r := newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		defer close(returned)
		if err := db.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) }); err != nil {
			return err
		}
		var n int
		err := db.Read().QueryRowContext(ctx, `SELECT count(*) FROM river_job WHERE state <> 'completed'`).Scan(&n)
		if err != nil || n > 0 {
			t.Errorf("the queue does not know that the job has completed: %d are not, %v", n, err)
		}
		return errors.New("too late")
	}}, job.Config{})
	start(t, r)
	j := wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID)
	<-returned
	if j.Status != job.Completed {
		t.Errorf("got %+v", j)
	}
	diff(t, "history", statuses(t, r, j.ID), []job.Status{job.Pending, job.Running, job.Completed})
}
