package publish

import (
	"context"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/table"
)

// How much of a result an endpoint keeps to show what it answers.
const (
	exampleRows  = 3
	exampleBytes = 4 << 10
)

// freeze returns the program as an endpoint that has no place yet. It fails with
// errs.NotFound if the project has no such program, and with what is wrong if the
// program cannot run.
func (s *Service) freeze(ctx context.Context, projectID, programID string) (Endpoint, error) {
	r, err := s.Programs.Get(ctx, programID)
	if err != nil {
		return Endpoint{}, err
	}
	if r.ProjectID != projectID || r.DeletedAt != nil {
		return Endpoint{}, errs.New(errs.NotFound, "no such query program")
	}
	e := frozen(r)
	v, err := s.Evaluator.Validate(ctx, projectID, e.Program)
	if err != nil {
		return Endpoint{}, unfit(err)
	}
	e.Program.Tables = v.Tables // people who write their own do not say
	for _, c := range v.Columns {
		e.Columns = append(e.Columns, table.Column{Name: c.Name, Key: c.Name, Type: c.Type})
	}
	e.Example = s.example(ctx, e)
	return e, nil
}

func frozen(r store.Record) Endpoint {
	p := r.Program
	p.Score = 0 // is for those who choose between programs
	return Endpoint{ProjectID: r.ProjectID, ProgramID: r.ID, ProgramVersion: r.Version, Program: p, Method: "GET", Description: p.Cue}
}

// unfit says of a program that cannot run that it cannot be published either.
func unfit(err error) error {
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Invalid {
		return err
	}
	said := *e
	said.Msg = "the program cannot be published because it does not run: " + e.Msg
	return &said
}

// example returns the first rows of a run with the defaults; nil if the run fails,
// which it may, with values that were made up for slots that need one.
func (s *Service) example(ctx context.Context, e Endpoint) json.RawMessage {
	r, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: e.ProjectID, Program: e.Program, Values: program.Example(e.Program), MaxRows: exampleRows})
	if err != nil {
		return nil
	}
	if rows := r.ObjectsJSON(); len(rows) <= exampleBytes {
		return json.RawMessage(rows)
	}
	return nil
}
