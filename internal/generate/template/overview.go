package template

import (
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// overview is the one row of figures that everybody asks for first.
func overview() []Template {
	return []Template{{ID: "kpi", Kind: Aggregation, Prior: .7, Make: makeKPI, Signal: signalKPI}}
}

func makeKPI(s *Source) []Candidate {
	d := s.draft("kpi", Aggregation, .7)
	cols := []string{`count(*) AS "row_count"`}
	question := "How many " + s.rows() + " are there"
	d.fit(.8)
	if e, ok := s.entity(); ok {
		cols = append(cols, "count(DISTINCT "+s.expr(e)+`) AS "distinct_`+orName(e, "entities")+`"`)
		d.use(Show, nil, e)
	}
	if len(s.Measures) > 0 {
		m := s.Measures[0]
		if len(s.Additive) > 0 {
			m = s.Additive[0]
		}
		agg := aggregatesOf(m, s.TimeBound())[0]
		cols = append(cols, "CAST("+agg+"("+s.expr(m)+`) AS DOUBLE) AS "`+aggWord(agg)+"_"+orName(m, "value")+`"`)
		d.use(Value, []string{agg}, m)
		d.fit(s.measFit(m))
		d.whyMeasure(m, []string{agg})
		question += ", and what is the " + saying(agg, say(m))
	}
	d.unitOnlyWithMeasure(s)
	where := "TRUE"
	if len(s.Times) > 0 {
		t := s.Times[0]
		cols = append(cols, "min("+s.expr(t)+`) AS "earliest"`, "max("+s.expr(t)+`) AS "latest"`)
		d.use(Show, nil, t)
		d.period()
		where += between(s.expr(t))
	}
	d.why("the table has %s rows and %s columns", count(s.Profile.Rows), count(len(s.Profile.Columns)))
	d.bind("@columns", strings.Join(cols, ",\n  ")).bind("@where", where)
	return []Candidate{d.done("Overview of "+s.rows(), question+"?", `
SELECT
  @columns
FROM @table
WHERE @where@unit`, kpiChart())}
}

// unitOnlyWithMeasure keeps currencies apart where an amount is aggregated, and
// counts everything where none is.
func (d *draft) unitOnlyWithMeasure(s *Source) {
	for _, u := range d.c.Uses {
		if u.Part == Value {
			d.unit()
			return
		}
	}
	d.bind("@unit", "")
}

func signalKPI(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	if len(n) != 1 {
		return -1, "the overview returned no row"
	}
	return .5, "the overview is neutral (signal 0.50) over " + count(int64(n[0])) + " rows"
}

// entity returns what rows belong to: the best foreign key, else a label that repeats.
func (s *Source) entity() (profile.Column, bool) {
	for _, c := range s.Foreign {
		if c.Distinct > 1 && c.NullShare() < .5 {
			return c, true
		}
	}
	for _, c := range s.Labels {
		if c.Distinct < c.NonNull() {
			return c, true
		}
	}
	return profile.Column{}, false
}

// name returns the column that names a row in a list: a label, else a key.
func (s *Source) name() (profile.Column, bool) {
	for _, c := range s.names() {
		if c.Name == s.Profile.Facts.EntityColumn && c.Role != profile.Key {
			return c, true
		}
	}
	if len(s.Labels) > 0 {
		return s.Labels[0], true
	}
	if len(s.Keys) > 0 {
		return s.Keys[0], true
	}
	if all := s.names(); len(all) > 0 {
		return all[0], true
	}
	return profile.Column{}, false
}

// orName returns the column's name as part of a result column's name.
func orName(c profile.Column, fallback string) string {
	if n := ident(c.Name); n != "" {
		return n
	}
	return fallback
}

// context returns up to n further columns that help to recognise a row, as the
// end of a select list, each under its own name, and how many; taken are names
// in use.
func (s *Source) context(n int, skip []profile.Column, taken ...string) (string, int) {
	var b strings.Builder
	used := map[string]bool{}
	for _, t := range taken {
		used[strings.ToLower(t)] = true
	}
	var pool []profile.Column
	found := 0
	pool = append(pool, first(s.Keys, 1)...)
	pool = append(pool, first(s.Labels, 1)...)
	pool = append(pool, first(s.Times, 1)...)
	pool = append(pool, first(s.Dims, 2)...)
	for _, c := range pool {
		low := strings.ToLower(c.Name)
		if found == n || used[low] || named(skip, c.Name) || strings.TrimSpace(c.Name) == "" || len(c.Name) > maxName {
			continue
		}
		used[low] = true
		found++
		b.WriteString(",\n  " + s.expr(c) + " AS " + table.Quote(c.Name))
	}
	return b.String(), found
}
