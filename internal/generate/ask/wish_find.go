package ask

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
)

// timeColumn returns the time that the question speaks of, or the table's own.
func (q *request) timeColumn() *profile.Column {
	for i, m := range q.cols {
		for _, c := range m.cols {
			if c.ValueType().IsTemporal() || c.Role == profile.Year {
				q.gone[-1-i] = true // it is the axis, and no group
				return &c
			}
		}
	}
	if len(q.s.Times) > 0 {
		return &q.s.Times[0]
	}
	if len(q.s.Years) > 0 {
		return &q.s.Years[0]
	}
	return nil
}

// findTimes notices periods and spans of time.
func (q *request) findTimes() {
	var spans []span
	for i := 0; i < len(q.words); i++ {
		if q.gone[i] || q.used[i] == "value" || q.used[i] == "column" {
			continue
		}
		before := q.text(i - 1)
		if slices.Contains([]string{"last", "past", "previous", "recent"}, before) || i > 1 && slices.Contains([]string{"last", "past", "previous"}, q.text(i-2)) {
			n, at := int64(1), i
			if small, ok := smallNumber(q.words[i]); ok {
				n, at = small, i+1
			}
			if unit, ok := grainWords()[q.text(at)]; ok && q.kind == "" {
				spans = append(spans, span{days: n * map[string]int64{"hour": 1, "day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[unit], grain: unit})
				q.gone[i], q.gone[at] = true, true
				continue
			}
		}
		bound := q.boundBefore(i)
		if bound != "" && bound != "since" && bound != "before" && bound != "until" && bound != "after" && bound != "till" {
			continue // more than 2000 is no year
		}
		if m, n := moment(q.words, i); n > 0 && (before == "in" || before == "during" || before == "for" || before == "of" || before == "on" || before == "and" || before == "from" || before == "to" || before == "between" || before == "year" || bound != "" || n > 1) {
			switch {
			case bound == "since" || bound == "from":
				m.to = ""
			case bound == "after":
				m.from, m.to = m.to, ""
			case bound == "before":
				m.from, m.to = "", m.from
			case bound == "until" || bound == "till":
				m.from = ""
			}
			if (before == "and" || before == "to") && len(spans) > 0 && (q.has("between") >= 0 || q.has("from") >= 0 || before == "to") { // between 2020 and 2022
				spans[len(spans)-1].to = m.to
			} else {
				spans = append(spans, m)
			}
			for k := range n {
				q.gone[i+k], q.used[i+k] = true, "moment"
			}
		}
	}
	unit := ""
	for i, w := range q.words {
		g, ok := grainWords()[w.text]
		if ok && q.used[i] == "trade" && !q.gone[i] && (unit == "" || q.grouper(i)) {
			unit = g
		}
	}
	trend := q.has("trend", "trends", "trending", "evolve", "evolved", "evolution", "evolves", "develop", "developed", "history", "timeline", "over-time") >= 0 || q.said2("over", "time") ||
		q.has("change", "changed", "changes", "changing", "increase", "decrease", "increased", "decreased", "grow", "grew", "growth") >= 0
	if len(spans) == 0 && unit == "" && !trend {
		return
	}
	at := q.timeColumn()
	if at == nil {
		q.missing = "the table has no time"
		return
	}
	q.wish.Time = at
	for _, s := range spans {
		q.addSpan(*at, s)
	}
	switch {
	case unit != "":
		q.wish.Grain = unit
		q.note("%q cuts the time %s into periods", unit, at.Name)
	case trend:
		q.wish.Grain = "auto"
		q.note("the course over the time %s is wanted", at.Name)
	}
}

func (q *request) addSpan(at profile.Column, s span) {
	add := func(op string, values ...string) {
		q.wish.Conditions = append(q.wish.Conditions, template.Condition{Column: at, Op: op, Values: values})
	}
	switch {
	case s.days > 0 && at.Role == profile.Year:
		q.missing = "the table has years only"
	case s.days > 0:
		add("days", strconv.FormatInt(s.days, 10))
		q.note("only the last %d days of %s", s.days, at.Name)
	default:
		if s.from != "" {
			add("from", s.from)
			q.note("%s from %s on", at.Name, s.from)
		}
		if s.to != "" {
			add("to", s.to)
			q.note("%s before %s", at.Name, s.to)
		}
	}
}

// grouper reports whether the word i follows one that makes groups.
func (q *request) grouper(i int) bool {
	for k := i - 1; k >= 0 && k >= i-3; k-- {
		switch q.words[k].text {
		case "per", "by", "each", "every", "across":
			return true
		}
		if q.used[k] != "stop" {
			return false
		}
	}
	return false
}

// boundBefore returns the word that makes the number i a limit.
func (q *request) boundBefore(i int) string {
	two := q.text(i-2) + " " + q.text(i-1)
	switch two {
	case "more than", "greater than", "higher than", "larger than", "bigger than", "= >", "> =":
		if two == "> =" || two == "= >" {
			return "least"
		}
		return "more"
	case "less than", "lower than", "smaller than", "fewer than", "< =":
		if two == "< =" {
			return "most"
		}
		return "less"
	case "at least", "at most":
		return q.text(i - 1)
	}
	switch w := q.text(i - 1); w {
	case "above", "over", "exceeding", "exceed", "exceeds", ">":
		return "more"
	case "below", "under", "<":
		return "less"
	case "since", "before", "after", "until", "till", "from":
		return w
	case "exactly", "equal", "equals", "=":
		return "exactly"
	case "between":
		return "between"
	}
	if i >= 2 && q.text(i-1) == "and" && q.words[i-2].number && q.text(i-3) == "between" {
		return "and"
	}
	return ""
}

// findLimits notices numbers that bound a column.
func (q *request) findLimits() {
	for i, w := range q.words {
		if !w.number || q.gone[i] || q.used[i] != "number" {
			continue
		}
		bound := q.boundBefore(i)
		op := map[string]string{"more": "above", "least": "min", "less": "below", "most": "max", "between": "min", "and": "max", "exactly": "is", "after": "above", "since": "min", "before": "below"}[bound]
		m, near := q.nearest(i, op != "")
		if op == "" && near && m.end == i { // rating 5, year 2020
			op = "is"
		}
		for k := range q.cols { // 8 cylinders
			if op == "" && q.cols[k].at == i+1 && q.cols[k].numeric() != nil {
				op, m = "is", &q.cols[k]
			}
		}
		if op == "" || m == nil {
			continue
		}
		c := m.numeric()
		if c == nil {
			continue
		}
		q.gone[i] = true
		if q.text(i+1) == "%" && c.Subtype == profile.Ratio && c.Max != "" && len(c.Max) < 5 && strings.HasPrefix(c.Max, "0") {
			if f, err := strconv.ParseFloat(w.text, 64); err == nil {
				w.text = strconv.FormatFloat(f/100, 'f', -1, 64)
			}
		}
		q.wish.Conditions = append(q.wish.Conditions, template.Condition{Column: *c, Op: op, Values: []string{w.text}})
		q.note("%s %s %s", c.Name, op, w.text)
		q.consume(m)
	}
}

func (m *mention) numeric() *profile.Column {
	for _, c := range m.cols {
		if c.ValueType().IsNumeric() {
			return &c
		}
	}
	return nil
}

// consume marks a mention as used up by a condition, unless it is grouped by.
func (q *request) consume(m *mention) {
	for i := range q.cols {
		if &q.cols[i] == m && !q.grouper(m.at) {
			q.gone[-1-i] = true
		}
	}
}

// nearest returns the numeric column that a number belongs to: the mention before
// it, else the one after, else the table's best measure. Near says that it touches.
func (q *request) nearest(i int, anywhere bool) (*mention, bool) {
	var best *mention
	for k := range q.cols {
		m := &q.cols[k]
		if m.numeric() == nil {
			continue
		}
		if m.end <= i && i-m.end <= 5 {
			best = m
		}
		if best == nil && m.at > i && m.at-i <= 2 {
			best = m
		}
	}
	if best != nil {
		return best, best.end == i
	}
	if anywhere && len(q.s.Measures) > 0 && len(q.cols) == 0 {
		m := &mention{at: -1, end: -1, cols: q.s.Measures[:1]}
		return m, false
	}
	return nil, false
}

// findFlags notices yes-or-no columns that are named without a share.
func (q *request) findFlags() {
	for i, m := range q.cols {
		c := m.cols[0]
		if c.Role != profile.Flag || q.grouper(m.at) || q.wish.Share || q.has("compare", "comparison", "rate", "differ") >= 0 && len(q.cols) == 1 {
			continue
		}
		op := "true"
		if before := q.text(m.at - 1); before == "not" || before == "no" || before == "without" || before == "non" || q.text(m.at-2) == "not" {
			op = "false"
		}
		if c.ValueType().String() == "VARCHAR" && !yesNo(c) {
			continue // two values, none of which is yes
		}
		q.wish.Conditions = append(q.wish.Conditions, template.Condition{Column: c, Op: op})
		q.gone[-1-i] = true
		q.note("only rows where %s is %s", c.Name, op)
	}
}

func yesNo(c profile.Column) bool {
	for _, v := range c.Top {
		switch strings.ToLower(v.Value) {
		case "t", "true", "y", "yes", "1":
			return true
		}
	}
	return false
}

// findNulls notices columns that are to be missing.
func (q *request) findNulls() {
	for i, m := range q.cols {
		if q.gone[-1-i] {
			continue
		}
		before := q.text(m.at - 1)
		after := q.text(m.end)
		switch {
		case before == "without" || before == "missing" || before == "no" || before == "unknown" || after == "missing" || q.text(m.end+1) == "missing" || q.text(m.end+1) == "empty" || q.text(m.end+1) == "unknown":
			if before == "no" && m.cols[0].Nulls == 0 {
				continue
			}
			q.wish.Conditions = append(q.wish.Conditions, template.Condition{Column: m.cols[0], Op: "null"})
			q.gone[-1-i] = true
			q.note("only rows without %s", m.cols[0].Name)
		}
	}
}

// findValues turns named values into conditions. A column that is named beside its
// value belongs to it; several values of one column are compared.
func (q *request) findValues() {
	byColumn := map[string]int{}
	for _, v := range q.vals {
		op := "is"
		for k := v.at - 1; k >= 0 && k >= v.at-3; k-- {
			if slices.Contains([]string{"not", "except", "excluding", "exclude", "without", "non", "than"}, q.words[k].text) && !(q.words[k].text == "than" && q.text(k-1) != "other") {
				op = "not"
			}
			if q.used[k] != "stop" && q.used[k] != "trade" {
				break
			}
		}
		if at, ok := byColumn[v.col.Name]; ok {
			c := &q.wish.Conditions[at]
			c.Values = append(c.Values, v.value)
		} else {
			byColumn[v.col.Name] = len(q.wish.Conditions)
			q.wish.Conditions = append(q.wish.Conditions, template.Condition{Column: v.col, Op: op, Values: []string{v.value}})
		}
		q.others = slices.DeleteFunc(q.others, func(m mention) bool {
			return slices.ContainsFunc(m.cols, func(c profile.Column) bool { return c.Name == v.col.Name }) && (m.end >= v.at-2 && m.end <= v.at || m.at == v.end)
		})
	}
	// To compare two values is to group by their column.
	for _, name := range slices.Sorted(maps.Keys(byColumn)) {
		at := byColumn[name]
		c := q.wish.Conditions[at]
		if len(c.Values) > 1 && c.Op == "is" && len(q.groups) == 0 && q.wish.Grain == "" && (q.has("compare", "comparison", "vs", "versus", "differ", "difference", "between", "against") >= 0 || q.agg != "") && c.Column.Role != profile.ListRole {
			q.groups = append(q.groups, mention{at: -1, cols: []profile.Column{c.Column}})
			q.note("the values of %s are compared", name)
		} else if len(c.Values) > 1 && c.Op == "is" && q.wish.Grain != "" && len(q.groups) == 0 {
			q.groups = append(q.groups, mention{at: -1, cols: []profile.Column{c.Column}})
		}
	}
}
