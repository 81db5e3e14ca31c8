package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A newcomer finds every package in the design document.
func TestTheDesignNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Glob("../*/*.go")
	if err != nil || len(packages) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	for _, file := range packages {
		name := filepath.Base(filepath.Dir(file))
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/design.md does not name `%s`", name)
		}
	}
}
