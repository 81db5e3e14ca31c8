package store

import (
	"context"
	"slices"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// AddGeneratedTx stores programs that were written for a dataset, next to those that
// are there, and returns them in their order. A program that is there already, as it
// was written, is returned instead of being stored again.
func (s *Store) AddGeneratedTx(ctx context.Context, tx meta.Querier, projectID, datasetID string, datasetVersion int64, programs []program.Program) (_ []Record, err error) {
	defer errs.Wrap(&err, "program.AddGenerated(%s)", datasetID)
	known, err := meta.All(ctx, tx, scanKeyed,
		`SELECT `+columns+`, gen_key FROM queryprograms WHERE dataset_id = ? AND gen_key IS NOT NULL ORDER BY created_at, place, id`, datasetID)
	if err != nil {
		return nil, err
	}
	saved := []Record{}
	for i, p := range programs {
		r := Record{ProjectID: projectID, DatasetID: datasetID, DatasetVersion: datasetVersion, Program: p}
		if err := r.normalize(); err != nil {
			return nil, err
		}
		key := GenKey(p)
		if at := slices.IndexFunc(known, func(k keyed) bool { return k.key == key && k.DeletedAt == nil }); at >= 0 {
			saved = append(saved, known[at].Record)
			continue
		}
		if r, err = s.generate(ctx, tx, r, key, len(known)+i); err != nil {
			return nil, err
		}
		saved = append(saved, r)
	}
	return saved, nil
}
