package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// standing is what decides how an attempt is settled.
type standing struct {
	status          Status
	attempt         int
	failures        int
	cancelRequested bool
}

// settle records how the attempt ended, unless CompleteTx has done so or another
// attempt has taken over. It returns the jobs it changed.
func (r *Runner) settle(ctx context.Context, tx *sql.Tx, run *Run, err error) ([]ID, error) {
	s, ok, e := meta.One(ctx, tx, func(row meta.Row) (s standing, err error) {
		return s, row.Scan(&s.status, &s.attempt, &s.failures, &s.cancelRequested)
	}, `SELECT status, attempt, failures, cancel_requested FROM jobs WHERE id = ?`, run.Job.ID)
	if e != nil {
		return nil, e
	}
	if !ok || s.status != Running || s.attempt != run.Job.Attempt {
		if err != nil {
			r.cfg.Log.Debug("an attempt ended with an error after its job was settled", "job", run.Job.ID, "err", err)
		}
		return nil, nil
	}
	if e := run.store(ctx, tx); e != nil {
		return nil, e
	}
	cause := context.Cause(run.work)
	switch {
	case s.cancelRequested || errors.Is(cause, errByPerson):
		return r.finish(ctx, tx, run.end(Canceled, canceledProblem()))
	case err == nil:
		return r.finish(ctx, tx, run.end(Completed, nil))
	case errors.Is(cause, errDeadline):
		err = errs.New(errs.TooLarge, "the job did not finish within %s", r.cfg.Timeout).
			Named("job-deadline").Fix("fetch less at a time", "raise the deadline of jobs").Because(err)
	case cause != nil:
		// The server stops: due again at the next start, which enqueues it.
		return []ID{run.Job.ID}, r.requeue(ctx, tx, run, sql.NullInt64{}, r.cfg.Now(), 0, "the server stopped while it ran")
	case errs.KindOf(err) == errs.Canceled:
		return r.finish(ctx, tx, run.end(Canceled, problemOf(err)))
	case retryable(err) && s.failures+1 < r.cfg.MaxAttempts:
		return []ID{run.Job.ID}, r.putOff(ctx, tx, run, err, s.failures+1)
	}
	r.log(run, "a job failed", err)
	return r.finish(ctx, tx, run.end(Failed, problemOf(err)))
}

func canceledProblem() *Problem {
	return problemOf(errs.New(errs.Canceled, "canceled by a person").Named("job-canceled"))
}

// putOff makes the job due again after a pause.
func (r *Runner) putOff(ctx context.Context, tx *sql.Tx, run *Run, err error, failures int) error {
	r.log(run, "a job failed and will be tried again", err)
	wait := delay(err, failures)
	due := r.cfg.Now().Add(wait)
	queueID, e := r.enqueue(ctx, tx, run.Job.ID, run.Job.Type, due)
	if e != nil {
		return e
	}
	message := fmt.Sprintf("%s; attempt %d follows in %s", errs.Public(err), run.Job.Attempt+1, wait.Round(time.Second))
	return r.requeue(ctx, tx, run, queueID, due, 1, message)
}

// requeue makes a running job pending again.
func (r *Runner) requeue(ctx context.Context, tx *sql.Tx, run *Run, queueID sql.NullInt64, due time.Time, failures int, message string) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE jobs SET status = ?, queue_id = ?, due_at = ?, failures = failures + ?, message = ?, updated_at = ? WHERE id = ?`,
		Pending, queueID, meta.Micros(due), failures, message, meta.Micros(r.cfg.Now()), run.Job.ID); err != nil {
		return err
	}
	return r.record(ctx, tx, change{
		id: run.Job.ID, status: Pending, attempt: run.Job.Attempt, message: message, event: EventRequeued,
	})
}

// dequeue completes the queue's row of the attempt in the transaction of
// CompleteTx: its caller may live on, and even crash, before the queue hears that
// the attempt has ended. Elsewhere the queue completes the row by itself.
func (r *Runner) dequeue(run *Run, tx *sql.Tx) error {
	// The queue finds its client in the context of the attempt; the transaction
	// has the caller's own.
	_, err := river.JobCompleteTx[*riversqlite.Driver](context.WithoutCancel(run.work), tx, run.row)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil // a later start has built the queue anew; the attempt is fenced by ours
	}
	return err
}

// log tells the operator about a failure, as loud as its kind deserves.
func (r *Runner) log(run *Run, msg string, err error) {
	args := []any{"job", run.Job.ID, "type", run.Job.Type, "attempt", run.Job.Attempt, "err", err}
	switch errs.KindOf(err) {
	case errs.Internal:
		r.cfg.Log.Error(msg, args...)
	case errs.Upstream, errs.Busy, errs.Unavailable:
		r.cfg.Log.Info(msg, args...)
	default:
		r.cfg.Log.Debug(msg, args...)
	}
}
