package app

import (
	"context"

	"millwright/internal/compact"
	"millwright/internal/job"
)

// withCompaction adds to a handler, which ends the work on a run, that the dataset
// is compacted if it has become many files.
func (a *App) withCompaction(handle job.Handler, c *compact.Service) job.Handler {
	return func(ctx context.Context, run *job.Run) error {
		due, err := c.Due(ctx, run.Job.SourceID)
		if err == nil && due {
			_, err = a.jobs.Submit(ctx, job.NewJob{Type: compact.JobType, ProjectID: run.Job.ProjectID, UserID: run.Job.UserID,
				Source: run.Job.Source, SourceID: run.Job.SourceID})
		}
		if err != nil {
			// The next run asks again.
			a.log.ErrorContext(ctx, "a dataset was not looked at for compaction", "datasource", run.Job.SourceID, "err", err)
		}
		return handle(ctx, run)
	}
}
