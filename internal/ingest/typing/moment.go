package typing

import (
	"strconv"
	"time"

	"millwright/internal/jsonscan"
)

// A clock says what a string of a date or time tells.
type clock uint8

const (
	noClock clock = iota // not a date or time that a type holds
	day                  // DATE
	local                // TIMESTAMP
	instant              // TIMESTAMPTZ
)

// A moment is a date or time, read from a string.
type moment struct {
	clock                     clock
	year, month, date         int
	hour, minute, second, mic int
	offset                    int  // seconds east of UTC
	respell                   bool // DuckDB is not known to read this spelling
}

// parseMoment reads YYYY-MM-DD, or that with T or a space and HH:MM, HH:MM:SS or
// HH:MM:SS.fraction, and then nothing, Z, ±HH, ±HHMM or ±HH:MM.
//
// It refuses what a type could not give back: more than six digits of a fraction
// (unless the rest are zeros), a leap second, 24:00, a day that the calendar does
// not have, years before 1 or after 9999 (in UTC). It also refuses the forms of ISO
// 8601 that mean other things in other data, such as 20240131 and 2024-031.
func parseMoment(s []byte) (m moment, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return m, false
	}
	m.year, m.month, m.date = two(s, 0)*100+two(s, 2), two(s, 5), two(s, 8)
	// A non-digit makes two() so negative that the sum of both stays negative.
	if m.year < 1 || m.month < 1 || m.month > 12 || m.date < 1 || m.date > daysIn(m.year, m.month) {
		return m, false
	}
	if len(s) == 10 {
		m.clock = day
		return m, true
	}
	switch s[10] {
	case 'T', ' ':
	case 't':
		m.respell = true
	default:
		return m, false
	}
	rest, ok := m.parseTime(s[11:])
	if !ok {
		return m, false
	}
	if len(rest) == 0 {
		m.clock = local
		return m, true
	}
	m.clock = instant
	if !m.parseOffset(rest) {
		return m, false
	}
	if m.offset != 0 && (m.year == 1 || m.year == 9999) {
		y := m.utc().Year()
		return m, y >= 1 && y <= 9999
	}
	return m, true
}

// parseTime reads the time of day at the start of s and returns what follows it.
func (m *moment) parseTime(s []byte) (rest []byte, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return nil, false
	}
	m.hour, m.minute = two(s, 0), two(s, 3)
	if m.hour < 0 || m.hour > 23 || m.minute < 0 || m.minute > 59 {
		return nil, false
	}
	s = s[5:]
	if len(s) == 0 || s[0] != ':' {
		m.respell = true
		return s, true
	}
	if len(s) < 3 {
		return nil, false
	}
	if m.second = two(s, 1); m.second < 0 || m.second > 59 {
		return nil, false
	}
	s = s[3:]
	if len(s) == 0 || s[0] != '.' {
		return s, true
	}
	end := jsonscan.Digits(s, 1)
	if end == 1 {
		return nil, false
	}
	unit := 100_000
	for _, c := range s[1:end] {
		if unit == 0 {
			if c != '0' {
				return nil, false
			}
			m.respell = true
			continue
		}
		m.mic += int(c-'0') * unit
		unit /= 10
	}
	return s[end:], true
}

// parseOffset reads the offset that is all of s.
func (m *moment) parseOffset(s []byte) bool {
	if len(s) == 1 {
		m.respell = m.respell || s[0] == 'z'
		return s[0] == 'Z' || s[0] == 'z'
	}
	sign := 1
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return false
	}
	hours, minutes := 0, 0
	switch {
	case len(s) == 3:
		hours, m.respell = two(s, 1), true
	case len(s) == 5:
		hours, minutes, m.respell = two(s, 1), two(s, 3), true
	case len(s) == 6 && s[3] == ':':
		hours, minutes = two(s, 1), two(s, 4)
	default:
		return false
	}
	m.offset = sign * (hours*3600 + minutes*60)
	return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59
}

// utc returns the moment as an instant.
func (m moment) utc() time.Time {
	return time.Date(m.year, time.Month(m.month), m.date, m.hour, m.minute, m.second-m.offset, m.mic*1000, time.UTC)
}

// appendText appends the moment as a JSON string in the one spelling that stands
// for its type: 2006-01-02, 2006-01-02 15:04:05.000000, 2006-01-02 15:04:05.000000+00:00.
func (m moment) appendText(dst []byte) []byte {
	if m.offset != 0 {
		t := m.utc()
		m.year, m.month, m.date = t.Year(), int(t.Month()), t.Day()
		m.hour, m.minute, m.second = t.Hour(), t.Minute(), t.Second()
	}
	dst = append(dst, '"')
	dst = pad(dst, m.year, 4)
	dst = pad(append(dst, '-'), m.month, 2)
	dst = pad(append(dst, '-'), m.date, 2)
	if m.clock != day {
		dst = pad(append(dst, ' '), m.hour, 2)
		dst = pad(append(dst, ':'), m.minute, 2)
		dst = pad(append(dst, ':'), m.second, 2)
		dst = pad(append(dst, '.'), m.mic, 6)
	}
	if m.clock == instant {
		dst = append(dst, "+00:00"...)
	}
	return append(dst, '"')
}

// two returns the number that the two digits at s[i] spell, or -10,000.
func two(s []byte, i int) int {
	hi, lo := s[i]-'0', s[i+1]-'0'
	if hi > 9 || lo > 9 {
		return -10_000
	}
	return int(hi)*10 + int(lo)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func pad(dst []byte, n, width int) []byte {
	for w := width - 1; w > 0; w-- {
		if n < pow10[w] {
			dst = append(dst, '0')
		}
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

var pow10 = [...]int{1, 10, 100, 1000, 10_000, 100_000}
