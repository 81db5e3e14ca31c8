package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

// aggregates put a measure next to what divides it.
func aggregates() []Template {
	return []Template{
		{ID: "agg_by", Kind: Aggregation, Prior: .9, Make: makeAggBy, Signal: signalGroups},
		{ID: "struct_group", Kind: Aggregation, Prior: .78, Make: makeStructGroup, Signal: signalGroups},
		{ID: "ratio_metric", Kind: Aggregation, Prior: .55, Make: makeRatio, Signal: signalRatio},
		{ID: "percentiles", Kind: Aggregation, Prior: .58, Make: makePercentiles, Signal: signalPercentiles},
		{ID: "histogram", Kind: Aggregation, Prior: .62, Make: makeHistogram, Signal: signalHistogram},
	}
}

const aggBySQL = `
SELECT
  {{dim}} AS "label",
  @value AS "value",
  count({{measure}}) AS "n"
FROM @table
WHERE {{dim}} IS NOT NULL@unit
GROUP BY 1
HAVING count({{measure}}) >= $min_rows
ORDER BY 2 DESC NULLS LAST, 1
LIMIT $limit`

func (s *Source) aggBy(id string, prior float64, dim, m profile.Column) Candidate {
	d := s.draft(id, Aggregation, prior)
	d.group("dim", dim, s.Groups)
	agg := d.measure(m, s.Measures, s.TimeBound())
	d.unit().measured("@value", "{{agg}}")
	d.whole("min_rows", "Leave out groups with fewer values than this.", 1, 1, 1000000)
	d.whole("limit", "At most so many groups.", 20, 1, 500)
	d.c.MinRows = 2
	if agg == "sum" {
		d.c.Share = "value"
	}
	name := saying(agg, say(m)) + " by " + say(dim)
	return d.done(name, "What is the "+saying(agg, say(m))+" by "+say(dim)+"?", aggBySQL,
		barChart(nominal("label", say(dim)), quantitative("value", saying(agg, say(m)))))
}

func makeAggBy(s *Source) []Candidate {
	var out []Candidate
	for _, m := range first(s.Measures, 6) {
		for _, dim := range first(s.Groups, 10) {
			if len(dim.Path) == 1 && dim.Name != m.Name {
				out = append(out, s.aggBy("agg_by", .9, dim, m))
			}
		}
	}
	return out
}

// makeStructGroup asks the same of dimensions that live inside an object.
func makeStructGroup(s *Source) []Candidate {
	var out []Candidate
	leaves := 0
	for _, dim := range s.Dims {
		if len(dim.Path) < 2 || leaves == 4 {
			continue
		}
		leaves++
		for _, m := range first(s.Measures, 2) {
			if dim.Name == m.Name {
				continue
			}
			c := s.aggBy("struct_group", .78, dim, m)
			c.Why = append(c.Why, fmt.Sprintf("%s lies %d deep inside %s", say(dim), len(dim.Path)-1, dim.Path[0]))
			out = append(out, c)
		}
	}
	return out
}

// defaultMeasure returns the default column of the candidate's Value use.
func defaultMeasure(c Candidate) (profile.Column, string, bool) {
	for _, u := range c.Uses {
		if u.Part == Value {
			return u.Columns[0], u.Aggs[0], true
		}
	}
	return profile.Column{}, "", false
}

func signalGroups(s *Source, c Candidate, r Result) (float64, string) {
	m, agg, _ := defaultMeasure(c)
	values, n := r.Floats("value"), r.Floats("n")
	means := append([]float64(nil), values...)
	if agg == "sum" {
		for i := range means {
			means[i] /= n[i]
		}
	}
	e := explained(means, n, m.StdDev)
	if agg == "sum" {
		u := unevenness(values)
		return s.between(c, math.Max(e, u)), fmt.Sprintf("totals of the %d groups run from %s to %s (unevenness %.2f), group means explain %s of the variance",
			len(values), short(values[len(values)-1]), short(values[0]), u, percent(e))
	}
	return s.between(c, math.Sqrt(e)), fmt.Sprintf("%s of the %d groups run from %s to %s and explain %s of the variance (epsilon squared)",
		aggWord(agg)+"s", len(values), short(values[len(values)-1]), short(values[0]), percent(e))
}

// ratios names numerators that people divide by what stands next to them.
func ratios() [][2][]string {
	return [][2][]string{
		{{"revenue", "sales", "amount", "total", "gross", "turnover"}, {"orders", "order", "quantity", "qty", "units", "items", "customers", "count"}},
		{{"clicks"}, {"impressions", "views"}},
		{{"conversions", "orders", "purchases"}, {"clicks", "visits", "sessions"}},
		{{"profit", "margin"}, {"revenue", "sales", "amount"}},
		{{"cost", "spend", "expense"}, {"clicks", "orders", "units", "quantity", "qty", "minutes"}},
		{{"deaths", "cases", "passengers", "votes"}, {"population", "flights", "seats", "voters"}},
		{{"distance", "bytes"}, {"minutes", "seconds", "requests", "trips"}},
	}
}

func makeRatio(s *Source) []Candidate {
	if len(s.Dims) == 0 {
		return nil
	}
	var out []Candidate
	for _, pair := range ratios() {
		for _, num := range s.Additive {
			for _, den := range s.Additive {
				if num.Name == den.Name || den.Negative > 0 || !hasWord(num.Name, pair[0]...) || !hasWord(den.Name, pair[1]...) {
					continue
				}
				for _, dim := range first(s.Dims, 2) {
					out = append(out, s.ratio(num, den, dim))
				}
			}
		}
	}
	return first2(out, 6)
}

func (s *Source) ratio(num, den, dim profile.Column) Candidate {
	d := s.draft("ratio_metric", Aggregation, .55)
	d.group("dim", dim, s.Dims)
	d.use(Value, []string{"sum"}, d.choose("numerator", "Numerator", "What is divided.", num, s.Additive)...)
	d.use(Value, []string{"sum"}, d.choose("denominator", "Denominator", "What it is divided by.", den, s.Additive)...)
	d.fit(s.measFit(num))
	d.fit(s.measFit(den))
	d.unit()
	d.whole("limit", "At most so many groups.", 20, 1, 500)
	d.bind("@numerator", s.amount("sum", "{{numerator}}", s.Additive)).bind("@denominator", s.amount("sum", "{{denominator}}", s.Additive))
	d.why("%s and %s are both additive (averages %s and %s) and their names go together", say(num), say(den), short(num.Avg), short(den.Avg))
	d.c.MinRows, d.c.Weighted = 2, true
	cue := fmt.Sprintf("What is %s per %s, by %s?", say(num), say(den), say(dim))
	return d.done(say(num)+" per "+say(den)+" by "+say(dim), cue, `
SELECT
  {{dim}} AS "label",
  CAST(sum({{numerator}}) AS DOUBLE) / nullif(CAST(sum({{denominator}}) AS DOUBLE), 0) AS "ratio",
  @numerator AS "numerator",
  @denominator AS "denominator"
FROM @table
WHERE {{dim}} IS NOT NULL AND {{numerator}} IS NOT NULL AND {{denominator}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("ratio", say(num)+" per "+say(den))))
}

func signalRatio(s *Source, c Candidate, r Result) (float64, string) {
	cv := variation(r.Floats("ratio"))
	return clamp(cv, 0, 1), fmt.Sprintf("the ratio varies by %s of its average across %d groups", percent(cv), len(r.Rows))
}

func first2(cs []Candidate, n int) []Candidate {
	if len(cs) > n {
		return cs[:n]
	}
	return cs
}
