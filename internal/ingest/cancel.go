package ingest

import (
	"context"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/source"
)

// Canceled tells the readers of a datasource that its run was canceled before it
// could say so itself. It does nothing for a job that is of another type, or that
// runs on until it notices.
func (s *Service) Canceled(ctx context.Context, j job.Job) (err error) {
	defer errs.Wrap(&err, "ingest.Canceled(%s)", j.ID)
	if j.Type != JobType || j.Status != job.Canceled {
		return nil
	}
	d, err := s.Sources.Lookup(ctx, j.SourceID)
	if errs.KindOf(err) == errs.NotFound || err == nil && d.Status != source.Working {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Sources.SetState(ctx, j.SourceID, source.Failed, "sync_failed", "the run was canceled before it began")
}
