package app

import (
	"context"
	"encoding/json"

	"millwright/internal/catalog"
	"millwright/internal/evaluate"
	"millwright/internal/meta"
)

// readable shows the catalog to the evaluator, whose words for it are its own, and
// remembers what it showed until the metadata change.
type readable struct {
	db      *meta.DB
	catalog *catalog.Catalog
	names   meta.Memo[string, []string]
	tables  meta.Memo[string, evaluate.Tables]
}

// TableNames returns every table of the project that a query may read.
func (r *readable) TableNames(ctx context.Context, projectID string) ([]string, error) {
	return r.names.Get(r.db, projectID, func() ([]string, error) { return r.catalog.TableNames(ctx, projectID) })
}

// Tables returns what the engine needs for the named tables.
func (r *readable) Tables(ctx context.Context, projectID string, names []string, asOf map[string]int64) (evaluate.Tables, error) {
	key, err := json.Marshal([]any{projectID, names, asOf})
	if err != nil {
		return evaluate.Tables{}, err
	}
	return r.tables.Get(r.db, string(key), func() (evaluate.Tables, error) {
		v, err := r.catalog.Tables(ctx, projectID, names, asOf)
		if err != nil {
			return evaluate.Tables{}, err
		}
		t := evaluate.Tables{Tables: v.Tables, Dir: v.Dir, Versions: v.Versions, Roles: v.Roles}
		t.Fingerprint = t.MakeFingerprint()
		return t, nil
	})
}
