package program

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// A Line is a line of two texts that are compared.
type Line struct {
	Op   byte   // ' ' it is in both, '-' only in the older, '+' only in the newer
	From int    // its number in the older text; 0 if it is not there
	To   int    // its number in the newer text; 0 if it is not there
	Text string // without its end
}

// A FieldChange is a field that differs, each side as JSON.
type FieldChange struct {
	Field    string
	From, To json.RawMessage
}

// A SlotChange is a slot that differs.
type SlotChange struct {
	Name   string
	Change string        // added, removed or changed
	Fields []FieldChange // of a changed slot
}

// A Difference is what changed from one program to another.
type Difference struct {
	Equal  bool          // nothing of what makes a version
	Fields []FieldChange // name, cue, kind and chart
	Slots  []SlotChange
	Moved  bool   // the slots that stayed are in another order
	SQL    []Line // every line of both, in order
}

// Diff compares two programs.
func Diff(from, to Program) Difference {
	d := Difference{SQL: DiffLines(from.SQL, to.SQL)}
	d.Fields = fieldChanges(
		map[string]any{"name": from.Name, "cue": from.Cue, "kind": from.Kind, "chart": from.Chart},
		map[string]any{"name": to.Name, "cue": to.Cue, "kind": to.Kind, "chart": to.Chart})
	d.Slots, d.Moved = diffSlots(from.Slots, to.Slots)
	d.Equal = from.SQL == to.SQL && len(d.Fields) == 0 && len(d.Slots) == 0 && !d.Moved
	return d
}

func diffSlots(from, to []Slot) (changes []SlotChange, moved bool) {
	var left, right []string
	for _, a := range from {
		at := slices.IndexFunc(to, func(b Slot) bool { return a.Name == b.Name })
		if at < 0 {
			changes = append(changes, SlotChange{Name: a.Name, Change: "removed"})
			continue
		}
		left = append(left, a.Name)
		if fields := fieldChanges(fieldsOf(a), fieldsOf(to[at])); len(fields) > 0 {
			changes = append(changes, SlotChange{Name: a.Name, Change: "changed", Fields: fields})
		}
	}
	for _, b := range to {
		if slices.ContainsFunc(from, func(a Slot) bool { return a.Name == b.Name }) {
			right = append(right, b.Name)
		} else {
			changes = append(changes, SlotChange{Name: b.Name, Change: "added"})
		}
	}
	return changes, !slices.Equal(left, right)
}

func fieldsOf(s Slot) map[string]any {
	text, err := json.Marshal(s)
	fields := map[string]json.RawMessage{}
	if err != nil || json.Unmarshal(text, &fields) != nil {
		return nil // unreachable: a slot came from JSON
	}
	all := map[string]any{}
	for name, value := range fields {
		all[name] = value
	}
	return all
}

func fieldChanges(from, to map[string]any) []FieldChange {
	var names []string
	for _, side := range []map[string]any{from, to} {
		for name := range side {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var changes []FieldChange
	for _, name := range slices.Compact(names) {
		a, b := asJSON(from[name]), asJSON(to[name])
		if !bytes.Equal(a, b) {
			changes = append(changes, FieldChange{name, a, b})
		}
	}
	return changes
}

func asJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null") // unreachable: all of it came from JSON
	}
	return text
}

// maxDiffCells bounds the work of comparing two texts line by line.
const maxDiffCells = 4 << 20

// DiffLines compares two texts line by line, with as few changes as possible. Of
// texts with thousands of lines that differ, all the lines between the first and
// the last change count as changed.
func DiffLines(from, to string) []Line {
	a, b := lines(from), lines(to)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var all []Line
	for i := range start {
		all = append(all, Line{' ', i + 1, i + 1, a[i]})
	}
	all = append(all, middle(a[start:len(a)-end], b[start:len(b)-end], start)...)
	for i := range end {
		all = append(all, Line{' ', len(a) - end + i + 1, len(b) - end + i + 1, a[len(a)-end+i]})
	}
	return all
}

// lines splits a text; an empty one has none.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	all := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// middle compares lines of which the first and the last differ.
func middle(a, b []string, before int) []Line {
	width := len(b) + 1
	var common []int32 // at i*width+j: how many lines a[i:] and b[j:] have in common
	if len(a)*len(b) <= maxDiffCells {
		common = make([]int32, (len(a)+1)*width)
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					common[i*width+j] = common[(i+1)*width+j+1] + 1
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	var all []Line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case common != nil && i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, Line{' ', before + i + 1, before + j + 1, a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common == nil || common[(i+1)*width+j] >= common[i*width+j+1]):
			all = append(all, Line{'-', before + i + 1, 0, a[i]})
			i++
		default:
			all = append(all, Line{'+', 0, before + j + 1, b[j]})
			j++
		}
	}
	return all
}
