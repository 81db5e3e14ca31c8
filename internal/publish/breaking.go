package publish

import (
	"encoding/json"
	"fmt"
	"slices"

	"millwright/internal/program"
	"millwright/internal/table"
)

// breaks returns what of the endpoint callers could rely on and could no longer if
// next took its place, a line for each; nil if every call that was good stays good
// and every column stays where it was: clients read rows by position.
//
// The same program again breaks nothing: whatever became of its columns, the data
// did, in both versions alike.
func (e Endpoint) breaks(next Endpoint) []string {
	if e.Program.SQL == next.Program.SQL && sameJSON(e.Program.Slots, next.Program.Slots) {
		return nil
	}
	return append(brokenSlots(e.Program.Slots, next.Program.Slots), brokenColumns(e.Columns, next.Columns)...)
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func brokenSlots(old, next []program.Slot) (broken []string) {
	find := func(list []program.Slot, name string) (program.Slot, bool) {
		i := slices.IndexFunc(list, func(s program.Slot) bool { return s.Name == name })
		if i < 0 {
			return program.Slot{}, false
		}
		return list[i], true
	}
	for _, was := range old {
		is, ok := find(next, was.Name)
		switch {
		case !ok:
			broken = append(broken, fmt.Sprintf("the slot %s is gone", was.Name))
		case is.Type != was.Type:
			broken = append(broken, fmt.Sprintf("the slot %s was a %s and is a %s", was.Name, was.Type, is.Type))
		case is.Required && !was.Required:
			broken = append(broken, fmt.Sprintf("the slot %s must be given now", was.Name))
		case narrower(was, is):
			broken = append(broken, fmt.Sprintf("the slot %s takes fewer values", was.Name))
		}
	}
	for _, is := range next {
		if _, ok := find(old, is.Name); !ok && is.Required {
			broken = append(broken, fmt.Sprintf("the slot %s is new and must be given", is.Name))
		}
	}
	return broken
}

// narrower reports whether some value that was good for the slot no longer is.
func narrower(was, is program.Slot) bool {
	if choices := is.Choices(); choices != nil {
		before := was.Choices()
		if before == nil || slices.ContainsFunc(before, func(c string) bool { return !slices.Contains(choices, c) }) {
			return true
		}
	}
	return is.Min != nil && (was.Min == nil || *was.Min < *is.Min) || is.Max != nil && (was.Max == nil || *was.Max > *is.Max)
}

func brokenColumns(old, next []table.Column) (broken []string) {
	for i, was := range old {
		at := slices.IndexFunc(next, func(c table.Column) bool { return c.Name == was.Name })
		switch {
		case at < 0:
			broken = append(broken, fmt.Sprintf("the column %s is gone", was.Name))
		case next[at].Type.String() != was.Type.String():
			broken = append(broken, fmt.Sprintf("the column %s was %s and is %s", was.Name, was.Type, next[at].Type))
		case i < len(next) && next[i].Name != was.Name:
			broken = append(broken, fmt.Sprintf("the column %s is in another place", was.Name))
		}
	}
	return broken
}
