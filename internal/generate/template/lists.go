package template

import (
	"fmt"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// lists are questions about what lists of plain values hold.
func lists() []Template {
	return []Template{
		{ID: "list_top", Kind: Ranking, Prior: .8, Make: makeListTop, Signal: signalListTop},
		{ID: "list_contains", Kind: Filtering, Prior: .6, Make: makeListContains, Signal: signalListContains},
		{ID: "list_pairs", Kind: Correlation, Prior: .45, Make: makeListPairs, Signal: signalListPairs},
		{ID: "list_length", Kind: Aggregation, Prior: .55, Make: makeListLength, Signal: signalListLength},
	}
}

// filled returns the lists that hold something that repeats.
func (s *Source) filled() []profile.Column {
	var out []profile.Column
	for _, c := range s.Lists {
		if c.AvgLen > 0 && c.Distinct != 1 && (c.Distinct == 0 || c.Distinct <= 10000) && len(c.Name) <= maxName {
			out = append(out, c)
		}
	}
	return out
}

func (d *draft) listColumn(def profile.Column, from []profile.Column) {
	d.use(Show, nil, d.choose("list", "List", "The column that holds the lists.", def, from)...)
	d.fit(clamp(.5+def.AvgLen/8, 0, 1) * (1 - def.NullShare()))
	d.why("%s holds %s elements a row on average, %s distinct in all", say(def), short(def.AvgLen), count(def.Distinct))
}

func makeListTop(s *Source) []Candidate {
	all := s.filled()
	var out []Candidate
	for _, c := range first(all, 2) {
		d := s.draft("list_top", Ranking, .8)
		d.listColumn(c, all)
		d.whole("limit", "At most so many elements.", 20, 1, 500)
		d.bind("@elements", s.Dialect.Unnest(s.Dialect.Unique("{{list}}"), `"item"`, "", table.Quote(s.Profile.Table)))
		d.c.MinRows, d.c.FansOut = 2, true
		out = append(out, d.done("Most frequent "+say(c), fmt.Sprintf("Which values occur most often in %s?", say(c)), `
WITH held AS (
  @elements
)
SELECT "item" AS "label", count(*) AS "row_count"
FROM held
WHERE "item" IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(c)), quantitative("row_count", s.rows()))))
	}
	return out
}

func signalListTop(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	u := unevenness(n)
	return clamp(.2+u, 0, 1), fmt.Sprintf("the %d values shown are in %s to %s rows: unevenness %.2f", len(n), short(n[len(n)-1]), short(n[0]), u)
}

func makeListContains(s *Source) []Candidate {
	var out []Candidate
	for _, c := range first(s.filled(), 2) {
		if len(c.Top) == 0 || c.Type.Elem.Kind != table.Varchar {
			continue
		}
		d := s.draft("list_contains", Filtering, .6)
		d.use(Filter, nil, c)
		d.fit(.7 * (1 - c.NullShare()))
		d.slot(program.Slot{Name: "value", Type: program.Enum, Label: sentence(say(c)), Column: c.Name,
			Description: "The value to look for in " + say(c) + ".", Default: c.Top[0].Value, Values: values(c)})
		d.whole("limit", "At most so many rows.", 100, 1, 10000)
		d.bind("@match", s.Dialect.Contains(s.expr(c), "$value")).bind("@order", s.newest())
		d.why("%q is the most frequent of %s values in %s, with %s mentions", clip(c.Top[0].Value, 40), count(c.Distinct), say(c), count(c.Top[0].Count))
		out = append(out, d.done(s.rows()+" with a value in "+say(c),
			fmt.Sprintf("Which %s have %q in %s?", s.rows(), clip(c.Top[0].Value, 40), say(c)), `
SELECT *
FROM @table
WHERE @match@order
LIMIT $limit`, tableChart()))
	}
	return out
}

func signalListContains(s *Source, c Candidate, r Result) (float64, string) {
	return .5, fmt.Sprintf("the default value is in %d rows or more (signal 0.50)", len(r.Rows))
}

func makeListPairs(s *Source) []Candidate {
	var all []profile.Column
	for _, c := range s.filled() {
		if c.AvgLen >= 2 && c.AvgLen <= 30 && (c.Distinct == 0 || c.Distinct <= 500) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	c := all[0]
	d := s.draft("list_pairs", Correlation, .45)
	d.listColumn(c, all)
	d.whole("min_rows", "Leave out pairs that are together in fewer rows.", 2, 1, 1000000)
	d.whole("limit", "At most so many pairs.", 30, 1, 500)
	d.bind("@elements", s.Dialect.Unnest(`"items"`, `"item"`, `"row_no", `, "listed")).bind("@unique", s.Dialect.Unique("{{list}}"))
	d.c.FansOut = true
	return []Candidate{d.done("Values of "+say(c)+" that go together", fmt.Sprintf("Which values of %s appear together most often?", say(c)), `
WITH listed AS (
  SELECT row_number() OVER () AS "row_no", @unique AS "items" FROM @table WHERE {{list}} IS NOT NULL
), held AS (
  @elements
), sizes AS (
  SELECT "item", CAST(count(*) AS DOUBLE) AS "in_rows" FROM held GROUP BY 1
), pairs AS (
  SELECT a."item" AS "value_a", b."item" AS "value_b", count(*) AS "row_count"
  FROM held AS a JOIN held AS b ON a."row_no" = b."row_no" AND a."item" < b."item"
  GROUP BY 1, 2
)
SELECT "value_a", "value_b", "row_count",
  "row_count" * (SELECT count(DISTINCT "row_no") FROM held) / (x."in_rows" * y."in_rows") AS "lift"
FROM pairs JOIN sizes AS x ON x."item" = "value_a" JOIN sizes AS y ON y."item" = "value_b"
WHERE "row_count" >= $min_rows
ORDER BY 3 DESC, 1, 2
LIMIT $limit`, heatmap(nominal("value_a", ""), nominal("value_b", ""), quantitative("row_count", s.rows())))}
}

func signalListPairs(s *Source, c Candidate, r Result) (float64, string) {
	best, a, b := 0.0, r.Texts("value_a"), r.Texts("value_b")
	at := -1
	n := r.Floats("row_count")
	for i, lift := range r.Floats("lift") {
		if lift > best && n[i] >= 5 {
			best, at = lift, i
		}
	}
	// Without a pair that is together more often than chance, there is no correlation to report.
	if at < 0 || best < 1.2 {
		return -1, "no values are together more often than chance"
	}
	return clamp((best-1)/4, .1, 1), fmt.Sprintf("%s and %s are together %s times as often as chance, in %s rows", clip(a[at], 40), clip(b[at], 40), short(best), short(n[at]))
}

func makeListLength(s *Source) []Candidate {
	var all []profile.Column
	for _, c := range s.Profile.Columns {
		if (c.Role == profile.ListRole || c.Role == profile.Child) && s.kind(c) == table.List && c.AvgLen > 0 && len(c.Name) <= maxName && c.NonNull() > 0 {
			all = append(all, c)
		}
	}
	var out []Candidate
	for _, c := range first(all, 2) {
		d := s.draft("list_length", Aggregation, .55)
		d.listColumn(c, all)
		d.bind("@length", s.Dialect.Length("{{list}}"))
		d.c.MinRows, d.c.Share = 2, "row_count"
		out = append(out, d.done(sentence(say(c))+" per "+s.row(), fmt.Sprintf("How many %s does each %s have?", say(c), s.row()), `
SELECT coalesce(@length, 0) AS "size", count(*) AS "row_count"
FROM @table
GROUP BY 1
ORDER BY 1
LIMIT 200`, columnChart(ordinal("size", say(c)), quantitative("row_count", s.rows()))))
	}
	return out
}

func signalListLength(s *Source, c Candidate, r Result) (float64, string) {
	sizes := known(r.Floats("size"))
	n := r.Floats("row_count")
	if len(sizes) < 2 {
		return -1, "all lists have one length"
	}
	return clamp(.2+unevenness(n)*.6, 0, .8), fmt.Sprintf("sizes run from %s to %s over %s rows", short(sizes[0]), short(sizes[len(sizes)-1]), short(total(n)))
}
