package analyze

import (
	"fmt"
	"strings"

	"millwright/internal/table"
)

// A written number is what a text says when it is a number.
type written struct {
	before, after int  // digits before and after the point
	exponent      bool // 1e3
	decorated     bool // has a currency sign or groups of thousands
	percent       bool
}

// currencies are the signs that a number in text may carry.
const currencies = "$€£¥₹"

// parseNumber reads a number as people write it: 12, -1,234.5, $3, 12%, 1e-9.
func parseNumber(s string) (written, bool) {
	var w written
	s = strings.TrimSpace(s)
	if p, ok := strings.CutSuffix(s, "%"); ok {
		w.percent = true
		s = strings.TrimSpace(p)
	}
	s = strings.TrimLeft(s, "+-")
	for _, sign := range currencies {
		if rest, ok := strings.CutPrefix(s, string(sign)); ok {
			w.decorated = true
			s = strings.TrimLeft(strings.TrimSpace(rest), "+-")
			break
		}
	}
	s, ok := w.integer(s)
	if !ok {
		return w, false
	}
	if strings.HasPrefix(s, ".") {
		n := leadingDigits(s[1:])
		w.after = n
		s = s[1+n:]
	}
	if w.before+w.after == 0 {
		return w, false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		e := strings.TrimLeft(s[1:], "+-")
		w.exponent = true
		s = e[leadingDigits(e):]
		if len(s) == len(e) || len(e) > 4 {
			return w, false
		}
	}
	return w, s == ""
}

// integer reads the digits before the point, in groups of three or not.
func (w *written) integer(s string) (rest string, ok bool) {
	n := leadingDigits(s)
	w.before = n
	rest = s[n:]
	if !strings.HasPrefix(rest, ",") {
		return rest, true
	}
	if n == 0 || n > 3 {
		return rest, false
	}
	for strings.HasPrefix(rest, ",") {
		if leadingDigits(rest[1:]) != 3 {
			return rest, false
		}
		w.before += 3
		w.decorated = true
		rest = rest[4:]
	}
	return rest, true
}

func leadingDigits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

func (s *shapes) addNumber(v string, rows int64) {
	w, ok := parseNumber(v)
	if !ok {
		return
	}
	s.number += rows
	if !w.decorated && !w.percent {
		s.plain += rows
	}
	if w.percent {
		s.percent += rows
	}
	if w.after == 0 && !w.exponent {
		s.whole += rows
	}
	s.scale = max(s.scale, w.after)
	s.longest = max(s.longest, w.before)
	s.exponent = s.exponent || w.exponent
}

// numberSQL returns the expression that reads the number which the text expr
// holds, and its type. Text of another form gives NULL: the pattern keeps a cast
// from rounding what the sample did not show.
func (s shapes) numberSQL(expr string) (string, table.Type) {
	text := "trim(" + expr + ")"
	if s.plain < s.number {
		text = fmt.Sprintf("regexp_replace(%s, '[%s,%%\\s]', '', 'g')", expr, currencies)
	}
	pattern, typ := `[+-]?[0-9]*[.]?[0-9]*([eE][+-]?[0-9]+)?`, table.Type{Kind: table.Double}
	switch {
	case s.exponent || s.longest > 18 || s.scale > 9:
	case s.scale == 0:
		pattern, typ = `[+-]?[0-9]{1,18}`, table.Type{Kind: table.BigInt}
	default:
		pattern = fmt.Sprintf(`[+-]?[0-9]{0,18}([.][0-9]{0,%d})?`, s.scale)
		typ = table.Type{Kind: table.Decimal, Precision: 18 + s.scale, Scale: s.scale}
	}
	return fmt.Sprintf("CASE WHEN regexp_full_match(%s, '%s') THEN TRY_CAST(%s AS %s) END", text, pattern, text, typ), typ
}
