package template

import (
	"fmt"
	"math"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// glances show many columns at once: what a person looks at before asking more.
func glances() []Template {
	return []Template{
		{ID: "measure_summary", Kind: Aggregation, Prior: .5, Make: makeSummary, Signal: signalSummary},
		{ID: "facets", Kind: Aggregation, Prior: .5, Make: makeFacets, Signal: signalFacets},
		{ID: "time_spans", Kind: Aggregation, Prior: .45, Make: makeTimeSpans, Signal: signalTimeSpans},
		{ID: "distinct_counts", Kind: Aggregation, Prior: .45, Make: makeDistinctCounts, Signal: signalDistinctCounts},
	}
}

// maxSummary bounds the numbers of one summary.
const maxSummary = 30

func makeSummary(s *Source) []Candidate {
	ms := inOrder(s, short512(first(s.averageable(s.Measures), maxSummary)))
	if len(ms) < 3 {
		return nil
	}
	d := s.draft("measure_summary", Aggregation, .5)
	var cells, rows []string
	for i, m := range ms {
		d.use(Value, []string{"avg", "min", "max"}, m)
		d.fit(s.measFit(m))
		x := "CAST(" + s.expr(m) + " AS DOUBLE)"
		cells = append(cells, fmt.Sprintf(`count(%s) AS "n%d", avg(%s) AS "a%d", min(%s) AS "l%d", %s AS "m%d", max(%s) AS "h%d"`,
			s.expr(m), i, x, i, x, i, s.Dialect.Quantile(x, .5), i, x, i))
		rows = append(rows, fmt.Sprintf(`SELECT %d AS "place", %s AS "measure", "n%d" AS "n", "a%d" AS "average", "l%d" AS "lowest", "m%d" AS "median", "h%d" AS "highest" FROM totals`,
			i+1, literal(m.Name), i, i, i, i, i))
	}
	d.unit()
	d.whole("limit", "At most so many numbers.", int64(len(ms)), 1, maxSummary)
	d.why("%d numeric columns, of which %s varies most for its size", len(ms), say(s.Measures[0]))
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	d.c.MinRows = 3
	return []Candidate{d.done("The numbers of "+s.rows(), fmt.Sprintf("What are the average, the lowest and the highest of %s?", several(ms)), `
WITH totals AS (
  SELECT
    @cells
  FROM @table
  WHERE TRUE@unit
)
SELECT "measure", "n", "average", "lowest", "median", "highest"
FROM (
  @rows
) AS listed
ORDER BY "place"
LIMIT $limit`, tableChart())}
}

// short512 leaves out columns whose names are too long to be repeated in SQL.
func short512(cols []profile.Column) []profile.Column {
	var out []profile.Column
	for _, c := range cols {
		if len(c.Name) <= maxName {
			out = append(out, c)
		}
	}
	return out
}

// several names the first columns and says how many more there are.
func several(cols []profile.Column) string {
	if len(cols) <= 4 {
		return sayAll(cols)
	}
	names := make([]string, 0, 4)
	for _, c := range cols[:3] {
		names = append(names, say(c))
	}
	return list(append(names, fmt.Sprintf("%d more", len(cols)-3)))
}

func signalSummary(s *Source, c Candidate, r Result) (float64, string) {
	avg := known(r.Floats("average"))
	if len(avg) == 0 {
		return -1, "no number has a value"
	}
	return .5, fmt.Sprintf("%d numbers side by side (signal 0.50)", len(avg))
}

// maxFacets bounds the columns of one list of facets.
const maxFacets = 20

func makeFacets(s *Source) []Candidate {
	var dims []profile.Column
	for _, c := range short512(s.Groups) {
		if c.Role != profile.ForeignKey && c.Distinct <= 100 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, part := range inParts(s, dims, maxFacets, 5) {
		if len(part.cols) >= 3 {
			out = append(out, s.facets(part))
		}
	}
	return out
}

// A part is some of many columns: those of one object, or those of the table itself.
type part struct {
	of   string // the object; empty for the table's own columns
	cols []profile.Column
}

// inParts cuts columns into parts of at most so many, those of one object together,
// the part with the fittest column first.
func inParts(s *Source, cols []profile.Column, most, n int) []part {
	if len(cols) <= most {
		return []part{{cols: inOrder(s, cols)}}
	}
	var parts []part
	at := map[string]int{}
	add := func(of string, c profile.Column) {
		i, known := at[of]
		if !known || len(parts[i].cols) == most {
			at[of], i = len(parts), len(parts)
			parts = append(parts, part{of: of})
		}
		parts[i].cols = append(parts[i].cols, c)
	}
	for _, c := range cols {
		if len(c.Path) > 1 {
			add(c.Path[0], c)
		} else {
			add("", c)
		}
	}
	// What is alone in its object is shown with others that are.
	var kept []part
	var alone []profile.Column
	for _, p := range parts {
		if len(p.cols) < 3 {
			alone = append(alone, p.cols...)
		} else {
			kept = append(kept, part{p.of, inOrder(s, p.cols)})
		}
	}
	for len(alone) > 0 {
		k := min(len(alone), most)
		kept = append(kept, part{cols: inOrder(s, alone[:k])})
		alone = alone[k:]
	}
	if len(kept) > n {
		kept = kept[:n]
	}
	return kept
}

// read binds @read, a WITH item that reads the columns once, where reading each by
// itself would read whole objects again and again. It returns the FROM item, and
// what the columns are called in it.
func (d *draft) read(cols []profile.Column) (from string, names []string) {
	deep := false
	for _, c := range cols {
		deep = deep || len(c.Path) > 1
		names = append(names, d.s.expr(c))
	}
	if !deep || d.s.Profile.Rows > 200_000 {
		d.bind("@read", "")
		return table.Quote(d.s.Profile.Table), names
	}
	exprs := make([]string, len(cols))
	for i := range cols {
		exprs[i] = fmt.Sprintf(`%s AS "c%d"`, names[i], i+1)
		names[i] = fmt.Sprintf(`"c%d"`, i+1)
	}
	d.bind("@read", "seen AS (\n  SELECT "+strings.Join(exprs, ", ")+" FROM "+table.Quote(d.s.Profile.Table)+"\n), ")
	return "seen", names
}

func (s *Source) facets(p part) Candidate {
	d := s.draft("facets", Aggregation, .5)
	from, names := d.read(p.cols)
	var parts []string
	for i, c := range p.cols {
		d.use(Group, nil, c)
		d.fit(s.dimFit(c))
		parts = append(parts, fmt.Sprintf(`SELECT %d AS "place", %s AS "facet", CAST(%s AS VARCHAR) AS "label", count(*) AS "row_count" FROM %s WHERE %s IS NOT NULL GROUP BY 3`,
			i+1, literal(c.Name), names[i], from, names[i]))
	}
	d.whole("top", "So many values of each column, the most frequent first.", 5, 1, 50)
	d.why("%d columns have between 2 and 100 values, the first %s", len(p.cols), count(p.cols[0].Distinct))
	d.bind("@parts", strings.Join(parts, "\n  UNION ALL "))
	d.c.MinRows = 4
	name := "What " + s.rows() + " are like"
	if p.of != "" {
		name = "What the " + clip(profile.Words([]string{p.of}), 60) + " of " + s.rows() + " is like"
	}
	return d.done(name, fmt.Sprintf("What are the most frequent values of %s?", several(p.cols)), `
WITH @readcounted AS (
  @parts
), ranked AS (
  SELECT "place", "facet", "label", "row_count",
    row_number() OVER (PARTITION BY "place" ORDER BY "row_count" DESC, "label") AS "position"
  FROM counted
)
SELECT "facet", "label", "row_count"
FROM ranked
WHERE "position" <= $top
ORDER BY "place", "position"
LIMIT 1000`, tableChart())
}

func signalFacets(s *Source, c Candidate, r Result) (float64, string) {
	n := known(r.Floats("row_count"))
	if len(n) == 0 {
		return -1, "no column has a value that can be counted"
	}
	return clamp(.35+.25*unevenness(n), 0, 1), fmt.Sprintf("%d values of %d columns, the most frequent in %s rows", len(n), len(c.Columns), short(maxOf(n)))
}

func maxOf(xs []float64) float64 {
	top := math.Inf(-1)
	for _, x := range xs {
		top = math.Max(top, x)
	}
	return top
}

func minOf(xs []float64) float64 {
	low := math.Inf(1)
	for _, x := range known(xs) {
		low = math.Min(low, x)
	}
	return low
}
