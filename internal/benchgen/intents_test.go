package benchgen_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
)

// An intent is a question that nvBench has of a table: x, an aggregate, y.
type intent struct {
	Table string      `json:"table"`
	Sel   [][2]string `json:"sel"`
	Where bool        `json:"where"`
	x     string
	agg   string // count, sum, avg, min, max, or raw for two columns as they are
	y     string
	why   string // what the two columns are
}

// describe says what the columns of the questions are, to see what misses and why.
func describe(qs []intent, p *profile.Profile) []intent {
	role := func(name string) string {
		c, ok := p.Column(name)
		if !ok {
			return "?"
		}
		r := string(c.Role)
		if c.Subtype != "" {
			r += "/" + string(c.Subtype)
		}
		return fmt.Sprintf("%s %d/%d", r, c.Distinct, c.NonNull())
	}
	out := slices.Clone(qs)
	for i, q := range out {
		out[i].why = role(q.x)
		if q.y != "*" && q.y != q.x {
			out[i].why += " by " + role(q.y)
		}
	}
	return out
}

// intents returns, by table, the questions without a condition of tables with at
// least ten rows; those that add up or average ids, which nvBench has many of, and
// those that count by one, are nonsense and left out.
func intents(t testing.TB, labels gold) map[string][]intent {
	text, err := os.ReadFile(filepath.Join(nvbench(), "intents.json"))
	if os.IsNotExist(err) {
		return nil
	}
	var all []intent
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, tables := questions(t)
	out := map[string][]intent{}
	for _, q := range all {
		if !q.Where && tables[q.Table].Rows >= 10 && q.read(labels[q.Table]) {
			out[q.Table] = append(out[q.Table], q)
		}
	}
	return out
}

// read puts the question into the form in which it is matched.
func (q *intent) read(labels map[string]label) bool {
	if len(q.Sel) != 2 {
		return false
	}
	a, b := q.Sel[0], q.Sel[1]
	if a[0] != "raw" && b[0] == "raw" {
		a, b = b, a
	}
	q.x, q.agg, q.y = a[1], b[0], b[1]
	if a[0] != "raw" || q.x == "*" {
		return false // two aggregates of the whole table
	}
	if q.agg != "count" && id(q.y, labels) || q.agg == "raw" && id(q.x, labels) {
		return false
	}
	return true
}

// id reports whether a person, or else a column's name, says that its numbers are
// no quantities.
func id(column string, labels map[string]label) bool {
	if l, ok := labels[column]; ok {
		return l.role == "key" || l.role == "fk" || l.role == "code"
	}
	words := profile.Tokens(column)
	return len(words) > 0 && slices.Contains([]string{"id", "ids", "code", "key", "number"}, words[len(words)-1])
}

// A reach is the questions that a program answers: each x with each y and each
// aggregate; y is "*" for a count.
type reach struct{ x, agg, y []string }

func (r reach) has(q intent, anyAggregate bool) bool {
	agg := q.agg
	if agg == "count" {
		if slices.Contains(r.x, q.x) && (slices.Contains(r.agg, "count") || anyAggregate && !slices.Contains(r.agg, "raw")) {
			return true
		}
		return false
	}
	if agg == "raw" {
		return slices.Contains(r.agg, "raw") && (slices.Contains(r.x, q.x) && slices.Contains(r.y, q.y) || slices.Contains(r.x, q.y) && slices.Contains(r.y, q.x))
	}
	return slices.Contains(r.x, q.x) && slices.Contains(r.y, q.y) && (slices.Contains(r.agg, agg) || anyAggregate && !slices.Contains(r.agg, "raw"))
}

// reaches returns what the program answers as it is, or with its slots changed.
func reaches(c template.Candidate, slots bool) []reach {
	names := func(u template.Use) []string {
		var out []string
		for _, col := range u.Columns {
			out = append(out, col.Name)
			if !slots {
				break
			}
		}
		return out
	}
	var groups, pairs, shown [][]string
	var values []value
	for _, u := range c.Uses {
		switch u.Part {
		case template.Group, template.Axis:
			groups = append(groups, names(u))
		case template.Value:
			aggs := u.Aggs
			if !slots {
				aggs = aggs[:1]
			}
			values = append(values, value{names(u), aggs})
		case template.Pair:
			pairs = append(pairs, names(u))
		case template.Show:
			shown = append(shown, names(u))
		}
	}
	var out []reach
	raw := func(a, b []string) { out = append(out, reach{a, []string{"raw"}, b}) }
	switch c.Template {
	case "count_by", "geo_region", "distinct_values", "crosstab_long", "crosstab_wide", "count_time", "seasonality",
		"summary_by", "summary_time", "measures_by", "measures_time":
		for _, g := range groups {
			if strings.Contains(c.Program.SQL, `AS "row_count"`) {
				out = append(out, reach{g, []string{"count"}, []string{"*"}})
			}
		}
	case "rank_within_group", "latest_cross_section":
		for i, a := range shown {
			for _, b := range shown[i+1:] {
				raw(a, b)
			}
		}
	case "topn_entities":
		// The measure that decides the order, the name, and further measures of it.
		raw(shown[0], shown[1])
		for _, more := range shown[2:] {
			raw(shown[1], more)
		}
	case "directory":
		for _, told := range shown[1:] {
			raw(shown[0], told)
		}
	case "entity_activity":
		out = append(out, reach{shown[0], []string{"count"}, []string{"*"}})
		for _, v := range values {
			out = append(out, reach{shown[0], []string{"sum"}, v.names})
		}
	case "histogram":
		out = append(out, reach{shown[0], []string{"count"}, []string{"*"}})
	case "window_compare", "top_movers", "kpi", "filter_rows", "facets", "measure_summary", "time_spans", "distinct_counts", "flag_rate", "cohort", "duration", "domain_of":
		return nil
	case "compare_groups":
		// Two of many groups are not the answer for all of them.
		for _, u := range c.Uses {
			if u.Part == template.Group && u.Columns[0].Distinct > 2 {
				return nil
			}
		}
	case "percentiles":
		for i := range values {
			values[i].aggs = []string{"min", "max", "median"}
		}
	}
	for i, a := range pairs {
		for _, b := range pairs[i+1:] {
			raw(a, b)
		}
	}
	for _, g := range groups {
		for _, v := range values {
			out = append(out, reach{g, v.aggs, v.names})
		}
		if len(values) == 0 && c.Template != "compare_groups" {
			out = append(out, reach{g, []string{"count"}, []string{"*"}})
		}
	}
	return out
}

// A value is what a program aggregates: any of the columns in any of the ways.
type value struct{ names, aggs []string }

// answered returns how many of the questions some program answers as it is, and
// how many with its slots changed.
func answered(qs []intent, o generate.Outcome) (defaults, slots int, missed, late []intent) {
	for _, q := range qs {
		hit := func(change bool) bool {
			return slices.ContainsFunc(o.Chosen, func(c template.Candidate) bool {
				return slices.ContainsFunc(reaches(c, change), func(r reach) bool { return r.has(q, change) })
			})
		}
		if hit(false) {
			defaults++
		} else {
			late = append(late, q)
		}
		if hit(true) {
			slots++
		} else {
			missed = append(missed, q)
		}
	}
	return defaults, slots, missed, late
}
