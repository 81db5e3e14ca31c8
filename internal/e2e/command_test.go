package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the tests look into the metadata without our code
)

// An outcome is how a command of the binary ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// mw runs the binary with the arguments.
func mw(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

type checkResult struct {
	Check, State, What, Why string
	Fixes, Items            []string
	Count                   int
}

type examination struct {
	Healthy, Served bool
	Objects         int
	Findings        []checkResult
}

// examine runs the doctor and returns its exit code and its report.
func examine(t *testing.T, data string) (int, examination) {
	t.Helper()
	got := mw(t, "doctor", "--json", "--data", data)
	var e examination
	if err := json.Unmarshal([]byte(got.stdout), &e); err != nil {
		t.Fatalf("exit %d: %v\n%s\n%s", got.code, err, got.stdout, got.stderr)
	}
	return got.code, e
}

// healthy fails the test unless the doctor finds nothing broken.
func healthy(t *testing.T, data string) examination {
	t.Helper()
	code, e := examine(t, data)
	if code != 0 || !e.Healthy {
		t.Errorf("the doctor is not content (exit %d): %+v", code, e.broken())
	}
	return e
}

func (e examination) broken() (all []checkResult) {
	for _, f := range e.Findings {
		if f.State == "problem" {
			all = append(all, f)
		}
	}
	return all
}

// openMeta opens the metadata of a stopped server.
func openMeta(t *testing.T, data string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// stored returns the paths of the stored files with that ending.
func stored(t *testing.T, data, ending string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(data, "objects"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ending) {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// flip changes one bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies a folder, modes included.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

func decode(r io.Reader, out any) error { return json.NewDecoder(r).Decode(out) }

func sha(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }
