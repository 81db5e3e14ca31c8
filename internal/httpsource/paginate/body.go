package paginate

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// place is where parameters go when the answer does not say: with a JSON body
// that is where the others stand.
func (a Answer) place() string {
	if len(a.Body) > 0 {
		return "body"
	}
	return ""
}

// bodyFields lists the scalars of a request's JSON body, up to three levels deep.
func bodyFields(body []byte) []Field {
	var out []Field
	var walk func(value jsontext.Value, path string, depth int)
	walk = func(value jsontext.Value, path string, depth int) {
		for name, v := range members(value) {
			at := strings.TrimPrefix(path+"."+name, ".")
			switch {
			// A path is keys joined by dots: a key with a dot has none.
			case strings.Contains(name, "."):
			case v.Kind() == '{' && depth < 3:
				walk(v, at, depth+1)
			case v.Kind() != '{' && v.Kind() != '[':
				out = append(out, Field{Path: at, Raw: v})
			}
		}
	}
	walk(body, "", 1)
	return out
}

// proposeGraphQL reads the connections of the Relay specification: pageInfo with
// hasNextPage and endCursor, whose cursor goes into a variable of the query.
func proposeGraphQL(a Answer) []Finding {
	raw, ok := one(a.Body, "query")
	if !ok || raw.Kind() != '"' {
		return nil
	}
	query := text(raw)
	for _, f := range a.Fields {
		list, ok := strings.CutSuffix(f.Path, "pageInfo.endCursor")
		if !ok || f.Raw[0] != '"' {
			continue
		}
		variable := cursorVariable(query)
		if variable == "" {
			return nil
		}
		return []Finding{{Setting: Setting{Kind: Cursor, Path: f.Path, Param: "variables." + variable, In: "body", HasMore: list + "pageInfo.hasNextPage"},
			Evidence: "the answer has a cursor at " + f.Path + ", and the query takes one as $" + variable}}
	}
	return nil
}

// cursorVariable returns the variable that a GraphQL query gives to "after".
func cursorVariable(query string) string {
	for rest := query; ; {
		i := strings.Index(rest, "after")
		if i < 0 {
			return ""
		}
		before := i == 0 || !isNameByte(rest[i-1])
		rest = rest[i+len("after"):]
		value, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), ":")
		if !before || !ok {
			continue
		}
		name, ok := strings.CutPrefix(strings.TrimLeft(value, " \t\r\n"), "$")
		if !ok {
			continue
		}
		end := 0
		for end < len(name) && isNameByte(name[end]) {
			end++
		}
		return name[:end]
	}
}

func isNameByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Bounded reports whether the answer says where numbered pages end.
func Bounded(s Setting, a Answer) bool {
	if s.Kind == Page {
		if _, ok := a.totalPages(s.TotalPages); ok {
			return true
		}
	}
	_, _, ok := Total(a)
	return ok && s.Kind.Numbered()
}
