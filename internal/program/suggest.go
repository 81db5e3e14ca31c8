package program

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Nearest returns the name among those that is most like the given one, and
// whether it is like enough to be what was meant. Ties go to the first.
func Nearest(name string, among []string) (string, bool) {
	best, least := "", 1+max(2, utf8.RuneCountInString(name)/3)
	for _, other := range among {
		// Long names cost quadratic time and nobody types them.
		if len(other) > 200 || len(name) > 200 {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < least {
			best, least = other, d
		}
	}
	return best, best != ""
}

// distance is the number of characters to insert, delete, replace or swap with a
// neighbour to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, previous, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, previous, row = previous, row, before
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(y)]
}

// suggestion is what to try when name is none of the given names.
func suggestion(name string, among []string) string {
	if near, ok := Nearest(name, among); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(among) == 0 {
		return ""
	}
	return "use one of: " + listed(among)
}

// listed names at most twelve of the names.
func listed(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + fmt.Sprintf(" and %d more", len(names)-12)
	}
	return strings.Join(names, ", ")
}
