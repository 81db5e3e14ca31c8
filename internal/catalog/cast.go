package catalog

import (
	"strconv"
	"strings"

	"millwright/internal/table"
)

// A caster spells how values that were stored with one type are read as another.
// Parts of nested types are matched by field id; what was not stored is NULL.
type caster struct {
	lambdas int // how many lambda parameters have a name so far
}

// column returns the expression for a column of a table in which those are stored.
func (c *caster) column(stored []table.Column, want table.Column) string {
	for _, s := range stored {
		if s.ID == want.ID {
			return c.cast(table.Quote(s.Name), s.Type, want.Type, true)
		}
	}
	return "CAST(NULL AS " + readAs(want.Type, true) + ")"
}

// readAs spells the type that values of t have in a query: JSON inside of nested
// types is text.
func readAs(t table.Type, top bool) string {
	if top && t.Kind == table.JSON {
		return t.String()
	}
	return t.Spell(map[table.Kind]string{table.JSON: string(table.Varchar)})
}

// cast returns an expression that reads e, whose values were stored as from, as to.
func (c *caster) cast(e string, from, to table.Type, top bool) string {
	target := readAs(to, top)
	text := "CAST(" + e + " AS VARCHAR)"
	switch {
	case sameShape(from, to):
		return e
	case to.Kind == table.JSON && top:
		return "to_json(" + e + ")"
	case to.Kind == table.JSON:
		return "CAST(to_json(" + e + ") AS VARCHAR)"
	case from.Kind == to.Kind && to.Kind == table.Struct:
		return orNull(e, c.pack(e, from, to), target)
	case from.Kind == to.Kind && to.Kind == table.List:
		x := c.lambda()
		return "list_transform(" + e + ", lambda " + x + ": " + c.cast(x, *from.Elem, *to.Elem, false) + ")"
	case from.Kind == to.Kind && to.Kind == table.Map:
		x := c.lambda()
		value := c.cast("struct_extract("+x+", 'value')", *from.Elem, *to.Elem, false)
		entry := `struct_pack("key" := struct_extract(` + x + `, 'key'), "value" := ` + value + ")"
		return orNull(e, "map_from_entries(list_transform(map_entries("+e+"), lambda "+x+": "+entry+"))", target)
	case from.Kind == table.JSON && to.IsNested():
		return "CAST(CAST(" + e + " AS JSON) AS " + target + ")"
	case from.IsNested():
		text = "CAST(to_json(" + e + ") AS VARCHAR)"
	case castsTo(from, to):
		return "CAST(" + e + " AS " + target + ")"
	}
	// There is no direct way; through text there always is one that at least binds.
	if to.Kind == table.Varchar {
		return text
	}
	return "CAST(" + text + " AS " + target + ")"
}

// sameShape reports whether values of both types are read alike, so that no cast
// is needed.
func sameShape(a, b table.Type) bool {
	if a.Kind != b.Kind || a.Precision != b.Precision || a.Scale != b.Scale || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i].ID != b.Fields[i].ID || a.Fields[i].Name != b.Fields[i].Name || !sameShape(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	return a.Elem == nil || sameShape(*a.Elem, *b.Elem)
}

// castsTo reports whether the engine casts between the two scalar types.
func castsTo(from, to table.Type) bool {
	return to.Kind == table.Varchar || from.Kind == table.Varchar || from.IsNumeric() && to.IsNumeric() || from.IsTemporal() && to.IsTemporal()
}

// pack builds a STRUCT of the fields of another.
func (c *caster) pack(e string, from, to table.Type) string {
	fields := make([]string, len(to.Fields))
	for i, want := range to.Fields {
		value := "CAST(NULL AS " + readAs(want.Type, false) + ")"
		for _, f := range from.Fields {
			if f.ID == want.ID {
				value = c.cast("struct_extract("+e+", "+table.QuoteText(f.Name)+")", f.Type, want.Type, false)
			}
		}
		fields[i] = table.Quote(want.Name) + " := " + value
	}
	return "struct_pack(" + strings.Join(fields, ", ") + ")"
}

// orNull keeps NULL what would become a STRUCT or a MAP of nothing.
func orNull(e, value, typ string) string {
	return "CASE WHEN " + e + " IS NULL THEN CAST(NULL AS " + typ + ") ELSE " + value + " END"
}

// lambda returns a new name for a lambda parameter.
func (c *caster) lambda() string {
	c.lambdas++
	return `"x` + strconv.Itoa(c.lambdas) + `"`
}
