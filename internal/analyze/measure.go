package analyze

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// sampleChars is how much of a text the sample keeps.
const sampleChars = 4096

// longText is the average length from which distinct texts are told apart by
// their digest: keeping them all would need the memory of the column.
const longText = 500

// aggregates collects the select list of one statement and where its one row's
// cells go.
type aggregates struct {
	exprs []string
	take  []func(r row, col int)
}

func (a *aggregates) integer(dst *int64, format string, args ...any) {
	a.exprs = append(a.exprs, "CAST("+fmt.Sprintf(format, args...)+" AS BIGINT)")
	a.take = append(a.take, func(r row, col int) { *dst = r.integer(col) })
}

func (a *aggregates) float(dst *float64, format string, args ...any) {
	a.exprs = append(a.exprs, "CAST("+fmt.Sprintf(format, args...)+" AS DOUBLE)")
	a.take = append(a.take, func(r row, col int) { *dst = r.float(col) })
}

func (a *aggregates) text(dst *string, format string, args ...any) {
	a.exprs = append(a.exprs, "left(CAST("+fmt.Sprintf(format, args...)+" AS VARCHAR), 200)")
	a.take = append(a.take, func(r row, col int) { *dst = r.text(col) })
}

// run reads the aggregates in one scan of the table.
func (s *scan) run(ctx context.Context, a *aggregates) error {
	if len(a.exprs) == 0 {
		return nil
	}
	// Names of our own: two columns may well have the same expression.
	list := make([]string, len(a.exprs))
	for i, e := range a.exprs {
		list[i] = fmt.Sprintf("%s AS a%d", e, i)
	}
	return s.query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+s.from, func(r row) {
		for col, take := range a.take {
			take(r, col)
		}
	})
}

// count reads the number of rows.
func (s *scan) count(ctx context.Context) error {
	var a aggregates
	a.integer(&s.rows, "count(*)")
	return s.run(ctx, &a)
}

// measure fills the statistics that one scan of all columns gives.
func (s *scan) measure(ctx context.Context, leaves []*leaf) error {
	var a aggregates
	nonNull := make([]int64, len(leaves))
	for i, l := range leaves {
		a.integer(&nonNull[i], "count(%s)", l.expr)
		a.add(l)
	}
	if err := s.run(ctx, &a); err != nil {
		return err
	}
	for i, l := range leaves {
		l.col.Rows, l.col.Nulls = s.rows, s.rows-nonNull[i]
		l.col.Decimals = l.decimals()
		if l.col.StdDev > 0 {
			l.col.Avg = fixed(l.col.Avg, l.col.StdDev*1e-9)
		}
	}
	return nil
}

func (a *aggregates) add(l *leaf) {
	e := l.expr
	switch {
	case l.typ.IsNumeric():
		a.addNumeric(l)
	case l.typ.Kind == table.Boolean:
		a.text(&l.col.Min, "min(%s)", e)
		a.text(&l.col.Max, "max(%s)", e)
	case l.typ.IsTemporal():
		a.text(&l.col.Min, "min(%s)", temporal(l))
		a.text(&l.col.Max, "max(%s)", temporal(l))
		a.integer(&l.midnight, "count_if(%s = date_trunc('day', %s))", e, e)
	case l.isText():
		a.text(&l.col.Min, "min(%s)", e)
		a.text(&l.col.Max, "max(%s)", e)
		a.float(&l.col.AvgLen, "avg(length(%s))", e)
		a.float(&l.minLen, "min(length(%s))", e)
		a.float(&l.stdLen, "stddev_samp(length(%s))", e)
		a.integer(&l.col.MaxLen, "max(length(%s))", e)
		if l.col.Type.Kind == table.JSON {
			a.integer(&l.composite, "count_if(json_type(%s) IN ('OBJECT', 'ARRAY'))", profile.PathSQL(l.col.Path))
		}
	case l.typ.Kind == table.List:
		a.float(&l.col.AvgLen, "avg(len(%s))", e)
		a.float(&l.minLen, "min(len(%s))", e)
		a.integer(&l.col.MaxLen, "max(len(%s))", e)
	case l.typ.Kind == table.Map:
		a.float(&l.col.AvgLen, "avg(cardinality(%s))", e)
		a.integer(&l.col.MaxLen, "max(cardinality(%s))", e)
	}
}

func (a *aggregates) addNumeric(l *leaf) {
	e := l.expr
	a.text(&l.col.Min, "min(%s)", e)
	a.text(&l.col.Max, "max(%s)", e)
	avg := e
	if l.typ.Precision > 18 {
		// The sum of wide decimals could overflow.
		avg = "CAST(" + e + " AS DOUBLE)"
	}
	a.float(&l.col.Avg, "avg(%s)", avg)
	a.float(&l.col.StdDev, "stddev_samp(CAST(%s AS DOUBLE))", e)
	quartiles := fmt.Sprintf("(quantile_cont(CAST(%s AS DOUBLE), [0.25, 0.5, 0.75]))", e)
	a.float(&l.col.Q1, "%s[1]", quartiles)
	a.float(&l.col.Median, "%s[2]", quartiles)
	a.float(&l.col.Q3, "%s[3]", quartiles)
	a.integer(&l.col.Zeros, "count_if(%s = 0)", e)
	a.integer(&l.col.Negative, "count_if(%s < 0)", e)
	if l.typ.Kind == table.BigInt {
		a.integer(&l.col.Integers, "count(%s)", e)
	} else {
		a.integer(&l.col.Integers, "count_if(%s = trunc(%s))", e, e)
	}
	if l.typ.Kind == table.Double {
		for i, n := range decimalPlaces() {
			a.integer(&l.short[i], "count_if(%s = round(%s, %d))", e, e, n)
		}
	}
	if latName(l) || lonName(l) || l.col.Virtual != "" {
		a.integer(&l.inLat, "count_if(%s BETWEEN -90 AND 90)", e)
		a.integer(&l.inLon, "count_if(%s BETWEEN -180 AND 180)", e)
	}
}

// decimalPlaces are the numbers of decimals that are looked for in a DOUBLE.
func decimalPlaces() [3]int { return [3]int{2, 4, 6} }

// decimals returns with how many decimals every value of a DOUBLE can be written.
func (l *leaf) decimals() int {
	if l.typ.Kind != table.Double || l.col.NonNull() == 0 || l.col.Integers == l.col.NonNull() {
		return 0
	}
	for i, n := range decimalPlaces() {
		if l.short[i] == l.col.NonNull() {
			return n
		}
	}
	return 0
}

// temporal returns the expression whose text does not depend on a time zone.
func temporal(l *leaf) string {
	if l.typ.Kind == table.TimestampTZ {
		return "timezone('UTC', " + l.expr + ")"
	}
	return l.expr
}

// moments fills skewness and excess kurtosis. Taken around the mean they do not
// lose their digits, as the engine's own would for large numbers far from zero.
func (s *scan) moments(ctx context.Context, leaves []*leaf) error {
	var a aggregates
	for _, l := range leaves {
		if l.failed || !l.typ.IsNumeric() || l.col.StdDev <= 0 || l.col.NonNull() < 3 {
			continue
		}
		z := fmt.Sprintf("((CAST(%s AS DOUBLE) - (%v)) / %v)", l.expr, sqlFloat(l.col.Avg), sqlFloat(l.col.StdDev))
		a.float(&l.col.Skew, "avg(%s * %s * %s)", z, z, z)
		a.float(&l.col.Kurtosis, "avg(%s * %s * %s * %s) - 3", z, z, z, z)
	}
	err := s.run(ctx, &a)
	if err != nil && s.caller.Err() == nil {
		// A profile without them is still a profile.
		s.note("skewness and kurtosis of some columns could not be measured: %s", reason(err))
		return nil
	}
	for _, l := range leaves {
		l.col.Skew, l.col.Kurtosis = fixed(l.col.Skew, 1e-5), fixed(l.col.Kurtosis, 1e-5)
	}
	return err
}

// fixed rounds v to a multiple of unit. What is zero but for the order of a sum
// is zero.
func fixed(v, unit float64) float64 {
	if r := math.Round(v / unit); math.Abs(r) < 1e15 {
		return round(r*unit, 12)
	}
	return v
}

func sqlFloat(v float64) string { return fmt.Sprintf("%.9e", v) }

// frequencies fills the exact distinct count and the most frequent values.
func (s *scan) frequencies(ctx context.Context, leaves []*leaf) error {
	var parts []string
	with, from, exprs := s.once(leaves)
	for i, l := range leaves {
		if values, ok := l.valuesSQL(exprs[i]); ok && !l.failed && l.col.NonNull() > 0 {
			parts = append(parts, fmt.Sprintf(
				`(SELECT CAST(%d AS BIGINT) AS i, left(CAST(v AS VARCHAR), 201) AS v, c, d FROM (SELECT v, count(*) AS c, count(*) OVER () AS d FROM (SELECT %s AS v FROM %s) WHERE v IS NOT NULL GROUP BY v ORDER BY c DESC, v LIMIT 50))`,
				i, values, from))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	top := make([][]profile.Value, len(leaves))
	most := make([]int64, len(leaves))
	err := s.query(ctx, with+strings.Join(parts, " UNION ALL "), func(r row) {
		i := r.integer(0)
		v, c := r.text(1), r.integer(2)
		leaves[i].col.Distinct = r.integer(3)
		most[i] = max(most[i], c)
		if len([]rune(v)) <= 200 {
			top[i] = append(top[i], profile.Value{Value: v, Count: c})
		}
	})
	if err != nil {
		return err
	}
	for i, l := range leaves {
		l.setTop(top[i], most[i])
	}
	return nil
}

// smallTable is how many rows are read once and held, where the columns lie in objects:
// each column by itself would read the whole of its object again.
const smallTable = 20_000

// once returns a WITH clause that reads the leaves once, the name to read them from, and
// what each is called there; for tables too large to be held, or without objects, these
// are the table and the expressions themselves.
func (s *scan) once(leaves []*leaf) (with, from string, exprs []string) {
	deep := 0
	for _, l := range leaves {
		exprs = append(exprs, l.expr)
		if l.depth > 0 {
			deep++
		}
	}
	if deep < 2 || s.rows > smallTable {
		return "", s.from, exprs
	}
	list := make([]string, len(leaves))
	for i := range leaves {
		list[i] = fmt.Sprintf("%s AS c%d", exprs[i], i)
		exprs[i] = fmt.Sprintf("c%d", i)
	}
	return "WITH once AS MATERIALIZED (SELECT " + strings.Join(list, ", ") + " FROM " + s.from + ") ", "once", exprs
}

// valuesSQL returns what a column's values are for counting: a list's are its
// elements, a map's its keys.
func (l *leaf) valuesSQL(expr string) (string, bool) {
	switch {
	case !l.hasValues():
		return "", false
	case l.typ.Kind == table.List && l.typ.Elem.IsNested():
		return "", false
	case l.typ.Kind == table.List:
		return "unnest(" + expr + ")", true
	case l.typ.Kind == table.Map:
		return "unnest(map_keys(" + expr + "))", true
	case l.isText() && l.col.AvgLen > longText:
		return "md5(" + expr + ")", true
	case l.typ.Kind == table.TimestampTZ:
		return "timezone('UTC', " + expr + ")", true
	}
	return expr, true
}

func (l *leaf) setTop(top []profile.Value, most int64) {
	slices.SortStableFunc(top, func(a, b profile.Value) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Value, b.Value)
	})
	l.col.Top = top
	if l.isText() && l.col.AvgLen > longText {
		l.col.Top = nil
	}
	if n := l.col.NonNull(); n > 0 && !l.typ.IsNested() {
		l.col.ModeShare = round(float64(most)/float64(n), 9)
	}
}

// look fills the shapes of text columns, from all values if there are few, else
// from those whose digest is smallest: the same whatever the order of rows.
func (s *scan) look(ctx context.Context, leaves []*leaf, places *gazetteer, known []format) error {
	var parts []string
	with, from, exprs := s.once(leaves)
	for i, l := range leaves {
		if !l.isText() || l.failed || l.col.NonNull() == 0 {
			continue
		}
		l.shapes = shapes{formats: known}
		if int64(len(l.col.Top)) == l.col.Distinct {
			for _, v := range l.col.Top {
				l.shapes.add(v.Value, v.Count, places)
			}
			continue
		}
		parts = append(parts, s.sampleSQL(i, l, exprs[i], from))
	}
	if len(parts) > 0 {
		err := s.query(ctx, with+strings.Join(parts, " UNION ALL "), func(r row) {
			leaves[r.integer(0)].shapes.add(r.text(1), r.integer(2), places)
		})
		if err != nil {
			return err
		}
	}
	for _, l := range leaves {
		l.shapes.all = int64(l.shapes.values) == l.col.Distinct
		if l.shapes.rows > 0 {
			l.col.AvgWords = round(float64(l.shapes.words)/float64(l.shapes.rows), 9)
		}
	}
	return nil
}

// sampleSQL selects the sample of one column: value and rows that hold it.
func (s *scan) sampleSQL(i int, l *leaf, expr, from string) string {
	limit := s.sample
	if l.col.AvgLen > 100 {
		limit = max(500, int(float64(s.sample)*100/l.col.AvgLen))
	}
	// Values that cannot be in the sample need not be grouped: three times as
	// many as wanted are let through.
	below := ""
	if part := 3 * float64(limit) / float64(l.col.Distinct); part < 1 {
		below = fmt.Sprintf(" AND hash(v, CAST(%d AS BIGINT)) < CAST(%d AS UBIGINT)", s.seed, uint64(part*math.MaxUint64))
	}
	return fmt.Sprintf(
		`(SELECT CAST(%d AS BIGINT) AS i, left(v, %d) AS v, c FROM (SELECT v, count(*) AS c FROM (SELECT %s AS v FROM %s) WHERE v IS NOT NULL%s GROUP BY v) ORDER BY hash(v, CAST(%d AS BIGINT)), v LIMIT %d)`,
		i, sampleChars, expr, from, below, s.seed, limit)
}
