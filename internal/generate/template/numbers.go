package template

import (
	"math"
	"sort"
	"strconv"
	"strings"

	"millwright/internal/profile"
)

// inOrder returns the columns in the table's order.
func inOrder(s *Source, cols []profile.Column) []profile.Column {
	out := append([]profile.Column(nil), cols...)
	sort.SliceStable(out, func(i, j int) bool { return s.Position(out[i].Name) < s.Position(out[j].Name) })
	return out
}

// covers reports whether all of need is in have.
func covers(have, need []string) bool {
	for _, n := range need {
		if !contains(have, n) {
			return false
		}
	}
	return true
}

// sorted returns aggregates in the order in which people expect them.
func sorted(aggs []string) []string {
	var out []string
	for _, a := range []string{"sum", "avg", "median", "min", "max", "count"} {
		if contains(aggs, a) {
			out = append(out, a)
		}
	}
	return out
}

func named(cols []profile.Column, name string) bool {
	for _, c := range cols {
		if c.Name == name {
			return true
		}
	}
	return false
}

// aggWord is how an aggregate is said: "total", "average".
func aggWord(agg string) string {
	switch agg {
	case "sum":
		return "total"
	case "avg":
		return "average"
	case "min":
		return "lowest"
	case "max":
		return "highest"
	case "count":
		return "number of"
	}
	return agg
}

// saying joins an aggregate and a label without saying a word twice.
func saying(agg, label string) string {
	word := aggWord(agg)
	if low := strings.ToLower(label); low == word || strings.HasPrefix(low, word+" ") {
		return label
	}
	return word + " " + label
}

func daysOf(unit string) float64 {
	for _, g := range grains() {
		if g.name == unit {
			return g.days
		}
	}
	return 365.25
}

// count writes a whole number with thousands separated.
func count[T int | int64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// percent writes a share.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + "%" }

// short writes a number with as many digits as a reader needs.
func short(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "unknown"
	case a >= 1e15 || a > 0 && a < 1e-4:
		return strconv.FormatFloat(x, 'e', 2, 64)
	case a >= 100:
		return count(int64(math.Round(x)))
	case a >= 1:
		return strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(x*1e4)/1e4, 'f', -1, 64)
}
