package generate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/generate"
	"millwright/internal/generate/link"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A pair of worlds reads the tables of both.
type pair struct {
	a, b *world
}

func (p pair) Run(ctx context.Context, prog program.Program) (generate.Result, error) {
	both := *p.a
	both.extra = append([]engine.Table{p.b.table}, p.b.children()...)
	both.dir = p.a.dir
	return both.Run(ctx, prog)
}

// twoTables loads two tables into one folder.
func twoTables(t *testing.T, e engine.Engine, a string, as []json.RawMessage, b string, bs []json.RawMessage) pair {
	t.Helper()
	wa := load(t, e, a, as)
	wb := load(t, e, b, bs)
	// A query reads one folder: the second table's file is named from the first's.
	wb.table.Files = copied(t, wb.table.Files, wa.dir)
	return pair{wa, wb}
}

func sale(i int) map[string]any {
	customer := 1 + (i*i*7)%90
	if i%200 == 199 {
		customer = 5000 + i // nobody knows this one
	}
	return map[string]any{"sale_id": i + 1, "customer_id": customer, "amount": float64((i*37)%500) + .25, "quantity": 1 + i%7, "channel": []string{"web", "app", "store"}[i%3]}
}

func customer(i int) map[string]any {
	return map[string]any{"id": i + 1, "name": fmt.Sprintf("Customer %d", i), "country": []string{"DE", "FR", "US", "GB", "ES", "IT"}[(i*i+i/3)%6], "tier": []string{"gold", "silver", "tin"}[i%3]}
}

func TestAKeyOfAnotherTableMakesJoins(t *testing.T) {
	p := twoTables(t, open(t), "sales", records(t, 1000, sale), "customers", records(t, 120, customer))
	found, err := link.Find(t.Context(), p, p.a.profile, []*profile.Profile{p.b.profile})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Column.Name != "customer_id" || found[0].Key.Name != "id" {
		t.Fatalf("found %+v", found)
	}
	f := found[0]
	if f.Rows != 1000 || f.Matched != 995 || f.Keys != 120 || f.DistinctMatched >= f.Distinct || f.Names == "" {
		t.Errorf("counted %d of %d values, %d of %d distinct, %d keys, %q", f.Matched, f.Rows, f.DistinctMatched, f.Distinct, f.Keys, f.Names)
	}
	s := template.NewSource(p.a.profile, template.DuckDB())
	s.Links = []template.Link{f.Link}
	ran := map[string]bool{}
	for _, tpl := range template.All() {
		if !strings.HasPrefix(tpl.ID, "join_") {
			continue
		}
		for _, c := range tpl.Make(s) {
			if how := generate.Lint(s, c); len(how) > 0 {
				t.Errorf("%s breaks %q", tpl.ID, how)
			}
			r, err := p.Run(t.Context(), c.Program)
			if err != nil {
				t.Errorf("%s: %v", tpl.ID, err)
				continue
			}
			if signal, said := tpl.Signal(s, c, r); len(r.Rows) == 0 || math.IsNaN(signal) || said == "" {
				t.Errorf("%s: %d rows, signal %v %q", tpl.ID, len(r.Rows), signal, said)
			}
			ran[tpl.ID] = true
		}
	}
	if len(ran) != 4 {
		t.Errorf("only %v ran", ran)
	}
	out, err := generate.Generate(t.Context(), p.a.profile, p, generate.Options{Links: s.Links})
	if err != nil {
		t.Fatal(err)
	}
	joins := 0
	for _, prog := range out.Programs {
		if strings.HasPrefix(prog.Template, "join_") {
			joins++
			if !strings.Contains(strings.Join(prog.Reason, "\n"), "995 of 1,000 values of customer id (99.5%)") {
				t.Errorf("%s does not say what was counted: %q", prog.Cue, prog.Reason)
			}
		}
	}
	if joins == 0 {
		t.Error("no join was chosen")
	}
}

func TestAJoinCountsNothingTwice(t *testing.T) {
	p := twoTables(t, open(t), "sales", records(t, 1000, sale), "customers", records(t, 120, customer))
	found, err := link.Find(t.Context(), p, p.a.profile, []*profile.Profile{p.b.profile})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	want := map[string]float64{}
	for i := range 1000 {
		if c := sale(i)["customer_id"].(int); c <= 120 {
			want[customer(c - 1)["country"].(string)] += sale(i)["amount"].(float64)
		}
	}
	s := template.NewSource(p.a.profile, template.DuckDB())
	s.Links = []template.Link{found[0].Link}
	for _, tpl := range template.All() {
		if tpl.ID != "join_agg" {
			continue
		}
		c := tpl.Make(s)[0]
		r, err := p.Run(t.Context(), c.Program)
		if err != nil {
			t.Fatal(err)
		}
		values := r.Floats("value")
		for i, label := range r.Texts("label") {
			if values[i] != want[label] {
				t.Errorf("%s: %v, want %v", label, values[i], want[label])
			}
		}
		if len(values) != len(want) {
			t.Errorf("%d groups, want %d", len(values), len(want))
		}
	}
}

// TestSmallNumbersAloneLinkNothing has columns that hold 1..n, as row ids of every
// table do: each is contained in each.
func TestSmallNumbersAloneLinkNothing(t *testing.T) {
	small := func(i int) map[string]any {
		return map[string]any{"id": i + 1, "customer_id": 1 + i%40, "position": 1 + i%30, "level_id": 1 + i%5, "qty": 1 + i%20, "rank": i + 1}
	}
	for _, other := range []struct {
		table string
		make  func(int) map[string]any
		links []string
	}{
		{"products", func(i int) map[string]any { return map[string]any{"id": i + 1, "title": fmt.Sprint("p", i)} }, nil},
		{"customer_cards", func(i int) map[string]any {
			return map[string]any{"card_id": i + 1, "customer_id": 1 + i%50, "pin": i * 7 % 9000}
		}, nil},
		{"customers", func(i int) map[string]any { return map[string]any{"id": i + 1, "title": fmt.Sprint("c", i)} }, []string{"customer_id"}},
		{"things", func(i int) map[string]any { return map[string]any{"customer_id": i + 1, "title": fmt.Sprint("c", i)} }, []string{"customer_id"}},
		{"levels", func(i int) map[string]any {
			// The key stands twice: no row may be met twice.
			return map[string]any{"id": 1 + i%60, "title": fmt.Sprint("c", i)}
		}, nil},
	} {
		t.Run(other.table, func(t *testing.T) {
			p := twoTables(t, open(t), "events", records(t, 300, small), other.table, records(t, 120, other.make))
			found, err := link.Find(t.Context(), p, p.a.profile, []*profile.Profile{p.b.profile})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, f.Column.Name)
			}
			if !slices.Equal(got, other.links) {
				t.Errorf("linked %v, want %v", got, other.links)
			}
		})
	}
}

// TestTooFewKeysLinkNothing has one value in fifty that is no key.
func TestTooFewKeysLinkNothing(t *testing.T) {
	p := twoTables(t, open(t), "sales", records(t, 1000, func(i int) map[string]any {
		row := sale(i)
		if i%50 == 0 {
			row["customer_id"] = 9000 + i
		}
		return row
	}), "customers", records(t, 120, customer))
	found, err := link.Find(t.Context(), p, p.a.profile, []*profile.Profile{p.b.profile})
	if err != nil || len(found) != 0 {
		t.Errorf("found %d links, %v", len(found), err)
	}
}
