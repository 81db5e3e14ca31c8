package typing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/ingest/landtest"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

// observe returns what an observer decides over the records.
func observe(t testing.TB, limits typing.Limits, records ...string) typing.Result {
	t.Helper()
	o := typing.NewObserver(limits)
	for _, r := range records {
		if err := o.Observe([]byte(r)); err != nil {
			t.Fatalf("Observe(%s): %v", r, err)
		}
	}
	return o.Schema(nil)
}

// values returns one record per JSON value, which is under the key v.
func values(texts ...string) []string {
	records := make([]string, len(texts))
	for i, s := range texts {
		records[i] = `{"v":` + s + `}`
	}
	return records
}

// normal returns the records in normal form.
func normal(t testing.TB, result typing.Result, records ...string) []string {
	t.Helper()
	n := result.Normalizer()
	out := make([]string, len(records))
	for i, r := range records {
		line, err := n.Append(nil, []byte(r))
		if err != nil {
			t.Fatalf("Append(%s): %v", r, err)
		}
		out[i] = string(line)
	}
	return out
}

var ladder = []struct {
	rule   string
	values []string
	want   string
	normal []string // nil means the values as they are
	direct bool
}{
	{"booleans", []string{`true`, `false`, `null`}, "BOOLEAN", nil, true},
	{"integers of 64 bits", []string{`1`, `-9223372036854775808`, `9223372036854775807`, `0`}, "BIGINT", nil, true},
	{"integers around 2^53 stay exact", []string{`9007199254740991`, `9007199254740992`, `9007199254740993`}, "BIGINT", nil, true},
	{"one past 64 bits is DECIMAL", []string{`1`, `9223372036854775808`}, "DECIMAL(19,0)", []string{`"1"`, `"9223372036854775808"`}, false},
	{"one below 64 bits is DECIMAL", []string{`-9223372036854775809`}, "DECIMAL(19,0)", []string{`"-9223372036854775809"`}, false},
	{"2^64 is DECIMAL", []string{`18446744073709551616`}, "DECIMAL(20,0)", []string{`"18446744073709551616"`}, false},
	{"38 digits are DECIMAL", []string{strings.Repeat("9", 38)}, "DECIMAL(38,0)", []string{`"` + strings.Repeat("9", 38) + `"`}, false},
	{"39 digits are text", []string{strings.Repeat("9", 39), `1`}, "VARCHAR", []string{`"` + strings.Repeat("9", 39) + `"`, `"1"`}, false},
	{"fractions that float64 gives back", []string{`0.1`, `1.5`, `-2.25`, `1e10`, `3`, `1.10`}, "DOUBLE", nil, true},
	{"17 digits that float64 gives back", []string{`0.30000000000000004`, `0.7999999999999999`, `-3.3000000000000003`}, "DOUBLE", nil, true},
	{"17 digits that float64 changes", []string{`0.30000000000000001`}, "DECIMAL(18,17)", []string{`"0.30000000000000001"`}, false},
	{"a float64 at its ends", []string{`1.7976931348623157e308`, `5e-324`, `-2.2250738585072014e-308`}, "DOUBLE", nil, true},
	{"below the smallest float64 is text", []string{`4.9e-324`}, "VARCHAR", []string{`"4.9e-324"`}, false},
	{"30 digits with a point are DECIMAL", []string{`123456789012345678.901234567891`, `1`}, "DECIMAL(30,12)",
		[]string{`"123456789012345678.901234567891"`, `"1"`}, false},
	{"an integer past 2^53 among fractions is DECIMAL", []string{`9007199254740993`, `0.5`}, "DECIMAL(17,1)", []string{`"9007199254740993"`, `"0.5"`}, false},
	{"2^53 among fractions is DOUBLE", []string{`9007199254740992`, `0.5`}, "DOUBLE", nil, true},
	{"1e20 among fractions is DOUBLE", []string{`100000000000000000000`, `0.5`}, "DOUBLE", nil, true},
	{"zeros at the end count if they fit", []string{`12345678901234567890.50`}, "DECIMAL(22,2)", []string{`"12345678901234567890.5"`}, false},
	{"zeros at the end do not count if they do not fit", []string{`12345678901234567890.5` + strings.Repeat("0", 30)}, "DECIMAL(21,1)",
		[]string{`"12345678901234567890.5"`}, false},
	{"an exponent is applied", []string{`12345678901234567.8e-10`, `1.5e+3`, `2E3`}, "DECIMAL(18,11)",
		[]string{`"1234567.89012345678"`, `"1500"`, `"2000"`}, false},
	{"1e400 is text", []string{`1e400`, `1`}, "VARCHAR", []string{`"1e400"`, `"1"`}, false},
	{"-1e400 is text", []string{`-1e400`}, "VARCHAR", []string{`"-1e400"`}, false},
	{"an absurd exponent is text", []string{`1e99999999999999999999`, `1E-99999999999999999999`}, "VARCHAR",
		[]string{`"1e99999999999999999999"`, `"1E-99999999999999999999"`}, false},
	{"zero with an absurd exponent is zero", []string{`0e99999999999999999999`}, "DOUBLE", nil, true},
	{"-0 is no integer", []string{`-0`, `1`}, "DOUBLE", []string{`-0.0`, `1`}, false},
	{"-0.0 keeps its sign", []string{`-0.0`, `1`}, "DOUBLE", nil, true},
	{"a sign among zeros without is dropped", []string{`-0`, `0.00`, `-0.0`, `1`, `-0e5`}, "DOUBLE", []string{`0.0`, `0.00`, `0.0`, `1`, `0.0`}, false},
	{"a zero beside a sign", []string{`-0.0`, `0`}, "DOUBLE", []string{`0.0`, `0`}, false},
	{"-0 is no DECIMAL", []string{`-0`, `9007199254740993`}, "VARCHAR", []string{`"-0"`, `"9007199254740993"`}, false},
	{"1.0 and 1e3 are not written as integers", []string{`1.0`, `1e3`, `2`}, "DOUBLE", nil, true},

	{"text", []string{`"a"`, `""`, `"NULL"`, `null`, `"\u0041\ud83d\ude00\u0000"`}, "VARCHAR", nil, true},
	{"numbers in text stay text", []string{`"1"`, `"2"`}, "VARCHAR", nil, true},
	{"dates", []string{`"2024-02-29"`, `"0001-01-01"`, `"9999-12-31"`, `null`}, "DATE", nil, true},
	{"times without an offset", []string{`"2024-01-02T03:04:05"`, `"2024-01-02 03:04:05.5"`}, "TIMESTAMP",
		[]string{`"2024-01-02 03:04:05.000000"`, `"2024-01-02 03:04:05.500000"`}, true},
	{"times without seconds", []string{`"2022-07-01T23:59"`}, "TIMESTAMP", []string{`"2022-07-01 23:59:00.000000"`}, false},
	{"every form of offset", []string{`"2024-01-02T03:04:05Z"`, `"2024-01-02t03:04:05z"`, `"2024-01-02T03:04:05+05:30"`,
		`"2024-01-02T03:04:05-0800"`, `"2024-01-02T03:04:05+09"`, `"2024-01-02 03:04:05.123456-00:00"`, `"2024-12-31T23:59:59.1-23:59"`,
		`"2024-01-02T03:04:05.1234560000Z"`}, "TIMESTAMPTZ",
		[]string{`"2024-01-02 03:04:05.000000+00:00"`, `"2024-01-02 03:04:05.000000+00:00"`, `"2024-01-01 21:34:05.000000+00:00"`,
			`"2024-01-02 11:04:05.000000+00:00"`, `"2024-01-01 18:04:05.000000+00:00"`, `"2024-01-02 03:04:05.123456+00:00"`,
			`"2025-01-01 23:58:59.100000+00:00"`, `"2024-01-02 03:04:05.123456+00:00"`}, false},
	{"the first and the last instant", []string{`"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999Z"`}, "TIMESTAMPTZ",
		[]string{`"0001-01-01 00:00:00.000000+00:00"`, `"9999-12-31 23:59:59.999999+00:00"`}, true},
	{"with and without offset is text", []string{`"2024-01-02T03:04:05Z"`, `"2024-01-02T03:04:05"`}, "VARCHAR", nil, true},
	{"date and time is text", []string{`"2024-01-02"`, `"2024-01-02T03:04:05"`}, "VARCHAR", nil, true},
	{"date and empty string is text", []string{`"2024-01-02"`, `""`}, "VARCHAR", nil, true},
	{"text after dates is text", []string{`"2024-01-02"`, `"2024-01-03"`, `"unknown"`}, "VARCHAR", nil, true},
	{"dates after text are text", []string{`"unknown"`, `"2024-01-03"`}, "VARCHAR", nil, true},
	{"a date spelled with an escape is text", []string{`"2024\u002d01-02"`}, "VARCHAR", nil, true},
	{"date and number is text", []string{`"2024-01-02"`, `20240102`}, "VARCHAR", []string{`"2024-01-02"`, `"20240102"`}, false},

	{"null only", []string{`null`, `null`}, "VARCHAR", nil, true},
	{"mixed scalars", []string{`1`, `"1"`, `true`, `1.50`, `null`, `1E5`}, "VARCHAR", []string{`"1"`, `"1"`, `"true"`, `"1.50"`, `null`, `"1E5"`}, false},
	{"booleans and numbers", []string{`true`, `0`}, "VARCHAR", []string{`"true"`, `"0"`}, false},
	{"object and scalar", []string{`{"a": 1, "b":" x\"\\y\n "}`, `"s"`, `1.0`, `null`, `[1 , 2]`}, "JSON",
		[]string{`"{\"a\":1,\"b\":\" x\\\"\\\\y\\n \"}"`, `"\"s\""`, `"1.0"`, `null`, `"[1,2]"`}, false},
	{"array and scalar", []string{`[1]`, `1`}, "JSON", []string{`"[1]"`, `"1"`}, false},
	{"array and object", []string{`[1]`, `{}`}, "JSON", []string{`"[1]"`, `"{}"`}, false},
	{"a mixture keeps duplicate keys and escapes", []string{`1`, `{"\u0061":1e0,"a":"\/"}`}, "JSON", []string{`"1"`, `"{\"\\u0061\":1e0,\"a\":\"\\/\"}"`}, false},

	{"objects", []string{`{"a":1,"b":"x"}`, `{"b":null}`, `{}`, `null`, `{"c":{"d":true}}`}, `STRUCT("a" BIGINT, "b" VARCHAR, "c" STRUCT("d" BOOLEAN))`, nil, true},
	{"a mixture inside an object stays inside", []string{`{"a":1}`, `{"a":"x"}`, `{"a":null}`}, `STRUCT("a" VARCHAR)`, []string{`{"a":"1"}`, `{"a":"x"}`, `{"a":null}`}, false},
	{"only empty objects", []string{`{}`, `null`, `{ }`}, "JSON", []string{`"{}"`, `null`, `"{}"`}, false},
	{"arrays have one type over all rows", []string{`[1,2]`, `[]`, `[null]`, `null`, `[0.5]`}, "DOUBLE[]", nil, true},
	{"a mixture in arrays", []string{`[1,"a"]`}, "VARCHAR[]", []string{`["1","a"]`}, false},
	{"different shapes in arrays", []string{`[1,{"a":1},[]]`}, "JSON[]", []string{`["1","{\"a\":1}","[]"]`}, false},
	{"arrays of objects", []string{`[{"a":1},{"b":2.5}]`, `[{"a":3}]`}, `STRUCT("a" BIGINT, "b" DOUBLE)[]`, nil, true},
	{"arrays of arrays", []string{`[[1],[2,3]]`, `[[]]`}, "BIGINT[][]", nil, true},
	{"only empty arrays", []string{`[]`, `null`}, "VARCHAR[]", nil, true},
	{"white space is dropped", []string{" [ 1 ,\n\t2 ] ", ` { "a" : 1 } `}, "JSON", []string{`"[1,2]"`, `"{\"a\":1}"`}, false},
	{"white space between tokens is dropped", []string{"{ \"a\" :\r\n[ 1 ,\n\t2 ] , \"b\": { } }"}, `STRUCT("a" BIGINT[], "b" JSON)`, []string{`{"a":[1,2],"b":"{}"}`}, false},
}

func TestLadder(t *testing.T) {
	t.Parallel()
	for _, c := range ladder {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			records := values(c.values...)
			got := observe(t, typing.Limits{}, records...)
			if len(got.Schema.Columns) != 1 || got.Schema.Columns[0].Type.String() != c.want {
				t.Errorf("got columns %v, want one of type %s", got.Schema.Columns, c.want)
			}
			want := records
			if c.normal != nil {
				want = values(c.normal...)
			}
			if diff := cmp.Diff(want, normal(t, got, records...)); diff != "" {
				t.Errorf("normal form (-want +got):\n%s", diff)
			}
			if got.Direct != c.direct {
				t.Errorf("Direct is %t, want %t", got.Direct, c.direct)
			}
			for i, r := range records {
				if err := landtest.Same(got.Schema, []byte(r), []byte(want[i])); err != nil {
					t.Errorf("%s as %s: %v", r, want[i], err)
				}
			}
		})
	}
}

func TestNotAMoment(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "2024", "2024-01", "20240102", "2024-1-2", "2024-001", "2024-W01-1", "02/01/2024", "2024-01-02x", "2024/01/02",
		"2023-02-29", "1900-02-29", "2024-00-01", "2024-13-01", "2024-01-00", "2024-04-31", "0000-01-01", "-001-01-01", "10000-01-01", "+2024-01-02",
		"2024-01-02T", "2024-01-02T3:04", "2024-01-02T03", "2024-01-02T24:00:00", "2024-01-02T23:60:00", "2024-01-02T23:59:60Z",
		"2024-01-02T03:04:", "2024-01-02T03:04:5", "2024-01-02T03:04:05.", "2024-01-02T03:04:05.Z", "2024-01-02T03:04:05,5",
		"2024-01-02T03:04:05.1234567", "2024-01-02T03:04:05.0000001Z", "2024-01-02_03:04:05", "2024-01-02  03:04:05", "2024-01-02T030405",
		"2024-01-02T03:04:05+", "2024-01-02T03:04:05+5", "2024-01-02T03:04:05+24:00", "2024-01-02T03:04:05+05:60", "2024-01-02T03:04:05+05:3",
		"2024-01-02T03:04:05+05:30:00", "2024-01-02T03:04:05 +05:30", "2024-01-02T03:04:05UTC", "2024-01-02T03:04:05ZZ", "2024-01-02T03:04:05Z ",
		"2024-01-02Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2O24-01-02", "2024-01-0a", "2024-0:-02", "২০২৪-01-02",
	} {
		got := observe(t, typing.Limits{}, fmt.Sprintf(`{"v":%q}`, s)).Schema.Columns[0].Type.Kind
		if got != table.Varchar {
			t.Errorf("%q is %s, want VARCHAR", s, got)
		}
	}
}

// The engine turns 1.75 into 2 without a word when a column is BIGINT, so that one
// fraction anywhere must change the type.
func TestOneFractionInTheLastRow(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	o := typing.NewObserver(typing.Limits{})
	for i := range rows - 1 {
		if err := o.Observe(fmt.Appendf(nil, `{"small":%d,"large":%d}`, i, 9007199254740993+i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range o.Schema(nil).Schema.Columns {
		if c.Type.Kind != table.BigInt {
			t.Fatalf("before the fraction %s is %s", c.Name, c.Type)
		}
	}
	last := []byte(`{"small":1.75,"large":1.75}`)
	if err := o.Observe(last); err != nil {
		t.Fatal(err)
	}
	result := o.Schema(nil)
	s := result.Schema
	want := []string{"DOUBLE", "DECIMAL(18,2)"}
	for i, c := range s.Columns {
		if got := c.Type.String(); got != want[i] {
			t.Errorf("%s is %s, want %s", c.Name, got, want[i])
		}
	}
	if diff := cmp.Diff([]string{`{"small":1.75,"large":"1.75"}`}, normal(t, result, string(last))); diff != "" {
		t.Error(diff)
	}
}
