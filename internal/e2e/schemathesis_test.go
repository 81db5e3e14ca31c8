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

// schemathesisTime is how long a run takes: MILLWRIGHT_SCHEMATHESIS (10m), or else a
// short time.
func schemathesisTime(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("MILLWRIGHT_SCHEMATHESIS")
	if text == "" {
		return short
	}
	long, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return long
}

// TestSchemathesis lets Schemathesis make requests from the served document, good
// ones and bad ones, and compare what comes back with what the document says. Seeds
// are fixed: 1, 2, … until the time is over.
func TestSchemathesis(t *testing.T) {
	budget := schemathesisTime(t, time.Minute)
	g := openGallery(t)
	g.schemathesis(g.illustrated(), g.url, budget)
}

// TestSchemathesisOfAPublishedAPI does the same with the API of what was generated
// for the sample shop.
func TestSchemathesisOfAPublishedAPI(t *testing.T) {
	budget := schemathesisTime(t, 80*time.Second) / 4
	g := openGallery(t)
	path := g.publishAll()
	status, document := g.raw("GET", path+"/openapi.json", nil)
	if status != 200 {
		t.Fatalf("%d %s", status, document)
	}
	// Requests may fit the schema and not the program: a moment that is finer than a
	// microsecond. POST stands in for GET, for older clients; the document speaks of
	// the one way only. The phase of coverage sends null without asking the hooks.
	g.schemathesis(document, g.url+path, budget, "--phases", "examples,fuzzing",
		"--exclude-checks", "positive_data_acceptance,unsupported_method,allow_header_conformance")
}

// schemathesis runs Schemathesis with a document against the address for so long. It
// fails if that finds something, or if the server logs an error.
func (g *gallery) schemathesis(document []byte, address string, budget time.Duration, more ...string) {
	t := g.t
	t.Helper()
	st, err := filepath.Abs("../../.cache/schemathesis/bin/schemathesis")
	if err != nil {
		t.Fatal(err)
	}
	need(t, st, "make prepare installs it")
	config, err := filepath.Abs("testdata/schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(budget)
	for seed := 1; seed == 1 || time.Until(ends) > budget/4; seed++ {
		ctx, cancel := context.WithTimeout(t.Context(), budget+5*time.Minute)
		cmd := exec.CommandContext(ctx, st, "--config-file", config, "run", file, "--url", address, "--header", "Authorization: Bearer "+testKey,
			"--seed", strconv.Itoa(seed), "--max-time", strconv.Itoa(max(1, int(time.Until(ends).Seconds()))), "--no-color")
		cmd.Args = append(cmd.Args, more...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH="+filepath.Dir(config), "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		out, err := cmd.CombinedOutput()
		cancel()
		if t.Logf("seed %d:\n%s", seed, tail(out, 2000)); err != nil {
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
