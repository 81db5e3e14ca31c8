package typing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"millwright/internal/errs"
	"millwright/internal/ingest/landtest"
	"millwright/internal/ingest/typing"
)

// vectors is a folder of public test data beside the repository, which a clone may
// lack; the own cases here test the same rules.
const vectors = "../../../../shared/vectors"

// isStrict reports whether b is one JSON value, with duplicate keys allowed or not.
func isStrict(b []byte, duplicates bool) bool {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(duplicates))
	if d.SkipValue() != nil {
		return false
	}
	_, err := d.ReadToken()
	return errors.Is(err, io.EOF)
}

// check observes and normalizes the record and compares what comes out with what
// a JSON library says of it.
func check(t interface{ Errorf(string, ...any) }, record []byte) {
	o := typing.NewObserver(typing.Limits{})
	err := o.Observe(record)
	if e, ok := errs.Find(err); ok {
		switch {
		case e.Type == "bad-json" && isStrict(record, false):
			t.Errorf("%q is refused", record)
		case e.Type == "duplicate-key" && isStrict(record, false):
			t.Errorf("%q has no duplicate key", record)
		}
		return
	}
	if !isStrict(record, true) {
		t.Errorf("%q is accepted", record)
		return
	}
	result := o.Schema(nil)
	line, err := result.Normalizer().Append(nil, record)
	if err != nil {
		if e, _ := errs.Find(err); e == nil || e.Type != "duplicate-key" || isStrict(record, false) {
			t.Errorf("%q is observed and not normalized: %v", record, err)
		}
		return
	}
	if !isStrict(record, false) {
		return // encoding/json has its own view of duplicate keys, which only JSON text keeps
	}
	if err := landtest.Same(result.Schema, record, line); err != nil {
		t.Errorf("%q as %q: %v", record, line, err)
	}
	if result.Direct {
		raw := jsontext.Value(bytes.Clone(record))
		if err := raw.Compact(); err != nil {
			t.Errorf("%q: %v", record, err)
		}
		if err := landtest.Same(result.Schema, record, raw); err != nil {
			t.Errorf("%q is not in normal form as it is: %v", record, err)
		}
	}
}

// odd are texts between JSON and not JSON.
var odd = []string{
	`1`, `-`, `-1`, `+1`, `01`, `-01`, `1.`, `.1`, `1.e1`, `1e`, `1e+`, `1E-5`, `1e5.5`, `0x1`, `-0`, `0e0`, `1_000`, `NaN`, `Infinity`, `-Infinity`, `1 2`,
	`""`, `"`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud83d\ude00"`, `"\ud83dx"`, `"\uD83D\u0041"`, `'a'`,
	"\"\t\"", "\"\x00\"", "\"\x7f\"", "\"\xff\"", "\"\xc3\x28\"", "\"\xc3\xc3\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"é\"", "\"€\"", "\"😀\"", "\"\xc0\x80\"",
	`"1234567\"9"`, `"1234567` + "\x1f" + `9"`, `"12345678`, `"1234567\`, `"é1234567é"`,
	`true`, `tru`, `trueX`, `nul`, `null`, `fals`, `True`, `[]`, `[`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `]`, `{}`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`,
	`{"a":1 "b":2}`, `{"a":1]`, `{"a" : 1 , "b":[ ]}`, `{"a":1,"a":2}`, `/* c */ 1`, `1 // c`, "\ufeff1", "1\x00", "\v1", "\u00a01",
	"[1,\n\t\r 2]", `[[[[1]]]]`, `{"":{"":[]}}`, ` `, ``,
}

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for _, s := range odd {
		check(t, []byte(s))
		check(t, []byte(`{"v":`+s+`}`))
		check(t, []byte(`{"v":[`+s+`,{"w":`+s+`}]}`))
		check(t, []byte(`{"v":[{},[],`+s+`]}`)) // as JSON text, which is skipped
		check(t, []byte(`{`+s+`:1}`))
		check(t, []byte(`{"v":1}`+s))
	}
}

func TestJSONTestSuite(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join(vectors, "JSONTestSuite", "test_*", "*.json"))
	if len(files) == 0 {
		t.Skip("the shared vectors are not here; TestStrictJSON tests the same rules")
	}
	accepted := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range [][]byte{b, fmt.Appendf(nil, `{"v":%s}`, b), fmt.Appendf(nil, `{"v":[{"w":%s},1]}`, b)} {
			check(t, record)
		}
		name := filepath.Base(f)
		err = typing.NewObserver(typing.Limits{}).Observe(fmt.Appendf(nil, `{"v":%s}`, b))
		if strings.HasPrefix(name, "y_") {
			accepted++
			if err != nil && !strings.Contains(name, "duplicated_key") {
				t.Errorf("%s is refused: %v", name, err)
			}
		}
		if strings.HasPrefix(name, "n_") && err == nil && !strings.HasPrefix(name, "n_structure_") {
			t.Errorf("%s is accepted", name)
		}
	}
	if accepted != 95 {
		t.Errorf("%d files must be accepted, want 95", accepted)
	}
}

func TestNaughtyStrings(t *testing.T) {
	t.Parallel()
	texts := []string{"", "undefined", "null", "NULL", "(null)", "true", "\\", "1.00", "1E+02", "NaN", "0x0", "'", "\"", "''''\"", "<script>", "\u0000",
		"田中さん", "👾 🙇", "Ω≈ç√∫", "\u202a\u202atest\u202a", "␣", "\ufeff", "\u2028", "DROP TABLE users", "../../etc/passwd", "$HOME", "%d", "{0}", "CON", "ﷺ", "a.b", "a[0]", "\t\n"}
	if b, err := os.ReadFile(filepath.Join(vectors, "blns.json")); err == nil {
		var more []string
		if err := json.Unmarshal(b, &more); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, more...)
	}
	record, seen := []byte(`{`), map[string]bool{}
	for _, s := range texts {
		if seen[s] {
			continue
		}
		seen[s] = true
		quoted, err := jsontext.AppendQuote(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Appendf(nil, `{%s:%s}`, quoted, quoted))
		if len(record) > 1 {
			record = append(record, ',')
		}
		record = fmt.Appendf(record, `%s:%s`, quoted, quoted)
	}
	record = append(record, '}')
	check(t, record)
	check(t, fmt.Appendf(nil, `{"v":[%s]}`, record))
}

// value draws a JSON text.
func value(depth int) *rapid.Generator[string] {
	scalars := []*rapid.Generator[string]{
		rapid.SampledFrom([]string{"null", "true", "false", "-0", "0", "1e400", `""`, `"NULL"`, "9007199254740993", "9223372036854775808", "0.1"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`),
		rapid.Map(rapid.Float64(), func(f float64) string { b, _ := json.Marshal(f); return string(b) }),
		rapid.Map(rapid.String(), quote),
		rapid.StringMatching(`"(000[01]|[12][09][0-9]{2}|9999)-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,7})?)?(Z|[+-][012][0-9](:?[0-5][0-9])?)?)?"`),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.Deferred(func() *rapid.Generator[string] {
		return rapid.OneOf(append(scalars,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(v []string) string { return "[" + strings.Join(v, ", ") + "]" }),
			object(depth-1))...)
	})
}

func object(depth int) *rapid.Generator[string] {
	keys := rapid.OneOf(rapid.SampledFrom([]string{"a", "A", "b", "a_1", "", "x.y", "é", "\"", "\\n", "\n"}), rapid.StringN(0, 3, -1))
	return rapid.Map(rapid.MapOfN(keys, value(depth), 0, 5), func(m map[string]string) string {
		var parts []string
		for k, v := range m {
			parts = append(parts, quote(k)+" : "+v)
		}
		return "{" + strings.Join(parts, ",") + "}"
	})
}

func quote(s string) string {
	b, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "?"))
	return string(b)
}

// Whatever the records, every value comes out of the normal form as it was, and
// records that are said to be in normal form are.
func TestNormalFormKeepsValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(object(3), 1, 5).Draw(t, "records")
		limits := typing.Limits{
			Fields: rapid.SampledFrom([]int{0, 2}).Draw(t, "fields"),
			Nodes:  rapid.SampledFrom([]int{0, 3}).Draw(t, "nodes"), TypeDepth: rapid.SampledFrom([]int{0, 2}).Draw(t, "type depth"),
		}
		o := typing.NewObserver(limits)
		for _, r := range records {
			if err := o.Observe([]byte(r)); err != nil {
				t.Fatalf("Observe(%s): %v", r, err)
			}
		}
		result := o.Schema(nil)
		n := result.Normalizer()
		for _, r := range records {
			line, err := n.Append(nil, []byte(r))
			if err != nil {
				t.Fatalf("Append(%s): %v", r, err)
			}
			if err := landtest.Same(result.Schema, []byte(r), line); err != nil {
				t.Fatalf("%s as %s: %v", r, line, err)
			}
			if result.Direct {
				raw := jsontext.Value(r)
				if err := raw.Compact(); err != nil {
					t.Fatal(err)
				}
				if err := landtest.Same(result.Schema, []byte(r), raw); err != nil {
					t.Fatalf("%s is not in normal form as it is: %v", r, err)
				}
			}
		}
	})
}

func FuzzObserve(f *testing.F) {
	for _, s := range odd {
		f.Add([]byte(`{"v":` + s + `}`))
	}
	for _, c := range ladder {
		f.Add([]byte(`{"v":[` + strings.Join(c.values, ",") + `]}`))
	}
	f.Fuzz(func(t *testing.T, record []byte) { check(t, record) })
}
