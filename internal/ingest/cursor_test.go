package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest"
	"millwright/internal/table"
)

// run shows records to a run after the one that left known, and returns which of
// them it lands and what it leaves, as it comes back from the database.
func run(t interface {
	Helper()
	Fatalf(string, ...any)
}, c httpsource.Cursor, known *ingest.CursorState, merging bool, records ...string) ([]string, *ingest.CursorState) {
	t.Helper()
	tr, err := ingest.NewTracker(c, known, merging)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var landed []string
	for _, r := range records {
		repeated, err := tr.See(r)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if !repeated {
			landed = append(landed, r)
		}
	}
	state, err := tr.End()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if state == nil {
		return landed, known
	}
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatalf("%v", err)
	}
	again := &ingest.CursorState{}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatalf("%v", err)
	}
	return landed, again
}

// Whatever a source holds and however often it is asked, each record is landed as
// often as the source has it: with an inclusive parameter and any lookback.
func TestACursorLandsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lookback := rapid.IntRange(0, 3).Draw(t, "lookback")
		c := httpsource.Cursor{Field: "at", Param: "since", Lookback: fmt.Sprint(lookback)}
		var state *ingest.CursorState
		var held, landed []string
		top := -100
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			// Later records are no older than the window: that is what a lookback is for.
			for range rapid.IntRange(0, 6).Draw(t, "new") {
				low := -3
				if top > -100 {
					low = top - lookback
				}
				at := rapid.IntRange(low, low+lookback+2).Draw(t, "at")
				held = append(held, fmt.Sprintf(`{"at":%d,"x":%d}`, at, rapid.IntRange(0, 1).Draw(t, "x")))
			}
			for _, r := range held {
				var v struct{ At int }
				if err := json.Unmarshal([]byte(r), &v); err != nil {
					t.Fatal(err)
				}
				top = max(top, v.At)
			}
			next, err := ingest.Next(state, c)
			if err != nil {
				t.Fatal(err)
			}
			var sent []string
			for _, r := range held {
				var v struct{ At int }
				_ = json.Unmarshal([]byte(r), &v)
				if from := 0; next == nil || json.Unmarshal(next, &from) == nil && v.At >= from {
					sent = append(sent, r)
				}
			}
			var new []string
			new, state = run(t, c, state, false, rapid.Permutation(sent).Draw(t, "order")...)
			landed = append(landed, new...)
			slices.Sort(landed)
			want := slices.Clone(held)
			slices.Sort(want)
			if diff := cmp.Diff(want, landed); diff != "" {
				t.Fatalf("held by the source (-), landed (+): %s", diff)
			}
		}
	})
}

func TestWhatACursorTakesForTheSameRecord(t *testing.T) {
	t.Parallel()
	c := httpsource.Cursor{Field: "at", Param: "since"}
	_, state := run(t, c, nil, false, `{"at":1,"a":1.0,"b":"x"}`)
	landed, _ := run(t, c, state, false, ` { "b" : "\u0078", "a":1.0, "at":1 } `, `{"at":1,"a":1.00,"b":"x"}`, `{"at":1,"a":1.0,"b":"x"}`)
	if diff := cmp.Diff([]string{`{"at":1,"a":1.00,"b":"x"}`, `{"at":1,"a":1.0,"b":"x"}`}, landed); diff != "" {
		t.Error(diff)
	}
}

// Records without a value come with every run, and are landed once.
func TestRecordsWithoutAValue(t *testing.T) {
	t.Parallel()
	c := httpsource.Cursor{Field: "at", Param: "since"}
	_, state := run(t, c, nil, false, `{"at":1}`, `{"at":null,"x":1}`, `{"x":2}`)
	landed, _ := run(t, c, state, false, `{"at":null,"x":1}`, `{"x":2}`, `{"x":3}`, `{"at":2}`)
	if diff := cmp.Diff([]string{`{"x":3}`, `{"at":2}`}, landed); diff != "" {
		t.Error(diff)
	}
}

func TestValuesOfACursorCompareExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, values, max string }{
		{"integers past 2^53", `9007199254740992 9007199254740993`, `9007199254740993`},
		{"past 64 bits", `99999999999999999999 99999999999999999998 1e3`, `99999999999999999999`},
		{"decimals", `0.1 0.10000000000000000001 -5`, `0.10000000000000000001`},
		{"instants by what they are", `"2024-01-01T12:00:00+02:00" "2024-01-01T11:00:00Z" "2024-01-01T05:30:00-05:00"`, `"2024-01-01T11:00:00Z"`},
		{"dates", `"2024-02-29" "2024-03-01" "2024-01-31"`, `"2024-03-01"`},
		{"texts", `"01HX" "01HZ" "01HA"`, `"01HZ"`},
	} {
		var records []string
		for _, v := range fields(c.values) {
			records = append(records, `{"at":`+v+`}`)
		}
		for range 2 {
			_, state := run(t, httpsource.Cursor{Field: "at", Param: "p"}, nil, false, records...)
			if string(state.Value) != c.max {
				t.Errorf("%s: the greatest is %s, want %s", c.rule, state.Value, c.max)
			}
			slices.Reverse(records)
		}
	}
}

// fields parts JSON values at the blanks between them.
func fields(text string) (all []string) {
	start, inside := 0, false
	for i, c := range text + " " {
		if c == '"' {
			inside = !inside
		}
		if c == ' ' && !inside {
			all = append(all, text[start:i])
			start = i + 1
		}
	}
	return all
}

func TestTooManyRecordsAtTheBoundary(t *testing.T) {
	t.Parallel()
	c := httpsource.Cursor{Field: "at", Param: "p"}
	show := func(merging, exclusive bool, n int) (*ingest.CursorState, error) {
		c.Exclusive = exclusive
		tr, err := ingest.NewTracker(c, nil, merging)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, err := tr.See(fmt.Sprintf(`{"at":"2024-01-01","id":%d}`, i)); err != nil {
				t.Fatal(err)
			}
		}
		return tr.End()
	}
	_, err := show(false, false, ingest.MaxRemembered+1)
	if e, ok := errs.Find(err); !ok || e.Type != "cursor-window-too-large" || len(e.Fixes) == 0 {
		t.Errorf("one more than can be remembered: %v", err)
	}
	if s, err := show(false, false, ingest.MaxRemembered); err != nil || len(s.Records) != ingest.MaxRemembered {
		t.Errorf("as many as can be remembered: %v", err)
	}
	if s, err := show(true, false, 3*ingest.MaxRemembered); err != nil || len(s.Records) != 0 {
		t.Errorf("a merge needs none: %v", err)
	}
	if s, err := show(false, true, 3*ingest.MaxRemembered); err != nil || len(s.Records) != 0 {
		t.Errorf("an exclusive source brings none again: %v", err)
	}
	// What was too much is forgotten once the values have left it behind.
	c.Exclusive = false
	late, err := ingest.NewTracker(c, nil, false)
	for i := range 4*ingest.MaxRemembered + 1 {
		_, e := late.See(fmt.Sprintf(`{"at":"2024-01-0%d","id":%d}`, 1+i/(4*ingest.MaxRemembered), i))
		err = errors.Join(err, e)
	}
	if s, e := late.End(); err != nil || e != nil || string(s.Value) != `"2024-01-02"` {
		t.Errorf("%v %v", err, e)
	}
	// A long history whose records grow is no trouble.
	tr, err := ingest.NewTracker(httpsource.Cursor{Field: "at", Param: "p", Lookback: "10"}, nil, false)
	for i := range 3 * ingest.MaxRemembered {
		_, e := tr.See(fmt.Sprintf(`{"at":%d}`, i))
		err = errors.Join(err, e)
	}
	if s, e := tr.End(); err != nil || e != nil || len(s.Records) != 11 {
		t.Errorf("%v %v: %d records are remembered, want 11", err, e, len(s.Records))
	}
}

func TestWhichCastsServe(t *testing.T) {
	t.Parallel()
	bigint, double, text := table.Type{Kind: table.BigInt}, table.Type{Kind: table.Double}, table.Type{Kind: table.Varchar}
	decimal := func(p, s int) table.Type { return table.Type{Kind: table.Decimal, Precision: p, Scale: s} }
	list := func(t table.Type) table.Type { return table.Type{Kind: table.List, Elem: &t, ElemID: 2} }
	structOf := func(cs ...table.Column) table.Type { return table.Type{Kind: table.Struct, Fields: cs} }
	for _, c := range []struct {
		from, to table.Type
		want     bool
	}{
		{bigint, bigint, true}, {bigint, double, true}, {bigint, decimal(5, 2), true}, {bigint, text, true},
		{double, text, false}, {double, decimal(5, 2), false}, {double, bigint, false},
		{table.Type{Kind: table.Boolean}, text, true}, {table.Type{Kind: table.Date}, text, true},
		{table.Type{Kind: table.Timestamp}, text, false}, {table.Type{Kind: table.TimestampTZ}, text, false},
		{table.Type{Kind: table.Date}, table.Type{Kind: table.Timestamp}, false},
		{decimal(5, 2), decimal(6, 2), true}, {decimal(5, 2), decimal(6, 4), false}, {decimal(5, 2), text, false},
		{text, bigint, false}, {bigint, table.Type{Kind: table.JSON}, false}, {text, table.Type{Kind: table.JSON}, false},
		{list(bigint), list(double), true}, {list(double), list(text), false}, {list(bigint), text, false},
		{structOf(table.Column{ID: 5, Type: bigint}), structOf(table.Column{ID: 6, Type: text}, table.Column{ID: 5, Type: double}), true},
		{structOf(table.Column{ID: 5, Type: bigint}), structOf(table.Column{ID: 6, Type: text}), false},
	} {
		file, now := table.Schema{Columns: []table.Column{{ID: 1, Type: c.from}}}, table.Schema{Columns: []table.Column{{ID: 9, Type: text}, {ID: 1, Type: c.to}}}
		if got := ingest.ServesExactly(file, now); got != c.want {
			t.Errorf("%s as %s: %t, want %t", c.from, c.to, got, c.want)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, numbers := range [][]int64{nil, {0}, {0, 1, 2}, {1, 3, 4, 9}} {
		if diff := cmp.Diff(numbers, ingest.Spans(numbers)); diff != "" {
			t.Error(diff)
		}
	}
}
