package httpsource_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

func TestRunSettingsAreKeptWithTheRequest(t *testing.T) {
	t.Parallel()
	for _, run := range []string{
		`{"mode":"append"}`,
		`{"mode":"merge","key":["id","region"]}`,
		`{"mode":"merge","key":["id"],"cursor":{"field":"meta.updated_at","param":"since","in":"header","lookback":"24h","start":"2024-01-01"}}`,
		`{"mode":"append","cursor":{"field":"id","param":"/filter/after","in":"body","start":9007199254740993,"inclusive":false}}`,
	} {
		spec, err := httpsource.ParseSpec([]byte(`{"url":"https://a.example/x","method":"GET","options":{"run":` + run + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(spec.Options.Run.JSON()); got != run {
			t.Errorf("got %s, want %s", got, run)
		}
		sealed, err := spec.Sealed()
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"sealed": sealed, "public": spec.Public()} {
			if again, err := httpsource.ParseSpec(text); err != nil || !cmp.Equal(again.Options.Run, spec.Options.Run) {
				t.Errorf("%s: %v %s", name, err, text)
			}
		}
	}
}

func TestRunSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ run, pointer, typ string }{
		{`[]`, "/options/run", "wrong-type"},
		{`{"mod":"append"}`, "/options/run/mod", "option-unknown"},
		{`{"mode":"upsert"}`, "/options/run/mode", "mode-unknown"},
		{`{"mode":"merge"}`, "/options/run/key", "merge-key-needed"},
		{`{"mode":"merge","key":[]}`, "/options/run/key", "merge-key-needed"},
		{`{"mode":"merge","key":[1]}`, "/options/run/key/0", "wrong-type"},
		{`{"mode":"merge","key":["id","id"]}`, "/options/run/key/1", "merge-key-invalid"},
		{`{"mode":"append","key":["id"]}`, "/options/run/key", "run-invalid"},
		{`{"cursor":{"field":"a","param":"b"}}`, "/options/run/cursor", "run-invalid"},
		{`{"mode":"append","cursor":{"field":"a"}}`, "/options/run/cursor/param", "cursor-invalid"},
		{`{"mode":"append","cursor":{"param":"a"}}`, "/options/run/cursor/field", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","in":"path"}}`, "/options/run/cursor/in", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","start":true}}`, "/options/run/cursor/start", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","lookback":"soon"}}`, "/options/run/cursor/lookback", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","lookback":"-1h"}}`, "/options/run/cursor/lookback", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","lookback":"99999999999d"}}`, "/options/run/cursor/lookback", "cursor-invalid"},
		{`{"mode":"append","cursor":{"field":"a","param":"b","inclusive":"perhaps"}}`, "/options/run/cursor/inclusive", ""},
	} {
		_, err := httpsource.ParseSpec([]byte(`{"url":"https://a.example/x","method":"GET","options":{"run":` + c.run + `}}`))
		e, ok := errs.Find(err)
		if !ok || e.Kind != errs.Invalid || len(e.Fields) == 0 || e.Fields[0].Pointer != c.pointer || c.typ != "" && e.Type != c.typ {
			t.Errorf("%s: got %+v, want %s at %s", c.run, e, c.typ, c.pointer)
		}
	}
}

func TestTheCursorIsPutIntoTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, rest, param, in, value, want string }{
		{"a parameter is added", `"parameters":{"a":"1"}`, "since", "", `"2024-01-02T03:04:05+01:00"`, `"since":{"value":"2024-01-02T03:04:05+01:00","required":true}`},
		{"one that is there is replaced", `"parameters":{"since":"1990","a":"1"}`, "since", "query", `"2024"`, `"parameters":{"since":{"value":"2024","required":false},"a":`},
		{"also in the URL", `"url":"https://a.example/x?b=1&since=0&c=%41"`, "since", "query", `7`, `"url":"https://a.example/x?b=1&since=7&c=%41"`},
		{"a header", `"headers":{"x-since":"0","b":"c"}`, "X-Since", "header", `7`, `"headers":{"x-since":"7","b":"c"}`},
		{"a member of a body, with its type", `"body":{"type":"raw","contentType":"application/json","content":"{\"q\":{\"n\":1,\"m\":2}}"}`, "q.n", "body", `9007199254740993`, `{\"q\":{\"n\":9007199254740993,\"m\":2}}`},
		{"a new member by pointer", `"body":{"type":"raw","contentType":"application/json","content":"{}"}`, "/a~1b/c", "body", `"x"`, `{\"a/b\":{\"c\":\"x\"}}`},
		{"a field of a form", `"body":{"type":"x-www-form-urlencoded","parameters":{"a":"1"}}`, "since", "body", `5`, `"since":{"value":"5","required":false}`},
	} {
		method := "POST"
		text := `{"method":"` + method + `",` + c.rest
		if !strings.Contains(c.rest, `"url"`) {
			text += `,"url":"https://a.example/x"`
		}
		spec, err := httpsource.ParseSpec([]byte(text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		before := string(spec.Public())
		got, err := spec.WithCursor(httpsource.Cursor{Field: "f", Param: c.param, In: c.in}, jsontext.Value(c.value))
		if err != nil || !strings.Contains(string(got.Public()), c.want) {
			t.Errorf("%s: %v\n got %s\nwant %s", c.rule, err, got.Public(), c.want)
		}
		if string(spec.Public()) != before {
			t.Errorf("%s: the spec itself changed", c.rule)
		}
	}
	spec, err := httpsource.ParseSpec([]byte(`{"url":"https://a.example/x","method":"POST","body":{"type":"raw","contentType":"text/plain","content":"[1]"}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = spec.WithCursor(httpsource.Cursor{Field: "f", Param: "since", In: "body"}, jsontext.Value(`1`))
	if e, _ := errs.Find(err); e == nil || e.Type != "cursor-invalid" {
		t.Errorf("a body that is no object: %v", err)
	}
}
