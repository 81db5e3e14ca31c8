package analyze

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"millwright/internal/catalog"
	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta"
	"millwright/internal/profile"
)

// JobType names the jobs that a Service's Handle runs.
const JobType = "analyze_dataset"

// A Service analyses the dataset of a datasource when a run has landed. All
// fields must be set.
type Service struct {
	Analyzer *Analyzer
	DB       *meta.DB
	Datasets *dataset.Store
	Catalog  *catalog.Catalog
}

// Handle profiles the current version of the job's datasource and stores the
// profile with the version, in the transaction that completes the job.
func (s *Service) Handle(ctx context.Context, run *job.Run) error {
	d, err := s.dataset(ctx, run)
	if err != nil {
		return err
	}
	run.Progress(ctx, job.Progress{Phase: "analyze", Message: fmt.Sprintf("looking at %d columns", len(d.Schema.Columns)), Fraction: 0.1})
	tables, err := s.Catalog.Read(ctx, d, d.Version)
	if err != nil {
		return err
	}
	dir, err := s.Catalog.Blobs.ScopeDir(ctx, d.ProjectID)
	if err != nil {
		return err
	}
	overrides, err := s.overrides(ctx, d)
	if err != nil {
		return err
	}
	p, err := s.Analyzer.Analyze(ctx, Input{Scope: d.ProjectID, Dir: dir, Table: tables[len(tables)-1], Under: tables[:len(tables)-1], Name: d.Name, Overrides: overrides})
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Datasets.SaveProfileTx(ctx, tx, d.ID, d.Version, text); err != nil {
			return err
		}
		return run.CompleteTx(ctx, tx)
	})
}

// dataset returns the dataset of the job's datasource.
func (s *Service) dataset(ctx context.Context, run *job.Run) (dataset.Dataset, error) {
	list, err := s.Datasets.ByDatasource(ctx, run.Job.SourceID)
	if err != nil {
		return dataset.Dataset{}, err
	}
	if len(list) == 0 {
		return dataset.Dataset{}, errs.New(errs.NotFound, "the datasource has no dataset to analyse").Named("no-dataset").Fix("run the datasource first")
	}
	return list[0], nil
}

// overrides returns what a person says of the dataset's columns, by field id.
func (s *Service) overrides(ctx context.Context, d dataset.Dataset) (map[int]profile.Override, error) {
	texts, err := s.Datasets.Overrides(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	all := map[int]profile.Override{}
	for id, text := range texts {
		var o profile.Override
		if err := json.Unmarshal(text, &o); err != nil {
			return nil, errs.New(errs.Internal, "a stored override cannot be read").Because(err)
		}
		all[id] = o
	}
	return all, nil
}
