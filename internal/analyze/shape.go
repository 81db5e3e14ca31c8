package analyze

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// shapes counts, over a sample of a text column's distinct values, the rows
// whose value has a shape.
type shapes struct {
	values int   // distinct values looked at
	rows   int64 // rows that hold them
	all    bool  // the sample is every distinct value
	words  int64 // in all sampled rows

	email, url, image, uuid, ip, hash, color, json int64

	digits      int64 // only digits
	numbered    int64 // with a digit
	padded      int64 // only digits, the first a zero, and more than one
	boolean     int64 // t, f, y, n, yes, no, true, false
	country     int64 // name or code
	countryName int64
	state       int64
	calendar    int64 // name of a month or a weekday
	number      int64 // a number as people write it
	plain       int64 // a number without currency, grouping or percent sign
	whole       int64 // a number without a fraction or exponent
	percent     int64
	scale       int      // most digits after the point
	longest     int      // most digits before it
	exponent    bool     // some number has one
	clock       int64    // has a colon
	dates       []int64  // by index in formats; nil if no value looks like a date
	formats     []format // what dates counts
}

// share returns n as a part of the sampled rows, 0..1.
func (s shapes) share(n int64) float64 {
	if s.rows == 0 {
		return 0
	}
	return float64(n) / float64(s.rows)
}

// add takes one distinct value that rows rows hold.
func (s *shapes) add(value string, rows int64, places *gazetteer) {
	s.values++
	s.rows += rows
	s.words += rows * int64(1+strings.Count(value, " "))
	v := strings.TrimSpace(value)
	count := func(n *int64, ok bool) {
		if ok {
			*n += rows
		}
	}
	count(&s.email, isEmail(v))
	count(&s.url, isURL(v))
	count(&s.image, isImageURL(v))
	count(&s.uuid, isUUID(v))
	count(&s.ip, isIP(v))
	count(&s.hash, isHash(v))
	count(&s.color, isColor(v))
	count(&s.json, isJSON(v))
	count(&s.numbered, strings.ContainsAny(v, "0123456789"))
	count(&s.digits, isDigits(v))
	count(&s.padded, isDigits(v) && len(v) > 1 && v[0] == '0')
	count(&s.boolean, isBooleanWord(v))
	code, name := places.country(v)
	count(&s.country, code || name)
	count(&s.countryName, name)
	count(&s.state, places.state(v))
	count(&s.calendar, isCalendarName(v))
	s.addNumber(v, rows)
	s.addDate(v, rows)
}

func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(s) > 254 || strings.ContainsAny(s, " \t\n,;<>()\"") || strings.Contains(domain, "@") {
		return false
	}
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && len(domain)-dot > 2 && !strings.Contains(domain, "..")
}

func isURL(s string) bool {
	i := strings.Index(s, "://")
	if i < 2 || i > 8 || len(s) < i+6 || strings.ContainsAny(s, " \t\n") {
		return false
	}
	switch strings.ToLower(s[:i]) {
	case "http", "https", "ftp", "ftps", "s3", "ws", "wss":
		return true
	}
	return false
}

func isImageURL(s string) bool {
	if !isURL(s) {
		return false
	}
	path, _, _ := strings.Cut(strings.ToLower(s), "?")
	path, _, _ = strings.Cut(path, "#")
	for _, ext := range []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif", ".bmp", ".ico"} {
		if strings.HasSuffix(path, ext) {
			return true
		}
	}
	return false
}

func isUUID(s string) bool {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isIP(s string) bool {
	if !strings.ContainsAny(s, ".:") || len(s) > 45 {
		return false
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isHash reports whether s is as long as a digest in hexadecimal, and has a
// letter and a digit.
func isHash(s string) bool {
	switch len(s) {
	case 32, 40, 56, 64, 96, 128:
	default:
		return false
	}
	letters, digits := false, false
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
		if s[i] <= '9' {
			digits = true
		} else {
			letters = true
		}
	}
	return letters && digits
}

func isColor(s string) bool {
	if l := strings.ToLower(s); len(s) <= 32 && strings.HasSuffix(l, ")") && (strings.HasPrefix(l, "rgb(") || strings.HasPrefix(l, "rgba(") || strings.HasPrefix(l, "hsl(")) {
		return true
	}
	if len(s) != 4 && len(s) != 7 && len(s) != 9 || s[0] != '#' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

// isJSON reports whether s is a JSON object or array. Of a value that the
// sample cut, only the beginning can be judged.
func isJSON(s string) bool {
	if len(s) < 2 || s[0] != '{' && s[0] != '[' {
		return false
	}
	if len(s) >= sampleChars {
		return true
	}
	return json.Valid([]byte(s))
}

func isBooleanWord(s string) bool {
	switch strings.ToLower(s) {
	case "t", "f", "y", "n", "yes", "no", "true", "false":
		return true
	}
	return false
}

func isCalendarName(s string) bool {
	l := strings.ToLower(s)
	return monthNumber(l) > 0 || weekday(l)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
