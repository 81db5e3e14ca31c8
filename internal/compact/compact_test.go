package compact_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/blob"
	"millwright/internal/catalog"
	"millwright/internal/compact"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/engine/enginetest"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/meta/metatest"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world is a datasource d with a compactor and a runner of its jobs.
type world struct {
	*compact.Service
	jobs  *job.Runner
	files int
}

// meanwhile is an engine during whose rewriting something else happens.
type meanwhile struct {
	engine.Engine
	do func()
}

func (m *meanwhile) Rewrite(ctx context.Context, r engine.Rewriting) (engine.Converted, error) {
	if m.do != nil {
		m.do()
	}
	return m.Engine.Rewrite(ctx, r)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	db := metatest.OpenAt(t, filepath.Join(dir, "meta.db"))
	metatest.Projects(t, db, "p")
	metatest.Datasource(t, db, "p", "d")
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	must(t, err)
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(dir, "spill")})
	must(t, err)
	store := &dataset.Store{DB: db, Now: time.Now}
	w := &world{Service: &compact.Service{DB: db, Datasets: store, Catalog: &catalog.Catalog{Datasets: store, Blobs: blobs},
		Lineage: &lineage.Store{DB: db, Now: time.Now}, Blobs: blobs, Engine: &meanwhile{Engine: e}}}
	w.jobs, err = job.NewRunner(db, map[string]job.Handler{compact.JobType: w.Handle}, job.Config{})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.jobs.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for _, err := range []error{<-done, e.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

var schema = table.Schema{Columns: []table.Column{
	{ID: 1, Name: "id", Key: "id", Type: table.Type{Kind: table.BigInt}},
	{ID: 2, Name: `a "b"`, Key: `a "b"`, Type: table.Type{Kind: table.Decimal, Precision: 20, Scale: 2}},
	{ID: 3, Name: "j", Key: "j", Type: table.Type{Kind: table.JSON}},
}}

// wider is what schema becomes.
func wider() table.Schema {
	list := table.Type{Kind: table.List, Elem: &table.Type{Kind: table.Varchar}, ElemID: 5}
	s := table.Schema{Columns: append([]table.Column(nil), schema.Columns...)}
	s.Columns[0].Type = table.Type{Kind: table.Varchar}
	s.Columns = append(s.Columns, table.Column{ID: 4, Name: "l", Key: "l", Type: list})
	return s
}

// commit commits a version with one file of the lines.
func (w *world) commit(t testing.TB, n dataset.NewVersion, lines ...string) dataset.Version {
	t.Helper()
	w.files++
	dir, remove, err := w.Blobs.Stage(t.Context())
	must(t, err)
	defer remove()
	in, out := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "out.parquet")
	must(t, os.WriteFile(in, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	made, err := w.Engine.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: n.Schema})
	must(t, err)
	b, err := w.Blobs.Publish(t.Context(), "p", out, ".parquet")
	must(t, err)
	id := fmt.Sprint("o", w.files)
	n.ProjectID, n.DatasourceID, n.Name, n.TableName, n.RunID = "p", "d", "Orders", "orders", "run"
	n.Files = []dataset.NewFile{{ObjectID: id, ObjectKey: b.Key, Bytes: made.Bytes, Rows: made.Rows, Raws: []string{"raw" + id, "raw"}}}
	var v dataset.Version
	must(t, w.DB.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		if err := w.Datasets.AddObjectTx(t.Context(), tx, dataset.Object{ID: id, ProjectID: "p", DatasourceID: "d", Bucket: "local", Key: b.Key,
			FileType: "parquet", FileRole: "data/uploaded", MimeType: "x", FileSize: made.Bytes, Rows: made.Rows}); err != nil {
			return err
		}
		v, err = w.Datasets.CommitTx(t.Context(), tx, n)
		return err
	}))
	return v
}

// rows returns all rows of a version in their order.
func (w *world) rows(t testing.TB, version int64, order string) []string {
	t.Helper()
	v, err := w.Catalog.Tables(t.Context(), "p", []string{"orders"}, map[string]int64{"orders": version})
	must(t, err)
	r, err := w.Engine.Run(t.Context(), engine.Query{Scope: "p", Dir: v.Dir, Tables: v.Tables, SQL: "SELECT * FROM orders" + order})
	must(t, err)
	defer r.Close()
	var rows []string
	for r.Next() {
		for i := range int(r.Batch().NumRows()) {
			var values []string
			for _, c := range r.Batch().Columns() {
				values = append(values, enginetest.Text(c, i))
			}
			rows = append(rows, strings.Join(values, " | "))
		}
	}
	must(t, r.Err())
	return rows
}

func (w *world) due(t testing.TB) bool {
	t.Helper()
	due, err := w.Due(t.Context(), "d")
	must(t, err)
	return due
}

// compact runs the job and returns it.
func (w *world) compact(t testing.TB) job.Job {
	t.Helper()
	j, err := w.jobs.Submit(t.Context(), job.NewJob{Type: compact.JobType, ProjectID: "p", Source: "datasource", SourceID: "d"})
	must(t, err)
	events, err := w.jobs.Subscribe(t.Context(), j.ID, 0)
	must(t, err)
	for range events {
	}
	j, err = w.jobs.Get(t.Context(), j.ID)
	must(t, err)
	return j
}

func TestManySmallFilesBecomeOne(t *testing.T) {
	w := newWorld(t)
	var last dataset.Version
	for i := range 18 {
		s := schema
		line := fmt.Sprintf(`{"id":%d,"a \"b\"":"%d.5","j":"{\"x\": 1.50}"}`, i, i)
		if i > 10 {
			s, line = wider(), fmt.Sprintf(`{"id":"x%d","l":["a",null]}`, i)
		}
		if w.due(t) != (i > 16) {
			t.Errorf("after %d files: due %v", i, w.due(t))
		}
		last = w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: s}, line, line)
	}
	before := w.rows(t, 18, "")
	if j := w.compact(t); j.Status != job.Completed {
		t.Fatalf("%+v", j)
	}
	if len(before) != 36 {
		t.Fatalf("got %d rows", len(before))
	}
	for _, v := range []int64{18, 19} {
		if diff := cmp.Diff(before, w.rows(t, v, "")); diff != "" {
			t.Errorf("version %d (-before +after):\n%s", v, diff)
		}
	}
	files, err := w.Datasets.Files(t.Context(), last.DatasetID, 19)
	must(t, err)
	if len(files) != 1 || files[0].Rows != 36 || len(files[0].Raws) != 19 || !strings.Contains(string(files[0].Stats), `"nulls":14`) {
		t.Errorf("got %+v %s", files, files[0].Stats)
	}
	v, err := w.Datasets.Version(t.Context(), last.DatasetID, 19)
	must(t, err)
	if v.Kind != dataset.Compact || v.Rows != 36 || v.Base != 18 || !v.Schema.Equal(last.Schema) {
		t.Errorf("got %+v", v)
	}
	if w.due(t) {
		t.Error("a compacted dataset is due")
	}
	up, err := w.Lineage.Up(t.Context(), files[0].ObjectID, 1)
	if err != nil || len(up) != 18 || up[0].Transformation != "compact_parquet" {
		t.Errorf("%d edges, %v", len(up), err)
	}
	if diff := cmp.Diff([]string{`2 | 2.50 | "{\"x\": 1.50}"`}, w.rows(t, 3, " WHERE id = 2 LIMIT 1")); diff != "" {
		t.Errorf("an old version: %s", diff)
	}
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: wider()}, `{"id":"after"}`)
	if rows := w.rows(t, 20, ""); len(rows) != 37 || !strings.HasPrefix(rows[36], `"after"`) {
		t.Errorf("appended afterwards: %q", rows)
	}
	if j := w.compact(t); j.Status != job.Completed {
		t.Errorf("nothing to do: %+v", j)
	}
}

func TestMergedFilesBecomeOneWithTheNewestRows(t *testing.T) {
	w := newWorld(t)
	for i := range 9 {
		w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: []string{"id"}, Rows: int64(i + 2), Schema: schema},
			fmt.Sprintf(`{"id":1,"a \"b\"":"%d"}`, i), fmt.Sprintf(`{"id":%d}`, i+10))
	}
	before := w.rows(t, 9, " ORDER BY id")
	if len(before) != 10 || before[0] != "1 | 8.00 | NULL" {
		t.Fatalf("got %q", before)
	}
	if j := w.compact(t); j.Status != job.Completed {
		t.Fatalf("%+v", j)
	}
	for _, v := range []int64{9, 10} {
		if diff := cmp.Diff(before, w.rows(t, v, " ORDER BY id")); diff != "" {
			t.Errorf("version %d (-before +after):\n%s", v, diff)
		}
	}
	if rows := w.rows(t, 4, " ORDER BY id"); len(rows) != 5 || rows[0] != "1 | 3.00 | NULL" {
		t.Errorf("an old version: %q", rows)
	}
	w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: []string{"id"}, Rows: 10, Schema: schema}, `{"id":1,"a \"b\"":"9"}`)
	if rows := w.rows(t, 11, " ORDER BY id"); len(rows) != 10 || rows[0] != "1 | 9.00 | NULL" {
		t.Errorf("merged afterwards: %q", rows)
	}
}

func TestAnotherCommitWins(t *testing.T) {
	w := newWorld(t)
	for i := range 17 {
		w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: schema}, fmt.Sprintf(`{"id":%d}`, i))
	}
	other := w.Engine.(*meanwhile)
	other.do = func() {
		other.do = nil
		w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: schema}, `{"id":99}`)
	}
	j, err := w.jobs.Submit(t.Context(), job.NewJob{Type: compact.JobType, ProjectID: "p", Source: "datasource", SourceID: "d"})
	must(t, err)
	events, err := w.jobs.Subscribe(t.Context(), j.ID, 0)
	must(t, err)
	for e := range events {
		if strings.Contains(string(e.Data), "nothing was changed") {
			break // it waits to be tried again
		}
	}
	d, err := w.Datasets.ByDatasource(t.Context(), "d")
	must(t, err)
	if d[0].Version != 18 || d[0].Rows != 18 || len(w.rows(t, 18, "")) != 18 {
		t.Errorf("got %+v", d[0])
	}
	must(t, w.jobs.Cancel(t.Context(), j.ID))
	if j := w.compact(t); j.Status != job.Completed {
		t.Errorf("the next one: %+v", j)
	}
	if len(w.rows(t, 19, "")) != 18 {
		t.Error("rows are missing")
	}
}
