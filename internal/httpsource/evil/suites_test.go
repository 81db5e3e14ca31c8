package evil_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/evil"
)

func limits() decode.Limits {
	return decode.Limits{DecodedBytes: 64 << 20, Ratio: 200, RecordBytes: 8 << 20, DocumentBytes: 8 << 20, Depth: 512, Keys: 10_000}
}

// rowsOf reads a body the way a run does and returns its rows.
func rowsOf(doc []byte, path string) (rows []string, err error) {
	p, err := decode.ParsePath(path)
	if err != nil {
		return nil, err
	}
	body, err := decode.Open(bytes.NewReader(doc), "", "application/json", limits())
	if err != nil {
		return nil, err
	}
	defer body.Close()
	_, err = decode.Split(body, decode.Plan{Path: p, Shape: decode.Rows}, limits(), func(raw []byte) error {
		rows = append(rows, string(raw))
		return nil
	})
	return rows, err
}

// asRows is what the rows of a document have to be: its elements if it is an
// array, itself if not, and what is no object under "value". Numbers and text
// keep their spelling.
func asRows(t *testing.T, doc []byte) []string {
	t.Helper()
	dec := jsontext.NewDecoder(bytes.NewReader(doc), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '[' {
		return one(jsontext.Value(bytes.TrimSpace(doc)))
	}
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, wrap(v))
	}
	return rows
}

// one is the row of a value; null at the place of the rows is no rows.
func one(v jsontext.Value) []string {
	if v.Kind() == 'n' {
		return nil
	}
	return []string{wrap(v)}
}

func wrap(v jsontext.Value) string {
	if v.Kind() == '{' {
		return string(v)
	}
	return `{"value":` + string(v) + `}`
}

// A ruling is what we decided about a document that a parser may take or leave.
// An empty one is to accept it.
func rulings() map[string]string {
	const half, bytes, range_ = "json-lone-surrogate", "json-invalid-utf8", ""
	return map[string]string{
		"i_number_double_huge_neg_exp.json": range_, "i_number_huge_exp.json": range_, "i_number_neg_int_huge_exp.json": range_, "i_number_pos_double_huge_exp.json": range_,
		"i_number_real_neg_overflow.json": range_, "i_number_real_pos_overflow.json": range_, "i_number_real_underflow.json": range_, "i_number_too_big_neg_int.json": range_,
		"i_number_too_big_pos_int.json": range_, "i_number_very_big_negative_int.json": range_,
		"i_object_key_lone_2nd_surrogate.json": half, "i_string_1st_surrogate_but_2nd_missing.json": half, "i_string_1st_valid_surrogate_2nd_invalid.json": half,
		"i_string_incomplete_surrogate_and_escape_valid.json": half, "i_string_incomplete_surrogate_pair.json": half, "i_string_incomplete_surrogates_escape_valid.json": half,
		"i_string_invalid_lonely_surrogate.json": half, "i_string_invalid_surrogate.json": half, "i_string_inverted_surrogates_U+1D11E.json": half, "i_string_lone_second_surrogate.json": half,
		"i_string_UTF-8_invalid_sequence.json": bytes, "i_string_UTF8_surrogate_U+D800.json": bytes, "i_string_invalid_utf-8.json": bytes, "i_string_iso_latin_1.json": bytes,
		"i_string_lone_utf8_continuation_byte.json": bytes, "i_string_not_in_unicode_range.json": bytes, "i_string_overlong_sequence_2_bytes.json": bytes,
		"i_string_overlong_sequence_6_bytes.json": bytes, "i_string_overlong_sequence_6_bytes_null.json": bytes, "i_string_truncated-utf-8.json": bytes,
		"i_string_UTF-16LE_with_BOM.json": "", "i_string_utf16BE_no_BOM.json": "", "i_string_utf16LE_no_BOM.json": "", "i_structure_UTF-8_BOM_empty_object.json": "",
		"i_structure_500_nested_arrays.json": "",
	}
}

// TestJSONTestSuite: what must be accepted loses nothing, what must be rejected
// is, with the place, and what may be either is decided in rulings.
func TestJSONTestSuite(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(evil.Vector("JSONTestSuite/test_parsing/*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("the shared suite is not here; TestOwnJSON tries the same rules")
	}
	// Strict on purpose: one of two values would be lost without a word.
	strict := []string{"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
	decided, counts := rulings(), map[string]int{}
	for _, file := range files {
		name := filepath.Base(file)
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := rowsOf(doc, "")
		e, named := errs.Find(err)
		if err != nil && (!named || e.Type == "") {
			t.Errorf("%s: error without a name: %v", name, err)
			continue
		}
		switch ruling, listed := decided[name]; {
		case slices.Contains(strict, name):
			if named && e.Type == "json-duplicate-key" {
				counts["y refused as listed"]++
			} else {
				t.Errorf("%s: %v, want json-duplicate-key", name, err)
			}
		case name[0] == 'y':
			if want := asRows(t, doc); err != nil || !cmp.Equal(rows, want) {
				t.Errorf("%s must lose nothing: %v %s", name, err, cmp.Diff(rows, want))
			} else {
				counts["y accepted without loss"]++
			}
		case name[0] == 'n':
			if err == nil {
				t.Errorf("%s must be rejected, gave %q", name, rows)
			} else if !strings.Contains(e.Msg, "byte ") && e.Type != "empty-body" && e.Type != "json-too-deep" {
				t.Errorf("%s: %q names no place", name, e.Msg)
			} else {
				counts["n rejected with its place"]++
			}
		case !listed:
			t.Errorf("%s: nothing was decided; it gave %v", name, err)
		case ruling == "" && err != nil, ruling != "" && (err == nil || e.Type != ruling):
			t.Errorf("%s: %v, decided was %q", name, err, ruling)
		default:
			counts["i as decided"]++
		}
	}
	want := map[string]int{"y accepted without loss": 93, "y refused as listed": 2, "n rejected with its place": 188, "i as decided": 35}
	if diff := cmp.Diff(counts, want); diff != "" {
		t.Errorf("counts differ: %s", diff)
	}
	for what, n := range counts {
		report(t, "suites", line{Group: "JSONTestSuite", Name: what, Got: fmt.Sprintf("%d of %d", n, want[what]), OK: n == want[what]})
	}
}

func TestOwnJSON(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`[1e400,-0,9007199254740993]`: `{"value":1e400},{"value":-0},{"value":9007199254740993}`,
		`{"a":"\u0000"}`:              `{"a":"\u0000"}`,
		"\ufeff[{}]":                  `{}`,
		` "x" `:                       `{"value":"x"}`,
		`null`:                        ``,
		`[null]`:                      `{"value":null}`,
		`[[1,[2]]]`:                   `{"value":[1,[2]]}`,
		`[1,]`:                        "json-invalid byte 2",
		`[1`:                          "body-truncated byte 2",
		`{"a":1,"a":2}`:               "json-duplicate-key byte 7",
		"[\"\xff\"]":                  "json-invalid-utf8 byte 2",
		`["\ud800"]`:                  "json-lone-surrogate byte ",
		`[1] 2`:                       "json-invalid byte ",
		`tru`:                         "body-truncated byte ",
		`nul1`:                        "json-invalid byte ",
		``:                            "empty-body ",
	} {
		rows, err := rowsOf([]byte(doc), "")
		got := strings.Join(rows, ",")
		if e, ok := errs.Find(err); ok {
			got = e.Type + " " + e.Msg
			name, place, _ := strings.Cut(want, " ")
			if e.Type == name && strings.Contains(e.Msg, place) {
				continue
			}
		}
		if got != want {
			t.Errorf("%q gave %s, want %s", doc, got, want)
		}
	}
}

// A pathCase is one of the JSONPath compliance suite.
type pathCase struct {
	Name, Selector  string
	Document        jsontext.Value
	Result          []jsontext.Value
	Results         [][]jsontext.Value
	InvalidSelector bool `json:"invalid_selector"`
}

// ours reports whether a selector that RFC 9535 refuses is a path by our own
// rules: keys joined by dots need no $, and blanks around a path are dropped, as
// people paste them.
func ours(selector string) bool {
	trimmed := strings.TrimSpace(selector)
	return trimmed == "" || !strings.HasPrefix(trimmed, "$") || trimmed != selector
}

// TestJSONPathSuite runs each path of the suite as a response path: through the
// streaming walk or the evaluator, whichever the path needs, down to rows.
func TestJSONPathSuite(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(evil.Vector("jsonpath-cts.json"))
	if err != nil {
		t.Skip("the shared suite is not here; TestOwnPaths tries the same rules")
	}
	var suite struct{ Tests []pathCase }
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	var passed, extended int
	for _, c := range suite.Tests {
		why := checkPath(c)
		switch {
		case why == "":
			passed++
		case c.InvalidSelector && ours(c.Selector):
			extended++
			t.Logf("listed: %s: %q is a path by our own rules", c.Name, c.Selector)
		default:
			t.Errorf("%s: %q: %s", c.Name, c.Selector, why)
		}
	}
	t.Logf("%d passed, %d listed, of %d", passed, extended, len(suite.Tests))
	report(t, "suites", line{Group: "JSONPath", Name: "compliance suite", OK: passed+extended == len(suite.Tests),
		Got: fmt.Sprintf("%d of %d pass, %d are paths by our own rules (no $ needed, blanks around are dropped)", passed, len(suite.Tests), extended)})
}

func TestOwnPaths(t *testing.T) {
	t.Parallel()
	doc := jsontext.Value(`{"a":{"b":[{"x":1},{"x":[2,3]},{"y":4}]},"o.k":[5],"":6}`)
	value := func(list ...string) (out []jsontext.Value) {
		for _, v := range list {
			out = append(out, jsontext.Value(v))
		}
		return out
	}
	for _, c := range []pathCase{
		{Name: "names", Selector: "$.a.b[0].x", Document: doc, Result: value("1")},
		{Name: "wildcard", Selector: "$.a.b[*].x", Document: doc, Result: value("1", "[2,3]")},
		{Name: "descent", Selector: "$..x", Document: doc, Result: value("1", "[2,3]")},
		{Name: "filter", Selector: "$.a.b[?@.y]", Document: doc, Result: value(`{"y":4}`)},
		{Name: "slice", Selector: "$.a.b[-1:]", Document: doc, Result: value(`{"y":4}`)},
		{Name: "a key with a dot", Selector: "$['o.k']", Document: doc, Result: value("[5]")},
		{Name: "an empty key", Selector: "$['']", Document: doc, Result: value("6")},
		{Name: "unclosed", Selector: "$.a[", Document: doc, InvalidSelector: true},
		{Name: "a leading zero", Selector: "$.a.b[01]", Document: doc, InvalidSelector: true},
		{Name: "an unknown function", Selector: "$[?nope(@)]", Document: doc, InvalidSelector: true},
	} {
		if why := checkPath(c); why != "" {
			t.Errorf("%s: %q: %s", c.Name, c.Selector, why)
		}
	}
}

// checkPath returns why a case fails; nothing if it passes.
func checkPath(c pathCase) string {
	rows, err := rowsOf(documentOf(c), c.Selector)
	if c.InvalidSelector {
		if e, ok := errs.Find(err); ok && e.Type == "path-invalid" {
			return ""
		}
		return fmt.Sprintf("must be refused, gave %q, %v", rows, err)
	}
	if err != nil {
		return err.Error()
	}
	allowed := c.Results
	if allowed == nil {
		allowed = [][]jsontext.Value{c.Result}
	}
	for _, nodes := range allowed {
		// A path that leads to one null without a choice says that there are no rows.
		if sameRows(rows, flat(nodes)) || len(nodes) == 1 && nodes[0].Kind() == 'n' && len(rows) == 0 {
			return ""
		}
	}
	return fmt.Sprintf("gave %q, want the rows of %s", rows, allowed)
}

func documentOf(c pathCase) []byte {
	if c.Document == nil {
		return []byte("null")
	}
	return c.Document
}

// flat turns selected values into rows: an array gives its elements.
func flat(nodes []jsontext.Value) []string {
	var rows []string
	for _, n := range nodes {
		if n.Kind() != '[' {
			rows = append(rows, wrap(n))
			continue
		}
		dec := jsontext.NewDecoder(bytes.NewReader(n))
		_, _ = dec.ReadToken() // the suite is valid JSON
		for dec.PeekKind() != ']' {
			v, err := dec.ReadValue()
			if err != nil {
				return []string{err.Error()}
			}
			rows = append(rows, wrap(v.Clone()))
		}
	}
	return rows
}

// sameRows compares rows as JSON: the suite spells some values in another way
// in its documents than in its results.
func sameRows(got, want []string) bool {
	return slices.EqualFunc(got, want, func(a, b string) bool {
		var x, y any
		return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && cmp.Equal(x, y)
	})
}
