// Package ingest runs a connection: it fetches pages, lands their records as typed
// Parquet files, and commits data objects, lineage and a new dataset version
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
	"millwright/internal/upload"
)

// The types of jobs: runs, which a Service's Handle does, HandleRetype's and
// HandlePack's. See also LoadType.
const (
	JobType    = "http_request"
	RetypeType = "retype_dataset"
	PackType   = "pack_raw_pages"
)

// The limits of a test: enough to see what comes back and to prove that paging works.
const (
	testPages   = 2
	testRecords = 1000
	sampleBytes = 256 << 10
	headBytes   = 64 << 10
)

// A Service tests and runs connections, and lands files. All fields but Work, Step
// and, where no files are loaded, Uploads must be set.
type Service struct {
	DB       *meta.DB
	Client   *httpsource.Client
	Sources  *source.Store
	Datasets *dataset.Store
	Lineage  *lineage.Store
	Blobs    blob.Store
	Engine   engine.Engine
	Uploads  *upload.Store // where the files of loads are
	Log      *slog.Logger
	Now      func() time.Time

	// Work is a folder for the pages of runs that have not ended, on the file system
	// of Blobs. A run that was cut off goes on from there. Empty means that it begins
	// again.
	Work string

	// Slice is how many bytes of records make a Parquet file; 0 means 64 MB.
	Slice int64

	// Step, if set, is called before each step of a landing that a crash may part from
	// the next: tests fail, hang or die there. An error fails the step.
	Step func(ctx context.Context, name string) error
}

// Test makes the request as a run would, up to a limit, and stores nothing.
// Secrets that it refers to by name are looked up with secrets. The outcome holds
// what was known when it failed.
func (s *Service) Test(ctx context.Context, spec httpsource.Spec, secrets httpsource.Lookup) (httpsource.Outcome, error) {
	return s.Client.Fetch(ctx, spec, httpsource.Options{
		MaxPages: testPages, MaxRecords: testRecords, Look: true, HeadBytes: headBytes, SampleBytes: sampleBytes, Secrets: secrets,
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
	Run        *httpsource.RunSetting // how this one run lands, if not as the spec says; see Override
	Then       []string               // job types that follow one after the other when the run has completed
}

// A Started run.
type Started struct {
	Jobs     []job.Job // the run, then what follows it
	ObjectID string    // the data object that will hold the Parquet file

	Datasource source.Datasource // of a load
}

// A payload is what the jobs of a run carry: names only, never a secret.
type payload struct {
	DatasourceID string `json:"datasource_id"`
	ObjectID     string `json:"data_object_id"` // that will hold the Parquet; of a packing, that of the raw pages

	Run     json.RawMessage    `json:"run,omitempty"`         // of a run: how it lands
	Dataset string             `json:"dataline_id,omitempty"` // of a retype
	Columns map[string]*string `json:"columns,omitempty"`
	Path    *string            `json:"response_path,omitempty"`

	Load *loadPayload `json:"load,omitempty"` // of a load
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
// it fails. It fails with errs.Conflict ("run-in-progress") while another run of the
// datasource has not ended.
func (s *Service) StartTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, r Request) (Started, error) {
	if err := refuseWhileRunning(ctx, tx, jobs, r.Datasource.ID); err != nil {
		return Started{}, err
	}
	setting := r.Spec.Options.Run
	if r.Run != nil {
		setting = *r.Run
	}
	if err := s.checkStart(ctx, r, setting); err != nil {
		return Started{}, err
	}
	if err := s.Sources.SaveSpecTx(ctx, tx, r.Datasource.ID, r.Spec); err != nil {
		return Started{}, err
	}
	p := payload{DatasourceID: r.Datasource.ID, ObjectID: newID(), Run: setting.JSON()}
	started, err := s.submitTx(ctx, tx, jobs, r.Datasource, r.UserID, append([]string{JobType}, r.Then...), p)
	if err != nil {
		return Started{}, err
	}
	return started, s.Sources.SetStateTx(ctx, tx, r.Datasource.ID, source.Working, "sync_started", "")
}

// submitTx submits jobs that follow one after the other.
func (s *Service) submitTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, d source.Datasource, userID string, kinds []string, p payload) (Started, error) {
	started := Started{ObjectID: p.ObjectID}
	text, err := json.Marshal(p)
	if err != nil {
		return Started{}, err
	}
	parent := ""
	for _, kind := range kinds {
		j, err := jobs.SubmitTx(ctx, tx, job.NewJob{
			Type: kind, ProjectID: d.ProjectID, UserID: userID, ParentID: parent, AfterParent: parent != "",
			Source: "datasource", SourceID: d.ID, SourceEventType: "http_connection", Payload: text,
		})
		if err != nil {
			return Started{}, err
		}
		parent = j.ID
		started.Jobs = append(started.Jobs, j)
	}
	return started, nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
