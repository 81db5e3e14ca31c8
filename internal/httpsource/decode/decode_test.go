package decode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
)

func limits() decode.Limits {
	return decode.Limits{DecodedBytes: 1 << 30, Ratio: 200, RecordBytes: 1 << 20, DocumentBytes: 4 << 20, Depth: 512, Keys: 10_000}
}

// split returns the rows of a document as one JSON value a line.
func split(t testing.TB, doc, path string, shape decode.Shape) ([]string, decode.Result, error) {
	t.Helper()
	p, err := decode.ParsePath(path)
	if err != nil {
		return nil, decode.Result{}, err
	}
	rows := []string{}
	res, err := decode.Split(strings.NewReader(doc), decode.Plan{Path: p, Shape: shape}, limits(), func(raw []byte) error {
		if !jsontext.Value(raw).IsValid() || raw[0] != '{' {
			t.Errorf("row %s is not a JSON object", raw)
		}
		rows = append(rows, string(raw))
		return nil
	})
	return rows, res, err
}

func errType(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errs.Find(err); ok {
		return e.Type
	}
	return "unclassified: " + err.Error()
}

func TestSplit(t *testing.T) {
	t.Parallel()
	const nested = `{"meta":{"next":"n","total":3},"data":{"items":[{"a":1},{"a":2}]},"after":{"cursor":null}}`
	cases := []struct {
		rule, doc, path string
		shape           decode.Shape
		want            []string
		err             string
	}{
		{rule: "an array gives its elements", doc: `[{"a":1},{"a":2}]`, want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "an object gives one row", doc: `{"a":1}`, want: []string{`{"a":1}`}},
		{rule: "a scalar gives one row named value", doc: `7`, want: []string{`{"value":7}`}},
		{rule: "scalars and nulls in an array are named value", doc: `[1,"x",null,[2]]`, want: []string{`{"value":1}`, `{"value":"x"}`, `{"value":null}`, `{"value":[2]}`}},
		{rule: "numbers keep their spelling", doc: `[{"n":1.50},{"n":9007199254740993},{"n":1e400},{"n":-0}]`, want: []string{`{"n":1.50}`, `{"n":9007199254740993}`, `{"n":1e400}`, `{"n":-0}`}},
		{rule: "a dotted path", doc: nested, path: "data.items", want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "a JSONPath of names", doc: nested, path: "$.data.items", want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "a JSONPath with a wildcard streams the elements", doc: nested, path: "$.data.items[*]", want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "a wildcard in the middle", doc: `{"d":[{"x":{"k":1}},{"y":0},{"x":{"k":2}}]}`, path: "$.d[*].x", want: []string{`{"k":1}`, `{"k":2}`}},
		{rule: "arrays behind a wildcard are spread", doc: `{"d":[{"x":[{"k":1},{"k":2}]},{"x":[{"k":3}]}]}`, path: "d[*].x", want: []string{`{"k":1}`, `{"k":2}`, `{"k":3}`}},
		{rule: "a wildcard over an object gives its values", doc: `{"d":{"u1":{"k":1},"u2":{"k":2}}}`, path: "$.d.*", want: []string{`{"k":1}`, `{"k":2}`}},
		{rule: "an index", doc: `{"d":[{"x":[1]},{"x":[2,3]}]}`, path: "d[1].x", want: []string{`{"value":2}`, `{"value":3}`}},
		{rule: "an index as a dotted key", doc: `{"d":[{"x":[1]},{"x":[2]}]}`, path: "d.1.x", want: []string{`{"value":2}`}},
		{rule: "a quoted key with a dot", doc: `{"a.b":{"c":[1]}}`, path: `"a.b".c`, want: []string{`{"value":1}`}},
		{rule: "a bracketed key with a dot", doc: `{"a.b":{"c":[1]}}`, path: `$["a.b"].c`, want: []string{`{"value":1}`}},
		{rule: "an odd key without quotes", doc: `{"@odata.x":0,"@v":[1]}`, path: `@v`, want: []string{`{"value":1}`}},
		{rule: "a filter", doc: `{"d":[{"k":1,"ok":true},{"k":2,"ok":false}]}`, path: "$.d[?@.ok==true]", want: []string{`{"k":1,"ok":true}`}},
		{rule: "a descent keeps the order and the spelling of the source", doc: `{"b":{"id":1.0},"a":[{"id":2},{"id":3}]}`, path: "$..id", want: []string{`{"value":1.0}`, `{"value":2}`, `{"value":3}`}},
		{rule: "a slice", doc: `{"d":[1,2,3,4]}`, path: "$.d[1:3]", want: []string{`{"value":2}`, `{"value":3}`}},
		{rule: "null selects no rows", doc: `{"d":null}`, path: "d", want: []string{}},
		{rule: "an empty array selects no rows", doc: `{"d":[]}`, path: "d", want: []string{}},
		{rule: "lines", doc: "{\"a\":1}\n{\"a\":2}\n", want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "objects without a line between them", doc: `{"a":1}{"a":2}`, want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "lines of any value, if asked for", doc: "[1]\n2\n", shape: decode.Lines, want: []string{`{"value":[1]}`, `{"value":2}`}},
		{rule: "a path into each line", doc: "{\"r\":[{\"a\":1}]}\n{\"r\":[{\"a\":2}]}\n", path: "r", want: []string{`{"a":1}`, `{"a":2}`}},
		{rule: "parallel arrays become rows and facts repeat", doc: `{"h":{"t":["x","y"],"v":[1,2],"u":"C"}}`, path: "h", shape: decode.Columns, want: []string{`{"t":"x","v":1,"u":"C"}`, `{"t":"y","v":2,"u":"C"}`}},
		{rule: "arrays of different length are no columns", doc: `{"t":[1],"v":[1,2]}`, shape: decode.Columns, err: "columns-differ"},
		{
			rule: "a Prometheus matrix", path: "data.result",
			doc: `{"data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","value":"z"},"values":[[1435781430.781,"1"],[1435781445,"NaN"],[1435781460,"+Inf"],[1435781475,"2.50"]]}]}}`,
			want: []string{
				`{"__name__":"up","label_value":"z","timestamp":"2015-07-01T20:10:30.781Z","value":1}`,
				`{"__name__":"up","label_value":"z","timestamp":"2015-07-01T20:10:45Z","value":null,"value_text":"NaN"}`,
				`{"__name__":"up","label_value":"z","timestamp":"2015-07-01T20:11:00Z","value":null,"value_text":"+Inf"}`,
				`{"__name__":"up","label_value":"z","timestamp":"2015-07-01T20:11:15Z","value":2.50}`,
			},
		},
		{rule: "a Prometheus vector", path: "$.data.result", doc: `{"data":{"result":[{"metric":{},"value":[0,"3"]}]}}`, want: []string{`{"timestamp":"1970-01-01T00:00:00Z","value":3}`}},
		{rule: "an empty body", doc: " \n", err: "empty-body"},
		{rule: "a cut array", doc: `[{"a":1},{"a"`, want: []string{`{"a":1}`}, err: "body-truncated"},
		{rule: "a cut envelope", doc: `{"d":[{"a":1}],"next":`, path: "d", want: []string{`{"a":1}`}, err: "body-truncated"},
		{rule: "a duplicate key in a record", doc: `[{"a":1,"a":2}]`, err: "json-duplicate-key"},
		{rule: "a duplicate key beside the records", doc: `{"d":[],"x":1,"x":2}`, path: "d", err: "json-duplicate-key"},
		{rule: "a byte that is not UTF-8", doc: "[\"\xff\"]", err: "json-invalid-utf8"},
		{rule: "half a pair", doc: `["\ud800"]`, err: "json-lone-surrogate"},
		{rule: "garbage behind the document", doc: `[1]]`, want: []string{`{"value":1}`}, err: "json-invalid"},
		{rule: "a second array behind the document", doc: `[1] [2]`, want: []string{`{"value":1}`}, err: "json-invalid"},
		{rule: "too deep in a record", doc: `[` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `]`, err: "json-too-deep"},
		{rule: "far too deep", doc: strings.Repeat("[", 100_000), err: "json-too-deep"},
		{rule: "too deep beside the records", doc: `{"x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `,"d":[]}`, path: "d", err: "json-too-deep"},
		{rule: "a record that is too long", doc: `[{"a":"` + strings.Repeat("x", 2<<20) + `"}]`, err: "record-too-large"},
		{rule: "a path that cannot be read", doc: `{}`, path: "$.a[", err: "path-invalid"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got, _, err := split(t, c.doc, c.path, c.shape)
			if errType(err) != c.err {
				t.Fatalf("error %v (%s), want %q", err, errType(err), c.err)
			}
			if c.want != nil {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestTooManyKeysInOneObject(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"a":0`)
	for i := range 10_001 {
		b.WriteString(`,"k` + json.Number(strings.Repeat("x", i%3)).String() + string(rune('a'+i%26)) + jsonInt(i) + `":1`)
	}
	b.WriteString(`}`)
	for _, doc := range []string{`[` + b.String() + `]`, b.String(), `{"x":` + b.String() + `,"d":[]}`} {
		if _, _, err := split(t, doc, "", ""); errType(err) != "too-many-keys" {
			t.Errorf("%v, want too-many-keys", err)
		}
	}
	if _, _, err := split(t, `{"x":`+b.String()+`,"d":[]}`, "d", ""); errType(err) != "too-many-keys" {
		t.Errorf("beside the records: %v, want too-many-keys", err)
	}
}

func jsonInt(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestWhatStandsBesideTheRecordsIsCollectedBeforeAndAfter(t *testing.T) {
	t.Parallel()
	doc := `{"meta":{"total":3,"@odata.nextLink":"n"},"links":[{"rel":"next","href":"h"}],"data":[{"a":1,"next":"no"}],"next_cursor":"c","has_more":true,"big":"` + strings.Repeat("x", 20_000) + `"}`
	for _, path := range []string{"data", "$.data[*]", "$.data[?@.a]"} {
		_, res, err := split(t, doc, path, "")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range res.Envelope.Fields {
			got[f.Path] = string(f.Raw)
		}
		for p, want := range map[string]string{
			"meta.total": "3", "meta.@odata.nextLink": `"n"`, "links[0].href": `"h"`, "links[0].rel": `"next"`, "next_cursor": `"c"`, "has_more": "true", "big": "",
		} {
			if got[p] != want {
				t.Errorf("path %s: field %s = %q, want %q", path, p, got[p], want)
			}
		}
	}
}

func TestAPathThatSelectsNothingNamesTheKeysThere(t *testing.T) {
	t.Parallel()
	const doc = `{"meta":{},"data":{"items":[1,2],"count":2,"odd.key":0},"s":"x"}`
	cases := map[string][]string{
		"data.rows":       {"data has the keys items, count", `"odd.key"`},
		"daat":            {"the answer has the keys meta, data, s"},
		"$.data.rows[*]":  {"data has the keys items"},
		"meta.x":          {"meta is an object without keys"},
		"data.items.x":    {"data.items: it is an array", "[*]"},
		"data.items[5]":   {"it is an array of 2 elements"},
		"s.x":             {"s: it is a string"},
		"$.data..nope":    {"items"},
		"$.data[?@.z]":    {"has the keys items"},
		"$.data['q','r']": {"has the keys items"},
	}
	for path, want := range cases {
		_, res, err := split(t, doc, path, "")
		if err != nil || res.Selected() {
			t.Errorf("%s: selected %v, error %v", path, res.Selected(), err)
			continue
		}
		p, _ := decode.ParsePath(path)
		msg := res.Nothing(p).Error()
		for _, w := range want {
			if !strings.Contains(msg, w) {
				t.Errorf("%s: message %q lacks %q", path, msg, w)
			}
		}
	}
}

func TestAnErrorOfTheReceiverComesBackAsItIs(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	// Of arrays the first are held until it is known whether one is a header.
	for _, doc := range []string{`[1,2,3`, `[[1],[2],[3`} {
		n := 0
		_, err := decode.Split(strings.NewReader(doc), decode.Plan{}, limits(), func([]byte) error { n++; return stop })
		if err != stop || n != 1 {
			t.Errorf("%s: error %v after %d rows, want %v after 1", doc, err, n, stop)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule, doc, path string
		shape           decode.Shape
	}{
		{"a top-level array", `[{"a":1}]`, "$", decode.Rows},
		{"an envelope", `{"total":2,"items":[{"a":1},{"a":2}]}`, "items", decode.Rows},
		{"an array below another key", `{"data":{"movies":[{"a":1},{"a":2}]}}`, "data.movies", decode.Rows},
		{"the usual name beats a longer companion", `{"data":[{"id":1},{"id":2},{"id":3}],"included":[{"t":1},{"t":1},{"t":1},{"t":1},{"t":1},{"t":1}]}`, "data", decode.Rows},
		{"the longest of two unusual names", `{"a":[{"x":1}],"b":[{"x":1},{"x":2},{"x":3},{"x":4}]}`, "b", decode.Rows},
		{"an object without arrays is one row", `{"id":1,"owner":{"x":1},"tags":["a"]}`, "$", decode.Rows},
		{"a record with a short list is one row", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"phones":[{"x":1}]}`, "$", decode.Rows},
		{"lines", "{\"a\":1}\n{\"a\":2}", "$", decode.Lines},
		{"parallel arrays", `{"lat":1,"hourly_units":{"t":"C"},"hourly":{"time":["a","b"],"temp":[1,2]}}`, "hourly", decode.Columns},
		{"a Prometheus matrix", `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"2"]]}]}}`, "data.result", decode.Prometheus},
		{"an empty list under a usual name", `{"data":[],"total":0}`, "data", ""},
		{"an array of scalars under a usual name", `{"results":["a","b"],"n":2}`, "results", decode.Rows},
		{"an array of scalars that is all there is", `{"repositories":["a","b"]}`, "repositories", decode.Rows},
		{"a list of scalars beside something is a field", `{"name":"a","tags":["a","b"]}`, "$", decode.Rows},
		{"a key with a dot", `{"a.b":[{"x":1},{"x":2}]}`, `"a.b"`, decode.Rows},
		{"a feature collection", `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"coordinates":[1,2]}}]}`, "features", decode.Rows},
		{"a scalar", `"x"`, "$", decode.Rows},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			f, err := decode.Inspect(strings.NewReader(c.doc), decode.Path{}, limits())
			if err != nil {
				t.Fatal(err)
			}
			if f.Path != c.path || f.Shape != c.shape || f.Evidence == "" {
				t.Errorf("found %+v, want %s as %s", f, c.path, c.shape)
			}
			if _, err := decode.ParsePath(f.Path); err != nil {
				t.Errorf("the path found cannot be read back: %v", err)
			}
		})
	}
}

func TestJSONTestSuite(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../../../shared/vectors/JSONTestSuite/test_parsing/*.json")
	if len(files) == 0 {
		t.Skip("the suite is not here")
	}
	// Strict on purpose: one of the two values would be lost.
	exceptions := map[string]bool{"y_object_duplicated_key.json": true, "y_object_duplicated_key_and_value.json": true}
	counts := map[string]int{}
	for _, file := range files {
		name := filepath.Base(file)
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		err = parseAll(doc)
		switch {
		case name[0] == 'y' && exceptions[name]:
			if errType(err) != "json-duplicate-key" {
				t.Errorf("%s: %v, want json-duplicate-key", name, err)
			}
			counts["y listed"]++
		case name[0] == 'y' && err != nil:
			t.Errorf("%s must be accepted: %v", name, err)
		case name[0] == 'n' && err == nil:
			t.Errorf("%s must be rejected", name)
		case err != nil && errType(err) == "":
			t.Errorf("%s: error without a name: %v", name, err)
		case name[0] == 'i' && err == nil:
			counts["i accepted"]++
		default:
			counts[name[:1]]++
		}
		var e *errs.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%s: error without a class: %v", name, err)
		}
	}
	t.Log(counts)
}

func parseAll(doc []byte) error {
	b, err := decode.Open(bytes.NewReader(doc), "", "application/json", limits())
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = decode.Split(b, decode.Plan{}, limits(), func([]byte) error { return nil })
	return err
}

func TestJSONPathComplianceSuite(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../../shared/vectors/jsonpath-cts.json")
	if err != nil {
		t.Skip("the suite is not here")
	}
	var suite struct {
		Tests []struct {
			Name, Selector  string
			Document        jsontext.Value
			Result          []jsontext.Value
			Results         [][]jsontext.Value
			InvalidSelector bool `json:"invalid_selector"`
		}
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, c := range suite.Tests {
		nodes, err := decode.Nodes(c.Selector, c.Document)
		if c.InvalidSelector {
			// A path that does not begin with $ is a dotted path here.
			if err == nil && strings.HasPrefix(strings.TrimSpace(c.Selector), "$") && c.Selector == strings.TrimSpace(c.Selector) {
				t.Errorf("%s: %q must be refused", c.Name, c.Selector)
			} else {
				passed++
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %q: %v", c.Name, c.Selector, err)
			continue
		}
		ok := sameNodes(nodes, c.Result)
		for _, r := range c.Results {
			ok = ok || sameNodes(nodes, r)
		}
		if !ok {
			t.Errorf("%s: %q selected %s, want %s%s", c.Name, c.Selector, nodes, c.Result, c.Results)
			continue
		}
		passed++
	}
	t.Logf("%d of %d", passed, len(suite.Tests))
}

func sameNodes(got, want []jsontext.Value) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if !sameJSON(got[i], want[i]) {
			return false
		}
	}
	return true
}

func sameJSON(a, b jsontext.Value) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

func TestABadByteIsSeenHoweverItIsRead(t *testing.T) {
	t.Parallel()
	b, err := decode.Open(strings.NewReader("[\"abc\x81\xff\"]"), "", "application/json; charset=shift_jis", limits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := io.Copy(io.Discard, iotest.OneByteReader(b)); errType(err) != "charset-invalid" {
		t.Errorf("error %v, want charset-invalid", err)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`[{"a":1}]`, `{"d":[1,{"x":null}],"n":"u"}`, "{\"a\":1}\n{}", `{"d":{"k":[[]]}}`, `[1,`, `{"a":1,"a":2}`, "[\"\\ud800\"]"} {
		f.Add(seed, "d")
		f.Add(seed, "$.d[*].k")
		f.Add(seed, "$..k")
	}
	f.Fuzz(func(t *testing.T, doc, path string) {
		rows, res, err := split(t, doc, path, "")
		if err == nil && int64(len(rows)) != res.Rows {
			t.Errorf("%d rows given, %d counted", len(rows), res.Rows)
		}
		if err != nil && strings.HasPrefix(errType(err), "unclassified") {
			t.Errorf("error without a class: %v", err)
		}
		if fnd, ferr := decode.Inspect(strings.NewReader(doc), decode.Path{}, limits()); ferr == nil {
			_, res, err := split(t, doc, fnd.Path, fnd.Shape)
			if err == nil && !res.Selected() || err != nil && strings.HasPrefix(errType(err), "unclassified") {
				t.Errorf("found %+v, which selects %v: %v", fnd, res.Selected(), err)
			}
		}
	})
}
