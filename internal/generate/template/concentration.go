package template

import (
	"fmt"

	"millwright/internal/profile"
)

// concentrations ask how much of the whole few groups hold.
func concentrations() []Template {
	return []Template{
		{ID: "topn_other", Kind: Ranking, Prior: .72, Make: makeTopOther, Signal: signalTopOther},
		{ID: "pareto", Kind: Ranking, Prior: .68, Make: makePareto, Signal: signalPareto},
	}
}

// amount adds what is counted: the sum of a measure if one may be added up, else rows.
// It binds @amount, an expression for a GROUP BY, and @present, a condition.
func (d *draft) amount(i int) (said string, ok bool) {
	s := d.s
	pool := s.Additive
	for _, u := range d.c.Uses {
		if u.Part == Axis {
			pool = s.OverTime
		}
	}
	if len(pool) == 0 {
		d.bind("@amount", "CAST(count(*) AS DOUBLE)").bind("@present", "TRUE").bind("@unit", "")
		return "number of " + s.rows(), i == 0
	}
	if i >= len(pool) {
		return "", false
	}
	d.sumOf(pool[i], pool)
	d.unit()
	d.measured("@amount", "sum").bind("@present", "{{measure}} IS NOT NULL")
	return saying("sum", say(pool[i])), true
}

func makeTopOther(s *Source) []Candidate {
	var many []profile.Column
	for _, c := range append(append([]profile.Column(nil), s.Cats...), s.WideDims...) {
		if c.Distinct > 20 {
			many = append(many, c)
		}
	}
	var out []Candidate
	for _, dim := range first(many, 3) {
		d := s.draft("topn_other", Ranking, .72)
		d.group("dim", dim, many)
		// A long list of groups is what this question is for.
		d.fits[0] = .8 * (1 - dim.NullShare())
		said, ok := d.amount(0)
		if !ok {
			continue
		}
		d.whole("n", "So many groups are shown on their own.", 10, 3, 50)
		d.c.MinRows, d.c.Share = 3, "value"
		out = append(out, d.done("Top "+say(dim)+" by "+said+", and the rest",
			fmt.Sprintf("What are the top 10 %s by %s, and how much is everything else?", sayMany(dim), said), `
WITH groups AS (
  SELECT coalesce(CAST({{dim}} AS VARCHAR), '(missing)') AS "label", @amount AS "value"
  FROM @table
  WHERE @present@unit
  GROUP BY 1
), ranked AS (
  SELECT "label", "value", row_number() OVER (ORDER BY "value" DESC NULLS LAST, "label") AS "place" FROM groups
)
SELECT
  CASE WHEN "place" <= $n THEN "label" ELSE '(other)' END AS "label",
  sum("value") AS "value",
  min("place") AS "place",
  count(*) AS "groups"
FROM ranked
GROUP BY CASE WHEN "place" <= $n THEN "place" ELSE $n + 1 END, 1
ORDER BY 3
LIMIT 51`, columnChart(nominal("label", say(dim)), quantitative("value", said))))
	}
	return out
}

func signalTopOther(s *Source, c Candidate, r Result) (float64, string) {
	v := known(r.Floats("value"))
	dim, _ := s.Profile.Column(c.Columns[0])
	n := len(v) - 1
	if n < 2 || total(v) <= 0 {
		return 0, "nothing to compare"
	}
	if g := gini(v[:n]); g < .01 {
		return -1, "all groups are the same size"
	}
	top := total(v[:n]) / total(v)
	even := clamp(float64(n)/float64(dim.Distinct), 0, 1)
	return clamp((top-even)/(1-even+1e-9), 0, 1), fmt.Sprintf("the top %d of %s hold %s of the total, where equal groups would hold %s", n, count(dim.Distinct), percent(top), percent(even))
}

func makePareto(s *Source) []Candidate {
	var dims []profile.Column
	for _, c := range append(append([]profile.Column(nil), s.Cats...), s.WideDims...) {
		if c.Distinct >= 6 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, dim := range first(dims, 3) {
		for i := range 2 {
			d := s.draft("pareto", Ranking, .68)
			d.group("dim", dim, dims)
			said, ok := d.amount(i)
			if !ok || len(s.Additive) > 0 && s.Additive[i].Negative > 0 {
				continue
			}
			d.whole("limit", "At most so many groups.", 50, 1, 5000)
			d.c.MinRows, d.c.Share = 3, "value"
			label, value := nominal("label", say(dim)), quantitative("value", said)
			out = append(out, d.done("Share of "+said+" by "+say(dim),
				fmt.Sprintf("Which values of %s make up most of the %s?", say(dim), said), `
WITH groups AS (
  SELECT coalesce(CAST({{dim}} AS VARCHAR), '(missing)') AS "label", @amount AS "value"
  FROM @table
  WHERE @present@unit
  GROUP BY 1
), positive AS (
  SELECT "label", "value" FROM groups WHERE "value" > 0
)
SELECT
  "label",
  "value",
  "value" / sum("value") OVER () AS "share",
  sum("value") OVER (ORDER BY "value" DESC, "label" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) / sum("value") OVER () AS "cumulative_share"
FROM positive
ORDER BY 2 DESC, 1
LIMIT $limit`, paretoChart(label, value, share("cumulative_share", "cumulative share"))))
		}
	}
	return out
}

func signalPareto(s *Source, c Candidate, r Result) (float64, string) {
	g := gini(r.Floats("value"))
	if g < .05 {
		return -1, fmt.Sprintf("the %d groups are nearly the same size (Gini %.2f)", len(r.Rows), g)
	}
	cum := r.Floats("cumulative_share")
	half := 0
	for half < len(cum) && cum[half] < .8 {
		half++
	}
	return g, fmt.Sprintf("%d of %d groups hold 80%% of the total (Gini %.2f)", min(half+1, len(cum)), len(cum), g)
}
