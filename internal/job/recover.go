package job

import (
	"context"
	"database/sql"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// maxCrashes is how often the server may die while a job runs before the job is
// suspected: a job that kills the server must not do so for ever.
const maxCrashes = 10

// unfinished is a job that an earlier process left.
type unfinished struct {
	id              ID
	jobType         string
	status          Status
	attempt         int
	failures        int
	crashes         int
	waiting         bool
	cancelRequested bool
	due             int64
}

// recover builds the queue anew from the jobs that are not finished: those that
// were running when an earlier process died are due at once, without waiting for
// the queue's own rescuer. The database admits one process, so whatever is
// marked as running is not.
func (r *Runner) recover(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "recover")
	var touched []ID
	err = r.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM river_job`); err != nil {
			return err
		}
		left, err := meta.All(ctx, tx, func(row meta.Row) (u unfinished, err error) {
			return u, row.Scan(&u.id, &u.jobType, &u.status, &u.attempt, &u.failures, &u.crashes, &u.waiting, &u.cancelRequested, &u.due)
		}, `SELECT id, type, status, attempt, failures, crashes, waiting, cancel_requested, due_at FROM jobs
			WHERE status IN ('pending', 'running') ORDER BY created_at, id`)
		if err != nil {
			return err
		}
		for _, u := range left {
			changed, err := r.restore(ctx, tx, u)
			if err != nil {
				return err
			}
			touched = append(touched, changed...)
		}
		return nil
	})
	r.hub.wake(touched...)
	return err
}

// restore makes a job due, or ends it. It returns the jobs it changed.
func (r *Runner) restore(ctx context.Context, tx *sql.Tx, u unfinished) ([]ID, error) {
	end := change{id: u.id, attempt: u.attempt}
	switch {
	case u.status == Pending && u.waiting:
		// Its parent may have ended meanwhile, in this very loop.
		return nil, nil
	case u.status == Pending:
		queueID, err := r.enqueue(ctx, tx, u.id, u.jobType, r.dueAgain(u))
		if err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET queue_id = ? WHERE id = ? AND status = ?`, queueID, u.id, Pending)
		return nil, err
	case u.cancelRequested:
		end.status, end.problem = Canceled, canceledProblem()
	case u.crashes+1 >= maxCrashes:
		end.status = Failed
		end.problem = problemOf(errs.New(errs.Unavailable, "the server died %d times while the job ran", maxCrashes).
			Named("job-crashes-server").Fix("try it with less data", "see the server's log and memory limit"))
	default:
		return []ID{u.id}, r.redo(ctx, tx, u)
	}
	end.message = end.problem.Detail
	return r.finish(ctx, tx, end)
}

// dueAgain returns when a pending job is due. A clock that was set back since
// must not put it off by as much.
func (r *Runner) dueAgain(u unfinished) time.Time {
	now := r.cfg.Now()
	due, latest := meta.Time(u.due), now.Add(maxDelay)
	switch {
	case u.failures == 0:
		return now
	case due.After(latest):
		return latest
	}
	return due
}

func (r *Runner) redo(ctx context.Context, tx *sql.Tx, u unfinished) error {
	now := r.cfg.Now()
	queueID, err := r.enqueue(ctx, tx, u.id, u.jobType, now)
	if err != nil {
		return err
	}
	const why = "the server died while it ran"
	if _, err := tx.ExecContext(ctx, `
		UPDATE jobs SET status = ?, queue_id = ?, due_at = ?, crashes = crashes + 1, message = ?, updated_at = ? WHERE id = ?`,
		Pending, queueID, meta.Micros(now), why, meta.Micros(now), u.id); err != nil {
		return err
	}
	return r.record(ctx, tx, change{id: u.id, status: Pending, attempt: u.attempt, message: why, event: EventRequeued})
}

// Cancel stops a job: one that is pending is canceled at once, one that is
// running when its handler returns, and from now on it cannot complete. Jobs
// that wait for it are canceled with it. Canceling a canceled job is no error;
// for one that has completed or failed it is errs.Conflict.
func (r *Runner) Cancel(ctx context.Context, id ID) (err error) {
	defer errs.Wrap(&err, "job.Cancel(%s)", id)
	var touched []ID
	err = r.db.Tx(ctx, func(tx *sql.Tx) error {
		j, ok, err := one(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound()
		case j.Status == Pending:
			problem := canceledProblem()
			touched, err = r.finish(ctx, tx, change{
				id: id, status: Canceled, attempt: j.Attempt, message: problem.Detail, problem: problem,
			})
			return err
		case j.Status == Running:
			_, err := tx.ExecContext(ctx, `UPDATE jobs SET cancel_requested = 1, updated_at = ? WHERE id = ?`,
				meta.Micros(r.cfg.Now()), id)
			return err
		case j.Status == Canceled:
			return nil
		}
		return errs.New(errs.Conflict, "the job is %s already", j.Status).Named("job-finished")
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	if run, ok := r.running[id]; ok {
		run.cancel(errByPerson)
	}
	r.mu.Unlock()
	r.hub.wake(touched...)
	return nil
}
