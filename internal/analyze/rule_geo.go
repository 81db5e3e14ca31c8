package analyze

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

func latName(l *leaf) bool { return l.lastIs("lat", "latitude") }
func lonName(l *leaf) bool { return l.lastIs("lon", "lng", "long", "longitude") }

func latitude(s subject) (string, bool)  { return coordinate(s, latName, lonName) }
func longitude(s subject) (string, bool) { return coordinate(s, lonName, latName) }

// coordinate asks for the name, for the range in 95% of the values, and for the
// other half of the pair: one name test for both, so that neither is missed.
func coordinate(s subject, self, other func(*leaf) bool) (string, bool) {
	if !self(s.leaf) || !s.typ.IsNumeric() || inRangeShare(s.leaf) < .95 {
		return "", false
	}
	for _, o := range s.leaves {
		if other(o) && o.typ.IsNumeric() && samePlace(s.leaf, o) && inRangeShare(o) >= .95 {
			return fmt.Sprintf("the name says %q, %s of %s values are in its range, and %s is the other half",
				s.last(), percent(inRangeShare(s.leaf)), count(s.col.NonNull()), o.col.Name), true
		}
	}
	return "", false
}

func inRangeShare(l *leaf) float64 {
	if l.col.NonNull() == 0 {
		return 0
	}
	in := l.inLon
	if latName(l) {
		in = l.inLat
	}
	return float64(in) / float64(l.col.NonNull())
}

// samePlace reports whether two columns differ only in their last word.
func samePlace(a, b *leaf) bool {
	return slices.Equal(a.tokens[:len(a.tokens)-1], b.tokens[:len(b.tokens)-1])
}

// geoPoint holds for a list whose two first elements were found to be a place;
// see [settlePoints].
func geoPoint(s subject) (string, bool) {
	if s.typ.Kind != table.List {
		return "", false
	}
	for _, l := range s.leaves {
		if l.parent >= 0 && s.leaves[l.parent] == s.leaf && latName(l) {
			return fmt.Sprintf("lists of %v to %d numbers in the ranges of a latitude and a longitude: %s", s.minLen, s.col.MaxLen, l.col.Virtual), true
		}
	}
	return "", false
}

// settlePoints keeps the two virtual columns of a list of numbers if they are a
// place, with their proper names, and drops them otherwise.
func settlePoints(leaves []*leaf) []*leaf {
	drop := map[*leaf]bool{}
	for i, l := range leaves {
		if !l.last12("1") || i+1 == len(leaves) || !leaves[i+1].last12("2") || leaves[i+1].parent != l.parent {
			continue
		}
		first, second, list := l, leaves[i+1], leaves[l.parent]
		if !namePoint(list, first, second) {
			drop[first], drop[second] = true, true
		}
	}
	return remove(leaves, drop)
}

// last12 reports whether l is the virtual column of the element of that number.
func (l *leaf) last12(n string) bool {
	return l.parent >= 0 && l.col.Virtual != "" && strings.HasSuffix(l.col.Virtual, "["+n+"]")
}

// namePoint tells which element is the latitude. It reports false if the values
// fit no place.
func namePoint(list, first, second *leaf) bool {
	n := list.col.NonNull()
	if list.failed || n == 0 || list.minLen < 2 || list.col.MaxLen > 3 {
		return false
	}
	fits := func(in int64) bool { return float64(in) >= .95*float64(n) }
	latFirst := fits(first.inLat) && fits(second.inLon)
	lonFirst := fits(first.inLon) && fits(second.inLat)
	// Where both orders fit, the name decides; GeoJSON writes longitude first.
	if latFirst && lonFirst {
		latFirst = !list.has("coordinates", "coords", "lnglat", "lonlat", "geo", "position")
	}
	switch {
	case latFirst:
		rename(first, "lat")
		rename(second, "lon")
	case lonFirst:
		rename(first, "lon")
		rename(second, "lat")
	default:
		return false
	}
	return true
}

func rename(l *leaf, last string) {
	l.col.Path[len(l.col.Path)-1] = last
	l.col.Name = strings.Join(l.col.Path, ".")
	l.col.Label = profile.Words(l.col.Path)
	l.tokens[len(l.tokens)-1] = last
	l.own = []string{last}
}

// remove drops leaves and keeps the indexes of parents right.
func remove(leaves []*leaf, drop map[*leaf]bool) []*leaf {
	if len(drop) == 0 {
		return leaves
	}
	at := make([]int, len(leaves))
	var kept []*leaf
	for i, l := range leaves {
		at[i] = len(kept)
		if !drop[l] {
			kept = append(kept, l)
		}
	}
	for _, l := range kept {
		if l.parent >= 0 {
			l.parent = at[l.parent]
		}
	}
	return kept
}

func country(s subject) (string, bool) {
	if !s.isText() || s.isProse() {
		return "", false
	}
	word, named := anyOf(s.tokens, "country", "countries", "nation", "nationality", "cca2", "cca3", "iso2", "iso3")
	_, other := anyOf(s.tokens, "language", "lang", "locale", "currency", "tld", "state", "code")
	share := s.shapes.share(s.shapes.country)
	byName := s.shapes.share(s.shapes.countryName) >= .8
	switch {
	case named && share >= .5:
		return fmt.Sprintf("the name says %q, and %s of %s are countries", word, percent(share), sampled(s.shapes)), true
	case share >= .8 && !other && (byName || s.col.Distinct >= 5):
		return fmt.Sprintf("%s of %s are names or codes of countries", percent(share), sampled(s.shapes)), true
	}
	return "", false
}

func region(s subject) (string, bool) {
	if !s.isText() || s.isProse() {
		return "", false
	}
	share, abroad := s.shapes.share(s.shapes.state), s.shapes.share(s.shapes.country)
	_, named := anyOf(s.tokens, "state", "states", "province", "region")
	if share < .7 || !named && (share <= abroad || s.col.Distinct < 5) || s.has("country", "nation") {
		return "", false
	}
	return fmt.Sprintf("%s of %s are states of the US", percent(share), sampled(s.shapes)), true
}

func city(s subject) (string, bool) {
	if !s.isText() || !s.lastIs("city", "cities", "town", "municipality") && !(len(s.own) == 2 && s.own[0] == "city" && s.own[1] == "name") || s.isProse() || s.shapes.share(s.shapes.digits) > .5 {
		return "", false
	}
	return fmt.Sprintf("the name says %q; %s distinct values, %.1f words on average", s.last(), count(s.col.Distinct), s.col.AvgWords), true
}

func (l *leaf) isProse() bool { return l.col.AvgLen > 60 || l.col.AvgWords > 8 }
