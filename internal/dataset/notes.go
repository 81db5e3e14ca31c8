package dataset

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Notes are what a client says of a dataset, in words of its own; nil where it says
// nothing. They change nothing of the data, and stay when versions land.
type Notes struct {
	Name  *string // shown in place of the dataset's
	Code  *string // any text, kept byte for byte
	Model *string // JSON, kept byte for byte
}

// Notes returns what was said of a dataset; nothing if nobody said anything.
func (s *Store) Notes(ctx context.Context, id ID) (_ Notes, err error) {
	defer errs.Wrap(&err, "dataset.Notes(%s)", id)
	n, _, err := notesOf(ctx, s.DB.Read(), id)
	return n, err
}

func notesOf(ctx context.Context, q meta.Querier, id ID) (Notes, bool, error) {
	return meta.One(ctx, q, func(r meta.Row) (n Notes, err error) {
		var name, code, model sql.NullString
		err = r.Scan(&name, &code, &model)
		n.Name, n.Code, n.Model = textOrNil(name), textOrNil(code), textOrNil(model)
		return n, err
	}, `SELECT name, code, model FROM dataset_notes WHERE dataset_id = ?`, id)
}

// SaveNotes changes what is said of a dataset; nil leaves a part as it is.
func (s *Store) SaveNotes(ctx context.Context, id ID, change Notes) (err error) {
	defer errs.Wrap(&err, "dataset.SaveNotes(%s)", id)
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		n, _, err := notesOf(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			to   **string
			from *string
		}{{&n.Name, change.Name}, {&n.Code, change.Code}, {&n.Model, change.Model}} {
			if f.from != nil {
				*f.to = f.from
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO dataset_notes (dataset_id, name, code, model, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (dataset_id) DO UPDATE SET name = excluded.name, code = excluded.code, model = excluded.model, updated_at = excluded.updated_at`,
			id, nullable(n.Name), nullable(n.Code), nullable(n.Model), meta.Micros(s.Now()))
		if meta.IsDangling(err) {
			return noDataset()
		}
		return err
	})
}

func textOrNil(t sql.NullString) *string {
	if !t.Valid {
		return nil
	}
	return &t.String
}

func nullable(t *string) sql.NullString {
	if t == nil {
		return sql.NullString{}
	}
	return sql.NullString{String: *t, Valid: true}
}
