package e2e_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// publishAll publishes every program that was generated for the orders, and returns
// the path of the API.
func (g *gallery) publishAll() string {
	g.t.Helper()
	var programs []struct{ ID, Cue string }
	g.call("GET", "/v1/queryprograms/dataline/"+g.things["DATALINE_ID"], nil, &programs)
	for _, p := range programs {
		g.call("PATCH", "/v1/queryprograms/"+p.ID+"/publish", map[string]any{}, nil)
	}
	var apis []struct {
		URL       string
		Endpoints []json.RawMessage
	}
	g.call("GET", "/v1/apis/project/"+g.things["PROJECT_ID"], nil, &apis)
	if len(apis) != 1 || len(apis[0].Endpoints) != len(programs) {
		g.t.Fatalf("%d programs became %d APIs: %+v", len(programs), len(apis), apis)
	}
	return apis[0].URL
}

// A publishedOperation is what of an API's document a call is made of.
type publishedOperation struct {
	OperationID string `json:"operationId"`
	Parameters  []struct {
		Ref      string `json:"$ref"`
		Name, In string
		Example  json.RawMessage
		Schema   struct{ Enum []json.RawMessage }
	}
}

// calls returns the calls that the document suggests: one with the examples, and one
// for each value that a parameter lists.
func (op publishedOperation) calls() []url.Values {
	examples := url.Values{}
	for _, p := range op.Parameters {
		if p.In == "query" && len(p.Example) > 0 {
			examples[p.Name] = texts(p.Example)
		}
	}
	list := []url.Values{{}, examples}
	for _, p := range op.Parameters {
		for _, value := range p.Schema.Enum {
			q := url.Values{p.Name: texts(value)}
			list = append(list, q)
		}
	}
	return list
}

// texts returns JSON as a query string has it.
func texts(value json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		all := []string{}
		for _, item := range list {
			all = append(all, texts(item)...)
		}
		return all
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		return []string{text}
	}
	return []string{string(value)}
}

// TestAnswersOfPublishedProgramsAreAsTheirDocumentSays publishes what was generated
// for the sample shop, calls each endpoint with every value that its parameters list,
// and has independent validators look at the document and at each answer.
func TestAnswersOfPublishedProgramsAreAsTheirDocumentSays(t *testing.T) {
	g := openGallery(t)
	path := g.publishAll()
	status, document := g.raw("GET", path+"/openapi.json", nil)
	if status != 200 {
		t.Fatalf("%s/openapi.json: %d %s", path, status, document)
	}
	dir := t.TempDir()
	documentFile, answersFile := filepath.Join(dir, "openapi.json"), filepath.Join(dir, "answers")
	if err := os.WriteFile(documentFile, document, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python(t), "-m", "openapi_spec_validator", documentFile).CombinedOutput()
	if err != nil {
		t.Errorf("the document is not valid: %s", out)
	}
	var doc struct {
		Paths map[string]map[string]publishedOperation
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	answers, err := os.Create(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, methods := range doc.Paths {
		for _, q := range methods["get"].calls() {
			status, text := g.raw("GET", path+endpoint+"?"+q.Encode(), nil)
			if status != 200 {
				t.Errorf("%s?%s: %d %s", endpoint, q.Encode(), status, text)
			}
			line, err := json.Marshal(map[string]any{"operation": "GET " + endpoint, "status": status, "type": "application/json", "body": json.RawMessage(text)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := answers.Write(append(line, '\n')); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := answers.Close(); err != nil {
		t.Fatal(err)
	}
	out, err = exec.CommandContext(t.Context(), python(t), "../apitest/testdata/conform.py", documentFile, answersFile).CombinedOutput()
	if t.Logf("%d endpoints: %s", len(doc.Paths), out); err != nil {
		t.Error("answers are not as documented")
	}
}

// TestSnippetsOfPublishedProgramsRun runs every snippet that the API shows, as it is,
// with only the address of the server put in.
func TestSnippetsOfPublishedProgramsRun(t *testing.T) {
	g := openGallery(t)
	path := g.publishAll()
	var apis []struct {
		Endpoints []struct {
			Name     string
			Snippets []struct{ Language, Code string }
		}
	}
	g.call("GET", "/v1/apis/project/"+g.things["PROJECT_ID"], nil, &apis)
	ran := 0
	for _, e := range apis[0].Endpoints {
		for _, s := range e.Snippets {
			g.runSnippet(s.Language, s.Code)
			ran++
		}
	}
	t.Logf("%d snippets of %s ran", ran, path)
}

// hostileTexts are values that mean something to a shell, to a language, or to a URL.
var hostileTexts = map[string]string{
	"shell": `it's "$(touch pwned)" ` + "`touch pwned`" + ` ${HOME} \ ; & | > <`, "url": "a&b=c#d?e 100% %41 + @/etc/passwd [1]", "lines": "one\ntwo\ttab\r",
	"words": "zwölf 猫 🦊 \u2028 \ufeff \u00a0", "markup": `</script>'''"""{{x}}<!--`, "null": "null", "empty": "",
}

// TestSnippetsCarryHostileValues publishes a program whose slots have hostile
// defaults, and expects each snippet to get them back from the server unharmed.
func TestSnippetsCarryHostileValues(t *testing.T) {
	g := openGallery(t)
	slots, columns, want := []map[string]any{}, []string{}, map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(hostileTexts)) {
		slots = append(slots, map[string]any{"name": name, "type": "string", "default": hostileTexts[name]})
		columns = append(columns, "$"+name+" AS "+name+"_")
		want[name+"_"] = hostileTexts[name]
	}
	program := g.create("/v1/queryprograms", map[string]any{"project_id": g.things["PROJECT_ID"], "cue": "What comes back?", "code": "SELECT " + strings.Join(columns, ", "), "slots": slots})
	g.publish(program)
	var api struct {
		Endpoints []struct {
			ProgramID string `json:"queryprogram_id"`
			Snippets  []struct{ Language, Code string }
		}
	}
	g.call("GET", "/v1/apis/queryprogram/"+program, nil, &api)
	for _, e := range api.Endpoints {
		if e.ProgramID != program {
			continue
		}
		for _, s := range e.Snippets {
			out := g.runSnippet(s.Language, s.Code)
			var rows []map[string]any
			if s.Language == "curl" {
				var result struct{ Data []map[string]any }
				if err := json.Unmarshal(out, &result); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				rows = result.Data
			} else {
				rows = make([]map[string]any, 1)
				if err := json.Unmarshal(out, &rows[0]); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			if d := cmp.Diff([]map[string]any{want}, rows); d != "" {
				t.Errorf("%s: %s\n%s", s.Language, d, s.Code)
			}
		}
		return
	}
	t.Error("the program has no endpoint")
}

// runSnippet runs a program that calls the server, and returns what it prints.
func (g *gallery) runSnippet(language, code string) []byte {
	g.t.Helper()
	interpreter, err := exec.LookPath(map[string]string{"curl": "sh", "python": "python3", "javascript": "node"}[language])
	if err != nil {
		g.t.Skipf("SKIPPED: what runs %s is missing", language)
	}
	dir := g.t.TempDir()
	file := filepath.Join(dir, "call.js")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(code, "http://127.0.0.1:7400", g.url)), 0o600); err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.CommandContext(g.t.Context(), interpreter, file)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MILLWRIGHT_API_KEY="+testKey, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) == 0 {
		g.t.Errorf("%s: %v\n%s\n%s", language, err, out, code)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "pwned*")); len(files) > 0 {
		g.t.Errorf("%s ran what a value says", language)
	}
	return out
}
