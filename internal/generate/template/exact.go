package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// Sums and averages of binary fractions end in noise: 0.1 + 0.2 gives
// 0.30000000000000004. Where the profile knows how many decimals the values of a
// column have, a sum has no more than these, and is rounded to two more: what is
// cut off is noise, and nothing is lost should later values have a digit more.
const (
	spareSum = 2
	spareAvg = 6 // an average has digits without end
)

// amount returns the SQL of an aggregate, or of the slot {{agg}}, of x, which is one
// of the columns, as a DOUBLE without the noise of adding binary fractions.
func (s *Source) amount(agg, x string, cols []profile.Column) string {
	sql := fmt.Sprintf("CAST(%s(%s) AS DOUBLE)", agg, x)
	decimals, largest, sum := 0, 0.0, 0.0
	for _, c := range cols {
		if s.valueType(c).Kind != table.Double || c.Integers == c.NonNull() {
			continue
		}
		lo, okLo := parseNumber(c.Min)
		hi, okHi := parseNumber(c.Max)
		if c.Decimals == 0 || !okLo || !okHi {
			return sql // digits of which nobody knows how many there are
		}
		decimals = max(decimals, c.Decimals)
		top := math.Max(math.Abs(lo), math.Abs(hi))
		largest, sum = math.Max(largest, top), math.Max(sum, top*float64(c.NonNull()))
	}
	if decimals == 0 {
		return sql
	}
	ofSum, okSum := digits(sum, decimals+spareSum, decimals)
	ofAvg, okAvg := digits(largest, decimals+spareAvg, decimals+spareSum)
	switch {
	case !okSum || !okAvg:
		return sql
	case agg == "{{agg}}":
		return fmt.Sprintf("round(%s, CASE '{{agg}}' WHEN 'avg' THEN %d ELSE %d END)", sql, ofAvg, ofSum)
	case agg == "avg":
		return fmt.Sprintf("round(%s, %d)", sql, ofAvg)
	case agg == "sum":
		return fmt.Sprintf("round(%s, %d)", sql, ofSum)
	}
	return sql
}

// digits returns to how many decimals, at most most, a number of that size can be
// rounded without the rounding itself going past what a DOUBLE tells apart; false
// if not even to the least.
func digits(size float64, most, least int) (int, bool) {
	for n := most; n >= least; n-- {
		if size*math.Pow(10, float64(n)) < 1<<53 {
			return n, true
		}
	}
	return 0, false
}

// measured binds name to an aggregate of the slot {{measure}}.
func (d *draft) measured(name, agg string) *draft { return d.bind(name, d.ofMeasure(agg)) }

// ofMeasure returns the SQL of an aggregate of the slot {{measure}}.
func (d *draft) ofMeasure(agg string) string {
	var cols []profile.Column
	for _, u := range d.c.Uses {
		if u.Part == Value {
			cols = u.Columns
		}
	}
	return d.s.amount(agg, "{{measure}}", cols)
}
