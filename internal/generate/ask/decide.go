package ask

import (
	"slices"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
)

// decide settles what is aggregated, grouped and sorted.
func (q *request) decide() {
	w := &q.wish
	w.Limit = q.limit
	if q.degree != nil {
		w.Ascending = q.degree.low
	}
	for _, m := range q.groups {
		g := q.groupable(m)
		if len(w.Groups) == 2 {
			q.because("no more than two groups are made")
			break
		}
		w.Groups = append(w.Groups, *g)
	}
	if q.byDegree() || q.byRecency() {
		return
	}
	q.whichGroup()
	var measures []profile.Column
	for _, m := range q.others {
		if c := q.measure(m); c != nil {
			measures = append(measures, *c)
		}
	}
	w.Agg = q.agg
	counted := q.countedColumn()
	switch {
	case w.Agg == "distinct" || w.Agg == "count" && counted != nil && !q.table && len(measures) == 0:
		if counted == nil {
			q.because("it is not said what is to be counted")
			return
		}
		w.Agg, w.Measure = "distinct", counted
		w.Groups = slices.DeleteFunc(w.Groups, func(g profile.Column) bool { return g.Name == counted.Name })
		if len(q.groups) == 0 && q.degree == nil && (q.text(q.aggAt) == "common" || q.text(q.aggAt) == "often" || q.text(q.aggAt) == "frequent" || q.text(q.aggAt) == "popular" || q.text(q.aggAt) == "frequency") {
			w.Agg, w.Measure, w.Groups = "count", nil, []profile.Column{*counted}
		}
	case w.Agg == "count" && len(measures) > 0 && !q.table && additive(measures[0]):
		// How many passengers: they are in a column.
		w.Agg, w.Measure = "sum", &measures[0]
	case w.Agg == "count":
	case len(measures) > 0:
		w.Measure = &measures[0]
		if w.Agg == "" && (len(w.Groups) > 0 || w.Grain != "" || w.Share || q.said2("how", "much") || q.text(0) == "what" || q.has("compare") >= 0) && !q.listed() {
			w.Agg = usual(*w.Measure, w.Grain == "" && q.s.TimeBound())
		}
	case w.Agg != "":
		if q.said2("how", "much") || q.agg == "sum" && len(q.s.Additive) == 0 || len(q.unknown()) > 0 {
			q.because("no column says what is to be added up or averaged")
			return
		}
		if len(q.s.Measures) == 0 {
			q.because("the table has nothing to add up or average")
			return
		}
		q.because("it is not said which number is meant")
		return
	case q.said2("how", "much"):
		q.because("it is not said which number is meant")
		return
	case len(w.Groups) > 0 || w.Grain != "" || w.Share:
		w.Agg = "count"
	}
	if w.Agg == "" && w.Measure != nil && q.degree == nil && len(w.Conditions) > 0 {
		w.Measure = nil // rows above a limit
	}
	if w.Agg != "" && len(w.Groups) == 0 {
		q.restAsGroups()
	}
	if q.degree == nil && w.Grain == "" && w.Limit == 0 && len(w.Groups) == 1 && w.Groups[0].Distinct > 100 {
		w.Limit = 20
	}
}

// additive reports whether values of the column are numbers of things.
func additive(c profile.Column) bool { return c.Subtype == profile.Flow || c.Subtype == profile.Stock }

// listed reports whether rows are asked for, and not a figure.
func (q *request) listed() bool {
	return q.text(0) == "list" || q.text(0) == "show" && q.table && len(q.wish.Groups) == 0 && q.wish.Grain == ""
}

// usual is the aggregate that is meant when none is named.
func usual(c profile.Column, perTime bool) string {
	switch {
	case c.Subtype == profile.Flow, c.Subtype == profile.Stock && !perTime:
		return "sum"
	}
	return "avg"
}

// countedColumn returns the column whose values are counted: how many customers.
func (q *request) countedColumn() *profile.Column {
	for _, m := range q.others {
		for _, c := range m.cols { // customers are told apart by their keys and names
			if m.score < 1 && (c.Role == profile.Key || c.Role == profile.ForeignKey || c.Role == profile.Label) {
				return &c
			}
		}
	}
	for _, m := range q.others {
		for _, c := range m.cols {
			if c.Role != profile.Measure && !c.ValueType().IsNested() {
				return &c
			}
		}
	}
	return nil
}

// byDegree answers the highest, the most, the cheapest: of rows, or of groups.
func (q *request) byDegree() bool {
	if q.degree == nil {
		return false
	}
	w := &q.wish
	of := q.ofDegree()
	counted := of == nil && q.agg == "" || q.agg == "count"
	group := q.thing()
	if group != nil && len(w.Groups) == 0 {
		w.Groups = []profile.Column{*group}
	}
	if w.Limit == 0 {
		w.Limit = 10
	}
	switch {
	case of == nil && !counted:
		q.because("it is not said of which number")
	case len(w.Groups) > 0 && counted:
		w.Agg = "count"
	case len(w.Groups) > 0:
		w.Measure = of
		if w.Agg = q.agg; w.Agg == "" {
			switch w.Agg = usual(*of, q.s.TimeBound()); {
			case len(q.groups) > 0 && group == nil && slices.Contains([]string{"highest", "maximum", "max", "lowest", "minimum", "min", "largest", "smallest"}, q.text(q.degreeAt)):
				w.Agg = map[bool]string{true: "min", false: "max"}[q.degree.low]
			case len(q.degree.of) > 0:
				w.Agg = "avg"
			}
		}
	case w.Grain != "" && q.wish.Time != nil: // which month had the highest
		w.Agg, w.Measure, w.Ranked = q.agg, of, true
		if of == nil {
			w.Agg = "count"
		} else if w.Agg == "" {
			w.Agg = usual(*of, false)
		}
	case of == nil && counted:
		q.because("it is not said of which number")
	case q.agg == "avg" || q.agg == "sum" || q.agg == "median":
		w.Agg, w.Measure = q.agg, of
	case !q.table && q.group0() && (q.text(q.degreeAt) != "top") && !q.named():
		// The highest amount is a figure; the orders with the highest amount are rows.
		w.Measure, w.Agg, w.Limit = of, map[bool]string{true: "min", false: "max"}[q.degree.low], 0
	default:
		w.Measure, w.Agg = of, ""
	}
	return true
}

func (q *request) group0() bool { return len(q.wish.Groups) == 0 }

// named reports whether a column that names rows is asked for.
func (q *request) named() bool {
	for _, m := range q.others {
		for _, c := range m.cols {
			if c.Role == profile.Label || c.Role == profile.Key {
				return true
			}
		}
	}
	return q.text(0) == "which" || q.text(0) == "who" || q.limit > 0
}

// ofDegree returns the number that the degree is about: by what the adjective says,
// else the measure that is named, the one after it before the others.
func (q *request) ofDegree() *profile.Column {
	if len(q.degree.of) > 0 {
		for _, stem := range q.degree.of {
			for _, c := range q.s.Profile.Columns {
				if slices.Contains(stems(c.Name), stem) && (c.ValueType().IsNumeric() || c.ValueType().IsTemporal()) && c.Role != profile.Key {
					return &c
				}
			}
		}
		q.because("no column says what is %s", q.text(q.degreeAt))
		return nil
	}
	var before *profile.Column
	for _, m := range q.others {
		c := q.measure(m)
		if c == nil && m.cols[0].ValueType().IsNumeric() && !bare(m.cols[0]) {
			c = &m.cols[0]
		}
		if c == nil {
			continue
		}
		if m.at > q.degreeAt {
			return c
		}
		before = c
	}
	return before
}

// thing returns the column whose values are ranked: which country has the most
// orders. The rows of the table itself are ranked if their noun or name is asked for.
func (q *request) thing() *profile.Column {
	for _, m := range q.others {
		for _, c := range m.cols {
			g := q.groupable(mention{cols: []profile.Column{c}})
			if g == nil || q.measure(mention{cols: []profile.Column{c}}) != nil || c.Distinct >= c.NonNull() {
				continue
			}
			return g
		}
	}
	return nil
}

// byRecency answers the latest and the oldest.
func (q *request) byRecency() bool {
	newest := q.has("latest", "newest", "recent") >= 0
	oldest := q.has("oldest", "earliest") >= 0
	if at := q.has("last", "first"); at >= 0 && !newest && !oldest && (q.limit > 0 || q.table && len(q.used) > at+1 && q.used[at+1] == "table") {
		newest, oldest = q.text(at) == "last", q.text(at) == "first"
	}
	if !newest && !oldest || q.agg != "" || len(q.groups) > 0 || q.wish.Grain != "" {
		return false
	}
	at := q.wish.Time
	if at == nil {
		at = q.timeColumn()
	}
	if at == nil {
		q.because("the table has no time")
		return true
	}
	if q.limit == 0 {
		q.wish.Limit = 20
	}
	q.wish.Measure, q.wish.Ascending, q.wish.Agg = at, oldest, ""
	q.note("rows by the time %s", at.Name)
	return true
}

// whichGroup groups by what follows which or what, and by what is said to be
// different: which statuses are there.
func (q *request) whichGroup() {
	if len(q.wish.Groups) > 0 {
		return
	}
	for i, m := range q.others {
		before := q.text(m.at - 1)
		lists := (before == "which" || before == "what" || before == "the" && q.text(m.at-2) == "are" || before == "different" || before == "all") && q.agg == "" && len(q.others) == 1 && !q.table && len(q.wish.Conditions) == 0
		often := q.text(q.aggAt) == "common" || q.text(q.aggAt) == "frequent" || q.text(q.aggAt) == "popular" || q.text(q.aggAt) == "often"
		if g := q.groupable(m); g != nil && (lists || often) && q.measure(m) == nil {
			q.wish.Groups = []profile.Column{*g}
			q.agg = "count"
			q.others = slices.Delete(q.others, i, i+1)
			if often && q.wish.Limit == 0 {
				q.wish.Limit = 10
			}
			return
		}
	}
}

// restAsGroups groups by columns that are named and have no other part:
// average amount and country.
func (q *request) restAsGroups() {
	for _, m := range q.others {
		g := q.groupable(m)
		if g == nil || q.wish.Measure != nil && g.Name == q.wish.Measure.Name || len(q.wish.Groups) == 2 || q.measure(m) != nil || g.Distinct > 1000 {
			continue
		}
		if q.wish.Measure != nil && slices.ContainsFunc(m.cols, func(c profile.Column) bool { return c.Name == q.wish.Measure.Name }) {
			continue
		}
		if slices.ContainsFunc(q.wish.Conditions, func(c template.Condition) bool { return c.Column.Name == g.Name }) {
			continue
		}
		q.wish.Groups = append(q.wish.Groups, *g)
	}
}
