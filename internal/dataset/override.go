package dataset

import (
	"context"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Overrides returns what a person says of the dataset's columns, by field id: JSON
// that only the profile understands.
func (s *Store) Overrides(ctx context.Context, id ID) (_ map[int]json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.Overrides(%s)", id)
	type one struct {
		field int
		text  string
	}
	list, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (o one, err error) { err = row.Scan(&o.field, &o.text); return o, err },
		`SELECT field_id, override FROM dataset_column_overrides WHERE dataset_id = ? ORDER BY field_id`, id)
	all := map[int]json.RawMessage{}
	for _, o := range list {
		all[o.field] = json.RawMessage(o.text)
	}
	return all, err
}

// SaveOverrideTx stores what a person says of a column; nil forgets it. It stays
// with the column through later versions of the dataset, whatever its name is then.
func (s *Store) SaveOverrideTx(ctx context.Context, tx meta.Querier, id ID, field int, override json.RawMessage) (err error) {
	defer errs.Wrap(&err, "dataset.SaveOverride(%s, %d)", id, field)
	if override == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM dataset_column_overrides WHERE dataset_id = ? AND field_id = ?`, id, field)
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO dataset_column_overrides (dataset_id, field_id, override, updated_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (dataset_id, field_id) DO UPDATE SET override = excluded.override, updated_at = excluded.updated_at`,
		id, field, string(override), meta.Micros(s.Now()))
	return err
}
