package document_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
)

const key = `mw_k'"$(touch pwned)\`

// interpreters are how a snippet is run from its file.
var interpreters = map[string][]string{"curl": {"sh"}, "python": {"python3"}, "javascript": {"node"}}

// runSnippet runs a snippet in a folder of its own and returns what it prints.
func runSnippet(t *testing.T, s document.Snippet) (string, error) {
	t.Helper()
	command := interpreters[s.Language]
	needed := command[0]
	if s.Language == "curl" {
		needed = "curl"
	}
	if _, err := exec.LookPath(needed); err != nil {
		t.Skipf("SKIPPED: %s is missing", needed)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, map[string]string{"curl": "call.sh", "python": "call.py", "javascript": "call.js"}[s.Language])
	if err := os.WriteFile(path, []byte(s.Code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), command[0], path)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), document.KeyVariable+"="+key, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if files, _ := filepath.Glob(filepath.Join(dir, "pwned*")); len(files) > 0 {
		t.Errorf("%s ran what a value says", s.Language)
	}
	return string(out), err
}

// hostile are values that mean something to a shell, to a language, or to a URL.
var hostile = []string{
	"it's", `"; touch pwned; "`, "$(touch pwned)", "`touch pwned`", `\`, `\n`, "a\nb", "\ttab", "a&b=c#d?e", "100%", "%41", "+ +", "@/etc/passwd", "${HOME}",
	"zwölf Ørsted 猫 🦊", "\u2028\u2029\u00a0\ufeff", "</script>", "null", "", `'''"""`, "{{x}}", "#{1}", "-d", "a,b", "[1]", "\x7f\x1b[0m",
}

func TestSnippetsSendTheValuesAsTheyAre(t *testing.T) {
	t.Parallel()
	api := shop()
	ep := publish.Endpoint{Name: "e", Path: "it's a path?", Status: publish.Live,
		Program: program.Program{SQL: "SELECT $text, $list, $one, $n", Slots: []program.Slot{{Name: "text", Type: program.String, Required: true},
			{Name: "list", Type: program.ValueList}, {Name: "one", Type: program.ValueList}, {Name: "n", Type: program.Integer}}}}
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"data":[{"n":1}]}`))
	}))
	t.Cleanup(server.Close)
	for _, text := range hostile {
		list := []any{text, "second"}
		want := url.Values{"text": {text}, "list": {text, "second"}, "one": {oneJSON(t, text)}, "n": {"9007199254740993"}}
		for _, s := range document.Snippets(api, ep, server.URL, map[string]any{"text": text, "list": list, "one": list[:1], "n": int64(9007199254740993)}) {
			got = nil
			out, err := runSnippet(t, s)
			if err != nil || got == nil {
				t.Errorf("%s with %q: %v\n%s\n%s", s.Language, text, err, out, s.Code)
				continue
			}
			if d := cmp.Diff(want, got.URL.Query()); d != "" || got.URL.Path != "/live/shop/v2/it's a path?" || got.Header.Get("Authorization") != "Bearer "+key {
				t.Errorf("%s with %q: %s %s\n%s", s.Language, text, got.URL.Path, d, s.Code)
			}
		}
	}
}

// oneJSON is how a list of one text is sent: commas in it must not part it.
func oneJSON(t *testing.T, text string) string {
	t.Helper()
	list, err := json.Marshal([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return string(list)
}

func TestSnippetsFailWhenTheCallFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	api := shop()
	for _, s := range document.Snippets(api, api.Endpoints[0], server.URL, nil) {
		if out, err := runSnippet(t, s); err == nil {
			t.Errorf("%s says that all is well: %s", s.Language, out)
		}
	}
}

func TestSnippetsShowTheDefaults(t *testing.T) {
	t.Parallel()
	api := shop()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"data":[]}`))
	}))
	t.Cleanup(server.Close)
	want := url.Values{"tier": {"2"}, "least": {"0.5"}, "number": {"1"}, "since": {"2025-01-01"}, "seen": {"2025-01-01T00:00:00Z"}, "limit": {"10"}}
	for _, s := range document.Snippets(api, api.Endpoints[1], server.URL, nil) {
		if out, err := runSnippet(t, s); err != nil {
			t.Fatalf("%s: %v\n%s", s.Language, err, out)
		}
		if d := cmp.Diff(want, got.URL.Query()); d != "" {
			t.Errorf("%s: %s", s.Language, d)
		}
	}
}

func TestSnippetsOfAProgramThatTakesABodySendOne(t *testing.T) {
	t.Parallel()
	api := shop()
	ep := api.Endpoints[1]
	ep.Method = "POST"
	var got, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(text)
		got, body = r.Method+" "+r.Header.Get("Content-Type")+" "+r.URL.RawQuery, string(text)
		_, _ = w.Write([]byte(`{"data":[]}`))
	}))
	t.Cleanup(server.Close)
	for _, s := range document.Snippets(api, ep, server.URL, map[string]any{"city": `it's "$(x)"`, "number": int64(3)}) {
		if out, err := runSnippet(t, s); err != nil {
			t.Fatalf("%s: %v\n%s", s.Language, err, out)
		}
		if got != "POST application/json " || body != `{"slots":{"number":3,"city":"it's \"$(x)\""}}` {
			t.Errorf("%s: %s %s", s.Language, got, body)
		}
	}
}

func TestATextThatLooksLikeNoFilterIsSentAsAText(t *testing.T) {
	t.Parallel()
	p := program.Program{SQL: "SELECT $text", Slots: []program.Slot{{Name: "text", Type: program.String}}}
	ep := publish.Endpoint{Name: "e", Path: "e", Status: publish.Live, Program: p}
	var got url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		_, _ = w.Write([]byte(`{"data":[]}`))
	}))
	t.Cleanup(server.Close)
	for _, text := range []string{"null", "", "Null", "x"} {
		for _, s := range document.Snippets(shop(), ep, server.URL, map[string]any{"text": text}) {
			if out, err := runSnippet(t, s); err != nil {
				t.Fatalf("%s: %v\n%s", s.Language, err, out)
			}
			b, err := program.Bind(p, map[string]any{"text": program.Untyped(got.Get("text"))})
			if err != nil || b.Values["text"] != text {
				t.Errorf("%s: %q became %v, %v", s.Language, text, b.Values["text"], err)
			}
		}
	}
}
