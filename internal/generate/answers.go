package generate

import (
	"strings"

	"millwright/internal/generate/template"
)

// An answer is a plain question that a program answers as it is: an aggregate of y
// for each x. A count of rows has no y.
type answer struct{ x, agg, y string }

// answers returns the plain questions that the candidate's default result answers.
func answers(c template.Candidate) []answer {
	switch c.Template {
	case "facets", "measure_summary", "kpi", "quality", "duplicates", "flag_rate", "window_compare", "top_movers", "cohort":
		return nil // glances, and what compares parts only
	}
	counts := strings.Contains(c.Program.SQL, `AS "row_count"`)
	var out []answer
	for _, g := range c.Uses {
		if g.Part != template.Group && g.Part != template.Axis {
			continue
		}
		x := g.Columns[0].Name
		if counts {
			out = append(out, answer{x, "count", ""})
		}
		for _, v := range c.Uses {
			if v.Part == template.Value && len(v.Aggs) > 0 {
				out = append(out, answer{x, v.Aggs[0], v.Columns[0].Name})
			}
		}
	}
	return out
}

// worth says how likely people ask so, 0..1: most ask for a number of rows, then for
// totals and averages, of what stands out.
func worth(s *template.Source, a answer) float64 {
	w := s.Divides(a.x)
	if a.agg == "count" {
		return w
	}
	if s.Number(a.x) {
		w *= .2 // a number by a number is a relation rather
	}
	switch a.agg {
	case "sum", "avg":
		return .6 * w * s.Measured(a.y)
	}
	return .3 * w * s.Measured(a.y)
}
