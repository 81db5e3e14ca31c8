package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A QueryProgram as clients see it. Both generations of names are there: cue and
// query, code and query_program. Steps, slots and stores are JSON in text,
// because existing clients type them so; slot_list is the same as objects.
type QueryProgram struct {
	ID           string                `json:"id"`
	ProjectID    string                `json:"project_id"`
	DatalineID   *string               `json:"dataline_id"`
	DataobjectID *string               `json:"dataobject_id"`
	Name         string                `json:"name"`
	Cue          string                `json:"cue" doc:"The question"`
	Query        string                `json:"query" doc:"The same as cue"`
	Code         string                `json:"code" doc:"SQL"`
	QueryProgram string                `json:"query_program" doc:"The same as code"`
	Steps        *string               `json:"steps"`
	Slots        *string               `json:"slots" doc:"JSON text"`
	SlotList     []program.Slot        `json:"slot_list"`
	Stores       *string               `json:"stores"`
	Published    bool                  `json:"published"`
	Public       bool                  `json:"public"`
	Reason       *string               `json:"reason" doc:"Why it was written, with numbers"`
	Reasons      []string              `json:"reasons"`
	PrevID       *string               `json:"prev_id"`
	OntologyID   *string               `json:"ontologyId"`
	Dialect      string                `json:"dialect"`
	Origin       string                `json:"origin" enum:"generated,edited,custom"`
	Kind         string                `json:"kind"`
	Template     string                `json:"template"`
	Tables       []string              `json:"tables"`
	Chart        OrNull[program.Chart] `json:"chart"`
	Score        float64               `json:"score"`
	Version      int64                 `json:"version"`
	Metadata     Object                `json:"metadata"`
	CreatedAt    time.Time             `json:"created_at"`
	UpdatedAt    time.Time             `json:"updated_at"`
	DeletedAt    *time.Time            `json:"deleted_at"`
	RetiredAt    *time.Time            `json:"retired_at" doc:"Since when it no longer runs, or no longer makes sense, because the data changed; null while it does"`
	Retired      *string               `json:"retired_reason" doc:"Why, if it is retired"`
}

func programWire(r store.Record) QueryProgram {
	p := r.Program
	w := QueryProgram{ID: r.ID, ProjectID: r.ProjectID, DatalineID: orNull(r.DatasetID), Name: p.Name, Cue: p.Cue, Query: p.Cue, Code: p.SQL, QueryProgram: p.SQL,
		Steps: r.Steps, Slots: r.SlotsText, SlotList: p.Slots, Stores: r.Stores, Published: r.Published, Public: r.Public,
		Reason: orNull(joinLines(p.Reason)), Reasons: p.Reason, PrevID: orNull(r.PrevID), Dialect: p.Dialect, Origin: string(r.Origin), Kind: p.Kind,
		Template: p.Template, Tables: p.Tables, Chart: OrNull[program.Chart]{p.Chart}, Score: p.Score, Version: r.Version, Metadata: Object(r.Metadata),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, DeletedAt: r.DeletedAt,
		RetiredAt: r.RetiredAt, Retired: orNull(r.RetiredReason)}
	if w.Slots == nil {
		if text, err := json.Marshal(p.Slots); err == nil {
			w.Slots = orNull(string(text))
		}
	}
	return w
}

func joinLines(lines []string) string {
	var all string
	for i, line := range lines {
		if i > 0 {
			all += "\n"
		}
		all += line
	}
	return all
}

// ProgramFields are what creates or changes a program; every generation of
// clients has its own names for the question and the code.
type ProgramFields struct {
	_            struct{}        `json:"-" additionalProperties:"true"`
	ProjectID    *string         `json:"project_id,omitempty" doc:"Where it is created; it stays there"`
	DatalineID   *string         `json:"dataline_id,omitempty" doc:"The dataset that it is shown with"`
	Name         *string         `json:"name,omitempty" doc:"The question if absent"`
	Cue          *string         `json:"cue,omitempty" doc:"The question"`
	Query        *string         `json:"query,omitempty" doc:"The same as cue"`
	Question     *string         `json:"question,omitempty" doc:"The same as cue"`
	Code         *string         `json:"code,omitempty" doc:"SQL; $name for values, {{name}} for columns"`
	QueryProgram *string         `json:"query_program,omitempty" doc:"The same as code"`
	Slots        json.RawMessage `json:"slots,omitempty" doc:"A list of slots, or the same as JSON text"`
	Steps        *string         `json:"steps,omitempty" doc:"Text of older clients; kept as it is"`
	Stores       *string         `json:"stores,omitempty" doc:"Text of older clients; kept as it is"`
	Reason       *string         `json:"reason,omitempty" doc:"Why it was written"`
	Public       *bool           `json:"public,omitempty" doc:"A mark of older clients"`
	Metadata     Object          `json:"metadata,omitempty" doc:"An object of the caller's own"`
}

// newProgram are the same for a program that is created.
type newProgram ProgramFields

// TransformSchema says what cannot be left out.
func (newProgram) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return requiring(s, "project_id")
}

// cue returns the question under whichever name it came.
func (f ProgramFields) cue() *string { return first(f.Cue, f.Query, f.Question) }

// code returns the code under whichever name it came.
func (f ProgramFields) code() *string { return first(f.Code, f.QueryProgram) }

func first(candidates ...*string) *string {
	for _, c := range candidates {
		if c != nil {
			return c
		}
	}
	return nil
}

// slots returns our own slots, or, when it is not a list of ours, the text of an
// older client, which is kept as it is.
func (f ProgramFields) slots() (*[]program.Slot, *string, error) {
	raw := f.Slots
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil, nil
	}
	var inText string
	wasText := json.Unmarshal(raw, &inText) == nil
	if wasText {
		raw = json.RawMessage(inText)
	}
	slots, err := program.ParseSlots(raw)
	switch {
	case err == nil:
		return &slots, nil, nil
	case wasText:
		return nil, &inText, nil
	}
	return nil, nil, err
}

// program returns a program of a project that the caller sees.
func (s *Server) program(ctx context.Context, id string) (store.Record, error) {
	r, err := s.Programs.Get(ctx, id)
	if err != nil {
		return r, err
	}
	if _, err := s.project(ctx, r.ProjectID); err != nil {
		return store.Record{}, errs.New(errs.NotFound, "no such query program")
	}
	return r, nil
}

// changeableProgram returns a program that the caller may change.
func (s *Server) changeableProgram(ctx context.Context, id string) (store.Record, error) {
	r, err := s.program(ctx, id)
	if err != nil {
		return r, err
	}
	_, err = s.changeable(ctx, r.ProjectID)
	return r, err
}

func (s *Server) programs(a huma.API) {
	route(s, a, "GET /v1/queryprograms", "queryprograms", "The programs of a project", s.listPrograms)
	route(s, a, "GET /v1/queryprograms/dataline/{id}", "queryprograms", "The programs of a dataset", func(ctx context.Context, in *IDInput) (*out[[]QueryProgram], error) {
		d, err := s.dataset(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		list, err := s.Programs.List(ctx, store.Filter{ProjectID: d.ProjectID, DatasetID: d.ID})
		return okList(each(list, programWire)), err
	})
	route(s, a, "GET /v1/queryprograms/{id}", "queryprograms", "One program", func(ctx context.Context, in *IDInput) (*out[QueryProgram], error) {
		r, err := s.program(ctx, in.ID)
		return ok(programWire(r)), err
	})
	route(s, a, "POST /v1/queryprograms", "queryprograms", "Store a program; any text is kept, SQL can run", s.createProgram)
	route(s, a, "PATCH /v1/queryprograms/{id}", "queryprograms", "Change a program; the version before is kept", s.updateProgram)
	route(s, a, "DELETE /v1/queryprograms/{id}", "queryprograms", "Delete a program", func(ctx context.Context, in *DeleteInput) (*out[QueryProgram], error) {
		if _, err := s.changeableProgram(ctx, in.ID); err != nil {
			return nil, err
		}
		r, err := s.Programs.Delete(ctx, in.ID, in.Permanent)
		return ok(programWire(r)), err
	})
	route(s, a, "POST /v1/queryprograms/validate", "queryprograms", "Check a program without running it", s.validateProgram)
	route(s, a, "GET /v1/queryprograms/{id}/history", "queryprograms", "The runs of a program, newest first; the newest thousand are kept", s.programHistory)
	s.programVersions(a)
	s.programPlans(a)
	s.coverages(a)
}

func (s *Server) listPrograms(ctx context.Context, in *struct {
	ProjectID string `query:"project_id" doc:"Only programs of this project"`
	Page      int    `query:"page" minimum:"0" doc:"Which page of limit programs, counted from 1"`
	Limit     int    `query:"limit" minimum:"0" maximum:"1000" doc:"At most so many; 0 means all"`
	Offset    int    `query:"offset" minimum:"0" doc:"Leave out so many"`
	Skip      int    `query:"skip" minimum:"0" doc:"The same as offset"`
	Take      int    `query:"take" minimum:"0" maximum:"1000" doc:"The same as limit"`
	Deleted   bool   `query:"deleted_at" doc:"Include deleted programs"`
	Sort      string `query:"sort" enum:"name,score,created_at,updated_at" doc:"created_at if absent"`
	Order     string `query:"order" enum:"asc,desc" doc:"asc if absent"`
}) (*out[[]QueryProgram], error) {
	ids, err := s.projectIDs(ctx, in.ProjectID)
	if err != nil {
		return nil, err
	}
	limit := max(in.Limit, in.Take)
	skip := max(in.Offset, in.Skip)
	if in.Page > 1 && skip == 0 {
		skip = (in.Page - 1) * limit
	}
	sort := in.Sort
	if in.Order == "desc" && sort != "" {
		sort = "-" + sort
	}
	all := []store.Record{}
	for _, id := range ids {
		list, err := s.Programs.List(ctx, store.Filter{ProjectID: id, IncludeDeleted: in.Deleted, Skip: skip, Limit: limit, Sort: sort})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return okList(each(all, programWire)), nil
}

func (s *Server) createProgram(ctx context.Context, in *struct{ Body newProgram }) (*out[QueryProgram], error) {
	b := ProgramFields(in.Body)
	if err := s.mayAddTo(ctx, text(b.ProjectID)); err != nil {
		return nil, err
	}
	if id := text(b.DatalineID); id != "" {
		if _, err := s.dataset(ctx, id); err != nil {
			return nil, pointAt(err, "/dataline_id")
		}
	}
	slots, old, err := b.slots()
	if err != nil {
		return nil, err
	}
	r := store.Record{ProjectID: text(b.ProjectID), DatasetID: text(b.DatalineID), Origin: store.Custom, Public: b.Public != nil && *b.Public,
		SlotsText: old, Steps: b.Steps, Stores: b.Stores, Metadata: json.RawMessage(b.Metadata),
		Program: program.Program{Name: text(first(b.Name, b.cue())), Cue: text(b.cue()), SQL: text(b.code())}}
	if slots != nil {
		r.Program.Slots = *slots
	}
	if b.Reason != nil {
		r.Program.Reason = []string{*b.Reason}
	}
	r, err = s.Programs.Create(ctx, r)
	return ok(programWire(r)), err
}

func (s *Server) updateProgram(ctx context.Context, in *struct {
	IDInput
	Body ProgramFields
}) (*out[QueryProgram], error) {
	if _, err := s.changeableProgram(ctx, in.ID); err != nil {
		return nil, err
	}
	b := in.Body
	slots, old, err := b.slots()
	if err != nil {
		return nil, err
	}
	c := store.Change{Name: b.Name, Cue: b.cue(), SQL: b.code(), Slots: slots, SlotsText: old, Steps: b.Steps, Stores: b.Stores, Public: b.Public, Metadata: json.RawMessage(b.Metadata)}
	if b.Reason != nil {
		c.Reason = &[]string{*b.Reason}
	}
	r, err := s.Programs.Update(ctx, in.ID, c)
	return ok(programWire(r)), err
}

// A Validation says whether a program can run.
type Validation struct {
	Valid   bool           `json:"valid"`
	Errors  []string       `json:"errors"`
	Columns []ResultColumn `json:"columns" doc:"What it would return"`
}

func (s *Server) validateProgram(ctx context.Context, in *struct{ Body newProgram }) (*out[Validation], error) {
	b := ProgramFields(in.Body)
	if _, err := s.project(ctx, text(b.ProjectID)); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	invalid := func(err error) (*out[Validation], error) {
		if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.NotFound {
			return nil, err
		}
		return ok(Validation{Errors: []string{errs.Public(err)}, Columns: []ResultColumn{}}), nil
	}
	slots, _, err := b.slots()
	if err != nil {
		return invalid(err)
	}
	p := program.Program{Cue: text(b.cue()), SQL: text(b.code())}
	if slots != nil {
		p.Slots = *slots
	}
	v, err := s.Evaluator.Validate(ctx, text(b.ProjectID), p)
	if err != nil {
		return invalid(err)
	}
	return ok(Validation{Valid: true, Errors: []string{}, Columns: each(v.Columns, columnWire)}), nil
}
