package program_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"millwright/internal/errs"
	"millwright/internal/program"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// Each case is a program with values; want.txt holds the bound SQL and arguments,
// or the error with its pointers.
func TestCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(data)
			got := runCase(t, a)
			if *update {
				setFile(a, "want.txt", got)
				if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(got, file(a, "want.txt")); diff != "" {
				t.Errorf("%s\n(-got +want)\n%s", a.Comment, diff)
			}
		})
	}
}

func runCase(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	slots, err := program.ParseSlots([]byte(file(a, "slots.json")))
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	d := json.NewDecoder(strings.NewReader(file(a, "values.json")))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		t.Fatal(err)
	}
	b, err := program.Bind(program.Program{SQL: file(a, "program.sql"), Slots: slots}, values)
	if err != nil {
		return describe(t, err)
	}
	args, err := json.MarshalIndent(b.Args, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b.SQL + "\n" + string(args) + "\n"
}

func describe(t *testing.T, err error) string {
	t.Helper()
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Invalid {
		t.Fatalf("error %v is not classified as invalid", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s: %s\n", e.Type, e.Msg)
	for _, fix := range e.Fixes {
		fmt.Fprintf(&out, "fix: %s\n", fix)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&out, "at %s %s\n", f.Pointer, f.Msg)
	}
	return out.String()
}

func file(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setFile(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}
