package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"

	"millwright/internal/dataset"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/source"
)

// A Landing says what became of the records of a run. It is kept with the
// verdict of the version, under "landing".
type Landing struct {
	Mode        string        `json:"mode"`
	Key         []string      `json:"key,omitempty"`
	Records     int64         `json:"records"`               // that came
	Landed      int64         `json:"landed"`                // of these, new
	Repeated    int64         `json:"repeated,omitempty"`    // of these, landed by an earlier run
	Twins       int64         `json:"twins,omitempty"`       // equal to another record of the same key, and counted once
	Reconverted int64         `json:"reconverted,omitempty"` // rows of earlier runs that were made again because types changed
	Remade      int64         `json:"remade,omitempty"`      // of those that landed, converted again because later ones changed their types
	Cursor      *LandedCursor `json:"cursor,omitempty"`
	File        *LandedFile   `json:"file,omitempty"`  // of a load
	Notes       []string      `json:"notes,omitempty"` // what a reader of the data should know
}

// A LandedCursor says what a run asked for and what the next one goes on from.
type LandedCursor struct {
	Field      string          `json:"field"`
	Sent       json.RawMessage `json:"sent,omitempty"`       // nothing was sent if absent
	Value      json.RawMessage `json:"value,omitempty"`      // the greatest; unchanged if absent
	Remembered int             `json:"remembered,omitempty"` // records that the next run will bring again
	Valueless  int64           `json:"valueless,omitempty"`  // records without the field
}

// published are the data objects of a run.
type published struct {
	request, pages dataset.Object
	parquet        []dataset.Object // one for each output
}

// commit publishes the files, then makes them known in one transaction that is
// fenced by the job's attempt. Dying before the transaction leaves orphans for
// the collector; dying after it leaves nothing to do.
func (l *landing) commit(ctx context.Context) error {
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "commit", Message: "storing the dataset", Fraction: 0.95}))
	p, err := l.publish(ctx)
	if err != nil {
		return err
	}
	n, err := l.newVersion(p)
	if err != nil {
		return err
	}
	if n.Kind == dataset.Merge {
		if n.Rows, err = l.countKeys(ctx, p.parquet); err != nil {
			return err
		}
	}
	if err := l.step(ctx, "transaction"); err != nil {
		return err
	}
	var version dataset.Version
	err = l.finish(ctx, l.outcome.Verdict.Message, func(tx *sql.Tx) error {
		version, err = l.storeTx(ctx, tx, p, n)
		return err
	})
	if err != nil {
		return err
	}
	if err := l.step(ctx, "committed"); err != nil {
		return err
	}
	l.expire(ctx, version.DatasetID)
	return nil
}

// finish completes the job, with what store does, in one transaction.
func (l *landing) finish(ctx context.Context, message string, store func(tx *sql.Tx) error) error {
	return l.DB.Tx(ctx, func(tx *sql.Tx) error {
		if store != nil {
			if err := store(tx); err != nil {
				return err
			}
		}
		if err := l.settleTx(ctx, tx); err != nil {
			return err
		}
		if err := l.Sources.SetStateTx(ctx, tx, l.datasource.ID, source.Ready, "sync_completed", message); err != nil {
			return err
		}
		if err := l.step(ctx, "complete"); err != nil {
			return err
		}
		if err := l.run.CompleteTx(ctx, tx, l.then...); err != nil {
			return err
		}
		return l.step(ctx, "commit")
	})
}

// settleTx makes what was found out about the source a setting from now on: a later
// run does not guess again. A file that has landed is done with.
func (l *landing) settleTx(ctx context.Context, tx *sql.Tx) error {
	if l.payload.Load != nil {
		return l.Uploads.RemoveTx(ctx, tx, l.payload.Load.UploadID)
	}
	return l.Sources.SaveSpecTx(ctx, tx, l.datasource.ID, l.outcome.Settle(l.spec))
}

// storeTx makes the published objects known, as a version.
func (l *landing) storeTx(ctx context.Context, tx *sql.Tx, p published, n dataset.NewVersion) (dataset.Version, error) {
	objects := append([]dataset.Object{p.request, p.pages}, p.parquet...)
	edges, err := l.edges(p)
	if err != nil {
		return dataset.Version{}, err
	}
	for _, o := range objects {
		if err := l.Datasets.AddObjectTx(ctx, tx, o); err != nil {
			return dataset.Version{}, err
		}
	}
	for _, e := range edges {
		if err := l.Lineage.AddTx(ctx, tx, e); err != nil {
			return dataset.Version{}, err
		}
	}
	v, err := l.Datasets.CommitTx(ctx, tx, n)
	if err != nil {
		return v, err
	}
	if l.next != nil {
		if err := l.saveCursorTx(ctx, tx, l.datasource.ID, v.Version, l.next); err != nil {
			return v, err
		}
	}
	return v, l.announceTx(ctx, tx, objects[:3], edges[:3])
}

// newVersion describes the version to come.
func (l *landing) newVersion(p published) (n dataset.NewVersion, err error) {
	n = dataset.NewVersion{
		ProjectID: l.datasource.ProjectID, DatasourceID: l.datasource.ID, Name: l.datasource.Name, TableName: l.datasource.TableName,
		RunID: l.run.Job.ID, Kind: dataset.Replace, Schema: l.types.Schema, LastFieldID: l.types.LastID, Facts: l.facts,
	}
	switch l.setting.Mode {
	case httpsource.Append:
		n.Kind, n.Base = dataset.Append, l.base.dataset.Version
	case httpsource.Merge:
		n.Kind, n.Base, n.Key = dataset.Merge, l.base.dataset.Version, l.setting.Key
	}
	for i, o := range l.outputs {
		f, err := newFile(o, p.parquet[i])
		if err != nil {
			return n, err
		}
		if o.old == nil {
			f.Raws = []dataset.ID{p.pages.ID}
		} else {
			for _, f := range o.old {
				n.Ends = append(n.Ends, f.ObjectID)
			}
		}
		n.Files = append(n.Files, f)
	}
	if n.Report, err = json.Marshal(l.types.Columns); err != nil {
		return n, err
	}
	n.Verdict, err = l.verdict()
	return n, err
}

// newFile describes an output whose object was published.
func newFile(o output, stored dataset.Object) (dataset.NewFile, error) {
	stats, err := json.Marshal(o.made.Stats)
	if o.made.Stats == nil {
		stats = nil
	}
	f := dataset.NewFile{ObjectID: stored.ID, ObjectKey: stored.Key, Bytes: stored.FileSize, Rows: stored.Rows, Stats: stats, Raws: o.raws}
	if o.old != nil {
		f.Sequence = o.old[len(o.old)-1].Sequence
	}
	return f, err
}

// verdict is that of the fetch with what became of its records.
func (l *landing) verdict() (json.RawMessage, error) {
	r := &l.report
	r.Mode, r.Key, r.Records, r.Landed, r.Repeated = string(l.setting.Mode), l.setting.Key, l.watch.seen, l.watch.landed(), int64(len(l.watch.skipped))
	if replaces(l.setting.Mode) {
		r.Mode = string(httpsource.Replace)
	}
	if t := l.watch.tracker; t != nil {
		r.Cursor = &LandedCursor{Field: t.setting.Field, Valueless: t.absent}
		if l.sent != nil {
			r.Cursor.Sent = json.RawMessage(l.sent.raw)
		}
		if l.next != nil {
			r.Cursor.Value, r.Cursor.Remembered = json.RawMessage(l.next.Value), len(l.next.Records)
		}
		if t.merging && t.older > 0 {
			r.Notes = append(r.Notes, "some records are older than what was asked for: the source may ignore the cursor's parameter")
		}
	}
	return json.Marshal(struct {
		httpsource.Verdict
		Landing *Landing `json:"landing"`
	}{l.outcome.Verdict, r})
}

// expire lets go of what the dataset's settings do not keep. The run has landed
// whatever becomes of this; it is done again after the next one.
func (s *Service) expire(ctx context.Context, id dataset.ID) {
	set, err := s.Datasets.Settings(ctx, id)
	if err == nil {
		_, err = s.Datasets.Expire(ctx, id, set, s.Now())
	}
	if err == nil {
		err = s.forgetCursors(ctx, id)
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("old versions were not let go of", "dataset", id, "err", err)
	}
}

// publish makes the objects of a run: the request, the raw pages, the Parquet.
func (l *landing) publish(ctx context.Context) (p published, err error) {
	if p.request, err = l.publishOrigin(ctx); err != nil {
		return p, err
	}
	if p.pages, err = l.publishPages(ctx); err != nil {
		return p, err
	}
	p.parquet, err = l.publishOutputs(ctx)
	return p, err
}

// publishPages makes an object of the raw pages.
func (l *landing) publishPages(ctx context.Context) (dataset.Object, error) {
	index, err := indexOf(l.pagesPath(), rawIndex{Verdict: l.outcome.Verdict, Detected: l.outcome.Detected, Skipped: spansOf(l.watch.skipped)})
	if err != nil {
		return dataset.Object{}, err
	}
	id := newID()
	if err := l.packLater(id); err != nil {
		return dataset.Object{}, err
	}
	return l.object(ctx, l.pagesPath(), ".ndjson.zst", dataset.Object{ID: id, FileType: "ndjson", FileRole: "data/raw_pages",
		MimeType: "application/zstd", Rows: l.pages.Records, Metadata: index})
}

// publishOrigin makes an object of what the pages came from: the request, or the
// file.
func (l *landing) publishOrigin(ctx context.Context) (dataset.Object, error) {
	if l.payload.Load != nil {
		return l.publishFile(ctx)
	}
	requestPath := filepath.Join(l.stage, "request.json")
	if err := os.WriteFile(requestPath, l.request.Public(), 0o600); err != nil {
		return dataset.Object{}, err
	}
	return l.object(ctx, requestPath, ".json", dataset.Object{ID: newID(), FileType: "json", FileRole: "connect/http", MimeType: "application/json"})
}

// publishOutputs makes objects of the Parquet files; the first has the id that was
// told when the run began.
func (l *landing) publishOutputs(ctx context.Context) (objects []dataset.Object, err error) {
	schema, err := json.Marshal(l.types.Schema)
	if err != nil {
		return nil, err
	}
	for i, o := range l.outputs {
		id := newID()
		if i == 0 {
			id = l.payload.ObjectID
		}
		stored, err := l.object(ctx, o.path, ".parquet", dataset.Object{ID: id, FileType: "parquet", FileRole: "data/uploaded",
			MimeType: "application/vnd.apache.parquet", Rows: o.made.Rows, Metadata: schema})
		if err != nil {
			return nil, err
		}
		objects = append(objects, stored)
	}
	return objects, nil
}

// object publishes a staged file and returns o as the object that it is.
func (l *landing) object(ctx context.Context, path, ext string, o dataset.Object) (dataset.Object, error) {
	if err := l.step(ctx, "publish "+o.FileType); err != nil {
		return o, err
	}
	b, err := l.Blobs.Publish(ctx, l.datasource.ProjectID, path, ext)
	o.ProjectID, o.DatasourceID, o.RunID, o.Bucket = l.datasource.ProjectID, l.datasource.ID, l.run.Job.ID, "local"
	o.Key, o.FileSize, o.ETag, o.SHA256 = b.Key, b.Size, b.ETag, b.SHA256
	return o, err
}

// indexedPages bounds the index in an object's metadata; the file has all of it.
const indexedPages = 1000

// A rawIndex describes raw pages: where each came from and its hash.
type rawIndex struct {
	PageCount int                 `json:"page_count"`
	Pages     []spill.Page        `json:"pages"`
	Verdict   httpsource.Verdict  `json:"verdict"`
	Detected  httpsource.Detected `json:"detected"`
	Skipped   spans               `json:"skipped,omitempty"` // records, from 0, that an earlier run had landed
}

// indexOf completes what is known of raw pages with the index that their file has.
func indexOf(path string, about rawIndex) (json.RawMessage, error) {
	pages, err := spill.Pages(path)
	if err != nil {
		return nil, err
	}
	about.PageCount, about.Pages = len(pages), pages[:min(len(pages), indexedPages)]
	return json.Marshal(about)
}

// edges says what was made from what: request -> pages -> Parquet, and the pages of
// earlier runs -> the Parquet that was made of them again.
func (l *landing) edges(p published) ([]lineage.Edge, error) {
	origin, read := "upload_http_request", "fetch_pages"
	if l.payload.Load != nil {
		origin, read = "upload_file", "read_records"
	}
	edges := []lineage.Edge{
		{DownstreamID: p.request.ID, Transformation: origin},
		{DownstreamID: p.pages.ID, Transformation: read, UpstreamID: &p.request.ID},
	}
	about := []dataset.Object{p.request, p.pages}
	for i, o := range l.outputs {
		raws := o.raws
		if o.old == nil {
			raws = []dataset.ID{p.pages.ID}
		}
		for _, raw := range raws {
			edges = append(edges, lineage.Edge{DownstreamID: p.parquet[i].ID, Transformation: "convert_to_parquet", UpstreamID: &raw})
			about = append(about, p.parquet[i])
		}
	}
	return edges, l.fill(edges, about)
}

// fill adds what all edges of a run have.
func (l *landing) fill(edges []lineage.Edge, about []dataset.Object) (err error) {
	for i := range edges {
		e, o := &edges[i], about[i]
		e.ID, e.ProjectID = newID(), l.datasource.ProjectID
		if e.Metadata, err = json.Marshal(map[string]any{"job_id": l.run.Job.ID, "records": o.Rows, "sha256": o.SHA256}); err != nil {
			return err
		}
	}
	return nil
}

// ObjectEvent tells a job's subscribers of a new data object.
const ObjectEvent = "data_object.created"

// announceTx tells the job's subscribers what was stored, in the transaction that
// stores it: an event about data that nobody can read would be a lie.
func (l *landing) announceTx(ctx context.Context, tx *sql.Tx, objects []dataset.Object, edges []lineage.Edge) error {
	for i, o := range objects {
		if err := l.run.EmitTx(ctx, tx, ObjectEvent, map[string]any{"data_object": o, "data_lineage": edges[i]}); err != nil {
			return err
		}
	}
	return nil
}
