package analyze

import (
	"fmt"

	"millwright/internal/profile"
)

func ordinalInt(s subject) (string, bool) {
	if !s.isInt() || periodName(s.leaf) {
		return "", false
	}
	d, n := s.col.Distinct, s.col.NonNull()
	word, named := anyOf(s.tokens, "type", "status", "level", "grade", "class", "group", "cylinders", "rating", "stars", "rank", "priority", "severity", "category", "tier", "stage", "round", "wave", "phase", "sex", "gender")
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
