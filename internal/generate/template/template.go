// Package template holds the kinds of question that can be asked of a table:
// one file for a family, each template with the columns it needs, the SQL, the
// slots, the wording, the chart and what makes its answer interesting.
//
// A template never runs anything. It turns a [Source] (a profile, sorted into
// the parts that columns can play) into [Candidate]s, and later judges the
// result of the one that was run.
package template

import (
	"millwright/internal/profile"
	"millwright/internal/program"
)

// The kinds of question. The first six are promised for every table that allows them.
const (
	Aggregation = "aggregation"
	Filtering   = "filtering"
	Ranking     = "ranking"
	Correlation = "correlation"
	TimeSeries  = "time_series"
	Comparison  = "comparison"
	DataQuality = "data_quality"
)

// A Template is one kind of question.
type Template struct {
	ID    string
	Kind  string
	Prior float64 // how often people ask it, 0..1

	// Make returns the candidates for the source, the fittest first; none if
	// the source lacks what the question needs.
	Make func(s *Source) []Candidate

	// Signal says how interesting the default result is, 0..1, and why, in a
	// sentence with numbers. A negative value means that the candidate says
	// nothing true or new and must be dropped.
	Signal func(s *Source, c Candidate, r Result) (float64, string)
}

// A Part is what a column does in a candidate.
type Part string

// The parts.
const (
	Group  Part = "group"  // rows are grouped by it
	Value  Part = "value"  // it is aggregated
	Axis   Part = "axis"   // it is the time axis
	Pair   Part = "pair"   // it is correlated with another
	Filter Part = "filter" // rows are chosen by it
	Show   Part = "show"   // it is shown or sorted by
)

// A Use is a column slot or a fixed column of a candidate, with the part it plays.
type Use struct {
	Part    Part
	Columns []profile.Column // all that it may be, the default first
	Aggs    []string         // of a Value: every aggregate that it may get
}

// A Candidate is a program that might be worth keeping.
type Candidate struct {
	Template string
	Kind     string
	Prior    float64
	Program  program.Program // complete but for Reason and Score
	Columns  []string        // names of the columns that the default reads on purpose (not tie-breaks)
	Uses     []Use
	Fit      float64  // geometric mean of how well the default columns fit their parts
	Why      []string // the conditions that held, with their numbers

	MinRows   int    // fewest rows of a default result that says something
	Share     string // result column in which one row must not hold 95% or more; empty means unchecked
	Ordered   bool   // the ORDER BY has no ties: checked by construction, not by text
	FansOut   bool   // the SQL unnests a list, so a parent's measure would be counted many times
	OnePeriod bool   // the SQL reads one period only, so a stock may be added up
	FillsGaps bool   // the SQL invents rows of value 0
	Weighted  bool   // averages are weighted by what they average over
	ByUnit    bool   // rows are restricted to one currency or unit, or grouped by it
}

// A Result is what a candidate returned with its defaults.
type Result struct {
	Columns []string
	Rows    [][]any // nil, bool, int64, float64, string, or anything that prints
}

// All returns every template, in the order in which ties are decided.
func All() []Template {
	var all []Template
	for _, family := range [][]Template{
		overview(), counts(), aggregates(), rankings(), concentrations(), outliers(),
		trends(), growth(), seasons(), windows(), comparisons(), crosstabs(),
		correlations(), cohorts(), filters(), searches(), quality(), places(),
		lists(), children(), maps(), durations(), panels(), derived(), glances(),
		summaries(), directories(), joins(),
	} {
		all = append(all, family...)
	}
	return all
}
