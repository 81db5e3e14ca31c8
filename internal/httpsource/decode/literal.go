package decode

import (
	endian "encoding/binary"

	"millwright/internal/jsonscan"
)

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
	m := jsonscan.NotDigits(endian.LittleEndian.Uint64(p))
	n := jsonscan.Lowest(m)
	if n == 0 || n == 8 || n > 1 && p[0] == '0' {
		return scanSlowly(b, i, last)
	}
	if p[n&7] == '.' {
		dot := n
		if n = jsonscan.Lowest(m & (m - 1)); n == 8 || n == dot+1 {
			return scanSlowly(b, i, last)
		}
	}
	if p[n&7]|0x20 == 'e' {
		return scanSlowly(b, i, last)
	}
	return i + n
}

// scanSlowly scans a number byte by byte, behind its sign.
func scanSlowly(b []byte, i int, last bool) int {
	switch {
	case i >= len(b):
		return short
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		i = jsonscan.Digits(b, i)
	default:
		return wrong
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = jsonscan.Digits(b, start); i == start {
			return oneOf(i >= len(b))
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = jsonscan.Digits(b, i); i == start {
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
