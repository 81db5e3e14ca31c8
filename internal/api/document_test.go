package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata")

// A document is what these tests read of the OpenAPI document.
type document struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Version string }
	Paths   map[string]map[string]operation

	Components struct {
		Schemas   map[string]schema
		Responses map[string]response
	}
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Example               json.RawMessage
	}
	RequestBody *struct {
		Content map[string]struct {
			Schema  schema
			Example json.RawMessage
		}
	} `json:"requestBody"`
	Responses map[string]response
}

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]struct{ Schema *schema }
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Description string
	Properties  map[string]schema
}

func documentText(t *testing.T) []byte {
	t.Helper()
	var log bytes.Buffer
	w := send(bare(&log), "GET", "/openapi.json", "")
	if w.Code != 200 {
		t.Fatalf("/openapi.json: %d", w.Code)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	return indented.Bytes()
}

func parse(t *testing.T, text []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// each calls do with every operation and its name: "GET /v1/projects".
func (d document) each(do func(name string, op operation)) {
	for path, methods := range d.Paths {
		for method, op := range methods {
			do(strings.ToUpper(method)+" "+path, op)
		}
	}
}

func (d document) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Components.Schemas[name]
	}
	return s
}

func TestAChangedDocumentHasAnotherVersion(t *testing.T) {
	t.Parallel()
	const golden = "testdata/openapi.json"
	got := documentText(t)
	want, err := os.ReadFile(golden)
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	if len(want) > 0 && parse(t, got).Info.Version == parse(t, want).Info.Version {
		t.Fatalf("the API's document changed and its version did not: raise api.Version, then run with -update (-was +is):\n%s",
			cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
	}
	if !*update {
		t.Fatalf("the API's document and version changed: look at the difference and run with -update")
	}
	if err := os.WriteFile(golden, got, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	d := parse(t, documentText(t))
	if d.OpenAPI != "3.1.0" || len(d.Paths) < 50 {
		t.Fatalf("OpenAPI %s with %d paths", d.OpenAPI, len(d.Paths))
	}
	ids := map[string]string{}
	d.each(func(name string, op operation) {
		if len(op.Tags) == 0 || op.Summary == "" || op.OperationID == "" {
			t.Errorf("%s: no tag, summary or id", name)
		}
		if other, taken := ids[op.OperationID]; taken {
			t.Errorf("%s and %s have the same id", name, other)
		}
		ids[op.OperationID] = name
		isOpen := strings.HasSuffix(name, "/healthz") || strings.HasSuffix(name, "/readyz") || strings.HasSuffix(name, "/v1/authentication/session")
		if isOpen != (len(op.Security) == 0) {
			t.Errorf("%s: security is %v", name, op.Security)
		}
		for _, problem := range d.undescribed(op) {
			t.Errorf("%s: %s", name, problem)
		}
	})
}

// isIllustrated reports whether a body has an example in one of its forms.
func (op operation) isIllustrated() bool {
	for _, content := range op.RequestBody.Content {
		if len(content.Example) > 0 {
			return true
		}
	}
	return false
}

// undescribed says what is missing in the operation's description.
func (d document) undescribed(op operation) (missing []string) {
	for _, p := range op.Parameters {
		if p.Description == "" {
			missing = append(missing, fmt.Sprintf("parameter %s has no description", p.Name))
		}
		if p.Required && len(p.Example) == 0 {
			missing = append(missing, fmt.Sprintf("parameter %s has no example; add one to examples or placeholders", p.Name))
		}
	}
	if op.RequestBody != nil {
		if !op.isIllustrated() {
			missing = append(missing, "the body has no example; add one to examples")
		}
		body := d.resolve(op.RequestBody.Content["application/json"].Schema)
		for name, field := range body.Properties {
			if field.Description == "" {
				missing = append(missing, fmt.Sprintf("field %s has no description", name))
			}
		}
	}
	success := op.Responses["200"]
	if len(success.Content) == 0 || success.Description == "" {
		missing = append(missing, "the answer has no content")
	}
	for contentType, content := range success.Content {
		if content.Schema == nil && strings.Contains(contentType, "json") && len(success.Content) == 1 {
			missing = append(missing, "the answer has no schema")
		}
	}
	refusals := 0
	for status, response := range op.Responses {
		if status[0] == '2' || status[0] == '3' {
			continue
		}
		refusals++
		if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
			response = d.Components.Responses[name]
		}
		if s := response.Content["application/problem+json"].Schema; s == nil || s.Ref != "#/components/schemas/Problem" {
			missing = append(missing, "refusal "+status+" is no problem document")
		}
	}
	if _, ok := op.Responses["default"]; !ok || refusals < 2 {
		missing = append(missing, "refusals are missing")
	}
	return missing
}

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(python, "-c", "import openapi_spec_validator").Run() != nil {
		t.Skip("SKIPPED: openapi-spec-validator is missing; make prepare installs it")
	}
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, documentText(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "-m", "openapi_spec_validator", path).CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Error("the document is not valid")
	}
}
