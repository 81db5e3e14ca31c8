package benchgen_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// usable reports whether a column is one that programs should show.
func usable(c profile.Column) bool {
	switch c.Role {
	case profile.Empty, profile.Constant, profile.Container, profile.Key, profile.URL, profile.ImageURL, profile.Unknown, profile.JSONText:
		return false
	}
	return true
}

// coverage returns what share of the usable columns the programs read on
// purpose as they are (listing rows whole does not count), and with their slots.
func coverage(p *profile.Profile, o generate.Outcome) (defaults, slots float64, usables int) {
	read, reached := map[string]bool{}, map[string]bool{}
	for _, c := range o.Chosen {
		if c.Kind == template.DataQuality {
			continue
		}
		for _, name := range c.Columns {
			read[name], reached[name] = true, true
		}
		for _, u := range c.Uses {
			for _, col := range u.Columns {
				reached[col.Name] = true
			}
		}
	}
	var names []string
	for _, c := range p.Columns {
		if usable(c) {
			names = append(names, c.Name)
		}
	}
	for _, made := range o.Programs {
		for _, child := range p.Children {
			if slices.Contains(made.Tables, child.Table) {
				read[child.Column], reached[child.Column] = true, true
			}
		}
	}
	n, m := 0, 0
	for _, name := range names {
		c, _ := p.Column(name)
		// A point is read through its two numbers.
		if read[name] || c.Role == profile.GeoPoint && read[name+".lat"] {
			n++
		}
		if reached[name] || c.Role == profile.GeoPoint && reached[name+".lat"] {
			m++
		}
	}
	if len(names) == 0 {
		return 1, 1, 0
	}
	return float64(n) / float64(len(names)), float64(m) / float64(len(names)), len(names)
}

// uncovered says of the usable columns that no program shows what they are.
func uncovered(p *profile.Profile, o generate.Outcome) []string {
	read := map[string]bool{}
	for _, c := range o.Chosen {
		if c.Kind != template.DataQuality {
			for _, name := range c.Columns {
				read[name] = true
			}
		}
	}
	var out []string
	for _, c := range p.Columns {
		if usable(c) && !read[c.Name] {
			out = append(out, fmt.Sprintf("%s (%s %d/%d of %d)", c.Name, c.Role, c.Distinct, c.NonNull(), c.Rows))
		}
	}
	return out
}

// applicable returns the kinds of question that the columns' roles allow.
func (w *world) applicable(ctx context.Context) []string {
	p := w.profile
	if p.Rows == 0 {
		return []string{template.Aggregation}
	}
	kinds := []string{template.Aggregation, template.Filtering}
	if p.Rows < 2 {
		return kinds
	}
	with := func(ok func(profile.Column) bool) (found []profile.Column) {
		for _, c := range p.Columns {
			if ok(c) && c.NullShare() < .8 {
				found = append(found, c)
			}
		}
		return found
	}
	measures := with(func(c profile.Column) bool {
		return c.Role == profile.Measure && c.Subtype != profile.Circular && c.ModeShare < .95 && float64(c.Zeros) < .95*float64(c.NonNull())
	})
	names := with(func(c profile.Column) bool { return c.Role == profile.Label || c.Role == profile.Key })
	dims := with(func(c profile.Column) bool {
		switch c.Role {
		case profile.Category, profile.Flag, profile.Country, profile.Region, profile.City, profile.OrdinalInt:
			return c.Distinct >= 2 && c.Distinct <= 50 && c.ModeShare < .95 && 2*c.Distinct <= c.NonNull()
		}
		return false
	})
	times := with(func(c profile.Column) bool {
		return (c.Role == profile.EventTime || c.Role == profile.Year) && c.Distinct >= 3 && c.Min != c.Max && days(c) >= 3
	})
	if len(measures) > 0 && len(names) > 0 && p.Rows >= 10 {
		kinds = append(kinds, template.Ranking)
	}
	if len(measures) > 0 && len(dims) > 0 && p.Rows >= 40 {
		kinds = append(kinds, template.Comparison)
	}
	if len(times) > 0 && (len(measures) > 0 || !p.Facts.RegularSeries && !p.Facts.Panel) && p.Rows >= 10 {
		kinds = append(kinds, template.TimeSeries)
	}
	if w.correlated(ctx, measures) {
		kinds = append(kinds, template.Correlation)
	}
	return kinds
}

// days is how many days a time spans; a year counts as many.
func days(c profile.Column) float64 {
	if c.Role == profile.Year {
		return 365 * float64(c.Distinct)
	}
	return 3 * float64(c.Distinct)
}

// correlated reports whether two measures of different names go together beyond
// chance: the least that a question about relations needs.
func (w *world) correlated(ctx context.Context, ms []profile.Column) bool {
	ms = ms[:min(len(ms), 8)]
	var cells []string
	for i, a := range ms {
		for _, b := range ms[i+1:] {
			if !template.Derived(a, b) && !slices.Contains(w.profile.Facts.WidePeriods, a.Name) {
				x, y := "CAST("+a.SQL()+" AS DOUBLE)", "CAST("+b.SQL()+" AS DOUBLE)"
				cells = append(cells, fmt.Sprintf(`corr(%s, %s) AS "r%d", CAST(regr_count(%s, %s) AS DOUBLE) AS "n%d"`, x, y, len(cells), x, y, len(cells)))
			}
		}
	}
	if len(cells) == 0 {
		return false
	}
	r, err := generate.NewRunner(w.evaluator, "bench").Run(ctx, program.Program{SQL: "SELECT " + strings.Join(cells, ", ") + " FROM " + quoted(w.table.Name), Dialect: "duckdb", Slots: []program.Slot{}})
	if err != nil || len(r.Rows) != 1 {
		return false
	}
	for i := range cells {
		rho, n := r.Floats(fmt.Sprint("r", i))[0], r.Floats(fmt.Sprint("n", i))[0]
		if n >= 30 && math.Abs(rho) >= .3 && math.Abs(rho) <= .999 && math.Erfc(math.Abs(math.Atanh(rho))*math.Sqrt(n-3)/math.Sqrt2) < .01/float64(len(cells)) {
			return true
		}
	}
	return false
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
