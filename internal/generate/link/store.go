package link

import (
	"context"
	"time"

	"millwright/internal/errs"
	"millwright/internal/generate/template"
	"millwright/internal/meta"
	"millwright/internal/profile"
)

// A Record is a link as it is remembered.
type Record struct {
	ProjectID       string
	DatasetID       string // whose column it is
	Column          string
	OtherID         string // the dataset that Column points at
	OtherColumn     string
	Version         int64 // of the dataset, when it was found
	OtherVersion    int64
	Values          int64 // of the column
	Matched         int64 // of these that are keys of the other
	Distinct        int64 // different ones
	DistinctMatched int64
	Keys            int64  // of the other
	Names           string // why the names go together; empty if only the values do
	FoundAt         time.Time
}

// Link returns the link for templates, of the tables as their profiles say that they
// are now; false if a column of it is gone.
func (r Record) Link(of, to *profile.Profile) (template.Link, bool) {
	column, ok := of.Column(r.Column)
	key, okKey := to.Column(r.OtherColumn)
	return template.Link{Column: column, To: to, Key: key, Rows: r.Values, Matched: r.Matched, Names: r.Names}, ok && okKey
}

// A Store remembers links. All fields must be set.
type Store struct {
	DB  *meta.DB
	Now func() time.Time
}

const columns = `project_id, dataset_id, column_name, other_id, other_column, version, other_version,
	value_count, matched_count, distinct_count, distinct_matched, other_count, names, found_at`

func scan(row meta.Row) (r Record, err error) {
	var at int64
	err = row.Scan(&r.ProjectID, &r.DatasetID, &r.Column, &r.OtherID, &r.OtherColumn, &r.Version, &r.OtherVersion,
		&r.Values, &r.Matched, &r.Distinct, &r.DistinctMatched, &r.Keys, &r.Names, &at)
	r.FoundAt = meta.Time(at)
	return r, err
}

// Of returns the links of a dataset's columns, by column.
func (s *Store) Of(ctx context.Context, datasetID string) (_ []Record, err error) {
	defer errs.Wrap(&err, "link.Of(%s)", datasetID)
	return meta.All(ctx, s.DB.Read(), scan, `SELECT `+columns+` FROM dataset_links WHERE dataset_id = ? ORDER BY column_name`, datasetID)
}

// ByProject returns the links between the datasets of a project that are not deleted.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Record, err error) {
	defer errs.Wrap(&err, "link.ByProject(%s)", projectID)
	return meta.All(ctx, s.DB.Read(), scan, `SELECT `+columns+` FROM dataset_links l WHERE project_id = ?
		AND NOT EXISTS (SELECT 1 FROM datasets d WHERE d.id IN (l.dataset_id, l.other_id) AND d.deleted_at IS NOT NULL)
		ORDER BY dataset_id, column_name`, projectID)
}

// ReplaceTx remembers these links as all that the dataset has.
func (s *Store) ReplaceTx(ctx context.Context, tx meta.Querier, datasetID string, links []Record) (err error) {
	defer errs.Wrap(&err, "link.Replace(%s)", datasetID)
	if _, err := tx.ExecContext(ctx, `DELETE FROM dataset_links WHERE dataset_id = ?`, datasetID); err != nil {
		return err
	}
	now := meta.Micros(s.Now())
	for _, r := range links {
		if _, err := tx.ExecContext(ctx, `INSERT INTO dataset_links (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.ProjectID, datasetID, r.Column, r.OtherID, r.OtherColumn, r.Version, r.OtherVersion,
			r.Values, r.Matched, r.Distinct, r.DistinctMatched, r.Keys, r.Names, now); err != nil {
			return err
		}
	}
	return nil
}

// Same reports whether two lists of a dataset's links point from the same columns at
// the same keys.
func Same(a, b []Record) bool {
	set := map[[3]string]bool{}
	for _, r := range a {
		set[[3]string{r.Column, r.OtherID, r.OtherColumn}] = true
	}
	for _, r := range b {
		if !set[[3]string{r.Column, r.OtherID, r.OtherColumn}] {
			return false
		}
	}
	return len(a) == len(b)
}
