package link

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/profile"
)

// keyWord reports whether a word of a column's name says only that it identifies or
// names something, not what.
func keyWord(w string) bool {
	switch w {
	case "id", "ids", "uuid", "guid", "key", "pk", "fk", "ref", "reference", "code", "no", "nr", "num", "number", "slug", "sku",
		"name", "title", "label", "common", "official", "short", "full", "long", "iso", "iso2", "iso3", "alpha", "alpha2", "alpha3", "abbr", "abbreviation", "symbol":
		return true
	}
	return false
}

// things returns the words of a column's name that say what it is about.
func things(path []string) []string {
	var out []string
	for _, name := range path {
		for _, w := range profile.Tokens(name) {
			if !keyWord(w) && strings.Trim(w, "0123456789") != "" {
				out = append(out, profile.Singular(w))
			}
		}
	}
	return out
}

// together says why the name of a column goes with a key of a table; empty if it
// does not. The key's own name decides where it has one: customer_id of
// customer_cards, whose key is card_id, is about a customer and no card.
func together(column profile.Column, key profile.Column, of *profile.Profile) string {
	ours, theirs := things(column.Path), things(key.Path)
	if len(ours) == 0 {
		return ""
	}
	head := ours[len(ours)-1]
	if len(theirs) > 0 {
		if slices.Equal(ours, theirs) || len(theirs) == 1 && theirs[0] == head && identifies(key) {
			return fmt.Sprintf("%s and the key %s have a name in common", clip(column.Name), clip(key.Name))
		}
		return ""
	}
	row := profile.Tokens(of.Facts.Grain)
	if n := len(row); n > 0 && profile.Singular(row[n-1]) == head {
		return fmt.Sprintf("%s names a %s", clip(column.Name), clip(of.Facts.Grain))
	}
	return ""
}

// identifies reports whether a column's name says that it identifies something.
func identifies(c profile.Column) bool {
	words := profile.Tokens(c.Path[len(c.Path)-1])
	return len(words) > 1 && keyWord(words[len(words)-1])
}

// telling reports whether a column's values are so peculiar that finding them all in
// another table is no chance, whatever they are called.
func telling(c profile.Column) bool {
	switch c.Role {
	case profile.UUID, profile.Email, profile.Hash, profile.URL:
		return c.Distinct >= 5
	case profile.ForeignKey, profile.Code:
		return c.Distinct >= 20 && c.AvgLen >= 8
	}
	return false
}

func clip(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}
