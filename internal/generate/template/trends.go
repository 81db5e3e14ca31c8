package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
	"millwright/internal/program"
)

// trends follow counts and measures over time.
func trends() []Template {
	return []Template{
		{ID: "agg_time", Kind: TimeSeries, Prior: .95, Make: makeAggTime, Signal: signalSeries},
		{ID: "count_time", Kind: TimeSeries, Prior: .8, Make: makeCountTime, Signal: signalSeries},
		{ID: "agg_time_gapfill", Kind: TimeSeries, Prior: .7, Make: makeGapFill, Signal: signalGaps},
		{ID: "time_by_category", Kind: TimeSeries, Prior: .78, Make: makeByCategory, Signal: signalSeriesSpread},
	}
}

// axes returns the columns that can be a time axis, the best first: real times before years.
func (s *Source) axes() []profile.Column {
	if len(s.Times) > 0 {
		return first(s.Times, 2)
	}
	return first(s.Years, 1)
}

// periods estimates how many periods the default of an axis makes.
func (s *Source) periods(axis profile.Column) float64 {
	if axis.Role == profile.Year {
		return float64(axis.Distinct)
	}
	unit, _ := pickGrain(axis, s.span(axis))
	return math.Min(s.span(axis)/daysOf(unit)+1, float64(axis.Distinct))
}

func makeAggTime(s *Source) []Candidate {
	var out []Candidate
	for _, axis := range s.axes() {
		if s.periods(axis) < 3 {
			continue
		}
		for _, m := range first(s.Measures, 5) {
			d := s.draft("agg_time", TimeSeries, .95)
			unit := d.axis(axis)
			agg := d.measure(m, s.Measures, true)
			d.unit().measured("@value", "{{agg}}")
			d.c.MinRows = 3
			out = append(out, d.done(saying(agg, say(m))+" per "+unit,
				fmt.Sprintf("How does the %s change over time, per %s?", saying(agg, say(m)), unit), `
SELECT
  @period AS "period",
  @value AS "value",
  count({{measure}}) AS "n"
FROM @table
WHERE @known@unit
GROUP BY 1
ORDER BY 1
LIMIT 20000`, s.seriesChart(axis, unit, quantitative("value", saying(agg, say(m))))))
		}
	}
	return out
}

// seriesChart draws a line, or columns when there are too few points for one.
func (s *Source) seriesChart(axis profile.Column, unit string, y channel) *program.Chart {
	x := periodChart(unit, axis.Role == profile.Year)
	if s.periods(axis) < 7 {
		return columnChart(x, y)
	}
	return lineChart(x, y)
}

// signalSeries judges the series in "value" or "row_count".
func signalSeries(s *Source, c Candidate, r Result) (float64, string) {
	column := "value"
	if r.Index(column) < 0 {
		column = "row_count"
	}
	xs := known(r.Floats(column))
	if len(xs) < 3 {
		return -1, "fewer than 3 periods"
	}
	sig, tau, p, jump := movement(xs)
	return sig, fmt.Sprintf("%d periods from %s to %s: trend tau %.2f (p %.3f), last change %.2f of the notable",
		len(xs), short(xs[0]), short(xs[len(xs)-1]), tau, p, jump)
}

// counted reports whether rows per period say anything: not in a panel and not
// in a series with one row per period.
func (s *Source) counted() bool {
	f := s.Profile.Facts
	return !f.Panel && !f.RegularSeries
}

func makeCountTime(s *Source) []Candidate {
	if !s.counted() {
		return nil
	}
	var out []Candidate
	for _, axis := range s.axes() {
		if s.periods(axis) < 3 {
			continue
		}
		d := s.draft("count_time", TimeSeries, .8)
		unit := d.axis(axis)
		d.c.MinRows = 3
		out = append(out, d.done(s.rows()+" per "+unit, fmt.Sprintf("How many %s are there per %s?", s.rows(), unit), `
SELECT @period AS "period", count(*) AS "row_count"
FROM @table
WHERE @known
GROUP BY 1
ORDER BY 1
LIMIT 20000`, s.seriesChart(axis, unit, quantitative("row_count", s.rows()))))
	}
	return out
}

// makeGapFill is the series with its missing periods as zeros: for counts and
// sums only, because an average of nothing is not zero.
func makeGapFill(s *Source) []Candidate {
	if !s.counted() || len(s.Times) == 0 {
		return nil
	}
	axis := s.Times[0]
	if s.periods(axis) < 5 {
		return nil
	}
	d := s.draft("agg_time_gapfill", TimeSeries, .7)
	unit := d.axis(axis)
	said, _ := d.amount(0)
	d.c.MinRows, d.c.FillsGaps = 5, true
	d.bind("@calendar", s.Dialect.Periods("{{grain}}", `"first_period"`, `"last_period"`, "calendar"))
	return []Candidate{d.done(said+" per "+unit+", empty periods included",
		fmt.Sprintf("What is the %s per %s, with the periods in which nothing happened?", said, unit), `
WITH series AS (
  SELECT CAST(@period AS TIMESTAMP) AS "period", @amount AS "value"
  FROM @table
  WHERE @known AND @present@unit
  GROUP BY 1
), bounds AS (
  SELECT min("period") AS "first_period", max("period") AS "last_period" FROM series
)
SELECT calendar.period AS "period", coalesce(series."value", 0) AS "value", series."value" IS NULL AS "filled"
FROM bounds CROSS JOIN @calendar LEFT JOIN series ON series."period" = calendar.period
ORDER BY 1
LIMIT 20000`, columnChart(periodChart(unit, false), quantitative("value", said)))}
}

func signalGaps(s *Source, c Candidate, r Result) (float64, string) {
	filled, n := total(r.Floats("filled")), float64(len(r.Rows))
	if n == 0 || filled/n <= .05 {
		return -1, fmt.Sprintf("only %s of %s periods are empty", short(filled), short(n))
	}
	sig, _ := signalSeries(s, c, r)
	return math.Max(sig, .3), fmt.Sprintf("%s of %s periods (%s) are empty", short(filled), short(n), percent(filled/n))
}

func makeByCategory(s *Source) []Candidate {
	axes := s.axes()
	if len(axes) == 0 || s.periods(axes[0]) < 3 {
		return nil
	}
	var dims []profile.Column
	for _, c := range s.Cats {
		if c.Distinct <= 20 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, dim := range first(dims, 5) {
		for _, m := range first(s.Measures, 2) {
			if m.Name != dim.Name {
				out = append(out, s.byCategory(axes[0], dim, dims, &m))
			}
		}
		if s.counted() {
			out = append(out, s.byCategory(axes[0], dim, dims, nil))
		}
	}
	return out
}

func (s *Source) byCategory(axis, dim profile.Column, dims []profile.Column, m *profile.Column) Candidate {
	d := s.draft("time_by_category", TimeSeries, .78)
	unit := d.axis(axis)
	d.group("dim", dim, dims)
	said, y := "number of "+s.rows(), quantitative("value", s.rows())
	if m != nil {
		agg := d.measure(*m, s.Measures, true)
		said = saying(agg, say(*m))
		y = quantitative("value", said)
		d.measured("@amount", "{{agg}}")
		d.unit()
	} else {
		d.bind("@amount", "CAST(count(*) AS DOUBLE)").bind("@unit", "")
	}
	d.whole("series", "So many groups, the largest first.", 5, 2, 12)
	d.c.MinRows = 4
	return d.done(said+" per "+unit+" by "+say(dim),
		fmt.Sprintf("How does the %s per %s differ by %s?", said, unit, say(dim)), `
WITH largest AS (
  SELECT {{dim}} AS "top_value" FROM @table WHERE {{dim}} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $series
)
SELECT @period AS "period", {{dim}} AS "series", @amount AS "value"
FROM @table
WHERE {{dim}} IN (SELECT "top_value" FROM largest) AND @known@unit
GROUP BY 1, 2
ORDER BY 1, 2
LIMIT 20000`, multiLine(periodChart(unit, axis.Role == profile.Year), y, nominal("series", say(dim))))
}

// signalSeriesSpread says how differently the series move, on top of how much.
func signalSeriesSpread(s *Source, c Candidate, r Result) (float64, string) {
	periods, names, values := r.Texts("period"), r.Texts("series"), r.Floats("value")
	var order, keys []string
	sums := map[string]float64{}
	series := map[string]map[string]float64{}
	for i, k := range names {
		if series[k] == nil {
			series[k] = map[string]float64{}
			keys = append(keys, k)
		}
		series[k][periods[i]] = values[i]
		if !math.IsNaN(values[i]) {
			if _, seen := sums[periods[i]]; !seen {
				order = append(order, periods[i])
			}
			sums[periods[i]] += values[i]
		}
	}
	if len(keys) < 2 || len(order) < 3 {
		return -1, "fewer than two series or three periods"
	}
	var all []float64
	for _, p := range order {
		all = append(all, sums[p])
	}
	apart, pairs := 0.0, 0.0
	for i, a := range keys {
		for _, b := range keys[i+1:] {
			apart += 1 - pearson(series[a], series[b], order)
			pairs++
		}
	}
	apart = clamp(apart/pairs/2, 0, 1)
	sig, _, _, _ := movement(all)
	return clamp(.6*apart+.4*sig, 0, 1), fmt.Sprintf("%d series over %d periods; on average they move %.2f apart (1 means opposite ways)", len(keys), len(order), apart)
}

// pearson returns the correlation of two series over the periods that both have; 1 if there are too few.
func pearson(a, b map[string]float64, order []string) float64 {
	var xs, ys []float64
	for _, p := range order {
		x, okX := a[p]
		y, okY := b[p]
		if okX && okY && !math.IsNaN(x) && !math.IsNaN(y) {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	mx, sx := moments(xs)
	my, sy := moments(ys)
	if len(xs) < 3 || sx == 0 || sy == 0 {
		return 1
	}
	sum := 0.0
	for i := range xs {
		sum += (xs[i] - mx) * (ys[i] - my)
	}
	return clamp(sum/float64(len(xs)-1)/sx/sy, -1, 1)
}
