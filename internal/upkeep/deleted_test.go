package upkeep_test

import (
	"database/sql"
	"testing"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/meta/metatest"
	"millwright/internal/table"
)

// What a dataset that was removed for good held is collected after the grace, unless
// another dataset holds it, too.
func TestTheObjectsOfARemovedDatasetAreCollected(t *testing.T) {
	w := newWorld(t)
	metatest.Datasource(t, w.db, "p", "d")
	store := &dataset.Store{DB: w.db, Now: func() time.Time { return w.now }}
	var ids []dataset.ID
	shared := w.publish("shared")
	own := map[string]bool{}
	for _, name := range []string{"one", "two"} {
		var v dataset.Version
		if err := w.db.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			n := dataset.NewVersion{ProjectID: "p", DatasourceID: "d", Name: name, TableName: name, RunID: "run " + name, Kind: dataset.Replace,
				Schema: table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Key: "a", Type: table.Type{Kind: table.Varchar}}}}}
			for _, key := range []string{w.publish("request " + name), w.publish("pages " + name), w.publish("file " + name), shared} {
				o := dataset.Object{ID: key + name, ProjectID: "p", Bucket: "local", Key: key, FileType: "json", FileRole: "x", MimeType: "x", RunID: n.RunID}
				if err := store.AddObjectTx(t.Context(), tx, o); err != nil {
					return err
				}
				if key != shared {
					own[key] = name == "one"
				}
				n.Files = append(n.Files, dataset.NewFile{ObjectID: o.ID, ObjectKey: key, Bytes: 1, Rows: 1})
			}
			// The first is the request, which only the run names; the second are raw pages.
			n.Files[2].Raws = []dataset.ID{n.Files[1].ObjectID}
			n.Files = n.Files[2:]
			v, err = store.CommitTx(t.Context(), tx, n)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.DatasetID)
	}
	if _, err := store.Delete(t.Context(), ids[0], true); err != nil {
		t.Fatal(err)
	}
	c := w.collector()
	c.Live = store.Live
	for key := range own {
		w.age(key, time.Hour)
	}
	w.age(shared, time.Hour)
	if done := w.pass(c); done.Orphans != 3 || done.Removed != 0 {
		t.Errorf("before the grace: %+v", done)
	}
	w.now = w.now.Add(25 * time.Hour)
	if done := w.pass(c); done.Removed != 3 {
		t.Errorf("after the grace: %+v", done)
	}
	for key, gone := range own {
		if w.has(key) == gone {
			t.Errorf("%s: removed is %v", key, !gone)
		}
	}
	if !w.has(shared) {
		t.Error("an object that another dataset holds was removed")
	}
}
