package decode

import (
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"millwright/internal/errs"
)

// A step goes from a value to one in it: to a member by name, to an element by
// index, or (wild) to each element or member.
type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind byte

const (
	byName stepKind = iota
	byIndex
	byAll
)

// A Path selects the values that become rows. The zero Path selects the whole
// document.
//
// Names, indexes and one [*] are followed while the document streams by; any
// other RFC 9535 JSONPath needs the whole document in memory.
type Path struct {
	text  string
	steps []step         // used when query is nil
	query *jsonpath.Path // set when the path cannot be followed while streaming
}

// String returns the path as it was written; "$" for the whole document.
func (p Path) String() string {
	if p.text == "" {
		return "$"
	}
	return p.text
}

// Plain reports whether the path leads by names to one value, so that its
// elements can be counted against a total that the source names.
func (p Path) Plain() bool {
	for _, s := range p.steps {
		if s.kind != byName {
			return false
		}
	}
	return p.query == nil
}

// ParsePath reads a dotted path ("data.items", "data[0]", `"odd.key".x`) or an
// RFC 9535 JSONPath ("$.data[*].attrs"). Keys with dots are quoted.
func ParsePath(text string) (Path, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "$" {
		return Path{}, nil
	}
	if strings.HasPrefix(text, "$") {
		query, err := jsonpath.Parse(text)
		if err != nil {
			return Path{}, badPath(text, strings.TrimPrefix(err.Error(), jsonpath.ErrPathParse.Error()+": "))
		}
		if steps, ok := simpleSteps(text[1:]); ok {
			return Path{text: text, steps: steps}, nil
		}
		if deep := strings.Count(text, ".."); deep > 2 {
			return Path{}, badPath(text, "it descends with .. more than twice, which can take forever")
		}
		return Path{text: text, query: query}, nil
	}
	steps, ok := simpleSteps("." + text)
	if !ok {
		return Path{}, badPath(text, "it is neither keys joined by dots nor a JSONPath that begins with $")
	}
	return Path{text: text, steps: steps}, nil
}

func badPath(text, why string) error {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return errs.New(errs.Invalid, "the response path %q cannot be read: %s", text, why).Named("path-invalid").
		Fix(`write keys joined by dots, such as data.items`, `quote keys that hold dots: "odd.key".items`, `or use a JSONPath, such as $.data[*].attributes`)
}

// simpleSteps reads .name, ."quoted", [0], ["name"], ['name'] and [*]. It reports
// false for everything else, and for a second wildcard.
func simpleSteps(text string) ([]step, bool) {
	var steps []step
	wild := false
	for text != "" {
		var s step
		var ok bool
		switch {
		case strings.HasPrefix(text, ".["): // after the dot that ParsePath adds
			s, text, ok = bracketStep(text[1:])
		case text[0] == '[':
			s, text, ok = bracketStep(text)
		case text[0] == '.':
			s, text, ok = dotStep(text[1:])
		}
		if !ok || s.kind == byAll && wild {
			return nil, false
		}
		wild = wild || s.kind == byAll
		steps = append(steps, s)
	}
	return steps, true
}

func dotStep(text string) (step, string, bool) {
	if text == "" {
		return step{}, "", false
	}
	if text[0] == '"' || text[0] == '\'' {
		name, rest, ok := quoted(text)
		return step{name: name}, rest, ok
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	switch {
	case name == "*":
		return step{kind: byAll}, text[end:], true
	case name == "" || strings.ContainsAny(name, `"'()?,]`) || strings.TrimSpace(name) != name:
		return step{}, "", false
	}
	return step{name: name}, text[end:], true
}

func bracketStep(text string) (step, string, bool) {
	inner := text[1:]
	if strings.HasPrefix(inner, `"`) || strings.HasPrefix(inner, "'") {
		name, rest, ok := quoted(inner)
		if !ok || !strings.HasPrefix(rest, "]") {
			return step{}, "", false
		}
		return step{name: name}, rest[1:], true
	}
	end := strings.IndexByte(inner, ']')
	if end < 0 {
		return step{}, "", false
	}
	rest := inner[end+1:]
	if inner[:end] == "*" {
		return step{kind: byAll}, rest, true
	}
	n, err := strconv.Atoi(inner[:end])
	// "007" and "-1" are left to the JSONPath parser, which has rules for them.
	if err != nil || n < 0 || strconv.Itoa(n) != inner[:end] {
		return step{}, "", false
	}
	return step{index: n, kind: byIndex}, rest, true
}

// quoted reads a quoted name without escapes other than \\ and the quote.
// Names with other escapes are left to the JSONPath parser.
func quoted(text string) (name, rest string, ok bool) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), text[i+1:], true
		case c < 0x20:
			return "", "", false
		case c == '\\':
			if i+1 >= len(text) || text[i+1] != '\\' && text[i+1] != quote {
				return "", "", false
			}
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// dotted writes names as a path that ParsePath reads back.
func dotted(names []string) string {
	if len(names) == 0 {
		return "$"
	}
	parts := make([]string, len(names))
	for i, n := range names {
		if strings.ContainsFunc(n, func(r rune) bool { return r < 0x20 }) {
			return spec.Normalized(normal(names)...).String()
		}
		if n == "" || n == "*" || n[0] == '$' || strings.ContainsAny(n, `."'[]()?@,\ `+"\t\r\n") || strings.TrimSpace(n) != n {
			n = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(n) + `"`
		}
		parts[i] = n
	}
	return strings.Join(parts, ".")
}

func normal(names []string) []spec.NormalSelector {
	out := make([]spec.NormalSelector, len(names))
	for i, n := range names {
		out[i] = spec.Name(n)
	}
	return out
}
