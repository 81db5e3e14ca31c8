package typing

import (
	"encoding/binary"

	"millwright/internal/jsonscan"
)

// Scanners return the index after what they read, or one of these.
const (
	bad     = -1 // malformed JSON
	tooDeep = -2 // nested deeper than allowed
)

// scanString returns the index after the string that starts at b[i], a quote, and
// whether it holds escapes; or bad.
func scanString(b []byte, i int) (end int, escaped bool) {
	end, escaped = jsonscan.String(b, i)
	return max(end, bad), escaped
}

// A spelling says how much thought a number needs, by how it is written.
type spelling uint8

const (
	shortInt  spelling = iota // at most 15 digits and not "-0": every type holds it
	shortFrac                 // at most 15 digits with a point and not zero below a minus: DOUBLE and DECIMAL hold it
	long                      // anything else
)

// scanNumber returns the index after the number that starts at b[i], or bad; how
// it is spelled; and its digits before the point without a leading zero, and after it.
func scanNumber(b []byte, i int) (end int, s spelling, whole, frac int) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	switch {
	case i >= len(b):
		return bad, long, 0, 0
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		start := i
		i = jsonscan.Digits(b, i)
		whole = i - start
	default:
		return bad, long, 0, 0
	}
	s = shortInt
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = jsonscan.Digits(b, start); i == start {
			return bad, long, 0, 0
		}
		s, frac = shortFrac, i-start
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = jsonscan.Digits(b, i); i == start {
			return bad, long, 0, 0
		}
		s = long
	}
	if whole+frac > 15 || negative && whole == 0 {
		s = long
	}
	return i, s, whole, frac
}

// scanShort is scanNumber for eight bytes of which the first are a number without a
// minus, of few digits. Its end is 0 if it needs a closer look.
func scanShort(p []byte) (end, whole, frac int) {
	m := jsonscan.NotDigits(binary.LittleEndian.Uint64(p))
	end = jsonscan.Lowest(m)
	if end == 0 || end == 8 || end > 1 && p[0] == '0' {
		return 0, 0, 0
	}
	if whole = end; p[0] == '0' {
		whole = 0
	}
	if p[end&7] == '.' {
		dot := end
		end = jsonscan.Lowest(m & (m - 1))
		if frac = end - dot - 1; end == 8 || frac == 0 {
			return 0, 0, 0
		}
	}
	if p[end&7]|0x20 == 'e' {
		return 0, 0, 0
	}
	return end, whole, frac
}

// scanWord returns the index after the literal true, false or null at b[i], or bad.
func scanWord(b []byte, i int) int {
	word := "null"
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return bad
	}
	return i + len(word)
}

// skipValue returns the index after the value at b[i], bad or tooDeep. It does not
// look for duplicate keys.
func skipValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"':
		end, _ := scanString(b, i)
		return end
	case '{':
		return skipNested(b, i, '}', depth-1)
	case '[':
		return skipNested(b, i, ']', depth-1)
	case 't', 'f', 'n':
		return scanWord(b, i)
	}
	end, _, _, _ := scanNumber(b, i)
	return end
}

// skipNested skips the object or array at b[i] that ends with last.
func skipNested(b []byte, i int, last byte, depth int) int {
	if depth < 0 {
		return tooDeep
	}
	i = jsonscan.Space(b, i+1)
	if i < len(b) && b[i] == last {
		return i + 1
	}
	for i < len(b) {
		if last == '}' {
			if i = skipKey(b, i); i < 0 {
				return bad
			}
		}
		if i = skipValue(b, i, depth); i < 0 {
			return i
		}
		i = jsonscan.Space(b, i)
		if i >= len(b) {
			return bad
		}
		if b[i] == last {
			return i + 1
		}
		if b[i] != ',' {
			return bad
		}
		i = jsonscan.Space(b, i+1)
	}
	return bad
}

// skipKey skips the key at b[i], the colon, and white space around it.
func skipKey(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return bad
	}
	if i, _ = scanString(b, i); i < 0 {
		return bad
	}
	return scanColon(b, i)
}

// scanLast returns the index after last, which must be at b[i], or bad.
func scanLast(b []byte, i int, last byte) int {
	if i >= len(b) || b[i] != last {
		return bad
	}
	return i + 1
}

// scanColon returns the index of the value after the colon that comes next, or bad.
func scanColon(b []byte, i int) int {
	if i < len(b) && b[i] == ':' && i+1 < len(b) && b[i+1] > ' ' {
		return i + 1
	}
	i = jsonscan.Space(b, i)
	if i >= len(b) || b[i] != ':' {
		return bad
	}
	return jsonscan.Space(b, i+1)
}
