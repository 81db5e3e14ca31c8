package api

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/ingest"
	"millwright/internal/job"
	"millwright/internal/upload"
)

// A JobInput announces a job.
type JobInput struct{ Body jobFields }

type jobFields struct {
	_               struct{} `json:"-" additionalProperties:"true"`
	ProjectID       *string  `json:"project_id,omitempty" doc:"Where it belongs"`
	JobType         *string  `json:"job_type,omitempty" doc:"upload: the other types are started by what they do" example:"upload"`
	Payload         Object   `json:"payload,omitempty" doc:"An object of the caller's own, until the file comes"`
	Source          *string  `json:"source,omitempty" doc:"What kind of thing it is about" example:"datasource"`
	SourceID        *string  `json:"source_id,omitempty" doc:"Which one"`
	SourceEventType *string  `json:"source_event_type,omitempty" doc:"What happened to it" example:"file_upload"`
	SourceMetadata  AnyJSON  `json:"source_metadata,omitempty" doc:"An object of the caller's own, or a string that holds one"`
	Metadata        Object   `json:"metadata,omitempty" doc:"An object of the caller's own"`
}

// AnyJSON is any JSON value, kept as it is.
type AnyJSON json.RawMessage

// MarshalJSON returns the text.
func (v AnyJSON) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// UnmarshalJSON keeps the text.
func (v *AnyJSON) UnmarshalJSON(text []byte) error { return (*json.RawMessage)(v).UnmarshalJSON(text) }

// Schema describes any value.
func (AnyJSON) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// object returns the JSON object that v is, or that the string v holds; nil if it is
// neither.
func (v AnyJSON) object() json.RawMessage {
	var inner string
	if json.Unmarshal(v, &inner) == nil {
		v = AnyJSON(inner)
	}
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '{' || !json.Valid(v) {
		return nil
	}
	return json.RawMessage(v)
}

// submitJob answers with the bare id, which is all that existing clients read.
func (s *Server) submitJob(ctx context.Context, in *JobInput) (*out[string], error) {
	j, err := s.holdJob(ctx, in.Body)
	return ok(j.ID), err
}

// holdJob stores a job that starts when its file comes. Only loads are announced so:
// any other job's payload would be a way around its checks.
func (s *Server) holdJob(ctx context.Context, b jobFields) (job.Job, error) {
	if text(b.JobType) != ingest.LoadType {
		return job.Job{}, errs.New(errs.Invalid, "a job of the type %q cannot be announced", text(b.JobType)).Named("unknown-job-type").At("/job_type").
			Fix("use upload, and send the file with its job_id to POST /v1/actions/load/{project_id}", "start a run with POST /v1/http/execute-request")
	}
	if err := s.mayAddTo(ctx, text(b.ProjectID)); err != nil {
		return job.Job{}, err
	}
	if err := s.Jobs.DropHeld(ctx, s.Now().Add(-upload.Abandoned)); err != nil {
		return job.Job{}, err
	}
	n := job.NewJob{Type: ingest.LoadType, ProjectID: text(b.ProjectID), UserID: caller(ctx).User.ID, Hold: true, Source: text(b.Source), SourceID: text(b.SourceID),
		SourceEventType: text(b.SourceEventType), SourceMetadata: b.SourceMetadata.object(), Payload: json.RawMessage(b.Payload), Metadata: json.RawMessage(b.Metadata)}
	if n.Source == "datasource" && n.SourceID != "" {
		if _, err := s.datasourceIn(ctx, n.ProjectID, n.SourceID); err != nil {
			return job.Job{}, pointAt(err, "/source_id")
		}
	}
	return s.Jobs.Submit(ctx, n)
}

// A JobWorker is a process that runs jobs.
type JobWorker struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Info          string     `json:"info"`
	StartedAt     time.Time  `json:"started_at"`
	StoppedAt     *time.Time `json:"stopped_at"`
	LastHeartbeat time.Time  `json:"last_heartbeat"`
}

func (s *Server) activeWorkers(context.Context, *struct{}) (*out[[]JobWorker], error) {
	w := s.Jobs.Working()
	info := strconv.Itoa(w.Running) + " of " + strconv.Itoa(w.Slots) + " places are taken"
	return ok([]JobWorker{{ID: w.ID, Name: "millwright", Info: info, StartedAt: w.StartedAt, LastHeartbeat: s.Now()}}), nil
}
