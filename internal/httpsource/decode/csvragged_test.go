package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/httpsource/decode"
)

func TestRecordsOfAnotherLengthAreTreatedAsChosenAndNamed(t *testing.T) {
	t.Parallel()
	const body = "a,b,c\n1,2,3\n4\n5,6,7,8\n\n9,\"x\ny\",1\n2,3\n\n\n"
	named := []decode.RaggedLine{{Line: 3, Fields: 1}, {Line: 4, Fields: 4}, {Line: 5, Fields: 0}, {Line: 8, Fields: 2}}
	for _, c := range []struct {
		policy string
		rows   []string
	}{
		{"pad", []string{`{"a":1,"b":2,"c":3}`, `{"a":4,"b":null,"c":null}`, `{"a":5,"b":6,"c":7,"column_4":8}`, `{"a":9,"b":"x\ny","c":1}`, `{"a":2,"b":3,"c":null}`}},
		{"skip", []string{`{"a":1,"b":2,"c":3}`, `{"a":9,"b":"x\ny","c":1}`}},
	} {
		got, err := readAll(t, []byte(body), "text/csv", "", decode.Shape("csv; ragged="+c.policy))
		if err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		if diff := cmp.Diff(c.rows, got.rows); diff != "" {
			t.Errorf("%s: %s", c.policy, diff)
		}
		if diff := cmp.Diff(&decode.Ragged{Policy: c.policy, Fields: 3, Rows: 4, Lines: named}, got.result.Ragged); diff != "" {
			t.Errorf("%s: %s", c.policy, diff)
		}
	}
	_, err := readAll(t, []byte(body), "text/csv", "", "csv")
	if errType(err) != "csv-ragged" || !strings.Contains(err.Error(), "of 4 such records: line 3 has 1, line 4 has 4, line 5 has 0, line 8 has 2") {
		t.Errorf("without a choice: %v", err)
	}
}

func TestExtraFieldsGetColumnsOfTheirOwn(t *testing.T) {
	t.Parallel()
	got, err := readAll(t, []byte("a,column_3\nx,y\nx,y,z\n"), "text/csv", "", "csv; header=present; ragged=pad")
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":"x","column_3":"y","column_3_2":"z"}`; len(got.rows) != 2 || got.rows[1] != want {
		t.Errorf("%v, want %s", got.rows, want)
	}
}

func TestAThousandRaggedRecordsAreCounted(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a,b\n1,2\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "%d\n%d,x\n", i, i)
	}
	_, err := readAll(t, []byte(b.String()), "text/csv", "", "")
	if errType(err) != "csv-ragged" || !strings.Contains(err.Error(), "of 1000 such records") || !strings.Contains(err.Error(), "and 990 more") {
		t.Errorf("%v", err)
	}
}
