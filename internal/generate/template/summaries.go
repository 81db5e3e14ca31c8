package template

import (
	"fmt"
	"math"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// summaries put several figures side by side: of one measure every figure that
// makes sense, or of every measure the one that makes most.
func summaries() []Template {
	return []Template{
		{ID: "summary_by", Kind: Aggregation, Prior: .84, Make: makeSummaryBy, Signal: signalSummaryBy},
		{ID: "summary_time", Kind: TimeSeries, Prior: .86, Make: makeSummaryTime, Signal: signalSummaryTime},
		{ID: "measures_by", Kind: Comparison, Prior: .7, Make: makeMeasuresBy, Signal: signalMeasuresBy},
		{ID: "measures_time", Kind: TimeSeries, Prior: .74, Make: makeMeasuresTime, Signal: signalMeasuresTime},
	}
}

// A figure is an aggregate in a result column of its own.
type figure struct{ agg, column, said string }

// figures returns what is shown of a measure that may be aggregated so.
func figures(aggs []string) []figure {
	var out []figure
	for _, f := range []figure{{"sum", "total", "total"}, {"avg", "average", "average"}, {"min", "lowest", "lowest"}, {"max", "highest", "highest"}} {
		if contains(aggs, f.agg) {
			out = append(out, f)
		}
	}
	return out
}

// figured adds the slot {{measure}} and binds @figures: a result column for each
// figure of it. It returns the figures and what they are called together.
func (d *draft) figured(m profile.Column, from []profile.Column, perTime bool) ([]figure, string) {
	shown := figures(aggregatesOf(m, perTime))
	need := make([]string, len(shown))
	for i, f := range shown {
		need[i] = f.agg
	}
	var cols []profile.Column
	for _, c := range from {
		if covers(aggregatesOf(c, perTime), need) {
			cols = append(cols, c)
		}
	}
	cols = d.choose("measure", "Measure", "The number whose figures are shown.", m, cols)
	var sql strings.Builder
	words := make([]string, len(shown))
	for i, f := range shown {
		d.use(Value, []string{f.agg}, cols...)
		fmt.Fprintf(&sql, ",\n  %s AS %q", d.s.amount(f.agg, "{{measure}}", cols), f.column)
		words[i] = f.said
	}
	d.fit(d.s.measFit(m))
	d.whyMeasure(m, need)
	d.bind("@figures", sql.String())
	return shown, list(words) + " " + say(m)
}

func makeSummaryBy(s *Source) []Candidate {
	var out []Candidate
	for _, m := range first(s.Measures, 5) {
		if len(figures(aggregatesOf(m, s.TimeBound()))) < 3 {
			continue
		}
		for _, dim := range first(without(s.Groups, m.Name), 5) {
			d := s.draft("summary_by", Aggregation, .84)
			d.group("dim", dim, s.Groups)
			shown, said := d.figured(m, s.Measures, s.TimeBound())
			d.unit()
			d.whole("limit", "At most so many groups.", 20, 1, 500)
			d.c.MinRows, d.c.Share = 2, "row_count"
			out = append(out, d.done("Figures of "+say(m)+" by "+say(dim),
				fmt.Sprintf("How many %s are there per %s, and what is the %s?", s.rows(), say(dim), said), `
SELECT
  {{dim}} AS "label",
  count(*) AS "row_count"@figures
FROM @table
WHERE {{dim}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 3 DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative(shown[0].column, saying(shown[0].agg, say(m))))))
		}
	}
	return out
}

// firstFigure returns the column of the first figure, and the measure.
func firstFigure(c Candidate) (string, profile.Column) {
	for _, u := range c.Uses {
		if u.Part == Value {
			return figures(u.Aggs)[0].column, u.Columns[0]
		}
	}
	return "", profile.Column{}
}

func signalSummaryBy(s *Source, c Candidate, r Result) (float64, string) {
	_, m := firstFigure(c)
	means, n := r.Floats("average"), r.Floats("row_count")
	u, e := unevenness(n), explained(means, n, m.StdDev)
	if u < .01 && e < .001 {
		return .05, fmt.Sprintf("all %d groups have about %s rows and one average", len(n), short(n[0]))
	}
	lo, hi := minOf(means), maxOf(known(means))
	return s.between(c, clamp(max(u, math.Sqrt(e)), 0, 1)), fmt.Sprintf("%d groups: averages from %s to %s explain %s of the variance, numbers of rows are uneven by %.2f",
		len(n), short(lo), short(hi), percent(e), u)
}

// summaryAxes returns the columns that a summary over time may run along, each
// with whether the rows of a period may be counted.
func (s *Source) summaryAxes() []profile.Column {
	var out []profile.Column
	for _, axis := range append(append([]profile.Column(nil), first(s.Times, 3)...), first(s.Years, 2)...) {
		if s.periods(axis) >= 3 {
			out = append(out, axis)
		}
	}
	return out
}

// rowCount is the result column with the number of rows of a period, where that
// says something.
func (s *Source) rowCount() string {
	if !s.counted() {
		return ""
	}
	return ",\n  count(*) AS \"row_count\""
}

func makeSummaryTime(s *Source) []Candidate {
	var out []Candidate
	for _, axis := range s.summaryAxes() {
		for _, m := range first(s.Measures, 3) {
			d := s.draft("summary_time", TimeSeries, .86)
			unit := d.axis(axis)
			shown, said := d.figured(m, s.Measures, true)
			d.unit().bind("@count", s.rowCount())
			d.c.MinRows = 3
			question := fmt.Sprintf("What is the %s per %s of %s?", said, unit, say(axis))
			if s.counted() {
				question = fmt.Sprintf("How many %s are there per %s of %s, and what is the %s?", s.rows(), unit, say(axis), said)
			}
			if len(shown) == 0 {
				continue
			}
			out = append(out, d.done("Figures of "+say(m)+" per "+unit+" of "+say(axis), question, `
SELECT
  @period AS "period"@count@figures
FROM @table
WHERE @known@unit
GROUP BY 1
ORDER BY 1
LIMIT 20000`, s.seriesChart(axis, unit, quantitative(shown[0].column, saying(shown[0].agg, say(m))))))
		}
	}
	return out
}

func signalSummaryTime(s *Source, c Candidate, r Result) (float64, string) {
	column, _ := firstFigure(c)
	return signalOver(r, column)
}

// signalOver judges the series in a column.
func signalOver(r Result, column string) (float64, string) {
	xs := known(r.Floats(column))
	if len(xs) < 3 {
		return -1, "fewer than 3 periods"
	}
	sig, tau, p, _ := movement(xs)
	return sig, fmt.Sprintf("%d periods, the %s from %s to %s: trend tau %.2f (p %.3f)", len(xs), column, short(xs[0]), short(xs[len(xs)-1]), tau, p)
}

// maxSide is how many measures stand side by side in one result.
const maxSide = 8

// maxFigures is how many figures stand beside each other where some measures have two.
const maxFigures = 12

// other returns which of sum and average, where both make sense, the default is not:
// groups of different size compare by the one otherwise than by the other.
func other(aggs []string) string {
	switch {
	case aggs[0] == "sum" && contains(aggs, "avg"):
		return "avg"
	case aggs[0] == "avg" && contains(aggs, "sum"):
		return "sum"
	}
	return ""
}

// sides cuts the measures into parts that fit side by side, the first parts first.
func (s *Source) sides(not string) [][]profile.Column {
	ms := s.averageable(short512(without(s.Measures, not)))
	var parts [][]profile.Column
	for len(ms) > 1 && len(parts) < 3 {
		n := min(len(ms), maxSide)
		parts = append(parts, inOrder(s, ms[:n]))
		ms = ms[n:]
	}
	return parts
}

// sideBySide binds @figures: for each measure the aggregate that makes most sense, or
// both total and average where both do and both are wanted.
// It returns the result columns and how the figures are said.
func (d *draft) sideBySide(ms []profile.Column, perTime, both bool) (columns, said []string) {
	taken := map[string]bool{"label": true, "row_count": true, "period": true}
	var sql strings.Builder
	var fits []float64
	figure := func(agg string, m profile.Column, i int) {
		name := aggColumn(agg) + "_" + orName(m, fmt.Sprintf("measure_%d", i+1))
		if taken[name] {
			name = fmt.Sprintf("%s_%d", name, i+1)
		}
		taken[name] = true
		fmt.Fprintf(&sql, ",\n  %s AS %s", d.s.amount(agg, d.s.expr(m), []profile.Column{m}), table.Quote(name))
		d.use(Value, []string{agg}, m)
		columns, said = append(columns, name), append(said, saying(agg, say(m)))
	}
	spare := maxFigures - len(ms)
	for i, m := range ms {
		aggs := aggregatesOf(m, perTime)
		figure(aggs[0], m, i)
		fits = append(fits, d.s.measFit(m))
		if second := other(aggs); second != "" && both && spare > 0 {
			figure(second, m, i)
			spare--
		}
	}
	d.fit(mean(fits...)) // all together count as much as what divides them
	d.why("%d measures side by side, of which %s varies most for its size", len(ms), say(ms[0]))
	d.bind("@figures", sql.String())
	return columns, said
}

func aggColumn(agg string) string {
	if agg == "count" {
		return "known"
	}
	return aggWord(agg)
}

// few names the first of a list and says how many more there are.
func few(names []string) string {
	if len(names) <= 4 {
		return list(names)
	}
	return list(append(append([]string(nil), names[:3]...), fmt.Sprintf("%d more", len(names)-3)))
}

func makeMeasuresBy(s *Source) []Candidate {
	var out []Candidate
	for _, dim := range first(s.Groups, 5) {
		for _, ms := range s.sides(dim.Name) {
			d := s.draft("measures_by", Comparison, .7)
			// Neither a measure that is shown nor what has a value in every row makes groups.
			var from []profile.Column
			for _, c := range s.Groups {
				if !named(ms, c.Name) {
					from = append(from, c)
				}
			}
			d.group("dim", dim, from)
			columns, said := d.sideBySide(ms, s.TimeBound(), true)
			d.unit()
			d.whole("limit", "At most so many groups.", 20, 1, 500)
			d.c.MinRows, d.c.Share = 2, "row_count"
			out = append(out, d.done("Measures by "+say(dim), fmt.Sprintf("How do %s compare by %s: in number, and in %s?", s.rows(), say(dim), few(said)), `
SELECT
  {{dim}} AS "label",
  count(*) AS "row_count"@figures
FROM @table
WHERE {{dim}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative(columns[0], said[0]))))
		}
	}
	return out
}

// measured calls see with each measure of the candidate and its result column.
func (s *Source) measured(c Candidate, r Result, see func(agg string, m profile.Column, xs []float64)) {
	at := 1
	if r.Index("row_count") >= 0 {
		at = 2
	}
	for _, u := range c.Uses {
		if u.Part == Value && at < len(r.Columns) {
			see(u.Aggs[0], u.Columns[0], r.Floats(r.Columns[at]))
			at++
		}
	}
}

func signalMeasuresBy(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	best, label, seen := 0.0, "", map[string]bool{}
	s.measured(c, r, func(agg string, m profile.Column, xs []float64) {
		seen[m.Name] = true
		if agg == "sum" {
			xs = append([]float64(nil), xs...)
			for i := range xs {
				xs[i] /= n[i]
			}
		}
		if e := math.Sqrt(explained(xs, n, m.StdDev)); e > best {
			best, label = e, say(m)
		}
	})
	if label == "" {
		return .05, fmt.Sprintf("the %d groups do not differ on %d measures", len(n), len(seen))
	}
	return s.between(c, clamp(best, 0, 1)), fmt.Sprintf("of %d measures the %d groups differ most on %s: they explain %s of its variance", len(seen), len(n), label, percent(best*best))
}

func makeMeasuresTime(s *Source) []Candidate {
	var out []Candidate
	for _, axis := range first(s.summaryAxes(), 2) {
		for _, ms := range s.sides(axis.Name) {
			d := s.draft("measures_time", TimeSeries, .74)
			unit := d.axis(axis)
			columns, said := d.sideBySide(ms, true, false)
			d.unit().bind("@count", s.rowCount())
			d.c.MinRows = 3
			out = append(out, d.done("Measures per "+unit+" of "+say(axis), fmt.Sprintf("How do %s change together, per %s of %s?", few(said), unit, say(axis)), `
SELECT
  @period AS "period"@count@figures
FROM @table
WHERE @known@unit
GROUP BY 1
ORDER BY 1
LIMIT 20000`, smallMultiples(periodChart(unit, axis.Role == profile.Year), columns)))
		}
	}
	return out
}

// smallMultiples draws a line for each column, one above the other, each on a
// scale of its own.
func smallMultiples(x channel, columns []string) *program.Chart {
	fields := make([]any, len(columns))
	for i, c := range columns {
		fields[i] = c
	}
	spec := drawing("line", map[string]any{"x": x.spec(), "y": quantitative("value", "").spec(), "row": nominal("measure", "").spec()})
	spec["transform"] = []any{map[string]any{"fold": fields, "as": []any{"measure", "value"}}}
	spec["resolve"] = map[string]any{"scale": map[string]any{"y": "independent"}}
	return &program.Chart{Mark: "line", X: x.field, Y: columns[0], Spec: spec}
}

func signalMeasuresTime(s *Source, c Candidate, r Result) (float64, string) {
	best, label, all, periods := 0.0, "", 0, 0
	s.measured(c, r, func(_ string, m profile.Column, xs []float64) {
		xs = known(xs)
		all, periods = all+1, max(periods, len(xs))
		if sig, _, _, _ := movement(xs); len(xs) >= 3 && sig > best {
			best, label = sig, say(m)
		}
	})
	if periods < 3 {
		return -1, "fewer than 3 periods"
	}
	return best, fmt.Sprintf("of %d measures over %d periods, %s moves most clearly (%.2f)", all, periods, orElse(label, "none"), best)
}
