package api

import (
	"context"
	"encoding/json"
	"math"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A Coverage says which columns of a project its programs read. Columns that hold
// nothing, or the same value in every row, do not count.
type Coverage struct {
	TotalColumns       int             `json:"total_columns"`
	UsedColumnsCount   int             `json:"used_columns_count"`
	CoveragePercentage float64         `json:"coverage_percentage" doc:"0 to 100; 100 if there are no columns"`
	AllColumns         []string        `json:"all_columns" doc:"As table.column; a field inside a column as table.column.field"`
	UsedColumns        []string        `json:"used_columns"`
	ByStatus           CoverageStatus  `json:"coverage_by_status"`
	Tables             []TableCoverage `json:"tables"`
}

// CoverageStatus tells published programs from others.
type CoverageStatus struct {
	Published   CoveragePart `json:"published"`
	Unpublished CoveragePart `json:"unpublished"`
}

// A CoveragePart is what some of the programs read.
type CoveragePart struct {
	SlotsCount   int      `json:"slots_count"`
	ColumnsCount int      `json:"columns_count"`
	Columns      []string `json:"columns"`
}

// A TableCoverage is the coverage of one table.
type TableCoverage struct {
	TableName     string   `json:"table_name"`
	DatalineID    string   `json:"dataline_id"`
	TotalColumns  int      `json:"total_columns"`
	UsedColumns   []string `json:"used_columns"`
	UnusedColumns []string `json:"unused_columns"`
}

// A coveredTable is a table with the columns that count.
type coveredTable struct {
	name, dataset string
	paths         [][]string
	names         []string
}

func (s *Server) coverages(a huma.API) {
	const summary = "Which columns of a project its programs read"
	route(s, a, "GET /v1/coverage/{id}", "queryprograms", summary, s.coverage)
	route(s, a, "GET /v1/queryprograms/coverage/{id}", "queryprograms", summary+" (the older route)", s.coverage)
}

func (s *Server) coverage(ctx context.Context, in *IDInput) (*out[Coverage], error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	tables, err := s.coveredTables(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	programs, err := s.Programs.List(ctx, store.Filter{ProjectID: in.ID})
	if err != nil {
		return nil, err
	}
	empty := func() CoveragePart { return CoveragePart{Columns: []string{}} }
	c := Coverage{AllColumns: []string{}, UsedColumns: []string{}, ByStatus: CoverageStatus{empty(), empty()}, CoveragePercentage: 100, Tables: []TableCoverage{}}
	for _, p := range programs {
		part := &c.ByStatus.Unpublished
		if p.Published {
			part = &c.ByStatus.Published
		}
		part.SlotsCount += len(p.Program.Slots)
	}
	for _, t := range tables {
		c.add(t, programs)
	}
	c.ByStatus.Published.ColumnsCount, c.ByStatus.Unpublished.ColumnsCount = len(c.ByStatus.Published.Columns), len(c.ByStatus.Unpublished.Columns)
	c.TotalColumns, c.UsedColumnsCount = len(c.AllColumns), len(c.UsedColumns)
	if c.TotalColumns > 0 {
		c.CoveragePercentage = math.Round(1000*float64(c.UsedColumnsCount)/float64(c.TotalColumns)) / 10
	}
	return ok(c), nil
}

// add counts the columns of a table.
func (c *Coverage) add(t coveredTable, programs []store.Record) {
	published, unpublished := make([]bool, len(t.paths)), make([]bool, len(t.paths))
	for _, p := range programs {
		into := unpublished
		if p.Published {
			into = published
		}
		for i, touched := range program.Touches(p.Program, t.name, t.paths) {
			into[i] = into[i] || touched
		}
	}
	w := TableCoverage{TableName: t.name, DatalineID: t.dataset, TotalColumns: len(t.names), UsedColumns: []string{}, UnusedColumns: []string{}}
	for i, name := range t.names {
		full := t.name + "." + name
		c.AllColumns = append(c.AllColumns, full)
		if published[i] {
			c.ByStatus.Published.Columns = append(c.ByStatus.Published.Columns, full)
		}
		if unpublished[i] {
			c.ByStatus.Unpublished.Columns = append(c.ByStatus.Unpublished.Columns, full)
		}
		if published[i] || unpublished[i] {
			c.UsedColumns = append(c.UsedColumns, full)
			w.UsedColumns = append(w.UsedColumns, name)
		} else {
			w.UnusedColumns = append(w.UnusedColumns, name)
		}
	}
	c.Tables = append(c.Tables, w)
}

// coveredTables returns the tables of a project: the columns that analysis found
// to be of use, or all of those that were not analysed yet.
func (s *Server) coveredTables(ctx context.Context, projectID string) ([]coveredTable, error) {
	datasets, err := s.Datasets.ByProject(ctx, projectID)
	if err != nil {
		return nil, err
	}
	var tables []coveredTable
	for _, d := range datasets {
		text, err := s.Datasets.NewestProfile(ctx, d.ID, d.Version)
		if errs.KindOf(err) == errs.NotFound {
			t := coveredTable{name: d.TableName, dataset: d.ID}
			for _, c := range d.Schema.Columns {
				t.paths, t.names = append(t.paths, []string{c.Name}), append(t.names, c.Name)
			}
			tables = append(tables, t)
			continue
		}
		if err != nil {
			return nil, err
		}
		var p profile.Profile
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
		}
		tables = append(tables, usable(d.TableName, d.ID, p.Columns))
		for _, child := range p.Children {
			tables = append(tables, usable(child.Table, d.ID, child.Columns))
		}
	}
	return tables, nil
}

// usable returns the table with the columns whose values say something. A STRUCT
// is its fields, an array of objects its child table.
func usable(name, dataset string, columns []profile.Column) coveredTable {
	t := coveredTable{name: name, dataset: dataset}
	for _, c := range columns {
		switch c.Role {
		case profile.Empty, profile.Constant, profile.Container, profile.Child:
			continue
		}
		t.paths, t.names = append(t.paths, c.Path), append(t.names, c.Name)
	}
	return t
}
