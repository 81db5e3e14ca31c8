package generate_test

import (
	"context"
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// answers gives every program of a template the same result, and others none.
type answers map[string]generate.Result

func (a answers) Run(_ context.Context, p program.Program) (generate.Result, error) {
	return a[p.Template], nil
}

func TestResultsThatSayNothingAreDropped(t *testing.T) {
	p := &profile.Profile{Table: "t", Rows: 1000, Columns: []profile.Column{
		column("status", profile.Category, nil),
		number("amount", profile.Measure, profile.Flow),
	}}
	counts := func(n ...int64) generate.Result {
		r := generate.Result{Columns: []string{"label", "row_count", "share"}}
		for i, x := range n {
			r.Rows = append(r.Rows, []any{string(rune('a' + i)), x, .5})
		}
		return r
	}
	values := func(v ...any) generate.Result {
		r := generate.Result{Columns: []string{"label", "value", "n"}}
		for i, x := range v {
			r.Rows = append(r.Rows, []any{string(rune('a' + i)), x, int64(10)})
		}
		return r
	}
	for _, c := range []struct {
		name, template string
		result         generate.Result
		why            string // empty: it is kept
	}{
		{"groups of different size", "count_by", counts(700, 300), ""},
		{"no rows", "count_by", counts(), "is empty"},
		{"one group", "count_by", counts(1000), "has 1 rows"},
		{"a group that holds nearly all", "count_by", counts(960, 40), "96.0%"},
		{"groups of one size", "count_by", counts(500, 500), "all 2 groups"},
		{"values", "agg_by", values(20.0, 10.0), ""},
		{"no values", "agg_by", values(nil, nil), `column "value"`},
		{"exact values as text", "agg_by", values("960.5", "20.5"), "97.9%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := generate.Generate(t.Context(), p, answers{c.template: c.result}, generate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			kept, why := false, ""
			for _, made := range out.Programs {
				kept = kept || made.Template == c.template
			}
			for _, d := range out.Dropped {
				if d.Template == c.template {
					why = d.Why
				}
			}
			if kept != (c.why == "") || !strings.Contains(why, c.why) {
				t.Errorf("kept %v, dropped because %q; want %q", kept, why, c.why)
			}
		})
	}
}

func TestDeadRunnerOfAnEmptyTable(t *testing.T) {
	p := &profile.Profile{Table: "t", Columns: []profile.Column{{Path: []string{"a"}, Name: "a", Type: table.Type{Kind: table.Varchar}, Role: profile.Empty}}}
	if _, err := generate.Generate(t.Context(), p, broken{context.DeadlineExceeded}, generate.Options{}); err == nil {
		t.Error("no error")
	}
}
