package api

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/generate"
	"millwright/internal/job"
	"millwright/internal/profile"
	"millwright/internal/program/store"
)

// A ColumnSaid is what a person says of a column, next to what analysis found.
type ColumnSaid struct {
	Subtype    string                 `json:"subtype" doc:"Of a measure: flow, stock, ratio, intensive, circular or unknown"`
	Label      string                 `json:"label" doc:"What questions call it"`
	Unit       string                 `json:"unit" doc:"What it is measured in, if a person said so"`
	Hidden     bool                   `json:"hidden" doc:"Whether a person wants no program to read it"`
	Override   OrNull[ColumnOverride] `json:"override" doc:"What a person said; null if nothing"`
	Overridden OrNull[profile.Found]  `json:"overridden" doc:"What analysis found, where a person says otherwise"`
}

// A ColumnOverride is what a person says of a column. What is absent is left to analysis.
type ColumnOverride struct {
	Role    string `json:"role,omitempty" enum:"key,fk,code,lat,lon,country,region,city,flag,event_time,audit_time,birth_date,year,date_part,email,url,uuid,ip,image_url,hash,color,json_text,free_text,label,category,high_card,ordinal_int,measure" doc:"What the column means"`
	Subtype string `json:"subtype,omitempty" enum:"flow,stock,ratio,intensive,circular,unknown" doc:"Of a measure: what may be added up (flow), what may not"`
	Unit    string `json:"unit,omitempty" maxLength:"20" doc:"What it is measured in, such as EUR or km"`
	Label   string `json:"label,omitempty" maxLength:"100" doc:"What questions call it"`
	Hidden  bool   `json:"hidden,omitempty" doc:"No program is to read it"`
}

func columnSaid(c profile.Column, o profile.Override) ColumnSaid {
	w := ColumnSaid{Subtype: string(c.Subtype), Label: c.Label, Unit: c.Unit, Hidden: c.Hidden, Overridden: OrNull[profile.Found]{c.Overridden}}
	if !o.IsZero() {
		w.Override.Value = &ColumnOverride{Role: string(o.Role), Subtype: string(o.Subtype), Unit: o.Unit, Label: o.Label, Hidden: o.Hidden}
	}
	return w
}

// A ChangedColumns is what a dataset's columns are now, and what follows from it.
type ChangedColumns struct {
	Columns []DatalineColumn `json:"columns" doc:"The columns that were named, as they are now"`
	Jobs    []Job            `json:"jobs" doc:"The analysis and the generation that follow; none if they were not wanted"`
}

// A ColumnsInput says what a person thinks of columns.
type ColumnsInput struct {
	IDInput
	Body struct {
		_          struct{}                          `json:"-" additionalProperties:"true"`
		Columns    map[string]OrNull[ColumnOverride] `json:"columns" doc:"Column name, as the profile spells it, to what it is; it replaces what was said before, and null forgets that"`
		Regenerate *bool                             `json:"regenerate,omitempty" doc:"Whether to analyse the dataset again and bring its programs up to date at once; true if absent"`
	}
}

func (s *Server) columns(a huma.API) {
	route(s, a, "PATCH /v1/datalines/{id}/columns", "datalines", "Say what columns mean, what they are called and measured in, or hide them; later versions keep it", s.changeColumns)
	route(s, a, "GET /v1/datalines/{id}/programs/changes", "datalines", "What became of the dataset's programs each time they were generated, newest first, and why there are few if there are", s.programChanges)
	route(s, a, "GET /v1/datalines/{id}/links", "datalines", "Columns whose values are keys of other datasets of the project, and columns of others that point here, with what was counted", s.links)
	route(s, a, "GET /v1/queryprograms/{id}/sql", "queryprograms", "The SQL of a program, in DuckDB's dialect or, if it is as it was generated, in Trino's", s.programSQL)
}

// A ProgramChanges is what one generation did to the programs of a dataset.
type ProgramChanges struct {
	Version   int64           `json:"version" doc:"The version of the data that it was made for"`
	JobID     string          `json:"job_id"`
	Summary   string          `json:"summary" example:"programs: 2 added, 10 kept, 1 retired"`
	Notes     []string        `json:"notes" doc:"What else there is to know, such as why the programs are few"`
	Changes   []ProgramChange `json:"changes"`
	CreatedAt time.Time       `json:"created_at"`
}

// A ProgramChange is what became of one program.
type ProgramChange struct {
	ID     string `json:"id"`
	Kind   string `json:"kind" enum:"added,kept,updated,retired,restored,removed"`
	Cue    string `json:"cue"`
	Reason string `json:"reason"`
}

func (s *Server) programChanges(ctx context.Context, in *IDInput) (*out[[]ProgramChanges], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Programs.Generations(ctx, d.ID)
	return okList(each(list, func(g store.Generation) ProgramChanges {
		w := ProgramChanges{Version: g.DatasetVersion, JobID: g.JobID, Summary: generate.Summary(g.Alterations), Notes: []string{}, Changes: []ProgramChange{}, CreatedAt: g.At}
		for _, a := range g.Alterations {
			if a.Kind == "note" {
				w.Notes = append(w.Notes, a.Reason)
				continue
			}
			w.Changes = append(w.Changes, ProgramChange{ID: a.ProgramID, Kind: a.Kind, Cue: a.Cue, Reason: a.Reason})
		}
		return w
	})), err
}

func (s *Server) changeColumns(ctx context.Context, in *ColumnsInput) (*out[ChangedColumns], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.changeable(ctx, d.ProjectID); err != nil {
		return nil, err
	}
	if len(in.Body.Columns) == 0 {
		return nil, errs.New(errs.Invalid, "no column is named").Named("field-missing").At("/columns").Fix(`send {"columns": {"zip": {"role": "code"}}}`)
	}
	changes, err := s.columnChanges(ctx, d, in.Body.Columns)
	if err != nil {
		return nil, err
	}
	var w ChangedColumns
	err = s.Datasets.DB.Tx(ctx, func(tx *sql.Tx) error {
		for id, text := range changes {
			if err := s.Datasets.SaveOverrideTx(ctx, tx, d.ID, id, text); err != nil {
				return err
			}
		}
		if in.Body.Regenerate != nil && !*in.Body.Regenerate {
			return nil
		}
		w.Jobs, err = s.analyseAgainTx(ctx, tx, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	all, err := s.datalineProfile(ctx, &VersionQuery{IDInput: in.IDInput})
	if err != nil {
		return nil, err
	}
	w.Jobs = orEmpty(w.Jobs)
	w.Columns = []DatalineColumn{}
	for _, c := range all.Body.Columns {
		if _, ok := in.Body.Columns[c.Name]; ok {
			w.Columns = append(w.Columns, c)
		}
	}
	return ok(w), nil
}

// analyseAgainTx submits what follows a run, without a run.
func (s *Server) analyseAgainTx(ctx context.Context, tx *sql.Tx, d dataset.Dataset) ([]Job, error) {
	var jobs []Job
	parent := ""
	for _, kind := range s.AfterRun {
		j, err := s.Jobs.SubmitTx(ctx, tx, job.NewJob{Type: kind, ProjectID: d.ProjectID, UserID: caller(ctx).User.ID, ParentID: parent, AfterParent: parent != "",
			Source: "datasource", SourceID: d.DatasourceID, SourceEventType: "columns_changed"})
		if err != nil {
			return nil, err
		}
		parent = j.ID
		jobs = append(jobs, jobWire(j))
	}
	return jobs, nil
}

// columnChanges returns what to store, by field id.
func (s *Server) columnChanges(ctx context.Context, d dataset.Dataset, asked map[string]OrNull[ColumnOverride]) (map[int]json.RawMessage, error) {
	p, err := s.profile(ctx, d)
	if err != nil {
		return nil, err
	}
	places := analysedPlaces(p)
	type place struct {
		id    int
		found profile.Column
	}
	known := map[string]place{}
	walk(d.Schema.Columns, nil, func(id int, path []string, _, _ string) {
		if id != 0 {
			known[pathName(path)] = place{id, places[placeKey(path)]}
		}
	})
	changes := map[int]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		o := asked[name].Value
		at := "/columns/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		there, ok := known[name]
		if !ok {
			return nil, errs.New(errs.Invalid, "the dataset has no column %q", name).Named("column-unknown").At(at).Fix("use a name of GET /v1/datalines/{id}/profile")
		}
		changes[there.id] = nil
		if o == nil {
			continue
		}
		if utf8.RuneCountInString(o.Label) > 100 || utf8.RuneCountInString(o.Unit) > 20 {
			return nil, errs.New(errs.Invalid, "a label has at most 100 characters, and a unit 20").Named("text-too-long").At(at)
		}
		said := profile.Override{Role: profile.Role(o.Role), Subtype: profile.Subtype(o.Subtype), Unit: clean(o.Unit), Label: clean(o.Label), Hidden: o.Hidden}
		// Without an analysis nothing is known that could speak against it.
		if there.found.Name != "" {
			if why := said.Unfit(profile.Override{}.Apply(there.found)); why != "" {
				return nil, errs.New(errs.Invalid, "%s", why).Named("role-unfit").At(at)
			}
		}
		if said.IsZero() {
			continue
		}
		text, err := json.Marshal(said)
		if err != nil {
			return nil, err
		}
		changes[there.id] = text
	}
	return changes, nil
}

// clean makes text of a person fit for one line.
func clean(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)), " ")
}

// profile returns what analysis found out about the current version, or about the
// one that it follows; an empty profile if nothing was analysed yet.
func (s *Server) profile(ctx context.Context, d dataset.Dataset) (*profile.Profile, error) {
	p := &profile.Profile{}
	text, err := s.Datasets.NewestProfile(ctx, d.ID, d.Version)
	if errs.KindOf(err) == errs.NotFound {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	return p, json.Unmarshal(text, p)
}

func (s *Server) overrides(ctx context.Context, id dataset.ID) (map[int]profile.Override, error) {
	texts, err := s.Datasets.Overrides(ctx, id)
	if err != nil {
		return nil, err
	}
	all := map[int]profile.Override{}
	for field, text := range texts {
		var o profile.Override
		if err := json.Unmarshal(text, &o); err != nil {
			return nil, err
		}
		all[field] = o
	}
	return all, nil
}

// analysedPlaces returns the columns of the profile and of its child tables by
// where they are in the records.
func analysedPlaces(p *profile.Profile) map[string]profile.Column {
	places := map[string]profile.Column{}
	add := func(prefix []string, columns []profile.Column) {
		for _, c := range columns {
			key := placeKey(append(append([]string{}, prefix...), c.Path...))
			if _, twice := places[key]; !twice {
				places[key] = c
			}
		}
	}
	prefixes := map[string][]string{p.Table: nil}
	add(nil, p.Columns)
	for _, child := range p.Children {
		prefix := append(append([]string{}, prefixes[child.Parent]...), strings.Split(child.Column, ".")...)
		prefix = append(prefix, "[]")
		prefixes[child.Table] = prefix
		add(prefix, child.Columns)
	}
	return places
}

func placeKey(path []string) string { return strings.Join(path, "\x00") }
