package template_test

import (
	"strings"
	"testing"

	"millwright/internal/generate/template"
)

// The mean of something stands before its lowest and highest where an average of means
// is one: rows are of one length each.
func TestMeansStandBeforeExtremes(t *testing.T) {
	t.Parallel()
	const columns = `zip VARCHAR category distinct=5 mode=.2
day DATE event_time distinct=200 mode=.005 min=2024-01-01T00:00:00Z max=2024-07-18T00:00:00Z
max_wind DOUBLE measure/intensive distinct=200 mode=.01 min=0 max=90 avg=20 sd=18
mean_wind DOUBLE measure/intensive distinct=200 mode=.01 min=0 max=40 avg=10 sd=6
lowest_wind DOUBLE measure/intensive distinct=200 mode=.01 min=0 max=20 avg=5 sd=4
max_gust DOUBLE measure/intensive distinct=200 mode=.01 min=0 max=99 avg=30 sd=20
`
	for _, c := range []struct{ name, facts, want string }{
		{"every row is a day of a place", "panel=zip,day", "max_gust mean_wind max_wind lowest_wind"},
		{"rows are of any length", "time=day", "max_wind lowest_wind max_gust mean_wind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := template.NewSource(readProfile(t, "table weather rows=1000 "+c.facts+"\n"+columns), template.DuckDB())
			var got []string
			for _, m := range s.Measures {
				got = append(got, m.Name)
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Kinds of things divide numbers better than numbers of few values do, which may be
// counted all the same.
func TestNumbersDivideNumbersBadly(t *testing.T) {
	t.Parallel()
	p := readProfile(t, base+"rooms BIGINT measure/intensive distinct=4 mode=.5 min=1 max=9 avg=3 sd=1\n")
	p.Columns[len(p.Columns)-1].Integers = p.Rows
	s := template.NewSource(p, template.DuckDB())
	fits := map[string]map[string]float64{}
	for _, tpl := range template.All() {
		for _, c := range tpl.Make(s) {
			if fits[tpl.ID] == nil {
				fits[tpl.ID] = map[string]float64{}
			}
			if by := c.Columns[0]; fits[tpl.ID][by] == 0 {
				fits[tpl.ID][by] = c.Fit
			}
		}
	}
	for _, c := range []struct {
		template string
		most     float64 // of the fit of a kind
	}{{"count_by", .8}, {"agg_by", .8}, {"summary_by", .8}, {"measures_by", .8}} {
		kind, number := fits[c.template]["status"], fits[c.template]["rooms"]
		if kind == 0 || number == 0 || number > c.most*kind {
			t.Errorf("%s: by a kind %.2f, by a number %.2f, want at most %.2f of it", c.template, kind, number, c.most)
		}
	}
}

// However many measures stand side by side, what divides them counts as much as they do.
func TestWhatDividesCountsWhateverIsDivided(t *testing.T) {
	t.Parallel()
	const bad = "lot VARCHAR high_card distinct=700 mode=.01\n"
	many := base + bad
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		many += name + " DOUBLE measure/flow distinct=700 mode=.01 min=0 max=900.5 avg=120 sd=80\n"
	}
	fit := func(profile, by string) float64 {
		s := template.NewSource(readProfile(t, profile), template.DuckDB())
		for _, tpl := range template.All() {
			for _, c := range tpl.Make(s) {
				if tpl.ID == "measures_by" && c.Columns[0] == by {
					return c.Fit
				}
			}
		}
		t.Fatalf("no measures by %s", by)
		return 0
	}
	few, lot := fit(base+bad, "lot")/fit(base+bad, "status"), fit(many, "lot")/fit(many, "status")
	if lot > few+.01 {
		t.Errorf("%.2f of the fit with two measures, and %.2f with seven", few, lot)
	}
}
