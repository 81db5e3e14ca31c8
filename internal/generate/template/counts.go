package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
)

// counts are questions of the form: how many rows per value.
func counts() []Template {
	return []Template{
		{ID: "count_by", Kind: Aggregation, Prior: .8, Make: makeCountBy, Signal: signalShares},
		{ID: "geo_region", Kind: Aggregation, Prior: .82, Make: makeRegions, Signal: signalShares},
		{ID: "distinct_values", Kind: Filtering, Prior: .5, Make: makeDistinct, Signal: signalDistinct},
	}
}

const countBySQL = `
SELECT
  {{dim}} AS "label",
  count(*) AS "row_count",
  CAST(count(*) AS DOUBLE) / sum(count(*)) OVER () AS "share"
FROM @table
WHERE {{dim}} IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`

func makeCountBy(s *Source) []Candidate {
	var out []Candidate
	for _, dim := range first(s.Groups, 14) {
		if dim.Role == profile.Country || dim.Role == profile.Region {
			continue // geo_region asks the same with a map
		}
		d := s.draft("count_by", Aggregation, .8)
		d.group("dim", dim, s.Groups)
		d.whole("limit", "At most so many groups.", 20, 1, 500)
		d.c.MinRows, d.c.Share = 2, "row_count"
		label, rows := nominal("label", say(dim)), quantitative("row_count", s.rows())
		chart := barChart(label, rows)
		if dim.Distinct <= 5 && dim.ModeShare < .9 && dim.Role != profile.OrdinalInt {
			chart = pieChart(label, rows)
		}
		out = append(out, d.done(s.rows()+" by "+say(dim),
			fmt.Sprintf("How many %s are there per %s?", s.rows(), say(dim)), countBySQL, chart))
	}
	return out
}

func signalShares(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	if len(n) < 2 {
		return 0, "only one group"
	}
	u := unevenness(n)
	if u < .01 {
		return -1, fmt.Sprintf("all %d groups hold about %s rows", len(n), short(n[0]))
	}
	return u, fmt.Sprintf("the %d groups hold %s to %s rows each: unevenness %.2f",
		len(n), short(n[len(n)-1]), short(n[0]), u)
}

func makeRegions(s *Source) []Candidate {
	var out []Candidate
	for _, region := range first(s.Regions, 3) {
		if region.Distinct < 2 || region.ModeShare >= .95 {
			continue
		}
		d := s.draft("geo_region", Aggregation, .82)
		d.group("region", region, s.Regions)
		value, cue := "", fmt.Sprintf("Where are the %s: how many per %s?", s.rows(), say(region))
		if len(s.Measures) > 0 {
			agg := d.measure(s.bestMeasure(), s.Measures, s.TimeBound())
			value = ",\n  " + d.ofMeasure("{{agg}}") + " AS \"value\""
			cue = fmt.Sprintf("Where are the %s: how many, and what %s, per %s?", s.rows(), saying(agg, say(s.bestMeasure())), say(region))
		}
		d.unitOnlyWithMeasure(s)
		d.whole("limit", "At most so many regions.", 250, 1, 1000)
		d.bind("@value", value)
		d.c.MinRows, d.c.Share = 2, "row_count"
		out = append(out, d.done(s.rows()+" by "+say(region), cue, `
SELECT
  {{region}} AS "region",
  count(*) AS "row_count"@value
FROM @table
WHERE {{region}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("region", say(region)), quantitative("row_count", s.rows()))))
	}
	return out
}

// bestMeasure returns the measure that a question without a better idea is about.
func (s *Source) bestMeasure() profile.Column {
	if len(s.Additive) > 0 && s.measFit(s.Additive[0]) >= .7*s.measFit(s.Measures[0]) {
		return s.Additive[0]
	}
	return s.Measures[0]
}

func makeDistinct(s *Source) []Candidate {
	all := append(append([]profile.Column(nil), s.Dims...), s.WideDims...)
	var out []Candidate
	// What has few values is better asked with count_by; wide columns come first.
	for _, dim := range first(append(append([]profile.Column(nil), s.WideDims...), s.Dims...), 3) {
		if dim.Distinct > 1000 || dim.Distinct <= 20 {
			continue
		}
		d := s.draft("distinct_values", Filtering, .5)
		d.group("column", dim, all)
		d.whole("limit", "At most so many values.", 100, 1, 1000)
		d.c.Program.Slots = append(d.c.Program.Slots, program.Slot{Name: "contains", Type: program.String, Label: "Contains",
			Description: "Keep only values that hold this text, in any case; empty means all."})
		d.bind("@match", s.Dialect.HasText("lower(CAST({{column}} AS VARCHAR))", "lower($contains)"))
		d.c.MinRows = 2
		out = append(out, d.done("Values of "+say(dim),
			fmt.Sprintf("Which values of %s exist, and how often?", say(dim)), `
SELECT {{column}} AS "value", count(*) AS "row_count"
FROM @table
WHERE {{column}} IS NOT NULL
  AND ($contains IS NULL OR @match)
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, tableChart()))
	}
	return out
}

func signalDistinct(s *Source, c Candidate, r Result) (float64, string) {
	col, _ := s.Profile.Column(c.Columns[0])
	fit := .3
	if col.Distinct > 20 {
		fit = .6
	}
	return fit, fmt.Sprintf("%s lists %s of %s distinct values", strings.ToLower(c.Program.Name), count(len(r.Rows)), count(col.Distinct))
}
