package template

import (
	"fmt"
	"strconv"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// filters return rows as they are.
func filters() []Template {
	return []Template{
		{ID: "filter_rows", Kind: Filtering, Prior: .85, Make: makeFilterRows, Signal: signalFilterRows},
		{ID: "latest", Kind: Filtering, Prior: .72, Make: makeLatest, Signal: signalLatest},
		{ID: "lookup", Kind: Filtering, Prior: .6, Make: makeLookup, Signal: signalLookup},
	}
}

// newest returns an ORDER BY for rows: the newest first if they have a time, else by key.
func (s *Source) newest() string {
	var keys []string
	if len(s.Times) > 0 {
		keys = append(keys, s.expr(s.Times[0])+" DESC NULLS LAST")
	}
	for _, c := range s.Ties {
		if len(s.Times) == 0 || c.Name != s.Times[0].Name {
			keys = append(keys, s.expr(c))
		}
	}
	if len(keys) == 0 {
		return ""
	}
	return "\nORDER BY " + strings.Join(keys, ", ")
}

func makeFilterRows(s *Source) []Candidate {
	d := s.draft("filter_rows", Filtering, .85)
	var conditions, said []string
	best := 0.0
	for i, c := range first(s.Filters, 3) {
		conditions = append(conditions, d.pick(c))
		d.c.Columns = append(d.c.Columns, c.Name)
		said = append(said, say(c))
		if i == 0 {
			best = max(s.dimFit(c), .4)
		}
		d.why("%s has %s values to choose from", say(c), count(c.Distinct))
	}
	if len(s.Measures) > 0 && len(s.bestMeasure().Name) <= maxName {
		m := s.bestMeasure()
		conditions = append(conditions, d.between(m)...)
		said = append(said, say(m))
		best = max(best, s.measFit(m))
		d.why("%s lies between %s and %s", say(m), clip(m.Min, 30), clip(m.Max, 30))
	}
	if len(s.Times) > 0 {
		t := s.Times[0]
		d.period()
		x := s.expr(t)
		conditions = append(conditions, "($from IS NULL OR "+x+" >= $from)", "($to IS NULL OR "+x+" < $to)")
		d.use(Filter, nil, t)
		said = append(said, say(t))
		d.why("%s spans %s days", say(t), short(s.span(t)))
	}
	cue := "Show " + s.rows() + ", the first 100"
	if len(conditions) > 0 {
		cue = "Show " + s.rows() + " by " + list(said)
		d.bind("@where", "\nWHERE "+strings.Join(conditions, "\n  AND "))
	} else {
		d.bind("@where", "")
	}
	d.why("the table has %s rows and %s columns", count(s.Profile.Rows), count(len(s.Profile.Columns)))
	d.fit(max(best, .3))
	d.whole("limit", "At most so many rows.", 100, 1, 10000)
	d.whole("offset", "Skip so many rows.", 0, 0, 1e12)
	d.bind("@order", s.newest())
	return []Candidate{d.done("Find "+s.rows(), cue, "SELECT *\nFROM @table@where@order\nLIMIT $limit OFFSET $offset", tableChart())}
}

// between adds optional slots for the lowest and highest value of a measure and returns their conditions.
func (d *draft) between(m profile.Column) []string {
	name := orName(m, "value")
	x := d.s.expr(m)
	var conditions []string
	for _, side := range []struct{ prefix, op, about string }{{"min_", ">=", "lowest"}, {"max_", "<=", "highest"}} {
		slot := d.slotName(profile.Column{Name: side.prefix + name}, side.prefix+"value")
		d.slot(program.Slot{Name: slot, Type: program.Number, Label: sentence(side.about + " " + say(m)), Column: m.Name,
			Description: fmt.Sprintf("Keep only %s from here; the data runs from %s to %s. Empty means all.", say(m), clip(m.Min, 30), clip(m.Max, 30))})
		conditions = append(conditions, fmt.Sprintf("($%s IS NULL OR %s %s $%s)", slot, x, side.op, slot))
	}
	d.use(Filter, nil, m)
	return conditions
}

func signalFilterRows(s *Source, c Candidate, r Result) (float64, string) {
	sig := clamp(.3+.15*float64(len(c.Columns)), 0, .9)
	return sig, fmt.Sprintf("rows can be narrowed by %d columns; the default shows %d rows", len(c.Columns), len(r.Rows))
}

func makeLatest(s *Source) []Candidate {
	var at *profile.Column
	if len(s.Times) > 0 {
		at = &s.Times[0]
	} else {
		for _, c := range s.Scalars {
			if c.Role == profile.AuditTime && s.valueType(c).IsTemporal() && c.Distinct > 1 {
				at = &c
				break
			}
		}
	}
	if at == nil || s.Profile.Rows < 5 {
		return nil
	}
	d := s.draft("latest", Filtering, .72)
	d.use(Show, nil, *at)
	d.fit(1 - at.NullShare())
	filter := ""
	if f := s.filterColumn(*at); f != nil {
		filter = "\n  AND " + d.pick(*f)
	}
	d.whole("n", "So many rows.", 20, 1, 1000)
	d.why("%s is known for %s of %s rows, the newest is %s", say(*at), count(at.NonNull()), count(at.Rows), clip(at.Max, 30))
	d.bind("@at", s.expr(*at)).bind("@filter", filter).ties(*at)
	return []Candidate{d.done("Latest "+s.rows(), "What are the latest 20 "+s.rows()+"?", `
SELECT *
FROM @table
WHERE @at IS NOT NULL@filter
ORDER BY @at DESC@ties
LIMIT $n`, tableChart())}
}

func signalLatest(s *Source, c Candidate, r Result) (float64, string) {
	return .6, fmt.Sprintf("the newest %d of %s rows (recency is known: signal 0.60)", len(r.Rows), count(s.Profile.Rows))
}

func makeLookup(s *Source) []Candidate {
	if len(s.Keys) == 0 || s.Profile.Rows < 2 {
		return nil
	}
	key := s.Keys[0]
	if key.Min == "" || len(key.Min) > 200 {
		return nil
	}
	d := s.draft("lookup", Filtering, .6)
	d.use(Filter, nil, key)
	d.fit(.8)
	slot := program.Slot{Name: "id", Type: program.String, Label: sentence(say(key)), Column: key.Name,
		Description: "The " + say(key) + " of the " + s.row() + " to show.", Default: key.Min}
	sql := "CAST(" + s.expr(key) + " AS VARCHAR)"
	switch s.kind(key) {
	case table.Varchar:
		sql = s.expr(key)
	case table.BigInt:
		// Above 2^53 a JSON number is not exact, and the text is.
		if n, err := strconv.ParseInt(key.Min, 10, 64); err == nil && fitsJSON(key) {
			slot.Type, slot.Default = program.Integer, n
			sql = s.expr(key)
		}
	}
	d.bind("@key", sql)
	d.slot(slot)
	d.why("%s is different in each of %s rows", say(key), count(key.Rows))
	return []Candidate{d.done("One "+s.row(), fmt.Sprintf("What is the %s with %s %s?", s.row(), say(key), clip(key.Min, 60)), `
SELECT *
FROM @table
WHERE @key = $id
LIMIT 1`, tableChart())}
}

// fitsJSON reports whether all values of an integer column are exact as JSON numbers.
func fitsJSON(c profile.Column) bool {
	lo, okLo := parseNumber(c.Min)
	hi, okHi := parseNumber(c.Max)
	return okLo && okHi && lo > -1<<53 && hi < 1<<53
}

func signalLookup(s *Source, c Candidate, r Result) (float64, string) {
	return .5, fmt.Sprintf("finds %d of %s rows by its key (signal 0.50)", len(r.Rows), count(s.Profile.Rows))
}
