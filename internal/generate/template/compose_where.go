package template

import (
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
	"strings"
)

// conditions returns the WHERE of the wish, and adds its slots.
func (d *draft) conditions(w Wish) []string {
	all := []string{"TRUE"}
	for i := range w.Groups {
		all = append(all, []string{"{{dim}}", "{{dim_2}}"}[i]+" IS NOT NULL")
	}
	if w.Grain != "" && w.Time != nil {
		all = append(all, "@known")
	}
	for _, c := range w.Conditions {
		all = append(all, d.condition(c))
		d.c.Uses = append(d.c.Uses, Use{Part: Filter, Columns: []profile.Column{c.Column}})
		if !contains(d.c.Columns, c.Column.Name) {
			d.c.Columns = append(d.c.Columns, c.Column.Name)
		}
	}
	return all
}

func (d *draft) condition(c Condition) string {
	x := d.s.expr(c.Column)
	switch c.Op {
	case "true", "false":
		yes, ok := d.s.isTrue(c.Column)
		if !ok {
			return x + " IS NOT NULL"
		}
		if c.Op == "false" {
			return "NOT " + yes
		}
		return yes
	case "null":
		return x + " IS NULL"
	case "known":
		return x + " IS NOT NULL"
	case "min", "above", "max", "below":
		op := map[string]string{"min": ">=", "above": ">", "max": "<=", "below": "<"}[c.Op]
		return x + " " + op + " $" + d.limitSlot(c)
	case "from", "to":
		return d.moment(c, x)
	case "days":
		d.numberSlot("days", "How many days before the newest "+d.s.row()+".", c.Values[0], program.Integer)
		return x + " > " + d.s.Dialect.MinusDays("(SELECT max("+x+") FROM @table)", "$days")
	case "contains":
		name := d.slotName(c.Column, "text")
		d.slot(program.Slot{Name: name, Type: program.String, Label: sentence(say(c.Column)), Column: c.Column.Name, Description: "What the " + say(c.Column) + " holds, in any case.", Default: c.Values[0]})
		return d.s.Dialect.HasText("lower(CAST("+x+" AS VARCHAR))", "lower($"+name+")")
	}
	return d.equal(c, x)
}

// equal compares the column with one value or several.
func (d *draft) equal(c Condition, x string) string {
	if d.s.kind(c.Column) == table.List {
		name := d.slotName(c.Column, "element")
		d.slot(program.Slot{Name: name, Type: program.Enum, Label: sentence(say(c.Column)), Column: c.Column.Name, Description: "What the list holds.", Default: c.Values[0], Values: d.among(c, c.Values[0])})
		sql := d.s.Dialect.Contains(x, "$"+name)
		if c.Op == "not" {
			sql = "NOT " + sql
		}
		return sql
	}
	if d.s.kind(c.Column) != table.Varchar {
		x = "CAST(" + x + " AS VARCHAR)"
	}
	var names []string
	for _, v := range c.Values {
		name := d.slotName(c.Column, "value")
		d.slot(program.Slot{Name: name, Type: program.Enum, Label: sentence(say(c.Column)), Column: c.Column.Name,
			Description: "The " + say(c.Column) + " to keep.", Default: v, Values: d.among(c, v)})
		names = append(names, "$"+name)
	}
	op := " IN ("
	if c.Op == "not" {
		op = " NOT IN ("
	}
	return x + op + strings.Join(names, ", ") + ")"
}

// among returns the values to choose from, if the wanted one is among them.
func (d *draft) among(c Condition, wanted string) []any {
	all := values(c.Column)
	if !contains(all, any(wanted)) {
		return nil
	}
	return all
}

func (d *draft) limitSlot(c Condition) string {
	name := d.slotName(c.Column, "number")
	prefix := map[string]string{"min": "min_", "above": "above_", "max": "max_", "below": "below_"}[c.Op]
	if !strings.HasPrefix(name, prefix) {
		name = prefix + name
	}
	return d.numberSlot(name, "The limit for "+say(c.Column)+".", c.Values[0], program.Number)
}

func (d *draft) numberSlot(name, about, value string, typ program.SlotType) string {
	slot := program.Slot{Name: name, Type: typ, Label: sentence(strings.ReplaceAll(name, "_", " ")), Description: about}
	n, _ := parseNumber(value)
	slot.Default = n
	if typ == program.Integer || n == float64(int64(n)) && n < 1<<53 && n > -1<<53 {
		slot.Default = int64(n)
	}
	d.slot(slot)
	return name
}

// moment compares a time with a date, or a year with a number.
func (d *draft) moment(c Condition, x string) string {
	op, about := " >= ", "Leave out what was before this moment."
	name := "from"
	if c.Op == "to" {
		op, name, about = " < ", "to", "Leave out this moment and what came after."
	}
	if c.Column.Role == profile.Year {
		name += "_year"
		return x + op + "$" + d.numberSlot(name, about, c.Values[0][:4], program.Integer)
	}
	for i, slot := range d.c.Program.Slots {
		if slot.Name == name { // the axis has it already
			d.c.Program.Slots[i].Default = c.Values[0]
			return x + op + "$" + name
		}
	}
	d.slot(program.Slot{Name: name, Type: program.Timestamp, Label: sentence(name), Description: about, Default: c.Values[0]})
	return x + op + "$" + name
}
