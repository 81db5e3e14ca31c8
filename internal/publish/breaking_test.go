package publish_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/table"
)

func columns(spelled ...string) []table.Column {
	var all []table.Column
	for _, s := range spelled {
		name, kind, _ := strings.Cut(s, " ")
		all = append(all, table.Column{Name: name, Type: table.Type{Kind: table.Kind(kind)}})
	}
	return all
}

func TestWhatBreaksCalls(t *testing.T) {
	t.Parallel()
	number := func(v float64) *float64 { return &v }
	old := []program.Slot{
		{Name: "city", Type: program.String},
		{Name: "n", Type: program.Integer, Default: int64(5), Min: number(1), Max: number(10)},
		{Name: "by", Type: program.Column, Default: "day", Values: []any{"day", "city"}},
	}
	with := func(change func(s []program.Slot) []program.Slot) []program.Slot {
		return change(append([]program.Slot{}, old...))
	}
	was := columns("city VARCHAR", "total DOUBLE")
	for rule, c := range map[string]struct {
		slots   []program.Slot
		columns []table.Column
		want    []string
	}{
		"the same slots and columns":        {old, was, nil},
		"a new optional slot":               {append(with(same), program.Slot{Name: "day", Type: program.Date}), was, nil},
		"a new slot with a default":         {append(with(same), program.Slot{Name: "m", Type: program.Integer, Default: int64(1)}), was, nil},
		"a new column at the end":           {old, columns("city VARCHAR", "total DOUBLE", "n BIGINT"), nil},
		"another default":                   {with(func(s []program.Slot) []program.Slot { s[1].Default = int64(6); return s }), was, nil},
		"a wider range":                     {with(func(s []program.Slot) []program.Slot { s[1].Max = nil; return s }), was, nil},
		"slots in another order":            {[]program.Slot{old[2], old[1], old[0]}, was, nil},
		"a slot that is gone":               {old[1:], was, []string{"the slot city is gone"}},
		"a slot of another type":            {with(func(s []program.Slot) []program.Slot { s[0].Type = program.Date; return s }), was, []string{"the slot city was a string and is a date"}},
		"a slot that must be given":         {with(func(s []program.Slot) []program.Slot { s[0].Required = true; return s }), was, []string{"the slot city must be given now"}},
		"a new slot that must be given":     {append(with(same), program.Slot{Name: "day", Type: program.Date, Required: true}), was, []string{"the slot day is new and must be given"}},
		"a value that is no choice now":     {with(func(s []program.Slot) []program.Slot { s[2].Values = []any{"day"}; return s }), was, []string{"the slot by takes fewer values"}},
		"choices where anything was good":   {with(func(s []program.Slot) []program.Slot { s[0].Values = []any{"Kiel"}; return s }), was, []string{"the slot city takes fewer values"}},
		"a higher minimum":                  {with(func(s []program.Slot) []program.Slot { s[1].Min = number(2); return s }), was, []string{"the slot n takes fewer values"}},
		"a maximum where there was none":    {with(func(s []program.Slot) []program.Slot { s[1].Max = number(9); return s }), was, []string{"the slot n takes fewer values"}},
		"a column that is gone":             {old, columns("city VARCHAR"), []string{"the column total is gone"}},
		"a column of another type":          {old, columns("city VARCHAR", "total BIGINT"), []string{"the column total was DOUBLE and is BIGINT"}},
		"a column that has changed places":  {old, columns("total DOUBLE", "city VARCHAR"), []string{"the column city is in another place", "the column total is in another place"}},
		"a new column before one there was": {old, columns("n BIGINT", "city VARCHAR", "total DOUBLE"), []string{"the column city is in another place", "the column total is in another place"}},
	} {
		got := publish.Breaks(program.Program{SQL: "old", Slots: old}, program.Program{SQL: "new", Slots: c.slots}, was, c.columns)
		if diff := cmp.Diff(got, c.want); diff != "" {
			t.Errorf("%s (-got +want)\n%s", rule, diff)
		}
	}
}

func same(s []program.Slot) []program.Slot { return s }

func TestTheSameProgramBreaksNothingWhateverTheDataDid(t *testing.T) {
	t.Parallel()
	p := program.Program{SQL: "SELECT * FROM orders"}
	if got := publish.Breaks(p, p, columns("a BIGINT"), columns("b VARCHAR")); got != nil {
		t.Errorf("got %q", got)
	}
}

// Whatever is changed of a program, either something is found to break, or every call
// that was good stays good and every column stays in its place.
func TestWhatBreaksNothingKeepsEveryCallAndColumn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, was := slots(t, "old"), drawColumns(t, "was")
		next, is := slots(t, "next"), drawColumns(t, "is")
		// Most changes are small.
		if rapid.IntRange(0, 2).Draw(t, "keep slots") > 0 {
			next = old
		}
		if rapid.IntRange(0, 2).Draw(t, "keep columns") > 0 {
			is = was
		}
		edited := written(next)
		edited.SQL += " -- edited"
		if publish.Breaks(written(old), edited, was, is) != nil {
			return
		}
		values := map[string]any{}
		for _, s := range old {
			if rapid.Bool().Draw(t, "send "+s.Name) {
				values[s.Name] = rapid.SampledFrom([]any{nil, "a", "b", "c", "2025-01-01", int64(1), int64(5), int64(9), true}).Draw(t, s.Name)
			}
		}
		if _, err := program.Bind(written(old), values); err != nil {
			return // was no good call
		}
		if _, err := program.Bind(written(next), values); err != nil {
			t.Errorf("%v was good and is not: %v\nold  %+v\nnext %+v", values, err, old, next)
		}
		for i, c := range was {
			if i >= len(is) || is[i].Name != c.Name || is[i].Type.String() != c.Type.String() {
				t.Errorf("column %d of %v is not in %v", i, was, is)
			}
		}
	})
}

// slots draws few slots of few kinds, so that many are alike.
func slots(t *rapid.T, label string) []program.Slot {
	var all []program.Slot
	for _, name := range []string{"p", "q"} {
		s := program.Slot{Name: name}
		switch rapid.IntRange(0, 6).Draw(t, label+name) {
		case 0:
			continue
		case 1:
			s.Type = program.String
		case 2:
			s.Type, s.Required = program.Integer, true
		case 3:
			least, most := float64(rapid.IntRange(0, 5).Draw(t, "min")), float64(rapid.IntRange(5, 9).Draw(t, "max"))
			s.Type, s.Default, s.Min, s.Max = program.Integer, int64(5), &least, &most
		case 4:
			s.Type, s.Values = program.Enum, rapid.SampledFrom([][]any{{"a"}, {"a", "b"}, {"b", "c", "a"}}).Draw(t, "values")
		case 5:
			s.Type, s.Default, s.Values = program.Column, "a", rapid.SampledFrom([][]any{{"a"}, {"a", "b"}, {"c", "a", "b"}}).Draw(t, "columns")
		case 6:
			s.Type, s.Default = program.Grain, "day"
		}
		all = append(all, s)
	}
	return all
}

// written is a program that uses its slots.
func written(slots []program.Slot) program.Program {
	parts := []string{"1"}
	for _, s := range slots {
		parts = append(parts, s.Placeholder())
	}
	return program.Program{SQL: "SELECT " + strings.Join(parts, ", ") + " /* " + strings.Join(parts, " ") + " */", Slots: slots}
}

func drawColumns(t *rapid.T, label string) []table.Column {
	names := rapid.SampledFrom([][]string{{"a BIGINT"}, {"a BIGINT", "b DOUBLE"}, {"b DOUBLE", "a BIGINT"}, {"a VARCHAR", "b DOUBLE"}, {"a BIGINT", "b DOUBLE", "c DATE"}}).Draw(t, label)
	return columns(names...)
}
