package benchgen_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"millwright/internal/engine"
)

// heldout compares the roles of tables that no rule was ever tried on with what a
// person called them; ok is false if the tables are not there.
func heldout(t *testing.T, e engine.Engine) (y tally, ok bool) {
	labels := readLabels(t, filepath.Join("heldout", "roles.tsv"))
	dir := t.TempDir()
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join("..", "..", ".cache", "heldout", name+".csv")
		if _, err := os.Stat(path); err != nil {
			t.Logf("SKIPPED: held-out tables (run make prepare): %s is missing", name)
			return tally{}, false
		}
		records, err := fromFile(path)()
		if err != nil {
			t.Fatal(err)
		}
		w, err := load(t.Context(), e, dir, name, records)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, c := range w.profile.Columns {
			if l, ok := labels[name][c.Name]; ok {
				y.add(name, l, c)
				found[c.Name] = true
			}
		}
		for column := range labels[name] {
			if !found[column] {
				t.Errorf("%s has no column %q that is labelled", name, column)
			}
		}
	}
	return y, true
}
