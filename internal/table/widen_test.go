package table_test

import (
	"testing"

	"millwright/internal/table"
)

func decimal(precision, scale int) table.Type {
	return table.Type{Kind: table.Decimal, Precision: precision, Scale: scale}
}

func TestWidensTo(t *testing.T) {
	t.Parallel()
	kind := func(k table.Kind) table.Type { return table.Type{Kind: k} }
	bigint := kind(table.BigInt)
	object := table.Type{Kind: table.Struct, Fields: []table.Column{{ID: 1, Name: "a", Type: bigint}}}
	list := table.Type{Kind: table.List, Elem: &bigint}
	for _, c := range []struct {
		rule     string
		from, to table.Type
		want     bool
		back     bool // the other way round
	}{
		{"an integer becomes exact", bigint, decimal(20, 2), true, false},
		{"an integer becomes a fraction", bigint, kind(table.Double), true, false},
		{"more digits before the point", decimal(10, 2), decimal(12, 2), true, false},
		{"more digits after it need more in all", decimal(10, 2), decimal(12, 4), true, false},
		{"more digits after it at the cost of those before", decimal(10, 2), decimal(10, 4), false, false},
		{"the same decimal", decimal(10, 2), decimal(10, 2), false, false},
		{"exact and not", decimal(10, 2), kind(table.Double), false, false},
		{"a day becomes a moment", kind(table.Date), kind(table.Timestamp), true, false},
		{"a local time is no instant", kind(table.Timestamp), kind(table.TimestampTZ), false, false},
		{"a day is no instant", kind(table.Date), kind(table.TimestampTZ), false, false},
		{"a truth becomes text", kind(table.Boolean), kind(table.Varchar), true, false},
		{"a truth is no number", kind(table.Boolean), bigint, false, false},
		{"an instant becomes text", kind(table.TimestampTZ), kind(table.Varchar), true, false},
		{"text becomes JSON", kind(table.Varchar), kind(table.JSON), true, false},
		{"an object becomes JSON", object, kind(table.JSON), true, false},
		{"an object is no text", object, kind(table.Varchar), false, false},
		{"an object is no list", object, list, false, false},
		{"the parts of objects widen, not they", object, table.Type{Kind: table.Struct}, false, false},
		{"JSON stays JSON", kind(table.JSON), kind(table.JSON), false, false},
		{"what has no family", table.Type{Kind: table.Other, Text: "UUID"}, kind(table.Varchar), false, false},
	} {
		if got := c.from.WidensTo(c.to); got != c.want {
			t.Errorf("%s: %s to %s: got %v", c.rule, c.from, c.to, got)
		}
		if got := c.to.WidensTo(c.from); got != c.back {
			t.Errorf("%s, the other way: %s to %s: got %v", c.rule, c.to, c.from, got)
		}
	}
}

func TestSchemasAreEqualWithAllTheirParts(t *testing.T) {
	t.Parallel()
	base := func() table.Schema {
		inner := table.Type{Kind: table.Struct, Fields: []table.Column{{ID: 4, Name: "a", Key: "a", Type: decimal(10, 2)}}}
		return table.Schema{Columns: []table.Column{
			{ID: 1, Name: "n", Key: "n", Type: table.Type{Kind: table.BigInt}},
			{ID: 2, Name: "l", Key: "l", Type: table.Type{Kind: table.List, Elem: &inner, ElemID: 3}},
			{ID: 5, Name: "m", Key: "m", Type: table.Type{Kind: table.Map, Elem: &table.Type{Kind: table.Varchar}, KeyID: 6, ElemID: 7}},
		}}
	}
	if !base().Equal(base()) {
		t.Error("a schema differs from itself")
	}
	for change, edit := range map[string]func(*table.Schema){
		"a column's name":    func(s *table.Schema) { s.Columns[0].Name = "x" },
		"a column's key":     func(s *table.Schema) { s.Columns[0].Key = "x" },
		"a column's id":      func(s *table.Schema) { s.Columns[0].ID = 9 },
		"a column less":      func(s *table.Schema) { s.Columns = s.Columns[1:] },
		"the order":          func(s *table.Schema) { s.Columns[0], s.Columns[1] = s.Columns[1], s.Columns[0] },
		"a kind":             func(s *table.Schema) { s.Columns[0].Type.Kind = table.Double },
		"an element's id":    func(s *table.Schema) { s.Columns[1].Type.ElemID = 9 },
		"a key's id":         func(s *table.Schema) { s.Columns[2].Type.KeyID = 9 },
		"a nested precision": func(s *table.Schema) { s.Columns[1].Type.Elem.Fields[0].Type.Precision = 11 },
		"a nested scale":     func(s *table.Schema) { s.Columns[1].Type.Elem.Fields[0].Type.Scale = 3 },
		"no element":         func(s *table.Schema) { s.Columns[2].Type.Elem = nil },
	} {
		changed := base()
		edit(&changed)
		if base().Equal(changed) || changed.Equal(base()) {
			t.Errorf("%s makes no difference", change)
		}
	}
}
