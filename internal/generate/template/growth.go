package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

// growth looks at how a series changes from one period to the next.
func growth() []Template {
	return []Template{
		{ID: "pop_growth", Kind: TimeSeries, Prior: .75, Make: makeGrowth, Signal: signalGrowth},
		{ID: "running_total", Kind: TimeSeries, Prior: .55, Make: makeRunning, Signal: signalRunning},
		{ID: "moving_avg", Kind: TimeSeries, Prior: .5, Make: makeMoving, Signal: signalMoving},
	}
}

// seriesOf starts a draft over the best axis with so many periods, and an amount per period.
// There are at most two: for the two best measures.
func (s *Source) seriesOf(id string, prior, least float64, i int) (d *draft, said, unit string, ok bool) {
	axes := s.axes()
	if len(axes) == 0 || s.periods(axes[0]) < least || len(s.OverTime) == 0 && !s.counted() {
		return nil, "", "", false
	}
	d = s.draft(id, TimeSeries, prior)
	unit = d.axis(axes[0])
	said, ok = d.amount(i)
	return d, said, unit, ok
}

const seriesCTE = `
WITH series AS (
  SELECT @period AS "period", @amount AS "value"
  FROM @table
  WHERE @known AND @present@unit
  GROUP BY 1
)`

func makeGrowth(s *Source) []Candidate {
	var out []Candidate
	for i := range 2 {
		d, said, unit, ok := s.seriesOf("pop_growth", .75, 4, i)
		if !ok {
			continue
		}
		d.c.MinRows = 4
		out = append(out, d.done("Growth of "+said+" per "+unit,
			fmt.Sprintf("How much did the %s grow compared with the previous %s?", said, unit), seriesCTE+`
SELECT
  "period",
  "value",
  lag("value") OVER (ORDER BY "period") AS "previous_value",
  "value" - lag("value") OVER (ORDER BY "period") AS "change",
  ("value" - lag("value") OVER (ORDER BY "period")) / nullif(abs(lag("value") OVER (ORDER BY "period")), 0) AS "growth"
FROM series
ORDER BY 1
LIMIT 20000`, columnChart(periodChart(unit, len(s.Times) == 0), share("growth", "growth"))))
	}
	return out
}

func signalGrowth(s *Source, c Candidate, r Result) (float64, string) {
	xs := known(r.Floats("value"))
	if len(xs) < 4 {
		return -1, "fewer than 4 periods"
	}
	jump := lastChange(xs)
	g := known(r.Floats("growth"))
	m := math.Abs(median(g))
	if math.IsNaN(m) {
		m = 0
	}
	return math.Max(jump, clamp(m*4, 0, .8)), fmt.Sprintf("the median growth over %d periods is %s; the last full change is %.2f of the notable", len(g), percent(median(append(g, 0))), jump)
}

func makeRunning(s *Source) []Candidate {
	if len(s.OverTime) == 0 && !s.counted() {
		return nil
	}
	flows := s.flows()
	if len(s.OverTime) > 0 && len(flows) == 0 {
		return nil
	}
	// A running total needs amounts that flow: what lies in a stock is not new each period.
	only := *s
	only.Additive, only.OverTime = flows, flows
	d, said, unit, ok := only.seriesOf("running_total", .55, 4, 0)
	if !ok {
		return nil
	}
	d.c.MinRows = 4
	return []Candidate{d.done("Running "+said,
		fmt.Sprintf("What is the running %s over time?", said), seriesCTE+`
SELECT
  "period",
  "value",
  sum("value") OVER (ORDER BY "period" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "running_total"
FROM series
ORDER BY 1
LIMIT 20000`, areaChart(periodChart(unit, len(s.Times) == 0), quantitative("running_total", "running "+said)))}
}

func signalRunning(s *Source, c Candidate, r Result) (float64, string) {
	xs := known(r.Floats("value"))
	tau, p := kendall(xs)
	sig := .2
	if p < .05 {
		sig = math.Max(sig, math.Abs(tau))
	}
	return sig, fmt.Sprintf("%s add up over %d periods; the amounts have trend tau %.2f (p %.3f)", short(total(xs)), len(xs), tau, p)
}

func makeMoving(s *Source) []Candidate {
	d, said, unit, ok := s.seriesOf("moving_avg", .5, 2, 0)
	if !ok || len(s.Times) == 0 || s.span(s.Times[0]) < 30 {
		return nil
	}
	// A moving average smooths days; months are smooth already.
	for i, slot := range d.c.Program.Slots {
		if slot.Name == "grain" && contains(slot.Values, any("day")) {
			d.c.Program.Slots[i].Default, unit = "day", "day"
		}
	}
	if unit != "day" {
		return nil
	}
	d.whole("window", "So many periods are averaged.", 7, 2, 365)
	d.c.MinRows, d.c.Weighted = 30, true
	return []Candidate{d.done("7-day moving average of "+said,
		fmt.Sprintf("What is the 7-%s moving average of the %s?", unit, said), seriesCTE+`, numbered AS (
  SELECT "period", "value", row_number() OVER (ORDER BY "period") AS "place", sum("value") OVER (ORDER BY "period" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "so_far" FROM series
)
SELECT
  now."period",
  now."value",
  (now."so_far" - coalesce(past."so_far", 0)) / CAST(now."place" - coalesce(past."place", 0) AS DOUBLE) AS "moving_average"
FROM numbered AS now LEFT JOIN numbered AS past ON past."place" = now."place" - $window
ORDER BY 1
LIMIT 20000`, lineChart(periodChart(unit, false), quantitative("moving_average", "7-day average")))}
}

func signalMoving(s *Source, c Candidate, r Result) (float64, string) {
	_, raw := moments(r.Floats("value"))
	_, smooth := moments(r.Floats("moving_average"))
	cv := variation(r.Floats("value"))
	if raw == 0 || cv < .1 {
		return -1, "the series hardly varies"
	}
	sig := clamp(1-smooth*smooth/(raw*raw), 0, 1)
	return sig, fmt.Sprintf("the average removes %s of the variance of %d periods (daily spread is %s of the average)", percent(sig), len(r.Rows), percent(cv))
}

// flows returns the measures that are amounts of something happening.
func (s *Source) flows() []profile.Column {
	var out []profile.Column
	for _, c := range s.Additive {
		if c.Subtype == profile.Flow {
			out = append(out, c)
		}
	}
	return out
}
