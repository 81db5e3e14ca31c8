package generate

import (
	"testing"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/table"
)

// Most ask for a number of rows, then for averages, and hardly of numbers by numbers;
// what a column is worth depends on the part that it plays.
func TestWhatPeopleAskIsWorthMore(t *testing.T) {
	t.Parallel()
	column := func(name string, role profile.Role, kind table.Kind) profile.Column {
		return profile.Column{Path: []string{name}, Name: name, Label: name, Type: table.Type{Kind: kind}, Role: role, Rows: 100, Distinct: 8, ModeShare: .2, Integers: 100, Min: "1", Max: "9", Avg: 4, StdDev: 3}
	}
	s := template.NewSource(&profile.Profile{Table: "t", Rows: 100, Columns: []profile.Column{
		column("kind", profile.Category, table.Varchar), column("rooms", profile.Measure, table.BigInt), column("height", profile.Measure, table.BigInt),
	}}, template.DuckDB())
	order := []answer{{"kind", "count", ""}, {"rooms", "count", ""}, {"kind", "avg", "height"}, {"kind", "max", "height"}, {"rooms", "avg", "height"}, {"kind", "avg", "kind"}}
	for i, a := range order[1:] {
		if before := worth(s, order[i]); before <= worth(s, a) {
			t.Errorf("%v is worth %.3f, and %v %.3f", order[i], before, a, worth(s, a))
		}
	}
}
