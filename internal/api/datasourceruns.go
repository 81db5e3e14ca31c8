package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest"
	"millwright/internal/job"
	"millwright/internal/source"
)

// A Run is one execution of a connection: the job that fetches, and what came of it.
type Run struct {
	ID           string           `json:"id" doc:"Also the id of the job"`
	DatasourceID string           `json:"datasource_id"`
	Status       string           `json:"status" enum:"pending,running,completed,failed,canceled"`
	Phase        string           `json:"phase"`
	Progress     float64          `json:"progress" doc:"Percent; 0 while unknown"`
	Message      string           `json:"message"`
	Stats        JobStats         `json:"stats"`
	DatalineID   *string          `json:"dataline_id" doc:"The dataset; null until it has landed"`
	Version      *int64           `json:"version" doc:"The version that it made; null until it has landed"`
	Rows         *int64           `json:"rows"`
	Bytes        *int64           `json:"bytes" doc:"Of the Parquet files"`
	Verdict      Object           `json:"verdict" doc:"How complete it is, with evidence; null until it has landed"`
	Error        OrNull[JobError] `json:"error"`
	CreatedAt    time.Time        `json:"created_at"`
	StartedAt    *time.Time       `json:"started_at"`
	FinishedAt   *time.Time       `json:"finished_at"`
}

// A RunIDInput names a run of a datasource.
type RunIDInput struct {
	IDInput
	RunID string `path:"run_id" doc:"Id of the run"`
}

// A RefreshInput asks for another run.
type RefreshInput struct {
	IDInput
	Body struct {
		_    struct{} `json:"-" additionalProperties:"true"`
		Mode string   `json:"mode,omitempty" enum:"replace" doc:"What becomes of the rows that are there; replace if absent"`
	}
}

func (s *Server) datasourceRuns(a huma.API) {
	route(s, a, "POST /v1/datasources/{id}/runs", "datasources", "Make the stored request again; the answer is that of execute-request", s.refresh)
	route(s, a, "GET /v1/datasources/{id}/runs", "datasources", "The runs of a datasource, newest first", s.listRuns)
	route(s, a, "GET /v1/datasources/{id}/runs/{run_id}", "datasources", "One run: pages, rows, bytes, and how complete they are", func(ctx context.Context, in *RunIDInput) (*out[Run], error) {
		j, err := s.datasourceRun(ctx, in)
		if err != nil {
			return nil, err
		}
		w, err := s.runWire(ctx, j)
		return ok(w), err
	})
	route(s, a, "POST /v1/datasources/{id}/runs/{run_id}/cancel", "datasources", "Stop a run; nothing half-written stays", func(ctx context.Context, in *RunIDInput) (*out[Run], error) {
		j, err := s.datasourceRun(ctx, in)
		if err != nil {
			return nil, err
		}
		if j, err = s.cancel(ctx, j); err != nil {
			return nil, err
		}
		w, err := s.runWire(ctx, j)
		return ok(w), err
	})
}

func (s *Server) refresh(ctx context.Context, in *RefreshInput) (*out[Started], error) {
	d, err := s.changeableDatasource(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	spec, err := s.storedSpec(ctx, d)
	if err != nil {
		return nil, err
	}
	return s.start(ctx, d, spec)
}

// storedSpec returns the request that the datasource made last.
func (s *Server) storedSpec(ctx context.Context, d source.Datasource) (httpsource.Spec, error) {
	spec, err := s.Sources.Spec(ctx, d.ID)
	if errs.KindOf(err) == errs.NotFound {
		return spec, errs.New(errs.Conflict, "this datasource has no stored request to make again").Named("never-run").
			Fix("send the request once to POST /v1/http/execute-request")
	}
	return spec, err
}

// start begins a run of the datasource with what follows it.
func (s *Server) start(ctx context.Context, d source.Datasource, spec httpsource.Spec) (*out[Started], error) {
	// Said now, it needs no look into a failed job.
	if err := s.Sources.CheckSecrets(ctx, d.ProjectID, spec); err != nil {
		return nil, err
	}
	started, err := s.Ingest.Start(ctx, s.Jobs, ingest.Request{Datasource: d, Spec: spec, UserID: caller(ctx).User.ID, Then: s.AfterRun})
	if err != nil {
		return nil, err
	}
	return ok(Started{Jobs: each(started.Jobs, jobWire), DataObjectID: started.ObjectID}), nil
}

func (s *Server) listRuns(ctx context.Context, in *struct {
	IDInput
	Skip int `query:"skip" minimum:"0" doc:"Leave out so many"`
	Take int `query:"take" minimum:"0" maximum:"1000" doc:"At most so many; 0 means 100"`
}) (*out[[]Run], error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	jobs, err := s.Jobs.List(ctx, job.Filter{Type: ingest.JobType, Source: "datasource", SourceID: d.ID, Skip: in.Skip, Take: in.Take})
	if err != nil {
		return nil, err
	}
	runs := []Run{}
	for _, j := range jobs {
		w, err := s.runWire(ctx, j)
		if err != nil {
			return nil, err
		}
		runs = append(runs, w)
	}
	return ok(runs), nil
}

// datasourceRun returns the job of a run of a datasource that the caller sees.
func (s *Server) datasourceRun(ctx context.Context, in *RunIDInput) (job.Job, error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return job.Job{}, err
	}
	j, err := s.Jobs.Get(ctx, in.RunID)
	if errs.KindOf(err) == errs.NotFound || err == nil && (j.Type != ingest.JobType || j.SourceID != d.ID) {
		return job.Job{}, errs.New(errs.NotFound, "no such run")
	}
	return j, err
}

// runWire describes a run with the version that it made, if it did.
func (s *Server) runWire(ctx context.Context, j job.Job) (Run, error) {
	seen := jobWire(j)
	w := Run{ID: j.ID, DatasourceID: j.SourceID, Status: seen.Status, Phase: seen.Phase, Progress: seen.Progress, Message: seen.Message, Stats: seen.Stats,
		Error: seen.Error, CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt}
	if j.Status != job.Completed {
		return w, nil
	}
	datasets, err := s.Datasets.ByDatasource(ctx, j.SourceID)
	if err != nil {
		return w, err
	}
	for _, d := range datasets {
		versions, err := s.Datasets.Versions(ctx, d.ID)
		if err != nil {
			return w, err
		}
		for _, v := range versions {
			if v.RunID == j.ID {
				w.DatalineID, w.Version, w.Rows, w.Bytes, w.Verdict = &d.ID, &v.Version, &v.Rows, &v.Bytes, Object(v.Verdict)
			}
		}
	}
	return w, nil
}
