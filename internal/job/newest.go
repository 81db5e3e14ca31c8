package job

import (
	"context"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Newest returns a handler of jobs that look at a source as it is, so that of several
// that are due only the youngest needs to: where a younger job of the same type is due for
// the source, or waits for a follow-up that is, the handler leaves the work to that one and
// completes. So runs that end faster than they are looked at leave no queue behind.
func Newest(h Handler) Handler {
	return func(ctx context.Context, run *Run) error {
		left, err := run.overtaken(ctx)
		if err != nil {
			return err
		}
		if left {
			run.Progress(ctx, Progress{Message: "left to a later job, as the data have changed since", Fraction: 1})
			return nil
		}
		return h(ctx, run)
	}
}

// overtaken reports whether a younger job, with as many that wait for it, will do what
// this one would. One that waits for a run does not count: the run may take long, or fail.
func (r *Run) overtaken(ctx context.Context) (left bool, err error) {
	defer errs.Wrap(&err, "job.overtaken")
	if r.Job.SourceID == "" {
		return false, nil
	}
	err = r.runner.db.Read().QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id
			WHERE j.source_id = ?1 AND j.type = ?2 AND j.project_id IS ?3 AND (j.created_at, j.id) > (?4, ?5)
				AND j.status = 'pending' AND (j.waiting = 0 OR p.waiting = 0 AND p.parent_id IS NOT NULL)
				AND (SELECT count(*) FROM jobs c WHERE c.parent_id = j.id AND c.waiting = 1) >=
					(SELECT count(*) FROM jobs c WHERE c.parent_id = ?5 AND c.waiting = 1))`,
		r.Job.SourceID, r.Job.Type, meta.NullText(r.Job.ProjectID), meta.Micros(r.Job.CreatedAt), r.Job.ID).Scan(&left)
	return left, err
}
