package typing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/ingest/landtest"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 400)
	for _, c := range []struct {
		rule string
		keys []string // as JSON spells them
		want []string
	}{
		{"keys that differ in case", []string{`Id`, `id`, `ID`}, []string{"Id", "id_1", "ID_2"}},
		{"a number that a key has already", []string{`id`, `ID`, `id_1`, `ID_1`}, []string{"id", "ID_2", "id_1", "ID_1_1"}},
		{"case beyond ASCII", []string{`É`, `é`, `ſ`, `S`, `\u212a`, `k`}, []string{"É", "é_1", "ſ", "S_1", "\u212a", "k_1"}},
		{"the empty key", []string{``, `_`}, []string{"_", "__1"}},
		{"dots, quotes, emoji, control characters stay", []string{`a.b`, `a\"b`, `it's`, `\ud83d\ude00`, `\n\t`, ` `, `select`, `a\\nb`, `a\nb`},
			[]string{"a.b", `a"b`, "it's", "😀", "\n\t", " ", "select", `a\nb`, "a\nb"}},
		{"NUL is replaced", []string{`a\u0000b`, `a\ufffdb`}, []string{"a\uFFFDb", "a\uFFFDb_1"}},
		{"a name that DuckDB keeps for itself", []string{`__DuckDB_field_id`}, []string{"__DuckDB_field_id_1"}},
		{"a long key has a shorter name", []string{long, long + `x`}, []string{long[:512], long[:512] + "_1"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			for _, inner := range []string{"", "struct"} {
				record := `{`
				for i, k := range c.keys {
					record += fmt.Sprintf(`%s"%s":%d`, map[bool]string{true: ","}[i > 0], k, i)
				}
				record += `}`
				if inner != "" {
					record = `{"v":` + record + `}`
				}
				result := observe(t, typing.Limits{}, record)
				s := result.Schema
				columns := s.Columns
				if inner != "" {
					columns = columns[0].Type.Fields
				}
				if diff := cmp.Diff(c.want, table.Schema{Columns: columns}.Names()); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
				if err := landtest.Same(s, []byte(record), []byte(normal(t, result, record)[0])); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestManyKeysThatDifferInCase(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{`)
	for i := range 1 << 13 {
		key := []byte("abcdefghijklm")
		for bit := range key {
			if i>>bit&1 == 1 {
				key[bit] -= 'a' - 'A'
			}
		}
		fmt.Fprintf(&b, `%s"%s":1`, map[bool]string{true: ","}[i > 0], key)
	}
	b.WriteString(`}`)
	names := observe(t, typing.Limits{}, b.String()).Schema.Names()
	for i, n := range names {
		names[i] = strings.ToLower(n)
	}
	slices.Sort(names)
	if got := len(slices.Compact(names)); got != 1<<13 {
		t.Errorf("%d different names", got)
	}
}

// ids collects all field ids of the columns.
func ids(columns []table.Column) (all []int) {
	for _, c := range columns {
		all = append(append(all, c.ID), typeIDs(c.Type)...)
	}
	return all
}

func typeIDs(t table.Type) (all []int) {
	if t.ElemID != 0 {
		all = append(all, t.ElemID)
	}
	if t.KeyID != 0 {
		all = append(all, t.KeyID)
	}
	if t.Elem != nil {
		all = append(all, typeIDs(*t.Elem)...)
	}
	return append(all, ids(t.Fields)...)
}

func TestFieldIDs(t *testing.T) {
	t.Parallel()
	first := observe(t, typing.Limits{}, `{"a":1,"A":[{"x":1,"y":[1]}],"gone":1,"kind":{"k":1}}`)
	got := ids(first.Schema.Columns)
	slices.Sort(got)
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}, got); diff != "" {
		t.Errorf("ids of the first version: %s", diff)
	}

	o := typing.NewObserver(typing.Limits{LastID: 50})
	if err := o.Observe([]byte(`{"new":0,"kind":[1],"A":[{"z":1,"y":[1],"X":2,"x":1}],"a":"s"}`)); err != nil {
		t.Fatal(err)
	}
	second := o.Schema(&first.Schema)
	if diff := cmp.Diff([]string{"a", "A_1", "kind", "new"}, second.Schema.Names()); diff != "" {
		t.Errorf("known keys keep name and order (-want +got):\n%s", diff)
	}
	old, _ := first.Schema.Column("A_1")
	now, _ := second.Schema.Column("A_1")
	if old.ID != now.ID || old.Type.ElemID != now.Type.ElemID {
		t.Errorf("a list got new ids: %v, %v", old, now)
	}
	if got := (table.Schema{Columns: now.Type.Elem.Fields}).Names(); !slices.Equal(got, []string{"x", "y", "z", "X_1"}) {
		t.Errorf("fields are %v", got)
	}
	if diff := cmp.Diff(old.Type.Elem.Fields, now.Type.Elem.Fields[:2]); diff != "" {
		t.Errorf("fields that were there (-first +second):\n%s", diff)
	}
	var fresh []int
	for _, id := range ids(second.Schema.Columns) {
		if id > 9 {
			fresh = append(fresh, id)
		}
	}
	slices.Sort(fresh)
	if third := o.Schema(&second.Schema); third.LastID != 54 {
		t.Errorf("the same schema again has new ids: %d", third.LastID)
	}
	other := typing.NewObserver(typing.Limits{})
	if err := other.Observe([]byte(`{"other":1}`)); err != nil {
		t.Fatal(err)
	}
	if got := other.Schema(&first.Schema); got.Schema.Columns[0].ID != 10 {
		t.Errorf("a new column has id %d, want the one after those of the schema before", got.Schema.Columns[0].ID)
	}
	if !slices.Equal(fresh, []int{51, 52, 53, 54}) || second.LastID != 54 {
		t.Errorf("new ids are %v, the last is %d", fresh, second.LastID)
	}
}

func TestNoRecords(t *testing.T) {
	t.Parallel()
	if observe(t, typing.Limits{}, `{"a":1}`, `{}`).Direct {
		t.Error("a record without the only column's key is said to be in normal form")
	}
	got := observe(t, typing.Limits{})
	if len(got.Schema.Columns) != 1 || got.Schema.Columns[0].Name != "_" {
		t.Errorf("without records: %v", got.Schema)
	}
	prev := table.Schema{Columns: []table.Column{{ID: 7, Name: "a", Key: "a", Type: table.Type{Kind: table.Date}}}}
	if diff := cmp.Diff(prev, typing.NewObserver(typing.Limits{}).Schema(&prev).Schema); diff != "" {
		t.Errorf("the schema is not the one before: %s", diff)
	}
	empty := observe(t, typing.Limits{}, `{}`, `{ }`)
	if len(empty.Schema.Columns) != 1 || empty.Rows != 2 {
		t.Errorf("records without keys: %v", empty)
	}
	if diff := cmp.Diff([]string{`{"_":null}`, `{"_":null}`}, normal(t, empty, `{}`, `{ }`)); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	got := observe(t, typing.Limits{},
		`{"m":1,"o":{"a":[1,null]}}`, `{"m":"x","t":"2024-01-01T00:00:00+02:00"}`, `{"m":true,"o":{}}`, `{"m":null,"o":null}`, `{"m":2.5}`)
	want := []typing.Report{
		{Path: []string{"m"}, Type: "VARCHAR", Counts: typing.Counts{Nulls: 1, Booleans: 1, Integers: 1, Fractions: 1, Strings: 1},
			Notes: []string{"mixed (1 booleans, 1 integers, 1 fractions, 1 strings): kept as text"}},
		{Path: []string{"o"}, Type: `STRUCT("a" BIGINT[])`, Counts: typing.Counts{Nulls: 1, Objects: 2}, Missing: 2},
		{Path: []string{"o", "a"}, Type: "BIGINT[]", Counts: typing.Counts{Arrays: 1}, Missing: 1},
		{Path: []string{"o", "a", "[]"}, Type: "BIGINT", Counts: typing.Counts{Nulls: 1, Integers: 1}},
		{Path: []string{"t"}, Type: "TIMESTAMPTZ", Counts: typing.Counts{Strings: 1}, Missing: 4,
			Notes: []string{"1 values had an offset other than UTC, which is not kept; the instant is"}},
	}
	if diff := cmp.Diff(want, got.Columns); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	if got.Rows != 5 {
		t.Errorf("%d rows, want 5", got.Rows)
	}
}

func TestMaps(t *testing.T) {
	t.Parallel()
	ids := func(rows, each int, value func(i int) string) (records []string) {
		for r := range rows {
			var parts []string
			for k := range each {
				parts = append(parts, fmt.Sprintf(`"id%d":%s`, r*each+k, value(r*each+k)))
			}
			records = append(records, `{"m":{`+strings.Join(parts, ",")+`}}`)
		}
		return records
	}
	number := func(i int) string { return fmt.Sprint(i) }
	object := func(i int) string { return fmt.Sprintf(`{"n":%d,"f":%d.5}`, i, i) }
	mixture := func(i int) string { return []string{"1", `"a"`}[i%2] }
	for _, c := range []struct {
		rule    string
		limits  typing.Limits
		records []string
		want    string
	}{
		{"many keys, each rarely there", typing.Limits{}, ids(40, 2, number), "MAP(VARCHAR, BIGINT)"},
		{"ids of objects", typing.Limits{}, ids(40, 2, object), `MAP(VARCHAR, STRUCT("n" BIGINT, "f" DOUBLE))`},
		{"few keys", typing.Limits{}, ids(15, 2, number), "STRUCT"},
		{"keys that are mostly there", typing.Limits{}, ids(1, 300, number), "STRUCT"},
		{"values of no one type", typing.Limits{}, ids(40, 2, mixture), "STRUCT"},
		{"more keys than fields are allowed", typing.Limits{}, ids(1, 1001, number), "MAP(VARCHAR, BIGINT)"},
		{"more keys, and values of no one type", typing.Limits{}, ids(3, 400, mixture), "JSON"},
		{"more keys in all than nodes are allowed", typing.Limits{Columns: 2, Nodes: 20}, ids(5, 8, object), `MAP(VARCHAR, STRUCT("n" BIGINT, "f" DOUBLE))`},
		{"more bytes of keys than are allowed", typing.Limits{KeyBytes: 100}, ids(5, 8, number), "MAP(VARCHAR, BIGINT)"},
		{"a map turns out to be mixed", typing.Limits{Fields: 4}, append(ids(2, 4, number), `{"m":{"a":"x"}}`), "JSON"},
		{"a value whose keys found no room", typing.Limits{Columns: 1, Nodes: 4}, []string{`{"m":{"a":{"x":1,"w":1},"b":{"y":1},"c":{"z":1}}}`}, "JSON"},
		{"many keys, each in a fifth of the objects", typing.Limits{}, fifths(50), "STRUCT"},
		{"a map turns out to be no object", typing.Limits{Fields: 4}, append(ids(2, 4, number), `{"m":[1]}`), "JSON"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			result := observe(t, c.limits, c.records...)
			s := result.Schema
			got := s.Columns[0].Type
			if got.String() != c.want && string(got.Kind) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for i, line := range normal(t, result, c.records...) {
				if err := landtest.Same(s, []byte(c.records[i]), []byte(line)); err != nil {
					t.Error(err)
				}
			}
			all := typeIDs(got)
			slices.Sort(all)
			if got.Kind != table.JSON && (all[0] == 0 || len(slices.Compact(slices.Clone(all))) != len(all)) {
				t.Errorf("ids are not unique: %v", all)
			}
		})
	}
}

// fifths returns records of objects with 10 of 50 keys each.
func fifths(rows int) (records []string) {
	for r := range rows {
		var parts []string
		for k := range 10 {
			parts = append(parts, fmt.Sprintf(`"k%d":1`, r%5*10+k))
		}
		records = append(records, `{"m":{`+strings.Join(parts, ",")+`}}`)
	}
	return records
}

// Raw bytes of one key can be the text of another.
func TestKeysThatLookAlike(t *testing.T) {
	t.Parallel()
	records := []string{`{"a\\nb":1,"a\nb":"x"}`, `{"a\nb":"y"}`, `{"a\nb":"z","a\\nb":2}`, `{"\u0061\nb":"z"}`}
	result := observe(t, typing.Limits{}, records...)
	for i, line := range normal(t, result, records...) {
		if err := landtest.Same(result.Schema, []byte(records[i]), []byte(line)); err != nil {
			t.Errorf("%s as %s: %v", records[i], line, err)
		}
	}
}

func TestDuplicateKeysAreNotNormalized(t *testing.T) {
	t.Parallel()
	seen := `{"s":{"a":1,"b":1},"m":{"k1":1,"k2":2,"k3":3}}`
	o := typing.NewObserver(typing.Limits{Fields: 2})
	if err := o.Observe([]byte(seen)); err != nil {
		t.Fatal(err)
	}
	n := o.Schema(nil).Normalizer()
	for _, twice := range []string{`{"s":{},"s":{}}`, `{"s":{"a":1,"\u0061":1}}`, `{"m":{"x":1,"\u0078":1}}`} {
		if _, err := n.Append(nil, []byte(twice)); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", twice, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	wide := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(`"c%d":%d`, i, i))
		}
		return `{` + strings.Join(parts, ",") + `}`
	}
	deep := func(n int) string { return `{"v":` + strings.Repeat(`[`, n-1) + strings.Repeat(`]`, n-1) + `}` }
	for _, c := range []struct {
		rule   string
		record string
		want   string // error type, or the type of the last column
	}{
		{"20,000 columns", wide(20_000), "BIGINT"},
		{"20,001 columns", wide(20_001), "too-many-columns"},
		{"17 MB of keys", fmt.Sprintf(`{"%s":1}`, strings.Repeat("k", 17<<20)), "too-many-columns"},
		{"types nest 16 deep", deep(16), "VARCHAR" + strings.Repeat("[]", 15)},
		{"what nests deeper is JSON", deep(20), "JSON" + strings.Repeat("[]", 15)},
		{"values nest 512 deep", deep(512), "JSON" + strings.Repeat("[]", 15)},
		{"values that nest 513 deep", deep(513), "json-too-deep"},
		{"objects that nest 513 deep", strings.Repeat(`{"a":`, 513) + `1` + strings.Repeat(`}`, 513), "json-too-deep"},
		{"values that nest a million deep", deep(1_000_000), "json-too-deep"},
		{"an array that is no record", `[1]`, "not-an-object"},
		{"null that is no record", `null`, "not-an-object"},
		{"duplicate keys", `{"a":1,"b":2,"\u0061":3}`, "duplicate-key"},
		{"duplicate keys inside", `{"a":[{"b":1},{"b":1,"b":1}]}`, "duplicate-key"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			o := typing.NewObserver(typing.Limits{})
			err := o.Observe([]byte(c.record))
			if e, ok := errs.Find(err); ok {
				if e.Type != c.want || len(e.Public()) > 400 {
					t.Errorf("got %s: %s", e.Type, e.Public())
				}
				if tooLarge := errors.Is(err, errs.TooLarge); tooLarge != (strings.HasPrefix(c.want, "too-") || c.want == "json-too-deep") {
					t.Errorf("kind is %s", e.Kind)
				}
				return
			}
			result := o.Schema(nil)
			s := result.Schema
			if got := s.Columns[len(s.Columns)-1].Type; !strings.HasSuffix(strings.Replace(got.String(), "[]", "[]", 1), c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if err := landtest.Same(s, []byte(c.record), []byte(normal(t, result, c.record)[0])); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever keys and shapes come, an observer keeps a bounded number of nodes.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	o := typing.NewObserver(typing.Limits{Columns: 10, Nodes: 200})
	for i := range 3000 {
		r := fmt.Sprintf(`{"a":{"k%d":{"x%d":[{"y%d":%d}]}},"b":[{"q%d":{"r%d":1}}],"c":{"s":{"t%d":{}}}}`, i, i, i, i, i%300, i, i)
		if err := o.Observe([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.Schema(nil).Columns); n > 250 {
		t.Errorf("%d places are reported", n)
	}
}

func TestMisfits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ seen, then string }{
		{`{"a":1}`, `{"a":1.5}`}, {`{"a":1}`, `{"a":9223372036854775808}`}, {`{"a":1}`, `{"a":"1"}`}, {`{"a":1}`, `{"a":-0}`},
		{`{"a":1}`, `{"b":1}`}, {`{"a":1}`, `[1]`}, {`{"a":1.5}`, `{"a":0.30000000000000001}`}, {`{"a":true}`, `{"a":1}`},
		{`{"a":99999999999999999999}`, `{"a":999999999999999999999}`}, {`{"a":99999999999999999999}`, `{"a":0.5}`}, {`{"a":99999999999999999999}`, `{"a":-0}`},
		{`{"a":"2024-01-01"}`, `{"a":"x"}`}, {`{"a":"2024-01-01"}`, `{"a":"2024-01-01T00:00:00"}`}, {`{"a":"2024-01-01"}`, `{"a":1}`},
		{`{"a":"2024-01-01T00:00:00Z"}`, `{"a":"2024-01-01T00:00:00"}`}, {`{"a":"s"}`, `{"a":[1]}`}, {`{"a":{"b":1}}`, `{"a":{"c":1}}`},
		{`{"a":{"b":1}}`, `{"a":[1]}`}, {`{"a":[1]}`, `{"a":["x"]}`}, {`{"a":[1]}`, `{"a":{}}`},
	} {
		n := typing.NewNormalizer(observe(t, typing.Limits{}, c.seen).Schema)
		dst := []byte("before")
		got, err := n.Append(dst, []byte(c.then))
		if e, ok := errs.Find(err); !ok || e.Type != "value-does-not-fit" || string(got) != "before" {
			t.Errorf("%s then %s: %q, %v", c.seen, c.then, got, err)
		}
		if got, err := n.Append(dst, []byte(c.seen)); err != nil || len(got) <= len(dst) {
			t.Errorf("%s after a misfit: %q, %v", c.seen, got, err)
		}
	}
}
