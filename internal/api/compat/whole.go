package compat

import (
	"encoding/json"
	"regexp"
)

// whole is a number that is whole, and spelled as if it were not: 5.0 is an integer
// to JSON Schema, and to clients whose numbers are all of one type.
var whole = regexp.MustCompile(`^(-?(?:0|[1-9][0-9]*))\.0+$`)

// spellWhole spells whole numbers without a fraction, which the fields that want an
// integer insist on. What is inside of values is the caller's.
func spellWhole(fields map[string]json.RawMessage) {
	for name, value := range fields {
		if m := whole.FindSubmatch(value); m != nil {
			fields[name] = m[1]
		}
	}
}
