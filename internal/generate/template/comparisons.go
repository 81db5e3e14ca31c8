package template

import (
	"fmt"
	"math"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// comparisons put groups side by side.
func comparisons() []Template {
	return []Template{
		{ID: "compare_groups", Kind: Comparison, Prior: .7, Make: makeCompare, Signal: signalCompare},
		{ID: "flag_rate", Kind: Comparison, Prior: .66, Make: makeFlagRate, Signal: signalFlagRate},
	}
}

func makeCompare(s *Source) []Candidate {
	var out []Candidate
	for _, dim := range first(s.Cats, 4) {
		vals := compared(dim)
		ms := first(without(s.Measures, dim.Name), 4)
		if len(vals) < 2 || len(ms) == 0 {
			continue
		}
		d := s.draft("compare_groups", Comparison, .7)
		d.use(Group, nil, dim)
		d.fit(clamp(s.dimFit(dim)+.1, 0, 1))
		d.fit(s.measFit(ms[0]))
		choices := values(dim)
		for i, name := range []string{"a", "b"} {
			d.slot(program.Slot{Name: name, Type: program.Enum, Label: sentence(say(dim)) + " " + strings.ToUpper(name), Column: dim.Name,
				Description: "One of the two " + say(dim) + " that are compared.", Default: vals[i].Value, Values: choices})
		}
		d.unit()
		var cols []string
		taken := map[string]bool{}
		for i, m := range ms {
			name := orName(m, fmt.Sprintf("measure_%d", i+1))
			if taken[name] {
				continue
			}
			taken[name] = true
			cols = append(cols, ",\n  "+s.amount("avg", s.expr(m), []profile.Column{m})+" AS "+table.Quote("average_"+name))
			d.use(Value, []string{"avg"}, m)
		}
		d.why("%s has %s rows with %q and %s with %q", say(dim), count(vals[0].Count), clip(vals[0].Value, 40), count(vals[1].Count), clip(vals[1].Value, 40))
		d.why("%d measures are averaged: %s", len(ms), sayAll(ms))
		d.bind("@dim", s.expr(dim)).bind("@averages", strings.Join(cols, ""))
		d.c.MinRows = 2
		out = append(out, d.done(fmt.Sprintf("%s against %s", clip(vals[0].Value, 40), clip(vals[1].Value, 40)),
			fmt.Sprintf("How do %s %q and %q compare on average %s?", say(dim), clip(vals[0].Value, 40), clip(vals[1].Value, 40), sayAll(ms)), `
SELECT
  @dim AS "label",
  count(*) AS "row_count"@averages
FROM @table
WHERE CAST(@dim AS VARCHAR) IN ($a, $b)@unit
GROUP BY 1
ORDER BY 1
LIMIT 2`, barChart(nominal("label", say(dim)), quantitative("average_"+orName(ms[0], "measure_1"), "average "+say(ms[0])))))
	}
	return out
}

// compared returns the two most frequent values if both have 20 rows and can be typed.
func compared(c profile.Column) []profile.Value {
	var out []profile.Value
	for _, v := range c.Top {
		if v.Count >= 20 && len(v.Value) <= 200 && len(out) < 2 {
			out = append(out, v)
		}
	}
	return out
}

func without(cols []profile.Column, name string) []profile.Column {
	var out []profile.Column
	for _, c := range cols {
		if c.Name != name {
			out = append(out, c)
		}
	}
	return out
}

func signalCompare(s *Source, c Candidate, r Result) (float64, string) {
	best, label := 0.0, ""
	i := 0
	for _, u := range c.Uses {
		if u.Part != Value {
			continue
		}
		m := u.Columns[0]
		xs := known(r.Floats("average_" + orName(m, fmt.Sprintf("measure_%d", i+1))))
		i++
		if len(xs) == 2 && m.StdDev > 0 {
			if d := math.Abs(xs[0]-xs[1]) / m.StdDev; d > best {
				best, label = d, say(m)
			}
		}
	}
	if label == "" {
		return 0, fmt.Sprintf("the two groups do not differ on %d measures", i)
	}
	return clamp(best/1.5, 0, 1), fmt.Sprintf("the two differ most on %s, by %s standard deviations", label, short(best))
}

// isTrue returns a condition for the flag, and whether one could be written.
func (s *Source) isTrue(c profile.Column) (string, bool) {
	x := s.expr(c)
	switch t := s.valueType(c); {
	case t.Kind == table.Boolean:
		return x, true
	case t.IsNumeric():
		return "(" + x + " = 1)", true
	case t.Kind == table.Varchar:
		for _, v := range c.Top {
			switch strings.ToLower(v.Value) {
			case "t", "true", "y", "yes", "1":
				return "(lower(" + x + ") = " + table.QuoteText(strings.ToLower(v.Value)) + ")", true
			}
		}
	}
	return "", false
}

func makeFlagRate(s *Source) []Candidate {
	var flags, dims []profile.Column
	for _, c := range s.Flags {
		if _, ok := s.isTrue(c); ok && c.ModeShare < .98 {
			flags = append(flags, c)
		}
	}
	for _, c := range s.Cats {
		if c.Distinct <= 50 {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, flag := range first(flags, 3) {
		for _, dim := range first(without(dims, flag.Name), 3) {
			out = append(out, s.flagRate(flag, dim, flags, dims))
		}
	}
	return out
}

func (s *Source) flagRate(flag, dim profile.Column, flags, dims []profile.Column) Candidate {
	d := s.draft("flag_rate", Comparison, .66)
	d.group("dim", dim, dims)
	d.use(Show, nil, d.choose("flag", "Flag", "The yes-or-no column whose share of yes is shown.", flag, flags)...)
	slot := &d.c.Program.Slots[len(d.c.Program.Slots)-1]
	for _, c := range flags {
		if yes, _ := s.isTrue(c); yes != table.Quote(c.Name) {
			if slot.Expressions == nil {
				slot.Expressions = map[string]string{}
			}
			slot.Expressions[c.Name] = yes
		}
	}
	d.fit(1 - flag.NullShare())
	d.whole("min_rows", "Leave out groups with fewer rows than this.", 1, 1, 1000000)
	d.whole("limit", "At most so many groups.", 20, 1, 500)
	d.why("%s is a flag whose more frequent value has %s of %s rows", say(flag), percent(flag.ModeShare), count(flag.NonNull()))
	d.c.MinRows = 2
	return d.done("Share of "+say(flag)+" by "+say(dim),
		fmt.Sprintf("What share of %s %s, by %s?", s.rows(), asserted(flag), say(dim)), `
SELECT
  {{dim}} AS "label",
  avg(CASE WHEN {{flag}} THEN 1.0 ELSE 0.0 END) AS "rate",
  count(*) AS "row_count"
FROM @table
WHERE {{dim}} IS NOT NULL AND {{flag}} IS NOT NULL
GROUP BY 1
HAVING count(*) >= $min_rows
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), share("rate", "share of "+say(flag))))
}

func signalFlagRate(s *Source, c Candidate, r Result) (float64, string) {
	rate, n := r.Floats("rate"), r.Floats("row_count")
	var rows, cols []string
	var cells []float64
	for i, label := range r.Texts("label") {
		rows, cols = append(rows, label, label), append(cols, "yes", "no")
		cells = append(cells, rate[i]*n[i], (1-rate[i])*n[i])
	}
	v, p, _ := cramer(rows, cols, cells)
	lo, hi := rate[len(rate)-1], rate[0]
	if p > .01 {
		return .05, fmt.Sprintf("rates from %s to %s are within chance (p %.2f)", percent(lo), percent(hi), p)
	}
	return clamp(.2+v, 0, 1), fmt.Sprintf("rates run from %s to %s over %d groups (Cramér's V %.2f)", percent(lo), percent(hi), len(rate), v)
}

// asserted says that a flag holds: "is gift" stays, "active" becomes "is active".
func asserted(flag profile.Column) string {
	label := label(flag)
	for _, verb := range []string{"is ", "has ", "was ", "are ", "can ", "have ", "does "} {
		if strings.HasPrefix(strings.ToLower(label), verb) {
			return label
		}
	}
	return "is " + label
}
