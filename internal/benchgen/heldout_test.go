package benchgen_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millwright/internal/engine"
)

// heldout compares the roles of tables that no rule was tried on, when they were
// labelled, with what a person called them; ok is false if the tables are not there.
func heldout(t *testing.T, e engine.Engine, file string) (y tally, ok bool) {
	labels := readLabels(t, filepath.Join("heldout", file))
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

// heldLines prints what differs in the held-out tables and returns their lines: those of
// the first set, whose labels rules have been changed after, and of the second.
func heldLines(t *testing.T) (lines []figure) {
	for _, set := range []struct{ id, file string }{{"M7h", "roles.tsv"}, {"M7i", "roles2.tsv"}} {
		if y, ok := heldout(t, open(t), set.file); ok {
			fmt.Printf("\nroles of held-out tables, %s (%d):\n  %s\n", set.id, len(y.wrong), strings.Join(y.wrong, "\n  "))
			lines = append(lines, heldFigures(set.id, y)...)
		}
	}
	return lines
}

// heldFigures are the lines about tables that no rule was tried on when they were labelled.
func heldFigures(id string, y tally) []figure {
	what := map[string]string{"M7h": "first held-out set", "M7i": "second held-out set"}[id]
	f1, roles := y.macroF1()
	right, labels := y.labels()
	recall := share(y.unsummable-y.summed, y.unsummable)
	return []figure{
		{id, what + ": macro-F1", fmt.Sprintf("%.3f over %d roles; %d of %d columns agree; %d of %d subtypes", f1, roles, right, labels, y.agree, y.subtypes), ">= .90", f1 >= .90, false},
		{id, what + ": recall of \"not summable\"", fmt.Sprintf("%.3f (%d of %d)", recall, y.unsummable-y.summed, y.unsummable), ">= .98", recall >= .98, false},
	}
}
