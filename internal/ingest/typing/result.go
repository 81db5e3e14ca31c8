package typing

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/table"
)

// A Result is what an observer decided.
type Result struct {
	// Columns with field ids, names and types; never empty. Records without any key
	// have one column that is always null, so that their number is kept.
	Schema  table.Schema
	Columns []Report // the columns and everything inside them, outer before inner
	Rows    int64
	LastID  int // the highest field id ever used; see Limits

	// Direct reports whether the records are in normal form as they are: the
	// Normalizer would give other text with the same values.
	Direct bool

	merged []int // field ids of DOUBLE places whose zeros lose their sign
	forced []int // field ids of columns whose type a person chose
}

// Normalizer returns a normalizer for the records that the observer saw.
func (r Result) Normalizer() *Normalizer {
	n := NewNormalizer(r.Schema)
	n.root.mergeZeros(r.merged)
	n.root.force(r.forced)
	return n
}

// Alike reports whether the normal form of a record is the same for both.
func (r Result) Alike(s Result) bool {
	return r.Schema.Equal(s.Schema) && slices.Equal(r.merged, s.merged) && slices.Equal(r.forced, s.forced)
}

// A Report says what was seen at a place, and what became of it.
type Report struct {
	// Names from the column down; "[]" stands for the elements of a list and "{}" for
	// the values of a map.
	Path    []string `json:"path"`
	Type    string   `json:"type"` // as SQL spells it
	Counts  Counts   `json:"counts"`
	Missing int64    `json:"missing,omitempty"` // objects without the key
	Notes   []string `json:"notes,omitempty"`   // what a reader of the data should know
}

// Counts says how many JSON values there were of each kind.
type Counts struct {
	Nulls     int64 `json:"nulls,omitempty"`
	Booleans  int64 `json:"booleans,omitempty"`
	Integers  int64 `json:"integers,omitempty"`  // numbers without point and exponent
	Fractions int64 `json:"fractions,omitempty"` // other numbers
	Strings   int64 `json:"strings,omitempty"`
	Objects   int64 `json:"objects,omitempty"`
	Arrays    int64 `json:"arrays,omitempty"`
}

func (c *Counts) add(d Counts) {
	c.Nulls += d.Nulls
	c.Booleans += d.Booleans
	c.Integers += d.Integers
	c.Fractions += d.Fractions
	c.Strings += d.Strings
	c.Objects += d.Objects
	c.Arrays += d.Arrays
}

// present returns how many values there were, nulls included.
func (c Counts) present() int64 {
	return c.Nulls + c.Booleans + c.Integers + c.Fractions + c.Strings + c.Objects + c.Arrays
}

// String lists the kinds that occurred, but null.
func (c Counts) String() string {
	var parts []string
	for _, k := range []struct {
		n    int64
		name string
	}{
		{c.Booleans, "booleans"}, {c.Integers, "integers"}, {c.Fractions, "fractions"},
		{c.Strings, "strings"}, {c.Objects, "objects"}, {c.Arrays, "arrays"},
	} {
		if k.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k.n, k.name))
		}
	}
	return strings.Join(parts, ", ")
}

// Schema decides over all records so far. More may be observed afterwards.
//
// If prev is not nil, a key that it holds at the same place keeps its name and
// field id, and such keys come first in prev's order; ids of prev are not given to
// others. If no record was observed, prev itself is the schema.
func (o *Observer) Schema(prev *table.Schema) Result {
	last := o.limits.LastID
	var before []table.Column
	if prev != nil {
		before = prev.Columns
		last = max(last, table.Schema{Columns: before}.LastID())
	}
	if o.rows == 0 && len(before) > 0 {
		return Result{Schema: *prev, LastID: last}
	}
	j := judge{limits: o.limits, last: last, direct: true}
	columns := j.columns(&o.root, nil, before)
	if len(columns) == 0 {
		columns = []table.Column{{ID: j.id(0), Name: nameOfEmpty, Type: table.Type{Kind: table.Varchar}}}
		j.reports = []Report{{Path: []string{nameOfEmpty}, Type: string(table.Varchar), Missing: o.rows,
			Notes: []string{"no record has a key: this column stands for the rows"}}}
	}
	if len(columns) == 1 && (len(o.root.fields) == 0 || o.root.fields[0].counts.present() < o.rows) {
		j.direct = false // there is a record without any key: see Normalizer
	}
	return Result{
		Schema: table.Schema{Columns: columns}, Columns: j.reports, Rows: o.rows,
		LastID: j.last, Direct: j.direct, merged: j.merged,
	}
}
