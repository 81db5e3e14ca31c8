package analyze

import (
	"context"
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// normalise finds the columns whose type is not what their values mean, such as
// dates and numbers in text, and gives them a virtual value: if at least 95% of
// all values, not only of the sample, can be read.
func (s *scan) normalise(ctx context.Context, leaves []*leaf) error {
	var found []*leaf
	at := map[*leaf]int{}
	for i, l := range leaves {
		if l.failed || l.col.NonNull() == 0 {
			continue
		}
		if l.col.Type.Kind == table.JSON && l.composite == 0 && l.col.Virtual == "" {
			l.setVirtual(l.expr, table.Type{Kind: table.Varchar})
			l.col.Evidence = append(l.col.Evidence, "JSON values of several scalar types, read as text")
		}
		if v := l.reading(); v != nil {
			found = append(found, v)
			at[v] = i
		}
	}
	if err := s.inChunks(ctx, found, s.measure); err != nil {
		return err
	}
	if err := s.inChunks(ctx, found, s.frequencies); err != nil {
		return err
	}
	for _, v := range found {
		was := leaves[at[v]]
		if v.failed || float64(v.col.NonNull()) < .95*float64(was.col.NonNull()) {
			continue
		}
		v.col.Evidence = append(v.col.Evidence, fmt.Sprintf("%s of %s values can be read so", percent(float64(v.col.NonNull())/float64(was.col.NonNull())), count(was.col.NonNull())))
		leaves[at[v]] = v
	}
	return nil
}

// reading returns the column with the virtual value that the sample suggests,
// not yet measured, or nil.
func (l *leaf) reading() *leaf {
	switch {
	case l.isText() && l.composite == 0:
		return l.textReading()
	case l.typ.IsNumeric():
		if u, ok := epoch(l); ok {
			return l.as(fmt.Sprintf(u.sql, l.expr), table.Type{Kind: table.Timestamp},
				fmt.Sprintf("whole numbers %s to %s are times in %s since 1970", l.col.Min, l.col.Max, u.name))
		}
		if sql, ok := packedDate(l); ok {
			return l.as(sql, table.Type{Kind: table.Date}, fmt.Sprintf("whole numbers %s to %s are days or months", l.col.Min, l.col.Max))
		}
	}
	return nil
}

func (l *leaf) textReading() *leaf {
	f, share, ambiguous, ok := l.shapes.dateFormat(l.has("date", "day", "ymd", "time", "created", "dt"))
	if ambiguous != "" {
		l.col.Evidence = append(l.col.Evidence, fmt.Sprintf("dates that could be %s: no value tells which, so they are not used as times", ambiguous))
		return nil
	}
	if ok {
		sql, typ := f.dateSQL(l.expr, l.shapes.clock > 0)
		return l.as(sql, typ, fmt.Sprintf("%s of %s are dates written as %s", percent(share), sampled(l.shapes), f.name))
	}
	share = l.shapes.share(l.shapes.number)
	if share < .95 || l.namesCode() || l.shapes.share(l.shapes.padded) > .01 {
		return nil
	}
	sql, typ := l.shapes.numberSQL(l.expr)
	return l.as(sql, typ, fmt.Sprintf("%s of %s are numbers written as text", percent(share), sampled(l.shapes)))
}

// namesCode reports whether a name says that digits are no quantity.
func (l *leaf) namesCode() bool {
	s := subject{leaf: l}
	if _, ok := namedCode(s); ok {
		return true
	}
	if _, ok := foreignKey(s); ok {
		return true
	}
	return l.lastIs(keyWords()...) || l.has("version", "phone")
}

// as returns the column with expr as its value, without statistics.
func (l *leaf) as(expr string, typ table.Type, why string) *leaf {
	v := *l
	v.col = profile.Column{
		Path: l.col.Path, Name: l.col.Name, Label: l.col.Label, Type: l.col.Type,
		Evidence: append(append([]string{}, l.col.Evidence...), why),
	}
	v.midnight, v.inLat, v.inLon = 0, 0, 0
	v.setVirtual(expr, typ)
	return &v
}

// dynamicFields is the number of fields from which an object may be a map whose
// keys are data.
const dynamicFields = 20

// foldDynamic turns objects whose keys are data, such as one key a language,
// into maps: at least 20 fields of one type, a fifth of them missing in a row.
func foldDynamic(leaves []*leaf) []*leaf {
	drop := map[*leaf]bool{}
	for i, l := range leaves {
		if l.typ.Kind != table.Struct || drop[l] || len(l.typ.Fields) < dynamicFields || !oneScalar(l.typ.Fields) {
			continue
		}
		var fields, present int64
		for _, f := range leaves {
			if f.parent == i {
				fields++
				present += f.col.NonNull()
			}
		}
		if l.col.NonNull() == 0 || fields == 0 || float64(present) > .8*float64(fields*l.col.NonNull()) {
			continue
		}
		for _, f := range leaves {
			if f.parent == i {
				drop[f] = true
			}
		}
		elem := l.typ.Fields[0].Type
		l.setVirtual(mapSQL(l), table.Type{Kind: table.Map, Elem: &elem})
		l.col.AvgLen = round(float64(present)/float64(l.col.NonNull()), 9)
		l.col.Evidence = append(l.col.Evidence, fmt.Sprintf("%d fields of type %s, of which a row has %.1f: the keys are data", len(l.typ.Fields), elem, l.col.AvgLen))
	}
	return remove(leaves, drop)
}

func oneScalar(fields []table.Column) bool {
	for _, f := range fields {
		if f.Type.IsNested() || f.Type.String() != fields[0].Type.String() {
			return false
		}
	}
	return true
}

// mapSQL returns the map of an object's fields that are not null.
func mapSQL(l *leaf) string {
	entries := make([]string, len(l.typ.Fields))
	for i, f := range l.typ.Fields {
		path := append(append([]string{}, l.col.Path...), f.Name)
		entries[i] = fmt.Sprintf("{'k': %s, 'v': %s}", table.QuoteText(f.Key), profile.PathSQL(path))
	}
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN map_from_entries(list_filter([%s], lambda x: x.v IS NOT NULL)) END",
		l.expr, strings.Join(entries, ", "))
}
