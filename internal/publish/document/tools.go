package document

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"millwright/internal/program"
	"millwright/internal/publish"
)

// Limits of function calling in strict mode, beyond which a tool list is refused
// as a whole.
const (
	maxDescription = 1024
	maxChoices     = 200
	maxChoiceText  = 5000 // bytes of all choices of a parameter
)

// Tools returns the endpoints of an API as functions for a language model:
//
//	{name, functions: [{name, description, strict, parameters}], fn_mapping}
//
// Every function is valid in strict mode: each parameter is required and takes
// null where the slot may be left out. fn_mapping says at which path below
// [Root] a function is called.
func Tools(api publish.API) ([]byte, error) {
	functions, mapping := []object{}, object{}
	for _, ep := range api.Live() {
		functions = append(functions, function(ep))
		mapping = mapping.with(ep.Name, ep.Path)
	}
	return json.MarshalIndent(object{{"name", api.Slug}, {"functions", functions}, {"fn_mapping", mapping}}, "", "  ")
}

func function(ep publish.Endpoint) object {
	properties, names := object{}, []string{}
	preset := defaults(ep.Program)
	for _, s := range ep.Program.Slots {
		names = append(names, s.Name)
		properties = properties.with(s.Name, argument(s, preset[s.Name]))
	}
	text := summary(ep)
	if ep.Description != "" && ep.Description != text {
		text += "\n" + ep.Description
	}
	return object{
		{"name", ep.Name},
		{"description", cut(text+"\nReturns the columns "+columnNames(ep)+".", maxDescription)},
		{"strict", true},
		{"parameters", object{{"type", "object"}, {"properties", properties}, {"required", names}, {"additionalProperties", false}}},
	}
}

func columnNames(ep publish.Endpoint) string {
	names := make([]string, len(ep.Columns))
	for i, c := range ep.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// argument is the schema of a slot in the part of JSON Schema that strict mode
// knows: defaults are said in words, null means the default.
func argument(s program.Slot, preset any) object {
	text := explain(s)
	if preset != nil {
		text = strings.TrimPrefix(text+". null means "+plain(preset), ". ")
	}
	var out object
	tooMany := !fewChoices(s.Choices())
	for _, m := range slotSchema(s) {
		switch m.name {
		case "enum":
			if tooMany {
				text = strings.TrimPrefix(text+". One of "+strings.Join(s.Choices(), ", "), ". ")
				continue
			}
		case "items":
			if tooMany {
				m.value = typed("string")
			}
		case "format":
			if f := m.value.(string); f != "date" && f != "date-time" {
				continue
			}
		}
		out = append(out, m)
	}
	if !s.Required {
		out = nullable(out)
	}
	if text != "" {
		out = out.with("description", cut(text, maxDescription))
	}
	return out
}

func fewChoices(choices []string) bool {
	return len(choices) <= maxChoices && len(strings.Join(choices, "")) <= maxChoiceText
}

// cut shortens text to so many bytes, at the end of a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const mark = "…"
	text = text[:most-len(mark)]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + mark
}
