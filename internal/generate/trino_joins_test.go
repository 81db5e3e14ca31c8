package generate_test

import (
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/generate/link"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// TestEveryJoinIsTrinoToo writes each join that was generated in Trino's SQL, from what is
// stored of it, as the API does; and not without the link that it is made of.
func TestEveryJoinIsTrinoToo(t *testing.T) {
	python := parser(t)
	p := twoTables(t, open(t), "sales", records(t, 1000, sale), "customers", records(t, 120, customer))
	found, err := link.Find(t.Context(), p, p.a.profile, []*profile.Profile{p.b.profile})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	own := template.NewSource(p.a.profile, template.DuckDB())
	own.Links = []template.Link{found[0].Link}
	var all, names []string
	made := map[string]bool{}
	for _, tpl := range template.All() {
		for _, c := range tpl.Make(own) {
			if !strings.HasPrefix(tpl.ID, "join_") {
				continue
			}
			if _, ok := generate.InDialect(p.a.profile, c.Program, template.Trino()); ok {
				t.Errorf("%s is written without its link", tpl.ID)
			}
			fresh, ok := generate.InDialect(p.a.profile, c.Program, template.Trino(), own.Links...)
			if !ok || fresh.Dialect != "trino" || fresh.Cue != c.Program.Cue || len(fresh.Slots) != len(c.Program.Slots) {
				t.Errorf("%s: %v %+v", tpl.ID, ok, fresh)
				continue
			}
			for _, value := range slotValues(fresh) {
				bound, err := program.Bind(fresh, value)
				if err != nil {
					t.Errorf("%s with %v: %v", tpl.ID, value, err)
					continue
				}
				onlyTrino(t, tpl.ID, bound.SQL)
				all, names = append(all, positional(t, bound.SQL)), append(names, tpl.ID)
			}
			made[tpl.ID] = true
		}
	}
	parse(t, python, names, all)
	t.Logf("%d statements of %d templates parse as Trino", len(all), len(made))
	if len(made) != 4 {
		t.Errorf("only %v were tried", made)
	}
}

// slotValues returns the defaults, and each choice that a slot of the program allows.
func slotValues(p program.Program) []map[string]any {
	out := []map[string]any{nil}
	for _, s := range p.Slots {
		for _, v := range s.Values {
			out = append(out, map[string]any{s.Name: v})
		}
	}
	return out
}
