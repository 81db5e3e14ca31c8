package analyze

import (
	"context"
	"fmt"
	"slices"

	"millwright/internal/profile"
)

// maxGiven is how many pairs of a measure and what it may be told of are compared.
const maxGiven = 60

// given finds measures that say something of what a row is about, not of the row: they
// are the same in every row of a period, of a person, of a place, as a price index is in
// every state's row of a year. Added up over rows each would count as often as it is
// repeated, so they are taken for what is averaged.
func (s *scan) given(ctx context.Context, _ *profile.Facts, leaves []*leaf) error {
	if s.rows < 20 {
		return nil
	}
	var pairs [][2]*leaf
	measures := withRole(leaves, profile.Measure)
	for _, by := range withRole(leaves, profile.Year, profile.EventTime, profile.ForeignKey, profile.Country, profile.Region, profile.City, profile.HighCard, profile.Category, profile.Code) {
		// With two rows a value on average something could contradict.
		if by.col.Distinct < 5 || by.col.Nulls > 0 || s.rows < 2*by.col.Distinct {
			continue
		}
		for _, m := range measures {
			if addsUp(m) && m.depth == by.depth && m.col.Distinct <= by.col.Distinct && len(pairs) < maxGiven {
				pairs = append(pairs, [2]*leaf{by, m})
			}
		}
	}
	// The first rows refute most.
	pairs, err := s.same(ctx, pairs, fmt.Sprintf("(SELECT * FROM %s LIMIT %d)", s.from, prefixRows))
	if err == nil && s.rows > prefixRows {
		pairs, err = s.same(ctx, pairs, s.from)
	}
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if by, m := p[0], p[1]; addsUp(m) {
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

// same returns the pairs whose second has one value for each value of the first, in the
// rows of from. A null among values is a difference, too.
func (s *scan) same(ctx context.Context, pairs [][2]*leaf, from string) ([][2]*leaf, error) {
	selects := make([]string, len(pairs))
	for i, p := range pairs {
		by, m := p[0].expr, p[1].expr
		selects[i] = fmt.Sprintf("SELECT count(*) FROM (SELECT %[1]s AS g FROM %[3]s GROUP BY g HAVING min(%[2]s) IS DISTINCT FROM max(%[2]s) OR count(%[2]s) NOT IN (0, count(*)))", by, m, from)
	}
	differ, err := s.numbers(ctx, selects)
	if err != nil {
		return nil, err
	}
	var kept [][2]*leaf
	for i, p := range pairs {
		if differ[i] == 0 {
			kept = append(kept, p)
		}
	}
	return kept, nil
}
