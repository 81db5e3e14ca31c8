package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// writeEvery is how often a run's progress is written to the database at most.
const writeEvery = time.Second

// A Run is one attempt at a job, as its handler sees it. Its methods may be
// called from several goroutines, until the handler returns.
type Run struct {
	Job Job // as it was when the attempt started

	runner *Runner
	row    *river.Job[claim]
	work   context.Context // ends when the job is canceled or late, or the server stops
	cancel context.CancelCauseFunc
	dirty  chan struct{} // there is progress to write down

	mu      sync.Mutex // guards the fields below
	latest  Progress
	touched []ID // jobs that CompleteTx changed
	over    bool // the handler has returned; what its goroutines still report is dropped
}

// Progress reports how far the work is. Live subscribers and Get see it at once;
// the database at most once a second. It never waits for either, so it may be
// called for every page. An empty Phase or Message keeps the one before.
func (r *Run) Progress(_ context.Context, p Progress) {
	p.Fraction = min(max(p.Fraction, 0), 1)
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	if p.Phase == "" {
		p.Phase = r.latest.Phase
	}
	if p.Message == "" {
		p.Message = r.latest.Message
	}
	r.latest = p
	r.mu.Unlock()
	r.runner.hub.progress(r.Job.ID, p, r.event(EventProgress, p))
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// event returns a live event. Data that JSON cannot hold becomes null.
func (r *Run) event(name string, data any) Event {
	text, err := json.Marshal(data)
	if err != nil {
		text = []byte("null")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Event{
		JobID: r.Job.ID, Seq: r.runner.nextSeq(0), Name: name, Status: Running,
		Progress: r.latest.Fraction, Data: text, At: r.runner.cfg.Now(),
	}
}

// Emit stores an event and tells subscribers. Data is stored as JSON, in clear.
// Names that begin with "job." are this package's own.
func (r *Run) Emit(ctx context.Context, name string, data any) error {
	err := r.runner.db.Tx(ctx, func(tx *sql.Tx) error { return r.EmitTx(ctx, tx, name, data) })
	r.runner.hub.wake(r.Job.ID)
	return err
}

// EmitTx stores an event in the caller's transaction. Subscribers hear of it
// with the next event or progress after the commit.
func (r *Run) EmitTx(ctx context.Context, tx *sql.Tx, name string, data any) (err error) {
	defer errs.Wrap(&err, "job.Emit(%s)", name)
	if name == "" || strings.HasPrefix(name, "job.") {
		return errs.New(errs.Internal, "handlers cannot emit %q", name)
	}
	e := r.event(name, data)
	_, err = r.runner.addEvent(ctx, tx, e)
	return err
}

// CompleteTx completes the job in the caller's transaction, together with the
// results that it commits; jobs that waited for this one, and those in then,
// start after the commit. Jobs in then without a parent get this one.
//
// It is the fence: if another attempt has taken over, it fails with
// errs.Conflict, and if the job was canceled with errs.Canceled. The caller must
// then roll back, and return the error. After the commit the handler should return.
func (r *Run) CompleteTx(ctx context.Context, tx *sql.Tx, then ...NewJob) (err error) {
	defer errs.Wrap(&err, "job.Complete(%s)", r.Job.ID)
	res, err := tx.ExecContext(ctx,
		`UPDATE jobs SET status = ? WHERE id = ? AND attempt = ? AND status = ? AND cancel_requested = 0`,
		Completed, r.Job.ID, r.Job.Attempt, Running)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return r.refused(ctx, tx, err)
	}
	if err := r.store(ctx, tx); err != nil {
		return err
	}
	if err := r.runner.dequeue(r, tx); err != nil {
		return err
	}
	touched, err := r.runner.finish(ctx, tx, r.end(Completed, nil))
	if err != nil {
		return err
	}
	for _, n := range then {
		if n.ParentID == "" {
			n.ParentID = r.Job.ID
		}
		if _, err := r.runner.SubmitTx(ctx, tx, n); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.touched = touched
	return nil
}

// refused says why the job cannot be completed by this attempt.
func (r *Run) refused(ctx context.Context, tx *sql.Tx, err error) error {
	if err != nil {
		return err
	}
	now, ok, err := one(ctx, tx, r.Job.ID)
	switch {
	case err != nil:
		return err
	case ok && now.Attempt == r.Job.Attempt && now.Status == Running:
		return errs.New(errs.Canceled, "canceled by a person").Named("job-canceled")
	}
	return errs.New(errs.Conflict, "another attempt at the job has taken over").Named("job-superseded")
}

// end returns the job's end with that status.
func (r *Run) end(status Status, problem *Problem) change {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := change{
		id: r.Job.ID, status: status, attempt: r.Job.Attempt,
		progress: r.latest.Fraction, message: r.latest.Message, problem: problem,
	}
	if status == Completed {
		c.progress = 1
	}
	if problem != nil {
		c.message = problem.Detail
	}
	return c
}

// close drops further progress and returns the jobs that CompleteTx changed.
func (r *Run) close() []ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return append([]ID{r.Job.ID}, r.touched...)
}

// writeProgress writes progress down until done, at most every writeEvery, and
// the newest one always.
func (r *Run) writeProgress(done <-chan struct{}) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		select {
		case <-done:
			return
		case <-r.dirty:
		}
		// A failure is no reason to fail the job: the next report writes it again.
		if err := r.store(r.work, r.runner.db.Write()); err != nil && r.work.Err() == nil {
			r.runner.cfg.Log.Warn("could not store a job's progress", "job", r.Job.ID, "err", err)
		}
		pause.Reset(writeEvery)
		select {
		case <-done:
			return
		case <-pause.C:
		}
	}
}

// store writes the newest progress into the job's row.
func (r *Run) store(ctx context.Context, q meta.Querier) error {
	r.mu.Lock()
	p := r.latest
	r.mu.Unlock()
	detail, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `
		UPDATE jobs SET phase = ?, message = ?, progress = CASE WHEN status = ? THEN 1 ELSE ? END, detail = ?, updated_at = ?
		WHERE id = ? AND attempt = ? AND status IN (?, ?)`,
		p.Phase, p.Message, Completed, p.Fraction, string(detail), meta.Micros(r.runner.cfg.Now()),
		r.Job.ID, r.Job.Attempt, Running, Completed)
	return err
}
