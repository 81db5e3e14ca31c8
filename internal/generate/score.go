package generate

import (
	"sort"

	"millwright/internal/generate/template"
)

// What counts for how much in a score.
const (
	weightPrior  = .30
	weightFit    = .30
	weightSignal = .25
	weightNaming = .15
)

// score is 0..1. A candidate that fails a rule or a gate has none: it is dropped.
func score(t trial) float64 {
	return weightPrior*t.Prior + weightFit*t.Fit + weightSignal*t.signal + weightNaming*t.naming
}

// promise is the score before anything was run: the signal counts as middling.
func promise(t trial) float64 {
	t.signal = .5
	if t.kept {
		t.bonus += 10
	}
	return score(t) + t.bonus
}

// naming says how prominent the default columns are: by their names, and by how
// early they stand in the table.
func naming(s *template.Source, c template.Candidate) float64 {
	n := 0.0
	for _, name := range c.Columns {
		x := .5
		if template.Headline(name) {
			x += .3
		}
		x += .2 * (1 - float64(s.Position(name))/float64(max(len(s.Profile.Columns), 1)))
		n += x
	}
	if len(c.Columns) == 0 {
		return .5
	}
	return n / float64(len(c.Columns))
}

// shortlist returns the candidates to run: the best two of every template, then
// the best of the rest, at most n, in the order in which they were made.
func shortlist(all []trial, n int) []trial {
	byTemplate := map[string]int{}
	ranked := append([]trial(nil), all...)
	sort.SliceStable(ranked, func(i, j int) bool { return better(promise(ranked[i]), promise(ranked[j]), ranked[i], ranked[j]) })
	var first, rest []trial
	for _, t := range ranked {
		most := 2
		if inParts(t.Template) {
			most = 5 // each part shows other columns
		}
		if byTemplate[t.Template] < most {
			byTemplate[t.Template]++
			first = append(first, t)
		} else {
			rest = append(rest, t)
		}
	}
	list := append(first, rest...)
	if len(list) > n {
		list = list[:n]
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].order < list[j].order })
	return list
}

// better orders by a figure, and by the order of making where the figures are equal.
func better(a, b float64, x, y trial) bool {
	if a != b {
		return a > b
	}
	if x.Template != y.Template {
		return x.Template < y.Template
	}
	return x.order < y.order
}

// kinds that every table should have where it allows them.
func promised() []string {
	return []string{template.Aggregation, template.Filtering, template.Ranking, template.Correlation, template.TimeSeries, template.Comparison}
}
