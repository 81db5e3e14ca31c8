package mcp

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/program"
	"millwright/internal/tenant"
)

// A Program is a question that has an answer.
type Program struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Question  string         `json:"question"`
	Published bool           `json:"published" jsonschema:"Whether it is a tool of its own"`
	Tables    []string       `json:"tables"`
	Slots     []program.Slot `json:"slots"`
}

// Programs are what list_programs returns.
type Programs struct {
	Programs  []Program `json:"programs"`
	Truncated bool      `json:"truncated" jsonschema:"Whether there are more; search for what you need"`
}

// ProgramSearch says which programs to list.
type ProgramSearch struct {
	Search string `json:"search,omitempty" jsonschema:"Words that the name or the question of the program holds"`
	InProject
}

const (
	maxPrograms = 100
	maxValues   = 50 // of a slot
)

func listPrograms(ctx context.Context, c *call, in ProgramSearch) (Programs, error) {
	out := Programs{Programs: []Program{}}
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return out, err
	}
	all, err := c.programs(ctx, project)
	if err != nil {
		return out, err
	}
	words := strings.Fields(strings.ToLower(in.Search))
	for _, p := range all {
		text := strings.ToLower(p.Name + " " + p.Question)
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		if out.Truncated = len(out.Programs) == maxPrograms; out.Truncated {
			break
		}
		out.Programs = append(out.Programs, p)
	}
	return out, nil
}

// programs returns the programs of a project.
func (c *call) programs(ctx context.Context, project string) ([]Program, error) {
	var all []programAnswer
	if err := c.operate(ctx, "GET", "/v1/queryprograms", url.Values{"project_id": {project}}, nil, &all); err != nil {
		return nil, err
	}
	out := make([]Program, len(all))
	for i, p := range all {
		out[i] = p.program()
	}
	return out, nil
}

// A programAnswer is what the tools read of a query program.
type programAnswer struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Cue       string         `json:"cue"`
	Code      string         `json:"code"`
	Published bool           `json:"published"`
	Tables    []string       `json:"tables"`
	Slots     []program.Slot `json:"slot_list"`
}

func (p programAnswer) program() Program {
	w := Program{ID: p.ID, Name: p.Name, Question: p.Cue, Published: p.Published, Tables: append([]string{}, p.Tables...), Slots: append([]program.Slot{}, p.Slots...)}
	for i := range w.Slots {
		s := &w.Slots[i]
		s.Expressions = nil // SQL of ours, which says nothing to a caller
		if more := len(s.Values) - maxValues; more > 0 {
			s.Values = s.Values[:maxValues]
			s.Description = strings.TrimSpace(fmt.Sprintf("%s %d more values are possible.", s.Description, more))
		}
	}
	return w
}

// program returns the program that is meant, by its id or its name.
func (c *call) program(ctx context.Context, wanted, in string) (Program, string, error) {
	project, err := c.project(ctx, in)
	if err != nil {
		return Program{}, "", err
	}
	if c.caller.MayUse(tenant.ScopeRead) != nil {
		return Program{ID: wanted}, project, nil // names are for those who may look
	}
	all, err := c.programs(ctx, project)
	if err != nil {
		return Program{}, "", err
	}
	var names []string
	for _, p := range all {
		if p.ID == wanted || strings.EqualFold(p.Name, wanted) || strings.EqualFold(p.Question, wanted) {
			return p, project, nil
		}
		names = append(names, p.Name)
	}
	e := errs.New(errs.NotFound, "no such program").At("/program")
	if near, ok := program.Nearest(wanted, names); ok {
		return Program{}, "", e.Fix("did you mean " + near + "?")
	}
	return Program{}, "", e.Fix("send the id of one of list_programs as program")
}

// A ProgramRun says which program to run, and how.
type ProgramRun struct {
	Program string         `json:"program" jsonschema:"Id or name of a program of list_programs"`
	Slots   map[string]any `json:"slots,omitempty" jsonschema:"Values by slot name; the defaults where left out"`
	Limit   *int           `json:"limit,omitempty" jsonschema:"How many rows, up to 1000; 100 if left out"`
	InProject
}

func runProgram(ctx context.Context, c *call, in ProgramRun) (Rows, error) {
	p, project, err := c.program(ctx, in.Program, in.Project)
	if err != nil {
		return Rows{}, err
	}
	limit := rowsAsked(in.Limit)
	body := map[string]any{"project_id": project, "queryprogram_id": p.ID, "slots": in.Slots}
	var r apiResult
	if err := c.operate(ctx, "POST", "/v1/run/queryprogram", url.Values{"max_rows": {fmt.Sprint(limit)}}, body, &r); err != nil {
		return Rows{}, err
	}
	return r.bounded(limit, narrowing(p.Slots)), nil
}

// narrowing says how to get fewer rows of a program with these slots.
func narrowing(slots []program.Slot) string {
	var names []string
	for _, s := range slots {
		if !s.Type.IsRendered() {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "For a part of them, aggregate or filter with query_sql."
	}
	return "For fewer, filter with the slots " + strings.Join(names, ", ") + "."
}

// A Question is SQL to run.
type Question struct {
	SQL   string `json:"sql" jsonschema:"One SELECT in DuckDB's SQL; datasets are called by their table names"`
	Limit *int   `json:"limit,omitempty" jsonschema:"How many rows, up to 1000; 100 if left out"`
	InProject
}

func querySQL(ctx context.Context, c *call, in Question) (Rows, error) {
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return Rows{}, err
	}
	limit := rowsAsked(in.Limit)
	text, err := c.server.Query(c.caller.enter(ctx), project, in.SQL, int64(limit))
	if err != nil {
		return Rows{}, err
	}
	r, err := readResult(text)
	return r.bounded(limit, "For the rest, aggregate, filter, or page with ORDER BY, LIMIT and OFFSET."), err
}
