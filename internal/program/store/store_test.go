package store_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// open returns a store with a project "p1" and a clock that moves a second a look.
func open(t *testing.T) *store.Store {
	t.Helper()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p1", "p2")
	now := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	return &store.Store{DB: db, Now: func() time.Time { now = now.Add(time.Second); return now }}
}

func sample(cue string) program.Program {
	low := 1.0
	return program.Program{
		Name: cue, Cue: cue, SQL: "SELECT '" + cue + "' WHERE $n > 0", Dialect: "duckdb", Kind: "ranking", Template: "t", Score: 0.5,
		Slots:  []program.Slot{{Name: "n", Type: program.Integer, Default: int64(9007199254740993), Min: &low, Values: []any{int64(9007199254740993), "a"}}},
		Tables: []string{"orders"}, Reason: []string{"12 groups"}, Chart: &program.Chart{Mark: "bar", X: "a", Y: "b", Spec: map[string]any{"width": "container"}},
	}
}

func generate(t *testing.T, s *store.Store, programs ...program.Program) []store.Record {
	t.Helper()
	var saved []store.Record
	err := s.DB.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		saved, err = s.SaveGeneratedTx(t.Context(), tx, "p1", "d1", 1, programs)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func cues(records []store.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s %s v%d", r.Program.Cue, r.Origin, r.Version))
	}
	return all
}

func ptr[T any](v T) *T { return &v }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := store.Record{ProjectID: "p1", DatasetID: "d1", Program: sample("q"), SlotsText: ptr("null"), Steps: ptr(`[{"at":1}]`), Stores: ptr(""),
		Metadata: json.RawMessage(`{"a":1}`)}
	made := must[store.Record](t)(s.Create(t.Context(), r))
	got := must[store.Record](t)(s.Get(t.Context(), made.ID))
	if diff := cmp.Diff(got, made); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	if diff := cmp.Diff(got.Program, r.Program); diff != "" {
		t.Errorf("the program changed (-got +want)\n%s", diff)
	}
	if got.Origin != store.Custom || got.Version != 1 || got.PrevID != "" || got.Published {
		t.Errorf("a new program is %+v", got)
	}
}

// Older clients store a Python class, with whatever bytes it holds.
func TestCodeIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	s := open(t)
	const code = "class AnswerQueryProgram(QueryProgram):\r\n\tdef run(self):  # \u00e9 \x00 \xff \u2028\n\t\treturn '$n {{x}}'\n\n"
	made := must[store.Record](t)(s.Create(t.Context(), store.Record{ProjectID: "p1", Program: program.Program{SQL: code}}))
	must[store.Record](t)(s.Update(t.Context(), made.ID, store.Change{Cue: ptr("x")}))
	got := must[store.Record](t)(s.Get(t.Context(), made.ID))
	old := must[store.Version](t)(s.Version(t.Context(), made.ID, 1))
	if got.Program.SQL != code || old.Program.SQL != code {
		t.Errorf("got %q and, in version 1, %q, want %q", got.Program.SQL, old.Program.SQL, code)
	}
}

func TestUpdateMakesVersions(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := generate(t, s, sample("q"))[0]
	same := must[store.Record](t)(s.Update(t.Context(), made.ID, store.Change{SQL: &made.Program.SQL, Public: ptr(true), Reason: &[]string{"because"}}))
	if same.Version != 1 || same.Origin != store.Generated || !same.Public || same.Program.Reason[0] != "because" {
		t.Errorf("the same content made %+v", same)
	}
	edited := must[store.Record](t)(s.Update(t.Context(), made.ID, store.Change{SQL: ptr("SELECT 2"), Slots: &[]program.Slot{}}))
	if edited.Version != 2 || edited.Origin != store.Edited || edited.PrevID != made.VersionID {
		t.Errorf("an edit made %+v", edited)
	}
	_, err := s.Update(t.Context(), made.ID, store.Change{SQL: ptr("SELECT 3"), IfVersion: 1})
	if !errors.Is(err, errs.Conflict) {
		t.Errorf("a change of an older version: %v", err)
	}
	versions := must[[]store.Version](t)(s.Versions(t.Context(), made.ID))
	if len(versions) != 2 || versions[0].PrevID != versions[1].ID || versions[1].Program.SQL != made.Program.SQL || versions[1].Origin != store.Generated {
		t.Errorf("versions are %+v", versions)
	}
	if diff := cmp.Diff(versions[1].Program.Slots, made.Program.Slots); diff != "" {
		t.Errorf("slots of version 1 (-got +want)\n%s", diff)
	}
	restored := must[store.Record](t)(s.Restore(t.Context(), made.ID, 1))
	if restored.Version != 3 || restored.Program.SQL != made.Program.SQL || restored.PrevID != edited.VersionID || restored.Origin != store.Edited {
		t.Errorf("restored %+v", restored)
	}
	if _, err := s.Restore(t.Context(), made.ID, 9); !errors.Is(err, errs.NotFound) {
		t.Errorf("a version that never was: %v", err)
	}
}

func TestGenerationReplacesOnlyWhatNobodyTouched(t *testing.T) {
	t.Parallel()
	s := open(t)
	goes := sample("goes")
	goes.Template = "another"
	first := generate(t, s, sample("stays"), goes, sample("edited"), sample("published"), sample("deleted"))
	custom := must[store.Record](t)(s.Create(t.Context(), store.Record{ProjectID: "p1", DatasetID: "d1", Program: sample("custom")}))
	must[store.Record](t)(s.Update(t.Context(), first[2].ID, store.Change{Cue: ptr("mine"), SQL: ptr("SELECT 'mine'")}))
	must[store.Record](t)(s.SetPublished(t.Context(), first[3].ID, true))
	must[store.Record](t)(s.Delete(t.Context(), first[4].ID, false))

	better := sample("stays")
	better.Score, better.Reason = 0.9, []string{"13 groups"}
	better.Slots[0].Values = []any{"b"}
	second := generate(t, s, sample("new"), better, sample("edited"), sample("published"), sample("deleted"), sample("new"))
	if diff := cmp.Diff(cues(second), []string{"new generated v1", "stays generated v1", "mine edited v2", "published generated v1"}); diff != "" {
		t.Errorf("the answer (-got +want)\n%s", diff)
	}
	all := must[[]store.Record](t)(s.List(t.Context(), store.Filter{ProjectID: "p1", Sort: "name"}))
	if diff := cmp.Diff(cues(all), []string{"custom custom v1", "mine edited v2", "new generated v1", "published generated v1", "stays generated v1"}); diff != "" {
		// "mine" keeps its name "edited", so it sorts there.
		t.Errorf("what is stored (-got +want)\n%s", diff)
	}
	stays := must[store.Record](t)(s.Get(t.Context(), first[0].ID))
	if diff := cmp.Diff(stays.Program, better); diff != "" {
		t.Errorf("the program that stays was not brought up to date (-got +want)\n%s", diff)
	}
	if _, err := s.Get(t.Context(), first[1].ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("the program that goes: %v", err)
	}
	generate(t, s)
	left := must[[]store.Record](t)(s.List(t.Context(), store.Filter{DatasetID: "d1"}))
	if diff := cmp.Diff(cues(left), []string{"mine edited v2", "published generated v1", "custom custom v1"}); diff != "" {
		t.Errorf("after an empty generation (-got +want)\n%s", diff)
	}
	if must[store.Record](t)(s.Get(t.Context(), custom.ID)).DeletedAt != nil {
		t.Error("a custom program was deleted")
	}
}

func TestListOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	var programs []program.Program
	for i := range 5 {
		p := sample(fmt.Sprintf("q%d", i))
		p.Score = float64((i * 3) % 5)
		programs = append(programs, p)
	}
	generate(t, s, programs...)
	must[store.Record](t)(s.Create(t.Context(), store.Record{ProjectID: "p2", Program: sample("other project")}))
	for name, c := range map[string]struct {
		f    store.Filter
		want []string
	}{
		"as generated":  {store.Filter{ProjectID: "p1"}, []string{"q0", "q1", "q2", "q3", "q4"}},
		"reversed":      {store.Filter{ProjectID: "p1", Sort: "-created_at"}, []string{"q4", "q3", "q2", "q1", "q0"}},
		"best first":    {store.Filter{ProjectID: "p1", Sort: "-score", Limit: 2}, []string{"q3", "q1"}},
		"a page":        {store.Filter{ProjectID: "p1", Skip: 1, Limit: 2}, []string{"q1", "q2"}},
		"past the end":  {store.Filter{ProjectID: "p1", Skip: 9}, nil},
		"other dataset": {store.Filter{ProjectID: "p1", DatasetID: "d2"}, nil},
		"published":     {store.Filter{ProjectID: "p1", PublishedOnly: true}, nil},
	} {
		var got []string
		for _, r := range must[[]store.Record](t)(s.List(t.Context(), c.f)) {
			got = append(got, r.Program.Cue)
		}
		if diff := cmp.Diff(got, c.want); diff != "" {
			t.Errorf("%s (-got +want)\n%s", name, diff)
		}
	}
	if _, err := s.List(t.Context(), store.Filter{Sort: "id; DROP TABLE queryprograms"}); !errors.Is(err, errs.Invalid) {
		t.Errorf("an unknown order: %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := generate(t, s, sample("q"))[0]
	gone := must[store.Record](t)(s.Delete(t.Context(), made.ID, false))
	if gone.DeletedAt == nil {
		t.Error("no time of deletion")
	}
	if _, err := s.Update(t.Context(), made.ID, store.Change{Cue: ptr("x")}); !errors.Is(err, errs.NotFound) {
		t.Errorf("changing a deleted program: %v", err)
	}
	if n := len(must[[]store.Record](t)(s.List(t.Context(), store.Filter{ProjectID: "p1"}))); n != 0 {
		t.Errorf("%d deleted programs are listed", n)
	}
	if n := len(must[[]store.Record](t)(s.List(t.Context(), store.Filter{ProjectID: "p1", IncludeDeleted: true}))); n != 1 {
		t.Errorf("%d programs are listed with the deleted ones", n)
	}
	back := must[store.Record](t)(s.Update(t.Context(), made.ID, store.Change{Deleted: ptr(false)}))
	if back.DeletedAt != nil {
		t.Error("it did not come back")
	}
	if err := s.AddRun(t.Context(), store.Run{ProgramID: made.ID, Success: true}); err != nil {
		t.Fatal(err)
	}
	must[store.Record](t)(s.Delete(t.Context(), made.ID, true))
	if _, err := s.Get(t.Context(), made.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("after a permanent delete: %v", err)
	}
	if runs := must[[]store.Run](t)(s.History(t.Context(), made.ID, store.RunFilter{})); len(runs) != 0 {
		t.Errorf("%d runs are left", len(runs))
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := generate(t, s, sample("q"))[0]
	if err := s.AddRun(t.Context(), store.Run{ProgramID: "nothing"}); err != nil {
		t.Errorf("a run of a program that is gone: %v", err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1003 {
		r := store.Run{ProgramID: made.ID, Version: 1, At: at.Add(time.Duration(i) * time.Second), Duration: 15 * time.Millisecond,
			Success: i%2 == 0, Rows: int64(i), DatasetVersions: map[string]int64{"orders": 3}}
		if err := s.AddRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	all := must[[]store.Run](t)(s.History(t.Context(), made.ID, store.RunFilter{}))
	if len(all) != 1000 || all[999].Rows != 3 {
		t.Fatalf("%d runs are kept", len(all))
	}
	want := store.Run{ID: all[0].ID, ProgramID: made.ID, Version: 1, At: at.Add(1002 * time.Second), Duration: 15 * time.Millisecond,
		Success: true, Rows: 1002, DatasetVersions: map[string]int64{"orders": 3}}
	if diff := cmp.Diff(all[0], want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	if two := must[[]store.Run](t)(s.History(t.Context(), made.ID, store.RunFilter{Limit: 2})); len(two) != 2 || two[1].Rows != 1001 {
		t.Errorf("the newest two are %+v", two)
	}
	failed := store.Run{ProgramID: made.ID, Version: 2, At: at.Add(2000 * time.Second), Error: "too slow", ErrorType: "query-timeout"}
	if err := s.AddRun(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	if err := s.AddRun(t.Context(), store.Run{ProgramID: made.ID, Version: 2, At: at.Add(2001 * time.Second), Success: true, Cached: true}); err != nil {
		t.Fatal(err)
	}
	for rule, c := range map[string]struct {
		f    store.RunFilter
		want int
	}{
		"failed ones of a version": {store.RunFilter{Success: ptr(false), Version: 2}, 1},
		"failed ones":              {store.RunFilter{Success: ptr(false)}, 500},
		"cached ones":              {store.RunFilter{Cached: ptr(true)}, 1},
		"of a version":             {store.RunFilter{Version: 2}, 2},
		"the rest":                 {store.RunFilter{Skip: 998, Limit: 10}, 2},
	} {
		got := must[[]store.Run](t)(s.History(t.Context(), made.ID, c.f))
		if len(got) != c.want {
			t.Errorf("%s: %d runs, want %d", rule, len(got), c.want)
		}
		if len(got) > 0 && c.f.Success != nil && got[0].ErrorType != "query-timeout" && c.f.Version == 2 {
			t.Errorf("%s: %+v", rule, got[0])
		}
	}
}

func TestCreateNeedsAProject(t *testing.T) {
	t.Parallel()
	s := open(t)
	if _, err := s.Create(t.Context(), store.Record{ProjectID: "nothing"}); !errors.Is(err, errs.NotFound) {
		t.Errorf("no project: %v", err)
	}
	if _, err := s.Create(t.Context(), store.Record{ProjectID: "p1", Metadata: json.RawMessage(`[1]`)}); !errors.Is(err, errs.Invalid) {
		t.Errorf("metadata that is a list: %v", err)
	}
}
