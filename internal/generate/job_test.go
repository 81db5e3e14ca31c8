package generate_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/generate"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
	"millwright/internal/table"
)

// TestADatasetThatWasReplacedMeanwhileIsNoFailure is about a run that lands between the
// analysis of an earlier one and its questions: it brings an analysis of its own.
func TestADatasetThatWasReplacedMeanwhileIsNoFailure(t *testing.T) {
	db := metatest.OpenAt(t, filepath.Join(t.TempDir(), "meta.db"))
	metatest.Projects(t, db, "p")
	metatest.Datasource(t, db, "p", "d")
	sets := &dataset.Store{DB: db, Now: time.Now}
	schema := table.Schema{Columns: []table.Column{{ID: 1, Name: "id", Key: "id", Type: table.Type{Kind: table.BigInt}}}}
	err := db.Tx(t.Context(), func(tx *sql.Tx) error {
		for i, run := range []string{"analysed", "next"} {
			if err := sets.AddObjectTx(t.Context(), tx, dataset.Object{ID: run, ProjectID: "p", DatasourceID: "d", Bucket: "local", Key: run, FileType: "parquet", FileRole: "data/uploaded"}); err != nil {
				return err
			}
			v, err := sets.CommitTx(t.Context(), tx, dataset.NewVersion{ProjectID: "p", DatasourceID: "d", Name: "Orders", TableName: "orders", RunID: run, Kind: dataset.Replace, Schema: schema,
				Files: []dataset.NewFile{{ObjectID: run, ObjectKey: run, Rows: 1}}})
			if err != nil {
				return err
			}
			if i == 0 {
				if err := sets.SaveProfileTx(t.Context(), tx, v.DatasetID, v.Version, json.RawMessage(`{}`)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	service := &generate.Service{DB: db, Datasets: sets}
	analyse := func(ctx context.Context, run *job.Run) error {
		return db.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) })
	}
	jobs, err := job.NewRunner(db, map[string]job.Handler{"analyse": analyse, generate.JobType: service.Handle}, job.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	first, err := jobs.Submit(t.Context(), job.NewJob{Type: "analyse", ProjectID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		parent job.ID
		want   job.Status
		says   string
	}{
		{first.ID, job.Completed, "replaced meanwhile"},
		{"", job.Failed, "not analysed yet"},
	} {
		j, err := jobs.Submit(t.Context(), job.NewJob{Type: generate.JobType, ProjectID: "p", Source: "datasource", SourceID: "d", ParentID: c.parent, AfterParent: c.parent != ""})
		if err != nil {
			t.Fatal(err)
		}
		events, err := jobs.Subscribe(t.Context(), j.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range events {
		}
		if j, err = jobs.Get(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(j)
		if err != nil || j.Status != c.want || !strings.Contains(string(text), c.says) {
			t.Errorf("with the parent %q the job is %s: %s", c.parent, j.Status, text)
		}
	}
}
