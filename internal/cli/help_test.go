package cli_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"millwright/internal/cli"
)

var update = flag.Bool("update", false, "write the help as it is now to testdata/help")

func TestHelpOfEachCommandIsAsReviewed(t *testing.T) {
	seen := map[string]bool{}
	var visit func(*cobra.Command, []string)
	visit = func(cmd *cobra.Command, path []string) {
		name := strings.Join(append([]string{"millwright"}, path...), "-") + ".txt"
		seen[name] = true
		var out bytes.Buffer
		env := cli.Env{Getenv: func(string) string { return "" }, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}
		if code := cli.Run(t.Context(), env, append(path, "--help")); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
		golden := filepath.Join("testdata", "help", name)
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
		}
		for _, sub := range cmd.Commands() {
			visit(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	visit(cli.Command(cli.Env{Getenv: func(string) string { return "" }}), nil)
	stored, err := os.ReadDir(filepath.Join("testdata", "help"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range stored {
		if !seen[f.Name()] {
			t.Errorf("testdata/help/%s is of no command", f.Name())
		}
	}
}

func TestHelpShowsNothingOfTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"connect", "--help"}, {"demo", "--help"}} {
		var out bytes.Buffer
		env := cli.Env{Getenv: func(string) string { return "canary-of-the-environment" }, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}
		if code := cli.Run(t.Context(), env, args); code != 0 || strings.Contains(out.String(), "canary") {
			t.Errorf("%v: exit code %d, and it prints\n%s", args, code, &out)
		}
	}
}
