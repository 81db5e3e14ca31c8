package evaluate

import (
	"context"
	"regexp"
	"strconv"

	"millwright/internal/errs"
	"millwright/internal/program"
)

// A Validation is what is known of a program that would run.
type Validation struct {
	Columns []Column // of its result
	Tables  []string // that it reads
}

// Validate checks the program down to its tables, columns and types without
// running it. Slots that need a value get an example, and the defaults apply
// elsewhere. The errors are those of Run.
func (e *Evaluator) Validate(ctx context.Context, projectID string, p program.Program) (Validation, error) {
	pl, names, err := e.prepare(ctx, Request{ProjectID: projectID, Program: p})
	if err != nil {
		return Validation{}, err
	}
	d, err := e.Engine.Describe(ctx, pl.query)
	if err != nil {
		return Validation{}, pl.explainPlace(err)
	}
	v := Validation{Tables: []string{}}
	for _, c := range d.Columns {
		v.Columns = append(v.Columns, columnOf(c, pl.tables.Roles))
	}
	v.Tables = append(v.Tables, names...)
	return v, nil
}

// The engine's drivers begin a message with the place, as Check does.
var place = regexp.MustCompile(`^line (\d+), column (\d+): `)

// explainPlace points an engine's error to the program: the engine has seen the
// bound SQL, where lines and columns are others.
func (pl plan) explainPlace(err error) error {
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Invalid {
		return err
	}
	moved := *e
	if e.Type == "sql-invalid" && len(e.Fields) == 0 {
		moved.Fields = []errs.Field{{Pointer: "/code"}}
	}
	if at := place.FindStringSubmatch(e.Msg); at != nil {
		line, _ := strconv.Atoi(at[1])
		column, _ := strconv.Atoi(at[2])
		line, column = pl.bound.Source(line, column)
		moved.Msg = "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ": " + e.Msg[len(at[0]):]
	}
	return &moved
}
