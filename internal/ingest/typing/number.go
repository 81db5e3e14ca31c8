package typing

import (
	"bytes"
	"strconv"
)

// A decimal is a JSON number, exactly: ±0.DIGITS × 10^point.
type decimal struct {
	negative bool
	integer  bool   // written without a point and without an exponent
	digits   []byte // without zeros at either end; empty for zero
	point    int    // how many digits stand before the point; may be negative or past the end
	scale    int    // digits after the point as written, once the exponent is applied; at least 0
}

// farAway stands for every exponent that no type can hold.
const farAway = 1 << 30

// parseDecimal reads a number that scanNumber accepted. The digits are appended to
// scratch, and are valid as long as it is.
func parseDecimal(num, scratch []byte) decimal {
	d := decimal{integer: true}
	if num[0] == '-' {
		d.negative = true
		num = num[1:]
	}
	exp := 0
	if e := bytes.IndexAny(num, "eE"); e >= 0 {
		exp = parseExponent(num[e+1:])
		num = num[:e]
		d.integer = false
	}
	whole := num
	var frac []byte
	if p := bytes.IndexByte(num, '.'); p >= 0 {
		whole, frac = num[:p], num[p+1:]
		d.integer = false
	}
	d.scale = max(0, len(frac)-exp)
	start := len(scratch)
	scratch = append(append(scratch, whole...), frac...)
	d.digits = scratch[start:]
	d.point = len(whole) + exp
	for len(d.digits) > 0 && d.digits[0] == '0' {
		d.digits = d.digits[1:]
		d.point--
	}
	d.digits = bytes.TrimRight(d.digits, "0")
	if len(d.digits) == 0 {
		d.point = 0
	}
	return d
}

// parseExponent reads an exponent and its sign; one that is absurd is ±farAway.
func parseExponent(b []byte) int {
	sign := 1
	switch b[0] {
	case '-':
		sign = -1
		b = b[1:]
	case '+':
		b = b[1:]
	}
	n := 0
	for _, c := range b {
		if n = n*10 + int(c-'0'); n > farAway {
			n = farAway
		}
	}
	return sign * n
}

// minScale returns how many digits stand after the point.
func (d decimal) minScale() int { return max(0, len(d.digits)-d.point) }

// inInt64 reports whether the number is written as an integer, and is one of 64 bits.
func (d decimal) inInt64(num []byte) bool {
	if !d.integer || d.point > 19 || d.negative && len(d.digits) == 0 {
		return false
	}
	if d.point < 19 {
		return true
	}
	_, err := strconv.ParseInt(string(num), 10, 64)
	return err == nil
}

// inDouble reports whether the shortest decimal that names the nearest float64 is
// the number itself, so that a float64 gives back what was written.
func (d decimal) inDouble(num []byte) bool {
	if len(d.digits) == 0 {
		return true // the sign of a zero is kept, too
	}
	if len(d.digits) > 17 {
		return false
	}
	if len(d.digits) <= 15 && d.point > -290 && d.point < 300 {
		return true // IEEE 754: 15 digits always survive
	}
	f, err := strconv.ParseFloat(string(num), 64)
	if err != nil {
		return false
	}
	var buf [32]byte
	short := parseDecimal(strconv.AppendFloat(buf[:0], f, 'e', -1, 64), make([]byte, 0, 32))
	return short.point == d.point && bytes.Equal(short.digits, d.digits)
}

// appendPlain appends the number without an exponent, with no more digits than it
// needs. It reports false if precision and scale do not hold it exactly, or if it
// is a zero with a sign.
func (d decimal) appendPlain(dst []byte, precision, scale int) ([]byte, bool) {
	frac := d.minScale()
	if frac > scale || max(0, d.point) > precision-scale || d.negative && len(d.digits) == 0 {
		return dst, false
	}
	if d.negative {
		dst = append(dst, '-')
	}
	if d.point <= 0 {
		dst = append(dst, '0')
	}
	for i := range max(0, d.point) {
		if i < len(d.digits) {
			dst = append(dst, d.digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	if frac == 0 {
		return dst, true
	}
	dst = append(dst, '.')
	for range max(0, -d.point) {
		dst = append(dst, '0')
	}
	return append(dst, d.digits[max(0, d.point):]...), true
}
