package template_test

import (
	"strings"
	"testing"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

const base = `table orders rows=1000 grain=order plural=orders time=created_at
created_at TIMESTAMP event_time distinct=900 mode=.01 min=2024-01-01T00:00:00Z max=2024-12-30T00:00:00Z
status VARCHAR category distinct=4 mode=.5 top=paid:500,open:300,sent:150,lost:50
amount DOUBLE measure/flow distinct=700 mode=.01 min=0 max=900.5 avg=120 sd=80 median=100 quartiles=60,180
quantity BIGINT measure/flow distinct=30 mode=.1 min=1 max=30 avg=4 sd=3 median=3 quartiles=2,5
`

func TestColumnNamesOf64KBMakeProgramsThatCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64<<10)
	for _, role := range []string{"VARCHAR category distinct=7 mode=.2 top=a:9,b:8", "DOUBLE measure/flow distinct=600 mode=.01 min=0 max=9 avg=4 sd=3 quartiles=2,6",
		"VARCHAR label distinct=900 mode=.01", "VARCHAR key distinct=1000 mode=.001 min=a", "BIGINT fk distinct=100 mode=.02", "TIMESTAMP event_time distinct=800 mode=.01 min=2023-01-01T00:00:00Z max=2024-12-30T00:00:00Z",
		"BOOLEAN flag distinct=2 mode=.6", "VARCHAR free_text distinct=900 mode=.01 len=200 top=word:3", "VARCHAR[] list distinct=30 len=2 top=a:9"} {
		s := template.NewSource(readProfile(t, base+long+" "+role+"\n"), template.DuckDB())
		made := 0
		for _, tpl := range template.All() {
			for _, c := range tpl.Make(s) {
				made++
				if err := program.Check(c.Program); err != nil {
					t.Errorf("%s of a %s: %v", tpl.ID, role, err)
				}
				if len(c.Program.Cue) > 1000 || len(c.Program.Name) > 1000 {
					t.Errorf("%s of a %s: a cue of %d bytes", tpl.ID, role, len(c.Program.Cue))
				}
			}
		}
		if made < 20 {
			t.Errorf("%s: %d candidates", role, made)
		}
	}
}

func TestOnlyRealRelationsAreAskedAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		r    float64
		n    int64
		want int
	}{
		{"strong and certain", .6, 500, 1},
		{"falling", -.6, 500, 1},
		{"weak", .2, 5000, 0},
		{"too few rows", .9, 20, 0},
		{"by chance", .35, 40, 0},
		{"the same column twice", .9999, 500, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := template.NewSource(readProfile(t, base), template.DuckDB())
			s.Relate(template.Result{Columns: []string{"column_a", "column_b", "correlation", "n"}, Rows: [][]any{{"amount", "quantity", c.r, c.n}}})
			if len(s.Related) != c.want {
				t.Errorf("%d relations, want %d", len(s.Related), c.want)
			}
		})
	}
}

func TestDerivedNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"price", "price_usd", true}, {"n_fertility", "p_fertility", true}, {"total", "totals", false},
		{"amount", "quantity", false}, {"record.low", "record.high", false}, {"", "x", true},
	} {
		if got := template.Derived(profile.Column{Name: c.a}, profile.Column{Name: c.b}); got != c.want {
			t.Errorf("Derived(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
