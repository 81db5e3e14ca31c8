// Package jsonscan scans the parts of JSON text that records are made of, for those
// who look at each byte of gigabytes: it takes eight or sixteen bytes at a time, and
// says where something ends, not what it means. It accepts what RFC 8259 does with
// valid UTF-8 and without lone surrogates.
package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Scanners return the index behind what they scan, or one of these.
const (
	Short = -1 // it goes on behind the bytes that are there
	Wrong = -2 // it is not JSON
)

// Space returns the index of the first byte at or behind i that is not white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
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

// NotDigits flags with its highest bit the lowest byte of w that is no digit, and the
// lowest behind it if that one is a point. A carry can flag wrong bytes above them.
func NotDigits(w uint64) uint64 {
	w ^= '0' * ones
	return (w | (w + (0x80-10)*ones)) & high
}

// Lowest returns which byte of flags is the lowest that is set; 8 if none is.
func Lowest(flags uint64) int { return bits.TrailingZeros64(flags) >> 3 }

// String scans the string whose quote is b[i], and reports whether it holds escapes.
func String(b []byte, i int) (end int, escaped bool) {
	i++
	for {
		// Sixteen at a time: most strings have no more, and how many there are of them
		// is then no branch that is guessed wrong.
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
			return Short, escaped
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = escape(b, i); i < 0 {
				return i, escaped
			}
		case c < 0x20:
			return Wrong, escaped
		case c < utf8.RuneSelf:
			i++
		default:
			if i = runes(b, i); i < 0 {
				return i, escaped
			}
		}
	}
}

// runes scans the characters at b[i] that are no ASCII, as many as follow.
func runes(b []byte, i int) int {
	for i < len(b) && b[i] >= utf8.RuneSelf {
		if i+1 < len(b) && b[i] >= 0xC2 && b[i] < 0xE0 && b[i+1]&0xC0 == 0x80 {
			i += 2 // of two bytes, as in most Latin text
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			if utf8.FullRune(b[i:]) {
				return Wrong
			}
			return Short
		}
		i += size
	}
	return i
}

// escape scans the escape whose backslash is b[i].
func escape(b []byte, i int) int {
	if i+1 >= len(b) {
		return Short
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex4(b, i+2)
		switch {
		case r < 0:
			return r
		case r < 0xD800 || r >= 0xE000:
			return i + 6
		case r >= 0xDC00:
			return Wrong
		case i+8 > len(b):
			return Short
		case b[i+6] != '\\' || b[i+7] != 'u':
			return Wrong
		}
		switch low := hex4(b, i+8); {
		case low < 0:
			return low
		case low < 0xDC00 || low >= 0xE000:
			return Wrong
		}
		return i + 12
	}
	return Wrong
}

// hex4 returns the number that the four hex digits at b[i] spell, Short or Wrong.
func hex4(b []byte, i int) int {
	if i+4 > len(b) {
		return Short
	}
	n := 0
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return Wrong
		}
	}
	return n
}

// Digits returns the index of the first byte at or behind i that is no digit.
func Digits(b []byte, i int) int {
	for i+8 <= len(b) {
		if m := NotDigits(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + Lowest(m)
		}
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
