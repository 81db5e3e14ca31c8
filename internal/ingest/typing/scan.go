package typing

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Scanners return the index after what they read, or one of these.
const (
	bad     = -1 // malformed JSON
	tooDeep = -2 // nested deeper than allowed
)

// scanSpace returns the index of the first byte at or after i that is not white space.
func scanSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Eight bytes as one number.
const (
	ones = 0x0101010101010101
	high = 0x80 * ones
)

// odd flags the lowest byte of w that ends what is plain in a string: a quote, a
// backslash, a control character or what is no ASCII. A borrow can flag a wrong byte
// above it.
func odd(w uint64) uint64 {
	// Turning one bit puts the quote right behind the control characters.
	return (w | ((w ^ 2*ones) - 0x21*ones) | ((w ^ '\\'*ones) - ones)) & high
}

// notDigits flags the lowest byte of w that is no digit, and the lowest behind it if
// that one is a point. A carry can flag wrong bytes above them.
func notDigits(w uint64) uint64 {
	w ^= '0' * ones
	return (w | (w + (0x80-10)*ones)) & high
}

// scanString returns the index after the string that starts at b[i], a quote, and
// whether it holds escapes; or bad. It accepts what RFC 8259 does with valid UTF-8
// and no lone surrogates.
func scanString(b []byte, i int) (end int, escaped bool) {
	i++
	for {
		// Sixteen at a time, because most bytes of most data need no thought: printable
		// ASCII but quote and backslash.
		for i+16 <= len(b) {
			p := b[i : i+16]
			m, n := odd(binary.LittleEndian.Uint64(p)), odd(binary.LittleEndian.Uint64(p[8:]))
			if m|n == 0 {
				i += 16
				continue
			}
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
			} else {
				i += bits.TrailingZeros64(n)>>3 + 8
			}
			if b[i] == '"' {
				return i + 1, escaped
			}
			break
		}
		if i >= len(b) {
			return bad, escaped
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = scanEscape(b, i); i < 0 {
				return bad, true
			}
		case c < 0x20:
			return bad, escaped
		case c < utf8.RuneSelf:
			i++
		default:
			if i = scanRunes(b, i); i < 0 {
				return bad, escaped
			}
		}
	}
}

// scanRunes returns the index after the characters at b[i] that are no ASCII, or bad.
func scanRunes(b []byte, i int) int {
	for i < len(b) && b[i] >= utf8.RuneSelf {
		if i+1 < len(b) && b[i] >= 0xC2 && b[i] < 0xE0 && b[i+1]&0xC0 == 0x80 {
			i += 2 // of two bytes, as in most Latin text
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return bad
		}
		i += size
	}
	return i
}

// scanEscape returns the index after the escape that starts at b[i], a backslash, or bad.
func scanEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return bad
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex4(b, i+2)
		switch {
		case r < 0 || r >= 0xDC00 && r < 0xE000:
			return bad
		case r >= 0xD800 && r < 0xDC00:
			if i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
				return bad
			}
			if low := hex4(b, i+8); low < 0xDC00 || low >= 0xE000 {
				return bad
			}
			return i + 12
		}
		return i + 6
	}
	return bad
}

// hex4 returns the number that the four hex digits at b[i] spell, or -1.
func hex4(b []byte, i int) int {
	if i+4 > len(b) {
		return -1
	}
	n := 0
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

// scanDigits returns the index of the first byte at or after i that is no digit.
func scanDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
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
		i = scanDigits(b, i)
		whole = i - start
	default:
		return bad, long, 0, 0
	}
	s = shortInt
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = scanDigits(b, start); i == start {
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
		if i = scanDigits(b, i); i == start {
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
	m := notDigits(binary.LittleEndian.Uint64(p))
	end = bits.TrailingZeros64(m) >> 3
	if end == 0 || end == 8 || end > 1 && p[0] == '0' {
		return 0, 0, 0
	}
	if whole = end; p[0] == '0' {
		whole = 0
	}
	if p[end&7] == '.' {
		dot := end
		end = bits.TrailingZeros64(m&(m-1)) >> 3
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
	i = scanSpace(b, i+1)
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
		i = scanSpace(b, i)
		if i >= len(b) {
			return bad
		}
		if b[i] == last {
			return i + 1
		}
		if b[i] != ',' {
			return bad
		}
		i = scanSpace(b, i+1)
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
	i = scanSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return bad
	}
	return scanSpace(b, i+1)
}
