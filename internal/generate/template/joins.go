package template

import (
	"fmt"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// A Link says that a column of the source's table holds keys of another table of the
// project, in which each stands once: a join meets every row of ours at most once.
type Link struct {
	Column  profile.Column   // of ours
	To      *profile.Profile // the other table
	Key     profile.Column   // of the other, unique
	Rows    int64            // of ours that hold a key
	Matched int64            // of these whose key stands in the other
	Names   string           // why the names go together; empty if only the values do
}

// joins are questions about rows by what another table tells of them.
func joins() []Template {
	return []Template{
		{ID: "join_agg", Kind: Aggregation, Prior: .8, Make: makeJoinAgg, Signal: signalGroups},
		{ID: "join_count", Kind: Aggregation, Prior: .72, Make: makeJoinCount, Signal: signalShares},
		{ID: "join_top", Kind: Ranking, Prior: .78, Make: makeJoinTop, Signal: signalJoinTop},
		{ID: "join_without", Kind: Filtering, Prior: .55, Make: makeJoinWithout, Signal: signalJoinWithout},
	}
}

// A joined draft reads two tables; other is the source of the second.
type joined struct {
	*draft
	other *Source
	link  Link
}

// linked returns what the source links to, each as a source of its own.
func (s *Source) linked() []joined {
	var out []joined
	for _, l := range s.Links {
		if len(l.Column.Name) > maxName || len(l.Key.Name) > maxName || s.hides(l.Column) {
			continue
		}
		o := NewSource(l.To, s.Dialect)
		if o.hides(l.Key) {
			continue
		}
		out = append(out, joined{other: o, link: l})
	}
	return out
}

// hides reports whether the source does not show the column, or no longer has it.
func (s *Source) hides(c profile.Column) bool {
	_, ok := s.positions[c.Name]
	return !ok
}

// start begins a candidate over both tables.
func (j joined) start(s *Source, id, kind string, prior float64) joined {
	d := s.draft(id, kind, prior)
	d.c.Program.Tables = []string{s.Profile.Table, j.other.Profile.Table}
	d.bind("@other", table.Quote(j.other.Profile.Table)).bind("@link", s.expr(j.link.Column)).bind("@key", j.other.expr(j.link.Key))
	j.draft = d
	share := 0.0
	if j.link.Rows > 0 {
		share = float64(j.link.Matched) / float64(j.link.Rows)
	}
	names := ""
	if j.link.Names != "" {
		names = "; " + j.link.Names
	}
	d.why("%s of %s values of %s (%s) stand in %s of %s, each of the %s there once%s", count(j.link.Matched), count(j.link.Rows), say(j.link.Column),
		percent(share), say(j.link.Key), clip(j.other.Profile.Table, 60), count(j.other.Profile.Rows), names)
	d.fit(share)
	return j
}

// groupOther adds the slot {{dim}}: a column of the other table.
func (j joined) groupOther(dim profile.Column, from []profile.Column) {
	own := j.s
	j.s = j.other
	j.group("dim", dim, from)
	j.s = own
}

// ofOther puts the other table's name before the columns that are its own.
func (j joined) ofOther(c Candidate, own ...string) Candidate {
	for i, name := range c.Columns {
		if !contains(own, name) {
			c.Columns[i] = j.other.Profile.Table + "." + name
		}
	}
	return c
}

// dims returns what rows can be grouped by in the other table, but not its key.
func (j joined) dims() []profile.Column {
	var out []profile.Column
	for _, c := range j.other.Groups {
		if c.Name != j.link.Key.Name && c.Role != profile.ForeignKey {
			out = append(out, c)
		}
	}
	return out
}

// whose says whose property a column of the other table is: "customer country".
func (j joined) whose(c profile.Column) string {
	row := j.other.row()
	if row == "row" || hasWord(say(c), words(row)...) {
		return say(c)
	}
	return row + " " + say(c)
}

const joinCTE = `
WITH ours AS (
  SELECT @link AS "key"@ours FROM @table WHERE @link IS NOT NULL@unit
), theirs AS (
  SELECT @key AS "key", {{dim}} AS "label" FROM @other WHERE @key IS NOT NULL AND {{dim}} IS NOT NULL
)`

func makeJoinAgg(s *Source) []Candidate {
	var out []Candidate
	for _, j := range s.linked() {
		for _, dim := range first(j.dims(), 2) {
			for _, m := range first(s.Measures, 2) {
				j := j.start(s, "join_agg", Aggregation, .8)
				j.groupOther(dim, j.dims())
				agg := j.measure(m, s.Measures, s.TimeBound())
				cols := j.c.Uses[len(j.c.Uses)-1].Columns
				j.unit().bind("@ours", `, {{measure}} AS "amount"`).bind("@value", s.amount("{{agg}}", `ours."amount"`, cols))
				j.whole("limit", "At most so many groups.", 20, 1, 500)
				j.c.MinRows = 2
				if agg == "sum" {
					j.c.Share = "value"
				}
				said := saying(agg, say(m))
				out = append(out, j.ofOther(j.done(said+" of "+s.rows()+" by "+j.whose(dim), fmt.Sprintf("What is the %s of %s by %s?", said, s.rows(), j.whose(dim)), joinCTE+`
SELECT
  theirs."label" AS "label",
  @value AS "value",
  count(ours."amount") AS "n"
FROM ours JOIN theirs ON ours."key" = theirs."key"
GROUP BY 1
ORDER BY 2 DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", j.whose(dim)), quantitative("value", said))), m.Name))
			}
		}
	}
	return out
}

func makeJoinCount(s *Source) []Candidate {
	var out []Candidate
	for _, j := range s.linked() {
		for _, dim := range first(j.dims(), 3) {
			j := j.start(s, "join_count", Aggregation, .72)
			j.groupOther(dim, j.dims())
			j.bind("@unit", "").bind("@ours", "")
			j.whole("limit", "At most so many groups.", 20, 1, 500)
			j.c.MinRows, j.c.Share = 2, "row_count"
			out = append(out, j.ofOther(j.done(s.rows()+" by "+j.whose(dim), fmt.Sprintf("How many %s are there per %s?", s.rows(), j.whose(dim)), joinCTE+`
SELECT
  theirs."label" AS "label",
  count(*) AS "row_count",
  CAST(count(*) AS DOUBLE) / sum(count(*)) OVER () AS "share"
FROM ours JOIN theirs ON ours."key" = theirs."key"
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", j.whose(dim)), quantitative("row_count", s.rows())))))
		}
	}
	return out
}

func makeJoinTop(s *Source) []Candidate {
	var out []Candidate
	for _, j := range s.linked() {
		name, ok := j.other.name()
		// Where every key has one row, the most rows is one.
		if !ok || j.link.Rows < j.link.Column.Distinct+j.link.Column.Distinct/5 || j.link.Column.Distinct < 3 {
			continue
		}
		j := j.start(s, "join_top", Ranking, .78)
		j.use(Show, nil, name)
		question := fmt.Sprintf("Which 10 %s have the most %s", j.other.rows(), s.rows())
		ours, total, own := "", "", []string{}
		if len(s.Additive) > 0 {
			j.sumOf(s.Additive[0], s.Additive)
			ours, total = `, {{measure}} AS "amount"`, ",\n  "+s.amount("sum", `ours."amount"`, s.Additive)+` AS "total"`
			question += ", and what is their " + saying("sum", say(s.Additive[0]))
			own = append(own, s.Additive[0].Name)
		}
		j.unitOnlyWithMeasure(s)
		j.fit(.9)
		j.whole("n", "So many.", 10, 1, 1000)
		j.bind("@ours", ours).bind("@total", total).bind("@name", j.other.expr(name))
		j.c.MinRows = 2
		out = append(out, j.ofOther(j.done("Top "+j.other.rows()+" by "+s.rows(), question+"?", `
WITH ours AS (
  SELECT @link AS "key"@ours FROM @table WHERE @link IS NOT NULL@unit
), theirs AS (
  SELECT @key AS "key", @name AS "label" FROM @other WHERE @key IS NOT NULL
)
SELECT
  theirs."label" AS "label",
  theirs."key" AS "key",
  count(*) AS "row_count"@total
FROM ours JOIN theirs ON ours."key" = theirs."key"
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT $n`, barChart(nominal("label", say(name)), quantitative("row_count", s.rows()))), own...))
	}
	return out
}

func signalJoinTop(s *Source, c Candidate, r Result) (float64, string) {
	n := known(r.Floats("row_count"))
	if len(n) < 2 {
		return -1, "fewer than two have rows"
	}
	if n[0] == n[len(n)-1] && len(n) >= 10 {
		return .1, fmt.Sprintf("the first %d all have %s rows", len(n), short(n[0]))
	}
	return clamp(.3+unevenness(n), 0, 1), fmt.Sprintf("the first has %s rows, number %d has %s", short(n[0]), len(n), short(n[len(n)-1]))
}

// makeJoinWithout asks which rows of the other table none of ours points at.
func makeJoinWithout(s *Source) []Candidate {
	var out []Candidate
	for _, j := range s.linked() {
		if j.link.Column.Distinct >= j.link.Key.Distinct {
			continue // every one has some
		}
		j := j.start(s, "join_without", Filtering, .55)
		j.use(Filter, nil, j.link.Column)
		j.whole("limit", "At most so many.", 100, 1, 10000)
		cols, order := `@key AS "key"`, "1"
		if name, ok := j.other.name(); ok && name.Name != j.link.Key.Name {
			cols, order = `@key AS "key", `+j.other.expr(name)+` AS "label"`, "2, 1"
		}
		j.bind("@shown", j.other.expr(j.link.Key)+cols[len("@key"):]).bind("@order", order)
		j.why("%s of %s %s are pointed at", count(j.link.Column.Distinct), count(j.link.Key.Distinct), j.other.rows())
		out = append(out, j.done(j.other.rows()+" without "+s.rows(), fmt.Sprintf("Which %s have no %s?", j.other.rows(), s.rows()), `
SELECT @shown
FROM @other
WHERE @key IS NOT NULL
  AND @key NOT IN (SELECT @link FROM @table WHERE @link IS NOT NULL)
ORDER BY @order
LIMIT $limit`, tableChart()))
	}
	return out
}

func signalJoinWithout(s *Source, c Candidate, r Result) (float64, string) {
	return .5, fmt.Sprintf("%d or more have none (signal 0.50)", len(r.Rows))
}
