package link

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"millwright/internal/errs"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// Contained is the share of a column's values that must be keys of the other table.
const Contained = .99

// What bounds one search.
const (
	maxChecks = 24  // pairs of columns whose values are compared
	maxLinks  = 6   // that one table gets
	maxLooked = 400 // columns of a table that are looked at
)

// A Runner runs a program with its defaults, as generate.Runner does.
type Runner interface {
	Run(ctx context.Context, p program.Program) (template.Result, error)
}

// A Found is a link that holds, with what was counted.
type Found struct {
	template.Link
	Distinct        int64 // different values of the column
	DistinctMatched int64 // of these that are keys of the other
	Keys            int64 // of the other
}

// Find returns which columns of a table hold keys of others, at most one for each
// column and at most six in all, the surest first. A comparison that fails or takes
// too long finds nothing; it fails only when ctx ends.
func Find(ctx context.Context, run Runner, of *profile.Profile, others []*profile.Profile) ([]Found, error) {
	var found []Found
	taken := map[string]bool{}
	for i, g := range guesses(of, others) {
		if i == maxChecks || len(found) == maxLinks {
			break
		}
		if taken[g.Column.Name] {
			continue
		}
		f, ok, err := check(ctx, run, of, g)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			// The tables may be busy, too large, or new and not as their profiles say.
			switch errs.KindOf(err) {
			case errs.Internal:
				return nil, err
			}
			continue
		}
		if ok {
			taken[g.Column.Name] = true
			found = append(found, f)
		}
	}
	return found, nil
}

// guesses returns the pairs of columns that could be links by their profiles, those
// whose names go together first, then those that point at the smallest table.
func guesses(of *profile.Profile, others []*profile.Profile) []template.Link {
	var out []template.Link
	for _, other := range others {
		if other.Table == of.Table || other.Rows < 2 {
			continue
		}
		for _, key := range first(other.Columns, maxLooked) {
			if !keyed(key) {
				continue
			}
			for _, c := range first(of.Columns, maxLooked) {
				if !points(c) || !fits(c, key) {
					continue
				}
				names := together(c, key, other)
				if names == "" && !telling(c) {
					continue
				}
				out = append(out, template.Link{Column: c, To: other, Key: key, Names: names})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b template.Link) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.To.Rows, b.To.Rows),
			cmp.Compare(a.To.Table, b.To.Table),
			cmp.Compare(a.Column.Name, b.Column.Name),
			cmp.Compare(a.Key.Name, b.Key.Name),
		)
	})
	return out
}

// rank orders guesses: named before nameless, whole keys before names.
func rank(l template.Link) int {
	switch {
	case l.Names == "":
		return 2
	case l.Column.Role == profile.ForeignKey:
		return 0
	}
	return 1
}

func first(cols []profile.Column, n int) []profile.Column { return cols[:min(len(cols), n)] }

// keyed reports whether a column identifies a row by itself.
func keyed(c profile.Column) bool {
	return !c.Hidden && !c.Approx && c.Nulls == 0 && c.Rows >= 2 && c.Distinct == c.Rows && comparable(c)
}

// points reports whether a column may point at rows of another table.
func points(c profile.Column) bool {
	if c.Hidden || c.Distinct < 2 || c.NonNull() < 2 || !comparable(c) {
		return false
	}
	switch c.Role {
	case profile.ForeignKey, profile.Code, profile.Category, profile.HighCard, profile.Country, profile.Region, profile.City,
		profile.UUID, profile.Email, profile.Hash, profile.URL, profile.Label, profile.Key:
		return true
	}
	return false
}

// comparable reports whether values are whole numbers or text, as they are stored.
func comparable(c profile.Column) bool {
	k := c.ValueType().Kind
	return c.Virtual == "" && (k == table.Varchar || k == table.BigInt)
}

// fits reports whether the statistics allow that the values of c are among the keys.
func fits(c, key profile.Column) bool {
	if c.ValueType().Kind != key.ValueType().Kind || float64(c.Distinct) > float64(key.Distinct)/Contained+1 {
		return false
	}
	if c.ValueType().Kind != table.BigInt {
		return true
	}
	lo, ok1 := number(c.Min)
	hi, ok2 := number(key.Max)
	return !ok1 || !ok2 || lo <= hi
}

func number(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// check counts how many of the column's values are keys, and that each key stands once.
func check(ctx context.Context, run Runner, of *profile.Profile, l template.Link) (Found, bool, error) {
	sql := fmt.Sprintf(`
WITH ours AS (
  SELECT %s AS "key", count(*) AS "n" FROM %s WHERE %s IS NOT NULL GROUP BY 1
), theirs AS (
  SELECT %s AS "key", count(*) AS "n" FROM %s WHERE %s IS NOT NULL GROUP BY 1
)
SELECT
  CAST(coalesce(sum(ours."n"), 0) AS BIGINT) AS "values",
  CAST(coalesce(sum(CASE WHEN theirs."key" IS NOT NULL THEN ours."n" END), 0) AS BIGINT) AS "matched",
  count(ours."key") AS "distinct_values",
  count(CASE WHEN theirs."key" IS NOT NULL THEN 1 END) AS "distinct_matched",
  (SELECT count(*) FROM theirs) AS "keys",
  (SELECT max("n") FROM theirs) AS "copies"
FROM ours LEFT JOIN theirs ON ours."key" = theirs."key"`,
		l.Column.SQL(), table.Quote(of.Table), l.Column.SQL(), l.Key.SQL(), table.Quote(l.To.Table), l.Key.SQL())
	r, err := run.Run(ctx, program.Program{SQL: sql[1:], Dialect: "duckdb", Slots: []program.Slot{}, Tables: []string{of.Table, l.To.Table}})
	if err != nil || len(r.Rows) != 1 {
		return Found{}, false, err
	}
	count := func(name string) int64 { return int64(r.Floats(name)[0]) }
	l.Rows, l.Matched = count("values"), count("matched")
	f := Found{Link: l, Distinct: count("distinct_values"), DistinctMatched: count("distinct_matched"), Keys: count("keys")}
	holds := l.Rows > 0 && count("copies") == 1 && float64(l.Matched) >= Contained*float64(l.Rows) && f.DistinctMatched >= 2
	return f, holds, nil
}
