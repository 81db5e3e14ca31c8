package app

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/ingest"
	"millwright/internal/schedule"
)

// scheduled starts the run of a schedule as a person would who asks for another run.
func (a *App) scheduled(ctx context.Context, tx *sql.Tx, s schedule.Schedule) (string, error) {
	d, err := a.server.Sources.Lookup(ctx, s.DatasourceID)
	if err != nil {
		return "", err
	}
	spec, err := a.server.Sources.Spec(ctx, d.ID)
	if errs.KindOf(err) == errs.NotFound {
		return "", errs.New(errs.Conflict, "the datasource has no stored request to make").Named("never-run").Because(err)
	}
	if err != nil {
		return "", err
	}
	started, err := a.server.Ingest.StartTx(ctx, tx, a.jobs, ingest.Request{Datasource: d, Spec: spec, UserID: s.UserID, Then: a.server.AfterRun})
	if err != nil {
		return "", err
	}
	return started.Jobs[0].ID, nil
}
