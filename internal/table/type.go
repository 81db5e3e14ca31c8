// Package table holds the shape of data everywhere: types, columns, schemas.
//
// Types are the ones that other engines can read too: no HUGEINT, no unsigned
// integers, no intervals, no nanoseconds are ever written.
package table

import (
	"fmt"
	"strings"
)

// A Kind is the family of a type.
type Kind string

// The kinds of type. The first ten can be stored; Other appears only in results.
const (
	Boolean     Kind = "BOOLEAN"
	BigInt      Kind = "BIGINT"
	Decimal     Kind = "DECIMAL" // exact; precision 1..38
	Double      Kind = "DOUBLE"
	Varchar     Kind = "VARCHAR"
	Date        Kind = "DATE"
	Timestamp   Kind = "TIMESTAMP"   // microseconds, no zone
	TimestampTZ Kind = "TIMESTAMPTZ" // microseconds, an instant
	JSON        Kind = "JSON"        // JSON text: shapes that no single type holds
	Struct      Kind = "STRUCT"
	List        Kind = "LIST"
	Map         Kind = "MAP"   // keys are VARCHAR
	Other       Kind = "OTHER" // a result type with no family here; shown as text
)

// A Type is the type of a column or of a part of it.
type Type struct {
	Kind      Kind     `json:"kind"`
	Precision int      `json:"precision,omitempty"` // DECIMAL: digits in all
	Scale     int      `json:"scale,omitempty"`     // DECIMAL: digits after the point
	Fields    []Column `json:"fields,omitempty"`    // STRUCT
	Elem      *Type    `json:"elem,omitempty"`      // LIST: its elements; MAP: its values
	ElemID    int      `json:"elem_id,omitempty"`   // LIST and MAP: field id of the element or value
	KeyID     int      `json:"key_id,omitempty"`    // MAP: field id of the key
	Text      string   `json:"text,omitempty"`      // OTHER: the engine's own spelling
}

// A Column is a named, typed column of a table or field of a STRUCT.
type Column struct {
	ID   int    `json:"id,omitempty"` // Parquet field id, unique in the schema, never reused; 0 in results
	Name string `json:"name"`         // unique in its table regardless of case
	Key  string `json:"key"`          // the key in the source's JSON, exactly; equal to Name unless that had to differ
	Type Type   `json:"type"`
}

// A Schema is the ordered columns of a table.
type Schema struct {
	Columns []Column `json:"columns"`
}

// LastID returns the highest field id in the schema, nested ones too; 0 if there is
// none.
func (s Schema) LastID() int {
	last := 0
	for _, c := range s.Columns {
		last = max(last, c.ID, c.Type.lastID())
	}
	return last
}

func (t Type) lastID() int {
	last := max(t.ElemID, t.KeyID, Schema{Columns: t.Fields}.LastID())
	if t.Elem != nil {
		last = max(last, t.Elem.lastID())
	}
	return last
}

// Column returns the column of that name, regardless of case.
func (s Schema) Column(name string) (Column, bool) {
	for _, c := range s.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Column{}, false
}

// Names returns the column names in order.
func (s Schema) Names() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	return names
}

// String returns the type as SQL spells it: BIGINT[], STRUCT("a" BIGINT), MAP(VARCHAR, DOUBLE).
func (t Type) String() string { return t.Spell(nil) }

// Spell is String with other names for some kinds, at any depth.
func (t Type) Spell(instead map[Kind]string) string {
	if name, ok := instead[t.Kind]; ok {
		return name
	}
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case List:
		return t.Elem.Spell(instead) + "[]"
	case Map:
		return "MAP(VARCHAR, " + t.Elem.Spell(instead) + ")"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = Quote(f.Name) + " " + f.Type.Spell(instead)
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case Other:
		return t.Text
	}
	return string(t.Kind)
}

// IsNumeric reports whether values of t can be added.
func (t Type) IsNumeric() bool {
	return t.Kind == BigInt || t.Kind == Decimal || t.Kind == Double
}

// IsTemporal reports whether t is a date or a timestamp.
func (t Type) IsTemporal() bool {
	return t.Kind == Date || t.Kind == Timestamp || t.Kind == TimestampTZ
}

// IsNested reports whether t has parts.
func (t Type) IsNested() bool {
	return t.Kind == Struct || t.Kind == List || t.Kind == Map
}

// IsExact reports whether a JSON number cannot carry every value of t, so that
// answers spell its values as strings.
func (t Type) IsExact() bool { return t.Kind == Decimal }

// Quote returns name as a quoted SQL identifier. The result is one identifier
// whatever name holds; a NUL byte, which no engine accepts, becomes U+FFFD.
func Quote(name string) string {
	name = strings.ReplaceAll(name, "\x00", "\uFFFD")
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteText returns s as a SQL string literal.
func QuoteText(s string) string {
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
