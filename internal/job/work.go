package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Why a run's context may end before the server stops.
var (
	errByPerson = errs.New(errs.Canceled, "canceled by a person").Named("job-canceled")
	errDeadline = errors.New("the job's deadline has passed")
)

// worker is what the queue calls for each job.
type worker struct {
	river.WorkerDefaults[claim]
	runner *Runner
}

// Work runs one attempt. It never fails as far as the queue is concerned: how
// the attempt ended is in our own tables, and errors do not get into the queue's.
func (w *worker) Work(ctx context.Context, row *river.Job[claim]) error {
	w.runner.attempt(ctx, row)
	return nil
}

func (r *Runner) attempt(ctx context.Context, row *river.Job[claim]) {
	cancelable, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work, stop := context.WithTimeoutCause(cancelable, r.cfg.Timeout, errDeadline)
	defer stop()

	run := &Run{runner: r, row: row, work: work, cancel: cancel, dirty: make(chan struct{}, 1)}
	// Before the claim: whoever cancels a job that is running must find it here.
	r.enter(row.Args.Job, run)
	defer r.leave(row.Args.Job, run)

	claimed := false
	r.insist(ctx, "claim", row.Args.Job, func(ctx context.Context) (err error) {
		claimed, err = r.claim(ctx, run)
		return err
	})
	if !claimed {
		return
	}
	r.hub.wake(run.Job.ID)
	err := r.handle(run)
	touched := run.close()
	var settled []ID
	r.insist(ctx, "settle", run.Job.ID, func(ctx context.Context) error {
		return r.db.Tx(ctx, func(tx *sql.Tx) (e error) {
			settled, e = r.settle(ctx, tx, run, err)
			return e
		})
	})
	r.hub.forget(run.Job.ID)
	r.hub.wake(append(touched, settled...)...)
}

// claim takes the job for a new attempt. It reports false if the job is not due
// any more: canceled, deleted, or handed out under another row of the queue.
func (r *Runner) claim(ctx context.Context, run *Run) (ok bool, err error) {
	err = r.db.Tx(ctx, func(tx *sql.Tx) error {
		now := meta.Micros(r.cfg.Now())
		res, err := tx.ExecContext(ctx, `
			UPDATE jobs SET status = ?, attempt = attempt + 1, boot = ?, phase = '', message = '', progress = 0,
				detail = '{}', started_at = ?, updated_at = ?
			WHERE id = ? AND queue_id = ? AND status = ?`,
			Running, r.boot, now, now, run.row.Args.Job, run.row.ID, Pending)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		if run.Job, _, err = one(ctx, tx, run.row.Args.Job); err != nil {
			return err
		}
		ok = true
		return r.record(ctx, tx, change{id: run.Job.ID, status: Running, attempt: run.Job.Attempt, event: EventStarted})
	})
	return ok && err == nil, err
}

// handle runs the handler, and beside it what writes its progress down.
func (r *Runner) handle(run *Run) (err error) {
	h, ok := r.handlers[run.Job.Type]
	if !ok {
		return errs.New(errs.Internal, "there is no handler for %q", run.Job.Type)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() { run.writeProgress(done) })
	defer wg.Wait()
	defer close(done)
	defer func() {
		if v := recover(); v != nil {
			err = errs.New(errs.Internal, "the job's handler panicked").Because(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	return h(run.work, run)
}

func (r *Runner) enter(id ID, run *Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[id] = run
}

func (r *Runner) leave(id ID, run *Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[id] == run {
		delete(r.running, id)
	}
}

const maxWait = 5 * time.Second

// insist repeats do until it succeeds: a full disk must not lose how a job
// ended. It gives up when ctx, which ends with the server's grace, is done; the
// next start sorts out the rest. do runs to its end even then, and at least once.
func (r *Runner) insist(ctx context.Context, what string, id ID, do func(context.Context) error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, maxWait) {
		err := do(context.WithoutCancel(ctx))
		if err == nil {
			return
		}
		r.cfg.Log.Error("could not "+what+" a job", "job", id, "err", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
