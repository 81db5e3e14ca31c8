package ingest

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/job"
	"millwright/internal/meta"
)

// Override returns the stored setting with what one run sets differently; fields
// that the run leaves empty stay. Errors point below pointer.
//
// To replace what a cursor has brought together begins anew: everything is asked
// for, and the cursor goes on from there.
func Override(stored, run httpsource.RunSetting, pointer string) (httpsource.RunSetting, error) {
	s := stored
	if run.Mode != "" {
		s.Mode = run.Mode
		if s.Mode != httpsource.Merge {
			s.Key = nil
		}
	}
	if len(run.Key) > 0 {
		s.Key = run.Key
	}
	if !run.Cursor.IsZero() {
		s.Cursor = run.Cursor
	}
	check := s
	if replaces(s.Mode) && run.Cursor.IsZero() {
		check.Cursor = httpsource.Cursor{}
	}
	return s, check.Check(pointer)
}

func replaces(m httpsource.Mode) bool { return m == "" || m == httpsource.Replace }

// checkStart refuses, before anything is fetched, a run that could not be
// committed.
func (s *Service) checkStart(ctx context.Context, r Request, setting httpsource.RunSetting) error {
	if !setting.Cursor.IsZero() {
		if _, err := r.Spec.WithCursor(setting.Cursor, jsontext.Value("0")); err != nil {
			return err
		}
	}
	_, _, err := s.readBase(ctx, r.Datasource.ID, setting)
	return err
}

// refuseWhileRunning fails if a run or another rebuilding of the datasource's
// dataset has not ended: of two, one would undo the other.
func refuseWhileRunning(ctx context.Context, tx meta.Querier, jobs *job.Runner, datasourceID string) error {
	j, found, err := jobs.UnfinishedTx(ctx, tx, "datasource", datasourceID, JobType, LoadType, RetypeType)
	if err != nil || !found {
		return err
	}
	return errs.New(errs.Conflict, "job %s of this datasource is %s", j.ID, j.Status).Named("run-in-progress").
		Fix("wait until it has ended", "or cancel it with POST /v1/jobs/"+j.ID+"/cancel")
}
