package document

import (
	"bytes"
	"encoding/json"
)

// An object is a JSON object whose members keep their order, so that a document
// reads like the table that it describes.
type object []member

type member struct {
	name  string
	value any
}

// with returns the object and one more member.
func (o object) with(name string, value any) object {
	return append(o[:len(o):len(o)], member{name, value})
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// typed begins a schema.
func typed(types ...string) object {
	if len(types) == 1 {
		return object{{"type", types[0]}}
	}
	return object{{"type", types}}
}

// described is typed with a description.
func described(kind, text string) object { return typed(kind).with("description", text) }

func ref(section, name string) object {
	return object{{"$ref", "#/components/" + section + "/" + name}}
}

// listOf is the schema of an array.
func listOf(items any) object { return object{{"type", "array"}, {"items", items}} }

// record is the schema of an object that has all these members.
func record(properties object) object {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	return object{{"type", "object"}, {"required", names}, {"properties", properties}}
}

// nullable returns the schema of the same values, and null.
func nullable(schema object) object {
	var out object
	for _, m := range schema {
		switch v := m.value.(type) {
		case string:
			if m.name == "type" {
				m.value = []string{v, "null"}
			}
		case []any:
			if m.name == "enum" {
				m.value = append(v[:len(v):len(v)], nil)
			}
		}
		out = append(out, m)
	}
	return out
}
