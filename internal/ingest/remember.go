package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// A Remembered is what a person may know of a datasource's cursor.
type Remembered struct {
	Field     string
	Value     json.RawMessage // a JSON string or number; nil if nothing is remembered
	Order     string          // how values compare: number, text, or the kind of time
	Version   int64           // the version whose run left it
	Records   int             // records that are remembered because they will come again
	UpdatedAt time.Time
	Next      json.RawMessage // what the next run sends; nil if nothing
}

// Cursor returns what the runs of a datasource remember, for its setting.
func (s *Service) Cursor(ctx context.Context, datasourceID string, c httpsource.Cursor) (r Remembered, err error) {
	defer errs.Wrap(&err, "ingest.Cursor(%s)", datasourceID)
	d, err := s.Datasets.ByDatasource(ctx, datasourceID)
	if err != nil {
		return r, err
	}
	var state *CursorState
	if len(d) > 0 {
		var at int64
		if state, at, r.UpdatedAt, err = s.cursorState(ctx, datasourceID, d[0]); err != nil {
			return r, err
		}
		r.Version = at
	}
	if state != nil {
		r.Field, r.Value, r.Order, r.Records = state.Field, json.RawMessage(state.Value), state.Order.String(), len(state.Records)
	}
	if c.IsZero() {
		return r, nil
	}
	next, err := state.next(c)
	if err == nil && next != nil {
		r.Next = json.RawMessage(next.raw)
	}
	if errs.KindOf(err) == errs.Conflict {
		err = nil // the setting names another field: the run will say so
	}
	return r, err
}

// ResetCursor forgets what the runs of a datasource remember: the next one begins
// anew. It fails with errs.Conflict ("run-in-progress") while a run needs it.
func (s *Service) ResetCursor(ctx context.Context, jobs *job.Runner, datasourceID string) (err error) {
	defer errs.Wrap(&err, "ingest.ResetCursor(%s)", datasourceID)
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := refuseWhileRunning(ctx, tx, jobs, datasourceID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM ingest_cursors WHERE datasource_id = ?`, datasourceID)
		return err
	})
}

// A cursorRow is a stored state.
type cursorRow struct {
	version int64
	state   string
	at      int64
}

// cursorState returns the state that belongs to the dataset's current version and
// the version whose run left it; nil if there is none.
func (s *Service) cursorState(ctx context.Context, datasourceID string, d dataset.Dataset) (*CursorState, int64, time.Time, error) {
	rows, err := s.cursorRows(ctx, datasourceID)
	if err != nil || len(rows) == 0 {
		return nil, 0, time.Time{}, err
	}
	versions, err := s.Datasets.Versions(ctx, d.ID)
	if err != nil {
		return nil, 0, time.Time{}, err
	}
	r, ok := rows[leftBy(rows, versions, d.Version)]
	if !ok {
		return nil, 0, time.Time{}, nil
	}
	state := &CursorState{}
	if err := json.Unmarshal([]byte(r.state), state); err != nil {
		return nil, 0, time.Time{}, errs.New(errs.Internal, "the stored cursor cannot be read").Because(err)
	}
	return state, r.version, meta.Time(r.at), nil
}

// cursorRows returns the stored states of a datasource by their versions.
func (s *Service) cursorRows(ctx context.Context, datasourceID string) (map[int64]cursorRow, error) {
	rows, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (r cursorRow, err error) {
		return r, row.Scan(&r.version, &r.state, &r.at)
	}, `SELECT version, state, created_at FROM ingest_cursors WHERE datasource_id = ?`, datasourceID)
	byVersion := map[int64]cursorRow{}
	for _, r := range rows {
		byVersion[r.version] = r
	}
	return byVersion, err
}

// leftBy returns the version whose run left the state that belongs to a version; 0
// if none did. A restored version has the state of the one restored; a run that
// replaced everything without a cursor ends what was remembered before.
func leftBy(rows map[int64]cursorRow, versions []dataset.Version, at int64) int64 {
	known := map[int64]dataset.Version{}
	for _, v := range versions {
		known[v.Version] = v
	}
	for at > 0 {
		if _, ok := rows[at]; ok {
			return at
		}
		switch v := known[at]; {
		case v.Kind == dataset.Replace:
			return 0
		case v.Kind == dataset.Restore && v.Base < at:
			at = v.Base
		default:
			at--
		}
	}
	return 0
}

// forgetCursors removes the states that no version leads to which can still be read,
// so that none will be asked for again.
func (s *Service) forgetCursors(ctx context.Context, id dataset.ID) (err error) {
	defer errs.Wrap(&err, "ingest.forgetCursors(%s)", id)
	d, err := s.Datasets.Dataset(ctx, id)
	if err != nil {
		return err
	}
	rows, err := s.cursorRows(ctx, d.DatasourceID)
	if err != nil || len(rows) == 0 {
		return err
	}
	versions, err := s.Datasets.Versions(ctx, id)
	if err != nil {
		return err
	}
	needed := map[int64]bool{}
	newest := int64(0)
	for _, v := range versions {
		newest = max(newest, v.Version)
		if v.ExpiredAt == nil {
			needed[leftBy(rows, versions, v.Version)] = true
		}
	}
	for version := range rows {
		// A newer state is of a run that committed while we looked.
		if needed[version] || version > newest {
			continue
		}
		if _, err := s.DB.Write().ExecContext(ctx, `DELETE FROM ingest_cursors WHERE datasource_id = ? AND version = ?`, d.DatasourceID, version); err != nil {
			return err
		}
	}
	return nil
}

// saveCursorTx stores the state that a version's run left.
func (s *Service) saveCursorTx(ctx context.Context, tx meta.Querier, datasourceID string, version int64, state *CursorState) error {
	text, err := state.encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO ingest_cursors (datasource_id, version, state, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (datasource_id, version) DO UPDATE SET state = excluded.state, created_at = excluded.created_at`,
		datasourceID, version, text, meta.Micros(s.Now()))
	return err
}

// chosenTypes returns the types that people chose for columns of a dataset, by the
// columns' keys.
func (s *Service) chosenTypes(ctx context.Context, id dataset.ID) (map[string]table.Type, error) {
	text, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (t string, err error) { return t, row.Scan(&t) },
		`SELECT columns FROM ingest_types WHERE dataset_id = ?`, id)
	if err != nil || !ok {
		return nil, err
	}
	var types map[string]table.Type
	if err := json.Unmarshal([]byte(text), &types); err != nil {
		return nil, errs.New(errs.Internal, "the chosen types of a dataset cannot be read").Because(err)
	}
	return types, nil
}

func (s *Service) saveTypesTx(ctx context.Context, tx meta.Querier, id dataset.ID, types map[string]table.Type) error {
	text, err := json.Marshal(types)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO ingest_types (dataset_id, columns, updated_at) VALUES (?, ?, ?)
		ON CONFLICT (dataset_id) DO UPDATE SET columns = excluded.columns, updated_at = excluded.updated_at`,
		id, string(text), meta.Micros(s.Now()))
	return err
}
