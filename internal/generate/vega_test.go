package generate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright/internal/generate/template"
)

const vegaChecker = `
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
v = jsonschema.Draft7Validator(schema)
for i, spec in enumerate(json.load(sys.stdin)):
    if not v.is_valid(spec):
        e = jsonschema.exceptions.best_match(v.iter_errors(spec))
        print(i, (str(e.message) + " at " + e.json_path).replace("\n", " ")[:300])
`

func TestChartsAreValidVegaLite(t *testing.T) {
	python := filepath.Join("..", "..", ".cache", "venv", "bin", "python")
	schema := filepath.Join("..", "..", ".cache", "node", "node_modules", "vega-lite", "build", "vega-lite-schema.json")
	if _, err := os.Stat(schema); err != nil || exec.CommandContext(t.Context(), python, "-c", "import jsonschema").Run() != nil {
		fmt.Fprintln(os.Stderr, "SKIPPED: charts are not checked: vega-lite's schema or jsonschema is missing; run .ci/prepare")
		t.Skip("vega-lite's schema or jsonschema is missing")
	}
	w := load(t, open(t), "orders", records(t, 600, orders))
	s := template.NewSource(w.profile, template.DuckDB())
	for _, r := range s.Measures[:min(2, len(s.Measures))] {
		s.Related = append(s.Related, template.Relation{X: r, Y: s.Measures[len(s.Measures)-1], R: .5, N: 600})
	}
	var specs []map[string]any
	var names []string
	for _, tpl := range template.All() {
		for _, c := range tpl.Make(s) {
			if c.Program.Chart == nil {
				t.Errorf("%s suggests no chart", tpl.ID)
				continue
			}
			if spec := c.Program.Chart.Spec; spec != nil {
				whole := map[string]any{"data": map[string]any{"values": []any{}}}
				for k, v := range spec {
					whole[k] = v
				}
				specs, names = append(specs, whole), append(names, tpl.ID)
			}
		}
	}
	// The checker must be able to find something.
	specs, names = append(specs, map[string]any{"mark": "spaceship"}), append(names, "broken")
	input, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", vegaChecker, schema)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := false
	for line := range strings.Lines(string(out)) {
		var i int
		_, _ = fmt.Sscan(line, &i)
		if names[i] == "broken" {
			found = true
			continue
		}
		text, _ := json.Marshal(specs[i])
		t.Errorf("%s: %s\n%s", names[i], line, text)
	}
	if !found {
		t.Errorf("the checker accepts anything: %s", out)
	}
	t.Logf("%d charts are valid", len(specs)-1)
}
