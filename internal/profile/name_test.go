package profile_test

import (
	"strings"
	"testing"

	"millwright/internal/profile"
)

func TestTokensSplitWordsNotSubstrings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"customer_id":      "customer id",
		"customerId":       "customer id",
		"orderIDs":         "order ids",
		"HTTPStatus":       "http status",
		"paid":             "paid",
		"covid":            "covid",
		"US Gross":         "us gross",
		"a.b-c":            "a b c",
		"growth%":          "growth %",
		"temp2":            "temp2",
		"größeWert":        "größe wert",
		"":                 "",
		"Miles_per_Gallon": "miles per gallon",
	} {
		if got := strings.Join(profile.Tokens(name), " "); got != want {
			t.Errorf("Tokens(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestGrainNamesOneRowAndManyFromTheSourcesName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"Orders API":                     {"order", "orders"},
		"github issues":                  {"github issue", "github issues"},
		"movies":                         {"movie", "movies"},
		"countries":                      {"country", "countries"},
		"statuses":                       {"status", "statuses"},
		"addresses":                      {"address", "addresses"},
		"purchases":                      {"purchase", "purchases"},
		"boxes":                          {"box", "boxes"},
		"people":                         {"person", "people"},
		"species":                        {"species", "species"},
		"seattle-weather":                {"seattle weather record", "seattle weather records"},
		"stock":                          {"stock", "stocks"},
		"Test data":                      {"row", "rows"},
		"":                               {"row", "rows"},
		"items":                          {"item", "items"},
		"birdstrikes":                    {"birdstrike", "birdstrikes"},
		"analyses":                       {"analysis", "analyses"},
		"unemployment-across-industries": {"unemployment record", "unemployment records"},
		"flights 10k":                    {"flight", "flights"},
		"sp500":                          {"sp500 record", "sp500 records"},
		"monarchs":                       {"monarch", "monarchs"},
		"list of countries":              {"country", "countries"},
		"all users v2":                   {"user", "users"},
		"political-contributions":        {"political contribution", "political contributions"},
	} {
		one, many := profile.Grain(name)
		if got := [2]string{one, many}; got != want {
			t.Errorf("Grain(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestWordsReadAsPeopleSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path []string
		want string
	}{
		{[]string{"customer", "tier"}, "customer tier"},
		{[]string{"created_at"}, "created at"},
		{[]string{"US Gross"}, "US gross"},
		{[]string{"ID"}, "id"},
		{[]string{"$"}, "$"},
	} {
		if got := profile.Words(c.path); got != c.want {
			t.Errorf("Words(%q) = %q, want %q", c.path, got, c.want)
		}
	}
}
