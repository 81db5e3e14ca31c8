package analyze

import (
	"strings"
	"testing"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// column returns a leaf with the statistics that the cases below vary.
func column(name string, kind table.Kind, rows, distinct int64, change ...func(*leaf)) *leaf {
	l := newLeaf(strings.Split(name, "."), table.Type{Kind: kind}, 3, strings.Count(name, "."), -1)
	l.col.Rows, l.col.Distinct = rows, distinct
	l.col.Min, l.col.Max, l.col.Avg, l.col.StdDev = "1", "9000", 500, 100
	l.col.AvgLen, l.col.MaxLen, l.col.AvgWords, l.stdLen = 9, 20, 1, 5
	if kind == table.BigInt {
		l.col.Integers = rows
	}
	for _, f := range change {
		f(l)
	}
	return l
}

func first3(l *leaf) { l.pos = 0 }
func between(lo, hi string) func(*leaf) {
	return func(l *leaf) { l.col.Min, l.col.Max = lo, hi }
}
func mode(share float64) func(*leaf) { return func(l *leaf) { l.col.ModeShare = share } }
func nulls(n int64) func(*leaf)      { return func(l *leaf) { l.col.Nulls = n; l.col.Integers -= n } }
func even(l *leaf)                   { l.stdLen = .5 }
func long(chars, words float64) func(*leaf) {
	return func(l *leaf) { l.col.AvgLen, l.col.AvgWords, l.col.MaxLen = chars, words, int64(chars)*2 }
}

// texts gives the column values, each as often as the others.
func texts(values ...string) func(*leaf) {
	return func(l *leaf) {
		g := newGazetteer()
		l.shapes = shapes{formats: formats()}
		each := max(1, l.col.NonNull()/int64(len(values)))
		for _, v := range values {
			l.shapes.add(v, each, g)
			l.col.Top = append(l.col.Top, profile.Value{Value: v, Count: each})
		}
		l.shapes.all = l.col.Distinct == int64(len(values))
	}
}

func TestEachRoleFollowsFromItsRule(t *testing.T) {
	t.Parallel()
	const n = 1000
	for _, c := range []struct {
		rule string
		leaf *leaf
		want profile.Role
	}{
		{"nulls from 98% are empty", column("a", table.BigInt, n, 5, nulls(980)), profile.Empty},
		{"nulls below 98% are not", column("a", table.BigInt, n, 15, nulls(979)), profile.Measure},
		{"one value is constant", column("a", table.BigInt, n, 1), profile.Constant},
		{"a value in 95% is near-constant", column("a", table.Varchar, n, 9, mode(.95)), profile.Constant},
		{"an id-like name and no repeats make a key", column("order_id", table.BigInt, n, n), profile.Key},
		{"camel case is split", column("orderId", table.Varchar, n, n), profile.Key},
		{"one repeat and it is no key", column("order_id", table.BigInt, n, n-1), profile.ForeignKey},
		{"one null and it is no key", column("order_id", table.BigInt, n, n-1, nulls(1)), profile.ForeignKey},
		{"paid is not an id", column("paid", table.BigInt, n, 700), profile.Measure},
		{"grid is not an id", column("grid", table.BigInt, n, 700), profile.Measure},
		{"covid is not an id", column("covid", table.BigInt, n, 700), profile.Measure},
		{"discount is not a count", column("discount", table.BigInt, n, 700), profile.Measure},
		{"a dense first column is a key without a name", column("a", table.BigInt, n, n, first3, between("1", "1000")), profile.Key},
		{"a sparse one is not", column("a", table.BigInt, n, n, first3, between("1", "5000")), profile.Measure},
		{"what numbers every row is a key, whatever its name", column("rank", table.BigInt, n, n, first3, between("1", "1000")), profile.Key},
		{"unless it counts something", column("votes", table.BigInt, n, n, first3, between("1", "1000")), profile.Measure},
		{"a rank with a gap is none", column("rank", table.BigInt, n, n, first3, between("1", "1001")), profile.Measure},
		{"a date of four digits is a year", column("date1", table.BigInt, n, 60, between("1840", "1996")), profile.Year},
		{"one of more is not", column("date1", table.BigInt, n, 60, between("1840", "2101")), profile.Measure},
		{"a dense later one is not", column("a", table.BigInt, n, n, between("1", "1000")), profile.Measure},
		{"even-length text is a key without a name", column("a", table.Varchar, n, n, even), profile.Key},
		{"uneven text is a label", column("a", table.Varchar, n, n), profile.Label},
		{"a float is no key, and no quantity if it is named an id", column("id", table.Double, n, n), profile.ForeignKey},
		{"a nested id refers to something else", column("customer.id", table.BigInt, n, 90), profile.ForeignKey},
		{"years are no key though dense", column("year", table.BigInt, 100, 100, first3, between("1900", "1999")), profile.Year},
		{"years need no name", column("a", table.BigInt, n, 30, between("1970", "2020")), profile.Year},
		{"two-digit years need one", column("Model Year", table.BigInt, n, 30, between("70", "82")), profile.Year},
		{"a quantity in the range of years is none", column("count", table.BigInt, n, 30, between("1970", "2020")), profile.Measure},
		{"a zip is a code", column("zip_code", table.BigInt, n, 700), profile.Code},
		{"a flight number is a code", column("flight_number", table.BigInt, n, 300), profile.Code},
		{"a flight time is not", column("flight_time", table.BigInt, n, 300), profile.Measure},
		{"leading zeros make a code", column("a", table.Varchar, n, 4, even, func(l *leaf) { l.minLen, l.col.MaxLen = 4, 4 }, texts("0012", "1234", "4711", "0815")), profile.Code},
		{"two-letter codes under the name country", column("country", table.Varchar, n, 3, texts("DE", "FR", "US")), profile.Country},
		{"country names under any name", column("a", table.Varchar, n, 3, texts("Germany", "france", "Brazil")), profile.Country},
		{"lower-case languages are no countries", column("lang", table.Varchar, n, 5, texts("de", "fr", "es", "it", "pt")), profile.Category},
		{"states of the US", column("state", table.Varchar, n, 3, texts("CA", "Texas", "NY")), profile.Region},
		{"the state of an order is no region", column("state", table.Varchar, n, 3, texts("open", "closed", "new")), profile.Category},
		{"city by name", column("billing.city", table.Varchar, n, 300), profile.City},
		{"0 and 1 are a flag", column("a", table.BigInt, n, 2, between("0", "1")), profile.Flag},
		{"yes and no are a flag", column("a", table.Varchar, n, 2, texts("yes", "no")), profile.Flag},
		{"two texts are a flag", column("a", table.Varchar, n, 2, texts("men", "women")), profile.Flag},
		{"e-mail", column("a", table.Varchar, n, 3, texts("a@b.de", "x.y@example.com", "q+1@mail.example.org")), profile.Email},
		{"url", column("a", table.Varchar, n, 3, texts("https://a.example/1", "http://b.example/2?x=1", "https://c.example/")), profile.URL},
		{"image url", column("a", table.Varchar, n, 2000, texts("https://a.example/1.png", "https://a.example/2.JPG?s=1")), profile.ImageURL},
		{"uuid that repeats", column("trace", table.Varchar, n, 500, texts("123e4567-e89b-12d3-a456-426614174000")), profile.UUID},
		{"ip", column("a", table.Varchar, n, 500, texts("10.0.0.1", "2001:db8::1")), profile.IP},
		{"hash", column("a", table.Varchar, n, 500, texts("d41d8cd98f00b204e9800998ecf8427e")), profile.Hash},
		{"color", column("a", table.Varchar, n, 30, texts("#fff", "#a0b1c2", "rgb(1, 2, 3)")), profile.Color},
		{"json", column("a", table.Varchar, n, 30, texts(`{"a":1}`, `[1,2]`)), profile.JSONText},
		{"long text is prose", column("a", table.Varchar, n, 500, long(120, 20)), profile.FreeText},
		{"medium text that repeats is not", column("a", table.Varchar, n, 30, long(60, 5)), profile.Category},
		{"a title may be long", column("title", table.Varchar, n, n, long(60, 9)), profile.Label},
		{"a name needs fewer distinct values", column("name", table.Varchar, n, 600), profile.Label},
		{"100 values are a category", column("a", table.Varchar, 1_000_000, 100), profile.Category},
		{"101 are too many, whatever the ratio", column("a", table.Varchar, 1_000_000, 101), profile.HighCard},
		{"few whole numbers are ordinal", column("a", table.BigInt, n, 12), profile.OrdinalInt},
		{"but not in a small table", column("a", table.BigInt, 100, 12), profile.Measure},
		{"nor if they add up", column("quantity", table.BigInt, n, 9), profile.Measure},
		{"up to 20 grades are ordinal", column("grade", table.BigInt, 100, 20), profile.OrdinalInt},
		{"month by name and range", column("month", table.BigInt, n, 12, between("1", "12")), profile.DatePart},
		{"months beyond 12 are a quantity", column("month", table.BigInt, n, 30, between("1", "40")), profile.Measure},
		{"a time that is updated is of the record", column("updated_at", table.Timestamp, n, n), profile.AuditTime},
		{"last_update_time is, too", column("last_update_time", table.Timestamp, n, n), profile.AuditTime},
		{"birth", column("date_of_birth", table.Date, n, 800), profile.BirthDate},
		{"any other time is an event", column("shipped", table.Timestamp, n, n), profile.EventTime},
		{"bool", column("a", table.Boolean, n, 2, mode(.5)), profile.Flag},
	} {
		decide([]*leaf{c.leaf})
		if c.leaf.col.Role != c.want {
			t.Errorf("%s: %s is %s, want %s: %q", c.rule, c.leaf.col.Name, c.leaf.col.Role, c.want, c.leaf.col.Evidence)
		}
		if len(c.leaf.col.Evidence) == 0 || !strings.ContainsAny(strings.Join(c.leaf.col.Evidence, ""), "0123456789") && c.leaf.col.Role != profile.AuditTime && c.leaf.col.Role != profile.BirthDate {
			t.Errorf("%s: no numbers in the evidence %q", c.rule, c.leaf.col.Evidence)
		}
	}
}

func TestLatitudeNeedsItsOtherHalf(t *testing.T) {
	t.Parallel()
	in := func(l *leaf) { l.inLat, l.inLon = 960, 960 }
	out := func(l *leaf) { l.inLat, l.inLon = 940, 940 }
	for _, c := range []struct {
		rule   string
		leaves []*leaf
		want   [2]profile.Role
	}{
		{"both", []*leaf{column("pickup_lat", table.Double, 1000, 900, in), column("pickup_lng", table.Double, 1000, 900, in)}, [2]profile.Role{profile.Lat, profile.Lon}},
		{"long is a longitude beside lat", []*leaf{column("long", table.Double, 1000, 900, in), column("lat", table.Double, 1000, 900, in)}, [2]profile.Role{profile.Lon, profile.Lat}},
		{"not of the same place", []*leaf{column("pickup_lat", table.Double, 1000, 900, in), column("drop_lng", table.Double, 1000, 900, in)}, [2]profile.Role{profile.Measure, profile.Measure}},
		{"out of range in over 5%", []*leaf{column("lat", table.Double, 1000, 900, out), column("lon", table.Double, 1000, 900, in)}, [2]profile.Role{profile.Measure, profile.Measure}},
	} {
		decide(c.leaves)
		if got := [2]profile.Role{c.leaves[0].col.Role, c.leaves[1].col.Role}; got != c.want {
			t.Errorf("%s: got %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestSubtypeFollowsTheWordsOfTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]profile.Subtype{
		"amount": profile.Flow, "total_price": profile.Flow, "unit_price": profile.Intensive, "order_count": profile.Flow, "num_ratings": profile.Flow,
		"avg_amount": profile.Intensive, "tax_rate": profile.Ratio, "discount_percent": profile.Ratio, "share_count": profile.Flow, "miles_per_gallon": profile.Intensive,
		"population": profile.Stock, "followers_count": profile.Stock, "open_issues_count": profile.Stock, "wind_direction": profile.Circular, "temp_max": profile.Intensive,
		"max_hours": profile.Intensive, "min_nights": profile.Intensive, "played_min": profile.Intensive, "sd_of_costs": profile.Intensive, "total_cholesterol": profile.Intensive, "inflation": profile.Ratio,
		"wages": profile.Intensive, "US Gross": profile.Flow, "foo": profile.Untyped, "viewsOfPage": profile.Flow, "stock_price": profile.Intensive, "account.balance": profile.Stock,
	} {
		if got, why := subtype(column(name, table.Double, 100, 50)); got != want {
			t.Errorf("%s is %s, want %s: %s", name, got, want, why)
		}
	}
	if got, _ := subtype(column("amount", table.Double, 100, 50, between("0.01", "0.99"))); got != profile.Ratio {
		t.Errorf("an amount that lies in 0..1 is %s, want ratio", got)
	}
}

func TestRatesAreToldFromAmountsByTheirShape(t *testing.T) {
	t.Parallel()
	fractions := func(l *leaf) { l.col.Integers = 10; l.col.Avg, l.col.StdDev = 40, 12 }
	for _, c := range []struct {
		rule string
		leaf *leaf
		want profile.Subtype
	}{
		{"a tax of so much each", column("tax", table.Double, 100, 50, between("18.5", "99"), fractions), profile.Intensive},
		{"a tax on amounts", column("tax", table.Double, 100, 50, between("0.5", "99"), fractions), profile.Flow},
		{"taxes that spread", column("tax", table.Double, 100, 50, between("18.5", "99"), fractions, func(l *leaf) { l.col.StdDev = 30 }), profile.Flow},
		{"whole hours", column("hours", table.BigInt, 100, 50, between("18", "99"), func(l *leaf) { l.col.Avg, l.col.StdDev = 40, 12 }), profile.Flow},
		{"an amount is an amount", column("amount", table.Double, 100, 50, between("18.5", "99"), fractions), profile.Flow},
		{"too few to tell", column("tax", table.Double, 19, 15, between("18.5", "99"), fractions), profile.Flow},
	} {
		if got, why := subtype(c.leaf); got != c.want {
			t.Errorf("%s: %s, want %s: %s", c.rule, got, c.want, why)
		}
	}
}

func TestRatingIsOrdinalAndMeasure(t *testing.T) {
	t.Parallel()
	l := column("rating", table.BigInt, 1000, 5)
	decide([]*leaf{l})
	if l.col.Role != profile.OrdinalInt || !l.col.AlsoMeasure || l.col.Subtype != profile.Intensive {
		t.Errorf("got %s, also a measure: %v, %s", l.col.Role, l.col.AlsoMeasure, l.col.Subtype)
	}
}

func TestEpochNeedsRangeAndName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		name   string
		lo, hi string
		want   string
	}{
		{"seconds", "created", "1600000000", "1700000000", "seconds"},
		{"milliseconds", "time", "1600000000000", "1700000000000", "milliseconds"},
		{"microseconds", "updated_at", "1600000000000000", "1700000000000000", "microseconds"},
		{"no name", "value", "1600000000", "1700000000", ""},
		{"before 2000", "time", "900000000", "1700000000", ""},
		{"after 2100", "time", "1600000000", "4200000000", ""},
		{"runtime is no time", "runtime", "1600000000", "1700000000", ""},
	} {
		u, _ := epoch(column(c.name, table.BigInt, 100, 100, between(c.lo, c.hi)))
		if u.name != c.want {
			t.Errorf("%s: %q, want %q", c.rule, u.name, c.want)
		}
	}
}
