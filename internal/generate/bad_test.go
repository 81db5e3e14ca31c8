package generate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"millwright/internal/errs"
	"millwright/internal/generate"
	"millwright/internal/ingest/typing"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// hostile has columns called what a generator of SQL would rather not meet.
func hostile(i int) map[string]any {
	group := []string{"it's", `say "hi"`, "{{dim}}", "$limit", "-- x", "ünï", "{{value}}"}[i%7]
	return map[string]any{
		"select": i % 5, `a"b`: group, "it's": float64(i%97) / 3, "{{dim}}": group + "!", "$limit": float64((i * i) % 1013),
		"💥": []string{"a", "b", "c"}[i%3], " leading": i%2 == 0, "a.b": i % 11, "a": map[string]any{"b": fmt.Sprint("leaf ", i%4), `c"d`: map[string]any{"{{x}}": i % 6}},
		"label": []string{"x", "y", "z"}[(i/3)%3], "value": float64(i%31) * 1.5, "row_count": i % 13, "n": i % 9, "period": fmt.Sprintf("2024-%02d-%02d", 1+i%12, 1+i%28),
		"element_of": []string{group, "p", "q"}, "items": []map[string]any{{"select": i % 4, `q"t`: group, "n": float64(i % 50)}},
		"sort\nby": []string{"north", "south"}[(i/5)%2], strings.Repeat("long ", 13000): []string{"one", "two", "three"}[(i/2)%3],
		"created_at": fmt.Sprintf("2024-%02d-%02dT%02d:00:00Z", 1+i%12, 1+i%28, i%24), "order": i, "-- comment": fmt.Sprint("text ", i%8), "semi;colon": "v" + fmt.Sprint(i%6),
	}
}

func TestEveryProgramRunsWithEverySlotValue(t *testing.T) {
	e := open(t)
	for _, c := range []struct {
		table string
		n     int
		make  func(int) map[string]any
		want  int
	}{
		{"orders", 600, orders, 12},
		{"hostile", 500, hostile, 12},
		{"series", 500, hostile, 12}, // a table called as one of our steps
		{"wide", 200, wide, 12},
	} {
		t.Run(c.table, func(t *testing.T) {
			w := load(t, e, c.table, records(t, c.n, c.make))
			out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Programs) != c.want {
				t.Errorf("%d programs, want %d: %v", len(out.Programs), c.want, out.Notes)
			}
			for _, failed := range tryAll(t, w, out) {
				t.Error(failed)
			}
			for _, d := range out.Dropped {
				if strings.HasPrefix(d.Why, "N0") || strings.HasPrefix(d.Why, "did not run") {
					t.Errorf("%s: %s", d.Template, d.Why)
				}
			}
			checkWritten(t, out)
		})
	}
}

// checkWritten checks what every program must say of itself.
func checkWritten(t *testing.T, out generate.Outcome) {
	t.Helper()
	kinds := map[string]bool{}
	names := map[string]bool{}
	for _, p := range out.Programs {
		kinds[p.Kind] = true
		if p.Cue == "" || p.Name == "" || p.Chart == nil || p.Template == "" || p.Score <= 0 || len(p.Tables) == 0 {
			t.Errorf("%s lacks a cue, name, chart, score or table: %+v", p.Template, p)
		}
		if names[p.Name] {
			t.Errorf("two programs are called %q", p.Name)
		}
		names[p.Name] = true
		numbers := 0
		for _, r := range p.Reason {
			if strings.ContainsAny(r, "0123456789") {
				numbers++
			}
		}
		if numbers < 2 {
			t.Errorf("%s has %d reasons with numbers: %q", p.Template, numbers, p.Reason)
		}
		for _, s := range p.Slots {
			if s.Label == "" || s.Description == "" {
				t.Errorf("slot %s of %s lacks a label or description", s.Name, p.Template)
			}
		}
		if err := program.Check(p); err != nil {
			t.Errorf("%s: %v", p.Template, err)
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("%s: %v", p.Template, err)
		}
	}
	for _, kind := range []string{"aggregation", "filtering", "ranking"} {
		if !kinds[kind] {
			t.Errorf("no program of kind %s", kind)
		}
	}
}

func TestStoredProgramsStillRun(t *testing.T) {
	e := open(t)
	w := load(t, e, "orders", records(t, 300, orders))
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Programs {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back program.Program
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		got, err := w.Run(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.Run(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		// Sums of floats may be taken in another order.
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%s answers differently after storing: %s", p.Template, diff)
		}
	}
}

func TestPoorTablesGetFewHonestPrograms(t *testing.T) {
	e := open(t)
	empty := func(int) map[string]any { return map[string]any{"a": nil, "b": nil} }
	for _, c := range []struct {
		name    string
		records []json.RawMessage
		want    []string
	}{
		{"one row", records(t, 1, orders), []string{"kpi", "filter_rows"}},
		{"all null", records(t, 50, empty), []string{"kpi", "quality"}},
		{"one constant column", records(t, 50, func(int) map[string]any { return map[string]any{"a": "x"} }), []string{"kpi", "filter_rows", "quality"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := load(t, e, "poor", c.records)
			out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range out.Programs {
				got = append(got, p.Template)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("templates: %s", diff)
			}
			if len(out.Notes) == 0 || !strings.ContainsAny(out.Notes[0], "0123456789") {
				t.Errorf("nothing says why the set is small: %q", out.Notes)
			}
			for _, failed := range tryAll(t, w, out) {
				t.Error(failed)
			}
		})
	}
}

func TestTableWithoutRows(t *testing.T) {
	e := open(t)
	types := typing.Result{Schema: table.Schema{Columns: []table.Column{
		{ID: 1, Name: "status", Key: "status", Type: table.Type{Kind: table.Varchar}},
		{ID: 2, Name: "amount", Key: "amount", Type: table.Type{Kind: table.Double}},
	}}}
	w := land(t, e, t.TempDir(), "nothing", nil, types)
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Programs) != 1 || out.Programs[0].Template != "kpi" {
		t.Errorf("got %d programs", len(out.Programs))
	}
	if diff := cmp.Diff([]string{"the table has no rows, so nothing but their number can be asked"}, out.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestSameDataGivesTheSameBytes(t *testing.T) {
	e := open(t)
	rs := records(t, 400, orders)
	var texts [2]string
	for i, parallel := range []int{1, 4} {
		w := load(t, e, "orders", rs)
		out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{Parallel: parallel})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(out.Programs)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Error(diff)
	}
}

// A runner that fails shows what happens when the engine is gone.
type broken struct{ err error }

func (b broken) Run(context.Context, program.Program) (generate.Result, error) {
	return generate.Result{}, b.err
}

func TestEngineThatIsGoneIsAnError(t *testing.T) {
	p := &profile.Profile{Table: "t", Rows: 10, Columns: []profile.Column{{Path: []string{"a"}, Name: "a", Rows: 10, Distinct: 3, ModeShare: .5, Role: profile.Category, Type: table.Type{Kind: table.Varchar}}}}
	gone := errs.New(errs.Unavailable, "no worker")
	if _, err := generate.Generate(t.Context(), p, broken{gone}, generate.Options{}); !errors.Is(err, errs.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := generate.Generate(ctx, p, broken{gone}, generate.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

// TestNoiseHasNoCorrelations checks that columns without relation are not said to have one.
func TestNoiseHasNoCorrelations(t *testing.T) {
	e := open(t)
	state := uint64(1)
	next := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>33) / (1 << 31)
	}
	w := load(t, e, "noise", records(t, 1000, func(i int) map[string]any {
		row := map[string]any{"kind": string(rune('a' + int(next()*6)))}
		for k := range 8 {
			row[fmt.Sprintf("m%c", 'a'+k)] = next() * 100
		}
		return row
	}))
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Programs {
		if p.Kind == "correlation" {
			t.Errorf("%s: %s", p.Cue, p.Reason)
		}
	}
}

func TestBudgetThatIsUsedUpKeepsWhatRan(t *testing.T) {
	e := open(t)
	w := load(t, e, "orders", records(t, 100, orders))
	r := &slow{world: w, after: 10}
	out, err := generate.Generate(t.Context(), w.profile, r, generate.Options{Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Programs) == 0 || len(out.Programs) > 10 {
		t.Errorf("%d programs of 10 that ran", len(out.Programs))
	}
}

// slow answers only so many programs; the rest run into their deadline.
type slow struct {
	*world
	after int
}

func (s *slow) Run(ctx context.Context, p program.Program) (generate.Result, error) {
	if s.after--; s.after < 0 {
		return generate.Result{}, context.DeadlineExceeded
	}
	return s.world.Run(ctx, p)
}
