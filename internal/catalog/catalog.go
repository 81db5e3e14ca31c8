// Package catalog turns dataset versions into the tables that a query may read:
// Parquet files for a dataset, or a view over files of several schemas, and views
// for the arrays of objects inside it.
package catalog

import (
	"context"
	"maps"
	"slices"

	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/profile"
)

// A Catalog knows the tables of every project.
type Catalog struct {
	Datasets *dataset.Store
	Blobs    blob.Store

	outlines outlines
}

// A View is some tables of a project, all as they were at one moment.
type View struct {
	Tables   []engine.Table    // views after what they read
	Dir      string            // the folder that holds all their files
	Versions map[string]int64  // table name -> version of its dataset; of a child table, of its parent
	Roles    map[string]string // column name -> its role; columns that mean different things in different tables are left out
}

// TableNames returns every table of the project that a query may read: datasets,
// then the child tables of those that were analysed.
func (c *Catalog) TableNames(ctx context.Context, projectID string) ([]string, error) {
	list, err := c.Datasets.ByProject(ctx, projectID)
	if err != nil {
		return nil, err
	}
	var names, children []string
	for _, d := range list {
		names = append(names, d.TableName)
		p, err := c.outline(ctx, d, d.Version)
		if err != nil {
			return nil, err
		}
		for _, child := range p.children {
			children = append(children, child.Table)
		}
	}
	return append(names, children...), nil
}

// Tables returns the named tables and, for each child table, its parent. A name
// that is no table of the project is left out.
//
// AsOf names the version to read of some datasets, by table name; the others are
// read at their current version. It fails with errs.NotFound if a wanted version
// does not exist or expired.
func (c *Catalog) Tables(ctx context.Context, projectID string, names []string, asOf map[string]int64) (View, error) {
	// The versions are read at one moment; what belongs to a version never changes.
	list, err := c.Datasets.ByProject(ctx, projectID)
	if err != nil {
		return View{}, err
	}
	v := View{Versions: map[string]int64{}, Roles: map[string]string{}}
	if v.Dir, err = c.Blobs.ScopeDir(ctx, projectID); err != nil {
		return View{}, err
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, d := range list {
		version := d.Version
		if v, ok := asOf[d.TableName]; ok {
			version = v
		}
		p, err := c.outline(ctx, d, version)
		if err != nil {
			return View{}, err
		}
		isWanted := func(child profile.ChildTable) bool { return wanted[child.Table] }
		if !wanted[d.TableName] && !slices.ContainsFunc(p.children, isWanted) {
			continue
		}
		if err := c.add(ctx, &v, d, version, p, wanted); err != nil {
			return View{}, err
		}
	}
	maps.DeleteFunc(v.Roles, func(_, role string) bool { return role == "" })
	return v, nil
}

// add puts a dataset and those of its child tables that are wanted into the view.
func (c *Catalog) add(ctx context.Context, v *View, d dataset.Dataset, version int64, p *outline, wanted map[string]bool) error {
	tables, err := c.Read(ctx, d, version)
	if err != nil {
		return err
	}
	v.Tables = append(v.Tables, tables...)
	v.Versions[d.TableName] = version
	for _, col := range p.columns {
		v.note(col.name, col.role)
	}
	// A child of a child reads its parent, which comes before it in the profile.
	needed := map[string]bool{}
	for i := len(p.children) - 1; i >= 0; i-- {
		if child := p.children[i]; wanted[child.Table] || needed[child.Table] {
			needed[child.Table], needed[child.Parent] = true, true
		}
	}
	for _, child := range p.children {
		if needed[child.Table] {
			v.Tables = append(v.Tables, engine.Table{Name: child.Table, View: child.View, Schema: child.Schema})
			v.Versions[child.Table] = version
		}
	}
	return nil
}

// note remembers a column's role; one that differs between tables becomes "".
func (v *View) note(column, role string) {
	if known, ok := v.Roles[column]; ok && known != role {
		role = ""
	}
	v.Roles[column] = role
}
