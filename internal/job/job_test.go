package job_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("JOB_TEST_CRASH_DIR"); dir != "" {
		crashInAJob(dir)
	}
	goleak.VerifyTestMain(m)
}

func newRunner(t testing.TB, db *meta.DB, handlers map[string]job.Handler, cfg job.Config) *job.Runner {
	t.Helper()
	r, err := job.NewRunner(db, handlers, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs r until stop is called or the test ends.
func start(t testing.TB, r *job.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func submit(t testing.TB, r *job.Runner, n job.NewJob) job.Job {
	t.Helper()
	j, err := r.Submit(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// wait returns the job once it has ended.
func wait(t testing.TB, r *job.Runner, id job.ID) job.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events, err := r.Subscribe(ctx, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	for e := range events {
		ended = e.Terminal()
	}
	if !ended {
		t.Fatalf("job %s has not ended: %+v", id, get(t, r, id))
	}
	return get(t, r, id)
}

func get(t testing.TB, r *job.Runner, id job.ID) job.Job {
	t.Helper()
	j, err := r.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func statuses(t testing.TB, r *job.Runner, id job.ID) []job.Status {
	t.Helper()
	history, err := r.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var all []job.Status
	for _, e := range history {
		all = append(all, e.Status)
	}
	return all
}

func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

func nothing(context.Context, *job.Run) error { return nil }

func count(t testing.TB, q meta.Querier, query string, args ...any) (n int) {
	t.Helper()
	if err := q.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAJobRunsOnceAndIsCompleted(t *testing.T) {
	t.Parallel()
	got := make(chan job.Job, 2)
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{"copy": func(_ context.Context, run *job.Run) error {
		got <- run.Job
		return nil
	}}, job.Config{})
	stop := start(t, r)
	j := submit(t, r, job.NewJob{
		Type: "copy", UserID: "u", Source: "datasource", SourceID: "d", SourceEventType: "http_connection",
		Payload: json.RawMessage(`{"n":1}`), Metadata: json.RawMessage(`{"m":2}`),
	})
	if j.Status != job.Pending || j.ID == "" {
		t.Errorf("submitted: %+v", j)
	}
	ran := receive(t, got, "run")
	if ran.ID != j.ID || string(ran.Payload) != `{"n":1}` || ran.Attempt != 1 || ran.Status != job.Running {
		t.Errorf("the handler got %+v", ran)
	}
	j = wait(t, r, j.ID)
	if j.Status != job.Completed || j.Progress != 1 || j.Error != nil || j.StartedAt == nil || j.FinishedAt == nil {
		t.Errorf("completed: %+v", j)
	}
	stop()
	if n := count(t, db.Read(), `SELECT count(*) FROM river_job WHERE state <> 'completed'`); n > 0 || len(got) > 0 {
		t.Errorf("%d rows are left in the queue, %d more runs", n, len(got))
	}
	if n := count(t, db.Read(), `SELECT count(*) FROM river_job WHERE json(args) <> json_object('job', ?)`, j.ID); n > 0 {
		t.Errorf("the queue knows more than the id of the job")
	}
}

func TestHowAnAttemptEnds(t *testing.T) {
	t.Parallel()
	boom := errors.New("password=hunter2")
	tests := []struct {
		rule     string
		err      error
		status   job.Status
		problem  *job.Problem
		attempts int
	}{
		{"nil completes", nil, job.Completed, nil, 1},
		{"invalid is final and shows its fix", errs.New(errs.Invalid, "bad path").Named("path-selects-nothing").Fix("use data").Because(boom),
			job.Failed, &job.Problem{Type: "path-selects-nothing", Kind: errs.Invalid, Title: "The request is wrong", Detail: "bad path", Fixes: []string{"use data"}}, 1},
		{"upstream is final", errs.New(errs.Upstream, "the source said 500"),
			job.Failed, &job.Problem{Type: "upstream", Kind: errs.Upstream, Title: "The data source failed", Detail: "the source said 500"}, 1},
		{"unclassified shows nothing", boom,
			job.Failed, &job.Problem{Type: "internal", Kind: errs.Internal, Title: "Internal error", Detail: "internal error"}, 1},
		{"internal shows nothing", errs.New(errs.Internal, "row 7 of /data").Because(boom),
			job.Failed, &job.Problem{Type: "internal", Kind: errs.Internal, Title: "Internal error", Detail: "internal error"}, 1},
		{"a handler may cancel its job", errs.New(errs.Canceled, "the project was deleted"),
			job.Canceled, &job.Problem{Type: "canceled", Kind: errs.Canceled, Title: "Canceled", Detail: "the project was deleted"}, 1},
		{"unavailable is tried again, then final", errs.New(errs.Unavailable, "no worker is free"),
			job.Failed, &job.Problem{Type: "unavailable", Kind: errs.Unavailable, Title: "Not available right now", Detail: "no worker is free"}, 2},
		{"too much at once is tried again, then final", errs.New(errs.Busy, "the queue is full"),
			job.Failed, &job.Problem{Type: "busy", Kind: errs.Busy, Title: "Too much at once", Detail: "the queue is full"}, 2},
		{"what the handler marks is tried again", job.Again(errs.New(errs.Upstream, "the source said 503")),
			job.Failed, &job.Problem{Type: "upstream", Kind: errs.Upstream, Title: "The data source failed", Detail: "the source said 503"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": func(context.Context, *job.Run) error { return tt.err }},
				job.Config{MaxAttempts: 2})
			start(t, r)
			j := wait(t, r, submit(t, r, job.NewJob{Type: "x"}).ID)
			if j.Status != tt.status || j.Attempt != tt.attempts {
				t.Errorf("got %s after %d attempts, want %s after %d", j.Status, j.Attempt, tt.status, tt.attempts)
			}
			diff(t, "problem", j.Error, tt.problem)
		})
	}
}

func TestAPanicFailsTheJobAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{
		"panic": func(context.Context, *job.Run) error { panic("token=hunter2") },
		"fine":  nothing,
	}, job.Config{Workers: 1})
	start(t, r)
	bad, good := submit(t, r, job.NewJob{Type: "panic"}), submit(t, r, job.NewJob{Type: "fine"})
	if j := wait(t, r, bad.ID); j.Status != job.Failed || j.Error.Detail != "internal error" || j.Attempt != 1 {
		t.Errorf("got %+v", j)
	}
	if j := wait(t, r, good.ID); j.Status != job.Completed {
		t.Errorf("got %+v", j)
	}
}

func TestALateJobIsStoppedAndSaysSo(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"slow": func(ctx context.Context, _ *job.Run) error {
		<-ctx.Done()
		return ctx.Err()
	}}, job.Config{Timeout: time.Millisecond})
	start(t, r)
	j := wait(t, r, submit(t, r, job.NewJob{Type: "slow"}).ID)
	if j.Status != job.Failed || j.Error.Type != "job-deadline" {
		t.Errorf("got %+v, %+v", j, j.Error)
	}
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{"x": nothing}, job.Config{})
	done := submit(t, r, job.NewJob{Type: "x"})
	if err := r.Cancel(t.Context(), done.ID); err != nil {
		t.Fatal(err)
	}
	for rule, c := range map[string]struct {
		n    job.NewJob
		want errs.Kind
	}{
		"a type without a handler":       {job.NewJob{Type: "y"}, errs.Invalid},
		"a payload that is not JSON":     {job.NewJob{Type: "x", Payload: json.RawMessage(`{`)}, errs.Invalid},
		"a missing parent":               {job.NewJob{Type: "x", ParentID: "no"}, errs.NotFound},
		"waiting for no parent":          {job.NewJob{Type: "x", AfterParent: true}, errs.Invalid},
		"waiting for a canceled parent":  {job.NewJob{Type: "x", ParentID: done.ID, AfterParent: true}, errs.Conflict},
		"a project that does not exist":  {job.NewJob{Type: "x", ProjectID: "no"}, errs.NotFound},
		"an id that another job has got": {job.NewJob{Type: "x", ID: done.ID}, errs.Conflict},
	} {
		if _, err := r.Submit(t.Context(), c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", rule, err, c.want)
		}
	}
	if jobs, err := r.List(t.Context(), job.Filter{}); err != nil || len(jobs) != 1 {
		t.Errorf("refused jobs are stored: %v, %v", jobs, err)
	}
}

func TestARolledBackSubmitLeavesNothing(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{"x": nothing}, job.Config{})
	undo := errors.New("undo")
	err := db.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := r.SubmitTx(t.Context(), tx, job.NewJob{Type: "x"}); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if n := count(t, db.Read(), `SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM river_job)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestTwoHundredJobsRunOnceEach(t *testing.T) {
	t.Parallel()
	const n = 200
	ran := make(chan job.ID, 2*n)
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{"x": func(_ context.Context, run *job.Run) error {
		ran <- run.Job.ID
		return nil
	}}, job.Config{Workers: 8})
	start(t, r)
	ids := map[job.ID]bool{}
	for range 4 {
		err := db.Tx(t.Context(), func(tx *sql.Tx) error {
			for range n / 4 {
				j, err := r.SubmitTx(t.Context(), tx, job.NewJob{Type: "x"})
				if err != nil {
					return err
				}
				ids[j.ID] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range ids {
		if j := wait(t, r, id); j.Status != job.Completed || j.Attempt != 1 {
			t.Errorf("got %+v", j)
		}
	}
	close(ran)
	for id := range ran {
		if !ids[id] {
			t.Errorf("job %s ran twice", id)
		}
		delete(ids, id)
	}
	if len(ids) > 0 {
		t.Errorf("%d jobs did not run", len(ids))
	}
}
