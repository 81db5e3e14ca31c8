package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

func makePercentiles(s *Source) []Candidate {
	var dims []profile.Column
	for _, c := range s.Dims {
		if c.Distinct <= 20 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, m := range first(s.Measures, 3) {
		if m.NonNull() < 20 {
			continue
		}
		for _, dim := range first(dims, 2) {
			if dim.Name != m.Name {
				out = append(out, s.percentiles(dim, m, dims))
			}
		}
	}
	return out
}

func (s *Source) percentiles(dim, m profile.Column, dims []profile.Column) Candidate {
	d := s.draft("percentiles", Aggregation, .58)
	d.group("dim", dim, dims)
	cols := d.choose("measure", "Measure", "The number whose spread is shown.", m, s.Measures)
	d.use(Value, []string{"median", "min", "max"}, cols...)
	d.fit(s.measFit(m))
	d.whyMeasure(m, []string{"median"})
	d.unit()
	d.whole("limit", "At most so many groups.", 20, 1, 500)
	q := func(p float64) string {
		return "CAST(" + s.Dialect.Quantile("CAST({{measure}} AS DOUBLE)", p) + " AS DOUBLE)"
	}
	d.bind("@p25", q(.25)).bind("@p50", q(.5)).bind("@p75", q(.75)).bind("@p95", q(.95))
	d.c.MinRows = 2
	return d.done("Spread of "+say(m)+" by "+say(dim),
		fmt.Sprintf("What are the median and the percentiles of %s by %s?", say(m), say(dim)), `
SELECT
  {{dim}} AS "label",
  count({{measure}}) AS "n",
  CAST(min({{measure}}) AS DOUBLE) AS "lowest",
  @p25 AS "p25",
  @p50 AS "median",
  @p75 AS "p75",
  @p95 AS "p95",
  CAST(max({{measure}}) AS DOUBLE) AS "highest"
FROM @table
WHERE {{dim}} IS NOT NULL AND {{measure}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("median", "median "+say(m))))
}

func signalPercentiles(s *Source, c Candidate, r Result) (float64, string) {
	m, _, _ := defaultMeasure(c)
	medians := known(r.Floats("median"))
	if len(medians) < 2 || m.StdDev == 0 {
		return 0, "fewer than two groups have a median"
	}
	lo, hi := medians[0], medians[0]
	for _, x := range medians {
		lo, hi = math.Min(lo, x), math.Max(hi, x)
	}
	sig := clamp((hi-lo)/m.StdDev/2, 0, 1)
	return sig, fmt.Sprintf("the medians of %d groups lie between %s and %s, which is %s standard deviations", len(medians), short(lo), short(hi), short((hi-lo)/m.StdDev))
}

func makeHistogram(s *Source) []Candidate {
	var fits []profile.Column
	for _, m := range s.Measures {
		if m.Distinct >= 15 && m.StdDev > 0 {
			fits = append(fits, m)
		}
	}
	for _, m := range s.Angles {
		if m.Distinct >= 15 {
			s.fits["measure "+m.Name] = .6
			fits = append(fits, m)
		}
	}
	var out []Candidate
	for _, m := range append(append([]profile.Column(nil), first(fits, 3)...), first(s.Angles, 1)...) {
		if !named(fits, m.Name) {
			continue
		}
		d := s.draft("histogram", Aggregation, .62)
		cols := d.choose("measure", "Measure", "The number whose distribution is shown.", m, fits)
		d.use(Show, nil, cols...)
		d.fit(s.measFit(m))
		d.unit()
		d.whole("bins", "So many ranges of equal width.", 20, 5, 100)
		d.why("%s has %s distinct values between %s and %s", say(m), count(m.Distinct), clip(m.Min, 30), clip(m.Max, 30))
		lo, hi := `min("value")`, `max("value")`
		if m.Kurtosis > 10 {
			// A few extreme values would squeeze all others into one bar.
			lo, hi = s.Dialect.Quantile(`"value"`, .01), s.Dialect.Quantile(`"value"`, .99)
			d.why("excess kurtosis is %s, so the lowest and highest 1%% are left out", short(m.Kurtosis))
		}
		d.bind("@lo", lo).bind("@hi", hi)
		d.c.MinRows = 3
		out = append(out, d.done("Distribution of "+say(m), "How is "+say(m)+" distributed?", histogramSQL,
			columnChart(quantitative("bin_start", say(m)), quantitative("row_count", s.rows()))))
	}
	return out
}

const histogramSQL = `
WITH known AS (
  SELECT CAST({{measure}} AS DOUBLE) AS "value" FROM @table WHERE {{measure}} IS NOT NULL@unit
), bounds AS (
  SELECT @lo AS "lo", @hi AS "hi" FROM known
), placed AS (
  SELECT "lo", ("hi" - "lo") / $bins AS "width",
    CASE WHEN "value" >= "hi" THEN CASE WHEN "hi" > "lo" THEN $bins - 1 ELSE 0 END
      ELSE CAST(floor(("value" - "lo") / ("hi" - "lo") * $bins) AS BIGINT) END AS "bin"
  FROM known CROSS JOIN bounds
  WHERE "value" BETWEEN "lo" AND "hi"
)
SELECT
  "bin",
  min("lo" + "bin" * "width") AS "bin_start",
  min("lo" + ("bin" + 1) * "width") AS "bin_end",
  count(*) AS "row_count"
FROM placed
GROUP BY 1
ORDER BY 1
LIMIT 200`

func signalHistogram(s *Source, c Candidate, r Result) (float64, string) {
	m, _ := s.Profile.Column(c.Columns[0])
	n := r.Floats("row_count")
	peaks := 0
	for i := range n {
		left, right := 0.0, 0.0
		if i > 0 {
			left = n[i-1]
		}
		if i+1 < len(n) {
			right = n[i+1]
		}
		// A peak that is no taller than noise is none.
		if n[i] > left && n[i] > right && n[i]-math.Max(left, right) > 2*math.Sqrt(n[i]) {
			peaks++
		}
	}
	top := append([]float64(nil), n...)
	share := topShare(top, 3)
	sig := 0.0
	if peaks >= 2 {
		sig += .35
	}
	if share > .5 {
		sig += .25
	}
	if math.Abs(m.Skew) > 1 {
		sig += .30
	}
	return sig + .1, fmt.Sprintf("%d bins with %d clear peaks; the fullest three hold %s, skewness is %s", len(n), peaks, percent(share), short(m.Skew))
}
