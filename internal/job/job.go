// Package job keeps work that outlives a request: stored, claimed, run, told
// about while it runs, cancelled, retried, and redone after a crash.
//
// A job is a row of this package's own tables. River claims jobs and knows only
// their ids; everything else (status, attempt, progress, events) is here. A job
// runs at least once, so handlers must be idempotent by construction: write
// aside, then commit the result and [Run.CompleteTx] in one transaction. The
// commit is fenced by the attempt: of two attempts only the newest can complete.
//
// No secret may get into a job. Payload, metadata, progress, events and the
// public parts of errors are stored in clear and shown to people: put ids and
// names of secrets there, and redact text that comes from elsewhere first.
package job

import (
	"context"
	"encoding/json"
	"time"
)

// ID identifies a job: a UUIDv7 in text form.
type ID = string

// A Status says where a job stands. The last three are terminal.
type Status string

// The statuses.
const (
	Pending   Status = "pending"   // to be run, at once or later
	Running   Status = "running"   // a handler is at it
	Completed Status = "completed" // done, its results are stored
	Failed    Status = "failed"    // given up; Error says why
	Canceled  Status = "canceled"  // a person stopped it
)

// Terminal reports whether a job with this status never changes again.
func (s Status) Terminal() bool { return s == Completed || s == Failed || s == Canceled }

// A Job is work to do, being done, or done.
type Job struct {
	ID              ID
	Type            string // names the handler
	Status          Status
	Phase           string   // what the handler is at: "fetch", "convert"
	Message         string   // for people
	Progress        float64  // 0..1; 0 while unknown, 1 when completed
	Detail          Progress // the newest report of the handler, with its numbers
	ProjectID       string   // may be empty
	UserID          string   // who asked for it; may be empty
	ParentID        ID       // the job it follows from; may be empty
	Waiting         bool     // it starts when its parent has completed
	Source          string   // what kind of thing it is about: "datasource"
	SourceID        string   // which one
	SourceEventType string   // what happened to it: "http_connection"
	SourceMetadata  json.RawMessage
	Payload         json.RawMessage // what the handler reads
	Metadata        json.RawMessage
	Error           *Problem // why it failed or was canceled; nil otherwise
	Attempt         int      // how often it was started
	CreatedAt       time.Time
	UpdatedAt       time.Time
	StartedAt       *time.Time // of the newest attempt
	FinishedAt      *time.Time
}

// A NewJob is what Submit needs to know.
type NewJob struct {
	ID              ID     // empty: a new one
	Type            string // must have a handler
	ProjectID       string // empty or an existing project
	UserID          string
	ParentID        ID
	AfterParent     bool // start when the parent has completed; fail if it does not
	Hold            bool // do not start before ReleaseTx; then there is no parent
	Source          string
	SourceID        string
	SourceEventType string
	SourceMetadata  json.RawMessage // empty: {}
	Payload         json.RawMessage // empty: {}; no secrets
	Metadata        json.RawMessage // empty: {}
}

// Progress is what a handler reports about its work. Zero values are unknown.
type Progress struct {
	Phase        string     `json:"phase,omitempty"`
	Message      string     `json:"message,omitempty"`
	Fraction     float64    `json:"fraction,omitempty"` // 0..1
	Pages        int64      `json:"pages,omitempty"`
	Records      int64      `json:"records,omitempty"`
	Bytes        int64      `json:"bytes,omitempty"`
	Waiting      string     `json:"waiting,omitempty"` // what it waits for: "429, Retry-After"
	WaitingUntil *time.Time `json:"waiting_until,omitempty"`
}

// An Entry is a change of a job's status.
type Entry struct {
	Status  Status
	Attempt int
	Message string
	At      time.Time
}

// An Event is something that a job's subscribers are told.
type Event struct {
	JobID    ID
	Seq      int64 // grows within a job, with gaps; at least 1
	Name     string
	Status   Status  // of the job at that moment
	Progress float64 // of the job at that moment
	Data     json.RawMessage
	At       time.Time
}

// The names of the events that this package emits itself; handlers add others.
// Every job ends with exactly one EventCompleted or EventFailed. A canceled job
// ends with EventFailed and Status Canceled: existing clients wait for
// job.completed, job.failed or job.error and know no other end.
const (
	EventCreated   = "job.created"
	EventStarted   = "job.started"   // once for each attempt
	EventProgress  = "job.progress"  // live only, never stored; Data is a Progress
	EventRequeued  = "job.requeued"  // will be started again
	EventCompleted = "job.completed" // terminal
	EventFailed    = "job.failed"    // terminal; Data holds {"error": Problem}
)

// Terminal reports whether e is the last event of its job.
func (e Event) Terminal() bool { return e.Name == EventCompleted || e.Name == EventFailed }

// A Handler does the work of a job type. Its context ends when the job is
// canceled, exceeds its deadline, or the server stops; it must then return soon.
//
// A handler that returns nil completes its job, unless its own CompleteTx did.
// An error fails the job for good, except:
//   - errs.Busy and errs.Unavailable (we are busy or stopping) and what [Again] marks is tried
//     again, later each time, up to Config.MaxAttempts;
//   - errs.Upstream is final unless marked with Again: the HTTP client has made
//     its own retries by then, and a person wants to hear of it now;
//   - any error after the server began to stop makes the job due again at the
//     next start, and does not count as a failed attempt.
//
// A panic fails the job as errs.Internal.
type Handler func(ctx context.Context, run *Run) error
