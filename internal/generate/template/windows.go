package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

// windows compare the last days with the days before, counted back from the
// newest row and not from today, so that old data has an answer too.
func windows() []Template {
	return []Template{
		{ID: "window_compare", Kind: Comparison, Prior: .72, Make: makeWindows, Signal: signalWindows},
		{ID: "top_movers", Kind: Ranking, Prior: .5, Make: makeMovers, Signal: signalMovers},
	}
}

// window returns how many days to compare: the longest usual number that fits
// the span at least four times, or else twice.
func window(span float64) (int64, bool) {
	for _, times := range []float64{4, 2} {
		for _, days := range []int64{365, 90, 30, 7} {
			if span >= times*float64(days) {
				return days, true
			}
		}
	}
	return 0, false
}

func (s *Source) windowDraft(id, kind string, prior float64, dim profile.Column, dims []profile.Column) (*draft, int64, string, bool) {
	if len(s.Times) == 0 || s.Profile.Facts.RegularSeries {
		return nil, 0, "", false
	}
	t := s.Times[0]
	days, ok := window(s.span(t))
	if !ok || len(s.OverTime) == 0 && !s.counted() {
		return nil, 0, "", false
	}
	d := s.draft(id, kind, prior)
	d.group("dim", dim, dims)
	d.use(Axis, nil, d.choose("time", "Time", "The column that places a row in time.", t, s.Times)...)
	d.fit(s.timeFit(t))
	said := "number of " + s.rows()
	if len(s.OverTime) > 0 {
		d.sumOf(s.OverTime[0], s.OverTime)
		d.unit().bind("@value", "{{measure}}")
		said = saying("sum", say(s.OverTime[0]))
	} else {
		d.bind("@unit", "").bind("@value", "1")
	}
	d.whole("days", "The length of both windows.", days, 1, 3660)
	d.why("%s spans %s days, enough for windows of %d", say(t), short(s.span(t)), days)
	d.bind("@from_current", s.Dialect.MinusDays(`"newest"`, "$days")).bind("@from_previous", s.Dialect.MinusDays(`"newest"`, "2 * CAST($days AS INTEGER)"))
	d.c.MinRows = 2
	return d, days, said, true
}

const windowSQL = `
WITH events AS (
  SELECT {{dim}} AS "label", CAST({{time}} AS TIMESTAMP) AS "at", @value AS "amount"
  FROM @table
  WHERE {{dim}} IS NOT NULL AND {{time}} IS NOT NULL@unit
), edge AS (
  SELECT max("at") AS "newest" FROM events
), sums AS (
  SELECT
    "label",
    coalesce(CAST(sum(CASE WHEN "at" > @from_current THEN "amount" END) AS DOUBLE), 0) AS "current_value",
    coalesce(CAST(sum(CASE WHEN "at" <= @from_current THEN "amount" END) AS DOUBLE), 0) AS "previous_value"
  FROM events CROSS JOIN edge
  WHERE "at" > @from_previous
  GROUP BY 1
)`

func makeWindows(s *Source) []Candidate {
	var out []Candidate
	for _, dim := range first(s.Cats, 3) {
		d, days, said, ok := s.windowDraft("window_compare", Comparison, .72, dim, s.Cats)
		if !ok {
			return nil
		}
		d.whole("limit", "At most so many groups.", 20, 1, 500)
		out = append(out, d.done(fmt.Sprintf("Change of %s by %s, last %d days", said, say(dim), days),
			fmt.Sprintf("Which %s changed most in %s in the last %d days compared with the %d days before?", say(dim), said, days, days), windowSQL+`
SELECT "label", "current_value", "previous_value", "current_value" - "previous_value" AS "change"
FROM sums
ORDER BY abs("current_value" - "previous_value") DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("change", "change of "+said))))
	}
	return out
}

func signalWindows(s *Source, c Candidate, r Result) (float64, string) {
	change, before := 0.0, total(r.Floats("previous_value"))
	for _, x := range known(r.Floats("change")) {
		change += math.Abs(x)
	}
	if before <= 0 {
		return .1, "there is nothing before the last window"
	}
	return clamp(change/before, 0, 1), fmt.Sprintf("changes add up to %s of the previous %s over %d groups", percent(change/before), short(before), len(r.Rows))
}

// makeMovers ranks by growth, and leaves out what was too small to grow honestly.
func makeMovers(s *Source) []Candidate {
	var dims []profile.Column
	for _, c := range append(append([]profile.Column(nil), s.Cats...), s.WideDims...) {
		if c.Distinct > 5 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, dim := range first(dims, 2) {
		d, days, said, ok := s.windowDraft("top_movers", Ranking, .5, dim, dims)
		if !ok {
			return nil
		}
		d.number("min_previous", "Leave out groups that had less than this before.", 1, 0, 1e15)
		d.whole("limit", "At most so many groups.", 10, 1, 500)
		growth := share("growth", "growth of "+said)
		out = append(out, d.done(fmt.Sprintf("Fastest growing %s, last %d days", say(dim), days),
			fmt.Sprintf("Which %s grew fastest in %s in the last %d days?", say(dim), said, days), windowSQL+`
SELECT "label", "current_value", "previous_value", ("current_value" - "previous_value") / "previous_value" AS "growth"
FROM sums
WHERE "previous_value" >= $min_previous AND "previous_value" > 0
ORDER BY 4 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), growth)))
	}
	return out
}

func signalMovers(s *Source, c Candidate, r Result) (float64, string) {
	g := known(r.Floats("growth"))
	if len(g) < 2 {
		return 0, "too few groups had anything before"
	}
	spread := g[0] - g[len(g)-1]
	return clamp(spread/5, 0, .8), fmt.Sprintf("growth runs from %s to %s over %d groups", percent(g[len(g)-1]), percent(g[0]), len(g))
}
