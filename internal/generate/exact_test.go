package generate_test

import (
	"testing"

	"millwright/internal/generate/template"
)

// TestSumsOfFractionsHaveNoNoise adds up values that no float64 holds exactly: 0.1, 0.2
// and so on. Summed as they are, they end in digits that nobody wrote.
func TestSumsOfFractionsHaveNoNoise(t *testing.T) {
	w := load(t, open(t), "sales", records(t, 300, func(i int) map[string]any {
		return map[string]any{"city": []string{"A", "B", "C"}[i%3], "amount": float64(10*(i%10)+1) / 10, "size": i % 5}
	}))
	if c, ok := w.profile.Column("amount"); !ok || c.Decimals != 2 {
		t.Fatalf("the decimals were not found: %+v", c)
	}
	s := template.NewSource(w.profile, template.DuckDB())
	checked := 0
	for _, tpl := range template.All() {
		if tpl.ID != "agg_by" && tpl.ID != "summary_by" {
			continue
		}
		for _, c := range tpl.Make(s) {
			if c.Uses[0].Columns[0].Name != "city" || c.Uses[1].Columns[0].Name != "amount" {
				continue
			}
			r, err := w.Run(t.Context(), c.Program)
			if err != nil {
				t.Fatal(err)
			}
			column := "value"
			if tpl.ID == "summary_by" {
				column = "total"
			}
			for i, label := range r.Texts("label") {
				want := 0
				for k := range 300 {
					if []string{"A", "B", "C"}[k%3] == label {
						want += 10*(k%10) + 1
					}
				}
				if got := r.Floats(column)[i]; got != float64(want)/10 {
					t.Errorf("%s of %s: %v, want %v", tpl.ID, label, got, float64(want)/10)
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was summed")
	}
}
