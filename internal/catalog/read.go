package catalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// hiddenPrefix begins the names of the tables that are only there to be read by
// the view of their dataset. No dataset's name begins with an underscore.
const hiddenPrefix = "__mw_"

// A group is files in a row that were written with the same columns.
type group struct {
	schema table.Schema
	files  []string
}

// Read returns the tables from which a query reads a version of a dataset: the
// dataset's own, under its name, comes last. There are others, which no query can
// name, if files were written with another schema than the version's, or if the
// newest row of each key must be looked for. It fails with errs.NotFound if there
// is no such version or it expired.
func (c *Catalog) Read(ctx context.Context, d dataset.Dataset, version int64) ([]engine.Table, error) {
	v, err := c.Datasets.Version(ctx, d.ID, version)
	if err != nil {
		return nil, err
	}
	files, err := c.Datasets.Files(ctx, d.ID, version)
	if err != nil {
		return nil, err
	}
	return c.tables(ctx, d.TableName, v, files)
}

// Part returns the tables from which some files of a version are read, as Read
// does for all of them.
func (c *Catalog) Part(ctx context.Context, d dataset.Dataset, v dataset.Version, files []dataset.File) ([]engine.Table, error) {
	v.Rows = 0 // of these files it is not known how many rows count
	return c.tables(ctx, d.TableName, v, files)
}

func (c *Catalog) tables(ctx context.Context, name string, v dataset.Version, files []dataset.File) ([]engine.Table, error) {
	groups, err := c.groups(ctx, v, files)
	if err != nil {
		return nil, err
	}
	own := engine.Table{Name: name, Schema: v.Schema}
	var rows int64
	for _, f := range files {
		rows += f.Rows
	}
	// With as many rows as count, no key is there twice.
	merged := len(v.Key) > 0 && rows != v.Rows
	if len(groups) == 1 && !merged && groups[0].schema.Equal(v.Schema) {
		own.Files = groups[0].files
		return []engine.Table{own}, nil
	}
	order := ""
	if merged {
		order = orderColumn(groups, v.Schema)
	}
	hidden := make([]engine.Table, len(groups))
	for i, g := range groups {
		hidden[i] = engine.Table{Name: hiddenName(name, i+1), Files: g.files, Schema: g.schema, Hidden: true, Order: order}
	}
	own.View = union(v.Schema, hidden)
	if !merged {
		return append(hidden, own), nil
	}
	all := engine.Table{Name: hiddenName(name, 0), View: own.View, Hidden: true}
	own.View, err = newest(all.Name, order, v)
	return append(hidden, all, own), err
}

// groups finds the schema of each file, and its path.
func (c *Catalog) groups(ctx context.Context, v dataset.Version, files []dataset.File) ([]group, error) {
	schemas := map[int64]table.Schema{v.SchemaVersion: v.Schema}
	var groups []group
	for _, f := range files {
		schema, ok := schemas[f.SchemaVersion]
		if !ok {
			written, err := c.Datasets.Version(ctx, v.DatasetID, f.SchemaVersion)
			if err != nil {
				return nil, err
			}
			schema = written.Schema
			schemas[f.SchemaVersion] = schema
		}
		path, err := c.Blobs.LocalPath(ctx, f.ObjectKey)
		if err != nil {
			return nil, err
		}
		if n := len(groups); n > 0 && groups[n-1].schema.Equal(schema) {
			groups[n-1].files = append(groups[n-1].files, path)
			continue
		}
		groups = append(groups, group{schema: schema, files: []string{path}})
	}
	if len(groups) == 0 {
		return nil, errs.New(errs.Internal, "a version of a dataset has no files")
	}
	return groups, nil
}

// hiddenName cannot be the name of another dataset's hidden table, since a number ends it.
func hiddenName(dataset string, n int) string { return hiddenPrefix + dataset + "_" + strconv.Itoa(n) }

// orderColumn returns a name that no column has.
func orderColumn(groups []group, schema table.Schema) string {
	name := hiddenPrefix + "order"
	taken := func() bool {
		for _, g := range groups {
			if _, ok := g.schema.Column(name); ok {
				return true
			}
		}
		_, ok := schema.Column(name)
		return ok
	}
	for taken() {
		name += "_"
	}
	return name
}

// union returns the SELECT that reads tables of older schemas as one of the given.
func union(schema table.Schema, from []engine.Table) string {
	var c caster
	selects := make([]string, len(from))
	var before int64 // files of the tables so far
	for i, t := range from {
		list := make([]string, len(schema.Columns))
		for j, col := range schema.Columns {
			list[j] = c.column(t.Schema.Columns, col) + " AS " + table.Quote(col.Name)
		}
		if t.Order != "" {
			list = append(list, fmt.Sprintf("%s + %d AS %s", table.Quote(t.Order), before<<40, table.Quote(t.Order)))
		}
		before += int64(len(t.Files))
		selects[i] = "SELECT " + strings.Join(list, ", ") + " FROM " + table.Quote(t.Name)
	}
	return strings.Join(selects, "\nUNION ALL\n")
}

// newest returns the SELECT that reads the last row of each key. It looks for
// their places first, so that it need not hold whole rows.
func newest(from, order string, v dataset.Version) (string, error) {
	var list, key []string
	for _, col := range v.Schema.Columns {
		list = append(list, table.Quote(col.Name))
	}
	for _, k := range v.Key {
		for _, col := range v.Schema.Columns {
			if col.Key == k {
				key = append(key, table.Quote(col.Name))
			}
		}
	}
	if len(key) != len(v.Key) {
		return "", errs.New(errs.Internal, "the merge key of a version is not among its columns")
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s IN (SELECT max(%s) FROM %s GROUP BY %s)", strings.Join(list, ", "), table.Quote(from),
		table.Quote(order), table.Quote(order), table.Quote(from), strings.Join(key, ", ")), nil
}
