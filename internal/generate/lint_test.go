package generate_test

import (
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

func column(name string, role profile.Role, change func(*profile.Column)) profile.Column {
	c := profile.Column{Path: []string{name}, Name: name, Label: name, Type: table.Type{Kind: table.Varchar},
		Rows: 1000, Distinct: 5, ModeShare: .3, Role: role}
	if change != nil {
		change(&c)
	}
	return c
}

func number(name string, role profile.Role, subtype profile.Subtype) profile.Column {
	return column(name, role, func(c *profile.Column) {
		c.Type, c.Subtype = table.Type{Kind: table.Double}, subtype
		c.Min, c.Max, c.Avg, c.StdDev, c.Distinct, c.ModeShare = "0", "500", 100, 40, 300, .01
	})
}

func value(col profile.Column, aggs ...string) template.Use {
	return template.Use{Part: template.Value, Aggs: aggs, Columns: []profile.Column{col}}
}

func part(p template.Part, cols ...profile.Column) template.Use {
	return template.Use{Part: p, Columns: cols}
}

func TestRulesForbidNonsense(t *testing.T) {
	amount := number("amount", profile.Measure, profile.Flow)
	status := column("status", profile.Category, nil)
	created := column("created_at", profile.EventTime, func(c *profile.Column) { c.Type = table.Type{Kind: table.Timestamp} })
	good := func(uses ...template.Use) template.Candidate {
		return template.Candidate{Template: "x", Uses: uses, Ordered: true,
			Program: program.Program{SQL: "SELECT 1 AS a\nORDER BY 1\nLIMIT 10", Tables: []string{"t"}}}
	}
	with := func(c template.Candidate, change func(*template.Candidate)) template.Candidate {
		change(&c)
		return c
	}
	plain := profile.Profile{Table: "t", Rows: 1000}
	timed := profile.Profile{Table: "t", Rows: 1000, Columns: []profile.Column{created}}
	for _, c := range []struct {
		rule  string // empty: nothing is broken
		about string
		p     profile.Profile
		c     template.Candidate
	}{
		{"", "a sum of a flow by a category", plain, good(value(amount, "sum", "avg"), part(template.Group, status))},
		{"N0", "SQL that is two statements", plain, with(good(), func(c *template.Candidate) { c.Program.SQL = "SELECT 1; SELECT 2" })},
		{"N1", "an average of a year", plain, good(value(number("year", profile.Year, ""), "avg"))},
		{"N1", "a sum of an id that a slot offers", plain, good(template.Use{Part: template.Value, Aggs: []string{"max", "sum"}, Columns: []profile.Column{amount, number("user_id", profile.ForeignKey, "")}})},
		{"N1", "a correlation of coordinates", plain, good(part(template.Pair, number("lat", profile.Lat, "")), part(template.Pair, amount))},
		{"", "the highest year", plain, good(value(number("year", profile.Year, ""), "max"))},
		{"N2", "a sum of prices", plain, good(value(number("price", profile.Measure, profile.Intensive), "sum"))},
		{"N3", "a sum of balances over time", timed, good(value(number("balance", profile.Measure, profile.Stock), "sum"))},
		{"", "a sum of balances at one moment", plain, good(value(number("balance", profile.Measure, profile.Stock), "sum"))},
		{"N3", "a running total of an unknown measure", timed, with(good(value(number("x", profile.Measure, profile.Untyped), "sum")), func(c *template.Candidate) { c.Template = "running_total" })},
		{"N4", "groups by key", plain, good(part(template.Group, column("id", profile.Key, nil)))},
		{"N4", "200 groups by a label of 300 rows", plain, good(part(template.Group, column("title", profile.Label, func(c *profile.Column) { c.Distinct, c.Rows = 200, 300 })))},
		{"N5", "groups by what is nearly always the same", plain, good(part(template.Group, column("a", profile.Category, func(c *profile.Column) { c.ModeShare = .96 })))},
		{"N6", "an axis of update times", plain, good(part(template.Axis, column("updated_at", profile.AuditTime, nil)))},
		{"N7", "a count per period of a panel", profile.Profile{Table: "t", Facts: profile.Facts{Panel: true}}, good(part(template.Axis, created))},
		{"", "an average per period of a panel", profile.Profile{Table: "t", Facts: profile.Facts{Panel: true}}, good(part(template.Axis, created), value(amount, "avg"))},
		{"N8", "price against price in dollars", plain, good(part(template.Pair, number("price", profile.Measure, "")), part(template.Pair, number("price_usd", profile.Measure, "")))},
		{"N9", "city by country", profile.Profile{Table: "t", Facts: profile.Facts{Dependencies: [][2]string{{"city", "country"}}}},
			good(part(template.Group, column("country", profile.Country, nil)), part(template.Group, column("city", profile.City, nil)))},
		{"N10", "a pie of nine slices", plain, with(good(part(template.Group, column("a", profile.Category, func(c *profile.Column) { c.Distinct = 9 }))), func(c *template.Candidate) { c.Program.Chart = &program.Chart{Mark: "arc"} })},
		{"N12", "averages of nothing as 0", plain, with(good(value(amount, "avg")), func(c *template.Candidate) { c.FillsGaps = true })},
		{"N13", "an order's amount per tag", plain, with(good(value(amount, "sum")), func(c *template.Candidate) { c.FansOut = true })},
		{"N14", "the first ten of no order", plain, with(good(), func(c *template.Candidate) { c.Program.SQL = "SELECT 1 AS a\nLIMIT 10" })},
		{"N14", "an order with ties", plain, with(good(), func(c *template.Candidate) { c.Ordered = false })},
		{"N15", "an average of averages", plain, good(value(number("avg_price", profile.Measure, profile.Intensive), "avg"))},
		{"N16", "euros and dollars together", profile.Profile{Table: "t", Rows: 1000, Columns: []profile.Column{column("currency", profile.Category, func(c *profile.Column) { c.Top = []profile.Value{{Value: "EUR", Count: 9}} })}}, good(value(amount, "sum"))},
	} {
		t.Run(c.rule+" "+c.about, func(t *testing.T) {
			broken := generate.Lint(template.NewSource(&c.p, template.DuckDB()), c.c)
			if c.rule == "" {
				if len(broken) > 0 {
					t.Errorf("breaks %q", broken)
				}
				return
			}
			if len(broken) != 1 || !strings.HasPrefix(broken[0], c.rule+":") {
				t.Errorf("breaks %q, want %s alone", broken, c.rule)
			}
		})
	}
}
