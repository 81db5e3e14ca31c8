package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
)

// panels are questions for tables that repeat the same things for every period,
// and for tables that have a column per period.
func panels() []Template {
	return []Template{
		{ID: "latest_cross_section", Kind: Ranking, Prior: .75, Make: makeCrossSection, Signal: signalTopPanel},
		{ID: "panel_change", Kind: Comparison, Prior: .7, Make: makePanelChange, Signal: signalPanelChange},
		{ID: "unpivot_wide", Kind: TimeSeries, Prior: .7, Make: makeUnpivot, Signal: signalSeries},
	}
}

// panel returns the columns of a panel: what repeats, and its periods.
func (s *Source) panel() (entity, at profile.Column, ok bool) {
	f := s.Profile.Facts
	if !f.Panel {
		return entity, at, false
	}
	entity, okE := s.Profile.Column(f.PanelEntity)
	at, okT := s.Profile.Column(f.PanelTime)
	return entity, at, okE && okT && len(s.Measures) > 0 && len(entity.Name) <= maxName && len(at.Name) <= maxName
}

func makeCrossSection(s *Source) []Candidate {
	entity, at, ok := s.panel()
	if !ok {
		return nil
	}
	var out []Candidate
	for _, m := range first(s.Measures, 2) {
		d := s.draft("latest_cross_section", Ranking, .75)
		d.use(Show, nil, d.choose("measure", "Measure", "The number that decides the order.", m, s.Measures)...)
		d.use(Show, nil, entity)
		d.use(Show, nil, at)
		d.fit(s.measFit(m))
		d.unit()
		d.whole("n", "So many.", 20, 1, 1000)
		d.why("%s has %s values for each of %s periods of %s", say(entity), count(entity.Distinct), count(at.Distinct), say(at))
		d.bind("@entity", s.expr(entity)).bind("@at", s.expr(at))
		d.c.MinRows, d.c.OnePeriod = 2, true
		out = append(out, d.done("Latest "+say(m)+" by "+say(entity), fmt.Sprintf("Which %s has the highest %s in the latest %s?", say(entity), say(m), say(at)), `
SELECT @entity AS "label", {{measure}} AS "value", @at AS "period"
FROM @table
WHERE {{measure}} IS NOT NULL AND @at = (SELECT max(@at) FROM @table)@unit
ORDER BY 2 DESC, 1
LIMIT $n`, barChart(nominal("label", say(entity)), quantitative("value", say(m)))))
	}
	return out
}

func signalTopPanel(s *Source, c Candidate, r Result) (float64, string) {
	v := known(r.Floats("value"))
	if len(v) < 2 {
		return 0, "the latest period has fewer than two values"
	}
	cv := clamp(variation(v), 0, 1)
	return .3 + .7*cv, fmt.Sprintf("in the latest period values run from %s to %s over %d rows", short(v[len(v)-1]), short(v[0]), len(v))
}

func makePanelChange(s *Source) []Candidate {
	entity, at, ok := s.panel()
	if !ok {
		return nil
	}
	m := s.Measures[0]
	d := s.draft("panel_change", Comparison, .7)
	d.use(Show, nil, d.choose("measure", "Measure", "The number whose change is shown.", m, s.Measures)...)
	d.use(Show, nil, entity)
	d.use(Show, nil, at)
	d.fit(s.measFit(m))
	d.unit()
	d.whole("limit", "At most so many.", 20, 1, 500)
	d.why("%s has values from %s to %s for %s %s", say(m), clip(at.Min, 20), clip(at.Max, 20), count(entity.Distinct), say(entity))
	d.bind("@entity", s.expr(entity)).bind("@at", s.expr(at))
	d.c.MinRows = 2
	return []Candidate{d.done("Change of "+say(m)+" by "+say(entity), fmt.Sprintf("Which %s changed most in %s from the first to the last %s?", say(entity), say(m), say(at)), `
WITH cells AS (
  SELECT @entity AS "label", @at AS "period", CAST({{measure}} AS DOUBLE) AS "value",
    row_number() OVER (PARTITION BY @entity ORDER BY @at) AS "from_start",
    row_number() OVER (PARTITION BY @entity ORDER BY @at DESC) AS "from_end"
  FROM @table
  WHERE @entity IS NOT NULL AND @at IS NOT NULL AND {{measure}} IS NOT NULL@unit
), ends AS (
  SELECT "label", max(CASE WHEN "from_start" = 1 THEN "value" END) AS "first_value", max(CASE WHEN "from_end" = 1 THEN "value" END) AS "last_value"
  FROM cells
  GROUP BY 1
)
SELECT "label", "first_value", "last_value", "last_value" - "first_value" AS "change", ("last_value" - "first_value") / nullif(abs("first_value"), 0) AS "growth"
FROM ends
ORDER BY abs("last_value" - "first_value") DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", say(entity)), quantitative("change", "change of "+say(m))))}
}

func signalPanelChange(s *Source, c Candidate, r Result) (float64, string) {
	m, _ := s.Profile.Column(c.Columns[0])
	change := known(r.Floats("change"))
	if len(change) < 2 || m.StdDev == 0 {
		return 0, "too few changes"
	}
	_, sd := moments(change)
	return clamp(.2+sd/m.StdDev, 0, 1), fmt.Sprintf("the largest change of %d is %s, against a spread of %s", len(change), short(change[0]), short(m.StdDev))
}

// makeUnpivot adds up columns that are named as periods.
func makeUnpivot(s *Source) []Candidate {
	var cells, rows []string
	d := s.draft("unpivot_wide", TimeSeries, .7)
	for _, name := range s.Profile.Facts.WidePeriods {
		c, ok := s.Profile.Column(name)
		if !ok || !s.valueType(c).IsNumeric() || len(cells) == 100 {
			continue
		}
		d.c.Columns = append(d.c.Columns, c.Name)
		d.fit(1 - c.NullShare())
		n := len(cells) + 1
		cells = append(cells, fmt.Sprintf("%s AS \"s%d\", %s AS \"a%d\"", s.amount("sum", s.expr(c), []profile.Column{c}), n, s.amount("avg", s.expr(c), []profile.Column{c}), n))
		rows = append(rows, fmt.Sprintf("SELECT %d AS \"position\", %s AS \"period\", \"s%d\" AS \"value\", \"a%d\" AS \"average\" FROM sums", n, literal(name), n, n))
	}
	if len(cells) < 6 {
		return nil
	}
	d.whole("limit", "At most so many periods.", 100, 1, 1000)
	d.why("%d numeric columns are named as periods, from %s to %s", len(cells), d.c.Columns[0], d.c.Columns[len(cells)-1])
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	d.c.MinRows = 3
	x := ordinal("period", "period")
	return []Candidate{d.done("Totals per period", fmt.Sprintf("How do the totals change from %s to %s?", d.c.Columns[0], d.c.Columns[len(cells)-1]), `
WITH sums AS (
  SELECT
    @cells
  FROM @table
)
SELECT "period", "value", "average"
FROM (
  @rows
) AS listed
ORDER BY "position"
LIMIT $limit`, columnChart(x, quantitative("value", "total")))}
}
