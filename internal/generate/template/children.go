package template

import (
	"fmt"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// children are questions about nested arrays of objects, which are tables of
// their own. Joins start at the child, so that nothing of the parent is added up twice.
func children() []Template {
	return []Template{
		{ID: "child_by_parent", Kind: Aggregation, Prior: .76, Make: makeChildByParent, Signal: signalGroups},
		{ID: "child_agg", Kind: Aggregation, Prior: .74, Make: makeChildAgg, Signal: signalGroups},
		{ID: "child_count", Kind: Aggregation, Prior: .6, Make: makeChildCount, Signal: signalShares},
		{ID: "child_list", Kind: Filtering, Prior: .3, Make: makeChildList, Signal: signalChildList},
	}
}

// childSource returns the child table as a source of its own.
func (s *Source) childSource(c profile.ChildTable) *Source {
	var own []profile.Column
	for _, col := range c.Columns {
		// What links the element to its parent is no property of the element.
		if len(col.Path) == 1 && (contains(c.KeyColumns, col.Name) || col.Name == c.Schema.Columns[min(len(c.KeyColumns), len(c.Schema.Columns)-1)].Name) {
			continue
		}
		own = append(own, col)
	}
	return NewSource(&profile.Profile{Table: c.Table, Rows: c.Rows, Columns: own,
		Facts: profile.Facts{Grain: c.Grain, Plural: c.Plural}}, s.Dialect)
}

// child starts a draft over the child table. The columns of c count as "list.column".
func (s *Source) child(id string, prior float64, c profile.ChildTable) (*draft, *Source) {
	cs := s.childSource(c)
	d := cs.draft(id, Aggregation, prior)
	d.c.Program.Tables = []string{c.Table}
	d.why("%s holds %s %s, %s per %s", c.Column, count(c.Rows), cs.rows(), short(float64(c.Rows)/max(float64(s.Profile.Rows), 1)), s.row())
	return d, cs
}

// owned puts the list's name before the columns that belong to the child.
func owned(c profile.ChildTable, cand Candidate, ours ...string) Candidate {
	for i, name := range cand.Columns {
		if !contains(ours, name) {
			cand.Columns[i] = c.Column + "." + name
		}
	}
	return cand
}

// groups returns the dimensions of a child, and its labels, which repeat when
// the same thing is listed under many parents.
func (s *Source) groups() []profile.Column {
	out := append([]profile.Column(nil), s.Dims...)
	for _, c := range append(append(append([]profile.Column(nil), s.WideDims...), s.Labels...), s.Foreign...) {
		if c.Distinct > 1 && c.Distinct <= 1000 && c.NonNull() >= 2*c.Distinct && c.ModeShare < .95 && !named(out, c.Name) && c.Role != profile.ForeignKey {
			out = append(out, c)
		}
	}
	return out
}

func makeChildAgg(s *Source) []Candidate {
	var out []Candidate
	for _, child := range s.Profile.Children {
		cs := s.childSource(child)
		dims := cs.groups()
		for _, dim := range first(dims, 2) {
			for _, m := range first(without(cs.Measures, dim.Name), 2) {
				d, cs := s.child("child_agg", .74, child)
				d.group("dim", dim, dims)
				agg := d.measure(m, cs.Measures, s.TimeBound() || cs.TimeBound())
				d.unit().measured("@value", "{{agg}}")
				d.whole("limit", "At most so many groups.", 20, 1, 500)
				d.c.MinRows = 2
				said := aggWord(agg) + " " + cs.row() + " " + say(m)
				out = append(out, owned(child, d.done(said+" by "+cs.row()+" "+say(dim),
					fmt.Sprintf("What is the %s by %s %s, across all %s?", said, cs.row(), say(dim), s.rows()), `
SELECT
  {{dim}} AS "label",
  @value AS "value",
  count({{measure}}) AS "n"
FROM @table
WHERE {{dim}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("value", said)))))
			}
		}
	}
	return out
}

func makeChildCount(s *Source) []Candidate {
	var out []Candidate
	for _, child := range s.Profile.Children {
		cs := s.childSource(child)
		dims := cs.groups()
		for _, dim := range first(dims, 2) {
			d, cs := s.child("child_count", .6, child)
			d.group("dim", dim, dims)
			d.whole("limit", "At most so many groups.", 20, 1, 500)
			d.c.MinRows, d.c.Share = 2, "row_count"
			out = append(out, owned(child, d.done(cs.rows()+" by "+say(dim),
				fmt.Sprintf("How many %s are there per %s %s?", cs.rows(), cs.row(), say(dim)), `
SELECT {{dim}} AS "label", count(*) AS "row_count"
FROM @table
WHERE {{dim}} IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("row_count", cs.rows())))))
		}
	}
	return out
}

// makeChildList lists the elements with what links them to their parents: for
// lists too short for anything else.
func makeChildList(s *Source) []Candidate {
	var out []Candidate
	for _, child := range s.Profile.Children {
		cs := s.childSource(child)
		if child.Rows < 2 || len(cs.Scalars) == 0 {
			continue
		}
		d, cs := s.child("child_list", .3, child)
		d.c.Kind, d.c.Program.Kind = Filtering, Filtering
		d.use(Show, nil, cs.Scalars[0])
		d.fit(.4)
		place := child.Schema.Columns[min(len(child.KeyColumns), len(child.Schema.Columns)-1)].Name
		keys := ""
		for _, k := range child.KeyColumns {
			keys += table.Quote(k) + ", "
		}
		d.bind("@keys", keys+table.Quote(place))
		d.whole("limit", "At most so many.", 100, 1, 10000)
		out = append(out, owned(child, d.done("All "+cs.rows(), fmt.Sprintf("Which %s do the %s have?", cs.rows(), s.rows()), `
SELECT *
FROM @table
ORDER BY @keys
LIMIT $limit`, tableChart())))
	}
	return first2(out, 2)
}

func signalChildList(s *Source, c Candidate, r Result) (float64, string) {
	return .3, fmt.Sprintf("shows %d elements of %s rows (signal 0.30)", len(r.Rows), count(s.Profile.Rows))
}

// makeChildByParent groups what the children hold by what the parent is.
func makeChildByParent(s *Source) []Candidate {
	var out []Candidate
	for _, child := range s.Profile.Children {
		if child.Parent != s.Profile.Table || len(child.ParentKeys) == 0 || len(child.ParentKeys) != len(child.KeyColumns) {
			continue
		}
		cs := s.childSource(child)
		for _, dim := range first(s.Dims, 2) {
			for _, m := range first(cs.Measures, 2) {
				out = append(out, s.childByParent(child, dim, m))
			}
		}
	}
	return out
}

func (s *Source) childByParent(child profile.ChildTable, dim, m profile.Column) Candidate {
	d, cs := s.child("child_by_parent", .76, child)
	d.c.Program.Tables = []string{child.Table, s.Profile.Table}
	// The dimension belongs to the parent: its expressions are the parent's.
	own := d.s
	d.s = s
	d.group("dim", dim, s.Dims)
	d.s = own
	agg := d.measure(m, cs.Measures, s.TimeBound() || cs.TimeBound())
	d.unit().bind("@value", cs.amount("{{agg}}", `child_rows."amount"`, d.c.Uses[len(d.c.Uses)-1].Columns))
	d.whole("limit", "At most so many groups.", 20, 1, 500)
	join := ""
	keys := ""
	for i, k := range child.ParentKeys {
		if i > 0 {
			join, keys = join+" AND ", keys+", "
		}
		join += fmt.Sprintf("child_rows.\"key_%d\" = parent_rows.\"key_%d\"", i+1, i+1)
		keys += fmt.Sprintf("%s AS \"key_%d\"", table.Quote(k), i+1)
	}
	childKeys := ""
	for i, k := range child.KeyColumns {
		if i > 0 {
			childKeys += ", "
		}
		childKeys += fmt.Sprintf("%s AS \"key_%d\"", table.Quote(k), i+1)
	}
	d.bind("@join", join).bind("@parent_keys", keys).bind("@child_keys", childKeys).bind("@parent", table.Quote(s.Profile.Table))
	d.c.MinRows = 2
	said := aggWord(agg) + " " + cs.row() + " " + say(m)
	return owned(child, d.done(said+" by "+say(dim), fmt.Sprintf("What is the %s by %s %s?", said, s.row(), say(dim)), `
WITH child_rows AS (
  SELECT @child_keys, {{measure}} AS "amount" FROM @table WHERE {{measure}} IS NOT NULL@unit
), parent_rows AS (
  SELECT @parent_keys, {{dim}} AS "label" FROM @parent WHERE {{dim}} IS NOT NULL
)
SELECT
  parent_rows."label" AS "label",
  @value AS "value",
  count(*) AS "n"
FROM child_rows JOIN parent_rows ON @join
GROUP BY 1
ORDER BY 2 DESC NULLS LAST, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("value", said))), dim.Name)
}
