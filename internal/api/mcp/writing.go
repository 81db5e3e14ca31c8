package mcp

import (
	"context"
	"net/url"

	"millwright/internal/errs"
)

// A Wish asks for questions.
type Wish struct {
	Count    *int   `json:"count,omitempty" jsonschema:"How many, up to 50; 3 if left out"`
	Guidance string `json:"guidance,omitempty" jsonschema:"Words that steer the choice: columns, values, kinds of question"`
	InProject
}

func generateQuestions(ctx context.Context, c *call, in Wish) (Programs, error) {
	out := Programs{Programs: []Program{}}
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return out, err
	}
	count := 3
	if in.Count != nil {
		count = *in.Count
	}
	var made []programAnswer
	body := map[string]any{"project_id": project, "count": count, "guidance": in.Guidance}
	if err := c.operate(ctx, "POST", "/v1/build/cues", nil, body, &made); err != nil {
		return out, err
	}
	for _, p := range made {
		out.Programs = append(out.Programs, p.program())
	}
	return out, nil
}

// A NewProgram is a question to keep.
type NewProgram struct {
	Question string `json:"question" jsonschema:"In plain English"`
	Name     string `json:"name,omitempty" jsonschema:"A short name; the question if left out"`
	SQL      string `json:"sql,omitempty" jsonschema:"One SELECT in DuckDB's SQL, with $name where a slot's value goes; written for you if left out"`
	Slots    []any  `json:"slots,omitempty" jsonschema:"The slots of the SQL: objects with name, type (string, integer, number, boolean, date, timestamp, enum or list) and default"`
	InProject
}

// A Kept is a program and its SQL.
type Kept struct {
	Program Program `json:"program"`
	SQL     string  `json:"sql"`
}

func createProgram(ctx context.Context, c *call, in NewProgram) (Kept, error) {
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return Kept{}, err
	}
	if in.SQL == "" {
		return c.ask(ctx, project, in.Question)
	}
	body := map[string]any{"project_id": project, "cue": in.Question, "code": in.SQL}
	if in.Name != "" {
		body["name"] = in.Name
	}
	if len(in.Slots) > 0 {
		body["slots"] = in.Slots
	}
	// A program that cannot run helps nobody: the agent learns why, and nothing is kept.
	var v struct {
		Valid  bool
		Errors []string
	}
	if err := c.operate(ctx, "POST", "/v1/queryprograms/validate", nil, body, &v); err != nil {
		return Kept{}, err
	}
	if !v.Valid {
		e := errs.New(errs.Invalid, "the program cannot run").Named("program-invalid").At("/sql")
		for _, why := range v.Errors {
			e = errs.New(errs.Invalid, "the program cannot run: %s", why).Named("program-invalid").At("/sql")
		}
		return Kept{}, e
	}
	var made programAnswer
	err = c.operate(ctx, "POST", "/v1/queryprograms", nil, body, &made)
	return Kept{made.program(), made.Code}, err
}

// ask has the SQL for a question written.
func (c *call) ask(ctx context.Context, project, question string) (Kept, error) {
	var stream eventStream
	if err := c.operate(ctx, "POST", "/v1/build/query_program", nil, map[string]any{"project_id": project, "question": question}, &stream); err != nil {
		return Kept{}, err
	}
	var made programAnswer
	if stream.read("complete", &made) {
		return Kept{made.program(), made.Code}, nil
	}
	var refused struct {
		Message, Code string
		Details       struct{ Nearest []struct{ Cue string } }
	}
	if !stream.read("error", &refused) {
		return Kept{}, errs.New(errs.Unavailable, "the question was not answered")
	}
	e := errs.New(errs.NotFound, "%s", refused.Message).Named(refused.Code)
	for _, n := range refused.Details.Nearest {
		e = e.Fix("ask: " + n.Cue)
	}
	return Kept{}, e.Fix("or send the SQL yourself")
}

// A ProgramChoice names a program.
type ProgramChoice struct {
	Program string `json:"program" jsonschema:"Id or name of a program of list_programs"`
	InProject
}

// A Publication is what became of a program.
type Publication struct {
	Program   Program `json:"program"`
	Published bool    `json:"published"`
	Tool      string  `json:"tool" jsonschema:"The name of its tool; empty if it has none"`
	URL       string  `json:"url" jsonschema:"The path of its endpoint; empty if it has none"`
}

func publishProgram(ctx context.Context, c *call, in ProgramChoice) (Publication, error) {
	return c.publication(ctx, in, "publish")
}

func unpublishProgram(ctx context.Context, c *call, in ProgramChoice) (Publication, error) {
	return c.publication(ctx, in, "unpublish")
}

func (c *call) publication(ctx context.Context, in ProgramChoice, verb string) (Publication, error) {
	p, project, err := c.program(ctx, in.Program, in.Project)
	if err != nil {
		return Publication{}, err
	}
	if err := c.operate(ctx, "PATCH", "/v1/queryprograms/"+url.PathEscape(p.ID)+"/"+verb, nil, map[string]any{}, nil); err != nil {
		return Publication{}, err
	}
	p.Published = verb == "publish"
	out := Publication{Program: p, Published: p.Published}
	apis, err := c.server.Published(c.caller.enter(ctx), project)
	if err != nil {
		return out, err
	}
	for _, a := range apis {
		for _, e := range a.Live() {
			if e.ProgramID == p.ID && p.Published {
				out.Tool, out.URL = e.Name, a.Path()+"/"+e.Path
			}
		}
	}
	return out, nil
}
