package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millwright/internal/program"
)

// slotSchema describes the values of a slot, where they can be described: an
// optional one may also be absent.
func slotSchema(s program.Slot) object {
	if s.Type == program.ValueList {
		items := typed("string")
		if choices := s.Choices(); choices != nil {
			items = items.with("enum", choices)
		}
		return listOf(items)
	}
	if s.Type == program.Enum || len(s.Values) > 0 || s.Type.IsRendered() {
		return choiceSchema(s)
	}
	switch s.Type {
	case program.Integer:
		return bounded(typed("integer").with("format", "int64"), s)
	case program.Number:
		return bounded(typed("number").with("format", "double"), s)
	case program.Boolean:
		return typed("boolean")
	case program.Date:
		return typed("string").with("format", "date")
	case program.Timestamp:
		return typed("string").with("format", "date-time")
	}
	return typed("string")
}

func bounded(schema object, s program.Slot) object {
	if s.Min != nil {
		schema = schema.with("minimum", *s.Min)
	}
	if s.Max != nil {
		schema = schema.with("maximum", *s.Max)
	}
	return schema
}

// choiceSchema describes a slot that takes one of a list, whose values all have
// one JSON type.
func choiceSchema(s program.Slot) object {
	choices := s.Choices()
	if choices == nil {
		return typed("string")
	}
	kind := choiceKind(s)
	values := make([]any, len(choices))
	for i, text := range choices {
		if values[i] = text; kind != "string" {
			values[i] = json.RawMessage(text)
		}
	}
	return typed(kind).with("enum", values)
}

// choiceKind names the JSON type of the values of a list.
func choiceKind(s program.Slot) string {
	switch s.Type {
	case program.Integer:
		return "integer"
	case program.Number:
		return "number"
	case program.Boolean:
		return "boolean"
	case program.Enum:
		return enumKind(s.Values)
	}
	return "string"
}

func enumKind(values []any) string {
	kind := ""
	for _, v := range values {
		k := "string"
		switch v := v.(type) {
		case bool:
			k = "boolean"
		case int64, int:
			k = "integer"
		case float64, json.Number:
			k = "number"
		default:
			_ = v
		}
		switch {
		case kind == "" || kind == k:
			kind = k
		case kind == "integer" && k == "number" || kind == "number" && k == "integer":
			kind = "number"
		default:
			return "string"
		}
	}
	if kind == "" {
		return "string"
	}
	return kind
}

// explain says in words what a schema cannot.
func explain(s program.Slot) string {
	var parts []string
	for _, text := range []string{s.Label, s.Description} {
		if text = strings.TrimSpace(text); text != "" && (len(parts) == 0 || parts[0] != text) {
			parts = append(parts, strings.TrimSuffix(text, "."))
		}
	}
	switch {
	case s.Optional():
		parts = append(parts, "Leave it out for no filter")
	case s.Required:
		parts = append(parts, "Required")
	}
	switch s.Type {
	case program.Timestamp:
		parts = append(parts, "A time such as 2026-01-31T08:00:00Z, or a date")
	case program.ValueList:
		parts = append(parts, `Repeat it for each value; a single one that holds a comma is sent as ["a,b"]`)
	}
	return strings.Join(parts, ". ")
}

// defaults returns the values that slots have if none are sent, each as the JSON
// type of its schema, and nil for those that have none.
func defaults(p program.Program) map[string]any {
	values := bound(p, nil)
	for _, s := range p.Slots {
		if s.Required {
			delete(values, s.Name)
		}
	}
	return values
}

// bound returns what the slots of a program are, with these values; only slots
// that have a value are there.
func bound(p program.Program, values map[string]any) map[string]any {
	all := program.Example(p)
	for name, value := range values {
		all[name] = value
	}
	b, err := program.Bind(p, all)
	if err != nil {
		return map[string]any{}
	}
	out := map[string]any{}
	for _, s := range p.Slots {
		if v := wire(s, b.Values[s.Name]); v != nil {
			out[s.Name] = v
		}
	}
	return out
}

// wire returns a bound value as JSON has it.
func wire(s program.Slot, v any) any {
	text, ok := v.(string)
	switch {
	case !ok:
		return v
	case s.Type == program.Timestamp:
		if t, err := time.Parse("2006-01-02 15:04:05.999999", text); err == nil {
			return t.Format("2006-01-02T15:04:05.999999Z")
		}
	}
	return text
}

// examples returns a value for every slot for which one makes sense: its default,
// its first choice, or what the column that it filters holds in the first rows.
func examples(p program.Program, firstRows json.RawMessage) map[string]any {
	values := bound(p, nil)
	rows := exampleRows(firstRows)
	for _, s := range p.Slots {
		if _, has := values[s.Name]; has {
			continue
		}
		for _, candidate := range candidates(s, rows) {
			if v, ok := bound(p, map[string]any{s.Name: candidate})[s.Name]; ok {
				values[s.Name] = v
				break
			}
		}
	}
	return values
}

// candidates returns values that an optional slot may take.
func candidates(s program.Slot, rows []map[string]any) []any {
	var all []any
	for _, choice := range s.Choices() {
		all = append(all, choice)
	}
	for _, row := range rows {
		for name, v := range row {
			if v != nil && s.Column != "" && strings.EqualFold(name, s.Column) {
				all = append(all, fmt.Sprint(v))
			}
		}
	}
	if s.Type == program.ValueList && len(all) > 0 {
		return []any{all[:1]}
	}
	return all
}

// exampleRows reads rows as objects; none if they are not there.
func exampleRows(text json.RawMessage) []map[string]any {
	var rows []map[string]any
	if len(text) == 0 || json.Unmarshal(text, &rows) != nil {
		return nil
	}
	return rows
}

// queryTexts returns how a query string spells a value of the slot: one text, or
// for a list one for each.
func queryTexts(s program.Slot, v any) []string {
	list, isList := v.([]any)
	switch {
	case isList && len(list) < 2:
		// One text alone may hold commas, which separate; a JSON list has no doubt.
		text, err := json.Marshal(list)
		if err != nil {
			return nil
		}
		return []string{string(text)}
	case isList:
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = plain(item)
		}
		return texts
	}
	text := plain(v)
	// Where a text may also stand for "no filter", quotes make it a text.
	if s.Optional() && (s.Type == program.String || s.Type == program.Enum) && (text == "" || text == "null") {
		text = `"` + text + `"`
	}
	return []string{text}
}

// plain returns a scalar as text.
func plain(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
