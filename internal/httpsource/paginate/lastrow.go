package paginate

import (
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// NoLastRow is the Done of a page with records of which the last has nothing to go
// on from: there may be more.
const NoLastRow = "no-last-row"

// lastRowStyle sends back a value of the last record that came.
type lastRowStyle struct{ Setting }

func (s lastRowStyle) Next(a Answer) Step {
	if more, known := a.more(s.HasMore); known && !more {
		return Step{Done: "has-more-false", Sure: true}
	}
	if step, done := a.counted(); done {
		return step
	}
	raw, there := member(a.Last, s.Path)
	value := text(raw)
	if !there || value == "" || raw[0] == '{' || raw[0] == '[' {
		return Step{Done: NoLastRow}
	}
	step := Step{Param: s.Param, Value: value, In: s.In, Text: raw[0] == '"'}
	if name, size, _, ok := First(s.Setting); ok {
		step.SizeParam, step.Size = name, size
	}
	return step
}

// member returns the value in a JSON object at keys joined by dots.
func member(object []byte, path string) (jsontext.Value, bool) {
	value := jsontext.Value(object)
	for path != "" {
		var key string
		key, path, _ = strings.Cut(path, ".")
		var ok bool
		if value, ok = one(value, key); !ok {
			return nil, false
		}
	}
	return value, len(value) > 0
}

func one(object jsontext.Value, key string) (jsontext.Value, bool) {
	for name, v := range members(object) {
		if name == key {
			return v, true
		}
	}
	return nil, false
}

// members ranges over an object; over nothing if value is none.
func members(value jsontext.Value) func(func(string, jsontext.Value) bool) {
	return func(yield func(string, jsontext.Value) bool) {
		if value.Kind() != '{' {
			return
		}
		dec := jsontext.NewDecoder(strings.NewReader(string(value)))
		if _, err := dec.ReadToken(); err != nil {
			return
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return
			}
			key := name.String()
			v, err := dec.ReadValue()
			if err != nil || !yield(key, v.Clone()) {
				return
			}
		}
	}
}

// proposeLastRow is for a source that says that there is more and names no way to
// it: such sources go on behind the last record. The parameter is a guess, checked
// by fetching the second page.
func proposeLastRow(a Answer) []Finding {
	more, known := a.More()
	names := []string{"starting_after", "after", "after_id", "last_id", "since_id", "start_after"}
	have, in := given(a, names)
	if (!known || !more) && have == "" {
		return nil
	}
	path := ""
	for _, key := range []string{"id", "_id", "uuid", "ID", "Id", "key"} {
		if raw, ok := member(a.Last, key); ok && (raw.Kind() == '"' || raw.Kind() == '0') {
			path = key
			break
		}
	}
	if path == "" {
		return nil
	}
	if have != "" {
		return []Finding{{Setting: Setting{Kind: LastRow, Path: path, Param: have, In: in}, Evidence: "the request has " + have + ", which takes the " + path + " of the last record"}}
	}
	var out []Finding
	for _, name := range names[:4] {
		out = append(out, Finding{Setting: Setting{Kind: LastRow, Path: path, Param: name, In: a.place()},
			Evidence: "the answer says that there is more and gives no token; the " + path + " of the last record goes back as " + name})
	}
	return out
}

// given returns which of the names the request has already, spelled as there, and
// whether it stands in the query or in the body.
func given(a Answer, names []string) (name, in string) {
	var found []string
	for key := range queryOf(a.URL) {
		if slices.ContainsFunc(names, func(n string) bool { return plain(n) == plain(key) }) {
			found = append(found, key)
		}
	}
	if len(found) > 0 {
		return slices.Min(found), ""
	}
	for _, f := range bodyFields(a.Body) {
		if slices.ContainsFunc(names, func(n string) bool { return plain(n) == plain(lastKey(f.Path)) }) {
			return f.Path, "body"
		}
	}
	return "", ""
}

func queryOf(u *url.URL) url.Values {
	if u == nil {
		return nil
	}
	return u.Query()
}
