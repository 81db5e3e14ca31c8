package typing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millwright/internal/errs"
	"millwright/internal/ingest/typing"
)

func restored(t interface {
	Helper()
	Fatalf(string, ...any)
}, l typing.Limits, o *typing.Observer) *typing.Observer {
	t.Helper()
	state, err := o.State()
	if err != nil {
		t.Fatalf("State: %v", err)
	}
	again, err := typing.Restore(l, state)
	if err != nil {
		t.Fatalf("Restore(%s): %v", state, err)
	}
	return again
}

// What is decided over two runs is what one run with all records would decide.
func TestStateGoesOnAsOneObserver(t *testing.T) {
	t.Parallel()
	limits := []typing.Limits{{}, {Fields: 2}, {Nodes: 3, Columns: 10_000}, {TypeDepth: 2}, {KeyBytes: 40}}
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(limits).Draw(t, "limits")
		first := rapid.SliceOfN(object(3), 0, 6).Draw(t, "first")
		second := rapid.SliceOfN(object(3), 0, 6).Draw(t, "second")
		one, two := typing.NewObserver(l), typing.NewObserver(l)
		for _, r := range first {
			if one.Observe([]byte(r)) != nil || two.Observe([]byte(r)) != nil {
				t.Skip("a record that is refused")
			}
		}
		two = restored(t, l, two)
		for _, r := range second {
			a, b := one.Observe([]byte(r)), two.Observe([]byte(r))
			if (a == nil) != (b == nil) {
				t.Fatalf("Observe(%s): %v, and restored: %v", r, a, b)
			}
			if a != nil {
				t.Skip("a record that is refused")
			}
		}
		a, err := one.State()
		if err != nil {
			t.Fatalf("%v", err)
		}
		b, err := two.State()
		if err != nil {
			t.Fatalf("%v", err)
		}
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Errorf("state of one observer (-) and of a restored one (+): %s", diff)
		}
		if diff := cmp.Diff(one.Schema(nil), two.Schema(nil), cmp.AllowUnexported(typing.Result{})); diff != "" {
			t.Errorf("result of one observer (-) and of a restored one (+): %s", diff)
		}
	})
}

func TestRestoredKeepsColumnsThatNoLaterRecordHas(t *testing.T) {
	t.Parallel()
	o := typing.NewObserver(typing.Limits{})
	if err := o.Observe([]byte(`{"id":1,"gone":"2024-01-01"}`)); err != nil {
		t.Fatal(err)
	}
	before := o.Schema(nil)
	o = restored(t, typing.Limits{}, o)
	if err := o.Observe([]byte(`{"id":2.5,"new":true}`)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range o.Schema(&before.Schema).Schema.Columns {
		got = append(got, c.Name+" "+c.Type.String())
	}
	if diff := cmp.Diff([]string{"id DOUBLE", "gone DATE", "new BOOLEAN"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"nothing":                      ``,
		"no JSON":                      `{`,
		"another version":              `{"v":2,"root":{}}`,
		"fewer than no rows":           `{"v":1,"rows":-1,"root":{}}`,
		"a key twice":                  `{"v":1,"root":{"s":2,"f":[{"k":"a"},{"k":"a"}]}}`,
		"an unknown shape":             `{"v":1,"root":{"s":2,"f":[{"k":"a","s":9}]}}`,
		"an unknown clock":             `{"v":1,"root":{"s":2,"f":[{"k":"a","t":{"c":7}}]}}`,
		"records that are arrays":      `{"v":1,"root":{"s":3}}`,
		"fields of what is no object":  `{"v":1,"root":{"s":2,"f":[{"k":"a","s":1,"f":[{"k":"b"}]}]}}`,
		"elements of what is no array": `{"v":1,"root":{"s":2,"f":[{"k":"a","s":1,"i":{}}]}}`,
		"a negative count":             `{"v":1,"root":{"s":2,"c":{"nulls":-1}}}`,
		"a map and a struct":           `{"v":1,"root":{"s":2,"f":[{"k":"a","s":2,"f":[{"k":"b"}],"e":{}}]}}`,
	} {
		if _, err := typing.Restore(typing.Limits{}, json.RawMessage(state)); err == nil {
			t.Errorf("%s: %s was taken", name, state)
		} else if e, _ := errs.Find(err); e == nil || e.Type != "typing-state" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The decoder reads our own stored bytes. A disk may have damaged them, and then
// an error is right and a panic is not, now or at the next record.
func FuzzRestore(f *testing.F) {
	o := typing.NewObserver(typing.Limits{Fields: 2})
	for _, r := range []string{`{"a":1,"b":{"c":[1.5,{"d":"2024-01-01T00:00:00+01:00"}]}}`, `{"a":"x","m":{"1":1,"2":2,"3":3},"b":[]}`} {
		if err := o.Observe([]byte(r)); err != nil {
			f.Fatal(err)
		}
	}
	state, err := o.State()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(state))
	f.Add([]byte(strings.ReplaceAll(string(state), `"s":2`, `"s":3`)))
	f.Add([]byte(`{"v":1,"rows":1,"root":{"s":2,"f":[{"k":"","s":4,"o":true}]}}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		o, err := typing.Restore(typing.Limits{}, state)
		if err != nil {
			return
		}
		o.Schema(nil)
		for _, r := range []string{`{"a":1,"b":{"c":[1,{"d":null}]},"m":{"9":9}}`, `{"":{"":[[{"a":0}]]}}`} {
			if err := o.Observe([]byte(r)); err != nil {
				t.Fatalf("a sound record after a state that was taken: %v", err)
			}
		}
		o.Schema(nil)
		again, err := o.State()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := typing.Restore(typing.Limits{}, again); err != nil {
			t.Fatalf("its own state is refused: %v", err)
		}
	})
}
