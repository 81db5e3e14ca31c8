package benchgen_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A source is a table to be: its name, the set that it is of, and its records.
type source struct {
	set, name string
	records   func() ([]json.RawMessage, error)
}

// modules is where the sets that npm has are installed.
func modules() string {
	if dir := os.Getenv("MILLWRIGHT_NODE_MODULES"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", ".cache", "node", "node_modules")
}

// nvbench is where the tables with questions lie: beside the repository.
func nvbench() string {
	if dir := os.Getenv("MILLWRIGHT_NVBENCH"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "vectors", "nvbench")
}

func fromFile(path string) func() ([]json.RawMessage, error) {
	return func() ([]json.RawMessage, error) {
		body, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		kind := map[string]string{".csv": "text/csv", ".tsv": "text/tab-separated-values", ".json": "application/json"}[filepath.Ext(path)]
		return split(body, kind)
	}
}

// maps are files of vega-datasets that hold shapes to draw, and no table.
func maps() []string {
	return []string{"londonBoroughs", "londonTubeLines", "us-10m", "world-110m", "volcano", "annual-precip"}
}

// vega returns the tables of vega-datasets, of flights only the smaller two.
func vega(t testing.TB) []source {
	dir := filepath.Join(modules(), "vega-datasets", "data")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []source
	for _, f := range files {
		ext := filepath.Ext(f)
		name := strings.TrimSuffix(filepath.Base(f), ext)
		if ext != ".csv" && ext != ".tsv" && ext != ".json" || slices.Contains(maps(), name) || name == "flights-200k" || name == "flights-20k" || name == "flights-10k" {
			continue
		}
		out = append(out, source{"vega", name, fromFile(f)})
	}
	return out
}

// nested returns the tables whose records have objects and lists in them.
func nested(t testing.TB) []source {
	out := []source{
		{"nested", "world-countries", fromFile(filepath.Join(modules(), "world-countries", "countries.json"))},
		{"nested", "crawler-user-agents", fromFile(filepath.Join(modules(), "crawler-user-agents", "crawler-user-agents.json"))},
	}
	text, err := os.ReadFile(filepath.Join(modules(), "@octokit", "webhooks-examples", "api.github.com", "index.json"))
	if os.IsNotExist(err) {
		return out
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err == nil {
		err = json.Unmarshal(text, &events)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if len(e.Examples) >= 5 {
			out = append(out, source{"webhooks", e.Name, func() ([]json.RawMessage, error) { return e.Examples, nil }})
		}
	}
	return out
}

// An asked table is one of nvBench's with what people asked of it.
type asked struct {
	File string   `json:"file"`
	Name string   `json:"name"`
	Rows int      `json:"rows"`
	Cols []string `json:"cols"`
}

// questions reads nvBench's index, in a fixed order; nil if it is not there.
func questions(t testing.TB) ([]string, map[string]asked) {
	text, err := os.ReadFile(filepath.Join(nvbench(), "index.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	tables := map[string]asked{}
	if err == nil {
		err = json.Unmarshal(text, &tables)
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, tables
}

func nvTables(t testing.TB) []source {
	names, tables := questions(t)
	var out []source
	for _, name := range names {
		out = append(out, source{"nvbench", name, fromFile(filepath.Join(nvbench(), tables[name].File))})
	}
	return out
}

// sources returns every table, and says loudly which sets are missing.
func sources(t testing.TB) (all []source, missing []string) {
	for _, set := range []struct {
		what string
		got  []source
		want int
	}{
		{"vega-datasets of npm (run make prepare)", vega(t), 50},
		{"world-countries, crawler-user-agents and @octokit/webhooks-examples of npm (run make prepare)", nested(t), 26},
		{"nvBench's tables with questions (MILLWRIGHT_NVBENCH names their folder)", nvTables(t), 119},
	} {
		all = append(all, set.got...)
		if len(set.got) < set.want {
			missing = append(missing, fmt.Sprintf("%s: %d tables, at least %d expected", set.what, len(set.got), set.want))
		}
	}
	return append(all, hostile()...), missing
}
