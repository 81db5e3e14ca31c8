package decode

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// A hoisting lifts the members of one object in a record to its top.
type hoisting struct {
	first []string // members that keep their place and name, before the lifted ones
	lift  string   // the object whose members are lifted
	drop  []string // members that say nothing about the record
}

// hoistings are the record forms that wrap what is wanted.
func hoistings(s Shape) hoisting {
	switch s {
	case GeoJSON:
		// The type is "Feature" in each.
		return hoisting{first: []string{"id", "geometry"}, lift: "properties", drop: []string{"type"}}
	case JSONAPI:
		return hoisting{first: []string{"id", "type"}, lift: "attributes"}
	}
	// A cursor steers paging; the one that counts is in pageInfo.
	return hoisting{lift: "node", drop: []string{"cursor"}}
}

// hoist emits a record with the members of its inner object beside its own. An
// inner member whose name is taken gets the name of the inner object before its
// own: properties_id. Without an inner object the record stays as it is.
func (s *splitter) hoist(raw jsontext.Value, h hoisting) error {
	j := &s.join
	j.begin()
	var inner jsontext.Value
	held := make([]jsontext.Value, len(h.first))
	err := j.each(raw, func(name string, v jsontext.Value) error {
		if name == h.lift {
			inner = v.Clone()
		} else if i := slices.Index(h.first, name); i >= 0 {
			held[i] = v.Clone()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if inner.Kind() != '{' {
		return s.out(raw)
	}
	for i, name := range h.first {
		if held[i] != nil {
			if err := j.put(name, "", held[i]); err != nil {
				return err
			}
		}
	}
	if err := j.spread(inner, h.lift+"_"); err != nil {
		return err
	}
	err = j.each(raw, func(name string, v jsontext.Value) error {
		if name == h.lift || slices.Contains(h.first, name) || slices.Contains(h.drop, name) {
			return nil
		}
		return j.put(name, "record_", v)
	})
	if err != nil {
		return err
	}
	return s.out(j.end())
}

// isFeature reports whether an object is a GeoJSON feature.
func isFeature(m map[string]jsontext.Value) bool {
	_, geometry := m["geometry"]
	return string(m["type"]) == `"Feature"` && geometry && (m["properties"].Kind() == '{' || m["properties"].Kind() == 'n')
}

// isResource reports whether an object is a JSON:API resource.
func isResource(m map[string]jsontext.Value) bool {
	return m["type"].Kind() == '"' && m["attributes"].Kind() == '{' && (m["id"].Kind() == '"' || m["id"].Kind() == '0')
}

// isEdge reports whether an object is a GraphQL edge: a node and hardly more.
func isEdge(m map[string]jsontext.Value) bool {
	_, cursor := m["cursor"]
	return m["node"].Kind() == '{' && (cursor || len(m) == 1)
}
