package transfer

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/lineage"
	"millwright/internal/source"
)

// check refuses what names things that are not there, or twice.
func (d *document) check() error {
	if strings.TrimSpace(d.Project.Name) == "" {
		return errs.New(errs.Invalid, "the project has no name").Named("import-invalid").At("/project/name")
	}
	sources, objects, lines := map[string]bool{}, map[string]*readObject{}, map[string]bool{}
	for i, s := range d.Datasources {
		if err := unique(sources, s.ID, "/datasources/"+itoa(i)); err != nil {
			return err
		}
	}
	for i := range d.Objects {
		o := &d.Objects[i]
		if objects[o.ID] != nil {
			return twice("/dataobjects/" + itoa(i))
		}
		objects[o.ID] = o
	}
	for i := range d.Datalines {
		l, place := &d.Datalines[i], "/datalines/"+itoa(i)
		if err := unique(lines, l.ID, place); err != nil {
			return err
		}
		o := objects[l.ObjectID]
		if o == nil || o.path == "" {
			return errs.New(errs.Invalid, "a dataset has no file in the export").Named("import-invalid").At(place + "/dataobject_id")
		}
		if l.DatasourceID == "" {
			l.DatasourceID = o.DatasourceID
		}
		if !sources[l.DatasourceID] {
			return errs.New(errs.Invalid, "a dataset has no datasource in the export").Named("import-invalid").At(place + "/datasource_id")
		}
		if l.Schema != nil {
			if err := checkSchema(*l.Schema); err != nil {
				return at(err, place)
			}
		}
	}
	return nil
}

func unique(seen map[string]bool, id, place string) error {
	if id == "" || seen[id] {
		return twice(place)
	}
	seen[id] = true
	return nil
}

func twice(place string) error {
	return errs.New(errs.Invalid, "an id is missing, or there twice").Named("import-invalid").At(place + "/id")
}

// warnings says what a person should know before anything is imported.
func (d *document) warnings() []string {
	all := []string{}
	if n := len(d.References.Credentials); n > 0 {
		all = append(all, fmt.Sprintf("%d credentials are named in the export, which holds no secrets: store them again where they are needed", n))
	}
	if d.APIs > 0 {
		all = append(all, fmt.Sprintf("%d published APIs are described in the export; nothing is published by importing it", d.APIs))
	}
	return all
}

// file returns the object of a dataset; check has found that there is one.
func (d *document) file(l *fileDataline) *readObject {
	for i := range d.Objects {
		if d.Objects[i].ID == l.ObjectID {
			return &d.Objects[i]
		}
	}
	return nil
}

// lookInto has the engine look into the Parquet file of a dataset, and says how its
// rows become ours. The file is opened in a confined worker only.
func (s *Service) lookInto(ctx context.Context, doc *document, l *fileDataline, dir, scope string) (r reading, err error) {
	o := doc.file(l)
	f, err := os.Open(o.path)
	if err != nil {
		return r, err
	}
	hashed, _, err := sumsOf(f)
	f.Close()
	if err != nil {
		return r, err
	}
	if o.SHA256 != "" && o.SHA256 != hashed.sha256 {
		return r, errs.New(errs.Invalid, "the file of the dataset %q is not the one that was exported: its hash is another", cut(l.Name, 60)).Named("import-content-invalid").
			Fix("export the project again")
	}
	about, err := s.Engine.Describe(ctx, engine.Query{Scope: "import-" + scope, Dir: dir, SQL: "SELECT * FROM file", Tables: []engine.Table{{Name: "file", Files: []string{o.path}}}})
	if err != nil {
		return r, notParquet(err)
	}
	if l.Schema != nil {
		return readingOf(about.Columns, *l.Schema)
	}
	return deriveReading(about.Columns)
}

func notParquet(err error) error {
	// What the engine cannot name it says of a file that is not as it says itself.
	if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.Internal || strings.Contains(err.Error(), "No space left on device") {
		return err
	}
	return errs.New(errs.Invalid, "the file of a dataset cannot be read as Parquet of these columns").Named("import-parquet-invalid").Because(err)
}

// dataline makes a dataset of what the worker writes of the file's rows.
func (i *importing) dataline(ctx context.Context, n int) error {
	l := &i.doc.Datalines[n]
	r, err := i.lookInto(ctx, i.doc, l, i.dir, i.project.ID)
	if err != nil {
		return err
	}
	out := filepath.Join(i.dir, "dataset-"+itoa(n)+".parquet")
	made, err := i.Engine.Rewrite(ctx, engine.Rewriting{Dir: i.dir, Tables: []engine.Table{{Name: "file", Files: []string{i.doc.file(l).path}}},
		SQL: r.sql, Output: out, Schema: r.schema, Timeout: exportTime})
	if err != nil {
		return notParquet(err)
	}
	if l.Rows > 0 && made.Rows != l.Rows {
		return errs.New(errs.Invalid, "the dataset %q is said to have %d rows, and its file has %d", cut(l.Name, 60), l.Rows, made.Rows).Named("import-content-invalid")
	}
	d, err := i.Sources.Get(ctx, i.teams, i.ids[l.DatasourceID])
	if err != nil {
		return err
	}
	b, err := i.Blobs.Publish(ctx, i.project.ID, out, ".parquet")
	if err != nil {
		return err
	}
	model, err := json.Marshal(r.schema)
	if err != nil {
		return err
	}
	object := dataset.Object{ID: newID(), ProjectID: i.project.ID, DatasourceID: d.ID, Bucket: "local", Key: b.Key, FileType: "parquet", FileRole: "data/uploaded",
		MimeType: "application/vnd.apache.parquet", FileSize: b.Size, Rows: made.Rows, ETag: b.ETag, SHA256: b.SHA256, Metadata: model}
	return i.commit(ctx, l, d, r, made, object)
}

// commit makes the dataset known.
func (i *importing) commit(ctx context.Context, l *fileDataline, d source.Datasource, r reading, made engine.Converted, o dataset.Object) error {
	stats, err := json.Marshal(made.Stats)
	if err != nil || made.Stats == nil {
		stats = nil
	}
	version := dataset.NewVersion{ProjectID: i.project.ID, DatasourceID: d.ID, Name: cut(l.Name, 200), TableName: d.TableName, Kind: dataset.Replace,
		Schema: r.schema, LastFieldID: max(r.last, min(l.LastFieldID, mostFieldID)), Verdict: verdictOf(l, made.Rows),
		Files: []dataset.NewFile{{ObjectID: o.ID, ObjectKey: o.Key, Bytes: o.FileSize, Rows: made.Rows, Stats: stats}}}
	if l.TableName != "" && l.TableName != d.TableName {
		return errs.New(errs.Invalid, "the dataset's table has another name than its datasource says").Named("import-table-name").At("/table_name")
	}
	edge := lineage.Edge{ID: newID(), ProjectID: i.project.ID, DownstreamID: o.ID, Transformation: "import_project"}
	if edge.Metadata, err = json.Marshal(map[string]any{"records": made.Rows, "sha256": o.SHA256, "exported_as": cut(l.ObjectID, 60)}); err != nil {
		return err
	}
	return i.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := i.Datasets.AddObjectTx(ctx, tx, o); err != nil {
			return err
		}
		if err := i.Lineage.AddTx(ctx, tx, edge); err != nil {
			return err
		}
		v, err := i.Datasets.CommitTx(ctx, tx, version)
		if err != nil {
			return err
		}
		i.ids[l.ID] = v.DatasetID
		return i.Sources.SetStateTx(ctx, tx, d.ID, source.Ready, "sync_completed", fmt.Sprintf("%d rows, imported", made.Rows))
	})
}

// verdictOf says that all rows of the export are here, and what was said of them there.
func verdictOf(l *fileDataline, rows int64) json.RawMessage {
	v := map[string]any{"state": "complete", "reason": "imported", "message": fmt.Sprintf("%d rows, as they were exported", rows), "pages": 0, "records": rows}
	var before map[string]any
	if json.Unmarshal(l.Verdict, &before) == nil && before != nil {
		v["exported_verdict"] = l.Verdict
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil // unreachable: every part is JSON already
	}
	return text
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
