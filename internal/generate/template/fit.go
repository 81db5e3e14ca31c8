package template

import (
	"math"
	"time"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// bucket says how well n groups read in one picture: best at 6 to 25, after
// Metabase's curve, lifted at 2 to 5 because flags are useful in API data.
func bucket(n int64) float64 {
	switch {
	case n < 2:
		return 0
	case n == 2:
		return .45
	case n <= 5:
		return .7
	case n <= 10:
		return .95
	case n <= 25:
		return 1
	case n <= 50:
		return .7
	case n <= 100:
		return .4
	case n <= 1000:
		return .2
	}
	return .1
}

// numberByNumber is how much it counts what a number says of the groups of another.
const numberByNumber = .2

// between is the signal of what differs between groups: that a number differs with
// another one is for the templates of relations to find.
func (s *Source) between(c Candidate, signal float64) float64 {
	for _, u := range c.Uses {
		if u.Part == Group && u.Columns[0].Role == profile.Measure {
			return numberByNumber * signal
		}
	}
	return signal
}

// dimFit says how well the column divides rows into groups.
func dimFit(c profile.Column) float64 {
	fit := bucket(c.Distinct) * (1 - c.NullShare())
	switch {
	case c.ModeShare >= .95:
		return 0
	case c.ModeShare >= .85:
		fit *= .4
	}
	switch c.Role {
	case profile.ForeignKey, profile.Code, profile.Key:
		fit *= .45
	case profile.OrdinalInt:
		fit *= .8
		if c.AlsoMeasure {
			fit *= .7 // it is measured rather than grouped by
		}
	case profile.Measure:
		fit *= .8 * .7 // its few values are amounts, and neither kinds nor steps of something
	case profile.Year, profile.DatePart:
		fit *= .6
	case profile.Label:
		fit *= .5
	case profile.Country:
		fit *= 1.1
	default:
		if hasWord(c.Name, "status", "type", "category", "country", "kind", "class") {
			fit *= 1.1
		}
	}
	if ofPerson(c.Name) {
		fit *= .5 // people who share a first name have nothing else in common
	}
	if c.NonNull() < 2*c.Distinct {
		fit *= .6 // groups of one row each are no groups
	}
	return clamp(fit, 0, 1)
}

// ofPerson reports whether a column is called as a part of a person's name.
func ofPerson(name string) bool {
	return hasWord(name, "fname", "lname", "firstname", "lastname", "surname", "forename") ||
		hasWord(name, "name") && hasWord(name, "first", "last", "middle", "given", "family", "f", "l", "nick", "personal", "sur")
}

// measFit says how much there is to see in the numbers of the column.
func measFit(c profile.Column) float64 {
	if c.NonNull() == 0 || c.ModeShare >= .95 {
		return 0
	}
	fit := 1 - c.NullShare()
	switch zeros := float64(c.Zeros) / float64(c.NonNull()); {
	case zeros >= .95:
		return 0
	case zeros >= .8:
		fit *= .4
	}
	cv := 0.0
	if c.Avg != 0 {
		cv = math.Abs(c.StdDev / c.Avg)
	}
	fit *= clamp(.5*(1+math.Log1p(cv)), .3, 1)
	switch c.Subtype {
	case profile.Flow:
		fit *= 1.15
	case profile.Intensive, profile.Ratio, profile.Stock:
		fit *= .95
	case profile.Circular:
		fit *= .5
	}
	// An identifier-like ordinal is a measure only on the side.
	if c.Role == profile.OrdinalInt {
		fit *= .8
	}
	return clamp(fit, 0, 1)
}

// timeFit says how well the column serves as a time axis.
func timeFit(c profile.Column, span float64) float64 {
	fit := 1 - c.NullShare()
	switch {
	case span <= 0:
		fit *= .1
	case span < 7:
		fit *= .4
	case span < 30:
		fit *= .6
	case span < 365:
		fit *= .8
	default:
		fit *= .95
	}
	if c.ModeShare >= .8 {
		fit *= .15
	}
	return fit
}

// A grain is a unit of time with its length in days.
type grain struct {
	name string
	days float64
}

func grains() []grain {
	return []grain{
		{"minute", 1.0 / 1440}, {"hour", 1.0 / 24}, {"day", 1}, {"week", 7},
		{"month", 30.44}, {"quarter", 91.3}, {"year", 365.25},
	}
}

// pickGrain returns the unit that cuts the span into the most readable number
// of periods, and every unit that cuts it into at least two and not too many.
func pickGrain(c profile.Column, span float64) (best string, allowed []string) {
	top := -1.0
	for _, g := range grains() {
		if g.days < 1 && c.Type.Kind == table.Date && c.Virtual == "" {
			continue
		}
		n := span/g.days + 1
		if n > 20000 {
			continue
		}
		allowed = append(allowed, g.name)
		// Distance in ratio from the middle of 10..25 decides between units of one bucket.
		score := bucket(int64(n)) - .1*math.Abs(math.Log(n/16))
		if score > top {
			top, best = score, g.name
		}
	}
	return best, allowed
}

// spanDays returns how many days lie between the column's first and last value.
func spanDays(c profile.Column) (float64, bool) {
	lo, okLo := parseTime(c.Min)
	hi, okHi := parseTime(c.Max)
	if !okLo || !okHi {
		return 0, false
	}
	return hi.Sub(lo).Hours() / 24, true
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// aggregatesOf returns the aggregates that make sense for the column, its
// default first. perTime says that rows of several moments are put together,
// which forbids adding up a stock.
func aggregatesOf(c profile.Column, perTime bool) []string {
	all := []string{"sum", "avg", "median", "min", "max", "count"}
	switch c.Subtype {
	case profile.Flow:
		return all
	case profile.Stock:
		if perTime {
			return all[1:]
		}
		return []string{"avg", "sum", "median", "min", "max", "count"}
	case profile.Ratio, profile.Intensive:
		return all[1:]
	case profile.Circular:
		return []string{"min", "max", "count"}
	}
	if heavy(c) {
		return []string{"avg", "sum", "median", "min", "max", "count"}
	}
	return all[1:]
}

// heavy reports whether numbers of which no name tells what they are look like counts
// or amounts: whole, from zero or above it, and spread wider than their average, a few
// holding much of the total. What is measured of a thing, a height or a price, is not
// so, and its sum says nothing.
func heavy(c profile.Column) bool {
	return c.Negative == 0 && c.Integers == c.NonNull() && c.Avg > 0 && c.StdDev >= c.Avg && !unitRange(c)
}

// Summable reports whether values of the column may be added up at all.
func Summable(c profile.Column) bool {
	return c.Role == profile.Measure && contains(aggregatesOf(c, false), "sum")
}

// unitRange reports whether all values lie in 0..1, as shares do.
func unitRange(c profile.Column) bool {
	lo, okLo := parseNumber(c.Min)
	hi, okHi := parseNumber(c.Max)
	return okLo && okHi && lo >= 0 && hi <= 1
}

func contains[T comparable](list []T, x T) bool {
	for _, l := range list {
		if l == x {
			return true
		}
	}
	return false
}

func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }

// mean returns the geometric mean of fits, so that one bad fit is not made good by the others.
func mean(fits ...float64) float64 {
	if len(fits) == 0 {
		return 0
	}
	product := 1.0
	for _, f := range fits {
		product *= math.Max(f, 0)
	}
	return math.Pow(product, 1/float64(len(fits)))
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = x
	}
	return out
}

func float(x float64) *float64 { return &x }

func slotNamed(slots []program.Slot, name string) bool {
	for _, s := range slots {
		if s.Name == name {
			return true
		}
	}
	return false
}
