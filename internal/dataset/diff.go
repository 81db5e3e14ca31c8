package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"millwright/internal/table"
)

// A ChangeKind says what happened to a column.
type ChangeKind string

// The kinds of change.
const (
	New      ChangeKind = "new"
	Missing  ChangeKind = "missing"
	Widened  ChangeKind = "widened"  // to a type that holds the old values too
	Narrowed ChangeKind = "narrowed" // to a type that widens to the old one
	Retyped  ChangeKind = "retyped"  // to another type
	Renamed  ChangeKind = "renamed"  // the same key of the source under another name
)

// A Change is one difference between the columns of two versions.
type Change struct {
	Column string     `json:"column"` // names from the column down, parted by dots; [] are a list's elements, {} a map's values
	Kind   ChangeKind `json:"kind"`
	From   string     `json:"from,omitempty"` // the type before, or the name
	To     string     `json:"to,omitempty"`
}

// String says it in one line.
func (c Change) String() string {
	switch c.Kind {
	case New:
		return fmt.Sprintf("new column %s %s", c.Column, c.To)
	case Missing:
		return fmt.Sprintf("column %s %s is missing", c.Column, c.From)
	case Renamed:
		return fmt.Sprintf("column %s was called %s", c.Column, c.From)
	}
	return fmt.Sprintf("column %s was %s from %s to %s", c.Column, c.Kind, c.From, c.To)
}

// A Difference is what a reader of two versions should know.
type Difference struct {
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	Columns []Change `json:"columns"` // in the order of the columns, missing ones last; never nil

	KeyBefore     []string `json:"key_before"` // of a merged version; never nil
	KeyAfter      []string `json:"key_after"`
	RowsBefore    int64    `json:"rows_before"`
	RowsAfter     int64    `json:"rows_after"`
	VerdictBefore string   `json:"verdict_before"` // the state: "complete", ...; "" if there is none
	VerdictAfter  string   `json:"verdict_after"`

	Lines []string `json:"lines"` // all of this in words; never empty
}

// Diff says how b differs from a: versions of one dataset, in any order.
func Diff(a, b Version) Difference {
	d := Difference{
		From: a.Version, To: b.Version, Columns: []Change{}, KeyBefore: append([]string{}, a.Key...), KeyAfter: append([]string{}, b.Key...),
		RowsBefore: a.Rows, RowsAfter: b.Rows, VerdictBefore: state(a.Verdict), VerdictAfter: state(b.Verdict),
	}
	d.columns("", a.Schema.Columns, b.Schema.Columns)
	for _, c := range d.Columns {
		d.Lines = append(d.Lines, c.String())
	}
	if !slices.Equal(a.Key, b.Key) {
		d.Lines = append(d.Lines, fmt.Sprintf("the merge key was %s and is %s", named(a.Key), named(b.Key)))
	}
	if d.RowsBefore != d.RowsAfter {
		d.Lines = append(d.Lines, fmt.Sprintf("%d rows became %d", d.RowsBefore, d.RowsAfter))
	}
	if d.VerdictBefore != d.VerdictAfter {
		d.Lines = append(d.Lines, fmt.Sprintf("the verdict was %q and is %q", d.VerdictBefore, d.VerdictAfter))
	}
	if len(d.Lines) == 0 {
		d.Lines = []string{"the same columns and as many rows"}
	}
	return d
}

func named(key []string) string {
	if len(key) == 0 {
		return "none"
	}
	return strings.Join(key, ", ")
}

func state(verdict json.RawMessage) string {
	var v struct {
		State string `json:"state"`
	}
	if json.Unmarshal(verdict, &v) != nil { // nobody promised that a verdict has a state
		return ""
	}
	return v.State
}

// columns compares columns by field id, which names one key for ever.
func (d *Difference) columns(within string, before, after []table.Column) {
	old := map[int]table.Column{}
	for _, c := range before {
		old[c.ID] = c
	}
	for _, c := range after {
		was, ok := old[c.ID]
		if !ok {
			d.note(within+c.Name, New, "", c.Type.String())
			continue
		}
		delete(old, c.ID)
		if was.Name != c.Name {
			d.note(within+c.Name, Renamed, was.Name, c.Name)
		}
		d.types(within+c.Name, was.Type, c.Type)
	}
	for _, c := range before {
		if _, gone := old[c.ID]; gone {
			d.note(within+c.Name, Missing, c.Type.String(), "")
		}
	}
}

func (d *Difference) types(column string, a, b table.Type) {
	switch {
	case a.Kind == b.Kind && a.Kind == table.Struct:
		d.columns(column+".", a.Fields, b.Fields)
	case a.Kind == b.Kind && a.Kind == table.List:
		d.types(column+"[]", *a.Elem, *b.Elem)
	case a.Kind == b.Kind && a.Kind == table.Map:
		d.types(column+"{}", *a.Elem, *b.Elem)
	case a.String() == b.String():
	case a.WidensTo(b):
		d.note(column, Widened, a.String(), b.String())
	case b.WidensTo(a):
		d.note(column, Narrowed, a.String(), b.String())
	default:
		d.note(column, Retyped, a.String(), b.String())
	}
}

func (d *Difference) note(column string, kind ChangeKind, from, to string) {
	d.Columns = append(d.Columns, Change{Column: column, Kind: kind, From: from, To: to})
}
