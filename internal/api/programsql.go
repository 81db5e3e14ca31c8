package api

import (
	"context"
	"slices"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A ProgramSQL is a program's text in one dialect.
type ProgramSQL struct {
	Dialect  string         `json:"dialect" enum:"duckdb,trino"`
	SQL      string         `json:"sql" doc:"With $name for values and {{name}} for columns, as in code"`
	SlotList []program.Slot `json:"slot_list"`
}

// A ProgramSQLInput asks for a program in a dialect.
type ProgramSQLInput struct {
	IDInput
	Dialect string `query:"dialect" enum:"duckdb,trino" doc:"duckdb if absent"`
}

func (s *Server) programSQL(ctx context.Context, in *ProgramSQLInput) (*out[ProgramSQL], error) {
	r, err := s.program(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	own := r.Program.Dialect
	if own == "" {
		own = "duckdb"
	}
	if in.Dialect == "" || in.Dialect == own {
		return ok(ProgramSQL{Dialect: own, SQL: r.Program.SQL, SlotList: orEmpty(r.Program.Slots)}), nil
	}
	refuse := errs.New(errs.Conflict, "the program exists in %s only: it was written or edited there, and nothing translates it", own).Named("dialect-unknown").At("/dialect").
		Fix("ask for a program that is as it was generated")
	if r.Origin != store.Generated || r.DatasetID == "" {
		return nil, refuse
	}
	d, err := s.dataset(ctx, r.DatasetID)
	if err != nil {
		return nil, err
	}
	p, err := s.profile(ctx, d)
	if err != nil {
		return nil, err
	}
	links, err := s.templateLinks(ctx, d, p, r.Program)
	if err != nil {
		return nil, err
	}
	fresh, found := generate.InDialect(p, r.Program, template.Trino(), links...)
	if !found {
		return nil, refuse
	}
	return ok(ProgramSQL{Dialect: "trino", SQL: fresh.SQL, SlotList: orEmpty(fresh.Slots)}), nil
}

// templateLinks returns what the columns of the dataset point at among the program's
// tables; nothing for a program of one table.
func (s *Server) templateLinks(ctx context.Context, d dataset.Dataset, p *profile.Profile, of program.Program) ([]template.Link, error) {
	if len(of.Tables) < 2 {
		return nil, nil
	}
	records, err := s.Links.Of(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	var links []template.Link
	for _, r := range records {
		other, err := s.Datasets.Dataset(ctx, r.OtherID)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return nil, err
		}
		if err != nil || other.ProjectID != d.ProjectID || !slices.Contains(of.Tables, other.TableName) {
			continue
		}
		to, err := s.profile(ctx, other)
		if err != nil {
			return nil, err
		}
		if l, ok := r.Link(p, to); ok {
			links = append(links, l)
		}
	}
	return links, nil
}
