package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// An Object is a JSON object that is passed on as it is; nil is null.
type Object json.RawMessage

// MarshalJSON returns the text.
func (o Object) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// UnmarshalJSON keeps the text, so that numbers in it stay exact; null is nil.
func (o *Object) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*o = nil
		return nil
	}
	return (*json.RawMessage)(o).UnmarshalJSON(text)
}

// Schema describes any object.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Nullable: true}
}

// Rows are the rows of a table: [[v, …], …], in the order of its columns.
type Rows json.RawMessage

// MarshalJSON returns the text.
func (r Rows) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// Schema describes arrays of any values.
func (Rows) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{}}}
}

// Records are the rows of a table as objects: [{column: v}, …].
type Records json.RawMessage

// MarshalJSON returns the text.
func (r Records) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// Schema describes an array of objects.
func (Records) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
}

// OrNull is a T, or null. huma has no words for a null in place of an object.
type OrNull[T any] struct{ Value *T }

// MarshalJSON returns the JSON of the value.
func (o OrNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.Value) }

// UnmarshalJSON reads a T, or null.
func (o *OrNull[T]) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &o.Value) }

// Schema describes the T or null.
func (OrNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// suggesting returns the schema with the pattern of a field, which the handler
// judges, and not the schema.
func suggesting(s *huma.Schema, field, pattern string) *huma.Schema {
	described := *s.Properties[field]
	described.Extensions = map[string]any{"pattern": pattern}
	changed := *s
	changed.Properties = maps.Clone(s.Properties)
	changed.Properties[field] = &described
	return &changed
}

// requiring returns the schema with fields that must be there.
func requiring(s *huma.Schema, fields ...string) *huma.Schema {
	required := *s
	required.Required = append(slices.Clone(s.Required), fields...)
	return &required
}
