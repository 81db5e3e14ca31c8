package analyze

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/table"
)

func object(fields ...table.Column) table.Type {
	return table.Type{Kind: table.Struct, Fields: fields}
}

func TestFieldsOfObjectsBecomeColumnsDownToALimit(t *testing.T) {
	t.Parallel()
	text := table.Type{Kind: table.Varchar}
	deep := object(table.Column{Name: "leaf", Type: text})
	for _, name := range []string{"d", "c", "b"} {
		deep = object(table.Column{Name: name, Type: deep}, table.Column{Name: name + "2", Type: text})
	}
	schema := table.Schema{Columns: []table.Column{{Name: "a", Type: deep}, {Name: "z", Type: text}}}
	for _, c := range []struct {
		rule         string
		depth, limit int
		want         string
		notes        int
	}{
		{"all", 4, 200, "a a.b a.b.c a.b.c.d a.b.c.d.leaf a.b.c.d2 a.b.c2 a.b2 z", 0},
		{"two levels", 2, 200, "a a.b a.b.c a.b.c2 a.b2 z", 1},
		{"three fields", 4, 3, "a a.b a.b.c a.b.c.d z", 1},
	} {
		f := flatten(schema, c.depth, c.limit)
		var names []string
		for _, l := range f.leaves {
			names = append(names, l.col.Name)
		}
		if diff := cmp.Diff(strings.Fields(c.want), names); diff != "" || len(f.notes) != c.notes {
			t.Errorf("%s: notes %q (-want +got):\n%s", c.rule, f.notes, diff)
		}
	}
}

func TestRemovingColumnsKeepsTheirParents(t *testing.T) {
	t.Parallel()
	text := table.Type{Kind: table.Varchar}
	schema := table.Schema{}
	for i := range 3 {
		schema.Columns = append(schema.Columns, table.Column{Name: fmt.Sprint("s", i), Type: object(table.Column{Name: "f", Type: text}, table.Column{Name: "g", Type: text})})
	}
	leaves := flatten(schema, 4, 200).leaves
	kept := remove(leaves, map[*leaf]bool{leaves[1]: true, leaves[4]: true})
	for _, l := range kept {
		if l.depth > 0 && kept[l.parent].col.Name != l.col.Path[0] {
			t.Errorf("the parent of %s is %s", l.col.Name, kept[l.parent].col.Name)
		}
	}
}
