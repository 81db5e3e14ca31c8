package template

import (
	"fmt"
	"math"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// correlations ask which numbers move together.
func correlations() []Template {
	return []Template{
		{ID: "corr_matrix", Kind: Correlation, Prior: .6, Make: makeMatrix, Signal: signalMatrix},
		{ID: "corr_pair", Kind: Correlation, Prior: .7, Make: makePair, Signal: signalPair},
		{ID: "scatter_sample", Kind: Correlation, Prior: .5, Make: makeScatter, Signal: signalScatter},
		{ID: "binned_average", Kind: Correlation, Prior: .5, Make: makeBinned, Signal: signalBinned},
	}
}

// maxMatrix bounds the matrix: 10 columns make 45 pairs.
const maxMatrix = 10

// paired returns the measures that may be correlated.
func (s *Source) paired() []profile.Column { return inOrder(s, first(s.pairable(), maxMatrix)) }

// pairable returns all measures of which two may be compared.
func (s *Source) pairable() []profile.Column {
	var out []profile.Column
	for _, m := range s.Measures {
		// Neighbouring periods of one thing go together as a matter of course.
		if !contains(s.Profile.Facts.WidePeriods, m.Name) && m.NonNull() >= 30 && m.Distinct >= 3 && len(m.Name) <= maxName {
			out = append(out, m)
		}
	}
	return first(out, 60)
}

// Derived reports whether one name contains the other, as n_x and p_x or
// price and price_usd do: such a correlation is true by construction.
func Derived(a, b profile.Column) bool {
	x, y := words(a.Name), words(b.Name)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) == 0 {
		return true
	}
	// The shorter name without its first word is what n_ and p_ have in common.
	return strings.Contains(" "+strings.Join(y, " ")+" ", " "+strings.Join(x, " ")+" ") ||
		len(x) == len(y) && len(x) > 1 && strings.Join(x[1:], " ") == strings.Join(y[1:], " ") && len(x[0]) == 1 && len(y[0]) == 1
}

func makeMatrix(s *Source) []Candidate {
	ms := s.paired()
	if len(ms) < 2 {
		return nil
	}
	d := s.draft("corr_matrix", Correlation, .6)
	var cells, rows []string
	for i, a := range ms {
		d.use(Pair, nil, a)
		d.fit(s.measFit(a))
		for _, b := range ms[i+1:] {
			if Derived(a, b) {
				continue
			}
			n := len(cells) + 1
			x, y := "CAST("+s.expr(a)+" AS DOUBLE)", "CAST("+s.expr(b)+" AS DOUBLE)"
			cells = append(cells, fmt.Sprintf("corr(%s, %s) AS \"r%d\", count(CASE WHEN %s IS NOT NULL AND %s IS NOT NULL THEN 1 END) AS \"n%d\"", x, y, n, s.expr(a), s.expr(b), n))
			rows = append(rows, fmt.Sprintf("SELECT %s AS \"column_a\", %s AS \"column_b\", \"r%d\" AS \"correlation\", \"n%d\" AS \"n\" FROM pairs", literal(a.Name), literal(b.Name), n, n))
		}
	}
	if len(cells) == 0 {
		return nil
	}
	d.unit()
	d.c.MinRows = 2 // a single pair is a question of its own
	d.number("min_strength", "Leave out pairs that are weaker than this.", 0, 0, 1)
	d.why("%d numeric columns make %d pairs that are not derived from each other", len(ms), len(cells))
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	return []Candidate{d.done("Which numbers move together", fmt.Sprintf("Which of %s move together?", sayAll(first(ms, 6))), `
WITH pairs AS (
  SELECT
    @cells
  FROM @table
  WHERE TRUE@unit
)
SELECT "column_a", "column_b", "correlation", "n"
FROM (
  @rows
) AS listed
WHERE "correlation" IS NOT NULL AND abs("correlation") >= $min_strength
ORDER BY abs("correlation") DESC, 1, 2
LIMIT 100`, heatmap(nominal("column_a", ""), nominal("column_b", ""), quantitative("correlation", "correlation")))}
}

// Relate reads the result of a corr_matrix candidate into s.Related, where the
// templates about single pairs find what is worth asking.
func (s *Source) Relate(r Result) {
	s.Related = nil
	a, b, rs, ns := r.Texts("column_a"), r.Texts("column_b"), r.Floats("correlation"), r.Floats("n")
	for i := range a {
		x, okX := s.Profile.Column(a[i])
		y, okY := s.Profile.Column(b[i])
		if okX && okY && significant(rs[i], ns[i], float64(len(a))) {
			s.Related = append(s.Related, Relation{X: x, Y: y, R: rs[i], N: int64(ns[i])})
		}
	}
}

// significant reports whether a correlation is strong enough to speak of, not
// so strong that the columns are one, and unlikely to be chance among m pairs.
func significant(r, n, m float64) bool {
	return n >= 30 && math.Abs(r) >= .3 && math.Abs(r) <= .999 && correlationP(r, n) < .01/math.Max(m, 1)
}

// literal returns text as a SQL literal that cannot be mistaken for a slot.
func literal(text string) string {
	if strings.HasPrefix(text, "{{") {
		return "('{' || " + table.QuoteText(text[1:]) + ")"
	}
	return table.QuoteText(text)
}

func signalMatrix(s *Source, c Candidate, r Result) (float64, string) {
	a, b, rs, ns := r.Texts("column_a"), r.Texts("column_b"), r.Floats("correlation"), r.Floats("n")
	for i := range a {
		if significant(rs[i], ns[i], float64(len(a))) {
			return math.Abs(rs[i]), fmt.Sprintf("of %d pairs, %s and %s go together most: r = %.2f over %s rows", len(a), clip(a[i], 40), clip(b[i], 40), rs[i], short(ns[i]))
		}
	}
	return -1, fmt.Sprintf("none of %d pairs is correlated beyond chance", len(a))
}

// pairDraft starts a candidate about a measured relation, with slots {{x}} and {{y}}.
func (s *Source) pairDraft(id string, prior float64, rel Relation) *draft {
	d := s.draft(id, Correlation, prior)
	ms := inOrder(s, s.pairable())
	for _, side := range []struct {
		name string
		c    profile.Column
	}{{"x", rel.X}, {"y", rel.Y}} {
		cols := d.choose(side.name, strings.ToUpper(side.name), "One of the two numbers.", side.c, ms)
		d.use(Pair, nil, cols...)
		d.fit(s.measFit(side.c))
	}
	d.unit()
	d.why("%s and %s have Pearson's r = %.2f over %s rows, among %d related pairs", say(rel.X), say(rel.Y), rel.R, count(rel.N), len(s.Related))
	return d
}

func (s *Source) related(n int) []Relation { return s.Related[:min(n, len(s.Related))] }

func makePair(s *Source) []Candidate {
	var out []Candidate
	for _, rel := range s.related(3) {
		d := s.pairDraft("corr_pair", .7, rel)
		out = append(out, d.done("Relation of "+say(rel.X)+" and "+say(rel.Y),
			fmt.Sprintf("How strongly is %s related to %s?", say(rel.X), say(rel.Y)), `
WITH pairs AS (
  SELECT CAST({{x}} AS DOUBLE) AS "x", CAST({{y}} AS DOUBLE) AS "y"
  FROM @table
  WHERE {{x}} IS NOT NULL AND {{y}} IS NOT NULL@unit
), ranks AS (
  SELECT "x", "y",
    CAST(rank() OVER (ORDER BY "x") AS DOUBLE) + (count(*) OVER (PARTITION BY "x") - 1) / 2.0 AS "rank_x",
    CAST(rank() OVER (ORDER BY "y") AS DOUBLE) + (count(*) OVER (PARTITION BY "y") - 1) / 2.0 AS "rank_y"
  FROM pairs
)
SELECT
  corr(CAST("rank_x" AS DOUBLE), CAST("rank_y" AS DOUBLE)) AS "spearman",
  corr("x", "y") AS "pearson",
  regr_slope("y", "x") AS "slope",
  regr_intercept("y", "x") AS "intercept",
  count(*) AS "n"
FROM ranks`, kpiChart()))
	}
	return out
}

func signalPair(s *Source, c Candidate, r Result) (float64, string) {
	rho, n := r.Floats("spearman"), r.Floats("n")
	if len(rho) != 1 || math.IsNaN(rho[0]) || !significant(rho[0], n[0], float64(max(len(s.Related), 1))) {
		return -1, "the ranks are not related beyond chance"
	}
	return math.Abs(rho[0]), fmt.Sprintf("Spearman's rho is %.2f over %s rows, Pearson's r %.2f", rho[0], short(n[0]), r.Floats("pearson")[0])
}

func makeScatter(s *Source) []Candidate {
	var out []Candidate
	for _, rel := range s.related(2) {
		d := s.pairDraft("scatter_sample", .5, rel)
		d.whole("n", "So many rows, spread over the table.", 1000, 1, 10000)
		var keys []string
		for _, c := range s.Ties {
			keys = append(keys, "coalesce(CAST("+s.expr(c)+" AS VARCHAR), '')")
		}
		if len(keys) == 0 {
			keys = []string{"'row'"}
		}
		d.bind("@spread", s.Dialect.Hash(strings.Join(keys, " || '|' || ")))
		d.c.MinRows = 30
		out = append(out, d.done(say(rel.X)+" against "+say(rel.Y),
			fmt.Sprintf("What does %s look like against %s?", say(rel.Y), say(rel.X)), `
SELECT CAST({{x}} AS DOUBLE) AS "x", CAST({{y}} AS DOUBLE) AS "y"
FROM @table
WHERE {{x}} IS NOT NULL AND {{y}} IS NOT NULL@unit
ORDER BY @spread, 1, 2
LIMIT $n`, pointChart(quantitative("x", say(rel.X)), quantitative("y", say(rel.Y)))))
	}
	return out
}

func signalScatter(s *Source, c Candidate, r Result) (float64, string) {
	for _, rel := range s.Related {
		if contains(c.Columns, rel.X.Name) && contains(c.Columns, rel.Y.Name) {
			return math.Abs(rel.R), fmt.Sprintf("%d points of a relation with r = %.2f", len(r.Rows), rel.R)
		}
	}
	return -1, "the pair is not related"
}

func makeBinned(s *Source) []Candidate {
	var out []Candidate
	for _, rel := range s.related(2) {
		if rel.X.Distinct < 20 {
			continue
		}
		d := s.pairDraft("binned_average", .5, rel)
		d.whole("groups", "The rows are cut into so many equal groups by the first number.", 10, 2, 100)
		d.c.MinRows = 3
		out = append(out, d.done("Average "+say(rel.Y)+" as "+say(rel.X)+" grows",
			fmt.Sprintf("How does the average %s change as %s grows?", say(rel.Y), say(rel.X)), `
WITH pairs AS (
  SELECT CAST({{x}} AS DOUBLE) AS "x", CAST({{y}} AS DOUBLE) AS "y"
  FROM @table
  WHERE {{x}} IS NOT NULL AND {{y}} IS NOT NULL@unit
), placed AS (
  SELECT "x", "y", ((row_number() OVER (ORDER BY "x", "y") - 1) * $groups) / count(*) OVER () AS "part" FROM pairs
)
SELECT CAST(floor("part") AS BIGINT) + 1 AS "group", min("x") AS "from_x", max("x") AS "to_x", avg("y") AS "average_y", count(*) AS "n"
FROM placed
GROUP BY 1
ORDER BY 1
LIMIT 100`, lineChart(quantitative("from_x", say(rel.X)), quantitative("average_y", "average "+say(rel.Y)))))
	}
	return out
}

func signalBinned(s *Source, c Candidate, r Result) (float64, string) {
	y := known(r.Floats("average_y"))
	tau, p := kendall(y)
	if len(y) < 3 {
		return -1, "too few groups"
	}
	return math.Abs(tau) * .9, fmt.Sprintf("the average runs from %s to %s over %d groups (tau %.2f, p %.3f)", short(y[0]), short(y[len(y)-1]), len(y), tau, p)
}
