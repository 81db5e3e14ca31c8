package analyze

import (
	"fmt"
	"strconv"
	"strings"

	"millwright/internal/profile"
)

// A rule says whether a column has a role, and why in one sentence with numbers.
type rule struct {
	role  profile.Role
	holds func(s subject) (why string, ok bool)
}

// A subject is a column together with the table that it is judged in.
type subject struct {
	*leaf
	leaves []*leaf // all of the table, in order
}

// rules returns the decision list: the first rule that holds decides.
func rules() []rule {
	return []rule{
		{profile.Unknown, unmeasured},
		{profile.Empty, empty},
		{profile.Container, container},
		{profile.Child, child},
		{profile.GeoPoint, geoPoint},
		{profile.ListRole, list},
		{profile.MapRole, mapping},
		{profile.Constant, constant},
		{profile.Constant, nearConstant},
		{profile.Key, namedKey},
		{profile.Key, unnamedKey},
		{profile.ForeignKey, foreignKey},
		{profile.Code, namedCode},
		{profile.Code, paddedCode},
		{profile.Lat, latitude},
		{profile.Lon, longitude},
		{profile.Region, region},
		{profile.Country, country},
		{profile.City, city},
		{profile.Flag, flag},
		{profile.BirthDate, birthDate},
		{profile.AuditTime, auditTime},
		{profile.EventTime, eventTime},
		{profile.Year, namedYear},
		{profile.Year, yearRange},
		{profile.DatePart, datePart},
		{profile.Email, email},
		{profile.ImageURL, imageURL},
		{profile.URL, urlText},
		{profile.UUID, uuid},
		{profile.IP, ip},
		{profile.Hash, hash},
		{profile.Color, color},
		{profile.JSONText, jsonText},
		{profile.FreeText, freeText},
		{profile.Label, label},
		{profile.Category, category},
		{profile.HighCard, highCard},
		{profile.OrdinalInt, ordinalInt},
		{profile.Measure, measure},
		{profile.Category, twoNumbers},
	}
}

// decide gives every column its role, subtype and evidence.
func decide(leaves []*leaf) {
	list := rules()
	for _, l := range leaves {
		s := subject{leaf: l, leaves: leaves}
		l.col.Role = profile.Unknown
		for _, r := range list {
			if why, ok := r.holds(s); ok {
				l.col.Role = r.role
				l.col.Evidence = append(l.col.Evidence, why)
				break
			}
		}
		if l.col.Role == profile.Unknown && !l.failed {
			l.col.Evidence = append(l.col.Evidence, fmt.Sprintf("no rule fits %d values of type %s, %d of them distinct", l.col.NonNull(), l.typ, l.col.Distinct))
		}
		refine(s)
	}
}

// refine sets the subtype of what can be averaged.
func refine(s subject) {
	switch s.col.Role {
	case profile.Measure:
		sub, why := subtype(s.leaf)
		s.col.Subtype = sub
		s.col.Evidence = append(s.col.Evidence, why)
	case profile.OrdinalInt:
		if word, ok := anyOf(s.tokens, "rating", "ratings", "score", "stars", "level", "grade"); ok {
			s.col.AlsoMeasure, s.col.Subtype = true, profile.Intensive
			s.col.Evidence = append(s.col.Evidence, fmt.Sprintf("also a measure: %q can be averaged", word))
		}
	}
}

// anyOf returns the first of words that is a token.
func anyOf(tokens []string, words ...string) (string, bool) {
	for _, w := range words {
		for _, t := range tokens {
			if t == w {
				return w, true
			}
		}
	}
	return "", false
}

// count writes a number with its thousands apart.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent writes a share, rounded towards the middle: 100% means all.
func percent(share float64) string {
	p := share * 100
	switch {
	case p > 99.9 && p < 100:
		return "99.9%"
	case p > 0 && p < .1:
		return "<0.1%"
	}
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + "%"
}

// sampled says what the shares of a text column were taken from.
func sampled(s shapes) string {
	if s.all {
		return fmt.Sprintf("all %s distinct values", count(int64(s.values)))
	}
	return fmt.Sprintf("a sample of %s distinct values", count(int64(s.values)))
}
