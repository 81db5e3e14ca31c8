package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

func outliers() []Template {
	return []Template{{ID: "outliers_mad", Kind: Ranking, Prior: .5, Make: makeOutliers, Signal: signalOutliers}}
}

// makeOutliers asks for rows far from the median, in units of the median
// deviation (Iglewicz and Hoaglin), which extreme values do not move.
func makeOutliers(s *Source) []Candidate {
	if len(s.Ties) == 0 {
		return nil
	}
	var out []Candidate
	for _, m := range first(s.Measures, 4) {
		if m.NonNull() < 20 || m.Q1 == m.Q3 {
			continue
		}
		d := s.draft("outliers_mad", Ranking, .5)
		d.use(Show, nil, d.choose("measure", "Measure", "The number that is unusual.", m, s.Measures)...)
		d.fit(s.measFit(m))
		skip := []profile.Column{m}
		label := ""
		if name, ok := s.name(); ok {
			label = "\n    " + s.expr(name) + ` AS "label",`
			d.use(Show, nil, name)
			skip = append(skip, name)
		}
		d.unit()
		d.number("threshold", "How unusual: deviations from the median.", 3.5, 2, 10)
		d.whole("limit", "At most so many rows.", 50, 1, 1000)
		d.why("%s has a median of %s and quartiles of %s and %s over %s values", say(m), short(m.Median), short(m.Q1), short(m.Q3), count(m.NonNull()))
		context, n := s.context(3, skip, "label", "value", "median", "mad", "modified_z", "unusual_rows", "known_rows")
		if label != "" {
			n++
		}
		d.bind("@label", label).bind("@context", context).bind("@all", ordinals(n+1))
		d.bind("@median", s.Dialect.Quantile("CAST({{measure}} AS DOUBLE)", .5))
		d.bind("@mad", s.Dialect.Quantile(`abs("value" - "median")`, .5))
		out = append(out, d.done("Unusual "+say(m),
			fmt.Sprintf("Which %s have an unusually high or low %s?", s.rows(), say(m)), `
WITH middle AS (
  SELECT @median AS "median" FROM @table WHERE {{measure}} IS NOT NULL@unit
), spread AS (
  SELECT @mad AS "mad", count(*) AS "known_rows"
  FROM (SELECT CAST({{measure}} AS DOUBLE) AS "value" FROM @table WHERE {{measure}} IS NOT NULL@unit) AS known CROSS JOIN middle
), cells AS (
  SELECT@label
    CAST({{measure}} AS DOUBLE) AS "value"@context
  FROM @table
  WHERE {{measure}} IS NOT NULL@unit
)
SELECT cells.*, "median", 0.6745 * ("value" - "median") / "mad" AS "modified_z", count(*) OVER () AS "unusual_rows", "known_rows"
FROM cells CROSS JOIN middle CROSS JOIN spread
WHERE "mad" > 0 AND 0.6745 * abs("value" - "median") / "mad" > $threshold
ORDER BY abs("value" - "median") DESC, @all
LIMIT $limit`, tableChart()))
	}
	return out
}

func signalOutliers(s *Source, c Candidate, r Result) (float64, string) {
	n, unusual := known(r.Floats("known_rows")), known(r.Floats("unusual_rows"))
	if len(n) == 0 || n[0] == 0 || len(unusual) == 0 {
		return -1, "nothing is unusual"
	}
	shareOf := unusual[0] / n[0]
	if shareOf > .05 {
		return -1, fmt.Sprintf("%s of rows are unusual, which is usual", percent(shareOf))
	}
	z := known(r.Floats("modified_z"))
	worst := 0.0
	for _, x := range z {
		worst = math.Max(worst, math.Abs(x))
	}
	return clamp(1-math.Abs(shareOf-.01)/.05, .1, 1), fmt.Sprintf("%s rows (%s) lie beyond 3.5 deviations, the farthest at %s", short(unusual[0]), percent(shareOf), short(worst))
}

// ordinals returns 1, 2, ... n: an order by every column that is shown, so that
// rows which still tie look the same.
func ordinals(n int) string {
	text := "1"
	for i := 2; i <= n; i++ {
		text += fmt.Sprintf(", %d", i)
	}
	return text
}
