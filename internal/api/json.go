package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
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

// Texts are a list of texts; some clients send the list as JSON in a text, or one
// text alone.
type Texts json.RawMessage

// UnmarshalJSON keeps the text.
func (t *Texts) UnmarshalJSON(text []byte) error { return (*json.RawMessage)(t).UnmarshalJSON(text) }

// MarshalJSON returns the text.
func (t Texts) MarshalJSON() ([]byte, error) { return json.RawMessage(t).MarshalJSON() }

// Schema describes a list of texts, or a text.
func (Texts) Schema(huma.Registry) *huma.Schema {
	most := maxTexts
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, MaxItems: &most}, {Type: huma.TypeString}}}
}

const maxTexts = 100

// list returns the texts; nil if nothing was said.
func (t Texts) list(pointer string) (*[]string, error) {
	if len(t) == 0 || string(t) == "null" {
		return nil, nil
	}
	list, inText := []string{}, ""
	switch {
	case json.Unmarshal(t, &list) == nil:
	case json.Unmarshal(t, &inText) != nil:
		return nil, errs.New(errs.Invalid, "this is not a list of texts").Named("list-invalid").At(pointer).Fix(`send a list such as ["sales"]`)
	case inText != "" && json.Unmarshal([]byte(inText), &list) != nil:
		list = []string{inText}
	}
	if len(list) > maxTexts {
		return nil, errs.New(errs.Invalid, "there are more than %d texts", maxTexts).Named("list-invalid").At(pointer).Fix("send fewer")
	}
	return &list, nil
}
