package analyze

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/table"
)

func birthDate(s subject) (string, bool) {
	word, ok := anyOf(s.tokens, "birth", "dob", "birthday", "birthdate", "born")
	if !ok || !s.typ.IsTemporal() {
		return "", false
	}
	return fmt.Sprintf("a date, and the name says %q", word), true
}

func auditTime(s subject) (string, bool) {
	word, ok := anyOf(s.tokens, "updated", "update", "modified", "modification", "changed", "deleted", "synced", "sync", "ingested", "scraped", "crawled", "fetched", "imported", "loaded", "refreshed")
	if !ok || !s.typ.IsTemporal() {
		return "", false
	}
	return fmt.Sprintf("a time, and the name says %q: it tells of the record, not of the event", word), true
}

func eventTime(s subject) (string, bool) {
	if !s.typ.IsTemporal() {
		return "", false
	}
	why := fmt.Sprintf("from %s to %s, %s distinct", s.col.Min, s.col.Max, count(s.col.Distinct))
	if word, ok := anyOf(s.tokens, eventWords()...); ok {
		return fmt.Sprintf("a time, and the name says %q; %s", word, why), true
	}
	if !slices.ContainsFunc(s.leaves, func(l *leaf) bool { return l != s.leaf && l.typ.IsTemporal() }) {
		return "the only time of the table; " + why, true
	}
	return "a time; " + why, true
}

// eventWords are the tokens of the time of the event that a row tells of.
func eventWords() []string {
	return []string{"created", "ordered", "order", "start", "started", "date", "time", "timestamp", "datetime", "day", "occurred", "published", "placed"}
}

// isYear reports whether one of the year rules holds.
func isYear(l *leaf) bool {
	s := subject{leaf: l}
	_, named := namedYear(s)
	_, ranged := yearRange(s)
	return named || ranged
}

func namedYear(s subject) (string, bool) {
	if !s.isInt() || s.col.Distinct < 2 {
		return "", false
	}
	// The year in which something began or ended.
	bound := s.lastIs("start", "end", "from", "to", "born", "died", "founded", "foundation", "established", "built", "creation", "created", "opening", "opened", "since", "until", "vintage", "season") && s.within(1000, 2100)
	// A date in four digits is a year.
	dated := strings.TrimRight(s.last(), "0123456789") == "date" && s.within(1500, 2100) && s.col.Distinct >= 3
	if !bound && !dated && !s.lastIs("year", "yr") {
		return "", false
	}
	return fmt.Sprintf("the name says %q, whole numbers %s to %s", s.last(), s.col.Min, s.col.Max), true
}

func yearRange(s subject) (string, bool) {
	if !s.isInt() || s.col.Distinct < 3 || !s.within(1900, 2100) {
		return "", false
	}
	if _, ok := subtypeWord(s.tokens); ok {
		return "", false
	}
	if _, ok := anyOf(s.own, keyWords()...); ok {
		return "", false
	}
	return fmt.Sprintf("all %s whole numbers lie from %s to %s, as years do", count(s.col.NonNull()), s.col.Min, s.col.Max), true
}

func datePart(s subject) (string, bool) {
	if !s.isInt() {
		return "", false
	}
	for _, part := range []struct {
		words  []string
		lo, hi float64
	}{
		{[]string{"month", "mon", "mth"}, 0, 12},
		{[]string{"quarter", "qtr"}, 1, 4},
		{[]string{"week", "isoweek"}, 0, 53},
		{[]string{"day", "dayofmonth"}, 0, 31},
		{[]string{"hour", "hr"}, 0, 24},
		{[]string{"minute"}, 0, 59},
		{[]string{"weekday", "dow", "dayofweek", "isodow"}, 0, 7},
		{[]string{"doy", "dayofyear"}, 0, 366},
	} {
		word, ok := anyOf(s.tokens[max(0, len(s.tokens)-1):], part.words...)
		if ok && s.within(part.lo, part.hi) {
			return fmt.Sprintf("the name says %q, whole numbers %s to %s", word, s.col.Min, s.col.Max), true
		}
	}
	// day_of_week, hour_of_day
	if n := len(s.own); n == 3 && s.own[1] == "of" && s.within(0, 366) {
		if _, ok := anyOf(s.own[:1], "day", "hour", "week", "month", "minute"); ok {
			return fmt.Sprintf("the name says a part of a %s, whole numbers %s to %s", s.own[2], s.col.Min, s.col.Max), true
		}
	}
	return "", false
}

// epochUnit is a unit in which times are counted from 1970.
type epochUnit struct {
	name string
	per  float64 // in a second
	sql  string  // of a BIGINT
}

// epoch recognises times counted from 1970: whole numbers that fall in the years
// 2000 to 2100 in one unit, and a name that says a time.
func epoch(l *leaf) (u epochUnit, ok bool) {
	if !l.isInt() || !l.has("time", "date", "at", "ts", "timestamp", "created", "updated", "epoch", "modified", "datetime", "published", "expires", "start", "end", "started", "ended") {
		return u, false
	}
	const from, to = 946684800, 4102444800 // 2000-01-01, 2100-01-01
	for _, u := range []epochUnit{
		{"seconds", 1, "make_timestamp(CAST(%s AS BIGINT) * 1000000)"},
		{"milliseconds", 1e3, "make_timestamp(CAST(%s AS BIGINT) * 1000)"},
		{"microseconds", 1e6, "make_timestamp(CAST(%s AS BIGINT))"},
	} {
		if l.within(from*u.per, to*u.per) {
			return u, true
		}
	}
	return u, false
}

// packedDate recognises days and months written as the whole numbers 20240131
// and 202401. Whether all are days that exist, the values must still show.
func packedDate(l *leaf) (sql string, ok bool) {
	if l.typ.Kind != table.BigInt || !l.has("date", "day", "ymd", "yyyymmdd", "yyyymm", "month", "period", "dt", "yearmonth") {
		return "", false
	}
	text := "CAST(" + l.expr + " AS VARCHAR)"
	switch {
	case l.within(18000101, 21001231):
		return "CAST(try_strptime(" + text + ", '%Y%m%d') AS DATE)", true
	case l.within(180001, 210012) && !l.has("day"):
		return "CAST(try_strptime(" + text + " || '01', '%Y%m%d') AS DATE)", true
	}
	return "", false
}

// periodName reports whether a column is named as a year or a month, as in
// tables that have a column for each.
func periodName(l *leaf) bool {
	if l.depth > 0 || len(l.own) != 1 {
		return false
	}
	if len(l.own[0]) == 4 {
		y, err := strconv.Atoi(l.own[0])
		return err == nil && y >= 1900 && y < 2100
	}
	return monthNumber(l.own[0]) > 0
}
