package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// keyColumns returns the columns of the merge key in the schema to come.
func (l *landing) keyColumns() ([]table.Column, error) {
	var columns []table.Column
	for _, key := range l.setting.Key {
		for _, c := range l.types.Schema.Columns {
			if c.Key == key {
				columns = append(columns, c)
			}
		}
	}
	if len(columns) != len(l.setting.Key) {
		return nil, errs.New(errs.Invalid, "the merge key %s is no column of the data", quoteAll(l.setting.Key)).Named("merge-key-missing").
			At("/options/run/key").Fix("use one of: " + strings.Join(l.types.Schema.Names(), ", "))
	}
	for _, c := range columns {
		if c.Type.IsNested() || c.Type.Kind == table.JSON {
			return nil, errs.New(errs.Invalid, "the merge key %q is a %s, which cannot be compared", c.Key, c.Type).Named("merge-key-not-scalar").
				At("/options/run/key").Fix("choose a field of numbers or texts")
		}
	}
	return columns, nil
}

func names(columns []table.Column) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = table.Quote(c.Name)
	}
	return strings.Join(quoted, ", ")
}

// checkKeys refuses a run in which two records of one key differ: which of them is
// right is not ours to say. Equal ones count once.
func (l *landing) checkKeys(ctx context.Context) error {
	key, err := l.keyColumns()
	if err != nil {
		return err
	}
	if err := l.checkEarlierKeys(key); err != nil {
		return err
	}
	var files []string
	for _, o := range l.outputs {
		if o.old == nil {
			files = append(files, o.path)
		}
	}
	own := engine.Query{Scope: l.datasource.ProjectID, Dir: l.stage,
		Tables: []engine.Table{{Name: "t", Files: files, Schema: l.types.Schema}}}
	own.SQL = fmt.Sprintf(`SELECT count(*) AS n, (SELECT count(*) FROM (SELECT DISTINCT %s FROM t)) AS k FROM t`, names(key))
	counts, err := l.numbers(ctx, own)
	if err != nil {
		return err
	}
	if l.report.Twins = counts[0] - counts[1]; l.report.Twins == 0 {
		return nil
	}
	texts := make([]string, len(key))
	for i, c := range key {
		texts[i] = fmt.Sprintf("CAST(%s AS VARCHAR)", table.Quote(c.Name))
	}
	columns := names(key)
	own.SQL = fmt.Sprintf(`SELECT concat_ws(', ', %s) AS k, count(*) OVER () AS n FROM (
		SELECT DISTINCT * FROM t WHERE (%s) IN (SELECT (%s) FROM t GROUP BY %s HAVING count(*) > 1)
	) GROUP BY %s HAVING count(*) > 1 ORDER BY 1 LIMIT %d`, strings.Join(texts, ", "), columns, columns, columns, columns, someExamples)
	examples, total, err := l.texts(ctx, own)
	if err != nil || total == 0 {
		return err
	}
	return errs.New(errs.Invalid, "%d keys came more than once with different content, such as %s = %s", total, quoteAll(l.setting.Key), strings.Join(examples, "; ")).
		Named("merge-key-duplicated").At("/options/run/key").
		Fix("choose fields that together name a row", "use mode append or replace to keep all rows")
}

// checkEarlierKeys refuses to merge into rows of which some have no key.
func (l *landing) checkEarlierKeys(key []table.Column) error {
	for _, c := range key {
		for _, r := range l.types.Columns {
			if len(r.Path) != 1 || r.Path[0] != c.Name || r.Missing+r.Counts.Nulls == 0 {
				continue
			}
			return errs.New(errs.Invalid, "%d rows of the versions before have no %q, which the rows are merged on", r.Missing+r.Counts.Nulls, c.Key).
				Named("merge-key-missing").At("/options/run/key").Fix("run once with mode replace, then merge", "choose a key that every row has")
		}
	}
	return nil
}

// countKeys returns how many rows are read once the version is: one for each key.
// The new files are published already.
func (l *landing) countKeys(ctx context.Context, objects []dataset.Object) (int64, error) {
	key, err := l.keyColumns()
	if err != nil {
		return 0, err
	}
	dir, err := l.Blobs.ScopeDir(ctx, l.datasource.ProjectID)
	if err != nil {
		return 0, err
	}
	q := engine.Query{Scope: l.datasource.ProjectID, Dir: dir}
	var selects, before []string
	add := func(objectKey string, schema table.Schema, earlier bool) error {
		path, err := l.Blobs.LocalPath(ctx, objectKey)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("t%d", len(q.Tables))
		q.Tables = append(q.Tables, engine.Table{Name: name, Files: []string{path}, Schema: schema})
		s := "SELECT DISTINCT " + castKey(key, schema) + " FROM " + name
		if selects = append(selects, s); earlier {
			before = append(before, s)
		}
		return nil
	}
	replaced := map[dataset.ID]bool{}
	for i, o := range l.outputs {
		for _, f := range o.old {
			replaced[f.ObjectID] = true
		}
		if err := add(objects[i].Key, l.types.Schema, o.old != nil); err != nil {
			return 0, err
		}
	}
	for _, f := range l.base.files {
		if replaced[f.ObjectID] {
			continue
		}
		v, err := l.Datasets.Version(ctx, l.base.dataset.ID, f.SchemaVersion)
		if err != nil {
			return 0, err
		}
		if err := add(f.ObjectKey, v.Schema, true); err != nil {
			return 0, err
		}
	}
	count := func(selects []string) string {
		return "(SELECT count(*) FROM (" + strings.Join(selects, " UNION ") + "))"
	}
	q.SQL = "SELECT " + count(selects) + " AS n, 0::BIGINT AS b"
	if len(before) > 0 {
		q.SQL = "SELECT " + count(selects) + " AS n, " + count(before) + " AS b"
	}
	counts, err := l.numbers(ctx, q)
	if err != nil {
		return 0, err
	}
	if len(l.base.version.Key) == 0 && l.base.exists && counts[1] != l.base.version.Rows {
		return 0, errs.New(errs.Invalid, "the %d rows of the version before have only %d different keys: merged on %s, rows would be lost",
			l.base.version.Rows, counts[1], quoteAll(l.setting.Key)).Named("merge-key-duplicated").At("/options/run/key").
			Fix("choose fields that together name a row", "run once with mode replace, then merge")
	}
	return counts[0], nil
}

// castKey selects the key of a file as the types are now.
func castKey(key []table.Column, file table.Schema) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, table.Quote(c.Name))
		for _, old := range file.Columns {
			if old.ID == c.ID {
				parts[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", table.Quote(old.Name), c.Type, table.Quote(c.Name))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// numbers returns the one row of BIGINTs that a query of ours gives.
func (l *landing) numbers(ctx context.Context, q engine.Query) (all []int64, err error) {
	if all, err = l.numbersOnce(ctx, q); isKilled(err) {
		return l.numbersOnce(ctx, q)
	}
	return all, err
}

// isKilled reports whether a worker went without a word of its own, as when
// somebody killed it: a run that all but landed is worth a second try.
func isKilled(err error) bool {
	e, ok := errs.Find(err)
	return ok && e.Type == "query-memory"
}

func (l *landing) numbersOnce(ctx context.Context, q engine.Query) (all []int64, err error) {
	rows, err := l.Engine.Run(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		b := rows.Batch()
		for c := range int(b.NumCols()) {
			if v, ok := b.Column(c).(*array.Int64); ok && b.NumRows() > 0 {
				all = append(all, v.Value(0))
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(all) != 2 {
		return nil, errs.New(errs.Internal, "counting keys gave %d numbers", len(all))
	}
	return all, nil
}

// texts returns the first column of a query of ours, and the number in the second.
func (l *landing) texts(ctx context.Context, q engine.Query) (all []string, total int64, err error) {
	if all, total, err = l.textsOnce(ctx, q); isKilled(err) {
		return l.textsOnce(ctx, q)
	}
	return all, total, err
}

func (l *landing) textsOnce(ctx context.Context, q engine.Query) (all []string, total int64, err error) {
	rows, err := l.Engine.Run(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		b := rows.Batch()
		for i := range int(b.NumRows()) {
			all = append(all, clip(b.Column(0).ValueStr(i)))
			if n, ok := b.Column(1).(*array.Int64); ok {
				total = n.Value(i)
			}
		}
	}
	return all, total, rows.Err()
}
