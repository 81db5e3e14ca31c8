package decode

import (
	"github.com/go-json-experiment/json/jsontext"
)

// appendScalar writes a text of a format without types as JSON, without losing a
// character of it: as a number or a boolean only if the text is how JSON writes
// it, and otherwise as a string. So 007, +1, 1,5 and TRUE stay text. An exponent
// counts only with a point or a sign in the number (1.5e3, 1e-05): what looks
// like 12e4 is as often part of a hash. See docs/decisions/0006.
func appendScalar(buf []byte, raw []byte) ([]byte, error) {
	if isNumber(raw) || string(raw) == "true" || string(raw) == "false" {
		return append(buf, raw...), nil
	}
	return jsontext.AppendQuote(buf, raw)
}

// isNumber reports whether raw is a number as JSON writes it, within the rule of
// appendScalar.
func isNumber(raw []byte) bool {
	i, n := 0, len(raw)
	if i < n && raw[i] == '-' {
		i++
	}
	start := i
	i = digits(raw, i)
	if i == start || raw[start] == '0' && i > start+1 {
		return false
	}
	plain := true
	if i < n && raw[i] == '.' {
		plain = false
		point := i + 1
		if i = digits(raw, point); i == point {
			return false
		}
	}
	if i < n && (raw[i] == 'e' || raw[i] == 'E') {
		if i++; i < n && (raw[i] == '+' || raw[i] == '-') {
			plain = false
			i++
		}
		exp := i
		if i = digits(raw, exp); i == exp || plain {
			return false
		}
	}
	return i == n
}

func digits(raw []byte, i int) int {
	for i < len(raw) && raw[i] >= '0' && raw[i] <= '9' {
		i++
	}
	return i
}
