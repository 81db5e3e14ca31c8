package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/job"
)

// A Job as clients see it: the union of what the existing ones read.
type Job struct {
	ID              string           `json:"id"`
	JobID           string           `json:"job_id" doc:"The same as id"`
	JobType         string           `json:"job_type" example:"http_request"`
	Status          string           `json:"status" enum:"pending,running,completed,failed,canceled"`
	LatestStatus    string           `json:"latest_status" doc:"The same as status"`
	Phase           string           `json:"phase" example:"fetch"`
	Progress        float64          `json:"progress" doc:"Percent; 0 while unknown"`
	Message         string           `json:"message"`
	Stats           JobStats         `json:"stats"`
	ProjectID       string           `json:"project_id"`
	UserID          string           `json:"user_id"`
	ParentJobID     *string          `json:"parent_job_id"`
	Metadata        Object           `json:"metadata"`
	Payload         Object           `json:"payload"`
	Source          string           `json:"source"`
	SourceID        string           `json:"source_id"`
	SourceEventType string           `json:"source_event_type"`
	SourceMetadata  Object           `json:"source_metadata"`
	Attempt         int              `json:"attempt"`
	CreatedAt       time.Time        `json:"created_at"`
	UpdatedAt       time.Time        `json:"updated_at"`
	StartedAt       *time.Time       `json:"started_at"`
	FinishedAt      *time.Time       `json:"finished_at"`
	Error           OrNull[JobError] `json:"error"`
}

// JobStats says how far a run is.
type JobStats struct {
	Pages        int64      `json:"pages"`
	Records      int64      `json:"records"`
	Bytes        int64      `json:"bytes"`
	Waiting      string     `json:"waiting" doc:"What the run waits for; empty if it does not"`
	WaitingUntil *time.Time `json:"waiting_until"`
}

// A JobError says why a job did not complete.
type JobError struct {
	Type   string   `json:"type"`
	Kind   string   `json:"kind" example:"upstream" doc:"What a caller can do about it, as in problem documents' title"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Fixes  []string `json:"fixes,omitempty"`
}

func jobWire(j job.Job) Job {
	w := Job{ID: j.ID, JobID: j.ID, JobType: j.Type, Status: string(j.Status), LatestStatus: string(j.Status), Phase: j.Phase,
		Progress: percent(j.Progress), Message: j.Message, ProjectID: j.ProjectID, UserID: j.UserID,
		Stats:    JobStats{Pages: j.Detail.Pages, Records: j.Detail.Records, Bytes: j.Detail.Bytes, Waiting: j.Detail.Waiting, WaitingUntil: j.Detail.WaitingUntil},
		Metadata: Object(j.Metadata), Payload: Object(j.Payload), Source: j.Source, SourceID: j.SourceID, SourceEventType: j.SourceEventType,
		SourceMetadata: Object(j.SourceMetadata), Attempt: j.Attempt, CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt}
	if j.ParentID != "" {
		w.ParentJobID = &j.ParentID
	}
	if j.Error != nil {
		w.Error.Value = &JobError{Type: j.Error.Type, Kind: string(j.Error.Kind), Title: j.Error.Title, Detail: j.Error.Detail, Fixes: j.Error.Fixes}
	}
	return w
}

// percent keeps one decimal, so that bars move and numbers stay readable.
func percent(fraction float64) float64 { return float64(int(fraction*1000)) / 10 }

// A JobHistory is what a job went through.
type JobHistory struct {
	ID           string            `json:"id"`
	JobID        string            `json:"job_id"`
	LatestStatus string            `json:"latest_status"`
	History      []JobHistoryEntry `json:"history"`
}

// A JobHistoryEntry is one change of a job's status.
type JobHistoryEntry struct {
	Timestamp time.Time `json:"timestamp"`
	Status    string    `json:"status"`
	Attempt   int       `json:"attempt"`
	Message   string    `json:"message"`
}

// A SourceRecord says that something happened to a source, and which job deals
// with it.
type SourceRecord struct {
	ID        string    `json:"id"`
	JobID     string    `json:"job_id"`
	Source    string    `json:"source"`
	SourceID  string    `json:"source_id"`
	EventType string    `json:"event_type"`
	Metadata  Object    `json:"metadata"`
	Timestamp time.Time `json:"timestamp"`
	Jobs      Job       `json:"jobs"`
}

// job returns a job of a project that the caller sees.
func (s *Server) job(ctx context.Context, id string) (job.Job, error) {
	j, err := s.Jobs.Get(ctx, id)
	if err != nil {
		return j, err
	}
	if _, err := s.project(ctx, j.ProjectID); err != nil {
		return job.Job{}, errs.New(errs.NotFound, "no such job")
	}
	return j, nil
}

// cancel stops a job that the caller may change, and returns what became of it.
func (s *Server) cancel(ctx context.Context, j job.Job) (job.Job, error) {
	if _, err := s.changeable(ctx, j.ProjectID); err != nil {
		return j, err
	}
	if err := s.Jobs.Cancel(ctx, j.ID); err != nil {
		return j, err
	}
	j, err := s.Jobs.Get(ctx, j.ID)
	if err == nil {
		err = s.Ingest.Canceled(ctx, j)
	}
	return j, err
}

// projectIDs returns the projects that the caller sees, or the one that it asks for.
func (s *Server) projectIDs(ctx context.Context, only string) ([]string, error) {
	if only != "" {
		p, err := s.project(ctx, only)
		return []string{p.ID}, err
	}
	projects, err := s.Projects.List(ctx, caller(ctx).TeamIDs, "", false)
	ids := make([]string, len(projects))
	for i, p := range projects {
		ids[i] = p.ID
	}
	return ids, err
}

func (s *Server) jobs(a huma.API) {
	route(s, a, "GET /v1/jobs", "jobs", "Jobs, newest first", s.listJobs)
	route(s, a, "GET /v1/jobs/status", "jobs", "Jobs and where they stand", s.jobStatus)
	route(s, a, "GET /v1/jobs/by-source", "jobs", "The jobs that deal with a source, oldest first", s.jobsBySource)
	route(s, a, "GET /v1/jobs/history/{id}", "jobs", "What a job went through", s.jobHistory)
	route(s, a, "GET /v1/jobs/workers/active", "jobs", "The processes that run jobs", s.activeWorkers)
	route(s, a, "POST /v1/jobs/submit", "jobs", "Announce a load: the job waits for its file; the answer is its id", s.submitJob)
	route(s, a, "POST /v1/jobs", "jobs", "Announce a load: the job waits for its file", func(ctx context.Context, in *JobInput) (*out[Job], error) {
		j, err := s.holdJob(ctx, in.Body)
		return ok(jobWire(j)), err
	})
	route(s, a, "GET /v1/jobs/{id}", "jobs", "One job", func(ctx context.Context, in *IDInput) (*out[Job], error) {
		j, err := s.job(ctx, in.ID)
		return ok(jobWire(j)), err
	})
	route(s, a, "POST /v1/jobs/{id}/cancel", "jobs", "Stop a job; nothing half-written stays", func(ctx context.Context, in *IDInput) (*out[Job], error) {
		j, err := s.job(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		j, err = s.cancel(ctx, j)
		return ok(jobWire(j)), err
	})
	// TypeScript subscribes with GET, the Python flow with POST.
	for _, method := range []string{"GET", "POST"} {
		op := describe(method+" /v1/jobs/subscribe/{id}", "jobs", "A job's events, past and coming, until it ends (server-sent events)")
		register(s, a, answers(op, "Events: job.created, job.started, job.progress, NewDataObjectEvent and others, ending with job.completed or job.failed", events(a)), s.subscribe)
	}
}

func (s *Server) listJobs(ctx context.Context, in *struct {
	ProjectID string `query:"project_id" doc:"Only jobs of this project"`
	JobType   string `query:"job_type" doc:"Only jobs of this type"`
	Source    string `query:"source" doc:"Only jobs about this kind of thing" example:"datasource"`
	SourceID  string `query:"source_id" doc:"Only jobs about this one"`
	Status    string `query:"status" doc:"Only jobs with this status"`
	Skip      int    `query:"skip" minimum:"0" doc:"Leave out so many"`
	Take      int    `query:"take" minimum:"0" maximum:"1000" doc:"At most so many; 0 means 100"`
}) (*out[[]Job], error) {
	ids, err := s.projectIDs(ctx, in.ProjectID)
	if err != nil {
		return nil, err
	}
	list, err := s.Jobs.List(ctx, job.Filter{ProjectIDs: ids, Type: in.JobType, Source: in.Source, SourceID: in.SourceID,
		Status: job.Status(in.Status), Skip: in.Skip, Take: in.Take})
	return okList(each(list, jobWire)), err
}

func (s *Server) jobStatus(ctx context.Context, in *struct {
	JobID     string `query:"job_id" doc:"Only this job"`
	ProjectID string `query:"project_id" doc:"Only jobs of this project"`
	UserID    string `query:"user_id" doc:"Only jobs of this user"`
	LastN     int    `query:"last_n" minimum:"0" maximum:"1000" doc:"At most so many; 0 means 100"`
}) (*out[[]Job], error) {
	if in.JobID != "" {
		j, err := s.job(ctx, in.JobID)
		return ok([]Job{jobWire(j)}), err
	}
	ids, err := s.projectIDs(ctx, in.ProjectID)
	if err != nil {
		return nil, err
	}
	list, err := s.Jobs.List(ctx, job.Filter{ProjectIDs: ids, UserID: in.UserID, Take: in.LastN})
	return okList(each(list, jobWire)), err
}

func (s *Server) jobsBySource(ctx context.Context, in *struct {
	Source    string `query:"source" doc:"What kind of thing" example:"datasource"`
	SourceID  string `query:"source_id" doc:"Which one"`
	EventType string `query:"event_type" doc:"Only what followed from this event" example:"http_connection"`
	Limit     int    `query:"limit" minimum:"0" maximum:"1000" doc:"At most so many; 0 means 100"`
	Offset    int    `query:"offset" minimum:"0" doc:"Leave out so many"`
}) (*out[[]SourceRecord], error) {
	ids, err := s.projectIDs(ctx, "")
	if err != nil {
		return nil, err
	}
	list, err := s.Jobs.List(ctx, job.Filter{ProjectIDs: ids, Source: in.Source, SourceID: in.SourceID, SourceEventType: in.EventType,
		OldestFirst: true, Skip: in.Offset, Take: in.Limit})
	return okList(each(list, func(j job.Job) SourceRecord {
		return SourceRecord{ID: j.ID, JobID: j.ID, Source: j.Source, SourceID: j.SourceID, EventType: j.SourceEventType,
			Metadata: Object(j.SourceMetadata), Timestamp: j.CreatedAt, Jobs: jobWire(j)}
	})), err
}

func (s *Server) jobHistory(ctx context.Context, in *IDInput) (*out[JobHistory], error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	entries, err := s.Jobs.History(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	h := JobHistory{ID: j.ID, JobID: j.ID, LatestStatus: string(j.Status), History: []JobHistoryEntry{}}
	for _, e := range entries {
		h.History = append(h.History, JobHistoryEntry{Timestamp: e.At, Status: string(e.Status), Attempt: e.Attempt, Message: e.Message})
	}
	return ok(h), nil
}
