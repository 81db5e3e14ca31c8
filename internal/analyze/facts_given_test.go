package analyze_test

import (
	"math/rand/v2"
	"testing"

	"millwright/internal/profile"
)

// What is told of the year, or of the shop, stands in each of its rows: its sum over rows
// counts it again and again.
func TestWhatIsRepeatedIsNotAddedUp(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	var records []map[string]any
	rnd := rand.New(rand.NewPCG(5, 5))
	for y := range 12 {
		for s := range 8 {
			nearly, holes := 1000*(y*5%12), any(100*(y*7%12))
			if s == 7 {
				nearly, holes = 1000*(y*7%12), nil
			}
			records = append(records, map[string]any{
				"year": 2000 + y, "shop_id": 10 * s, "holdings": 1000 + 100*y, "floor_amount": 50 * (s + 1), "sales": rnd.IntN(5000), "nearly_sold": nearly, "holes_sold": holes,
			})
		}
	}
	p := analyzed(t, e, land(t, e, "shops", records, []string{"year", "shop_id", "holdings", "floor_amount", "sales", "nearly_sold", "holes_sold"}))
	for name, want := range map[string]profile.Subtype{"holdings": profile.Intensive, "floor_amount": profile.Intensive, "sales": profile.Flow, "nearly_sold": profile.Flow, "holes_sold": profile.Flow} {
		if c, _ := p.Column(name); c.Role != profile.Measure || c.Subtype != want {
			t.Errorf("%s is %s %s, want %s: %q", name, c.Role, c.Subtype, want, c.Evidence)
		}
	}
}
