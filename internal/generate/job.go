package generate

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/generate/link"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// JobType names the jobs that a Service's Handle runs.
const JobType = "generate_queries"

// A Service writes the programs of a datasource's dataset when it was analysed.
// All fields must be set.
type Service struct {
	DB        *meta.DB
	Datasets  *dataset.Store
	Programs  *store.Store
	Evaluator *evaluate.Evaluator
	Links     *link.Store
}

// ProgramEvent tells a job's subscribers of a program that was written.
const ProgramEvent = "QueryProgram"

// Handle generates programs for the current version of the job's datasource and
// stores them in the transaction that completes the job. What a person has
// edited or published stays as it is.
func (s *Service) Handle(ctx context.Context, run *job.Run) error {
	list, err := s.Datasets.ByDatasource(ctx, run.Job.SourceID)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errs.New(errs.NotFound, "the datasource has no dataset to ask about").Named("no-dataset").Fix("run the datasource first")
	}
	d := list[0]
	text, err := s.Datasets.NewestProfile(ctx, d.ID, d.Version)
	if errs.KindOf(err) == errs.NotFound && run.Job.ParentID != "" {
		return s.overtaken(ctx, run)
	}
	if err != nil {
		return err
	}
	var p profile.Profile
	if err := json.Unmarshal(text, &p); err != nil {
		return errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
	}
	run.Progress(ctx, job.Progress{Phase: "generate", Message: "trying questions", Fraction: 0.1})
	have, err := s.stock(ctx, d)
	if err != nil {
		return err
	}
	fresh, err := s.freshColumns(ctx, d, &p)
	if err != nil {
		return err
	}
	run.Progress(ctx, job.Progress{Phase: "generate", Message: "comparing keys with other datasets", Fraction: 0.15})
	joins, err := s.link(ctx, d, &p)
	if err != nil {
		return err
	}
	opt := have.linked(have.options(fresh), joins.links)
	outcome, err := Generate(ctx, &p, NewRunner(s.Evaluator, d.ProjectID), opt)
	if err != nil {
		return err
	}
	fates, err := s.fates(ctx, d, &p, have, outcome)
	if err != nil {
		return err
	}
	return s.save(ctx, run, d, outcome, fates, joins)
}

// overtaken completes a job between whose analysis and now the dataset was replaced:
// what replaced it is analysed by a job of its own, and asked about by the next.
func (s *Service) overtaken(ctx context.Context, run *job.Run) error {
	run.Progress(ctx, job.Progress{Phase: "generate", Message: "the dataset was replaced meanwhile: questions are written when it is analysed", Fraction: 1})
	return s.DB.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) })
}

// save stores what was generated and says what was done, in the transaction that
// completes the job.
func (s *Service) save(ctx context.Context, run *job.Run, d dataset.Dataset, o Outcome, fates map[store.ID]store.Fate, joins linking) error {
	message := fmt.Sprintf("%d questions of %d that were tried", len(o.Programs), o.Executed)
	if len(o.Notes) > 0 {
		message += "; " + strings.Join(o.Notes, "; ")
	}
	run.Progress(ctx, job.Progress{Phase: "generate", Message: message, Fraction: 0.95})
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		saved, done, err := s.Programs.RegenerateTx(ctx, tx, store.Regeneration{ProjectID: d.ProjectID, DatasetID: d.ID, DatasetVersion: d.Version,
			JobID: run.Job.ID, Programs: o.Programs, Fates: fates, Notes: o.Notes})
		if err != nil {
			return err
		}
		for _, r := range saved {
			if err := run.EmitTx(ctx, tx, ProgramEvent, map[string]any{"id": r.ID, "cue": r.Program.Cue, "kind": r.Program.Kind}); err != nil {
				return err
			}
		}
		if err := run.EmitTx(ctx, tx, ChangeEvent, map[string]any{"summary": Summary(done), "notes": o.Notes, "version": d.Version}); err != nil {
			return err
		}
		next, err := s.saveLinksTx(ctx, tx, run, d, joins)
		if err != nil {
			return err
		}
		return run.CompleteTx(ctx, tx, next...)
	})
}

// tryRows is how many rows of a candidate's answer are looked at.
const tryRows = 1000

// A runner tries candidates the way a program is run.
type runner struct {
	evaluator *evaluate.Evaluator
	project   string
}

// NewRunner returns the Runner that tries candidates the way a program of the
// project is run.
func NewRunner(e *evaluate.Evaluator, projectID string) Runner { return runner{e, projectID} }

// Run runs the candidate with its defaults.
func (r runner) Run(ctx context.Context, p program.Program) (Result, error) {
	answer, err := r.evaluator.Run(ctx, evaluate.Request{ProjectID: r.project, Program: p, MaxRows: tryRows, Background: true})
	if err != nil {
		return Result{}, err
	}
	var out Result
	for _, c := range answer.Columns {
		out.Columns = append(out.Columns, c.Name)
	}
	answer.Each(func(row []jsontext.Value) bool {
		values := make([]any, len(row))
		for i, v := range row {
			values[i] = plain(v)
		}
		out.Rows = append(out.Rows, values)
		return true
	})
	return out, nil
}

// plain decodes a JSON scalar; what has parts stays text.
func plain(v jsontext.Value) any {
	switch v.Kind() {
	case 'n':
		return nil
	case 't', 'f':
		return v.Kind() == 't'
	case '0':
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			return f
		}
	case '"':
		if text, err := jsontext.AppendUnquote(nil, v); err == nil {
			return string(text)
		}
	}
	return string(v)
}
