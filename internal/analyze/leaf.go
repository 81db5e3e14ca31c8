package analyze

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// A leaf is a column, or a field inside a STRUCT, while it is being analysed.
type leaf struct {
	col    profile.Column
	tokens []string // of the whole path
	own    []string // of the last name in the path
	pos    int      // of the column in the table, from 0
	depth  int      // 0 for a column
	parent int      // index of the container among the leaves; -1 for a column
	expr   string   // SQL of the value
	typ    table.Type

	minLen, stdLen float64  // characters of text; elements of a list
	midnight       int64    // timestamps without a time of day
	short          [3]int64 // values of 2, 4 and 6 decimals at most
	inLat, inLon   int64    // values in the range of a latitude, a longitude
	composite      int64    // JSON values that are objects or arrays
	shapes         shapes
	failed         bool // no statistics: a query failed or the time was used up
}

// flattened is the leaves of a schema and what was left out.
type flattened struct {
	leaves []*leaf
	notes  []string
}

// flatten lists the columns, and after each STRUCT its fields, down to depth
// and at most limit of them.
func flatten(s table.Schema, depth, limit int) flattened {
	var f flattened
	fields, deep := 0, 0
	var walk func(col table.Column, path []string, pos, level, parent int)
	walk = func(col table.Column, path []string, pos, level, parent int) {
		path = append(slices.Clone(path), col.Name)
		if level > 0 {
			if fields == limit {
				deep++
				return
			}
			fields++
		}
		f.leaves = append(f.leaves, newLeaf(path, col.Type, pos, level, parent))
		self := len(f.leaves) - 1
		f.leaves[self].col.ID = col.ID
		switch {
		case col.Type.Kind != table.Struct:
		case level == depth:
			deep += len(col.Type.Fields)
		default:
			for _, field := range col.Type.Fields {
				walk(field, path, pos, level+1, self)
			}
		}
		if pair := pointLeaves(f.leaves[self]); pair != nil {
			for _, l := range pair {
				l.parent = self
			}
			f.leaves = append(f.leaves, pair...)
		}
	}
	for i, col := range s.Columns {
		walk(col, nil, i, 0, -1)
	}
	if deep > 0 {
		f.notes = append(f.notes, fmt.Sprintf("%d nested fields were left out: at most %d are analysed, %d levels deep", deep, limit, depth))
	}
	return f
}

func newLeaf(path []string, typ table.Type, pos, depth, parent int) *leaf {
	l := &leaf{
		col: profile.Column{
			Path:  path,
			Name:  strings.Join(path, "."),
			Label: profile.Words(path),
			Type:  typ,
		},
		own:    profile.Tokens(path[len(path)-1]),
		pos:    pos,
		depth:  depth,
		parent: parent,
		expr:   profile.PathSQL(path),
		typ:    typ,
	}
	for _, name := range path {
		l.tokens = append(l.tokens, profile.Tokens(name)...)
	}
	if typ.Kind == table.JSON {
		// JSON's own text of a string has quotes; its value has not.
		l.expr = fmt.Sprintf("json_extract_string(%s, '$')", l.expr)
	}
	return l
}

// pointLeaves returns two virtual columns, the first and second element, of a
// list that its name says is a place. Whether they are is known only later.
func pointLeaves(l *leaf) []*leaf {
	if l.typ.Kind != table.List || !l.typ.Elem.IsNumeric() || !l.has("latlng", "latlon", "lnglat", "lonlat", "coordinates", "coords", "coord", "location", "geo", "point", "position", "lat") {
		return nil
	}
	pair := make([]*leaf, 2)
	for i := range pair {
		p := newLeaf(append(slices.Clone(l.col.Path), strconv.Itoa(i+1)), *l.typ.Elem, l.pos, l.depth+1, -1)
		p.expr = fmt.Sprintf("%s[%d]", l.expr, i+1)
		p.setVirtual(p.expr, *l.typ.Elem)
		pair[i] = p
	}
	return pair
}

// setVirtual makes expr the column's value.
func (l *leaf) setVirtual(expr string, typ table.Type) {
	l.expr, l.typ = expr, typ
	l.col.Virtual, l.col.VirtualType = expr, &typ
}

// has reports whether one of the words is a token of the path.
func (l *leaf) has(words ...string) bool {
	return slices.ContainsFunc(l.tokens, func(t string) bool { return slices.Contains(words, t) })
}

// last returns the last token of the path, or "".
func (l *leaf) last() string {
	if len(l.tokens) == 0 {
		return ""
	}
	return l.tokens[len(l.tokens)-1]
}

// lastIs reports whether the last token is one of the words.
func (l *leaf) lastIs(words ...string) bool { return slices.Contains(words, l.last()) }

func (l *leaf) isText() bool {
	return l.typ.Kind == table.Varchar || l.typ.Kind == table.JSON
}

// isInt reports whether every value is a whole number.
func (l *leaf) isInt() bool {
	if l.typ.Kind == table.BigInt {
		return true
	}
	return l.typ.IsNumeric() && l.col.NonNull() > 0 && l.col.Integers == l.col.NonNull()
}

// hasValues reports whether rows can be grouped by the value itself.
func (l *leaf) hasValues() bool {
	return l.typ.Kind != table.Struct && !l.isChild()
}

func (l *leaf) isChild() bool {
	return l.typ.Kind == table.List && l.typ.Elem.Kind == table.Struct
}

// unique reports whether no value occurs twice.
func (l *leaf) unique() bool {
	return !l.col.Approx && l.col.Distinct > 0 && l.col.Distinct == l.col.NonNull()
}

// distinctShare returns distinct values by values, 0..1.
func (l *leaf) distinctShare() float64 {
	if l.col.NonNull() == 0 {
		return 0
	}
	return float64(l.col.Distinct) / float64(l.col.NonNull())
}

// bounds returns the least and the greatest number; ok is false if the values
// are no numbers.
func (l *leaf) bounds() (lo, hi float64, ok bool) {
	if !l.typ.IsNumeric() || l.col.NonNull() == 0 {
		return 0, 0, false
	}
	lo, err1 := strconv.ParseFloat(l.col.Min, 64)
	hi, err2 := strconv.ParseFloat(l.col.Max, 64)
	return lo, hi, err1 == nil && err2 == nil
}

// within reports whether every value is a number from lo to hi.
func (l *leaf) within(lo, hi float64) bool {
	a, b, ok := l.bounds()
	return ok && a >= lo && b <= hi
}
