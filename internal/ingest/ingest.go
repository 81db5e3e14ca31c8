// Package ingest runs a connection: it fetches pages, lands their records as one
// typed Parquet file, and commits data objects, lineage and a new dataset version
// in one transaction.
//
// A test is a run with a limit and without a landing: both go through
// [httpsource.Client.Fetch] with the same spec.
package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/meta"
	"millwright/internal/source"
)

// JobType names the jobs that a Service's Handle runs.
const JobType = "http_request"

// The limits of a test: enough to see what comes back and to prove that paging works.
const (
	testPages   = 2
	testRecords = 1000
	sampleBytes = 256 << 10
	headBytes   = 64 << 10
)

// A Service tests and runs connections. All fields but Work must be set.
type Service struct {
	DB       *meta.DB
	Client   *httpsource.Client
	Sources  *source.Store
	Datasets *dataset.Store
	Lineage  *lineage.Store
	Blobs    blob.Store
	Engine   engine.Engine
	Log      *slog.Logger
	Now      func() time.Time

	// Work is a folder for the pages of runs that have not ended, on the file system
	// of Blobs. A run that was cut off goes on from there. Empty means that it begins
	// again.
	Work string
}

// Test makes the request as a run would, up to a limit, and stores nothing.
// Secrets that it refers to by name are looked up with secrets. The outcome holds
// what was known when it failed.
func (s *Service) Test(ctx context.Context, spec httpsource.Spec, secrets httpsource.Lookup) (httpsource.Outcome, error) {
	return s.Client.Fetch(ctx, spec, httpsource.Options{
		MaxPages: testPages, MaxRecords: testRecords, HeadBytes: headBytes, SampleBytes: sampleBytes, Secrets: secrets,
	}, forget{})
}

// forget is a sink that keeps nothing.
type forget struct{}

func (forget) BeginPage(httpsource.Page) error  { return nil }
func (forget) Record([]byte) error              { return nil }
func (forget) EndPage(httpsource.PageEnd) error { return nil }
func (forget) Waiting(string, time.Time)        {}

// A Request asks for a run.
type Request struct {
	Datasource source.Datasource
	Spec       httpsource.Spec
	UserID     string
	Then       []string // job types that follow one after the other when the run has completed
}

// A Started run.
type Started struct {
	Jobs     []job.Job // the run, then what follows it
	ObjectID string    // the data object that will hold the Parquet file
}

// A payload is what the jobs of a run carry: names only, never a secret.
type payload struct {
	DatasourceID string `json:"datasource_id"`
	ObjectID     string `json:"data_object_id"`
}

// Start saves the spec with the datasource, sealed, and submits the run with what
// follows it, all or nothing.
func (s *Service) Start(ctx context.Context, jobs *job.Runner, r Request) (started Started, err error) {
	defer errs.Wrap(&err, "ingest.Start")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		started, err = s.StartTx(ctx, tx, jobs, r)
		return err
	})
	if err != nil {
		return Started{}, err
	}
	return started, nil
}

// StartTx is Start within the caller's transaction, which must not be committed if
// it fails.
func (s *Service) StartTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, r Request) (Started, error) {
	started := Started{ObjectID: newID()}
	text, err := json.Marshal(payload{DatasourceID: r.Datasource.ID, ObjectID: started.ObjectID})
	if err != nil {
		return Started{}, err
	}
	if err := s.Sources.SaveSpecTx(ctx, tx, r.Datasource.ID, r.Spec); err != nil {
		return Started{}, err
	}
	parent := ""
	for _, kind := range append([]string{JobType}, r.Then...) {
		j, err := jobs.SubmitTx(ctx, tx, job.NewJob{
			Type: kind, ProjectID: r.Datasource.ProjectID, UserID: r.UserID,
			ParentID: parent, AfterParent: parent != "",
			Source: "datasource", SourceID: r.Datasource.ID, SourceEventType: "http_connection", Payload: text,
		})
		if err != nil {
			return Started{}, err
		}
		parent = j.ID
		started.Jobs = append(started.Jobs, j)
	}
	return started, s.Sources.SetStateTx(ctx, tx, r.Datasource.ID, source.Working, "sync_started", "")
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
