package ingest

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/source"
)

// syncStarted is the phase of a datasource whose run has not ended.
const syncStarted = "sync_started"

// Settle tells the readers of datasources how their runs ended, where the process
// died between the end of a run and the words about it. It is for the start, once
// no job is left that counts as running. States that clients set are theirs.
func (s *Service) Settle(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "ingest.Settle")
	type stuck struct{ datasource, problem string }
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		all, err := meta.All(ctx, tx, func(row meta.Row) (d stuck, err error) { return d, row.Scan(&d.datasource, &d.problem) }, `
			SELECT d.id, coalesce(j.error ->> '$.detail', j.message) FROM datasources d JOIN jobs j ON j.id = (
				SELECT id FROM jobs WHERE source = 'datasource' AND source_id = d.id AND type IN (?, ?) ORDER BY updated_at DESC, id DESC LIMIT 1)
			WHERE d.status = ? AND d.phase = ? AND j.status IN (?, ?)`,
			JobType, LoadType, string(source.Working), syncStarted, string(job.Failed), string(job.Canceled))
		if err != nil {
			return err
		}
		for _, d := range all {
			if err := s.Sources.SetStateTx(ctx, tx, d.datasource, source.Failed, "sync_failed", d.problem); err != nil {
				return err
			}
		}
		return nil
	})
}

// Canceled tells the readers of a datasource that its run was canceled before it
// could say so itself. It does nothing for a job that is of another type, or that
// runs on until it notices.
func (s *Service) Canceled(ctx context.Context, j job.Job) (err error) {
	defer errs.Wrap(&err, "ingest.Canceled(%s)", j.ID)
	if j.Type != JobType && j.Type != LoadType || j.Status != job.Canceled {
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
