package typing

import (
	"fmt"
	"slices"

	"millwright/internal/table"
)

// A judge turns what is known into types, names, ids and reports.
type judge struct {
	limits  Limits
	last    int // the last field id given
	direct  bool
	merged  []int // ids of DOUBLE places with zeros of both signs
	reports []Report
}

// maxPrecision is the most digits that a DECIMAL has in every engine.
const maxPrecision = 38

// id returns the field id to keep, or a new one if that is 0.
func (j *judge) id(keep int) int {
	if keep != 0 {
		return keep
	}
	j.last++
	return j.last
}

// columns decides the fields of the object at n.
func (j *judge) columns(n *node, path []string, prev []table.Column) []table.Column {
	known := make(map[string]table.Column, len(prev))
	for _, c := range prev {
		known[c.Key] = c
	}
	fields := orderLike(n.fields, prev)
	names := newNamer(prev)
	for _, f := range fields {
		names.claim(f.key)
	}
	columns := make([]table.Column, 0, len(fields))
	for _, f := range fields {
		old := known[f.key]
		c := table.Column{ID: j.id(old.ID), Name: names.name(f.key), Key: f.key}
		if c.Name != c.Key || !isSimple(c.Name) {
			j.direct = false
		}
		c.Type = j.typeOf(f, append(slices.Clip(path), c.Name), n.counts.Objects-f.counts.present(), c.ID, old.Type)
		columns = append(columns, c)
	}
	return columns
}

// orderLike returns the fields that prev knows, in its order, and then the others.
func orderLike(fields []*node, prev []table.Column) []*node {
	if len(prev) == 0 {
		return fields
	}
	rank := make(map[string]int, len(prev))
	for i, c := range prev {
		rank[c.Key] = i
	}
	at := func(f *node) int {
		if r, ok := rank[f.key]; ok {
			return r
		}
		return len(prev)
	}
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b *node) int { return at(a) - at(b) })
	return fields
}

// typeOf decides the type of the values at n, which have that field id, and reports it.
func (j *judge) typeOf(n *node, path []string, missing int64, id int, prev table.Type) table.Type {
	at := len(j.reports)
	j.reports = append(j.reports, Report{Path: path, Counts: n.counts, Missing: missing})
	t, notes := j.decide(n, path, prev)
	if t.Kind == table.Double && n.num.zero && n.num.signed {
		j.direct = false
		j.merged = append(j.merged, id)
		notes = []string{"zeros with a sign among zeros without: the sign is not kept"}
	}
	j.reports[at].Type, j.reports[at].Notes = t.String(), notes
	return t
}

// decide applies the ladder of the package comment.
func (j *judge) decide(n *node, path []string, prev table.Type) (table.Type, []string) {
	c := n.counts
	kinds := 0
	for _, many := range []int64{c.Booleans, c.Integers + c.Fractions, c.Strings} {
		if many > 0 {
			kinds++
		}
	}
	switch {
	case n.shape == noShape:
		return table.Type{Kind: table.Varchar}, []string{"always null"}
	case n.shape == mixed:
		return j.json("different shapes (" + c.String() + "): kept as JSON text")
	case n.shape == object:
		return j.object(n, path, prev)
	case n.shape == array:
		return j.list(n, path, prev)
	case kinds > 1:
		j.direct = false
		return table.Type{Kind: table.Varchar}, []string{"mixed (" + c.String() + "): kept as text"}
	case c.Booleans > 0:
		return table.Type{Kind: table.Boolean}, nil
	case c.Strings > 0:
		return j.stringType(n.str)
	}
	return j.numberType(n)
}

func (j *judge) json(note string) (table.Type, []string) {
	j.direct = false
	return table.Type{Kind: table.JSON}, []string{note}
}

func (j *judge) numberType(n *node) (table.Type, []string) {
	f := n.num
	if f.floats == 0 {
		return table.Type{Kind: table.BigInt}, nil
	}
	if !f.lossy && (n.counts.Fractions > 0 || f.signed) {
		if f.zeroInt {
			j.direct = false
		}
		return table.Type{Kind: table.Double}, nil
	}
	j.direct = false
	why := "integers beyond 64 bits"
	if n.counts.Fractions > 0 || f.signed {
		why = "numbers that a DOUBLE would change"
	}
	whole := max(1, f.whole)
	for _, scale := range []int{f.scale, f.minScale} {
		if !f.signed && whole <= maxPrecision && scale <= maxPrecision-whole {
			t := table.Type{Kind: table.Decimal, Precision: whole + scale, Scale: scale}
			return t, []string{why + ": kept as exact DECIMAL"}
		}
	}
	return table.Type{Kind: table.Varchar}, []string{why + " and that no DECIMAL holds: kept as text"}
}

func (j *judge) stringType(s texts) (table.Type, []string) {
	if s.words {
		return table.Type{Kind: table.Varchar}, nil
	}
	switch s.clock {
	case day:
		return table.Type{Kind: table.Date}, nil
	case local:
		j.direct = j.direct && !s.respell
		return table.Type{Kind: table.Timestamp}, nil
	}
	j.direct = j.direct && !s.respell
	var notes []string
	if s.shifted > 0 {
		notes = []string{fmt.Sprintf("%d values had an offset other than UTC, which is not kept; the instant is", s.shifted)}
	}
	return table.Type{Kind: table.TimestampTZ}, notes
}

func (j *judge) list(n *node, path []string, prev table.Type) (table.Type, []string) {
	if n.opaque {
		return j.json("nested too deep for a type: kept as JSON text")
	}
	t := table.Type{Kind: table.List}
	var old table.Type
	if prev.Kind == table.List {
		t.ElemID, old = prev.ElemID, *prev.Elem
	}
	t.ElemID = j.id(t.ElemID)
	if n.item == nil {
		t.Elem = &table.Type{Kind: table.Varchar}
		return t, []string{"no array has an element: their type is unknown"}
	}
	elem := j.typeOf(n.item, append(slices.Clip(path), "[]"), 0, t.ElemID, old)
	t.Elem = &elem
	return t, nil
}

func (j *judge) object(n *node, path []string, prev table.Type) (table.Type, []string) {
	switch {
	case n.opaque:
		return j.json("nested too deep or with too many keys for a type: kept as JSON text")
	case n.entry == nil && len(n.fields) == 0:
		return j.json("always an empty object: kept as JSON text")
	}
	entry, keys := n.entry, n.keys
	if entry == nil && isSparse(n) {
		entry, keys = j.unite(n), len(n.fields)
	}
	switch {
	case entry != nil && isUniform(entry):
		return j.mapType(entry, keys, path, prev)
	case n.entry != nil:
		return j.json(fmt.Sprintf("more than %d keys whose values have no one type: kept as JSON text", keys))
	}
	t := table.Type{Kind: table.Struct}
	var old []table.Column
	if prev.Kind == table.Struct {
		old = prev.Fields
	}
	t.Fields = j.columns(n, path, old)
	return t, nil
}

func (j *judge) mapType(entry *node, keys int, path []string, prev table.Type) (table.Type, []string) {
	j.direct = false
	t := table.Type{Kind: table.Map}
	var old table.Type
	if prev.Kind == table.Map {
		t.KeyID, t.ElemID, old = prev.KeyID, prev.ElemID, *prev.Elem
	}
	t.KeyID = j.id(t.KeyID)
	t.ElemID = j.id(t.ElemID)
	elem := j.typeOf(entry, append(slices.Clip(path), "{}"), 0, t.ElemID, old)
	t.Elem = &elem
	return t, []string{fmt.Sprintf("at least %d different keys: kept as MAP", keys)}
}

// isSparse reports whether the keys of the objects at n look like data.
func isSparse(n *node) bool {
	if len(n.fields) < sparseKeys {
		return false
	}
	var present int64
	for _, f := range n.fields {
		present += f.counts.present()
	}
	return present*sparseShare <= int64(len(n.fields))*n.counts.Objects
}

// unite returns one node for all fields of n, which it leaves alone.
func (j *judge) unite(n *node) *node {
	o := Observer{limits: j.limits}
	entry := o.newNode(n)
	for _, f := range n.fields {
		o.merge(entry, f)
	}
	return entry
}

// isUniform reports whether the values at n have one type.
func isUniform(n *node) bool {
	kinds := 0
	for _, many := range []int64{n.counts.Booleans, n.counts.Integers + n.counts.Fractions, n.counts.Strings} {
		if many > 0 {
			kinds++
		}
	}
	return n.shape != mixed && !n.opaque && kinds <= 1
}
