package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// crosstabs split rows by two columns at once.
func crosstabs() []Template {
	return []Template{
		{ID: "crosstab_long", Kind: Comparison, Prior: .66, Make: makeCrosstab, Signal: signalCrosstab},
		{ID: "crosstab_wide", Kind: Comparison, Prior: .45, Make: makeCrosstabWide, Signal: signalCrosstabWide},
	}
}

// crossable returns pairs of dimensions where neither determines the other.
func (s *Source) crossable(maxCols int64, n int) [][2]profile.Column {
	var out [][2]profile.Column
	dims := first(s.Cats, 6)
	for i, a := range dims {
		for _, b := range dims[i+1:] {
			rows, cols := a, b
			if cols.Distinct > rows.Distinct {
				rows, cols = cols, rows
			}
			if rows.Distinct <= 50 && cols.Distinct <= maxCols && !s.depends(a, b) && len(out) < n {
				out = append(out, [2]profile.Column{rows, cols})
			}
		}
	}
	return out
}

func makeCrosstab(s *Source) []Candidate {
	var out []Candidate
	for _, pair := range s.crossable(20, 6) {
		d := s.draft("crosstab_long", Comparison, .66)
		d.group("rows", pair[0], s.independent(pair[1], 50))
		d.group("columns", pair[1], s.independent(pair[0], 20))
		d.why("neither determines the other: %s and %s distinct values", count(pair[0].Distinct), count(pair[1].Distinct))
		d.c.MinRows, d.c.Share = 3, "row_count"
		out = append(out, d.done(s.rows()+" by "+say(pair[0])+" and "+say(pair[1]),
			fmt.Sprintf("How are %s split across %s and %s?", s.rows(), say(pair[0]), say(pair[1])), `
SELECT
  {{rows}} AS "row_label",
  {{columns}} AS "column_label",
  count(*) AS "row_count",
  CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY {{rows}}) AS "row_share"
FROM @table
WHERE {{rows}} IS NOT NULL AND {{columns}} IS NOT NULL
GROUP BY {{rows}}, {{columns}}
ORDER BY 1, 2
LIMIT 5000`, heatmap(nominal("column_label", say(pair[1])), nominal("row_label", say(pair[0])), quantitative("row_count", s.rows()))))
	}
	return out
}

// independent returns dimensions with at most so many values that are not tied to the other.
func (s *Source) independent(other profile.Column, most int64) []profile.Column {
	var out []profile.Column
	for _, c := range s.Cats {
		if c.Distinct <= most && c.Name != other.Name && !s.depends(c, other) {
			out = append(out, c)
		}
	}
	return out
}

func signalCrosstab(s *Source, c Candidate, r Result) (float64, string) {
	v, p, n := cramer(r.Texts("row_label"), r.Texts("column_label"), r.Floats("row_count"))
	if p > .01 {
		return .05, fmt.Sprintf("the split is within chance (Cramér's V %.2f, p %.2f, %s rows)", v, p, short(n))
	}
	return v, fmt.Sprintf("the two columns go together with Cramér's V %.2f over %s rows", v, short(n))
}

// makeCrosstabWide has a column per value of the second dimension, for reading
// as a table; the values are those that the profile saw.
func makeCrosstabWide(s *Source) []Candidate {
	var out []Candidate
	for _, pair := range s.crossable(12, 6) {
		choices := values(pair[1])
		if len(choices) < 2 || len(out) == 2 {
			continue
		}
		d := s.draft("crosstab_wide", Comparison, .45)
		d.group("rows", pair[0], s.independent(pair[1], 50))
		d.use(Group, nil, pair[1])
		d.fit(s.dimFit(pair[1]))
		taken := map[string]bool{"label": true, "row_count": true}
		var cols strings.Builder
		for i, v := range pair[1].Top {
			name := v.Value
			if strings.TrimSpace(name) == "" || taken[strings.ToLower(name)] {
				name = fmt.Sprintf("value_%d", i+1)
			}
			taken[strings.ToLower(name)] = true
			fmt.Fprintf(&cols, ",\n  count(CASE WHEN CAST(%s AS VARCHAR) = %s THEN 1 END) AS %s",
				s.expr(pair[1]), literal(v.Value), table.Quote(name))
		}
		d.bind("@columns", cols.String())
		d.whole("limit", "At most so many rows.", 50, 1, 500)
		d.why("%s has %d known values, few enough for a column each", say(pair[1]), len(pair[1].Top))
		d.c.MinRows = 2
		out = append(out, d.done("Table of "+say(pair[0])+" by "+say(pair[1]),
			fmt.Sprintf("How many %s are there per %s, with a column for each %s?", s.rows(), say(pair[0]), say(pair[1])), `
SELECT
  {{rows}} AS "label",
  count(*) AS "row_count"@columns
FROM @table
WHERE {{rows}} IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, tableChart()))
	}
	return out
}

func signalCrosstabWide(s *Source, c Candidate, r Result) (float64, string) {
	var rows, cols []string
	var cells []float64
	for i, label := range r.Texts("label") {
		for _, col := range r.Columns[min(2, len(r.Columns)):] {
			rows, cols = append(rows, label), append(cols, col)
			cells = append(cells, r.Floats(col)[i])
		}
	}
	v, p, n := cramer(rows, cols, cells)
	if p > .01 {
		return .05, fmt.Sprintf("the split is within chance (p %.2f, %s rows)", p, short(n))
	}
	return v, fmt.Sprintf("Cramér's V is %.2f over %s rows", v, short(n))
}
