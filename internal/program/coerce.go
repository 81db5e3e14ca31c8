package program

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// maxList is how many values a list slot takes; each is a bound value in memory.
const maxList = 10_000

// A fault says why a value does not fit its slot.
type fault struct {
	msg   string
	fixes []string
}

func faultf(format string, args ...any) *fault { return &fault{msg: fmt.Sprintf(format, args...)} }

func (f *fault) fix(fixes ...string) *fault { f.fixes = append(f.fixes, fixes...); return f }

// coerce returns v as the slot's own type: a bool, int64, float64, string, []any
// of strings, or nil for an optional slot without a value. The value of a
// rendered slot is one of its choices.
func (s Slot) coerce(v any) (any, *fault) {
	v = single(s, v)
	if s.isAbsent(v) {
		if s.Optional() {
			return nil, nil
		}
		return nil, faultf("needs a value").fix(s.wants())
	}
	if s.Type == ValueList {
		return s.coerceList(v)
	}
	if choices := s.Choices(); choices != nil {
		return s.choose(v, choices)
	}
	value, f := s.convert(v)
	if f != nil {
		return nil, f
	}
	return value, s.checkBounds(value)
}

// single unwraps a query string's list of one value.
func single(s Slot, v any) any {
	if s.Type == ValueList {
		return v
	}
	switch list := v.(type) {
	case []string:
		if len(list) == 1 {
			return list[0]
		}
	case []any:
		if len(list) == 1 {
			return list[0]
		}
	}
	return v
}

// isAbsent reports whether v stands for no value: null, or, where texts are no
// values of the slot's own, the texts "" and "null".
func (s Slot) isAbsent(v any) bool {
	if v == nil {
		return true
	}
	text, ok := v.(string)
	if !ok || text != "" && text != "null" {
		return false
	}
	return !s.takesTexts() && !slices.Contains(s.Choices(), text)
}

func (s Slot) takesTexts() bool { return s.Type == String || s.Type == Enum }

// typed returns what an [Untyped] value means to the slot.
func (s Slot) typed(v any) any {
	if list, ok := v.([]any); ok {
		texts := make([]any, len(list))
		for i, item := range list {
			if texts[i] = item; len(list) == 1 {
				texts[i] = s.typed(item)
			} else if u, ok := item.(Untyped); ok {
				texts[i] = string(u)
			}
		}
		return texts
	}
	u, ok := v.(Untyped)
	switch {
	case !ok:
		return v
	case !s.takesTexts() || !s.Optional() || slices.Contains(s.Choices(), string(u)):
		return string(u)
	case u == "" || u == "null":
		return nil
	case u == `""` || u == `"null"`:
		return string(u[1 : len(u)-1])
	}
	return string(u)
}

// choose returns the choice whose text v is. Case matters only where two choices
// differ in nothing else.
func (s Slot) choose(v any, choices []string) (any, *fault) {
	text, f := textOf(v)
	if f != nil {
		return nil, f
	}
	at := slices.Index(choices, text)
	if at < 0 && s.Type.IsRendered() {
		at = slices.IndexFunc(choices, func(c string) bool { return strings.EqualFold(c, text) })
	}
	if at < 0 && !s.Type.IsRendered() {
		// "1.0" and 1 are the same number, whatever the spelling.
		if value, f := s.convert(v); f == nil {
			at = slices.IndexFunc(s.Values, func(c any) bool { own, f := s.convert(c); return f == nil && own == value })
		}
	}
	if at < 0 {
		return nil, faultf("does not accept %q", cut(text)).fix(suggestion(text, choices), s.wants())
	}
	if s.Type.IsRendered() {
		return choices[at], nil
	}
	return s.convert(s.Values[at])
}

// convert returns v as the slot's scalar type.
func (s Slot) convert(v any) (any, *fault) {
	switch s.Type {
	case Enum:
		return enumKind(s.Values).convert(v)
	case Integer:
		return toInteger(v)
	case Number:
		return toNumber(v)
	case Boolean:
		return toBoolean(v)
	case Date:
		return toDate(v)
	case Timestamp:
		return toTimestamp(v)
	}
	return asText(v)
}

// asText is textOf with the result that convert needs.
func asText(v any) (any, *fault) {
	text, f := textOf(v)
	if f != nil {
		return nil, f
	}
	return text, nil
}

// enumKind is the slot type that holds all the values of an enum.
func enumKind(values []any) Slot {
	for _, t := range []SlotType{Boolean, Integer, Number} {
		fits := len(values) > 0
		for _, v := range values {
			_, isText := v.(string)
			_, f := Slot{Type: t}.convert(v)
			// 0 and 1 convert to booleans, but a list of them is a list of numbers.
			_, isBool := v.(bool)
			fits = fits && !isText && f == nil && (t == Boolean) == isBool
		}
		if fits {
			return Slot{Type: t}
		}
	}
	return Slot{Type: String}
}

func (s Slot) checkBounds(value any) *fault {
	var n *big.Float
	switch v := value.(type) {
	case int64:
		n = new(big.Float).SetInt64(v)
	case float64:
		n = big.NewFloat(v)
	default:
		return nil
	}
	below := s.Min != nil && n.Cmp(big.NewFloat(*s.Min)) < 0
	above := s.Max != nil && n.Cmp(big.NewFloat(*s.Max)) > 0
	if below || above {
		return faultf("is %s, which is out of range", plainText(value)).fix(s.wants())
	}
	return nil
}

// wants says in the imperative what the slot accepts.
func (s Slot) wants() string {
	if choices := s.Choices(); choices != nil {
		return "use one of: " + listed(choices)
	}
	switch s.Type {
	case Integer, Number:
		kind := map[SlotType]string{Integer: "a whole number", Number: "a number"}[s.Type]
		switch {
		case s.Min != nil && s.Max != nil:
			return fmt.Sprintf("use %s from %s to %s", kind, plainText(*s.Min), plainText(*s.Max))
		case s.Min != nil:
			return fmt.Sprintf("use %s of at least %s", kind, plainText(*s.Min))
		case s.Max != nil:
			return fmt.Sprintf("use %s of at most %s", kind, plainText(*s.Max))
		}
		return "use " + kind
	case Boolean:
		return "use true or false"
	case Date:
		return "use a date such as 2026-01-31"
	case Timestamp:
		return "use a time such as 2026-01-31T08:00:00Z, or a date"
	case ValueList:
		return `use a list of texts such as ["a","b"], or a,b`
	}
	return "use a text"
}
