// Package compact makes few large files of many small ones: a dataset that is
// appended to every minute, or merged into every day, would get slower to read with
// every run.
//
// A compaction is a version of its own with the same rows. It never changes what
// older versions read, and gives way to any other commit.
package compact

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"millwright/internal/blob"
	"millwright/internal/catalog"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// JobType names the jobs that a Service's Handle runs.
const JobType = "compact_dataset"

// A Service compacts datasets. All fields must be set.
type Service struct {
	DB       *meta.DB
	Datasets *dataset.Store
	Catalog  *catalog.Catalog
	Lineage  *lineage.Store
	Blobs    blob.Store
	Engine   engine.Engine
}

// Due reports whether a dataset of the datasource has so many files that Handle
// would compact it. It looks at rows of the manifest only.
func (s *Service) Due(ctx context.Context, datasourceID string) (bool, error) {
	list, err := s.Datasets.ByDatasource(ctx, datasourceID)
	if err != nil {
		return false, err
	}
	for _, d := range list {
		_, runs, err := s.plan(ctx, d)
		if err != nil || len(runs) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

func (s *Service) plan(ctx context.Context, d dataset.Dataset) (v dataset.Version, runs [][]dataset.File, err error) {
	if v, err = s.Datasets.Version(ctx, d.ID, d.Version); err != nil {
		return v, nil, err
	}
	files, err := s.Datasets.Files(ctx, d.ID, d.Version)
	return v, Plan(files, len(v.Key) > 0), err
}

// Handle compacts what is due of the job's datasource, in the transaction that
// completes the job. If the dataset gets another version meanwhile, nothing is
// changed, and the job is tried again later.
func (s *Service) Handle(ctx context.Context, run *job.Run) error {
	list, err := s.Datasets.ByDatasource(ctx, run.Job.SourceID)
	if err != nil {
		return err
	}
	var commits []func(tx *sql.Tx) error
	for _, d := range list {
		commit, err := s.compact(ctx, run, d)
		if err != nil {
			return err
		}
		if commit != nil {
			commits = append(commits, commit)
		}
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, commit := range commits {
			if err := commit(tx); err != nil {
				return err
			}
		}
		return run.CompleteTx(ctx, tx)
	})
	if found, ok := errs.Find(err); ok && found.Type == "dataset-moved" {
		return errs.New(errs.Unavailable, "the dataset got another version while it was compacted; nothing was changed").
			Named("dataset-moved").After(time.Minute).Because(err)
	}
	return err
}

// compact writes the new files of a dataset and returns what commits them; nil if
// nothing is due.
func (s *Service) compact(ctx context.Context, run *job.Run, d dataset.Dataset) (func(*sql.Tx) error, error) {
	v, runs, err := s.plan(ctx, d)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	n := dataset.NewVersion{
		ProjectID: d.ProjectID, DatasourceID: d.DatasourceID, Name: d.Name, TableName: d.TableName, RunID: run.Job.ID,
		Kind: dataset.Compact, Base: v.Version, Schema: v.Schema,
	}
	var objects []dataset.Object
	var edges []lineage.Edge
	for i, files := range runs {
		run.Progress(ctx, job.Progress{Phase: "compact", Message: fmt.Sprintf("making one file of %d", len(files)), Fraction: float64(i) / float64(len(runs))})
		o, f, err := s.rewrite(ctx, run, d, v, files)
		if err != nil {
			return nil, err
		}
		objects, n.Files = append(objects, o), append(n.Files, f)
		for _, from := range files {
			n.Ends = append(n.Ends, from.ObjectID)
			id, err := uuid.NewV7()
			if err != nil {
				return nil, err
			}
			edges = append(edges, lineage.Edge{ID: id.String(), ProjectID: d.ProjectID, UpstreamID: &from.ObjectID, DownstreamID: o.ID, Transformation: "compact_parquet"})
		}
	}
	return func(tx *sql.Tx) error {
		for _, o := range objects {
			if err := s.Datasets.AddObjectTx(ctx, tx, o); err != nil {
				return err
			}
		}
		for _, e := range edges {
			if err := s.Lineage.AddTx(ctx, tx, e); err != nil {
				return err
			}
		}
		_, err := s.Datasets.CommitTx(ctx, tx, n)
		return err
	}, nil
}

// rewrite stores one file with the rows of some.
func (s *Service) rewrite(ctx context.Context, run *job.Run, d dataset.Dataset, v dataset.Version, files []dataset.File) (o dataset.Object, f dataset.NewFile, err error) {
	defer errs.Wrap(&err, "compact.rewrite(%s, %d files)", d.ID, len(files))
	tables, err := s.Catalog.Part(ctx, d, v, files)
	if err != nil {
		return o, f, err
	}
	dir, err := s.Blobs.ScopeDir(ctx, d.ProjectID)
	if err != nil {
		return o, f, err
	}
	stage, remove, err := s.Blobs.Stage(ctx)
	if err != nil {
		return o, f, err
	}
	defer remove()
	out := filepath.Join(stage, "compact.parquet")
	made, err := s.Engine.Rewrite(ctx, engine.Rewriting{Dir: dir, Tables: tables, SQL: "SELECT * FROM " + table.Quote(d.TableName), Output: out, Schema: v.Schema})
	if err != nil {
		return o, f, err
	}
	var rows int64
	for _, from := range files {
		rows += from.Rows
		f.Raws = append(f.Raws, from.Raws...)
	}
	if merged := len(v.Key) > 0; made.Rows > rows || made.Rows < rows && !merged {
		return o, f, fmt.Errorf("%d rows became %d", rows, made.Rows)
	}
	return s.publish(ctx, run, d, v, out, made, f, files)
}

func (s *Service) publish(ctx context.Context, run *job.Run, d dataset.Dataset, v dataset.Version, path string, made engine.Converted, f dataset.NewFile, files []dataset.File) (dataset.Object, dataset.NewFile, error) {
	b, err := s.Blobs.Publish(ctx, d.ProjectID, path, ".parquet")
	if err != nil {
		return dataset.Object{}, f, err
	}
	id, idErr := uuid.NewV7()
	schema, schemaErr := json.Marshal(v.Schema)
	stats, statsErr := json.Marshal(made.Stats)
	slices.Sort(f.Raws)
	f = dataset.NewFile{ObjectID: id.String(), ObjectKey: b.Key, Bytes: b.Size, Rows: made.Rows, Stats: stats,
		// Between the files before and after those that it stands for.
		Sequence: files[len(files)-1].Sequence, Raws: slices.Compact(f.Raws)}
	return dataset.Object{
		ID: f.ObjectID, ProjectID: d.ProjectID, DatasourceID: d.DatasourceID, RunID: run.Job.ID, Bucket: "local", Key: b.Key,
		FileType: "parquet", FileRole: "data/uploaded", MimeType: "application/vnd.apache.parquet", FileSize: b.Size, Rows: made.Rows,
		ETag: b.ETag, SHA256: b.SHA256, Metadata: schema,
	}, f, errors.Join(idErr, schemaErr, statsErr)
}
