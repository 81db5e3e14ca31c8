package ask

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"millwright/internal/program"
)

// quotedValue is a value of the data as a question of ours holds it: as Go quotes it.
var quotedValue = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)

// masked returns the questions as a model is told them: with a sign for each value that
// they quote, unless it may be told values.
func (a *Adviser) masked(questions []string) []string {
	if a.Values {
		return questions
	}
	out := slices.Clone(questions)
	for i, q := range out {
		n := 0
		out[i] = quotedValue.ReplaceAllStringFunc(q, func(string) string {
			n++
			return mask(n)
		})
	}
	return out
}

func mask(n int) string { return fmt.Sprintf(`"#%d"`, n) }

// unmasked puts the values of ours in the place of their signs in the model's words.
func (a *Adviser) unmasked(theirs, ours string) string {
	if a.Values {
		return theirs
	}
	values := quotedValue.FindAllString(ours, -1)
	return quotedValue.ReplaceAllStringFunc(theirs, func(sign string) string {
		for i, v := range values {
			if sign == mask(i+1) {
				return v
			}
		}
		return sign
	})
}

// named returns the name of a program as a model is told it: without the values that its
// slots have from the data.
func (a *Adviser) named(p program.Program) string {
	name := p.Name
	for _, s := range p.Slots {
		if v, ok := s.Default.(string); ok && v != "" && !a.Values && (s.Type == program.String || s.Type == program.Enum) {
			name = strings.ReplaceAll(name, v, "…")
		}
	}
	return name
}
