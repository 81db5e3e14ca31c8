package analyze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/profile"
)

// facts fills what is known of the table as a whole. A fact that cannot be
// found out in time, or whose statement fails, is left out and noted.
func (s *scan) facts(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	for _, l := range keysOf(leaves) {
		f.Keys = append(f.Keys, l.col.Name)
	}
	clock := timeColumn(leaves)
	if clock != nil {
		f.TimeColumn = clock.col.Name
		f.TimeSpanDays = round(spanDays(clock), 9)
	}
	if l := entity(leaves); l != nil {
		f.EntityColumn = l.col.Name
	} else if len(f.Keys) > 0 {
		f.EntityColumn = f.Keys[0]
	}
	f.WidePeriods = widePeriods(leaves)
	if s.rows < 2 {
		return nil
	}
	for _, step := range []struct {
		what string
		find func(context.Context, *profile.Facts, []*leaf) error
	}{
		{"whether the table is a panel", s.panel},
		{"whether the table is a regular series", s.regular},
		{"whether periods have equally many rows", s.evenPeriods},
		{"which measures are repeated", s.given},
		{"which measures only grow", s.cumulative},
		{"which columns determine others", s.dependencies},
		{"which columns are the same", s.duplicates},
	} {
		err := step.find(ctx, f, leaves)
		kind := errs.KindOf(err)
		if err != nil && !errors.Is(err, errBudget) && kind != errs.Invalid && kind != errs.TooLarge {
			return err
		}
		if err != nil {
			s.note("not found out: %s (%s)", step.what, reason(err))
		}
	}
	if f.EntityColumn == "" {
		f.EntityColumn = f.PanelEntity
	}
	return nil
}

func reason(err error) string {
	if errors.Is(err, errBudget) {
		return err.Error()
	}
	return errs.Public(err)
}

func withRole(leaves []*leaf, roles ...profile.Role) []*leaf {
	var found []*leaf
	for _, l := range leaves {
		if slices.Contains(roles, l.col.Role) {
			found = append(found, l)
		}
	}
	return found
}

// keysOf returns the columns that identify a row, best first: a column of the
// table itself before one in an object, "id" before other names, then in order.
func keysOf(leaves []*leaf) []*leaf {
	keys := withRole(leaves, profile.Key)
	slices.SortStableFunc(keys, func(a, b *leaf) int {
		return cmp.Or(
			cmp.Compare(a.depth, b.depth),
			cmp.Compare(idRank(a), idRank(b)),
		)
	})
	return keys
}

func idRank(l *leaf) int {
	switch {
	case len(l.own) == 1 && l.own[0] == "id":
		return 0
	case l.lastIs("id", "uuid", "guid", "key", "pk"):
		return 1
	}
	return 2
}

// timeColumn returns the best event time: of the record itself, named as an
// event, with few nulls, over a wide span.
func timeColumn(leaves []*leaf) *leaf {
	times := withRole(leaves, profile.EventTime)
	slices.SortStableFunc(times, func(a, b *leaf) int {
		return cmp.Or(
			cmp.Compare(a.depth, b.depth),
			cmp.Compare(int(a.col.NullShare()*5), int(b.col.NullShare()*5)),
			cmp.Compare(eventRank(a), eventRank(b)),
			cmp.Compare(a.col.NullShare(), b.col.NullShare()),
			cmp.Compare(spanDays(b), spanDays(a)),
		)
	})
	if len(times) == 0 {
		return nil
	}
	return times[0]
}

func eventRank(l *leaf) int {
	switch {
	case l.has("end", "ended", "due", "expires", "expiry", "expiration", "closed", "next", "last", "deadline"):
		return 3
	case l.has("created", "ordered", "order", "placed", "published", "occurred", "start", "started"):
		return 0
	case l.has("date", "time", "timestamp", "datetime", "day"):
		return 1
	}
	return 2
}

// spanDays returns the days between the first and the last time.
func spanDays(l *leaf) float64 {
	from, ok1 := parseTime(l.col.Min)
	to, ok2 := parseTime(l.col.Max)
	if !ok1 || !ok2 {
		return 0
	}
	return to.Sub(from).Hours() / 24
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// entity returns the column that best says which thing a row is about: a label,
// or else a place that no other row has.
func entity(leaves []*leaf) *leaf {
	names := withRole(leaves, profile.Label)
	for _, l := range withRole(leaves, profile.City, profile.Region, profile.Country) {
		if l.unique() {
			names = append(names, l)
		}
	}
	slices.SortStableFunc(names, func(a, b *leaf) int {
		return cmp.Or(
			cmp.Compare(a.depth, b.depth),
			cmp.Compare(labelRank(a), labelRank(b)),
			cmp.Compare(a.col.NullShare(), b.col.NullShare()),
			cmp.Compare(b.distinctShare(), a.distinctShare()),
		)
	})
	if len(names) == 0 {
		return nil
	}
	return names[0]
}

func labelRank(l *leaf) int {
	_, named := anyOf(l.own, labelWords()...)
	switch {
	case named && len(l.own) == 1:
		return 0
	case l.col.Role != profile.Label:
		return 4
	case !named:
		return 3
	case l.has("first", "last", "middle", "given", "family", "sur", "nick", "file"):
		return 2
	}
	return 1
}

// widePeriods returns the numeric columns named as years or months, if there are
// at least six.
func widePeriods(leaves []*leaf) []string {
	var names []string
	for _, l := range leaves {
		if periodName(l) && l.typ.IsNumeric() {
			names = append(names, l.col.Name)
		}
	}
	if len(names) < 6 {
		return nil
	}
	return names
}

// numbers runs SELECTs of one BIGINT each and returns their results in order.
func (s *scan) numbers(ctx context.Context, selects []string) ([]int64, error) {
	if len(selects) == 0 {
		return nil, nil
	}
	parts := make([]string, len(selects))
	for i, sel := range selects {
		parts[i] = fmt.Sprintf("SELECT CAST(%d AS BIGINT) AS i, CAST((%s) AS BIGINT) AS n", i, sel)
	}
	result := make([]int64, len(selects))
	err := s.query(ctx, strings.Join(parts, " UNION ALL "), func(r row) {
		result[r.integer(0)] = r.integer(1)
	})
	return result, err
}
