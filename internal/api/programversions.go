package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A ProgramVersion is a program as it once was.
type ProgramVersion struct {
	ID        string         `json:"id"`
	PrevID    *string        `json:"prev_id"`
	Version   int64          `json:"version"`
	Origin    string         `json:"origin" enum:"generated,edited,custom"`
	Name      string         `json:"name"`
	Cue       string         `json:"cue"`
	Code      string         `json:"code"`
	SlotList  []program.Slot `json:"slot_list"`
	CreatedAt time.Time      `json:"created_at"`
}

func programVersionWire(v store.Version) ProgramVersion {
	return ProgramVersion{ID: v.ID, PrevID: orNull(v.PrevID), Version: v.Version, Origin: string(v.Origin), Name: v.Program.Name, Cue: v.Program.Cue,
		Code: v.Program.SQL, SlotList: orEmpty(v.Program.Slots), CreatedAt: v.CreatedAt}
}

// A ProgramDiff is what changed from one version of a program to another.
type ProgramDiff struct {
	From   int64         `json:"from"`
	To     int64         `json:"to"`
	Equal  bool          `json:"equal"`
	Fields []ChangedPart `json:"fields" doc:"Of name, cue, kind and chart, those that differ"`
	Slots  []ChangedSlot `json:"slots"`
	Moved  bool          `json:"slots_moved" doc:"Whether slots that stayed are in another order"`
	Code   []DiffLine    `json:"code" doc:"Every line of both"`
	Lines  []string      `json:"lines" doc:"All of this in words; the code as lines that begin with -, + or a space"`
}

// A ChangedPart is a field that differs.
type ChangedPart struct {
	Field string `json:"field"`
	From  Value  `json:"from"`
	To    Value  `json:"to"`
}

// A ChangedSlot is a slot that differs.
type ChangedSlot struct {
	Name   string        `json:"name"`
	Change string        `json:"change" enum:"added,removed,changed"`
	Fields []ChangedPart `json:"fields" doc:"Of a changed slot, those that differ"`
}

// A DiffLine is a line of code.
type DiffLine struct {
	Op   string `json:"op" enum:"same,removed,added"`
	From *int   `json:"from" doc:"Its number in the older version"`
	To   *int   `json:"to" doc:"Its number in the newer version"`
	Text string `json:"text"`
}

func programDiffWire(from, to int64, d program.Difference) ProgramDiff {
	w := ProgramDiff{From: from, To: to, Equal: d.Equal, Fields: partsWire(d.Fields), Moved: d.Moved,
		Slots: each(d.Slots, func(c program.SlotChange) ChangedSlot { return ChangedSlot{c.Name, c.Change, partsWire(c.Fields)} }),
		Code:  each(d.SQL, lineWire), Lines: []string{}}
	say := func(format string, args ...any) { w.Lines = append(w.Lines, fmt.Sprintf(format, args...)) }
	for _, f := range d.Fields {
		say("%s: %s became %s", f.Field, f.From, f.To)
	}
	for _, c := range d.Slots {
		if c.Change != "changed" {
			say("slot %s was %s", c.Name, c.Change)
		}
		for _, f := range c.Fields {
			say("slot %s: %s: %s became %s", c.Name, f.Field, f.From, f.To)
		}
	}
	for _, l := range d.SQL {
		say("%c %s", l.Op, l.Text)
	}
	return w
}

func partsWire(changes []program.FieldChange) []ChangedPart {
	return each(changes, func(c program.FieldChange) ChangedPart { return ChangedPart{c.Field, Value(c.From), Value(c.To)} })
}

func lineWire(l program.Line) DiffLine {
	number := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	op := map[byte]string{' ': "same", '-': "removed", '+': "added"}[l.Op]
	return DiffLine{op, number(l.From), number(l.To), l.Text}
}

// A Value is any JSON.
type Value json.RawMessage

// MarshalJSON returns it as it is.
func (v Value) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// Schema describes it.
func (Value) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

func (s *Server) programVersions(a huma.API) {
	route(s, a, "GET /v1/queryprograms/{id}/versions", "queryprograms", "Every version of a program, newest first", func(ctx context.Context, in *IDInput) (*out[[]ProgramVersion], error) {
		if _, err := s.program(ctx, in.ID); err != nil {
			return nil, err
		}
		versions, err := s.Programs.Versions(ctx, in.ID)
		return okList(each(versions, programVersionWire)), err
	})
	route(s, a, "GET /v1/queryprograms/{id}/versions/{version}", "queryprograms", "One version of a program", func(ctx context.Context, in *VersionPath) (*out[ProgramVersion], error) {
		if _, err := s.program(ctx, in.ID); err != nil {
			return nil, err
		}
		v, err := s.Programs.Version(ctx, in.ID, in.Version)
		return ok(programVersionWire(v)), err
	})
	route(s, a, "GET /v1/queryprograms/{id}/versions/{version}/diff", "queryprograms", "What changed from one version to another: the code line by line, slots, names", s.diffProgram)
	route(s, a, "POST /v1/queryprograms/{id}/versions/{version}/restore", "queryprograms", "Make an older version the current one, as a new version", s.restoreProgram)
}

func (s *Server) diffProgram(ctx context.Context, in *struct {
	VersionPath
	From int64 `query:"from" minimum:"0" doc:"The version to compare with; 0 or absent: the one before"`
}) (*out[ProgramDiff], error) {
	if _, err := s.program(ctx, in.ID); err != nil {
		return nil, err
	}
	to, err := s.Programs.Version(ctx, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	if in.From == 0 {
		in.From = max(1, in.Version-1)
	}
	from, err := s.Programs.Version(ctx, in.ID, in.From)
	if err != nil {
		return nil, pointAt(err, "from")
	}
	return ok(programDiffWire(from.Version, to.Version, program.Diff(from.Program, to.Program))), nil
}

func (s *Server) restoreProgram(ctx context.Context, in *VersionPath) (*out[QueryProgram], error) {
	if _, err := s.changeableProgram(ctx, in.ID); err != nil {
		return nil, err
	}
	r, err := s.Programs.Restore(ctx, in.ID, in.Version)
	return ok(programWire(r)), err
}
