package analyze

import (
	"fmt"
	"slices"

	"millwright/internal/profile"
)

func ordinalInt(s subject) (string, bool) {
	if !s.isInt() || periodName(s.leaf) {
		return "", false
	}
	d, n := s.col.Distinct, s.col.NonNull()
	word, named := anyOf(s.tokens, "type", "status", "level", "grade", "class", "group", "cylinders", "rating", "stars", "rank", "priority", "severity", "category", "tier", "stage", "sex", "gender")
	sub, additive := subtypeWord(s.tokens)
	additive = additive && (sub.subtype == profile.Flow || sub.subtype == profile.Stock)
	switch {
	case named && d <= 20 && !additive && (n > d || d <= 2):
		return fmt.Sprintf("the name says %q, %d distinct whole numbers", word, d), true
	case !additive && d <= 12 && float64(d) <= .05*float64(n):
		return fmt.Sprintf("%d distinct whole numbers in %s rows", d, count(n)), true
	case d == 2 && sub.word == "":
		return fmt.Sprintf("two whole numbers, %s and %s", s.col.Min, s.col.Max), true
	}
	return "", false
}

func measure(s subject) (string, bool) {
	if !s.typ.IsNumeric() || s.col.StdDev <= 0 {
		return "", false
	}
	// Two numbers group better than they add up, unless the name says a quantity.
	if _, ok := subtypeWord(s.tokens); !ok && s.col.Distinct < 3 {
		return "", false
	}
	return fmt.Sprintf("%s distinct numbers from %s to %s", count(s.col.Distinct), s.col.Min, s.col.Max), true
}

func twoNumbers(s subject) (string, bool) {
	if !s.typ.IsNumeric() || s.col.Distinct != 2 {
		return "", false
	}
	return fmt.Sprintf("only two numbers, %s and %s", s.col.Min, s.col.Max), true
}

// A subtypeRule gives the subtype that a word in a column's name says.
type subtypeRule struct {
	subtype profile.Subtype
	words   []string
}

// subtypeRules returns the words of each subtype.
func subtypeRules() []subtypeRule {
	return []subtypeRule{
		{profile.Ratio, []string{"rate", "ratio", "pct", "percent", "percentage", "share", "margin", "%", "proportion", "fraction", "ctr", "probability", "perc", "odds"}},
		{profile.Flow, []string{"amount", "amt", "total", "subtotal", "sum", "sales", "revenue", "cost", "costs", "budget", "gross", "profit", "quantity", "qty",
			"count", "num", "orders", "units", "votes", "views", "clicks", "deaths", "passengers", "minutes", "bytes", "distance", "volume", "tax", "fee", "fees",
			"discount", "spend", "spending", "expenses", "payment", "impressions", "visits", "sessions", "downloads", "hits", "likes", "comments",
			"shares", "retweets", "injuries", "injured", "killed", "cases", "births", "hours", "seconds", "duration", "sold", "net", "donation", "contributions",
			"precipitation", "rain", "rainfall", "snow", "production", "consumption", "emissions", "generation", "items", "calls", "messages", "words", "pages", "reviews", "arrivals", "departures", "wins", "losses", "goals", "points", "games", "attendance", "enrollment"}},
		{profile.Stock, []string{"population", "pop", "balance", "inventory", "stock", "headcount", "subscribers", "followers", "following", "employees", "stargazers", "watchers",
			"forks", "members", "users", "capacity", "outstanding", "holdings", "people", "employed", "unemployed", "cash", "debt", "assets", "liabilities", "reserves"}},
		{profile.Circular, []string{"dir", "direction", "bearing", "angle", "heading", "azimuth", "hour"}},
		{profile.Intensive, []string{"price", "temp", "temperature", "speed", "weight", "height", "length", "width", "score", "rating", "age", "mpg", "pick", "pressure", "humidity",
			"index", "rank", "ranking", "seed", "salary", "depth", "mag", "magnitude", "size", "area", "elevation", "altitude", "horsepower", "acceleration", "displacement", "density",
			"avg", "average", "mean", "median", "min", "max", "std", "stddev", "open", "high", "low", "close", "wind", "visibility", "expectancy", "fertility", "gpa",
			"latency", "delay", "radius", "diameter", "volt", "voltage", "level", "runtime", "position", "order", "concentration", "co2", "wage", "gap", "life", "expect", "mass", "lat", "latitude", "lon", "lng", "longitude", "adjclose", "thickness", "resolution", "ph", "yield", "income", "grade", "degree", "degrees"}},
	}
}

// A saying is a word in a name and the subtype that it says.
type saying struct {
	word    string
	subtype profile.Subtype
}

// subtypeWord returns the word of a name that says a subtype. The last word
// counts most, because English names end in what they are; but an average of
// totals is an average, a total of prices a total, and a number per something
// neither.
func subtypeWord(tokens []string) (saying, bool) {
	if word, ok := anyOf(tokens, "avg", "average", "mean", "median", "per"); ok {
		return saying{word, profile.Intensive}, true
	}
	rules := subtypeRules()
	if word, ok := anyOf(tokens, rules[0].words...); ok && !slices.Contains(tokens, "count") {
		return saying{word, profile.Ratio}, true
	}
	if word, ok := anyOf(tokens, "total", "sum", "subtotal"); ok {
		return saying{word, profile.Flow}, true
	}
	if len(tokens) > 1 {
		if word, ok := anyOf(tokens[:1], "num", "number", "count"); ok {
			// What is counted says more than that it is counted: num_employees.
			if stock, ok := anyOf(tokens[len(tokens)-1:], rules[2].words...); ok {
				return saying{stock, profile.Stock}, true
			}
			return saying{word, profile.Flow}, true
		}
		if tokens[0] == "open" && slices.Contains(tokens, "issues") {
			return saying{"open issues", profile.Stock}, true
		}
	}
	// What is counted says more than that it is counted: followers_count.
	counted := tokens
	if n := len(tokens); n > 1 && tokens[n-1] == "count" {
		counted = tokens[:n-1]
		if word, ok := anyOf(counted[len(counted)-1:], rules[2].words...); ok {
			return saying{word, profile.Stock}, true
		}
		return saying{tokens[n-1], profile.Flow}, true
	}
	for i := len(counted) - 1; i >= 0; i-- {
		for _, r := range rules {
			if slices.Contains(r.words, counted[i]) || slices.Contains(r.words, profile.Singular(counted[i])) {
				return saying{counted[i], r.subtype}, true
			}
		}
	}
	return saying{}, false
}

// subtype returns what may be done with a measure, and why. Names come first;
// what no name says stays unknown.
func subtype(l *leaf) (profile.Subtype, string) {
	if l.shapes.percent > 0 && l.shapes.share(l.shapes.percent) >= .5 {
		return profile.Ratio, fmt.Sprintf("ratio: %s of the values are written with %%", percent(l.shapes.share(l.shapes.percent)))
	}
	s, ok := subtypeWord(l.tokens)
	if !ok {
		return profile.Untyped, fmt.Sprintf("no word of the name says whether it adds up; values %s to %s", l.col.Min, l.col.Max)
	}
	why := fmt.Sprintf("%s: the name says %q", s.subtype, s.word)
	// A flow that lies in 0..1 and is hardly ever whole is a share of something.
	if s.subtype == profile.Flow && l.within(0, 1) && l.col.Integers*10 < l.col.NonNull() && l.col.NonNull() >= 20 {
		return profile.Ratio, fmt.Sprintf("ratio: the name says %q, but all values lie from 0 to 1", s.word)
	}
	return s.subtype, why
}
