package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Filter selects jobs; empty fields select all.
type Filter struct {
	ProjectIDs      []string // nil: any; empty but not nil: none
	Type            string
	Types           []string // one of these; nil: any
	Status          Status
	UserID          string
	ParentID        ID
	Source          string
	SourceID        string
	SourceEventType string
	OldestFirst     bool // else the newest first
	Skip            int
	Take            int // 0 means 100; at most 1000
}

const columns = `id, type, status, phase, message, progress, detail, coalesce(project_id, ''), user_id,
	coalesce(parent_id, ''), waiting, source, source_id, source_event_type, source_metadata, payload, metadata,
	error, attempt, created_at, updated_at, started_at, finished_at`

func scan(row meta.Row) (j Job, err error) {
	var detail, sourceMetadata, payload, metadata string
	var problem sql.NullString
	var created, updated int64
	var started, finished sql.NullInt64
	if err := row.Scan(&j.ID, &j.Type, &j.Status, &j.Phase, &j.Message, &j.Progress, &detail, &j.ProjectID, &j.UserID,
		&j.ParentID, &j.Waiting, &j.Source, &j.SourceID, &j.SourceEventType, &sourceMetadata, &payload, &metadata,
		&problem, &j.Attempt, &created, &updated, &started, &finished); err != nil {
		return Job{}, err
	}
	j.SourceMetadata, j.Payload, j.Metadata = json.RawMessage(sourceMetadata), json.RawMessage(payload), json.RawMessage(metadata)
	j.CreatedAt, j.UpdatedAt = meta.Time(created), meta.Time(updated)
	j.StartedAt, j.FinishedAt = meta.NullTime(started), meta.NullTime(finished)
	if problem.Valid {
		if err := json.Unmarshal([]byte(problem.String), &j.Error); err != nil {
			return Job{}, err
		}
	}
	return j, json.Unmarshal([]byte(detail), &j.Detail)
}

func one(ctx context.Context, q meta.Querier, id ID) (Job, bool, error) {
	return meta.One(ctx, q, scan, `SELECT `+columns+` FROM jobs WHERE id = ?`, id)
}

func notFound() *errs.Error { return errs.New(errs.NotFound, "no such job") }

// Get returns a job with its newest progress; errs.NotFound if there is none.
// Whether the caller may see it is for the caller to check, by ProjectID.
func (r *Runner) Get(ctx context.Context, id ID) (Job, error) {
	j, ok, err := one(ctx, r.db.Read(), id)
	if err == nil && !ok {
		err = notFound()
	}
	return r.fresh(j), err
}

// List returns the jobs that the filter selects.
func (r *Runner) List(ctx context.Context, f Filter) ([]Job, error) {
	where, args := f.where()
	order := ` ORDER BY created_at DESC, id DESC`
	if f.OldestFirst {
		order = ` ORDER BY created_at, id`
	}
	take := 100
	if f.Take > 0 {
		take = min(f.Take, 1000)
	}
	jobs, err := meta.All(ctx, r.db.Read(), scan,
		`SELECT `+columns+` FROM jobs`+where+order+` LIMIT ? OFFSET ?`, append(args, take, max(f.Skip, 0))...)
	for i := range jobs {
		jobs[i] = r.fresh(jobs[i])
	}
	return jobs, err
}

func (f Filter) where() (string, []any) {
	var conds []string
	var args []any
	if f.ProjectIDs != nil {
		list, ids := meta.In(f.ProjectIDs)
		conds, args = append(conds, `project_id IN `+list), append(args, ids...)
	}
	if f.Types != nil {
		list, types := meta.In(f.Types)
		conds, args = append(conds, `type IN `+list), append(args, types...)
	}
	for _, c := range []struct{ column, value string }{
		{"type", f.Type}, {"status", string(f.Status)}, {"user_id", f.UserID}, {"parent_id", f.ParentID},
		{"source", f.Source}, {"source_id", f.SourceID}, {"source_event_type", f.SourceEventType},
	} {
		if c.value != "" {
			conds, args = append(conds, c.column+` = ?`), append(args, c.value)
		}
	}
	if len(conds) == 0 {
		return "", nil
	}
	return ` WHERE ` + strings.Join(conds, ` AND `), args
}

// BySource returns the jobs about one thing, the oldest first; eventType may be
// empty. take as in Filter.
func (r *Runner) BySource(ctx context.Context, source, sourceID, eventType string, skip, take int) ([]Job, error) {
	return r.List(ctx, Filter{
		Source: source, SourceID: sourceID, SourceEventType: eventType, OldestFirst: true, Skip: skip, Take: take,
	})
}

// fresh replaces the stored progress of a running job by its newest.
func (r *Runner) fresh(j Job) Job {
	if j.Status != Running {
		return j
	}
	if p, ok := r.hub.latest(j.ID); ok {
		j.Detail, j.Phase, j.Message, j.Progress = p.report, p.report.Phase, p.report.Message, p.report.Fraction
		if p.event.At.After(j.UpdatedAt) {
			j.UpdatedAt = p.event.At.UTC()
		}
	}
	return j
}

// History returns the changes of the job's status, the oldest first;
// errs.NotFound if there is no such job.
func (r *Runner) History(ctx context.Context, id ID) ([]Entry, error) {
	entries, err := meta.All(ctx, r.db.Read(), func(row meta.Row) (e Entry, err error) {
		var at int64
		err = row.Scan(&e.Status, &e.Attempt, &e.Message, &at)
		e.At = meta.Time(at)
		return e, err
	}, `SELECT status, attempt, message, at FROM job_history WHERE job_id = ? ORDER BY seq`, id)
	if err == nil && len(entries) == 0 {
		err = notFound()
	}
	return entries, err
}

// eventsAtOnce bounds what Events returns.
const eventsAtOnce = 500

// Events returns stored events of the job after a number, the oldest first and
// at most 500: ask again after the last one for more.
func (r *Runner) Events(ctx context.Context, id ID, afterSeq int64) ([]Event, error) {
	return r.events(ctx, `job_id = ? AND seq > ? ORDER BY seq LIMIT ?`, id, afterSeq, eventsAtOnce)
}

func (r *Runner) events(ctx context.Context, where string, args ...any) ([]Event, error) {
	return meta.All(ctx, r.db.Read(), func(row meta.Row) (e Event, err error) {
		var data string
		var at int64
		err = row.Scan(&e.JobID, &e.Seq, &e.Name, &e.Status, &e.Progress, &data, &at)
		e.Data, e.At = json.RawMessage(data), meta.Time(at)
		return e, err
	}, `SELECT job_id, seq, name, status, progress, data, at FROM job_events WHERE `+where, args...)
}
