package decode

import (
	endian "encoding/binary"
	"math/bits"
	"unicode/utf8"
)

func scanSpace(b []byte, i int) int {
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

// lowest returns which byte of flags is the lowest that is set; 8 if none is.
func lowest(flags uint64) int { return bits.TrailingZeros64(flags) >> 3 }

// scanString scans the string whose quote is b[i].
func scanString(b []byte, i int) int {
	i++
	for {
		// Sixteen at a time: most strings have no more, and how many there are of them
		// is then no branch that is guessed wrong.
		for i+16 <= len(b) {
			p := b[i : i+16]
			m, n := odd(endian.LittleEndian.Uint64(p)), odd(endian.LittleEndian.Uint64(p[8:]))
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
				return i + 1
			}
			break
		}
		if i >= len(b) {
			return short
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = scanEscape(b, i); i < 0 {
				return i
			}
		case c < 0x20:
			return wrong
		case c < utf8.RuneSelf:
			i++
		default:
			if i = scanRunes(b, i); i < 0 {
				return i
			}
		}
	}
}

// scanRunes scans the characters at b[i] that are no ASCII, as many as follow.
func scanRunes(b []byte, i int) int {
	for i < len(b) && b[i] >= utf8.RuneSelf {
		if i+1 < len(b) && b[i] >= 0xC2 && b[i] < 0xE0 && b[i+1]&0xC0 == 0x80 {
			i += 2 // of two bytes, as in most Latin text
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return oneOf(!utf8.FullRune(b[i:]))
		}
		i += size
	}
	return i
}

// scanEscape scans the escape whose backslash is b[i].
func scanEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return short
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
			return wrong
		case i+8 > len(b):
			return short
		case b[i+6] != '\\' || b[i+7] != 'u':
			return wrong
		}
		switch low := hex4(b, i+8); {
		case low < 0:
			return low
		case low < 0xDC00 || low >= 0xE000:
			return wrong
		}
		return i + 12
	}
	return wrong
}

// hex4 returns the number that the four hex digits at b[i] spell, short or wrong.
func hex4(b []byte, i int) int {
	if i+4 > len(b) {
		return short
	}
	n := 0
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return wrong
		}
	}
	return n
}

// scanNumber scans the number at b[i]. One that reaches to the end of b may go on
// there, unless nothing follows.
func scanNumber(b []byte, i int, last bool) int {
	if b[i] == '-' {
		i++
	}
	if i+8 > len(b) {
		return scanSlowly(b, i, last)
	}
	p := b[i : i+8]
	m := notDigits(endian.LittleEndian.Uint64(p))
	n := lowest(m)
	if n == 0 || n == 8 || n > 1 && p[0] == '0' {
		return scanSlowly(b, i, last)
	}
	if p[n&7] == '.' {
		dot := n
		if n = lowest(m & (m - 1)); n == 8 || n == dot+1 {
			return scanSlowly(b, i, last)
		}
	}
	if p[n&7]|0x20 == 'e' {
		return scanSlowly(b, i, last)
	}
	return i + n
}

// notDigits flags the lowest byte of w that is no digit, and the lowest behind it if
// that one is a point. A carry can flag wrong bytes above them.
func notDigits(w uint64) uint64 {
	w ^= '0' * ones
	return (w | (w + (0x80-10)*ones)) & high
}

// scanSlowly scans a number byte by byte, behind its sign.
func scanSlowly(b []byte, i int, last bool) int {
	switch {
	case i >= len(b):
		return short
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		i = scanDigits(b, i)
	default:
		return wrong
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = scanDigits(b, start); i == start {
			return oneOf(i >= len(b))
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = scanDigits(b, i); i == start {
			return oneOf(i >= len(b))
		}
	}
	if i >= len(b) && !last {
		return short
	}
	return i
}

// oneOf says why a number ends too early.
func oneOf(atEnd bool) int {
	if atEnd {
		return short
	}
	return wrong
}

func scanDigits(b []byte, i int) int {
	for i+8 <= len(b) {
		if m := notDigits(endian.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + lowest(m)
		}
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// A word of JSON in the lowest bytes of a number.
type word struct {
	text, mask uint64
	n          int
}

// words are false, null and true, by two bits of their first letters.
var words = [4]word{
	{'f' | 'a'<<8 | 'l'<<16 | 's'<<24 | 'e'<<32, 1<<40 - 1, 5},
	{'n' | 'u'<<8 | 'l'<<16 | 'l'<<24, 1<<32 - 1, 4},
	{'t' | 'r'<<8 | 'u'<<16 | 'e'<<24, 1<<32 - 1, 4},
}

// scanWord scans true, false or null at b[i], where one of their first letters is. It
// does not branch on which, as that is often anyone's guess.
func scanWord(b []byte, i int) int {
	var w uint64
	if p := b[i:]; len(p) >= 8 {
		w = endian.LittleEndian.Uint64(p)
	} else {
		var padded [8]byte
		copy(padded[:], p)
		w = endian.LittleEndian.Uint64(padded[:])
	}
	is := &words[b[i]>>3&3]
	switch {
	case (w^is.text)&is.mask == 0:
		return i + is.n
	case len(b)-i < is.n:
		return short
	}
	return wrong
}
