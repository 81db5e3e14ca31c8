package api

import (
	"context"
	"encoding/json"
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
	Body RunBody
}

// A RunBody says how one run lands, where that differs from what is stored with
// the request. It is parsed by [httpsource.ParseRun], which names each wrong field.
type RunBody struct{ json.RawMessage }

// UnmarshalJSON keeps the text: a cursor's start may be a number of any size.
func (b *RunBody) UnmarshalJSON(text []byte) error {
	b.RawMessage = append(b.RawMessage[:0], text...)
	return nil
}

// Schema describes the fields.
func (RunBody) Schema(huma.Registry) *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"mode": {Type: huma.TypeString, Enum: []any{"replace", "append", "merge"},
				Description: "What becomes of the rows that are there: they give way, they stay, or they stay unless a newer row has the same key. What options.run of the request says if absent, and else replace"},
			"key": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, Description: "Of merge: the fields that together name a row"},
			"cursor": {Type: huma.TypeObject, AdditionalProperties: true, Description: "Ask only for what is new: the greatest value of a field is remembered and sent by the next run",
				Properties: map[string]*huma.Schema{
					"field": text("Of the records, dotted when nested"), "param": text("Where the value goes"), "in": text("query, header or body"),
					"start": {Description: "Sent by the first run"}, "lookback": text("How far before the value to ask: 24h, 7d, 100"),
					"inclusive": {Type: huma.TypeBoolean, Description: "Whether the source sends what is at the value itself; true if absent"},
				}},
		},
	}
}

// setting returns how the run lands; nil if as stored.
func (b RunBody) setting(stored httpsource.RunSetting) (*httpsource.RunSetting, error) {
	var fields struct {
		Mode   json.RawMessage `json:"mode,omitempty"`
		Key    json.RawMessage `json:"key,omitempty"`
		Cursor json.RawMessage `json:"cursor,omitempty"`
	}
	if err := json.Unmarshal(b.RawMessage, &fields); err != nil && len(b.RawMessage) > 0 {
		return nil, errs.New(errs.Invalid, "the body is not a JSON object").At("").Because(err)
	}
	known, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	run, err := httpsource.ParseRun(known, "")
	if err != nil || run.IsZero() {
		return nil, err
	}
	setting, err := ingest.Override(stored, run, "")
	return &setting, err
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
	route(s, a, "GET /v1/datasources/{id}/cursor", "datasources", "What incremental runs remember, and what the next one will ask for", s.getCursor)
	route(s, a, "DELETE /v1/datasources/{id}/cursor", "datasources", "Forget what incremental runs remember: the next one begins anew", s.deleteCursor)
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
	run, err := in.Body.setting(spec.Options.Run)
	if err != nil {
		return nil, err
	}
	return s.start(ctx, d, spec, run)
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

// start begins a run of the datasource with what follows it. It lands as run says,
// or as the spec does if that is nil.
func (s *Server) start(ctx context.Context, d source.Datasource, spec httpsource.Spec, run *httpsource.RunSetting) (*out[Started], error) {
	// Said now, it needs no look into a failed job.
	if err := s.Sources.CheckSecrets(ctx, d.ProjectID, spec); err != nil {
		return nil, err
	}
	started, err := s.Ingest.Start(ctx, s.Jobs, ingest.Request{Datasource: d, Spec: spec, UserID: caller(ctx).User.ID, Run: run, Then: s.AfterRun})
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
	jobs, err := s.Jobs.List(ctx, job.Filter{Types: []string{ingest.JobType, ingest.LoadType}, Source: "datasource", SourceID: d.ID, Skip: in.Skip, Take: in.Take})
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
	if errs.KindOf(err) == errs.NotFound || err == nil && (j.Type != ingest.JobType && j.Type != ingest.LoadType || j.SourceID != d.ID) {
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
