package analyze

import (
	"context"
	"fmt"
	"slices"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// panel finds an entity and a period that together are unique, with at least
// three periods an entity. Chance pairs, such as a status and a time to the
// microsecond, are kept out: several rows share a period, and a quarter of all
// pairs of entity and period exist.
func (s *scan) panel(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	type pair struct{ period, entity *leaf }
	var pairs []pair
	var selects []string
	dims := withRole(leaves, profile.ForeignKey, profile.Country, profile.Region, profile.City, profile.Category, profile.HighCard, profile.Code, profile.Label, profile.Flag)
	for _, t := range periods(leaves) {
		rows := float64(s.rows)
		if t.col.Distinct < 3 || rows < 1.5*float64(t.col.Distinct) {
			continue
		}
		for _, e := range dims {
			cells := float64(t.col.Distinct) * float64(e.col.Distinct)
			if e.depth > 1 || e.col.Nulls > 0 || e.col.Distinct < 2 || rows < 3*float64(e.col.Distinct) || cells < rows || cells > 4*rows || len(pairs) == 12 {
				continue
			}
			pairs = append(pairs, pair{t, e})
			selects = append(selects, fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s, %s FROM %s)", t.expr, e.expr, s.from))
		}
	}
	counts, err := s.numbers(ctx, selects)
	if err != nil {
		return err
	}
	for i, p := range pairs {
		if counts[i] == s.rows {
			f.Panel, f.PanelTime, f.PanelEntity = true, p.period.col.Name, p.entity.col.Name
			return nil
		}
	}
	return nil
}

// periods returns the columns that a table can be a series over, best first.
func periods(leaves []*leaf) []*leaf {
	var list []*leaf
	if t := timeColumn(leaves); t != nil && t.col.Nulls == 0 {
		list = append(list, t)
	}
	for _, l := range withRole(leaves, profile.Year) {
		if l.col.Nulls == 0 && l.depth == 0 {
			list = append(list, l)
		}
	}
	return list
}

// regular finds out whether the table has exactly one row a period: no time
// twice, and at least three gaps in four about as long as the middle one.
// Times of events, which are as unique, have gaps of every length.
func (s *scan) regular(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	for _, t := range periods(leaves) {
		if !t.unique() || t.col.Distinct < 4 {
			continue
		}
		at := t.expr
		if t.typ.IsTemporal() {
			at = fmt.Sprintf("epoch_us(CAST(%s AS TIMESTAMP))", temporal(t))
		}
		even, err := s.numbers(ctx, []string{fmt.Sprintf(
			`SELECT count_if(abs(g - m) <= 0.11 * m) FROM (SELECT g, median(g) OVER () AS m FROM (SELECT CAST(v - lag(v) OVER (ORDER BY v) AS DOUBLE) AS g FROM (SELECT %s AS v FROM %s)) WHERE g IS NOT NULL)`,
			at, s.from)})
		if err != nil {
			return err
		}
		if float64(even[0]) >= .75*float64(s.rows-1) {
			f.RegularSeries = true
			return nil
		}
	}
	return nil
}

// evenPeriods finds the periods that all have the same number of rows, as in a
// table of every combination of its dimensions: counting over them says nothing.
func (s *scan) evenPeriods(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	var named []*leaf
	var selects []string
	for _, t := range periods(leaves) {
		if t.col.Distinct >= 3 && t.col.Distinct < s.rows && s.rows%t.col.Distinct == 0 {
			named = append(named, t)
			selects = append(selects, fmt.Sprintf("SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM %s GROUP BY %s)", s.from, t.expr))
		}
	}
	spread, err := s.numbers(ctx, selects)
	if err != nil {
		return err
	}
	for i, t := range named {
		if spread[i] == 0 {
			f.EvenPeriods = append(f.EvenPeriods, t.col.Name)
		}
	}
	return nil
}

// cumulative finds measures that never fall as time goes on, such as a running
// count: they are stocks, and a sum over time means nothing. Only where each
// time, or each time of an entity, has one row is there an order to judge by.
func (s *scan) cumulative(ctx context.Context, f *profile.Facts, leaves []*leaf) error {
	order, partition := "", ""
	for _, t := range periods(leaves) {
		if t.unique() {
			order = t.expr
			break
		}
	}
	if f.Panel {
		order, partition = exprOf(leaves, f.PanelTime), "PARTITION BY "+exprOf(leaves, f.PanelEntity)
	}
	if order == "" || s.rows < 20 {
		return nil
	}
	var a aggregates
	var inner []string
	var judged []*leaf
	steps, up := make([]int64, len(leaves)), make([]int64, len(leaves))
	falls := make([]int64, len(leaves))
	for i, l := range leaves {
		if l.col.Role != profile.Measure || l.col.Subtype != profile.Untyped && l.col.Subtype != profile.Flow || l.col.Negative > 0 || len(judged) == 12 {
			continue
		}
		name := table.Quote(fmt.Sprintf("d%d", i))
		inner = append(inner, fmt.Sprintf("%s - lag(%s) OVER (%s ORDER BY %s) AS %s", l.expr, l.expr, partition, order, name))
		a.integer(&steps[i], "count(%s)", name)
		a.integer(&up[i], "count_if(%s > 0)", name)
		a.integer(&falls[i], "count_if(%s < 0)", name)
		judged = append(judged, l)
	}
	if len(judged) == 0 {
		return nil
	}
	over := *s.viewOf(inner)
	if err := over.run(ctx, &a); err != nil {
		return err
	}
	for i, l := range leaves {
		if slices.Contains(judged, l) && steps[i] >= 10 && float64(falls[i]) <= .05*float64(steps[i]) && float64(up[i]) >= .3*float64(steps[i]) {
			l.col.Subtype = profile.Stock
			l.col.Evidence = append(l.col.Evidence, fmt.Sprintf("stock: it falls in %s of %s steps in time: a running total", count(falls[i]), count(steps[i])))
		}
	}
	return nil
}

// viewOf returns a scan of the expressions over the same table.
func (s *scan) viewOf(exprs []string) *scan {
	list := ""
	for i, e := range exprs {
		if i > 0 {
			list += ", "
		}
		list += e
	}
	return &scan{engine: s.engine, base: s.base, caller: s.caller, from: "(SELECT " + list + " FROM " + s.from + ")"}
}

func exprOf(leaves []*leaf, name string) string {
	for _, l := range leaves {
		if l.col.Name == name {
			return l.expr
		}
	}
	return "NULL"
}
