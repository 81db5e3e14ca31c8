package job

import (
	"context"
	"database/sql"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Held reports whether the job waits for [Runner.ReleaseTx].
func (j Job) Held() bool { return j.Status == Pending && j.Waiting && j.ParentID == "" }

// ReleaseTx lets a job on hold start, once the caller's transaction has committed,
// as n: with n's payload, about n's source. Its type, project and user stay as they
// are. It fails with errs.NotFound if there is no such job of that type and project,
// and with errs.Conflict ("job-not-held") if it is not on hold.
func (r *Runner) ReleaseTx(ctx context.Context, tx *sql.Tx, id ID, n NewJob) (_ Job, err error) {
	defer errs.Wrap(&err, "job.Release(%s)", id)
	j, ok, err := one(ctx, tx, id)
	switch {
	case err != nil:
		return Job{}, err
	case !ok || j.Type != n.Type || j.ProjectID != n.ProjectID:
		return Job{}, notFound().At("/job_id")
	case !j.Held():
		return Job{}, errs.New(errs.Conflict, "the job is %s already", j.Status).Named("job-not-held").At("/job_id").
			Fix("submit another with POST /v1/jobs/submit")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE jobs SET payload = ?, source = ?, source_id = ?, source_event_type = ? WHERE id = ?`,
		orEmpty(n.Payload), n.Source, n.SourceID, n.SourceEventType, id); err != nil {
		return Job{}, err
	}
	if err := r.release(ctx, tx, id); err != nil {
		return Job{}, err
	}
	j, _, err = one(ctx, tx, id)
	return j, err
}

// DropHeld cancels jobs that have been on hold since before a time.
func (r *Runner) DropHeld(ctx context.Context, before time.Time) (err error) {
	defer errs.Wrap(&err, "job.DropHeld")
	ids, err := meta.All(ctx, r.db.Read(), func(row meta.Row) (id ID, err error) { return id, row.Scan(&id) },
		`SELECT id FROM jobs WHERE status = 'pending' AND waiting = 1 AND parent_id IS NULL AND updated_at < ?`, meta.Micros(before))
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.Cancel(ctx, id); err != nil && errs.KindOf(err) != errs.Conflict {
			return err
		}
	}
	return nil
}
