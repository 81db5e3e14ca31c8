package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
)

// Composed is the template of programs that answer a question of a person.
const Composed = "composed"

// A Wish is a question in parts, about one table. Columns are some of the table's.
type Wish struct {
	Cue        string
	Agg        string          // count, distinct, or an aggregate of Measure; empty lists rows
	Measure    *profile.Column // what Agg is applied to; of rows, what they are sorted by
	Groups     []profile.Column
	Time       *profile.Column // groups rows by period, if Grain is set
	Grain      string          // a unit of time, or "auto"
	Conditions []Condition
	Ascending  bool  // the lowest first
	Limit      int64 // 0 means what is usual
	Share      bool  // of the total, next to each value
	Ranked     bool  // periods too are ordered by value
}

// A Condition keeps rows.
type Condition struct {
	Column profile.Column
	Op     string   // is, not, true, false, min, above, max, below, null, known, contains, from, to, days
	Values []string // what Op compares with; of days, how many before the newest row
}

// Compose writes the program for the wish, or says why there is none.
func (s *Source) Compose(w Wish) (Candidate, string) {
	kind := w.kind(s)
	d := s.draft(Composed, kind, .8)
	d.fit(.8)
	d.c.MinRows = 0
	var selects, order []string
	var chart []channel
	groups := 0
	if w.Grain != "" && w.Time != nil {
		unit := d.composeAxis(*w.Time, w.Grain)
		selects = append(selects, `@period AS "period"`)
		chart = append(chart, periodChart(unit, w.Time.Role == profile.Year))
		groups++
	}
	for i, g := range w.Groups {
		name, label := "dim", "label"
		if i > 0 {
			name, label = "dim_2", "label_2"
		}
		d.composeGroup(name, g, w)
		selects = append(selects, "{{"+name+"}} AS \""+label+`"`)
		chart = append(chart, nominal(label, say(g)))
		groups++
	}
	conditions := d.conditions(w)
	if w.Agg == "" {
		return d.composeRows(w, conditions)
	}
	value, said, why := d.composeValue(w)
	if why != "" {
		return Candidate{}, why
	}
	selects = append(selects, value...)
	column := "value"
	if w.Agg == "count" {
		column = "row_count"
	}
	if w.Share && groups > 0 {
		selects = append(selects, `CAST(`+valueOf(w)+` AS DOUBLE) / nullif(sum(CAST(`+valueOf(w)+` AS DOUBLE)) OVER (), 0) AS "share"`)
	}
	sql := "SELECT\n  " + strings.Join(selects, ",\n  ") + "\nFROM @table\nWHERE " + strings.Join(conditions, "\n  AND ") + "@unit"
	if groups > 0 {
		sql += "\nGROUP BY " + positions(groups)
		direction := "DESC"
		if w.Ascending {
			direction = "ASC"
		}
		if w.Grain == "" || w.Ranked {
			order = append(order, fmt.Sprintf("%d %s NULLS LAST", groups+1, direction))
		}
		for i := range groups {
			order = append(order, fmt.Sprint(i+1))
		}
		limit := w.Limit
		if limit == 0 {
			if limit = 100; w.Grain != "" {
				limit = 5000
			}
		}
		d.whole("limit", "At most so many lines.", limit, 1, 20000)
		sql += "\nORDER BY " + strings.Join(order, ", ") + "\nLIMIT $limit"
	}
	return d.done(said+w.saidBy(), w.Cue, sql, w.chart(chart, quantitative(column, said))), ""
}

func (w Wish) kind(s *Source) string {
	switch {
	case w.Agg == "" && w.Measure != nil && w.Measure.Role == profile.Measure:
		return Ranking
	case w.Agg == "":
		return Filtering
	case w.Grain != "" && !w.Ranked:
		return TimeSeries
	case w.Limit > 0:
		return Ranking
	case len(w.Groups) > 1:
		return Comparison
	}
	return Aggregation
}

// saidBy ends the name: " per month by country".
func (w Wish) saidBy() string {
	text := ""
	if w.Grain != "" && w.Time != nil {
		text = " over time"
	}
	if len(w.Groups) > 0 {
		text += " by " + sayAll(w.Groups)
	}
	return text
}

func positions(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i + 1)
	}
	return strings.Join(all, ", ")
}

func (d *draft) composeAxis(at profile.Column, grain string) string {
	if at.Role == profile.Year {
		return d.axis(at)
	}
	unit := d.axis(at)
	if grain == "auto" {
		return unit
	}
	for i, slot := range d.c.Program.Slots {
		if slot.Name == "grain" && contains(slot.Choices(), grain) {
			d.c.Program.Slots[i].Default = grain
			return grain
		}
	}
	return unit
}

// composeGroup adds a slot for a column that makes groups: it and what is like it.
func (d *draft) composeGroup(name string, g profile.Column, w Wish) {
	var from []profile.Column
	for _, c := range d.s.Dims {
		taken := w.Measure != nil && c.Name == w.Measure.Name
		for _, other := range w.Groups {
			taken = taken || c.Name == other.Name
		}
		if !taken && !d.s.dependsOn(c, w.Groups) {
			from = append(from, c)
		}
	}
	cols := d.choose(name, "Group by", "The column whose values make the groups.", g, from)
	d.use(Group, nil, cols...)
	d.why("%s has %s distinct values in %s rows", say(g), count(g.Distinct), count(g.Rows))
}

// dependsOn reports whether the column determines one of the groups, or the other way round.
func (s *Source) dependsOn(c profile.Column, groups []profile.Column) bool {
	for _, g := range groups {
		if len(groups) > 1 && s.depends(c, g) {
			return true
		}
	}
	return false
}

// composeValue adds what is aggregated, and says what that is.
func (d *draft) composeValue(w Wish) (selects []string, said, why string) {
	switch w.Agg {
	case "count":
		d.bind("@unit", "")
		return []string{`count(*) AS "row_count"`}, "number of " + d.s.rows(), ""
	case "distinct":
		d.bind("@unit", "").bind("@measure", d.s.expr(*w.Measure))
		d.use(Show, nil, *w.Measure)
		return []string{`count(DISTINCT @measure) AS "value"`}, "number of different " + say(*w.Measure), ""
	}
	perTime := w.Grain == "" && d.s.TimeBound()
	allowed := aggregatesOf(*w.Measure, perTime)
	if !contains(allowed, w.Agg) {
		return nil, "", fmt.Sprintf("%s of %s says nothing: it is a %s measure, of which there is only %s", aggNoun(w.Agg), say(*w.Measure), w.Measure.Subtype, list(allowed))
	}
	var same []profile.Column
	for _, c := range d.s.Measures {
		if covers(aggregatesOf(c, perTime), allowed) {
			same = append(same, c)
		}
	}
	cols := d.choose("measure", "Measure", "The number that is aggregated.", *w.Measure, same)
	d.slot(program.Slot{Name: "agg", Type: program.Aggregate, Label: "Aggregate", Description: "How the values of a group become one number.",
		Default: w.Agg, Values: anys(sorted(allowed))})
	d.use(Value, append([]string{w.Agg}, allowed...), cols...)
	d.c.Weighted = true // a person asked for this average
	d.unit()
	d.measured("@value", "{{agg}}")
	return []string{`@value AS "value"`, `count({{measure}}) AS "n"`}, saying(w.Agg, say(*w.Measure)), ""
}

func aggNoun(agg string) string {
	return map[string]string{"sum": "the sum", "avg": "the average", "median": "the median"}[agg]
}

func valueOf(w Wish) string {
	switch w.Agg {
	case "count":
		return "count(*)"
	case "distinct":
		return "count(DISTINCT @measure)"
	}
	return "{{agg}}({{measure}})"
}

// composeRows lists rows, or the names and values of the first by a measure.
func (d *draft) composeRows(w Wish, conditions []string) (Candidate, string) {
	limit := w.Limit
	if limit == 0 {
		limit = 100
	}
	d.bind("@unit", "")
	where := "\nWHERE " + strings.Join(conditions, "\n  AND ")
	if w.Measure == nil {
		d.whole("n", "So many rows.", limit, 1, 10000)
		return d.done("Find "+d.s.rows(), w.Cue, "SELECT *\nFROM @table"+where+orFirst(d.s.newest())+"\nLIMIT $n", tableChart()), ""
	}
	direction := "desc"
	if w.Ascending {
		direction = "asc"
	}
	m := *w.Measure
	from := []profile.Column{}
	if m.Role == profile.Measure {
		from = d.s.Measures
	}
	d.use(Show, nil, d.choose("measure", "Sort by", "The column that decides the order.", m, from)...)
	d.slot(program.Slot{Name: "order", Type: program.Order, Label: "Order", Description: "desc puts the highest first, asc the lowest.", Default: direction, Values: []any{"desc", "asc"}})
	if w.Limit == 0 {
		limit = 10
	}
	d.whole("n", "So many rows.", limit, 1, 10000)
	where += "\n  AND {{measure}} IS NOT NULL"
	name, named := d.s.name()
	d.ties(m)
	if !named || name.Name == m.Name || !d.s.valueType(m).IsNumeric() {
		return d.done("First "+d.s.rows()+" by "+say(m), w.Cue, "SELECT *\nFROM @table"+where+"\nORDER BY {{measure}} {{order}}@ties\nLIMIT $n", tableChart()), ""
	}
	d.use(Show, nil, name)
	d.bind("@name", d.s.expr(name)).ties(m, name)
	context, _ := d.s.context(4, []profile.Column{name, m}, "label", "value")
	d.bind("@context", context)
	return d.done("First "+d.s.rows()+" by "+say(m), w.Cue, `SELECT
  @name AS "label",
  {{measure}} AS "value"@context
FROM @table`+where+`
ORDER BY {{measure}} {{order}}, @name@ties
LIMIT $n`, barChart(nominal("label", say(name)), quantitative("value", say(m)))), ""
}

// orFirst orders rows by what stands first when nothing tells them apart.
func orFirst(order string) string {
	if order == "" {
		return "\nORDER BY 1"
	}
	return order
}

// chart fits the parts of the result.
func (w Wish) chart(parts []channel, y channel) *program.Chart {
	switch {
	case len(parts) == 0:
		return kpiChart()
	case len(parts) == 1 && w.Grain != "" && w.Time != nil:
		return lineChart(parts[0], y)
	case len(parts) == 1:
		return barChart(parts[0], y)
	case w.Grain != "" && w.Time != nil && len(parts) == 2:
		return multiLine(parts[0], y, parts[1])
	case len(parts) == 2:
		return heatmap(parts[0], parts[1], y)
	}
	return tableChart()
}

// ChildSource returns a nested table of the source as a source of its own.
func (s *Source) ChildSource(c profile.ChildTable) *Source { return s.childSource(c) }

// Refit gives the candidate's column slots other defaults: each of the columns, in
// order, goes to the slot that fits it best of those that none before it took. It
// returns how many found a place.
func Refit(c Candidate, wanted []profile.Column) (Candidate, int) {
	slots := append([]program.Slot(nil), c.Program.Slots...)
	taken, n := map[int]bool{}, 0
	for _, col := range wanted {
		at := -1
		for i, slot := range slots {
			switch {
			case slot.Type != program.Column || taken[i] || !contains(slot.Choices(), col.Name):
			case at < 0, slot.Default == any(col.Name) && slots[at].Default != any(col.Name), len(slot.Values) < len(slots[at].Values) && slots[at].Default != any(col.Name):
				at = i // the slot that holds it already, else the one that holds little else
			}
		}
		if at < 0 {
			if contains(c.Columns, col.Name) && !fixedInSlot(slots, col.Name) {
				n++ // it is read without a slot
			}
			continue
		}
		old := slots[at].Default
		for j, other := range slots { // two slots do not hold the same
			if j != at && other.Type == program.Column && other.Default == any(col.Name) && contains(other.Choices(), fmt.Sprint(old)) {
				slots[j].Default = old
			}
		}
		slots[at].Default, taken[at] = col.Name, true
		n++
	}
	c.Program.Slots = slots
	return c, n
}

func fixedInSlot(slots []program.Slot, name string) bool {
	for _, s := range slots {
		if s.Type == program.Column && s.Default == any(name) {
			return true
		}
	}
	return false
}
