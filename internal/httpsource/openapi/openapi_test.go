package openapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/openapi"
)

var update = flag.Bool("update", false, "write what the documents give into testdata")

// describe writes a document's candidates for a person to review.
func describe(t *testing.T, d openapi.Document) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s (OpenAPI %s)\n", d.Title, d.Version)
	for _, c := range d.Candidates {
		fmt.Fprintf(&b, "\n%s [%d] %s\n", c.Name, c.Score, c.Summary)
		sealed, err := c.Spec.Sealed()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  spec %s\n", sealed)
		if c.ResponsePath != "" {
			fmt.Fprintf(&b, "  path %s\n", c.ResponsePath)
		}
		if paging, err := json.Marshal(c.Pagination); err == nil && c.Pagination.Kind != "" {
			fmt.Fprintf(&b, "  paging %s\n", paging)
		}
		for _, h := range c.Required {
			fmt.Fprintf(&b, "  fill in %s %s at %s: %q %q\n", h.In, h.Name, h.Pointer, h.Description, h.Example)
		}
		for _, e := range c.Evidence {
			fmt.Fprintf(&b, "  - %s\n", e)
		}
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "\nnote: %s", n)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func documents(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 8 {
		t.Fatalf("%d documents: %v", len(names), err)
	}
	return names
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			d, err := openapi.Parse(section(a, "document"), strings.TrimSpace(string(section(a, "from"))))
			if err != nil {
				t.Fatalf("error %v", err)
			}
			got := describe(t, d)
			if *update {
				a.Files[len(a.Files)-1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(got, string(section(a, "want"))); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			for _, c := range d.Candidates {
				checkFilled(t, c)
			}
		})
	}
}

// checkFilled fills in what is required, and then the request must be a valid
// one: the list of what is missing is complete.
func checkFilled(t *testing.T, c openapi.Candidate) {
	t.Helper()
	if _, err := decode.ParsePath(c.ResponsePath); err != nil {
		t.Errorf("%s: response path: %v", c.Name, err)
	}
	sealed, err := c.Spec.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(sealed, &spec); err != nil {
		t.Fatal(err)
	}
	for _, h := range c.Required {
		switch h.Pointer {
		case "/url":
			address := regexp.MustCompile(`\{[^{}]*\}`).ReplaceAllString(spec["url"].(string), "x1")
			if h.Name == "server" {
				address = "https://filled.example.com" + address
			}
			spec["url"] = address
		case "/options/tls", "/auth": // a certificate, or what is not supported
			spec["authType"] = "None"
		case "/body/content":
			spec["body"].(map[string]any)["content"] = "{}"
		default:
			set(t, spec, strings.Split(h.Pointer, "/")[1:])
		}
	}
	filled, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := httpsource.ParseSpec(filled); err != nil {
		t.Errorf("%s: with everything filled in: %v\n%s", c.Name, err, filled)
	}
}

func set(t *testing.T, at map[string]any, path []string) {
	t.Helper()
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	next, inside := at[key].(map[string]any)
	switch {
	case len(path) > 1 && !inside:
		t.Errorf("a pointer leads nowhere: %q", path)
	case len(path) > 1:
		set(t, next, path[1:])
	case inside:
		next["value"] = "filled"
	default:
		at[key] = "filled"
	}
}

const head = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\nservers: [{url: https://a.example.com}]\n"

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, document, from, typ, says string }{
		{"nothing", " \n", "", "openapi-empty", ""},
		{"only a comment", "# nothing\n", "", "openapi-empty", ""},
		{"broken JSON says the line", "{\n\"openapi\": \"3.0.0\",\n\"paths\": }", "", "openapi-syntax", "line 3"},
		{"JSON with something behind it", `{"openapi":"3.0.0"} {}`, "", "openapi-syntax", "line 1"},
		{"cut JSON", `{"openapi":"3.0.0"`, "", "openapi-syntax", ""},
		{"broken YAML says the line", "openapi: 3.0.0\npaths:\n  a: [\n", "", "openapi-syntax", "line"},
		{"a list", "- a\n", "", "openapi-syntax", "not an object"},
		{"text", "hello", "", "openapi-syntax", ""},
		{"Swagger 2", "swagger: '2.0'\npaths: {}", "", "openapi-version", "Swagger 2"},
		{"a version of the future", "openapi: 4.0.0\npaths: {}", "", "openapi-version", ""},
		{"another kind of document", "asyncapi: 2.0.0", "", "openapi-version", "openapi is missing"},
		{"no paths", "openapi: 3.0.0", "", "openapi-no-operations", ""},
		{"nothing to read", head + "paths: {/a: {delete: {}}}", "", "openapi-no-operations", ""},
		{"an anchor in itself", head + "paths: &p {/a: *p}", "", "openapi-alias-circle", "line 4"},
		{"a merge of itself", head + "paths: &p {<<: *p}", "", "openapi-alias-circle", "line 4"},
		{"an address that is none", head + "paths: {/a: {get: {}}}", "file:///etc/passwd", "url-invalid", ""},
		{"deep JSON", `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", "", "openapi-too-deep", ""},
		{"deep YAML", "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "", "openapi-too-deep", ""},
		{"YAML deeper than its reader goes", "a: " + strings.Repeat("[", 100_000), "", "openapi-syntax", ""},
		{"wide JSON", `{"a":[` + strings.Repeat("1,", 3<<20) + "1]}", "", "openapi-too-large", ""},
		{"wide YAML", "a: [" + strings.Repeat("1,", 3<<20) + "1]", "", "openapi-too-large", ""},
		{"many bytes", "a: " + strings.Repeat("x", 17<<20), "", "openapi-too-large", "16 MiB"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			_, err := openapi.Parse([]byte(c.document), c.from)
			e, ok := errs.Find(err)
			if !ok || e.Type != c.typ || !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.TooLarge) {
				t.Fatalf("error %v, want %s", err, c.typ)
			}
			if !strings.Contains(e.Public(), c.says) || len(e.Fixes) == 0 || len(e.Fields) != 1 {
				t.Errorf("says %q with fields %v, want %q, fixes and one field", e.Public(), e.Fields, c.says)
			}
		})
	}
}

// Documents that are small and mean very much end soon.
func TestHostileDocumentsEndSoon(t *testing.T) {
	t.Parallel()
	var laughs, merges, schemas, operations, servers strings.Builder
	laughs.WriteString(head + "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\nm0: &m0 {a: 1}\n")
	for i := range 30 {
		fmt.Fprintf(&laughs, "x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 10), ", "))
	}
	laughs.WriteString("paths: {/a: {get: {parameters: [{name: a, in: query, required: true, example: *x30}], requestBody: {content: {application/json: {example: *x30}}}}}, /search: {post: {requestBody: {content: {application/json: {example: *x30}}}}}}\n")
	merges.WriteString(head + "base: &m0 {a0: 1}\n")
	for i := range 3000 {
		fmt.Fprintf(&merges, "m%d: &m%d {<<: *m%d, a%d: 1}\n", i+1, i+1, i, i+1)
	}
	merges.WriteString("paths: {/a: {get: {}}}\n")
	schemas.WriteString(head + "paths: {/a: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/s/0'}}}}}}}, /z: {get: {responses: {'200': {content: {application/json: {schema: {type: array}}}}}}}}\ns:\n")
	for i := range 60 {
		fmt.Fprintf(&schemas, "  '%d': {properties: {a: {$ref: '#/s/%d'}, b: {$ref: '#/s/%d'}}, allOf: [{$ref: '#/s/%d'}, {$ref: '#/s/%d'}, {$ref: '#/s/%d'}]}\n", i, i+1, i+1, i+1, i+1, i+1)
	}
	schemas.WriteString("  '60': {type: array}\n")
	operations.WriteString(head + "paths:\n")
	for i := range 20_000 {
		fmt.Fprintf(&operations, "  /a%d: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/s'}}}}}}}\n", i)
	}
	operations.WriteString("s: {properties: {a: {$ref: '#/s'}, b: {$ref: '#/s'}, c: {type: array, items: {$ref: '#/s'}}}}\n")
	servers.WriteString("openapi: 3.0.0\nservers: [{url: '{a}', variables: {a: {default: '{a}{a}{a}{a}{a}{a}{a}{a}'}}}]\npaths: {/a: {get: {}}}\n")
	for name, document := range map[string]string{
		"laughs": laughs.String(), "merges": merges.String(), "schemas": schemas.String(), "operations": operations.String(), "servers": servers.String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			d, err := openapi.Parse([]byte(document), "")
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			} else {
				t.Logf("%d bytes in %v: %d candidates, %v, %v", len(document), took, len(d.Candidates), d.Notes, err)
			}
			// An intricate operation costs itself and not the others.
			if name == "schemas" && (len(d.Candidates) != 2 || d.Candidates[0].ResponsePath != "$") {
				t.Errorf("candidates %+v", d.Candidates)
			}
			if err != nil && !errors.Is(err, errs.TooLarge) {
				t.Error(err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range documents(f) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(section(a, "document"), string(section(a, "from")))
	}
	f.Add([]byte(head+"paths: {/a/{b}: {get: {parameters: [{name: b, in: path}], responses: {'200': {content: {text/csv: {}}}}}}}"), "http://x")
	f.Fuzz(func(t *testing.T, document []byte, from string) {
		if bytes.Count(document, []byte("*")) > 100 {
			return // aliases only slow the search down
		}
		d, err := openapi.Parse(document, from)
		if err != nil {
			if e, ok := errs.Find(err); !ok || e.Type == "" || e.Kind == errs.Internal {
				t.Fatalf("error without a name: %v", err)
			}
			return
		}
		for _, c := range d.Candidates {
			if c.Name == "" || c.Spec.Method == "" || c.Spec.URL.Empty() {
				t.Fatalf("an incomplete candidate: %+v", c)
			}
			if _, err := c.Spec.Sealed(); err != nil {
				t.Fatal(err)
			}
			if _, err := decode.ParsePath(c.ResponsePath); err != nil {
				t.Fatalf("response path %q: %v", c.ResponsePath, err)
			}
		}
	})
}
