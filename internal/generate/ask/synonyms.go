package ask

// families are words that people use for one another in questions about data. A
// column is found by a relative of its own word when no column has the word itself.
func families() [][]string {
	return [][]string{
		{"amount", "revenue", "sale", "turnover", "spend", "spent", "spending", "income", "money", "earning", "takings"},
		{"amount", "value", "worth", "size"},
		{"price", "cost", "expensive", "cheap", "pricing"},
		{"quantity", "qty", "unit", "piece"},
		{"customer", "client", "buyer", "user", "shopper", "purchaser"},
		{"country", "nation", "countries"},
		{"city", "town", "municipality"},
		{"region", "area", "territory"},
		{"category", "type", "kind", "class", "genre"},
		{"rating", "star", "score", "review", "rated"},
		{"temperature", "temp", "warm", "hot", "cold"},
		{"precipitation", "rain", "rainfall", "wet"},
		{"magnitude", "mag", "strength", "strong", "richter"},
		{"population", "pop", "people", "inhabitant", "resident", "populous"},
		{"created", "ordered", "placed", "creation"},
		{"date", "day", "time"},
		{"latitude", "lat"},
		{"longitude", "lon", "lng", "long"},
		{"name", "title", "called"},
		{"discount", "rebate", "reduction"},
		{"channel", "medium"},
		{"status", "state"},
		{"speed", "velocity", "fast", "slow"},
		{"weight", "heavy", "mass"},
		{"height", "tall", "altitude", "elevation", "high"},
		{"area", "surface", "big"},
		{"horsepower", "hp", "powerful"},
		{"mpg", "mileage", "efficient"},
		{"volume", "traded", "trading"},
		{"product", "item", "article", "good"},
		{"depth", "deep", "shallow"},
		{"age", "old", "young"},
		{"place", "location", "site"},
		{"tier", "level", "segment"},
		{"tag", "label", "keyword"},
		{"gift", "present"},
		{"shipped", "delivered", "sent", "shipping"},
		{"symbol", "ticker", "stock", "share"},
		{"manufacturer", "maker", "brand", "make"},
		{"duration", "length", "minute"},
		{"comment", "note", "remark", "description", "text"},
		{"tsunami", "wave"},
		{"wind", "windy"},
		{"capacity", "seat"},
		{"salary", "wage", "pay"},
		{"email", "mail"},
		{"phone", "telephone"},
		{"sku", "product"},
	}
}

// relatives returns the words of the families that hold w.
func relatives(w string) map[string]bool {
	out := map[string]bool{}
	for _, f := range families() {
		for _, member := range f {
			if member == w {
				for _, other := range f {
					out[other] = true
				}
			}
		}
	}
	delete(out, w)
	return out
}

// A degree is an adjective that asks for the first in an order: of what, and which end.
type degree struct {
	of  []string // stems of columns; none: of whatever is counted or measured
	low bool
}

func degrees() map[string]degree {
	return map[string]degree{
		"top": {}, "most": {}, "highest": {}, "largest": {}, "biggest": {}, "greatest": {}, "maximum": {}, "best": {}, "max": {}, "leading": {},
		"bottom": {low: true}, "least": {low: true}, "lowest": {low: true}, "smallest": {low: true}, "fewest": {low: true}, "minimum": {low: true}, "worst": {low: true}, "min": {low: true},
		"strongest": {of: []string{"magnitude", "mag", "strength"}}, "weakest": {of: []string{"magnitude", "mag", "strength"}, low: true},
		"deepest": {of: []string{"depth"}}, "shallowest": {of: []string{"depth"}, low: true},
		"cheapest": {of: []string{"price", "cost", "amount"}, low: true}, "priciest": {of: []string{"price", "cost"}}, "dearest": {of: []string{"price", "cost", "amount"}},
		"hottest": {of: []string{"temperature", "temp"}}, "warmest": {of: []string{"temperature", "temp"}}, "coldest": {of: []string{"temperature", "temp"}, low: true},
		"wettest": {of: []string{"precipitation", "rain"}}, "driest": {of: []string{"precipitation", "rain"}, low: true}, "windiest": {of: []string{"wind"}},
		"fastest": {of: []string{"speed", "velocity"}}, "slowest": {of: []string{"speed", "velocity"}, low: true},
		"heaviest": {of: []string{"weight", "mass"}}, "lightest": {of: []string{"weight", "mass"}, low: true},
		"tallest": {of: []string{"height"}}, "longest": {of: []string{"length", "duration", "distance"}}, "shortest": {of: []string{"length", "duration", "height", "distance"}, low: true},
		"oldest": {of: []string{"age", "created", "date", "time"}, low: true}, "youngest": {of: []string{"age"}, low: true},
	}
}
