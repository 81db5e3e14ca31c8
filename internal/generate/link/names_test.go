package link

import (
	"testing"

	"millwright/internal/profile"
)

func TestNamesGoTogetherByWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	col := func(path ...string) profile.Column { return profile.Column{Path: path, Name: path[len(path)-1]} }
	of := func(grain string) *profile.Profile {
		return &profile.Profile{Table: grain + "s", Facts: profile.Facts{Grain: grain}}
	}
	for _, c := range []struct {
		rule   string
		column profile.Column
		key    profile.Column
		of     *profile.Profile
		want   bool
	}{
		{"an id of the thing that a row is", col("customer_id"), col("id"), of("customer"), true},
		{"inside an object", col("customer", "id"), col("id"), of("customer"), true},
		{"the last word decides", col("shipping_address_id"), col("id"), of("address"), true},
		{"the same name", col("customer_id"), col("customer_id"), of("client"), true},
		{"a name of the thing", col("country"), col("name", "common"), of("country"), true},
		{"another thing", col("product_id"), col("id"), of("customer"), false},
		{"a key of its own kind", col("customer_id"), col("card_id"), of("customer card"), false},
		{"a word that only qualifies", col("customer_id"), col("id"), of("customer card"), false},
		{"nothing but id", col("id"), col("id"), of("customer"), false},
		{"a place in a list", col("position"), col("id"), of("customer"), false},
	} {
		if got := together(c.column, c.key, c.of) != ""; got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}
