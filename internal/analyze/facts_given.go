package analyze

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"millwright/internal/profile"
)

// given finds measures that say something of what a row is about, not of the row: they
// are the same in every row of a period, of a person, of a place, as a price index is in
// every state's row of a year. Added up over rows each would count as often as it is
// repeated, so they are taken for what is averaged.
func (s *scan) given(ctx context.Context, _ *profile.Facts, leaves []*leaf) error {
	if s.rows < 20 {
		return nil
	}
	dims := withRole(leaves, profile.Year, profile.EventTime, profile.ForeignKey, profile.Country, profile.Region, profile.City, profile.HighCard, profile.Category, profile.Code)
	for _, by := range dims {
		var judged []*leaf
		for _, m := range withRole(leaves, profile.Measure) {
			if addsUp(m) && m.depth == by.depth && m.col.Distinct <= by.col.Distinct && len(judged) < 12 {
				judged = append(judged, m)
			}
		}
		// With two rows a value on average something could contradict.
		if len(judged) == 0 || by.col.Distinct < 5 || by.col.Nulls > 0 || s.rows < 2*by.col.Distinct {
			continue
		}
		judged, err := s.same(ctx, by, judged, fmt.Sprintf("(SELECT * FROM %s LIMIT %d)", s.from, prefixRows))
		if err == nil && s.rows > prefixRows {
			judged, err = s.same(ctx, by, judged, s.from)
		}
		if err != nil {
			return err
		}
		for _, m := range judged {
			m.col.Subtype = profile.Intensive
			m.col.Evidence = append(m.col.Evidence, fmt.Sprintf("intensive: it is the same in all rows of each of the %s values of %s, so adding up rows would count it again and again", count(by.col.Distinct), by.col.Name))
		}
	}
	return nil
}

// addsUp reports whether the measure may so far be added up.
func addsUp(l *leaf) bool {
	return slices.Contains([]profile.Subtype{profile.Untyped, profile.Flow, profile.Stock}, l.col.Subtype)
}

// same returns the measures that have one value for each value of by, in the rows of from.
func (s *scan) same(ctx context.Context, by *leaf, measures []*leaf, from string) ([]*leaf, error) {
	if len(measures) == 0 {
		return nil, nil
	}
	var inner []string
	var a aggregates
	differ := make([]int64, len(measures))
	for i, m := range measures {
		// A null among values is a difference, too.
		inner = append(inner, fmt.Sprintf("min(%s) IS DISTINCT FROM max(%s) OR count(%s) NOT IN (0, count(*)) AS d%d", m.expr, m.expr, m.expr, i))
		a.integer(&differ[i], "count_if(d%d)", i)
	}
	groups := &scan{engine: s.engine, base: s.base, caller: s.caller, from: fmt.Sprintf("(SELECT %s FROM %s GROUP BY %s)", strings.Join(inner, ", "), from, by.expr)}
	if err := groups.run(ctx, &a); err != nil {
		return nil, err
	}
	var kept []*leaf
	for i, m := range measures {
		if differ[i] == 0 {
			kept = append(kept, m)
		}
	}
	return kept, nil
}
