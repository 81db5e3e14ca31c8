package analyze

import (
	"context"
	"fmt"
	"math"

	"millwright/internal/profile"
)

// prefixRows is how many rows refute most dependencies that do not hold.
const prefixRows = 2000

// dependencies finds, among at most ten dimensions, those whose value follows
// from another's: as many pairs of values as values. Each value must have two
// rows on average, or there would be nothing that could refute it.
func (s *scan) dependencies(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	var dims []*leaf
	for _, l := range withRole(leaves, profile.Category, profile.HighCard, profile.Country, profile.Region, profile.City, profile.Flag, profile.Code, profile.OrdinalInt, profile.ForeignKey, profile.DatePart, profile.Year) {
		if l.depth <= 1 && l.col.Distinct >= 2 && l.col.Distinct <= 1000 && 2*l.col.Distinct <= l.col.NonNull() && len(dims) < 10 {
			dims = append(dims, l)
		}
	}
	var pairs [][2]*leaf
	for _, a := range dims {
		for _, b := range dims {
			if a != b && a.col.Distinct >= b.col.Distinct {
				pairs = append(pairs, [2]*leaf{a, b})
			}
		}
	}
	pairs, err := s.refute(ctx, pairs)
	if err != nil {
		return err
	}
	selects := make([]string, len(pairs))
	for i, p := range pairs {
		selects[i] = pairCount(p, s.from)
	}
	counts, err := s.numbers(ctx, selects)
	if err != nil {
		return err
	}
	for i, p := range pairs {
		if counts[i] == p[0].col.Distinct {
			f.Dependencies = append(f.Dependencies, [2]string{p[0].col.Name, p[1].col.Name})
		}
	}
	return nil
}

// refute drops the pairs that the first rows already show not to hold.
func (s *scan) refute(ctx context.Context, pairs [][2]*leaf) ([][2]*leaf, error) {
	if s.rows <= 2*prefixRows || len(pairs) == 0 {
		return pairs, nil
	}
	var selects []string
	for _, p := range pairs {
		from := fmt.Sprintf("(SELECT * FROM %s LIMIT %d)", s.from, prefixRows)
		selects = append(selects, fmt.Sprintf("(%s) - (SELECT count(DISTINCT %s) FROM %s)", pairCount(p, from), p[0].expr, from))
	}
	for i, sel := range selects {
		selects[i] = "SELECT " + sel
	}
	surplus, err := s.numbers(ctx, selects)
	if err != nil {
		return nil, err
	}
	var kept [][2]*leaf
	for i, p := range pairs {
		if surplus[i] == 0 {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

func pairCount(p [2]*leaf, from string) string {
	return fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s, %s FROM %s WHERE %s IS NOT NULL)", p[0].expr, p[1].expr, from, p[0].expr)
}

// duplicates finds columns that say the same: equal in every row, or numbers in
// a fixed linear relation.
func (s *scan) duplicates(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	var same, linear [][2]*leaf
	for i, a := range leaves {
		for _, b := range leaves[i+1:] {
			switch {
			case len(same)+len(linear) >= 60:
			case maybeSame(a, b):
				same = append(same, [2]*leaf{a, b})
			case maybeLinear(a, b):
				linear = append(linear, [2]*leaf{a, b})
			}
		}
	}
	if len(same)+len(linear) == 0 {
		return nil
	}
	var a aggregates
	differ, r := make([]int64, len(same)), make([]float64, len(linear))
	for i, p := range same {
		a.integer(&differ[i], "count_if(%s IS DISTINCT FROM %s)", p[0].expr, p[1].expr)
	}
	for i, p := range linear {
		a.float(&r[i], "corr(CAST(%s AS DOUBLE), CAST(%s AS DOUBLE))", p[0].expr, p[1].expr)
	}
	if err := s.run(ctx, &a); err != nil {
		return err
	}
	for i, p := range same {
		if differ[i] == 0 {
			f.Duplicates = append(f.Duplicates, betterFirst(p))
		}
	}
	for i, p := range linear {
		if math.Abs(r[i]) > .999 {
			f.Duplicates = append(f.Duplicates, betterFirst(p))
		}
	}
	return nil
}

func canCompare(l *leaf) bool {
	return !l.failed && l.hasValues() && !l.typ.IsNested() && l.col.Distinct > 1
}

// maybeSame reports whether the statistics allow two columns to be equal.
func maybeSame(a, b *leaf) bool {
	return canCompare(a) && canCompare(b) && a.typ.Kind == b.typ.Kind &&
		a.col.Distinct == b.col.Distinct && a.col.Nulls == b.col.Nulls &&
		a.col.Min == b.col.Min && a.col.Max == b.col.Max && a.col.ModeShare == b.col.ModeShare
}

// maybeLinear reports whether the shapes of two measures allow one to be a
// multiple of the other: then they are equally skewed.
func maybeLinear(a, b *leaf) bool {
	if a.col.Role != profile.Measure || b.col.Role != profile.Measure || a.col.NonNull() < 10 {
		return false
	}
	near := func(x, y float64) bool { return math.Abs(math.Abs(x)-math.Abs(y)) <= .1+.1*math.Abs(x) }
	return near(a.col.Skew, b.col.Skew) && near(a.col.Kurtosis, b.col.Kurtosis)
}

// betterFirst puts the column to keep first: the one less deep, then the one
// that came first.
func betterFirst(p [2]*leaf) [2]string {
	if p[1].depth < p[0].depth {
		p[0], p[1] = p[1], p[0]
	}
	return [2]string{p[0].col.Name, p[1].col.Name}
}
