package template

import (
	"fmt"

	"millwright/internal/program"
)

func cohorts() []Template {
	return []Template{{ID: "cohort", Kind: TimeSeries, Prior: .45, Make: makeCohort, Signal: signalCohort}}
}

// makeCohort asks who comes back, month by month.
func makeCohort(s *Source) []Candidate {
	if len(s.Times) == 0 || s.span(s.Times[0]) < 90 || s.Profile.Facts.Panel {
		return nil
	}
	t := s.Times[0]
	for _, e := range s.entities() {
		if float64(e.NonNull())/float64(e.Distinct) < 1.5 || e.Distinct < 20 {
			continue
		}
		d := s.draft("cohort", TimeSeries, .45)
		d.use(Show, nil, d.choose("entity", "Entity", "The column that says who came.", e, s.entities())...)
		d.use(Axis, nil, d.choose("time", "Time", "When they came.", t, s.Times)...)
		d.fit(s.timeFit(t))
		d.fit(.8)
		d.slot(program.Slot{Name: "grain", Type: program.Grain, Label: "Per", Description: "The length of a period.", Default: "month", Values: []any{"month"}})
		d.whole("periods", "So many periods after the first.", 6, 1, 24)
		d.why("%s has %s distinct values with %s rows each over %s days", say(e), count(e.Distinct), short(float64(e.NonNull())/float64(e.Distinct)), short(s.span(t)))
		d.bind("@distance", s.Dialect.Months(`firsts."cohort"`, `visits."period"`))
		d.c.MinRows = 3
		return []Candidate{d.done("Returning "+say(e),
			fmt.Sprintf("Of the %s first seen in each month, how many come back later?", say(e)), `
WITH visits AS (
  SELECT DISTINCT {{entity}} AS "entity", date_trunc({{grain}}, {{time}}) AS "period"
  FROM @table
  WHERE {{entity}} IS NOT NULL AND {{time}} IS NOT NULL
), firsts AS (
  SELECT "entity", min("period") AS "cohort" FROM visits GROUP BY 1
), sizes AS (
  SELECT "cohort", count(*) AS "size" FROM firsts GROUP BY 1
), returns AS (
  SELECT firsts."cohort" AS "cohort", @distance AS "periods_later", count(*) AS "active"
  FROM visits JOIN firsts ON firsts."entity" = visits."entity"
  GROUP BY 1, 2
)
SELECT returns."cohort" AS "cohort", sizes."size" AS "size", returns."periods_later" AS "periods_later", returns."active" AS "active",
  CAST(returns."active" AS DOUBLE) / sizes."size" AS "retention"
FROM returns JOIN sizes ON sizes."cohort" = returns."cohort"
WHERE returns."periods_later" <= $periods
ORDER BY 1, 3
LIMIT 5000`, heatmap(ordinal("periods_later", "months later"), temporal("cohort", "first seen"), share("retention", "came back")))}
	}
	return nil
}

func signalCohort(s *Source, c Candidate, r Result) (float64, string) {
	later, rate := r.Floats("periods_later"), r.Floats("retention")
	var again []float64
	for i, p := range later {
		if p > 0 {
			again = append(again, rate[i])
		}
	}
	if len(again) < 2 {
		return -1, "nobody came back"
	}
	m, sd := moments(again)
	return clamp(.2+sd*3+m*.3, 0, 1), fmt.Sprintf("%d cohort periods with %s retention on average, spread %s", len(again), percent(m), percent(sd))
}
