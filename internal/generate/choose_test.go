package generate_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
)

func visits(i int) map[string]any {
	return map[string]any{"visit": fmt.Sprintf("v%d", i), "shop": fmt.Sprintf("shop %d", i*i%7), "kind": []string{"new", "back", "lost", "won", "open"}[(i/3)*(i/3)%5],
		"spent": float64((i*7919)%1009) * float64(1+i%7), "minutes": 5 + (i*31)%90, "score": math.Round(1000*(math.Sin(float64(i))+float64(i/3%5))) / 1000}
}

// TestWhatPeopleAskFirstIsAnsweredAsItIs says that a slot which reaches another group
// does not stand for the answer.
func TestWhatPeopleAskFirstIsAnsweredAsItIs(t *testing.T) {
	w := load(t, open(t), "visits", records(t, 300, visits))
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dim := range []string{"shop", "kind"} {
		for _, m := range []string{"spent", "minutes", "score"} {
			if !slices.ContainsFunc(out.Chosen, func(c template.Candidate) bool { return shows(c, dim, m) }) {
				t.Errorf("no program shows %s by %s as it is", m, dim)
			}
		}
	}
	if t.Failed() {
		for i, c := range out.Chosen {
			t.Log(i, c.Template, c.Program.Cue)
		}
	}
}

// TestNoFormOfQuestionCrowdsOutTheRest says that three programs of one template are
// enough where others are to be had.
func TestNoFormOfQuestionCrowdsOutTheRest(t *testing.T) {
	w := load(t, open(t), "rooms", records(t, 10, func(i int) map[string]any {
		return map[string]any{"room": fmt.Sprintf("Room %c", 'A'+i), "beds": 1 + i*i%3, "bed_type": []string{"king", "queen", "double"}[i*i*i%7%3], "decor": []string{"modern", "plain", "rustic"}[(i/2)%3],
			"base_price": 75 + 25*(i*i%6), "max_occupancy": 2 + i*7%3}
	}))
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, c := range out.Chosen {
		if seen[c.Template]++; seen[c.Template] > 3 {
			t.Errorf("%d programs of %s: %s", seen[c.Template], c.Template, c.Program.Cue)
		}
	}
}

// TestNumbersAreDividedByKinds says that numbers which take few values divide others
// only after all that is no number.
func TestNumbersAreDividedByKinds(t *testing.T) {
	w := load(t, open(t), "readings", records(t, 40, func(i int) map[string]any {
		return map[string]any{"station": fmt.Sprintf("S%d", i*i%3), "weekday": []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[i*i%7],
			"high_temperature": 20 + i%9, "low_temperature": 10 + i%9 + i%2, "wind_speed": 5 + i*i%11}
	}))
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	numbers := []string{"high_temperature", "low_temperature", "wind_speed"}
	first := func(dims ...string) int {
		return slices.IndexFunc(out.Chosen, func(c template.Candidate) bool {
			return slices.ContainsFunc(dims, func(dim string) bool {
				return slices.ContainsFunc(numbers, func(of string) bool { return shows(c, dim, of) })
			})
		})
	}
	weekday, station, number := first("weekday"), first("station"), first(numbers...)
	if weekday < 0 || station < 0 || number >= 0 && number < max(weekday, station) {
		for i, c := range out.Chosen {
			t.Log(i, c.Template, c.Program.Cue)
		}
		t.Errorf("first by weekday at %d, by station at %d, by a number at %d", weekday, station, number)
	}
}

// shows reports whether the candidate's default result has a figure of the measure for
// each group of the dimension.
func shows(c template.Candidate, dim, measure string) bool {
	by, of := false, false
	for _, u := range c.Uses {
		by = by || u.Part == template.Group && u.Columns[0].Name == dim
		of = of || u.Part == template.Value && u.Columns[0].Name == measure
	}
	return by && of && !strings.HasPrefix(c.Template, "compare")
}
