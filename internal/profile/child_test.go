package profile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/profile"
	"millwright/internal/table"
)

func items(fields ...string) table.Type {
	s := table.Type{Kind: table.Struct}
	for _, f := range fields {
		s.Fields = append(s.Fields, table.Column{Name: f, Key: f, Type: table.Type{Kind: table.BigInt}})
	}
	return table.Type{Kind: table.List, Elem: &s}
}

func TestChildViewCarriesTheParentsKey(t *testing.T) {
	t.Parallel()
	col := table.Column{Name: "items", Type: items("sku", "qty")}
	got := profile.ChildView("orders", col, []string{"id"})
	want := `SELECT u."_parent_id" AS "_parent_id", u."_position" AS "_position", (u."_element")."sku" AS "sku", (u."_element")."qty" AS "qty" FROM (SELECT p."id" AS "_parent_id", unnest(range(1, len(p."items") + 1)) AS "_position", unnest(p."items") AS "_element" FROM "orders" AS p) AS u`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChildOfAKeylessParentCarriesTheRowNumber(t *testing.T) {
	t.Parallel()
	col := table.Column{Name: "items", Type: items("sku")}
	got := profile.ChildView("orders", col, nil)
	want := `SELECT u."_row_id" AS "_row_id", u."_position" AS "_position", (u."_element")."sku" AS "sku" FROM (SELECT p."_row_id" AS "_row_id", unnest(range(1, len(p."items") + 1)) AS "_position", unnest(p."items") AS "_element" FROM (SELECT row_number() OVER () AS "_row_id", "items" FROM "orders") AS p) AS u`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChildKeyGivesWayToAFieldOfTheSameName(t *testing.T) {
	t.Parallel()
	parent := table.Schema{Columns: []table.Column{
		{Name: "id", Type: table.Type{Kind: table.Varchar}},
		{Name: "items", Type: items("_Parent_ID", "_position")},
	}}
	c, ok := profile.NewChild("orders", parent, []string{"items"}, []string{"id"})
	if !ok {
		t.Fatal("no child")
	}
	if diff := cmp.Diff([]string{"__parent_id", "__position", "_Parent_ID", "_position"}, c.Schema.Names()); diff != "" {
		t.Error(diff)
	}
	if c.Schema.Columns[0].Type.Kind != table.Varchar {
		t.Errorf("the key's type is %v, want the parent's", c.Schema.Columns[0].Type)
	}
	if diff := cmp.Diff([]string{"__parent_id"}, c.KeyColumns); diff != "" {
		t.Error(diff)
	}
}

func TestChildInsideAStructIsReachedByPath(t *testing.T) {
	t.Parallel()
	parent := table.Schema{Columns: []table.Column{{Name: "cart", Type: table.Type{Kind: table.Struct, Fields: []table.Column{{Name: "lines", Type: items("sku")}}}}}}
	c, ok := profile.NewChild("orders", parent, []string{"cart", "lines"}, nil)
	if !ok || c.Table != "orders__cart__lines" || c.Column != "cart.lines" || c.Grain != "line" {
		t.Errorf("got %v %+v", ok, c)
	}
	if _, ok := profile.NewChild("orders", parent, []string{"cart"}, nil); ok {
		t.Error("a STRUCT is not a child table")
	}
}

func TestPathSQLCannotBeReadAsATable(t *testing.T) {
	t.Parallel()
	if got, want := profile.PathSQL([]string{"a\"b", "c", "d"}), `("a""b")."c"."d"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
