package catalog_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/blob"
	"millwright/internal/catalog"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/engine/enginetest"
	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

// A world is a project with a real store and a real engine.
type world struct {
	*catalog.Catalog
	engine *duckdb.Engine
	blobs  *blob.Dir
	files  int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	db := metatest.OpenAt(t, filepath.Join(dir, "meta.db"))
	metatest.Projects(t, db, "p")
	metatest.Datasource(t, db, "p", "d")
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	must(t, err)
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(dir, "spill")})
	must(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	at := time.Unix(1_700_000_000, 0)
	store := &dataset.Store{DB: db, Now: func() time.Time { at = at.Add(time.Second); return at }}
	return &world{Catalog: &catalog.Catalog{Datasets: store, Blobs: blobs}, engine: e, blobs: blobs}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file stores lines as a Parquet file with that schema.
func (w *world) file(t testing.TB, schema table.Schema, lines ...string) dataset.NewFile {
	t.Helper()
	w.files++
	dir, remove, err := w.blobs.Stage(t.Context())
	must(t, err)
	defer remove()
	in, out := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "out.parquet")
	must(t, os.WriteFile(in, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	made, err := w.engine.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: schema})
	must(t, err)
	b, err := w.blobs.Publish(t.Context(), "p", out, ".parquet")
	must(t, err)
	return w.object(t, b.Key, made.Bytes, made.Rows)
}

// object makes stored bytes known.
func (w *world) object(t testing.TB, key string, size, rows int64) dataset.NewFile {
	t.Helper()
	w.files++
	id := fmt.Sprint("o", w.files)
	must(t, w.Datasets.AddObjectTx(t.Context(), w.Datasets.DB.Write(), dataset.Object{ID: id, ProjectID: "p", DatasourceID: "d", Bucket: "local", Key: key,
		FileType: "parquet", FileRole: "data/uploaded", MimeType: "x", FileSize: size, Rows: rows}))
	return dataset.NewFile{ObjectID: id, ObjectKey: key, Bytes: size, Rows: rows}
}

// commit commits a version of the dataset orders and returns the dataset.
func (w *world) commit(t testing.TB, n dataset.NewVersion) dataset.Dataset {
	t.Helper()
	n.ProjectID, n.DatasourceID, n.Name, n.RunID = "p", "d", "Orders", "run"
	if n.TableName == "" {
		n.TableName = "orders"
	}
	var v dataset.Version
	must(t, w.Datasets.DB.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		v, err = w.Datasets.CommitTx(t.Context(), tx, n)
		return err
	}))
	d, err := w.Datasets.Dataset(t.Context(), v.DatasetID)
	must(t, err)
	return d
}

// ask runs a statement over the named tables and returns its columns and rows as text.
func (w *world) ask(t testing.TB, asOf map[string]int64, sql string, names ...string) (columns, rows []string, err error) {
	t.Helper()
	v, err := w.Tables(t.Context(), "p", names, asOf)
	must(t, err)
	r, err := w.engine.Run(t.Context(), engine.Query{Scope: "p", Dir: v.Dir, Tables: v.Tables, SQL: sql})
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for _, c := range r.Schema().Columns {
		columns = append(columns, c.Name+" "+c.Type.String())
	}
	for r.Next() {
		b := r.Batch()
		for i := range int(b.NumRows()) {
			var values []string
			for _, c := range b.Columns() {
				values = append(values, enginetest.Text(c, i))
			}
			rows = append(rows, strings.Join(values, " | "))
		}
	}
	return columns, rows, r.Err()
}

func (w *world) want(t testing.TB, what, sql string, asOf map[string]int64, want ...string) {
	t.Helper()
	_, rows, err := w.ask(t, asOf, sql, "orders")
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var (
	bigint  = table.Type{Kind: table.BigInt}
	double  = table.Type{Kind: table.Double}
	text    = table.Type{Kind: table.Varchar}
	date    = table.Type{Kind: table.Date}
	boolean = table.Type{Kind: table.Boolean}
	jsons   = table.Type{Kind: table.JSON}
	money   = table.Type{Kind: table.Decimal, Precision: 20, Scale: 2}
)

func col(id int, name string, t table.Type) table.Column {
	return table.Column{ID: id, Name: name, Key: name, Type: t}
}

func schema(cols ...table.Column) table.Schema { return table.Schema{Columns: cols} }

func object(fields ...table.Column) table.Type { return table.Type{Kind: table.Struct, Fields: fields} }

func list(id int, elem table.Type) table.Type {
	return table.Type{Kind: table.List, Elem: &elem, ElemID: id}
}

func mapped(id int, value table.Type) table.Type {
	return table.Type{Kind: table.Map, Elem: &value, KeyID: id, ElemID: id + 1}
}

// TestFilesOfOlderSchemasAreReadAsTheCurrent appends a file with the type before
// and one with the type after.
func TestFilesOfOlderSchemasAreReadAsTheCurrent(t *testing.T) {
	w := newWorld(t)
	for i, c := range []struct {
		rule         string
		before       table.Type
		old          string // JSON value
		after        table.Type
		new          string
		wantOld      string
		wantNew      string
		wantTypeLess bool
	}{
		{rule: "integers become fractions", before: bigint, old: "7", after: double, new: "0.5", wantOld: "7", wantNew: "0.5"},
		{rule: "integers become exact", before: bigint, old: "-9223372036854775808", after: table.Type{Kind: table.Decimal, Precision: 38, Scale: 3}, new: `"0.125"`, wantOld: "-9223372036854775808.000", wantNew: "0.125"},
		{rule: "integers become text", before: bigint, old: "9007199254740993", after: text, new: `"x"`, wantOld: `"9007199254740993"`, wantNew: `"x"`},
		{rule: "decimals get digits", before: money, old: `"1.50"`, after: table.Type{Kind: table.Decimal, Precision: 30, Scale: 4}, new: `"0.0001"`, wantOld: "1.5000", wantNew: "0.0001"},
		{rule: "days become text", before: date, old: `"2024-02-29"`, after: text, new: `"soon"`, wantOld: `"2024-02-29"`, wantNew: `"soon"`},
		{rule: "truths become text", before: boolean, old: "true", after: text, new: `"no"`, wantOld: `"true"`, wantNew: `"no"`},
		{rule: "text becomes JSON", before: text, old: `"a\"b"`, after: jsons, new: `"[1]"`, wantOld: `"\"a\\\"b\""`, wantNew: `"[1]"`},
		{rule: "numbers become JSON", before: bigint, old: "7", after: jsons, new: `"{}"`, wantOld: `"7"`, wantNew: `"{}"`},
		{rule: "what was always null becomes a number", before: text, old: "null", after: bigint, new: "1", wantOld: "NULL", wantNew: "1"},
		{rule: "what was always null becomes an object", before: text, old: "null", after: object(col(901, "a", bigint)), new: `{"a":1}`, wantOld: "NULL", wantNew: "{a:1}"},
		{rule: "a list whose elements were not known", before: list(902, text), old: "[]", after: list(902, object(col(903, "a", bigint))), new: `[{"a":1}]`, wantOld: "[]", wantNew: "[{a:1}]"},
		{rule: "objects get a field", before: object(col(911, "a", bigint)), old: `{"a":1}`, after: object(col(912, "b", list(913, text)), col(911, "a", bigint)), new: `{"a":2,"b":["x"]}`, wantOld: "{b:NULL, a:1}", wantNew: `{b:["x"], a:2}`},
		{rule: "no object is no object of nulls", before: object(col(911, "a", bigint)), old: `null`, after: object(col(911, "a", double)), new: `{"a":2}`, wantOld: "NULL", wantNew: `{a:2}`},
		{rule: "objects lose a field", before: object(col(911, "a", bigint), col(912, "b", text)), old: `{"a":1,"b":"x"}`, after: object(col(911, "a", bigint)), new: `{"a":2}`, wantOld: "{a:1}", wantNew: `{a:2}`},
		{rule: "fields are matched by id, whatever they are called", before: object(table.Column{ID: 911, Name: `o"ld`, Key: "k", Type: bigint}), old: `{"o\"ld":1}`,
			after: object(table.Column{ID: 911, Name: `n'e"w`, Key: "k", Type: bigint}), new: `{"n'e\"w":2}`, wantOld: `{n'e"w:1}`, wantNew: `{n'e"w:2}`},
		{rule: "a field of the same name is another", before: object(col(911, "a", bigint)), old: `{"a":1}`, after: object(col(914, "a", bigint)), new: `{"a":2}`, wantOld: "{a:NULL}", wantNew: `{a:2}`},
		{rule: "objects in lists get a field", before: list(920, object(col(921, "a", bigint))), old: `[{"a":1},null]`, after: list(920, object(col(921, "a", double), col(922, "b", text))), new: `[{"a":0.5,"b":"x"}]`,
			wantOld: "[{a:1, b:NULL}, NULL]", wantNew: `[{a:0.5, b:"x"}]`},
		{rule: "lists of lists", before: list(930, list(931, bigint)), old: `[[1],null,[]]`, after: list(930, list(931, text)), new: `[["x"]]`, wantOld: `[["1"], NULL, []]`, wantNew: `[["x"]]`},
		{rule: "no list", before: list(930, bigint), old: `null`, after: list(930, text), new: `["x"]`, wantOld: `NULL`, wantNew: `["x"]`},
		{rule: "values of maps", before: mapped(940, bigint), old: `{"k":1,"":null}`, after: mapped(940, text), new: `{"k":"x"}`, wantOld: `map{"k":"1", "":NULL}`, wantNew: `map{"k":"x"}`},
		{rule: "no map", before: mapped(940, bigint), old: `null`, after: mapped(940, text), new: `{}`, wantOld: `NULL`, wantNew: `map{}`},
		{rule: "objects in maps in objects", before: object(col(950, "m", mapped(951, object(col(953, "a", bigint))))), old: `{"m":{"k":{"a":1}}}`,
			after: object(col(950, "m", mapped(951, object(col(954, "b", date), col(953, "a", text))))), new: `{"m":{"k":{"a":"x","b":"2024-01-01"}}}`,
			wantOld: `{m:map{"k":{b:NULL, a:"1"}}}`, wantNew: `{m:map{"k":{b:2024-01-01, a:"x"}}}`},
		{rule: "JSON inside of objects is text", before: object(col(960, "j", bigint)), old: `{"j":1}`, after: object(col(960, "j", jsons)), new: `{"j":"[]"}`, wantOld: `{j:"1"}`, wantNew: `{j:"[]"}`, wantTypeLess: true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			name := fmt.Sprint("t", i)
			old, after := schema(col(1, "id", bigint), col(2, "x", c.before)), schema(col(1, "id", bigint), col(2, "x", c.after), col(3, "extra", text))
			w.commit(t, dataset.NewVersion{TableName: name, Kind: dataset.Append, Schema: old, LastFieldID: 999, Files: []dataset.NewFile{w.file(t, old, `{"id":1,"x":`+c.old+`}`)}})
			// The ids inside are used up by the first version, and new here to the second.
			must(t, resetFieldID(t, w, name))
			w.commit(t, dataset.NewVersion{TableName: name, Kind: dataset.Append, Schema: after, Files: []dataset.NewFile{w.file(t, after, `{"id":2,"x":`+c.new+`,"extra":"e"}`)}})
			columns, rows, err := w.ask(t, nil, "SELECT * FROM "+name, name)
			must(t, err)
			if diff := cmp.Diff([]string{"1 | " + c.wantOld + " | NULL", "2 | " + c.wantNew + ` | "e"`}, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if want := "x " + c.after.String(); columns[1] != want && !c.wantTypeLess {
				t.Errorf("got column %s, want %s", columns[1], want)
			}
			_, rows, err = w.ask(t, map[string]int64{name: 1}, "SELECT * FROM "+name, name)
			if err != nil || len(rows) != 1 {
				t.Errorf("the old version: %v, %v", rows, err)
			}
		})
	}
}

// resetFieldID lets the test choose low ids for new fields.
func resetFieldID(t *testing.T, w *world, name string) error {
	_, err := w.Datasets.DB.Write().ExecContext(t.Context(), `UPDATE datasets SET last_field_id = 2 WHERE table_name = ?`, name)
	return err
}

func TestColumnsComeAndMove(t *testing.T) {
	w := newWorld(t)
	first := schema(col(1, "id", bigint), col(2, "gone?", text))
	second := schema(table.Column{ID: 3, Name: "it's new", Key: "n", Type: text}, col(1, "id", bigint), table.Column{ID: 2, Name: "Renamed", Key: "gone?", Type: text})
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: first, Files: []dataset.NewFile{w.file(t, first, `{"id":1,"gone?":"a"}`), w.file(t, first, `{"id":2}`)}})
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: second, Files: []dataset.NewFile{w.file(t, second, `{"id":3,"it's new":"x","Renamed":"b"}`)}})
	columns, rows, err := w.ask(t, nil, "SELECT * FROM orders", "orders")
	must(t, err)
	if diff := cmp.Diff([]string{"it's new VARCHAR", "id BIGINT", "Renamed VARCHAR"}, columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`NULL | 1 | "a"`, `NULL | 2 | NULL`, `"x" | 3 | "b"`}, rows); diff != "" {
		t.Error(diff)
	}
	w.want(t, "aggregates", "SELECT count(*), sum(id), count(DISTINCT renamed) FROM orders WHERE id > 1", nil, "2 | 5 | 1")
	v, err := w.Tables(t.Context(), "p", []string{"orders"}, nil)
	must(t, err)
	if len(v.Tables) != 3 || len(v.Tables[0].Files) != 2 || v.Versions["orders"] != 2 || len(v.Versions) != 1 {
		t.Errorf("files of one schema are not one table: %+v", v)
	}
}

func TestHiddenTablesAreNotForUsers(t *testing.T) {
	w := newWorld(t)
	first, second := schema(col(1, "id", bigint)), schema(col(1, "id", text))
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: first, Files: []dataset.NewFile{w.file(t, first, `{"id":1}`)}})
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: second, Files: []dataset.NewFile{w.file(t, second, `{"id":"b"}`)}})
	names, err := w.TableNames(t.Context(), "p")
	if diff := cmp.Diff([]string{"orders"}, names); err != nil || diff != "" {
		t.Errorf("%v, %v", names, err)
	}
	for _, sql := range []string{`SELECT * FROM __mw_orders_1`, `SELECT * FROM "__MW_orders_2"`, `SELECT * FROM orders, (SELECT 1 FROM __mw_orders_1)`,
		`WITH __mw_orders_1 AS (SELECT 'x' AS id) SELECT * FROM __mw_orders_1`} {
		_, _, err := w.ask(t, nil, sql, "orders", "__mw_orders_1")
		if e, ok := errs.Find(err); !ok || e.Type != "sql-invalid" || strings.Contains(errs.Public(err), "one of: __mw") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	w.want(t, "an expression of the same name", `WITH __mw_orders_1 AS (SELECT 'x' AS id) SELECT * FROM orders ORDER BY id`, nil, `"1"`, `"b"`)
}

func TestMergedDatasetsHaveTheNewestRowOfEachKey(t *testing.T) {
	w := newWorld(t)
	s := schema(col(1, "id", bigint), col(2, "day", date), col(3, "n", bigint))
	wide := schema(col(1, "id", text), col(2, "day", date), col(3, "n", bigint), col(4, "__mw_order", text))
	key := []string{"id", "day"}
	w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: key, Rows: 2, Schema: s, Files: []dataset.NewFile{
		w.file(t, s, `{"id":1,"day":"2024-01-01","n":1}`, `{"id":2,"day":"2024-01-01","n":2}`)}})
	w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: key, Rows: 4, Schema: s, Files: []dataset.NewFile{
		w.file(t, s, `{"id":1,"day":"2024-01-01","n":10}`, `{"id":1,"day":"2024-01-02","n":11}`),
		w.file(t, s, `{"id":3,"day":"2024-01-01","n":12}`, `{"id":3,"day":"2024-01-01","n":13}`)}})
	d := w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: key, Rows: 5, Schema: wide, Files: []dataset.NewFile{
		w.file(t, wide, `{"id":"2","day":"2024-01-01","n":null,"__mw_order":"x"}`, `{"id":"z","day":null,"n":20}`, `{"id":"3","day":"2024-01-01","n":21}`)}})
	all := "SELECT id, day, n FROM orders ORDER BY ALL"
	at := func(v int64) map[string]int64 { return map[string]int64{"orders": v} }
	w.want(t, "no key is there twice", all, at(1), "1 | 2024-01-01 | 1", "2 | 2024-01-01 | 2")
	w.want(t, "later files, and later rows of one file, win", all, at(2), "1 | 2024-01-01 | 10", "1 | 2024-01-02 | 11", "2 | 2024-01-01 | 2", "3 | 2024-01-01 | 13")
	three := []string{`"1" | 2024-01-01 | 10`, `"1" | 2024-01-02 | 11`, `"2" | 2024-01-01 | NULL`, `"3" | 2024-01-01 | 21`, `"z" | NULL | 20`}
	w.want(t, "a key whose type changed, a null that wins", all, nil, three...)
	w.want(t, "a column that is called as ours", `SELECT "__mw_order" FROM orders WHERE id = '2'`, nil, `"x"`)
	w.want(t, "counted", "SELECT count(*) FROM orders", nil, "5")

	v, err := w.Tables(t.Context(), "p", []string{"orders"}, at(1))
	must(t, err)
	if len(v.Tables) != 1 || v.Tables[0].View != "" || v.Versions["orders"] != 1 {
		t.Errorf("a version without a double key is not read plainly: %+v", v.Tables)
	}
	files, err := w.Datasets.Files(t.Context(), d.ID, 3)
	must(t, err)
	// The first file again, as a later run would convert it: its rows stay the oldest.
	again := w.file(t, wide, `{"id":"1","day":"2024-01-01","n":1}`, `{"id":"2","day":"2024-01-01","n":2}`)
	again.Sequence = files[0].Sequence
	w.commit(t, dataset.NewVersion{Kind: dataset.Merge, Key: key, Rows: 5, Schema: wide, Ends: []string{files[0].ObjectID}, Files: []dataset.NewFile{again}})
	w.want(t, "a file that was made again", all, nil, three...)
	w.want(t, "the version before it", all, at(3), three...)
}

func TestChildTablesOfDatasetsWithSeveralSchemas(t *testing.T) {
	w := newWorld(t)
	items := func(fields ...table.Column) table.Schema {
		return schema(col(1, "id", bigint), col(2, "items", list(3, object(fields...))))
	}
	first, second := items(col(4, "sku", bigint)), items(col(4, "sku", text), col(5, "n", bigint))
	d := w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: first, Files: []dataset.NewFile{w.file(t, first, `{"id":1,"items":[{"sku":7},{"sku":8}]}`)}})
	must(t, w.Datasets.SaveProfile(t.Context(), d.ID, 1, []byte(`{"children":[{"table":"orders__items","parent":"orders",
		"view":"SELECT id, unnest(items, max_depth := 2) FROM orders","schema":{"columns":[]}}]}`)))
	w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: second, Files: []dataset.NewFile{w.file(t, second, `{"id":2,"items":[{"sku":"x","n":1}]}`)}})
	_, rows, err := w.ask(t, nil, "SELECT * FROM orders__items ORDER BY id, sku", "orders__items")
	must(t, err)
	if diff := cmp.Diff([]string{`1 | "7" | NULL`, `1 | "8" | NULL`, `2 | "x" | 1`}, rows); diff != "" {
		t.Error(diff)
	}
	_, rows, err = w.ask(t, map[string]int64{"orders": 1}, "SELECT sum(sku) FROM orders__items", "orders__items")
	if diff := cmp.Diff([]string{"15"}, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	w.commit(t, dataset.NewVersion{Kind: dataset.Replace, Schema: second, Files: []dataset.NewFile{w.file(t, second, `{"id":2}`)}})
	if names, err := w.TableNames(t.Context(), "p"); err != nil || len(names) != 1 {
		t.Errorf("a replaced dataset still has the child tables of the one before: %v, %v", names, err)
	}
}

func TestVersionsThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	s := schema(col(1, "id", bigint))
	w.commit(t, dataset.NewVersion{Kind: dataset.Replace, Schema: s, Files: []dataset.NewFile{w.file(t, s, `{"id":1}`)}})
	d := w.commit(t, dataset.NewVersion{Kind: dataset.Replace, Schema: s, Files: []dataset.NewFile{w.file(t, s, `{"id":2}`)}})
	if _, err := w.Datasets.Expire(t.Context(), d.ID, dataset.Settings{KeepVersions: 1, RawPages: dataset.KeepRaw}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for version, typ := range map[int64]string{1: "version-expired", 3: "", 0: ""} {
		_, err := w.Tables(t.Context(), "p", []string{"orders"}, map[string]int64{"orders": version})
		if e, ok := errs.Find(err); !ok || e.Kind != errs.NotFound || e.Type != typ {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if _, err := w.Tables(t.Context(), "p", []string{"orders"}, map[string]int64{"other": 9}); err != nil {
		t.Errorf("a version of a table that is not read: %v", err)
	}
}

func TestAThousandFilesOfOneSchemaAreOneTable(t *testing.T) {
	w := newWorld(t)
	s := schema(col(1, "id", bigint))
	one := w.file(t, s, `{"id":1}`)
	n := dataset.NewVersion{Kind: dataset.Append, Schema: s, Files: []dataset.NewFile{one}}
	d := w.commit(t, n)
	for range 20 {
		n.Files = nil
		for range 50 {
			n.Files = append(n.Files, w.object(t, one.ObjectKey, one.Bytes, one.Rows))
		}
		d = w.commit(t, n)
	}
	start := time.Now()
	tables, err := w.Read(t.Context(), d, d.Version)
	took := time.Since(start)
	must(t, err)
	if len(tables) != 1 || tables[0].View != "" || len(tables[0].Files) != 1001 {
		t.Errorf("got %d tables, %d files", len(tables), len(tables[0].Files))
	}
	t.Log("resolved in", took)
	w.want(t, "read", "SELECT sum(id) FROM orders", nil, "1001")
}

// FuzzNames checks that no name of a column or a field escapes its quotes.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", `"`, `'`, `a"; DROP`, `'); --`, `\`, "\x00", "select", `""`, "x1", "key", "value", "日本", "$a", "a.b", `", '`} {
		f.Add(name, "b")
		f.Add("b", name)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, name, inner string) {
		if name == "" || inner == "" || strings.ContainsAny(name+inner, "\x00") || !utf8.ValidString(name) || !utf8.ValidString(inner) || len(name+inner) > 200 ||
			strings.EqualFold(inner, "zz") || strings.EqualFold(name, "zz") {
			t.Skip("no name that a column gets")
		}
		before := []table.Column{col(1, name, object(col(2, inner, bigint), col(3, "zz", list(4, object(col(5, inner, bigint))))))}
		after := schema(col(1, name, object(col(2, inner, text), col(3, "zz", list(4, object(col(6, "zz", text), col(5, inner, double)))))), col(7, "zz", mapped(8, object(col(10, inner, bigint)))))
		stored := engine.Table{Name: "__mw_" + name, View: "SELECT CAST(NULL AS " + before[0].Type.String() + ") AS " + table.Quote(name), Schema: schema(before...), Hidden: true}
		view := engine.Table{Name: "t", View: catalog.Union(after, []engine.Table{stored})}
		dir, err := w.blobs.ScopeDir(t.Context(), "p")
		must(t, err)
		got, err := w.engine.Describe(t.Context(), engine.Query{Scope: "p", Dir: dir, Tables: []engine.Table{stored, view}, SQL: "SELECT * FROM t"})
		if err != nil {
			t.Fatalf("%q, %q: %v\n%s", name, inner, err, view.View)
		}
		for i, c := range got.Columns {
			if want := after.Columns[i]; c.Name != want.Name || c.Type.String() != want.Type.String() {
				t.Errorf("got %s %s, want %s %s", c.Name, c.Type, want.Name, want.Type)
			}
		}
	})
}
