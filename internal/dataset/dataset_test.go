package dataset_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/table"
)

// world is a database with projects p1 and p2 and the datasources d1 and d2 in p1.
func world(t *testing.T) *dataset.Store {
	t.Helper()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p1", "p2")
	metatest.Datasource(t, db, "p1", "d1")
	metatest.Datasource(t, db, "p1", "d2")
	at := time.Unix(1_700_000_000, 0).UTC()
	return &dataset.Store{DB: db, Now: func() time.Time {
		at = at.Add(time.Second)
		return at
	}}
}

func addObject(t *testing.T, s *dataset.Store, id string) dataset.Object {
	t.Helper()
	o := dataset.Object{
		ID: id, ProjectID: "p1", DatasourceID: "d1", RunID: "run", Bucket: "local", Key: "p1/00/" + id, FileType: "parquet",
		FileRole: "data/uploaded", MimeType: "application/vnd.apache.parquet", FileSize: 10, Rows: 2, ETag: "e", SHA256: "s",
		Metadata: json.RawMessage(`{"a":1}`),
	}
	if err := s.AddObjectTx(t.Context(), s.DB.Write(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

func columns(cols ...table.Column) table.Schema { return table.Schema{Columns: cols} }

func column(id int, key string) table.Column {
	return table.Column{ID: id, Name: key, Key: key, Type: table.Type{Kind: table.Varchar}}
}

// version returns a version of the table "movies" made of files that are added here.
func version(t *testing.T, s *dataset.Store, schema table.Schema, files ...string) dataset.NewVersion {
	t.Helper()
	n := dataset.NewVersion{
		ProjectID: "p1", DatasourceID: "d1", Name: "Movies", TableName: "movies", RunID: "run", Kind: dataset.Replace,
		Schema: schema, Verdict: json.RawMessage(`{"state":"complete"}`), Report: json.RawMessage(`[1]`),
	}
	for i, id := range files {
		o := addObject(t, s, id)
		n.Files = append(n.Files, dataset.NewFile{ObjectID: id, ObjectKey: o.Key, Bytes: 10, Rows: int64(i + 1)})
	}
	return n
}

func commit(s *dataset.Store, t *testing.T, n dataset.NewVersion) (v dataset.Version, err error) {
	t.Helper()
	err = s.DB.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		v, err = s.CommitTx(t.Context(), tx, n)
		return err
	})
	return v, err
}

func mustCommit(t *testing.T, s *dataset.Store, n dataset.NewVersion) dataset.Version {
	t.Helper()
	v, err := commit(s, t, n)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func keys(t *testing.T, s *dataset.Store, id string, version int64) []string {
	t.Helper()
	files, err := s.Files(t.Context(), id, version)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.ObjectID)
	}
	return all
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestObjectsReadBack(t *testing.T) {
	s := world(t)
	want := addObject(t, s, "a")
	got, err := s.Object(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want.CreatedAt, want.UpdatedAt = got.CreatedAt, got.CreatedAt
	if got.CreatedAt.IsZero() {
		t.Error("no time of creation")
	}
	diff(t, "object", got, want)
	addObject(t, s, "0") // a smaller id, added later
	all, err := s.ObjectsByDatasource(t.Context(), "d1")
	if err != nil || len(all) != 2 || all[0].ID != "a" {
		t.Errorf("ObjectsByDatasource: %+v, %v", all, err)
	}
	if all, err := s.ObjectsByRun(t.Context(), "d1", "other"); err != nil || len(all) != 0 {
		t.Errorf("ObjectsByRun: %+v, %v", all, err)
	}
	if _, err := s.Object(t.Context(), "no"); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.AddObjectTx(t.Context(), s.DB.Write(), want); !errors.Is(err, errs.Conflict) {
		t.Errorf("the id again: %v", err)
	}
	want.ID, want.ProjectID = "b", "no"
	if err := s.AddObjectTx(t.Context(), s.DB.Write(), want); !errors.Is(err, errs.NotFound) {
		t.Errorf("a project that does not exist: %v", err)
	}
}

func TestTheFirstCommitCreatesTheDataset(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"), column(2, "year"))
	v := mustCommit(t, s, version(t, s, schema, "a", "b"))
	d, err := s.Dataset(t.Context(), v.DatasetID)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "dataset", d, dataset.Dataset{
		ID: v.DatasetID, ProjectID: "p1", DatasourceID: "d1", ObjectID: "a", Name: "Movies", TableName: "movies", Schema: schema,
		LastFieldID: 2, Version: 1, Rows: 3, Bytes: 20, CreatedAt: v.CreatedAt, UpdatedAt: v.CreatedAt,
	})
	read, err := s.Version(t.Context(), d.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "version", read, v)
	if string(v.Verdict) != `{"state":"complete"}` || string(v.Report) != `[1]` || v.Kind != dataset.Replace || v.RunID != "run" {
		t.Errorf("got %+v", v)
	}
}

func TestEveryVersionKeepsItsFiles(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	var id string
	want := map[int64][]string{}
	for v := int64(1); v <= 5; v++ {
		files := []string{fmt.Sprint("z", v), fmt.Sprint("a", v)} // in their own order, not that of their ids
		id = mustCommit(t, s, version(t, s, schema, files...)).DatasetID
		want[v] = files
		for old, files := range want {
			diff(t, fmt.Sprintf("version %d after commit %d", old, v), keys(t, s, id, old), files)
		}
	}
	versions, err := s.Versions(t.Context(), id)
	if err != nil || len(versions) != 5 || versions[0].Version != 5 {
		t.Errorf("Versions: %+v, %v", versions, err)
	}
	// As appending would leave it: a file of version 1 that lasted until version 3.
	if _, err := s.DB.Write().ExecContext(t.Context(), `UPDATE dataset_files SET removed_version = 4 WHERE object_id = 'a1'`); err != nil {
		t.Fatal(err)
	}
	want[1] = []string{"z1", "a1"}
	want[2], want[3] = append([]string{"a1"}, want[2]...), append([]string{"a1"}, want[3]...)
	for v, files := range want {
		diff(t, fmt.Sprintf("version %d with a file that lasted", v), keys(t, s, id, v), files)
	}
	for _, none := range []int64{0, 6} {
		if _, err := s.Files(t.Context(), id, none); !errors.Is(err, errs.NotFound) {
			t.Errorf("version %d: %v", none, err)
		}
	}
}

func TestARolledBackCommitLeavesNothing(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	id := mustCommit(t, s, version(t, s, schema, "a")).DatasetID
	n := version(t, s, schema, "b")
	undo := errors.New("undo")
	err := s.DB.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := s.CommitTx(t.Context(), tx, n)
		return errors.Join(err, undo)
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	d, err := s.Dataset(t.Context(), id)
	if err != nil || d.Version != 1 || d.ObjectID != "a" {
		t.Errorf("got %+v, %v", d, err)
	}
	diff(t, "files", keys(t, s, id, 1), []string{"a"})
}

func TestFieldIDsNameOneKeyForEver(t *testing.T) {
	s := world(t)
	mustCommit(t, s, version(t, s, columns(column(1, "title"), column(2, "year")), "a"))
	n := version(t, s, columns(column(2, "year"), column(9, "genre")), "b")
	n.LastFieldID = 12 // nested ids reach further
	v := mustCommit(t, s, n)
	if d, err := s.Dataset(t.Context(), v.DatasetID); err != nil || d.LastFieldID != 12 {
		t.Errorf("got %+v, %v", d, err)
	}
	for rule, schema := range map[string]table.Schema{
		"an id of another key":       columns(column(2, "genre")),
		"an id of a key that went":   columns(column(2, "year"), column(1, "size")),
		"an id below the last":       columns(column(2, "year"), column(12, "size")),
		"the same id twice":          columns(column(2, "year"), column(13, "size"), column(13, "width")),
		"no id":                      columns(column(2, "year"), column(0, "size")),
		"no columns, which is no id": columns(),
	} {
		n.Schema = schema
		if _, err := commit(s, t, n); !errors.Is(err, errs.Internal) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	n.Schema = columns(column(2, "year"), column(13, "size"))
	mustCommit(t, s, n)
}

func TestATableNameBelongsToOneDatasource(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	first := mustCommit(t, s, version(t, s, schema, "a"))
	n := version(t, s, schema, "b")
	n.DatasourceID, n.TableName = "d2", "Movies"
	if _, err := commit(s, t, n); !errors.Is(err, errs.Conflict) {
		t.Errorf("another datasource: %v", err)
	}
	n.DatasourceID = "d1"
	if v := mustCommit(t, s, n); v.DatasetID != first.DatasetID || v.Version != 2 {
		t.Errorf("the same table in other case: %+v", v)
	}
	n.ProjectID, n.DatasourceID = "p2", ""
	if v := mustCommit(t, s, n); v.DatasetID == first.DatasetID || v.Version != 1 {
		t.Errorf("another project: %+v", v)
	}
}

func TestByTableName(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	for _, name := range []string{"movies", "Übung", "zoo"} {
		n := version(t, s, schema, name)
		n.TableName = name
		mustCommit(t, s, n)
	}
	got, err := s.ByTableName(t.Context(), "p1", []string{"ZOO", "missing", "MOVIES", "übung", "zoo"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range got {
		names = append(names, d.TableName)
	}
	diff(t, "names", names, []string{"zoo", "movies", "Übung"})
	for project, names := range map[string][]string{"p1": {}, "p2": {"movies"}} {
		if got, err := s.ByTableName(t.Context(), project, names); err != nil || len(got) != 0 {
			t.Errorf("%s %v: %+v, %v", project, names, got, err)
		}
	}
}

func TestProfilesBelongToAVersion(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	v := mustCommit(t, s, version(t, s, schema, "a"))
	mustCommit(t, s, version(t, s, schema, "b"))
	for _, p := range []string{`{"rows":1}`, `{"rows":2}`} {
		if err := s.SaveProfile(t.Context(), v.DatasetID, 1, json.RawMessage(p)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Profile(t.Context(), v.DatasetID, 1); err != nil || string(got) != p {
			t.Errorf("got %s, %v, want %s", got, err, p)
		}
	}
	if _, err := s.Profile(t.Context(), v.DatasetID, 2); !errors.Is(err, errs.NotFound) {
		t.Errorf("not analysed: %v", err)
	}
	if err := s.SaveProfile(t.Context(), v.DatasetID, 3, json.RawMessage(`{}`)); !errors.Is(err, errs.NotFound) {
		t.Errorf("no such version: %v", err)
	}
}

func TestDelete(t *testing.T) {
	s := world(t)
	schema := columns(column(1, "title"))
	old := mustCommit(t, s, version(t, s, schema, "a"))
	if d, err := s.Delete(t.Context(), old.DatasetID, false); err != nil || d.DeletedAt == nil {
		t.Fatalf("got %+v, %v", d, err)
	}
	if _, err := s.Dataset(t.Context(), old.DatasetID); !errors.Is(err, errs.NotFound) {
		t.Errorf("a deleted dataset: %v", err)
	}
	if list, err := s.ByProject(t.Context(), "p1"); err != nil || len(list) != 0 {
		t.Errorf("ByProject: %+v, %v", list, err)
	}
	fresh := mustCommit(t, s, version(t, s, schema, "b"))
	if fresh.DatasetID == old.DatasetID || fresh.Version != 1 {
		t.Errorf("a new run after the deletion: %+v", fresh)
	}
	for range 2 {
		_, err := s.Delete(t.Context(), old.DatasetID, true)
		if gone := errors.Is(err, errs.NotFound); err != nil && !gone {
			t.Error(err)
		}
	}
	if _, err := s.Version(t.Context(), old.DatasetID, 1); !errors.Is(err, errs.NotFound) {
		t.Errorf("a version of a removed dataset: %v", err)
	}
	if list, err := s.ByDatasource(t.Context(), "d1"); err != nil || len(list) != 1 || list[0].ID != fresh.DatasetID {
		t.Errorf("ByDatasource: %+v, %v", list, err)
	}
}

func TestADatasetIsHiddenWithItsDatasource(t *testing.T) {
	s := world(t)
	v := mustCommit(t, s, version(t, s, columns(column(1, "title")), "a"))
	for _, hidden := range []bool{true, false} {
		at := sql.NullInt64{Int64: 1, Valid: hidden}
		if _, err := s.DB.Write().ExecContext(t.Context(), `UPDATE datasources SET deleted_at = ? WHERE id = 'd1'`, at); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Dataset(t.Context(), v.DatasetID); errors.Is(err, errs.NotFound) != hidden {
			t.Errorf("hidden %v: %v", hidden, err)
		}
		if list, err := s.ByTableName(t.Context(), "p1", []string{"movies"}); err != nil || (len(list) == 0) != hidden {
			t.Errorf("hidden %v: %v, %v", hidden, list, err)
		}
	}
}

func TestRemovingAProjectRemovesItsData(t *testing.T) {
	s := world(t)
	v := mustCommit(t, s, version(t, s, columns(column(1, "title")), "a"))
	if _, err := s.DB.Write().ExecContext(t.Context(), `DELETE FROM projects WHERE id = 'p1'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Dataset(t.Context(), v.DatasetID); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Object(t.Context(), "a"); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
}
