package generate_test

import (
	"fmt"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/program"
)

// tryAll runs every program with its defaults and with every value that each
// slot may take, one slot at a time, and returns what failed.
func tryAll(t *testing.T, w *world, out generate.Outcome) []string {
	t.Helper()
	var failed []string
	for _, p := range out.Programs {
		for _, values := range settings(p) {
			if _, err := w.with(t.Context(), p, values); err != nil {
				failed = append(failed, fmt.Sprintf("%s with %v: %v", p.Template, values, err))
			}
		}
	}
	return failed
}

func settings(p program.Program) []map[string]any {
	all := []map[string]any{{}}
	for _, s := range p.Slots {
		for _, v := range s.Values {
			all = append(all, map[string]any{s.Name: v})
		}
		if s.Min != nil {
			all = append(all, map[string]any{s.Name: *s.Min})
		}
		if s.Max != nil {
			all = append(all, map[string]any{s.Name: *s.Max})
		}
		switch {
		case s.Type == program.Timestamp:
			all = append(all, map[string]any{s.Name: "2024-06-01"}, map[string]any{s.Name: "2024-06-01T10:00:00Z"})
		case s.Type == program.Number && s.Default == nil:
			all = append(all, map[string]any{s.Name: 12.5})
		case (s.Type == program.String || s.Type == program.Enum) && len(s.Values) == 0:
			all = append(all, map[string]any{s.Name: "no such value"}, map[string]any{s.Name: "'\"{{x}}$y"})
		}
		if s.Optional() {
			all = append(all, map[string]any{s.Name: nil})
		}
	}
	return all
}
