package template

import (
	"fmt"
	"math"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// quality asks what is missing and what is there twice.
func quality() []Template {
	return []Template{
		{ID: "quality", Kind: DataQuality, Prior: .55, Make: makeQuality, Signal: signalQuality},
		{ID: "duplicates", Kind: DataQuality, Prior: .4, Make: makeDuplicates, Signal: signalDuplicates},
	}
}

func makeQuality(s *Source) []Candidate {
	d := s.draft("quality", DataQuality, .55)
	var cells, rows []string
	worst := 0.0
	for _, c := range s.Profile.Columns {
		if len(cells) == 60 || len(c.Name) > maxName || c.Role == profile.Container || c.Name == "" || s.kind(c) == table.Other {
			continue
		}
		n := len(cells) + 1
		distinct := "NULL"
		// Counting distinct values costs most; where the profile has too many to matter it is left out.
		if !s.valueType(c).IsNested() && s.kind(c) != table.JSON && c.Distinct <= 10000 {
			distinct = "count(DISTINCT " + s.expr(c) + ")"
		}
		cells = append(cells, fmt.Sprintf("count(%s) AS \"n%d\", %s AS \"d%d\"", c.SQL(), n, distinct, n))
		rows = append(rows, fmt.Sprintf("SELECT %d AS \"position\", %s AS \"column_name\", \"row_count\", \"n%d\" AS \"known\", CAST(\"d%d\" AS BIGINT) AS \"distinct_values\" FROM counted", n, literal(c.Name), n, n))
		worst = math.Max(worst, c.NullShare())
		d.c.Columns = append(d.c.Columns, c.Name)
	}
	if len(cells) == 0 {
		return nil
	}
	d.fit(.5 + worst/2)
	d.why("the emptiest of %d columns lacks %s of %s values", len(cells), percent(worst), count(s.Profile.Rows))
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	empty := share("empty_share", "empty")
	return []Candidate{d.done("Completeness of "+s.rows(), "How complete are the "+s.rows()+": what is empty in each column?", `
WITH counted AS (
  SELECT count(*) AS "row_count",
    @cells
  FROM @table
)
SELECT "column_name", "known", "row_count" - "known" AS "empty",
  CAST("row_count" - "known" AS DOUBLE) / nullif("row_count", 0) AS "empty_share", "distinct_values"
FROM (
  @rows
) AS listed
ORDER BY 3 DESC, "position"
LIMIT 200`, barChart(nominal("column_name", "column"), empty))}
}

func signalQuality(s *Source, c Candidate, r Result) (float64, string) {
	worst, column := 0.0, ""
	names := r.Texts("column_name")
	partial := 0
	for i, x := range r.Floats("empty_share") {
		if x > 0 {
			partial++
		}
		if x > worst {
			worst, column = x, names[i]
		}
	}
	if column == "" {
		return .05, fmt.Sprintf("all %d columns are full in %s rows", len(r.Rows), count(s.Profile.Rows))
	}
	// A column that is always empty is less news than one that is half empty.
	return clamp(worst, 0, .9), fmt.Sprintf("%d of %d columns have gaps, %s most with %s empty", partial, len(r.Rows), clip(column, 40), percent(worst))
}

// makeDuplicates looks for rows that agree on what should tell them apart.
func makeDuplicates(s *Source) []Candidate {
	var cols []profile.Column
	cols = append(cols, first(s.Labels, 1)...)
	cols = append(cols, first(s.Foreign, 1)...)
	cols = append(cols, first(s.Times, 1)...)
	if len(cols) < 2 && len(s.Keys) == 0 {
		cols = first(s.Ties, 6)
	}
	if len(cols) == 0 || s.Profile.Rows < 5 {
		return nil
	}
	// What many rows share is not meant to tell them apart.
	if c := cols[0]; len(cols) == 1 && float64(c.Distinct) < .8*float64(c.NonNull()) {
		return nil
	}
	d := s.draft("duplicates", DataQuality, .4)
	var exprs []string
	for _, c := range cols {
		d.use(Show, nil, c)
		d.fit(.5)
		exprs = append(exprs, s.expr(c)+" AS "+table.Quote(freeName(c.Name, "copies", "extra_rows")))
	}
	d.whole("limit", "At most so many groups of equal rows.", 50, 1, 1000)
	d.why("%s should tell %s apart (%s distinct values of %s in %s rows)", sayAll(cols), s.rows(), count(cols[0].Distinct), say(cols[0]), count(s.Profile.Rows))
	d.bind("@columns", strings.Join(exprs, ", ")).bind("@groups", ordinals(len(cols)))
	return []Candidate{d.done("Repeated "+s.rows(), fmt.Sprintf("Are there %s with the same %s more than once?", s.rows(), sayAll(cols)), `
SELECT @columns, count(*) AS "copies", sum(count(*) - 1) OVER () AS "extra_rows"
FROM @table
GROUP BY @groups
HAVING count(*) > 1
ORDER BY "copies" DESC, @groups
LIMIT $limit`, tableChart())}
}

// freeName returns the name, or one with an underscore if a result column of ours has it.
func freeName(name string, taken ...string) string {
	for _, t := range taken {
		if strings.EqualFold(name, t) {
			return name + "_"
		}
	}
	return name
}

func signalDuplicates(s *Source, c Candidate, r Result) (float64, string) {
	extra := known(r.Floats("extra_rows"))
	if len(extra) == 0 || extra[0] == 0 || s.Profile.Rows == 0 {
		return -1, "nothing is there twice"
	}
	shareOf := extra[0] / float64(s.Profile.Rows)
	if shareOf > .5 {
		return -1, "most rows repeat, so these columns do not tell rows apart"
	}
	return .7, fmt.Sprintf("%s rows (%s) repeat another", short(extra[0]), percent(shareOf))
}
