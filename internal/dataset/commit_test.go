package dataset_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// next returns a version of that kind made from the newest.
func next(t *testing.T, s *dataset.Store, kind dataset.Kind, base int64, files ...string) dataset.NewVersion {
	t.Helper()
	n := version(t, s, columns(column(1, "title"), column(2, "year")), files...)
	n.Kind, n.Base = kind, base
	if kind == dataset.Merge {
		n.Key, n.Rows = []string{"title"}, 1
	}
	return n
}

// wantType checks an error's kind and stable type.
func wantType(t *testing.T, what string, err error, kind errs.Kind, typ string) {
	t.Helper()
	if e, ok := errs.Find(err); !ok || e.Kind != kind || e.Type != typ {
		t.Errorf("%s: got %v, want %s %q", what, err, kind, typ)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	s := world(t)
	v := mustCommit(t, s, next(t, s, dataset.Append, 0, "a", "b")) // the first version may be an append
	v = mustCommit(t, s, next(t, s, dataset.Append, 1, "c"))
	if v.Rows != 4 || v.Bytes != 30 || v.ObjectID != "c" || v.Base != 1 || v.Kind != dataset.Append {
		t.Errorf("got %+v", v)
	}
	n := next(t, s, dataset.Append, 2, "a2", "d")
	n.Ends = []string{"a"}
	files, err := s.Files(t.Context(), v.DatasetID, 2)
	if err != nil {
		t.Fatal(err)
	}
	n.Files[0].Sequence = files[0].Sequence
	v = mustCommit(t, s, n)
	diff(t, "a file made again takes the place of the old", keys(t, s, v.DatasetID, 3), []string{"a2", "b", "c", "d"})
	diff(t, "the version before", keys(t, s, v.DatasetID, 2), []string{"a", "b", "c"})
	if v.Rows != 6 || v.Bytes != 40 { // 1 (a2) + 2 (b) + 1 (c) + 2 (d)
		t.Errorf("got %d rows, %d bytes", v.Rows, v.Bytes)
	}
	v = mustCommit(t, s, next(t, s, dataset.Replace, 3, "e"))
	diff(t, "after a replacement", keys(t, s, v.DatasetID, 4), []string{"e"})
}

func TestRawPagesAndFactsAreRead(t *testing.T) {
	s := world(t)
	n := next(t, s, dataset.Append, 0, "a")
	n.Files[0].Raws, n.Files[0].Stats = []string{"r1", "r2"}, json.RawMessage(`{"1":{"nulls":0}}`)
	n.Facts = json.RawMessage(`{"rows":1}`)
	v := mustCommit(t, s, n)
	files, err := s.Files(t.Context(), v.DatasetID, 1)
	if err != nil || string(files[0].Stats) != `{"1":{"nulls":0}}` {
		t.Fatalf("got %+v, %v", files, err)
	}
	diff(t, "raws", files[0].Raws, []string{"r1", "r2"})
	mustCommit(t, s, next(t, s, dataset.Append, 1, "b"))
	for version, want := range map[int64]string{1: `{"rows":1}`, 2: ``} {
		if got, err := s.Facts(t.Context(), v.DatasetID, version); err != nil || string(got) != want {
			t.Errorf("version %d: got %s, %v", version, got, err)
		}
	}
	if _, err := s.Facts(t.Context(), v.DatasetID, 3); !errors.Is(err, errs.NotFound) {
		t.Errorf("no such version: %v", err)
	}
}

func TestACommitFromAnOlderVersionIsRefused(t *testing.T) {
	s := world(t)
	id := mustCommit(t, s, next(t, s, dataset.Replace, 0, "a")).DatasetID
	mustCommit(t, s, next(t, s, dataset.Append, 1, "b", "c"))
	for i, kind := range []dataset.Kind{dataset.Append, dataset.Replace, dataset.Merge, dataset.Retype, dataset.Compact} {
		n := next(t, s, kind, 1, fmt.Sprint("late", i))
		if kind == dataset.Compact {
			n.Ends = []string{"a"}
		}
		_, err := commit(s, t, n)
		wantType(t, string(kind), err, errs.Conflict, "dataset-moved")
	}
	compact := next(t, s, dataset.Compact, 2, "bc")
	compact.Ends = []string{"b", "c"}
	v := mustCommit(t, s, compact)
	diff(t, "compacted", keys(t, s, id, 3), []string{"a", "bc"})
	if v.Rows != 4 {
		t.Errorf("a compaction changed the number of rows to %d", v.Rows)
	}
	diff(t, "before", keys(t, s, id, 2), []string{"a", "b", "c"})

	_, err := commit(s, t, compact)
	wantType(t, "a compaction after another", err, errs.Conflict, "dataset-moved")
	rest := next(t, s, dataset.Compact, 2, "a-compacted")
	rest.Ends = []string{"a"}
	_, err = commit(s, t, rest)
	wantType(t, "a compaction of other files after another", err, errs.Conflict, "dataset-moved")
	again := next(t, s, dataset.Append, 2, "d2")
	again.Ends = []string{"b"}
	_, err = commit(s, t, again)
	wantType(t, "a file that was compacted away", err, errs.Conflict, "dataset-moved")
	if d, err := s.Dataset(t.Context(), id); err != nil || d.Version != 3 {
		t.Errorf("a refused commit changed something: %+v, %v", d, err)
	}
	if v := mustCommit(t, s, next(t, s, dataset.Append, 2, "d")); v.Version != 4 {
		t.Errorf("only a compaction in between does no harm: %+v", v)
	}
	diff(t, "appended", keys(t, s, id, 4), []string{"a", "bc", "d"})
}

func TestACompactionKeepsWhatIsKnown(t *testing.T) {
	s := world(t)
	first := next(t, s, dataset.Merge, 0, "a", "b")
	first.Facts, first.Rows = json.RawMessage(`{"f":1}`), 2
	v := mustCommit(t, s, first)
	if err := s.SaveProfile(t.Context(), v.DatasetID, 1, json.RawMessage(`{"p":1}`)); err != nil {
		t.Fatal(err)
	}
	n := next(t, s, dataset.Compact, 1, "ab")
	n.Ends, n.Schema, n.Verdict, n.Report = []string{"a", "b"}, columns(column(1, "title")), nil, nil
	got := mustCommit(t, s, n)
	want := v
	want.Version, want.Kind, want.Base, want.ObjectID, want.Bytes, want.CreatedAt = 2, dataset.Compact, 1, "ab", 10, got.CreatedAt
	diff(t, "version", got, want)
	read, err := s.Version(t.Context(), v.DatasetID, 2)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "as stored", read, want)
	if p, err := s.Profile(t.Context(), v.DatasetID, 2); err != nil || string(p) != `{"p":1}` {
		t.Errorf("profile: %s, %v", p, err)
	}
	if f, err := s.Facts(t.Context(), v.DatasetID, 2); err != nil || string(f) != `{"f":1}` {
		t.Errorf("facts: %s, %v", f, err)
	}
	if d, err := s.Dataset(t.Context(), v.DatasetID); err != nil || len(d.Schema.Columns) != 2 || d.Rows != 2 {
		t.Errorf("dataset: %+v, %v", d, err)
	}
}

func TestMergesKeepTheirKey(t *testing.T) {
	s := world(t)
	mustCommit(t, s, next(t, s, dataset.Append, 0, "a"))
	none := next(t, s, dataset.Merge, 1, "no")
	none.Key = []string{"title", "isbn"}
	_, err := commit(s, t, none)
	wantType(t, "no such column", err, errs.Invalid, "merge-key-missing")

	v := mustCommit(t, s, next(t, s, dataset.Merge, 1, "b")) // an appended dataset may become a merged one
	if v.Rows != 1 {
		t.Errorf("the rows as read were not taken over: %+v", v)
	}
	diff(t, "key", v.Key, []string{"title"})
	_, err = commit(s, t, next(t, s, dataset.Append, 2, "c"))
	wantType(t, "append", err, errs.Invalid, "append-to-merged")
	other := next(t, s, dataset.Merge, 2, "d")
	other.Key = []string{"year"}
	_, err = commit(s, t, other)
	wantType(t, "another key", err, errs.Invalid, "merge-key-changed")
	if v := mustCommit(t, s, next(t, s, dataset.Replace, 2, "e")); len(v.Key) != 0 {
		t.Errorf("a replaced dataset is still merged: %+v", v)
	}
	mustCommit(t, s, next(t, s, dataset.Append, 3, "f"))
}

func TestAppendKeepsColumnsThatFilesHold(t *testing.T) {
	s := world(t)
	mustCommit(t, s, next(t, s, dataset.Append, 0, "a"))
	for i, kind := range []dataset.Kind{dataset.Append, dataset.Merge} {
		n := next(t, s, kind, 1, fmt.Sprint("no", i))
		n.Schema = columns(column(1, "title"))
		if _, err := commit(s, t, n); !errors.Is(err, errs.Internal) {
			t.Errorf("%s without a column: %v", kind, err)
		}
	}
	wider := next(t, s, dataset.Append, 1, "b")
	wider.Schema.Columns[1].Type = table.Type{Kind: table.JSON}
	wider.Schema.Columns = append(wider.Schema.Columns, column(3, "genre"))
	v := mustCommit(t, s, wider)
	again := next(t, s, dataset.Append, 2, "b2")
	again.Schema = wider.Schema
	if v := mustCommit(t, s, again); v.SchemaVersion != 2 {
		t.Errorf("the schema of version 2 counts as that of version %d", v.SchemaVersion)
	}
	files, err := s.Files(t.Context(), v.DatasetID, 3)
	if err != nil || files[0].SchemaVersion != 1 || files[1].SchemaVersion != 2 || files[2].SchemaVersion != 2 || files[2].Sequence <= files[1].Sequence {
		t.Errorf("got %+v, %v", files, err)
	}
	fewer := next(t, s, dataset.Retype, 3, "c")
	fewer.Schema = columns(column(1, "title"), column(4, "other"))
	mustCommit(t, s, fewer)
}

func TestNestedFieldIDsNameOnePlaceForEver(t *testing.T) {
	s := world(t)
	list := func(id, inner int, key string) table.Schema {
		elem := table.Type{Kind: table.Struct, Fields: []table.Column{column(inner, key)}}
		c := column(1, "l")
		c.Type = table.Type{Kind: table.List, Elem: &elem, ElemID: id}
		return columns(c)
	}
	n := version(t, s, list(2, 3, "a"), "a")
	if v := mustCommit(t, s, n); v.Schema.Columns[0].Type.ElemID != 2 {
		t.Fatal("no nested id")
	}
	for rule, schema := range map[string]table.Schema{
		"another key":        list(2, 3, "b"),
		"another place":      list(3, 2, "a"),
		"the id of a column": list(2, 1, "a"),
	} {
		n.Schema = schema
		if _, err := commit(s, t, n); !errors.Is(err, errs.Internal) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	n.Schema = list(2, 4, "b")
	mustCommit(t, s, n)
	n.Schema = list(2, 3, "a")
	if _, err := commit(s, t, n); !errors.Is(err, errs.Internal) {
		t.Errorf("a nested id below the last: %v", err)
	}
}

func TestMalformedVersionsAreRefused(t *testing.T) {
	s := world(t)
	mustCommit(t, s, next(t, s, dataset.Append, 0, "a"))
	for rule, edit := range map[string]func(*dataset.NewVersion){
		"no such kind":                func(n *dataset.NewVersion) { n.Kind = "other" },
		"a restoration":               func(n *dataset.NewVersion) { n.Kind = dataset.Restore },
		"no file":                     func(n *dataset.NewVersion) { n.Files = nil },
		"no table name":               func(n *dataset.NewVersion) { n.TableName = "" },
		"a replacement that ends":     func(n *dataset.NewVersion) { n.Kind, n.Ends = dataset.Replace, []string{"a"} },
		"a key without a merge":       func(n *dataset.NewVersion) { n.Key = []string{"title"} },
		"a merge without a key":       func(n *dataset.NewVersion) { n.Kind, n.Rows = dataset.Merge, 1 },
		"a merge without its rows":    func(n *dataset.NewVersion) { n.Kind, n.Key = dataset.Merge, []string{"title"} },
		"a compaction from nowhere":   func(n *dataset.NewVersion) { n.Kind, n.Ends, n.Base = dataset.Compact, []string{"a"}, 0 },
		"a compaction of nothing":     func(n *dataset.NewVersion) { n.Kind = dataset.Compact },
		"a compaction of another one": func(n *dataset.NewVersion) { n.Kind, n.Ends, n.TableName = dataset.Compact, []string{"a"}, "none" },
	} {
		err := s.DB.Tx(t.Context(), func(tx *sql.Tx) error {
			n := next(t, s, dataset.Append, 1)
			n.Files = []dataset.NewFile{{ObjectID: "a", ObjectKey: "k"}}
			edit(&n)
			_, err := s.CommitTx(t.Context(), tx, n)
			return err
		})
		if !errors.Is(err, errs.Internal) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}
