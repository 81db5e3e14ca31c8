package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSchemathesis lets Schemathesis make requests from the served document, good
// ones and bad ones, and compare what comes back with what the document says. Seeds
// are fixed: 1, 2, … until the time is over. MILLWRIGHT_SCHEMATHESIS says how long
// to go on (10m); without it, it is one short pass.
func TestSchemathesis(t *testing.T) {
	st, err := filepath.Abs("../../.cache/schemathesis/bin/schemathesis")
	if err != nil {
		t.Fatal(err)
	}
	need(t, st, "make prepare installs it")
	budget := 60 * time.Second
	if text := os.Getenv("MILLWRIGHT_SCHEMATHESIS"); text != "" {
		if budget, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	g := openGallery(t)
	config, err := filepath.Abs("testdata/schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	document := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(document, g.illustrated(), 0o600); err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(budget)
	for seed := 1; time.Until(ends) > budget/4; seed++ {
		report := filepath.Join(dir, "report-"+strconv.Itoa(seed)+".json")
		ctx, cancel := context.WithTimeout(t.Context(), budget+2*time.Minute)
		cmd := exec.CommandContext(ctx, st, "--config-file", config, "run", document, "--url", g.url, "--header", "Authorization: Bearer "+testKey,
			"--seed", strconv.Itoa(seed), "--max-time", strconv.Itoa(max(1, int(time.Until(ends).Seconds()))), "--report-json-path", report, "--no-color")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH="+filepath.Dir(config), "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		out, err := cmd.CombinedOutput()
		cancel()
		t.Logf("seed %d:\n%s", seed, tail(out, 4000))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, out)
		}
	}
	for _, line := range strings.Split(g.log.String(), "\n") {
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("the server logged: %s", line)
		}
	}
}

func tail(text []byte, most int) []byte { return text[max(0, len(text)-most):] }

// illustrated returns the served document with the things of the gallery in the
// places of what stands for them in its examples.
func (g *gallery) illustrated() []byte {
	g.t.Helper()
	var doc map[string]any
	g.call("GET", "/openapi.json", nil, &doc)
	for path, methods := range doc["paths"].(map[string]any) {
		for method, op := range methods.(map[string]any) {
			text, err := json.Marshal(op)
			if err != nil {
				g.t.Fatal(err)
			}
			text = []byte(strings.ReplaceAll(fill(string(text), g.thingsFor(strings.ToUpper(method)+" "+path)), exampleSource, g.upstream))
			methods.(map[string]any)[method] = json.RawMessage(text)
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		g.t.Fatal(err)
	}
	return bytes.TrimSpace(text)
}
