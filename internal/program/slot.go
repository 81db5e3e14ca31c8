package program

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"millwright/internal/errs"
)

// What the engine is told for each word that a slot may hold. These are the only
// words that a rendered slot adds to SQL.
var (
	aggregates = []string{"sum", "avg", "median", "min", "max", "count"}
	grains     = []string{"minute", "hour", "day", "week", "month", "quarter", "year"}
	orders     = []string{"asc", "desc"}
)

// SlotTypes returns every slot type.
func SlotTypes() []SlotType {
	return []SlotType{Column, Aggregate, Grain, Order, Enum, Integer, Number, String, Boolean, Date, Timestamp, ValueList}
}

// IsRendered reports whether a slot of type t is written {{name}} and becomes
// text of ours, not a bound value.
func (t SlotType) IsRendered() bool {
	return t == Column || t == Aggregate || t == Grain || t == Order
}

// Optional reports whether the slot may be null, which means "no filter".
func (s Slot) Optional() bool { return s.Default == nil && !s.Required && !s.Type.IsRendered() }

// Placeholder returns how SQL refers to the slot: $name or {{name}}.
func (s Slot) Placeholder() string {
	if s.Type.IsRendered() {
		return "{{" + s.Name + "}}"
	}
	return "$" + s.Name
}

// Choices returns the texts that the slot accepts, in order; nil if it accepts
// more than a list.
func (s Slot) Choices() []string {
	if len(s.Values) == 0 {
		switch s.Type {
		case Aggregate:
			return slices.Clone(aggregates)
		case Grain:
			return slices.Clone(grains)
		case Order:
			return slices.Clone(orders)
		}
		return nil
	}
	texts := make([]string, len(s.Values))
	for i, v := range s.Values {
		texts[i] = plainText(v)
	}
	return texts
}

// isSlotName reports whether name is [a-z][a-z0-9_]*, at most 63 bytes.
func isSlotName(name string) bool {
	if name == "" || len(name) > 63 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

// UnmarshalJSON reads a slot. Numbers in its default and values stay exact: an
// integer becomes an int64, anything else a json.Number.
func (s *Slot) UnmarshalJSON(data []byte) error {
	type plain Slot // without this method
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var p plain
	if err := d.Decode(&p); err != nil {
		return err
	}
	p.Default = exact(p.Default)
	for i, v := range p.Values {
		p.Values[i] = exact(v)
	}
	*s = Slot(p)
	return nil
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
	case []any:
		for i, e := range v {
			v[i] = exact(e)
		}
	}
	return v
}

// ParseSlots reads the JSON list of slots that clients send and that is stored.
// Empty text and null are no slots. It fails with errs.Invalid.
func ParseSlots(text []byte) ([]Slot, error) {
	slots := []Slot{}
	if len(bytes.TrimSpace(text)) == 0 {
		return slots, nil
	}
	if err := json.Unmarshal(text, &slots); err != nil {
		return nil, errs.New(errs.Invalid, "the slots are not a JSON list of slots").
			Named("slot-invalid").At("/slots").Because(err).
			Fix(`send a list such as [{"name":"status","type":"string","default":null}]`)
	}
	if slots == nil {
		slots = []Slot{}
	}
	return slots, nil
}
