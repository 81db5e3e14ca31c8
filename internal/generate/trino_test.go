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
	"millwright/internal/program"
)

// parsed is what the checker says of the statements it cannot parse.
const trinoChecker = `
import json, sys
import sqlglot
for i, sql in enumerate(json.load(sys.stdin)):
    try:
        found = sqlglot.parse(sql, read="trino", error_level=sqlglot.ErrorLevel.RAISE)
        if len(found) != 1:
            print(i, "is not one statement")
    except Exception as e:
        print(i, str(e).replace("\n", " ")[:300])
`

// positional writes the values of a bound statement as Trino does.
func positional(t *testing.T, sql string) string {
	t.Helper()
	tokens, err := program.Tokens(sql)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	at := 0
	for _, tok := range tokens {
		if tok.Kind == program.Param {
			b.WriteString(sql[at:tok.Pos] + "?")
			at = tok.End
		}
	}
	return b.String() + sql[at:]
}

// parser returns the Python that parses Trino's SQL; without it the test is skipped.
func parser(t *testing.T) string {
	t.Helper()
	python := filepath.Join("..", "..", ".cache", "venv", "bin", "python")
	if err := exec.CommandContext(t.Context(), python, "-c", "import sqlglot").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "SKIPPED: Trino's SQL is not parsed: sqlglot is missing; run .ci/prepare")
		t.Skip("sqlglot is missing")
	}
	return python
}

// onlyTrino fails for what only DuckDB knows.
func onlyTrino(t *testing.T, id, sql string) {
	t.Helper()
	for _, word := range []string{"quantile_cont(", "list_contains(", "list_distinct(", " len(", "isodow(", "epoch_us(", "to_days(", "generate_series(", "map_entries(", "json_extract_string(", "VARCHAR[]", "::"} {
		if strings.Contains(sql, word) {
			t.Errorf("%s: %s is DuckDB's own:\n%s", id, word, sql)
		}
	}
}

// parse fails for the statements that are none in Trino's SQL.
func parse(t *testing.T, python string, names, all []string) {
	t.Helper()
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", trinoChecker)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var i int
		_, _ = fmt.Sscan(line, &i)
		t.Errorf("%s does not parse: %s\n%s", names[i], line, all[i])
	}
}

func TestEveryTemplateIsTrinoToo(t *testing.T) {
	python := parser(t)
	w := load(t, open(t), "orders", records(t, 600, orders))
	s := template.NewSource(w.profile, template.Trino())
	for _, r := range s.Measures[:min(2, len(s.Measures))] {
		s.Related = append(s.Related, template.Relation{X: r, Y: s.Measures[len(s.Measures)-1], R: .5, N: 600})
	}
	var all, names []string
	made := map[string]bool{}
	for _, tpl := range template.All() {
		for _, c := range tpl.Make(s) {
			if c.Program.Dialect != "trino" {
				t.Errorf("%s says it is %s", tpl.ID, c.Program.Dialect)
			}
			bound, err := program.Bind(c.Program, nil)
			if err != nil {
				t.Errorf("%s: %v", tpl.ID, err)
				continue
			}
			onlyTrino(t, tpl.ID, bound.SQL)
			all, names = append(all, positional(t, bound.SQL)), append(names, tpl.ID)
			made[tpl.ID] = true
		}
	}
	parse(t, python, names, all)
	t.Logf("%d statements of %d templates parse as Trino", len(all), len(made))
	if len(made) < 40 {
		t.Errorf("only %d templates were tried", len(made))
	}
}
