package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"

	"millwright/internal/dataset"
	"millwright/internal/ingest/spill"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/source"
)

// commit publishes the files, then makes them known in one transaction that is
// fenced by the job's attempt. Dying before the transaction leaves orphans for
// the collector; dying after it leaves nothing to do.
func (l *landing) commit(ctx context.Context) error {
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "commit", Message: "storing the dataset", Fraction: 0.95}))
	objects, err := l.publish(ctx)
	if err != nil {
		return err
	}
	edges, err := l.edges(objects)
	if err != nil {
		return err
	}
	verdict, err := json.Marshal(l.outcome.Verdict)
	if err != nil {
		return err
	}
	report, err := json.Marshal(l.types.Columns)
	if err != nil {
		return err
	}
	return l.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, o := range objects {
			if err := l.Datasets.AddObjectTx(ctx, tx, o); err != nil {
				return err
			}
		}
		for _, e := range edges {
			if err := l.Lineage.AddTx(ctx, tx, e); err != nil {
				return err
			}
		}
		parquet := objects[2]
		if _, err := l.Datasets.CommitTx(ctx, tx, dataset.NewVersion{
			ProjectID: l.datasource.ProjectID, DatasourceID: l.datasource.ID, Name: l.datasource.Name, TableName: l.datasource.TableName,
			RunID: l.run.Job.ID, Kind: dataset.Replace, Schema: l.types.Schema, LastFieldID: l.types.LastID,
			Files: []dataset.NewFile{{ObjectID: parquet.ID, ObjectKey: parquet.Key, Bytes: parquet.FileSize, Rows: parquet.Rows,
				Raws: []dataset.ID{objects[1].ID}}},
			Verdict: verdict, Report: report,
		}); err != nil {
			return err
		}
		// What was found out about the source is a setting from now on: a later run
		// does not guess again.
		if err := l.Sources.SaveSpecTx(ctx, tx, l.datasource.ID, l.outcome.Settle(l.spec)); err != nil {
			return err
		}
		if err := l.Sources.SetStateTx(ctx, tx, l.datasource.ID, source.Ready, "sync_completed", l.outcome.Verdict.Message); err != nil {
			return err
		}
		if err := l.announceTx(ctx, tx, objects, edges); err != nil {
			return err
		}
		return l.run.CompleteTx(ctx, tx)
	})
}

// publish makes the three objects of a run: the request, the raw pages, the Parquet.
func (l *landing) publish(ctx context.Context) ([]dataset.Object, error) {
	requestPath := filepath.Join(l.stage, "request.json")
	if err := os.WriteFile(requestPath, l.spec.Public(), 0o600); err != nil {
		return nil, err
	}
	schema, err := json.Marshal(l.types.Schema)
	if err != nil {
		return nil, err
	}
	index, err := l.pageIndex()
	if err != nil {
		return nil, err
	}
	parts := []struct {
		id, path, ext, fileType, role, mime string
		rows                                int64
		metadata                            json.RawMessage
	}{
		{newID(), requestPath, ".json", "json", "connect/http", "application/json", 0, nil},
		{newID(), l.pagesPath(), ".ndjson.zst", "ndjson", "data/raw_pages", "application/zstd", l.pages.Records, index},
		{l.payload.ObjectID, l.parquetPath(), ".parquet", "parquet", "data/uploaded", "application/vnd.apache.parquet", l.parquet.Rows, schema},
	}
	var objects []dataset.Object
	for _, p := range parts {
		b, err := l.Blobs.Publish(ctx, l.datasource.ProjectID, p.path, p.ext)
		if err != nil {
			return nil, err
		}
		objects = append(objects, dataset.Object{
			ID: p.id, ProjectID: l.datasource.ProjectID, DatasourceID: l.datasource.ID, RunID: l.run.Job.ID, Bucket: "local", Key: b.Key,
			FileType: p.fileType, FileRole: p.role, MimeType: p.mime, FileSize: b.Size, Rows: p.rows,
			ETag: b.MD5, SHA256: b.SHA256, Metadata: p.metadata,
		})
	}
	return objects, nil
}

// indexedPages bounds the index in an object's metadata; the file has all of it.
const indexedPages = 1000

// pageIndex describes the raw pages: where each came from and its hash.
func (l *landing) pageIndex() (json.RawMessage, error) {
	pages, err := spill.Pages(l.pagesPath())
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"page_count": len(pages), "pages": pages[:min(len(pages), indexedPages)],
		"verdict": l.outcome.Verdict, "detected": l.outcome.Detected})
}

// edges says what was made from what: request -> pages -> Parquet.
func (l *landing) edges(objects []dataset.Object) ([]lineage.Edge, error) {
	names := []string{"upload_http_request", "fetch_pages", "convert_to_parquet"}
	var edges []lineage.Edge
	for i, o := range objects {
		about, err := json.Marshal(map[string]any{"job_id": l.run.Job.ID, "records": o.Rows, "sha256": o.SHA256})
		if err != nil {
			return nil, err
		}
		e := lineage.Edge{ID: newID(), ProjectID: l.datasource.ProjectID, DownstreamID: o.ID, Transformation: names[i], Metadata: about}
		if i > 0 {
			e.UpstreamID = &objects[i-1].ID
		}
		edges = append(edges, e)
	}
	return edges, nil
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
