package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// A draft is a candidate being put together. SQL texts name their parts: @table
// and what bind adds are replaced at once and never looked at again, so a column
// may be called anything; {{x}} and $x stay and are the program's slots.
type draft struct {
	s     *Source
	c     Candidate
	parts []string // for strings.NewReplacer
	fits  []float64
}

// draft starts a candidate of the template.
func (s *Source) draft(id, kind string, prior float64) *draft {
	d := &draft{s: s, c: Candidate{Template: id, Kind: kind, Prior: prior, MinRows: 1, Ordered: true}}
	d.c.Program = program.Program{
		Dialect: s.Dialect.Name, Kind: kind, Template: id,
		Tables: []string{s.Profile.Table}, Slots: []program.Slot{},
	}
	return d.bind("@table", table.Quote(s.Profile.Table)).bind("@open", s.openList())
}

// bind says what @name stands for in the SQL.
func (d *draft) bind(name, sql string) *draft {
	d.parts = append(d.parts, name, sql)
	return d
}

// use records that the candidate reads columns in a part. The first is the default.
func (d *draft) use(part Part, aggs []string, cols ...profile.Column) {
	d.c.Uses = append(d.c.Uses, Use{Part: part, Columns: cols, Aggs: aggs})
	if !contains(d.c.Columns, cols[0].Name) {
		d.c.Columns = append(d.c.Columns, cols[0].Name)
	}
}

// fit adds how well a default column fits its part.
func (d *draft) fit(f float64) { d.fits = append(d.fits, f) }

func (d *draft) slot(s program.Slot) { d.c.Program.Slots = append(d.c.Program.Slots, s) }

// why records a condition that held, with its numbers.
func (d *draft) why(format string, args ...any) {
	d.c.Why = append(d.c.Why, fmt.Sprintf(format, args...))
}

// choose adds a column slot whose default is def and whose other values are from.
func (d *draft) choose(name, label, about string, def profile.Column, from []profile.Column) []profile.Column {
	cols := withFirst(def, from)
	slot := program.Slot{Name: name, Type: program.Column, Label: label, Description: about, Default: def.Name}
	for _, c := range inOrder(d.s, cols) {
		slot.Values = append(slot.Values, c.Name)
		if !d.s.plain(c) {
			if slot.Expressions == nil {
				slot.Expressions = map[string]string{}
			}
			slot.Expressions[c.Name] = d.s.expr(c)
		}
	}
	d.slot(slot)
	return cols
}

// group adds the slot {{dim}}: what rows are grouped by.
func (d *draft) group(name string, def profile.Column, from []profile.Column) {
	cols := d.choose(name, "Group by", "The column whose values make the groups.", def, from)
	d.use(Group, nil, cols...)
	d.fit(d.s.dimFit(def))
	d.why("%s has %s distinct values in %s rows, %s empty (dimension fit %.2f)",
		say(def), count(def.Distinct), count(def.Rows), percent(def.NullShare()), d.s.dimFit(def))
}

// measure adds the slots {{measure}} and {{agg}}. The columns that the slot
// allows are those to which every aggregate of the default column may be
// applied, so that no choice makes a sum of prices.
func (d *draft) measure(def profile.Column, from []profile.Column, perTime bool) (agg string) {
	aggs := aggregatesOf(def, perTime)
	var cols []profile.Column
	for _, c := range from {
		if covers(aggregatesOf(c, perTime), aggs) {
			cols = append(cols, c)
		}
	}
	cols = d.choose("measure", "Measure", "The number that is aggregated.", def, cols)
	d.slot(program.Slot{Name: "agg", Type: program.Aggregate, Label: "Aggregate",
		Description: "How the values of a group become one number.", Default: aggs[0], Values: anys(sorted(aggs))})
	d.use(Value, aggs, cols...)
	d.fit(d.s.measFit(def))
	d.whyMeasure(def, aggs)
	return aggs[0]
}

// sumOf adds the slot {{measure}} for a measure that is always added up.
func (d *draft) sumOf(def profile.Column, from []profile.Column) {
	cols := d.choose("measure", "Measure", "The number that is added up.", def, from)
	d.use(Value, []string{"sum"}, cols...)
	d.fit(d.s.measFit(def))
	d.whyMeasure(def, []string{"sum"})
}

func (d *draft) whyMeasure(c profile.Column, aggs []string) {
	subtype := string(c.Subtype)
	if subtype == "" {
		subtype = string(profile.Untyped)
	}
	d.why("%s is a %s measure (average %s, spread %s, %s empty; fit %.2f), so %s is the default",
		say(c), subtype, short(c.Avg), short(c.StdDev), percent(c.NullShare()), d.s.measFit(c), aggs[0])
}

// axis adds the time axis: @period in the SQL, @known for a condition that
// leaves out rows without a time and those outside $from and $to.
// It returns the default unit: "month", or "year" for an integer year.
func (d *draft) axis(def profile.Column) string {
	span := d.s.span(def)
	if def.Role == profile.Year {
		cols := d.choose("time", "Year", "The column that holds the year.", def, d.s.Years)
		d.use(Axis, nil, cols...)
		d.bind("@period", "{{time}}").bind("@known", "{{time}} IS NOT NULL")
		d.fit(d.s.timeFit(def))
		d.why("%s holds %s years from %s to %s", say(def), count(def.Distinct), def.Min, def.Max)
		return "year"
	}
	unit, allowed := pickGrain(def, span)
	cols := d.choose("time", "Time", "The column that places a row in time.", def, d.s.Times)
	d.slot(program.Slot{Name: "grain", Type: program.Grain, Label: "Per", Description: "The length of a period.",
		Default: unit, Values: anys(allowed)})
	d.period()
	d.use(Axis, nil, cols...)
	d.bind("@period", "date_trunc({{grain}}, {{time}})").bind("@known", "{{time}} IS NOT NULL"+between("{{time}}"))
	d.fit(d.s.timeFit(def))
	d.why("%s spans %s days, which makes about %s periods of one %s (time fit %.2f)",
		say(def), short(span), short(span/daysOf(unit)+1), unit, d.s.timeFit(def))
	return unit
}

// period adds the optional slots $from and $to.
func (d *draft) period() {
	d.slot(program.Slot{Name: "from", Type: program.Timestamp, Label: "From", Description: "Leave out what was before this moment; empty means from the beginning."})
	d.slot(program.Slot{Name: "to", Type: program.Timestamp, Label: "To", Description: "Leave out this moment and what came after; empty means to the end."})
}

// between is the condition of the slots that period adds.
func between(at string) string {
	return "\n  AND ($from IS NULL OR " + at + " >= $from)" +
		"\n  AND ($to IS NULL OR " + at + " < $to)"
}

// unit binds @unit: a condition that keeps currencies or units apart, when the
// table mixes them.
func (d *draft) unit() *draft {
	u := d.s.Unit
	if u == nil {
		return d.bind("@unit", "")
	}
	name := d.slotName(*u, "unit")
	d.slot(program.Slot{Name: name, Type: program.Enum, Label: sentence(say(*u)), Column: u.Name,
		Description: "Amounts of different " + say(*u) + " are never mixed.", Default: u.Top[0].Value, Values: values(*u)})
	d.c.ByUnit = true
	return d.bind("@unit", "\n  AND CAST("+d.s.expr(*u)+" AS VARCHAR) = $"+name)
}

// whole adds an integer slot.
func (d *draft) whole(name, about string, def, lo, hi int64) {
	d.slot(program.Slot{Name: name, Type: program.Integer, Label: sentence(strings.ReplaceAll(name, "_", " ")), Description: about,
		Default: def, Min: float(float64(lo)), Max: float(float64(hi))})
}

func (d *draft) number(name, about string, def float64, lo, hi float64) {
	d.slot(program.Slot{Name: name, Type: program.Number, Label: sentence(strings.ReplaceAll(name, "_", " ")), Description: about,
		Default: def, Min: float(lo), Max: float(hi)})
}

// pick adds an optional slot that keeps rows with one value of the column, and
// returns its condition.
func (d *draft) pick(c profile.Column) string {
	name := d.slotName(c, "value")
	slot := program.Slot{Name: name, Type: program.Enum, Label: sentence(say(c)), Column: c.Name,
		Description: "Keep only this " + say(c) + "; empty means all.", Values: values(c)}
	sql := "CAST(" + d.s.expr(c) + " AS VARCHAR)"
	if d.s.kind(c) == table.Varchar {
		sql = d.s.expr(c)
	}
	d.slot(slot)
	d.c.Uses = append(d.c.Uses, Use{Part: Filter, Columns: []profile.Column{c}})
	return fmt.Sprintf("($%s IS NULL OR %s = $%s)", name, sql, name)
}

// slotName returns a free slot name that resembles the column's.
func (d *draft) slotName(c profile.Column, fallback string) string {
	base := ident(c.Name)
	if base == "" {
		base = fallback
	}
	name := base
	for i := 2; slotNamed(d.c.Program.Slots, name); i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	return name
}

// ties binds @ties: what follows the sort keys to make the order unique.
func (d *draft) ties(skip ...profile.Column) *draft {
	var keys []string
	for _, c := range d.s.Ties {
		if !named(skip, c.Name) {
			keys = append(keys, d.s.expr(c))
		}
	}
	if len(keys) == 0 {
		return d.bind("@ties", "")
	}
	return d.bind("@ties", ", "+strings.Join(keys, ", "))
}

// done writes the texts and returns the candidate.
func (d *draft) done(name, cue, sql string, chart *program.Chart) Candidate {
	d.c.Program.Name = sentence(name)
	d.c.Program.Cue = sentence(cue)
	d.c.Program.SQL = strings.NewReplacer(d.parts...).Replace(d.s.stars(strings.TrimSpace(sql)))
	d.c.Program.Chart = chart
	d.c.Fit = mean(d.fits...)
	return d.c
}

// values returns the column's most frequent values for a slot, without those
// that are too long to choose from a list.
func values(c profile.Column) []any {
	var out []any
	for _, v := range c.Top {
		if len(v.Value) <= 200 {
			out = append(out, v.Value)
		}
	}
	// A list that lacks values would forbid them.
	if int64(len(out)) < c.Distinct {
		return nil
	}
	return out
}

func withFirst(def profile.Column, from []profile.Column) []profile.Column {
	out := []profile.Column{def}
	for _, c := range from {
		if c.Name != def.Name {
			out = append(out, c)
		}
	}
	return out
}
