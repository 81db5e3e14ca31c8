package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// rankings name the rows or things at the top.
func rankings() []Template {
	return []Template{
		{ID: "topn_entities", Kind: Ranking, Prior: .85, Make: makeTopEntities, Signal: signalTop},
		{ID: "rank_within_group", Kind: Ranking, Prior: .6, Make: makeRankWithin, Signal: signalTop},
		{ID: "entity_activity", Kind: Ranking, Prior: .6, Make: makeActivity, Signal: signalActivity},
	}
}

func makeTopEntities(s *Source) []Candidate {
	name, ok := s.name()
	if !ok || s.Profile.Rows < 10 {
		return nil
	}
	var out []Candidate
	for _, m := range first(s.Measures, 4) {
		d := s.draft("topn_entities", Ranking, .85)
		cols := d.choose("measure", "Measure", "The number that decides the order.", m, s.Measures)
		d.use(Show, nil, cols...)
		d.use(Show, nil, d.choose("name", "Name", "The column that names a "+s.row()+".", name, s.names())...)
		d.fit(s.measFit(m))
		d.fit(.9)
		d.slot(program.Slot{Name: "order", Type: program.Order, Label: "Order", Description: "desc puts the highest first, asc the lowest.", Default: "desc", Values: []any{"desc", "asc"}})
		d.whole("n", "So many rows.", 10, 1, 1000)
		filter := ""
		if f := s.filterColumn(name, m); f != nil {
			filter = "\n  AND " + d.pick(*f)
		}
		d.unit()
		d.why("%s has %s distinct values, from %s to %s", say(m), count(m.Distinct), clip(m.Min, 30), clip(m.Max, 30))
		d.why("%s names a %s (%s distinct values in %s rows)", say(name), s.row(), count(name.Distinct), count(name.Rows))
		d.bind("@name", "{{name}}").bind("@filter", filter).ties(name)
		context, k := s.context(4, []profile.Column{name, m}, "label", "value")
		more := d.beside(3, k, name, m)
		d.bind("@context", context+more)
		d.c.MinRows = 2
		out = append(out, d.done("Top "+s.rows()+" by "+say(m),
			fmt.Sprintf("Which 10 %s have the highest %s?", s.rows(), say(m)), `
SELECT
  @name AS "label",
  {{measure}} AS "value"@context
FROM @table
WHERE {{measure}} IS NOT NULL@filter@unit
ORDER BY {{measure}} {{order}}, @name@ties
LIMIT $n`, barChart(nominal("label", say(name)), quantitative("value", say(m)))))
	}
	return out
}

// beside adds up to n further measures to the end of a select list that shows rows:
// who looks for the largest wants to see what else is large about it. k is how many
// columns stand there already, beside those given.
func (d *draft) beside(n, k int, shown ...profile.Column) string {
	var b strings.Builder
	taken := map[string]bool{"label": true, "value": true}
	for _, m := range short512(d.s.Measures) {
		low := strings.ToLower(m.Name)
		if n == 0 || named(shown, m.Name) || taken[low] || strings.TrimSpace(m.Name) == "" {
			continue
		}
		taken[low] = true
		n--
		d.use(Show, nil, m)
		b.WriteString(",\n  " + d.s.expr(m) + " AS " + table.Quote(m.Name))
	}
	return b.String()
}

// names returns the columns that can name a row in a list.
func (s *Source) names() []profile.Column {
	out := append(append([]profile.Column(nil), s.Labels...), s.Keys...)
	for _, c := range s.Scalars {
		switch c.Role {
		case profile.Country, profile.Region, profile.City:
			if float64(c.Distinct) >= .9*float64(c.NonNull()) && !named(out, c.Name) {
				out = append(out, c)
			}
		}
	}
	return out
}

// filterColumn returns the best column to narrow rows by that is none of the given.
func (s *Source) filterColumn(not ...profile.Column) *profile.Column {
	for _, c := range s.Filters {
		if !named(not, c.Name) && (s.Unit == nil || c.Name != s.Unit.Name) {
			return &c
		}
	}
	return nil
}

func signalTop(s *Source, c Candidate, r Result) (float64, string) {
	m, _ := s.Profile.Column(c.Columns[0])
	if c.Template == "rank_within_group" {
		m, _ = s.Profile.Column(c.Columns[1])
	}
	top := known(r.Floats("value"))
	if len(top) == 0 {
		return 0, "no values"
	}
	cv := 0.0
	if m.Avg != 0 {
		cv = clamp(m.StdDev/abs(m.Avg), 0, 1)
	}
	above := 0.0
	if m.StdDev > 0 {
		above = clamp((top[0]-m.Avg)/m.StdDev/6, 0, 1)
	}
	return .6*cv + .4*above, fmt.Sprintf("the highest %s is %s, against an average of %s (spread %s of it)", say(m), short(top[0]), short(m.Avg), percent(cv))
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

func makeRankWithin(s *Source) []Candidate {
	name, ok := s.name()
	if !ok || s.Profile.Rows < 10 {
		return nil
	}
	var dims []profile.Column
	for _, c := range s.Dims {
		if c.Distinct <= 50 && c.Name != name.Name {
			dims = append(dims, c)
		}
	}
	var out []Candidate
	for _, m := range first(s.Measures, 2) {
		for _, dim := range first(dims, 2) {
			if dim.Name == m.Name || s.Profile.Rows < 3*dim.Distinct {
				continue
			}
			d := s.draft("rank_within_group", Ranking, .6)
			d.group("dim", dim, dims)
			d.use(Show, nil, d.choose("measure", "Measure", "The number that decides the order.", m, s.Measures)...)
			d.use(Show, nil, name)
			d.fit(s.measFit(m))
			d.unit()
			d.whole("n", "So many per group.", 3, 1, 100)
			d.why("%s names a %s; %s runs from %s to %s", say(name), s.row(), say(m), clip(m.Min, 30), clip(m.Max, 30))
			d.bind("@name", s.expr(name)).ties(name)
			d.c.MinRows = 2
			out = append(out, d.done("Top "+s.rows()+" in each "+say(dim)+" by "+say(m),
				fmt.Sprintf("What are the top 3 %s by %s in each %s?", s.rows(), say(m), say(dim)), `
WITH ranked AS (
  SELECT {{dim}} AS "group", @name AS "label", {{measure}} AS "value",
    row_number() OVER (PARTITION BY {{dim}} ORDER BY {{measure}} DESC, @name@ties) AS "place"
  FROM @table
  WHERE {{dim}} IS NOT NULL AND {{measure}} IS NOT NULL@unit
)
SELECT "group", "place", "label", "value"
FROM ranked
WHERE "place" <= $n
ORDER BY 1, 2
LIMIT 5000`, tableChart()))
		}
	}
	return out
}

func makeActivity(s *Source) []Candidate {
	var out []Candidate
	for _, e := range s.entities() {
		d := s.draft("entity_activity", Ranking, .6)
		d.use(Show, nil, d.choose("entity", "Entity", "The column that says whom a row belongs to.", e, s.entities())...)
		d.fit(.8 * (1 - e.NullShare()))
		per := float64(e.NonNull()) / float64(e.Distinct)
		d.why("%s has %s distinct values, %s rows each on average", say(e), count(e.Distinct), short(per))
		var cols []string
		if len(s.Additive) > 0 {
			d.sumOf(s.Additive[0], s.Additive)
			cols = append(cols, ",\n  "+d.ofMeasure("sum")+" AS \"total\"")
		}
		d.unitOnlyWithMeasure(s)
		if len(s.Times) > 0 {
			t := s.Times[0]
			d.use(Show, nil, t)
			cols = append(cols, ",\n  min("+s.expr(t)+") AS \"first_seen\",\n  max("+s.expr(t)+") AS \"last_seen\"")
		}
		d.whole("n", "So many.", 10, 1, 1000)
		d.bind("@more", strings.Join(cols, ""))
		d.c.MinRows = 2
		cue := fmt.Sprintf("Which %s has the most %s?", say(e), s.rows())
		if len(s.Times) > 0 {
			cue = fmt.Sprintf("Which %s has the most %s, and when was it first and last seen?", say(e), s.rows())
		}
		out = append(out, d.done("Most active "+say(e), cue, `
SELECT
  {{entity}} AS "label",
  count(*) AS "row_count"@more
FROM @table
WHERE {{entity}} IS NOT NULL@unit
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $n`, barChart(nominal("label", say(e)), quantitative("row_count", s.rows()))))
	}
	return out
}

// entities returns the columns that name whom a row belongs to, with at least 1.5 rows each.
func (s *Source) entities() []profile.Column {
	var out []profile.Column
	for _, c := range append(append([]profile.Column(nil), s.Foreign...), s.Labels...) {
		if c.Distinct > 5 && float64(c.NonNull()) >= 1.5*float64(c.Distinct) && c.NullShare() < .5 {
			out = append(out, c)
		}
	}
	return first(out, 3)
}

func signalActivity(s *Source, c Candidate, r Result) (float64, string) {
	n := known(r.Floats("row_count"))
	if len(n) == 0 {
		return 0, "no groups"
	}
	e, _ := s.Profile.Column(c.Columns[0])
	per := float64(e.NonNull()) / float64(e.Distinct)
	sig := clamp((n[0]/per-1)/5, 0, 1)
	return sig, fmt.Sprintf("the most active has %s rows, against %s on average", short(n[0]), short(per))
}
