package job_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
)

func TestAPendingJobIsCanceledAtOnce(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(context.Context, *job.Run) error {
		t.Error("a canceled job ran")
		return nil
	}}, job.Config{})
	j := submit(t, r, job.NewJob{Type: "x"})
	for range 2 {
		if err := r.Cancel(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
	}
	start(t, r)
	j = wait(t, r, j.ID)
	if j.Status != job.Canceled || j.Error.Type != "job-canceled" || j.FinishedAt == nil {
		t.Errorf("got %+v", j)
	}
	diff(t, "history", statuses(t, r, j.ID), []job.Status{job.Pending, job.Canceled})
}

func TestARunningJobIsCanceledWhenItReturnsAndCannotCompleteBefore(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	began, complete := make(chan struct{}), make(chan error, 1)
	r := newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		close(began)
		<-ctx.Done()
		ctx = context.WithoutCancel(ctx)
		err := db.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) })
		complete <- err
		return err
	}}, job.Config{})
	start(t, r)
	j := submit(t, r, job.NewJob{Type: "x"})
	child := submit(t, r, job.NewJob{Type: "x", ParentID: j.ID, AfterParent: true})
	receive(t, began, "start")
	asked := time.Now()
	if err := r.Cancel(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if j = wait(t, r, j.ID); j.Status != job.Canceled {
		t.Errorf("got %+v", j)
	}
	if took := time.Since(asked); took > 2*time.Second {
		t.Errorf("canceling took %s", took)
	}
	if err := receive(t, complete, "completion"); !errors.Is(err, errs.Canceled) {
		t.Errorf("CompleteTx: %v", err)
	}
	if c := wait(t, r, child.ID); c.Status != job.Canceled || c.Error.Type != "parent-job-canceled" {
		t.Errorf("the waiting job: %+v", c)
	}
	diff(t, "history", statuses(t, r, j.ID), []job.Status{job.Pending, job.Running, job.Canceled})
}

func TestAFinishedJobCannotBeCanceled(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": nothing}, job.Config{})
	start(t, r)
	j := wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID)
	if err := r.Cancel(t.Context(), j.ID); !errors.Is(err, errs.Conflict) {
		t.Errorf("got %v", err)
	}
	if err := r.Cancel(t.Context(), "no"); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
}

// In simulated time: the job takes an hour, the grace is ten seconds.
func TestAJobLongerThanTheGraceIsCutOffAndRunAgainAtTheNextStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	var id job.ID
	synctest.Test(t, func(t *testing.T) {
		db := metatest.OpenAt(t, path)
		began := make(chan struct{})
		r := newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, _ *job.Run) error {
			close(began)
			select {
			case <-time.After(time.Hour):
				return nil
			case <-ctx.Done():
				return errs.New(errs.Upstream, "the request broke off").Because(ctx.Err())
			}
		}}, job.Config{Grace: 10 * time.Second})
		stop := start(t, r)
		id = submit(t, r, job.NewJob{Type: "x"}).ID
		<-began
		asked := time.Now()
		stop()
		if took := time.Since(asked); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("the grace was %s", took)
		}
		if j := get(t, r, id); j.Status != job.Pending {
			t.Errorf("got %+v", j)
		}
	})
	r := newRunner(t, metatest.OpenAt(t, path), map[string]job.Handler{"x": nothing}, job.Config{})
	start(t, r)
	if j := wait(t, r, id); j.Status != job.Completed || j.Attempt != 2 {
		t.Errorf("got %+v", j)
	}
}

// A handler that is deaf to its context must not keep the server from stopping.
func TestAHandlerThatDoesNotReturnIsNamedAndLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := metatest.Open(t)
		began, release := make(chan struct{}), make(chan struct{})
		var log bytes.Buffer
		r := newRunner(t, db, map[string]job.Handler{"deaf": func(context.Context, *job.Run) error {
			close(began)
			<-release
			return nil
		}}, job.Config{Grace: 10 * time.Second, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
		stop := start(t, r)
		id := submit(t, r, job.NewJob{Type: "deaf"}).ID
		<-began
		asked := time.Now()
		stop()
		if took := time.Since(asked); took != 20*time.Second {
			t.Errorf("it took %s, want twice the grace", took)
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "job="+id) || !strings.Contains(text, "type=deaf") {
			t.Errorf("the log does not name the job once: %q", text)
		}
		if j := get(t, r, id); j.Status != job.Running {
			t.Errorf("got %+v", j)
		}
		// The process ends here, and the next start finds a job that was running.
		close(release)
		synctest.Wait()
	})
}

func TestAJobShorterThanTheGraceIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := make(chan struct{})
		r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(ctx context.Context, _ *job.Run) error {
			close(began)
			time.Sleep(9 * time.Second)
			return ctx.Err()
		}}, job.Config{Grace: 10 * time.Second, Workers: 1})
		stop := start(t, r)
		running := submit(t, r, job.NewJob{Type: "x"})
		<-began
		next := submit(t, r, job.NewJob{Type: "x"})
		asked := time.Now()
		stop()
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if j := get(t, r, running.ID); j.Status != job.Completed {
			t.Errorf("got %+v", j)
		}
		if j := get(t, r, next.ID); j.Status != job.Pending || j.Attempt != 0 {
			t.Errorf("a job was started after the stop: %+v", j)
		}
	})
}

// Two Runners stand for two processes: the first one's handler hangs, as after a
// SIGSTOP, and wakes up when the second has begun to redo its job.
func TestAnOldAttemptIsFenced(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	began, hung, woken, late := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan error, 1)
	wake := sync.OnceFunc(func() { close(woken) })
	old := newRunner(t, db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		close(began)
		<-ctx.Done()
		close(hung)
		<-woken
		run.Progress(ctx, job.Progress{Message: "zombie"})
		ctx = context.WithoutCancel(ctx)
		err := db.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) })
		late <- err
		return err
	}}, job.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- old.Run(ctx) }()
	j := submit(t, old, job.NewJob{Type: "x"})
	receive(t, began, "start")
	cancel() // a dead process claims nothing
	receive(t, hung, "end of the context")

	again := make(chan struct{})
	fresh := newRunner(t, db, map[string]job.Handler{"x": func(_ context.Context, run *job.Run) error {
		wake()
		if err := <-late; !errors.Is(err, errs.Conflict) {
			t.Errorf("the old attempt's CompleteTx: %v", err)
		}
		if now := get(t, old, j.ID); now.Status != job.Running || now.Attempt != 2 {
			t.Errorf("the old attempt changed the job: %+v", now)
		}
		close(again)
		return nil
	}}, job.Config{})
	start(t, fresh)
	t.Cleanup(wake)
	receive(t, again, "second attempt")
	if err := receive(t, ended, "end of the old Run"); err != nil {
		t.Error(err)
	}
	if j = wait(t, fresh, j.ID); j.Status != job.Completed || j.Attempt != 2 || j.Message == "zombie" {
		t.Errorf("got %+v", j)
	}
	diff(t, "history", statuses(t, fresh, j.ID), []job.Status{job.Pending, job.Running, job.Pending, job.Running, job.Completed})
}

// crashInAJob is a process that is killed in the middle of a job.
func crashInAJob(dir string) {
	ctx := context.Background()
	db, err := meta.Open(ctx, filepath.Join(dir, "meta.db"))
	if err != nil {
		panic(err)
	}
	r, err := job.NewRunner(db, map[string]job.Handler{"x": func(ctx context.Context, run *job.Run) error {
		if run.Job.UserID == "canceled" {
			if err := run.Emit(ctx, "Said", "running"); err != nil {
				panic(err)
			}
		}
		fmt.Println(run.Job.ID)
		select {}
	}}, job.Config{Workers: 2})
	if err != nil {
		panic(err)
	}
	ids := make([]job.ID, 0, 3)
	for _, user := range []string{"redone", "canceled", "untouched"} {
		j, err := r.Submit(ctx, job.NewJob{Type: "x", UserID: user})
		if err != nil {
			panic(err)
		}
		ids = append(ids, j.ID)
	}
	go func() {
		events, err := r.Subscribe(ctx, ids[1], 0)
		for err == nil {
			if (<-events).Name == "Said" {
				break
			}
		}
		if err := errors.Join(err, r.Cancel(ctx, ids[1])); err != nil {
			panic(err)
		}
		fmt.Println("canceled")
	}()
	panic(r.Run(ctx))
}

func TestAfterAKillRunningJobsAreRedoneAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "JOB_TEST_CRASH_DIR="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // two jobs run, one of them is canceled
		var line string
		if _, err := fmt.Fscanln(out, &line); err != nil {
			t.Fatal(err)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed" is what we asked for

	began := make(chan time.Time, 3)
	r := newRunner(t, metatest.OpenAt(t, filepath.Join(dir, "meta.db")), map[string]job.Handler{"x": func(context.Context, *job.Run) error {
		began <- time.Now()
		return nil
	}}, job.Config{})
	at := time.Now()
	start(t, r)
	for user, want := range map[string]struct {
		status   job.Status
		attempts int
	}{"redone": {job.Completed, 2}, "canceled": {job.Canceled, 1}, "untouched": {job.Completed, 1}} {
		jobs, err := r.List(t.Context(), job.Filter{UserID: user})
		if err != nil || len(jobs) != 1 {
			t.Fatalf("%s: %v, %v", user, jobs, err)
		}
		if j := wait(t, r, jobs[0].ID); j.Status != want.status || j.Attempt != want.attempts {
			t.Errorf("%s: %+v, want %+v", user, j, want)
		}
	}
	if took := receive(t, began, "start").Sub(at); took > 2*time.Second {
		t.Errorf("the first job started %s after the restart", took)
	}
	if len(began) != 1 {
		t.Errorf("%d more jobs ran, want 1", len(began))
	}
}

func TestAJobThatKillsTheServerIsGivenUp(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{"x": nothing}, job.Config{})
	j := submit(t, r, job.NewJob{Type: "x"})
	if _, err := db.Write().ExecContext(t.Context(), `UPDATE jobs SET status = 'running', crashes = 9`); err != nil {
		t.Fatal(err)
	}
	start(t, r)
	if j = wait(t, r, j.ID); j.Status != job.Failed || j.Error.Type != "job-crashes-server" {
		t.Errorf("got %+v", j)
	}
}
