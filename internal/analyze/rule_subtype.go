package analyze

import (
	"fmt"
	"slices"

	"millwright/internal/profile"
)

// A subtypeRule gives the subtype that a word in a column's name says.
type subtypeRule struct {
	subtype profile.Subtype
	words   []string
}

// subtypeRules returns the words of each subtype.
func subtypeRules() []subtypeRule {
	return []subtypeRule{
		{profile.Ratio, []string{"rate", "ratio", "pct", "percent", "percentage", "share", "margin", "%", "proportion", "fraction", "ctr", "probability", "perc", "odds",
			"growth", "inflation", "literacy", "turnout", "occupancy", "prevalence", "incidence", "accuracy", "efficiency", "utilization", "utilisation", "likelihood", "quantile", "percentile"}},
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
			"latency", "delay", "radius", "diameter", "volt", "voltage", "level", "runtime", "position", "order", "concentration", "co2", "wage", "gap", "life", "expect", "mass", "lat", "latitude", "lon", "lng", "longitude", "adjclose", "thickness", "resolution", "ph", "yield", "income", "grade", "degree", "degrees",
			"cpi", "ppi", "gini", "bmi", "iq", "pulse", "heartrate", "cholesterol", "glucose", "insulin", "systolic", "diastolic", "bp", "dose", "dosage", "sleep",
			"wt", "wgt", "ht", "hgt", "velocity", "circumference", "perimeter", "girth", "span", "strength", "hardness", "alcohol", "acidity", "radiation", "ozone", "dewpoint", "gust", "slope",
			"rent", "fare", "msrp", "wages", "deviation", "variance", "quality", "satisfaction", "aptitude", "ability", "prestige", "experience", "tenure", "schooling", "lifespan", "longevity", "gravity", "torque", "power", "wavelength", "eccentricity", "inclination"}},
	}
}

// A saying is a word in a name and the subtype that it says.
type saying struct {
	word    string
	subtype profile.Subtype
}

// subtypeWord returns the word of a name that says a subtype. The last word
// counts most, because English names end in what they are; but an average or the
// greatest of totals is an average or the greatest, a total of prices a total, and a
// number per something neither.
func subtypeWord(tokens []string) (saying, bool) {
	if word, ok := anyOf(tokens, statisticWords()...); ok {
		return saying{word, profile.Intensive}, true
	}
	// "min" at the end may be minutes.
	if len(tokens) > 1 && tokens[0] == "min" {
		return saying{"min", profile.Intensive}, true
	}
	rules := subtypeRules()
	if word, ok := anyOf(tokens, rules[0].words...); ok && !slices.Contains(tokens, "count") {
		return saying{word, profile.Ratio}, true
	}
	if word, ok := anyOf(tokens, "total", "sum", "subtotal"); ok {
		// The total of what is measured of one body is no total over bodies.
		if measured, ok := anyOf(tokens, "cholesterol", "bilirubin", "protein", "sleep", "score", "height", "length", "width", "age", "density"); ok {
			return saying{measured, profile.Intensive}, true
		}
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
	if s.subtype == profile.Flow && level(l, s.word) {
		return profile.Intensive, fmt.Sprintf("intensive: the name says %q, but fractions from %s to %s that spread by %.3g around %.3g are so much for each, not amounts", s.word, l.col.Min, l.col.Max, l.col.StdDev, l.col.Avg)
	}
	return s.subtype, why
}

// statisticWords are the tokens of a figure that stands for several values.
func statisticWords() []string {
	return []string{"avg", "average", "mean", "median", "per", "max", "maximum", "minimum", "sd", "std", "stddev", "stdev"}
}

// level reports whether numbers whose name may say an amount as well as a rate, as
// "tax" does, are rates by their shape: fractions, none near zero, close together.
// Amounts of different things differ more.
func level(l *leaf, word string) bool {
	if !slices.Contains([]string{"tax", "fee", "cost", "costs", "payment", "spend", "spending", "expenses", "consumption", "production", "emissions", "generation",
		"hours", "minutes", "seconds", "duration", "distance", "volume", "points", "goals", "words"}, word) {
		return false
	}
	lo, hi, ok := l.bounds()
	return ok && l.col.NonNull() >= 20 && 10*l.col.Integers < 9*l.col.NonNull() && lo > 0 && hi <= 10*lo && 2*l.col.StdDev <= l.col.Avg
}
