package document_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
)

// A function is a tool as a model gets it.
type function struct {
	Name, Description string
	Strict            bool
	Parameters        map[string]any
}

type tools struct {
	Name      string
	Functions []function
	Mapping   map[string]string `json:"fn_mapping"`
}

func toolsOf(t *testing.T, api publish.API) tools {
	t.Helper()
	text, err := document.Tools(api)
	if err != nil {
		t.Fatal(err)
	}
	var list tools
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestToolsAreValidInStrictMode(t *testing.T) {
	t.Parallel()
	api := shop()
	many := make([]any, 1000)
	for i := range many {
		many[i] = fmt.Sprint("v", i)
	}
	api.Endpoints = append(api.Endpoints, publish.Endpoint{Name: "many", Path: "many", Status: publish.Live, Description: strings.Repeat("ä", 2000),
		Program: program.Program{SQL: "SELECT $a, $b", Slots: []program.Slot{{Name: "a", Type: program.Enum, Values: many}, {Name: "b", Type: program.ValueList, Values: many}}}})
	list := toolsOf(t, api)
	if list.Name != "shop" || len(list.Functions) != 3 || list.Mapping["find_orders"] != "find-orders" {
		t.Errorf("%s: %d functions, %v", list.Name, len(list.Functions), list.Mapping)
	}
	for _, f := range list.Functions {
		if !f.Strict || !regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`).MatchString(f.Name) || len(f.Description) > 1024 || f.Description == "" {
			t.Errorf("%+v", f)
		}
		for _, problem := range unstrict(f.Parameters) {
			t.Errorf("%s: %s", f.Name, problem)
		}
	}
}

// unstrict says what strict mode would refuse in a schema.
func unstrict(s map[string]any) (problems []string) {
	known := []string{"type", "description", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items",
		"format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"}
	for name := range s {
		if !slices.Contains(known, name) {
			problems = append(problems, "there is no "+name+" in strict mode")
		}
	}
	if text, _ := s["description"].(string); len(text) > 1024 {
		problems = append(problems, "a description is too long")
	}
	if list, _ := s["enum"].([]any); len(list) > 250 {
		problems = append(problems, "an enum is too long")
	}
	if format, ok := s["format"]; ok && !slices.Contains([]any{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}, format) {
		problems = append(problems, fmt.Sprint("there is no format ", format))
	}
	if s["type"] == "object" {
		properties, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		if s["additionalProperties"] != false || len(required) != len(properties) {
			problems = append(problems, "an object is not closed")
		}
		for _, name := range required {
			property, _ := properties[fmt.Sprint(name)].(map[string]any)
			problems = append(problems, unstrict(property)...)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		problems = append(problems, unstrict(items)...)
	}
	return problems
}

func TestWhatMayBeLeftOutMayBeNull(t *testing.T) {
	t.Parallel()
	for _, f := range toolsOf(t, shop()).Functions {
		for name, p := range f.Parameters["properties"].(map[string]any) {
			schema := p.(map[string]any)
			types, _ := schema["type"].([]any)
			if nullable := slices.Contains(types, "null"); nullable == (name == "number") {
				t.Errorf("%s %s: %v", f.Name, name, schema["type"])
			}
			if list, ok := schema["enum"].([]any); ok && !slices.Contains(list, nil) {
				t.Errorf("%s %s: null is not in %v", f.Name, name, list)
			}
		}
	}
}
