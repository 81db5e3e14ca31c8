package document

import (
	"slices"
	"strconv"
	"strings"

	"millwright/internal/program"
	"millwright/internal/table"
)

// anything is the schema of any value.
var anything = object{}

// valueSchema describes how answers spell the values of a type.
func valueSchema(t table.Type) object {
	switch t.Kind {
	case table.Boolean:
		return typed("boolean", "null")
	case table.BigInt:
		return typed("integer", "string", "null").with("pattern", wholePattern).with("description", wholeText)
	case table.Decimal:
		if t.Scale == 0 {
			return typed("integer", "string", "null").with("pattern", wholePattern).with("description", wholeText)
		}
		return typed("string", "null").with("pattern", `^-?[0-9]+\.[0-9]{`+strconv.Itoa(t.Scale)+`}$`).
			with("description", "An exact decimal, as text")
	case table.Double:
		return object{{"anyOf", []object{typed("number", "null"), {{"enum", []string{"NaN", "Infinity", "-Infinity"}}}}}}
	case table.Varchar:
		return typed("string", "null")
	case table.Date:
		return typed("string", "null").with("format", "date")
	case table.Timestamp:
		return typed("string", "null").with("pattern", `^([+-]?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?|-?infinity)$`).
			with("description", "A date and time without a zone")
	case table.TimestampTZ:
		return typed("string", "null").with("format", "date-time").with("description", "An instant, in UTC")
	case table.Struct:
		return structSchema(t.Fields)
	case table.List:
		return object{{"type", []string{"array", "null"}}, {"items", valueSchema(*t.Elem)}}
	case table.Map:
		return object{{"type", []string{"object", "null"}}, {"additionalProperties", valueSchema(*t.Elem)}}
	}
	return anything
}

const (
	wholePattern = "^-?[0-9]+$"
	wholeText    = "An integer; text if it is beyond 2^53"
)

func structSchema(fields []table.Column) object {
	properties, names := object{}, uniqueNames(fields)
	for i, f := range fields {
		properties = properties.with(names[i], valueSchema(f.Type))
	}
	return object{{"type", []string{"object", "null"}}, {"required", names}, {"properties", properties}, {"additionalProperties", false}}
}

// uniqueNames returns the names that columns have in an object: a name that comes
// twice gets a number.
func uniqueNames(columns []table.Column) []string {
	names, seen := make([]string, len(columns)), map[string]bool{}
	for i, c := range columns {
		name := c.Name
		for n := 1; seen[name]; n++ {
			name = c.Name + "_" + strconv.Itoa(n)
		}
		names[i], seen[name] = name, true
	}
	return names
}

// A resultColumn is a column of an answer, as far as it is the same whatever the
// slots are.
type resultColumn struct {
	name   string
	fixed  bool // whether it is always called that
	schema object
}

// resultColumns returns what is certain of the columns of a program's answers. A
// slot that chooses a column decides about names and types; one that chooses an
// aggregate about types; one that chooses a grain about dates and times.
func resultColumns(p program.Program, columns []table.Column) []resultColumn {
	var choosesColumn, choosesType, choosesTime bool
	var choices []string
	for _, s := range p.Slots {
		switch s.Type {
		case program.Column:
			choosesColumn = true
			choices = append(choices, s.Choices()...)
		case program.Aggregate:
			choosesType = true
		case program.Grain:
			choosesTime = true
		}
	}
	out, names := make([]resultColumn, len(columns)), uniqueNames(columns)
	for i, c := range columns {
		r := resultColumn{name: names[i], fixed: true, schema: valueSchema(c.Type)}
		switch {
		case choosesColumn || choosesType:
			r.schema = anything
			r.fixed = !slices.ContainsFunc(choices, func(choice string) bool { return strings.EqualFold(choice, c.Name) })
		case choosesTime && c.Type.IsTemporal():
			r.schema = typed("string", "null")
		}
		r.schema = r.schema.with("title", c.Type.String())
		out[i] = r
	}
	return out
}

// rowSchema describes a row as an array.
func rowSchema(columns []resultColumn) object {
	cells := make([]object, len(columns))
	for i, c := range columns {
		cells[i] = c.schema
	}
	if len(cells) == 0 {
		return object{{"type", "array"}, {"maxItems", 0}}
	}
	return object{{"type", "array"}, {"prefixItems", cells}, {"items", false}, {"minItems", len(cells)}}
}

// recordSchema describes a row as an object.
func recordSchema(columns []resultColumn) object {
	properties, required, closed := object{}, []string{}, true
	for _, c := range columns {
		if closed = closed && c.fixed; c.fixed {
			required = append(required, c.name)
		}
		properties = properties.with(c.name, c.schema)
	}
	s := object{{"type", "object"}, {"required", required}, {"properties", properties}}
	if closed {
		s = s.with("additionalProperties", false)
	}
	return s
}

// columnsSchema describes the list of columns.
func columnsSchema(columns []resultColumn) object {
	described := make([]object, len(columns))
	for i, c := range columns {
		name := typed("string")
		if c.fixed {
			name = object{{"type", "string"}, {"const", c.name}}
		}
		described[i] = record(object{{"name", name}, {"type", typed("string")}, {"role", typed("string")}})
	}
	if len(described) == 0 {
		return object{{"type", "array"}, {"maxItems", 0}}
	}
	return object{{"type", "array"}, {"prefixItems", described}, {"items", false}, {"minItems", len(described)}}
}
