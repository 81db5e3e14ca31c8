package analyze

import (
	"fmt"
	"strings"
	"time"

	"millwright/internal/table"
)

// A format is a way to write a date. A column is read by one format or not at all.
type format struct {
	name    string
	layouts []string // as strptime spells them; a text may follow any of them
	twin    string   // name of the format that swaps day and month
	named   bool     // needs a name that says so: the text could be a plain number
	cast    bool     // SQL reads it by a cast, which also knows fractions and zones
	zone    bool     // layouts end in a zone
	match   func(string) bool
}

// times are the ways to write the time after a date; the first is none.
func times() []string {
	return []string{"", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S"}
}

// formats returns the closed list, the more common first.
func formats() []format {
	list := []format{
		{name: "YYYY-MM-DD", cast: true, match: isISODate},
		{name: "ISO 8601 date and time", cast: true, match: isISOTime},
	}
	dated := func(name, twin, date string) {
		f := format{name: name, twin: twin}
		for _, t := range times() {
			f.layouts = append(f.layouts, date+t)
		}
		list = append(list, f)
	}
	dated("YYYY/MM/DD", "", "%Y/%m/%d")
	for _, sep := range []string{"/", "-", "."} {
		for _, year := range []string{"%Y", "%y"} {
			digits := map[string]string{"%Y": "YYYY", "%y": "YY"}[year]
			mdy, dmy := "M"+sep+"D"+sep+digits, "D"+sep+"M"+sep+digits
			dated(mdy, dmy, "%m"+sep+"%d"+sep+year)
			dated(dmy, mdy, "%d"+sep+"%m"+sep+year)
		}
	}
	// SQL tells short month names (%b) from long ones (%B).
	spelled := func(name string, dates ...string) {
		f := format{name: name}
		for _, d := range dates {
			for _, month := range []string{"%b", "%B"} {
				for _, t := range times()[:3] {
					f.layouts = append(f.layouts, strings.Replace(d, "%b", month, 1)+t)
				}
			}
		}
		list = append(list, f)
	}
	spelled("Mon D YYYY", "%b %d %Y", "%b %d, %Y")
	spelled("D Mon YYYY", "%d %b %Y", "%d-%b-%Y")
	spelled("D-Mon-YY", "%d-%b-%y")
	return append(list,
		format{name: "RFC 1123", zone: true, layouts: []string{"%a, %d %b %Y %H:%M:%S %Z", "%a, %d %b %Y %H:%M:%S %z"}},
		format{name: "ctime with zone", zone: true, layouts: []string{"%a %b %d %H:%M:%S %z %Y"}},
		format{name: "ctime", layouts: []string{"%a %b %d %H:%M:%S %Y"}},
		format{name: "YYYY-MM", layouts: []string{"%Y-%m"}},
		format{name: "Mon YYYY", layouts: []string{"%b %Y", "%B %Y"}},
		format{name: "YYYYMMDD", named: true, layouts: []string{"%Y%m%d"}},
	)
}

func (f format) matches(s string) bool {
	if f.match != nil {
		return f.match(s)
	}
	for _, layout := range f.layouts {
		if follows(s, layout) {
			return true
		}
	}
	return false
}

// dateSQL returns the expression that reads dates of this format from the text
// expr, and its type. Text of another format gives NULL.
func (f format) dateSQL(expr string, withTime bool) (string, table.Type) {
	typ := table.Type{Kind: table.Date}
	if withTime {
		typ.Kind = table.Timestamp
	}
	if f.cast {
		return fmt.Sprintf("TRY_CAST(trim(%s) AS %s)", expr, typ), typ
	}
	quoted := make([]string, 0, len(f.layouts))
	for _, l := range f.layouts {
		if withTime || !strings.Contains(l, "%H") && !strings.Contains(l, "%I") {
			quoted = append(quoted, table.QuoteText(l))
		}
	}
	parsed := fmt.Sprintf("try_strptime(trim(%s), [%s])", expr, strings.Join(quoted, ", "))
	if f.zone {
		parsed = "timezone('UTC', " + parsed + ")"
	}
	return fmt.Sprintf("CAST(%s AS %s)", parsed, typ), typ
}

// addDate counts the formats that v follows.
func (s *shapes) addDate(v string, rows int64) {
	// Cheap refusals first: most text is no date.
	if len(v) < 6 || len(v) > 40 || !strings.ContainsAny(v, "0123456789") {
		return
	}
	if s.dates == nil {
		s.dates = make([]int64, len(s.formats))
	}
	for i, f := range s.formats {
		// A format that none of the first values has cannot reach 95%.
		if s.values > 200 && s.dates[i] == 0 {
			continue
		}
		if f.matches(v) {
			s.dates[i] += rows
		}
	}
	if strings.Contains(v, ":") {
		s.clock += rows
	}
}

// dateFormat returns the one format of at least 95% of the sample. Two that
// differ only in the order of day and month are told apart by a part above 12;
// if no value has one, there is no answer, and ambiguous names the pair.
func (s shapes) dateFormat(named bool) (f format, share float64, ambiguous string, ok bool) {
	if s.dates == nil {
		return format{}, 0, "", false
	}
	for i, f := range s.formats {
		n := s.share(s.dates[i])
		if n < .95 || f.named && !named {
			continue
		}
		if f.twin != "" {
			other := s.share(s.rowsOf(f.twin))
			if other == n {
				return format{}, n, f.name + " or " + f.twin, false
			}
			if other > n {
				continue
			}
		}
		return f, n, "", true
	}
	return format{}, 0, "", false
}

func (s shapes) rowsOf(name string) int64 {
	for i, f := range s.formats {
		if f.name == name {
			return s.dates[i]
		}
	}
	return 0
}

func isISODate(s string) bool {
	return len(s) == 10 && follows(s, "%Y-%m-%d")
}

// isISOTime reports whether s is a date and a time, or a date alone, in the
// notation that a cast to TIMESTAMP reads.
func isISOTime(s string) bool {
	if len(s) < 10 || !isISODate(s[:10]) {
		return false
	}
	if len(s) == 10 {
		return true
	}
	if s[10] != 'T' && s[10] != ' ' {
		return false
	}
	clock, zone := s[11:], ""
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		clock, zone = strings.TrimSpace(clock[:i]), clock[i:]
	}
	if i := strings.IndexByte(clock, '.'); i >= 0 {
		if !isDigits(clock[i+1:]) || len(clock)-i > 10 {
			return false
		}
		clock = clock[:i]
	}
	if !follows(clock, "%H:%M") && !follows(clock, "%H:%M:%S") {
		return false
	}
	return zone == "" || zone == "Z" || follows(zone, "%z")
}

// follows reports whether s is written by the strptime layout, all of it, and
// names a day that exists.
func follows(s, layout string) bool {
	p := dateParser{rest: s, year: 2000, month: 1, day: 1}
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			if p.rest == "" || p.rest[0] != layout[i] {
				return false
			}
			p.rest = p.rest[1:]
			continue
		}
		i++
		if !p.directive(layout[i]) {
			return false
		}
	}
	if p.rest != "" {
		return false
	}
	day := time.Date(p.year, time.Month(p.month), p.day, 0, 0, 0, 0, time.UTC)
	return day.Day() == p.day
}

type dateParser struct {
	rest             string
	year, month, day int
}

func (p *dateParser) directive(d byte) bool {
	switch d {
	case 'Y':
		return p.number(&p.year, 4, 4, 1, 9999)
	case 'y':
		return p.number(new(int), 2, 2, 0, 99)
	case 'm':
		return p.number(&p.month, 1, 2, 1, 12)
	case 'd':
		return p.number(&p.day, 1, 2, 1, 31)
	case 'H':
		return p.number(new(int), 1, 2, 0, 23)
	case 'I':
		return p.number(new(int), 1, 2, 1, 12)
	case 'M':
		return p.number(new(int), 2, 2, 0, 59)
	case 'S':
		return p.number(new(int), 2, 2, 0, 59)
	case 'b', 'B':
		word := p.word()
		p.month = monthNumber(word)
		return p.month > 0 && (len(word) == 3) == (d == 'b' || word == "may")
	case 'a':
		word := p.word()
		return len(word) == 3 && weekday(word)
	case 'p':
		word := p.word()
		return word == "am" || word == "pm"
	case 'Z':
		word := p.word()
		return word == "gmt" || word == "utc"
	case 'z':
		return p.offset()
	}
	return false
}

// number takes lo to hi digits whose value lies in from..to.
func (p *dateParser) number(dst *int, lo, hi, from, to int) bool {
	n, v := 0, 0
	for n < hi && n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		v = v*10 + int(p.rest[n]-'0')
		n++
	}
	if n < lo || v < from || v > to {
		return false
	}
	p.rest = p.rest[n:]
	*dst = v
	return true
}

func (p *dateParser) word() string {
	n := 0
	for n < len(p.rest) && (p.rest[n]|0x20 >= 'a' && p.rest[n]|0x20 <= 'z') {
		n++
	}
	w := strings.ToLower(p.rest[:n])
	p.rest = p.rest[n:]
	return w
}

// offset takes +hh, +hhmm or +hh:mm.
func (p *dateParser) offset() bool {
	if p.rest == "" || p.rest[0] != '+' && p.rest[0] != '-' {
		return false
	}
	p.rest = p.rest[1:]
	if !p.number(new(int), 2, 2, 0, 15) {
		return false
	}
	p.rest = strings.TrimPrefix(p.rest, ":")
	return p.rest == "" || p.rest[0] == ' ' || p.number(new(int), 2, 2, 0, 59)
}

// monthNumber returns the number of the month that a lower-case English name
// or its first three letters say, or 0.
func monthNumber(name string) int {
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", firstThree(name))
	if i < 0 || i%3 != 0 {
		return 0
	}
	m := time.Month(i/3 + 1)
	if len(name) > 3 && !strings.EqualFold(name, m.String()) {
		return 0
	}
	return int(m)
}

// weekday reports whether a lower-case word is an English weekday or its first
// three letters.
func weekday(name string) bool {
	i := strings.Index("sunmontuewedthufrisat", firstThree(name))
	if i < 0 || i%3 != 0 {
		return false
	}
	return len(name) == 3 || strings.EqualFold(name, time.Weekday(i/3).String())
}

// firstThree returns the first three bytes of s, or what no list of names holds.
func firstThree(s string) string {
	if len(s) < 3 {
		return "-"
	}
	return s[:3]
}
