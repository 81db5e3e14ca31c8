package typing_test

import (
	"strings"
	"testing"

	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

func TestForcedTypes(t *testing.T) {
	t.Parallel()
	dec := table.Type{Kind: table.Decimal, Precision: 6, Scale: 2}
	for _, c := range []struct {
		to     table.Type
		values string // parted by blanks
		want   string // "!" for what does not fit
	}{
		{table.Type{Kind: table.BigInt}, `1 "2" "+3" "-4" "007" 1.0 1e3 "1.5" "x" "" true 9223372036854775808 -0 null`, `1 2 3 -4 7 1 1000 ! ! ! ! ! ! null`},
		{dec, `"12.5" 12.50 "1234.567" 9999.99 "-0.01" 10000 "+.5" 1e-2 "--1" "+-1"`, `"12.5" "12.5" ! "9999.99" "-0.01" ! ! "0.01" ! !`},
		{table.Type{Kind: table.Double}, `"0.1" 0.1 "1e5" 9007199254740993 "-0" "NaN" 1e400`, `0.1 0.1 1e5 ! -0.0 ! !`},
		{table.Type{Kind: table.Boolean}, `true "false" "TRUE" 1 "yes"`, `true false true ! !`},
		{table.Type{Kind: table.Varchar}, `1.50 "a\"b" true {"a":1} [1,"x"]`, `"1.50" "a\"b" "true" "{\"a\":1}" "[1,\"x\"]"`},
		{table.Type{Kind: table.JSON}, `1.50 "a" {"a":null}`, `"1.50" "\"a\"" "{\"a\":null}"`},
		{table.Type{Kind: table.Date}, `"2024-02-29" "2023-02-29" "2024-01-01T00:00:00" "2024-01-01T00:01:00" "2024-01-01T00:00:00Z" 20240101`, `"2024-02-29" ! "2024-01-01" ! ! !`},
		{table.Type{Kind: table.Timestamp}, `"2024-01-01" "2024-01-01T01:02:03.5"`, `"2024-01-01@00:00:00.000000" "2024-01-01@01:02:03.500000"`},
		{table.Type{Kind: table.TimestampTZ}, `"2024-01-01T00:00:00+01:00" "2024-01-01T00:00:00" "2024-01-01"`, `"2023-12-31@23:00:00.000000+00:00" ! !`},
	} {
		o := typing.NewObserver(typing.Limits{})
		values, want := strings.Fields(c.values), strings.Fields(c.want)
		for _, v := range values {
			if err := o.Observe([]byte(`{"Odd Key":` + v + `,"other":1}`)); err != nil {
				t.Fatal(err)
			}
		}
		result := o.Schema(nil)
		if !result.Force("Odd Key", c.to) || result.Force("odd key", c.to) || result.Direct {
			t.Fatal("only the column of that key is forced, and its records are not in normal form")
		}
		if got := result.Schema.Columns[0].Type.String(); got != c.to.String() || result.Columns[0].Type != got || len(result.Columns[0].Notes) == 0 {
			t.Errorf("%s: the schema says %s, the report %+v", c.to, got, result.Columns[0])
		}
		strict, loose := result.Normalizer(), result.Normalizer()
		var told string
		loose.Collect(func(key string, value []byte) { told = key + "=" + string(value) })
		for i, v := range values {
			record, told0 := `{"Odd Key":`+v+`,"other":1}`, told
			_, err := strict.Append(nil, []byte(record))
			if (err != nil) != (want[i] == "!") {
				t.Errorf("%s of %s: %v", c.to, v, err)
			}
			got, err := loose.Append(nil, []byte(record))
			line := `{"Odd Key":` + strings.ReplaceAll(strings.ReplaceAll(want[i], "@", " "), "!", "null") + `,"other":1}`
			if err != nil || string(got) != line {
				t.Errorf("%s of %s: got %s %v, want %s", c.to, v, got, err, line)
			}
			if misfit := told != told0; misfit != (want[i] == "!") || misfit && told != "Odd Key="+v {
				t.Errorf("%s of %s: told %q", c.to, v, told)
			}
		}
	}
}
