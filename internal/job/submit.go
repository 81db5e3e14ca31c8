package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// claim is all that the queue knows of a job.
type claim struct {
	Job ID `json:"job"`
}

// Kind names the one kind of job that the queue has.
func (claim) Kind() string { return "job" }

// Submit stores a job and lets it start. When it returns, the job is durable.
func (r *Runner) Submit(ctx context.Context, n NewJob) (j Job, err error) {
	err = r.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		j, err = r.SubmitTx(ctx, tx, n)
		return err
	})
	return j, err
}

// SubmitTx stores a job in the caller's transaction; it starts once that has
// committed. It fails with errs.Invalid for a type without a handler, with
// errs.NotFound for a parent or project that does not exist, and with
// errs.Conflict for a job that is to start after a parent that has failed.
func (r *Runner) SubmitTx(ctx context.Context, tx *sql.Tx, n NewJob) (_ Job, err error) {
	defer errs.Wrap(&err, "job.Submit(%s)", n.Type)
	if err := r.check(n); err != nil {
		return Job{}, err
	}
	waiting := n.Hold
	if !waiting {
		waiting, err = r.mustWait(ctx, tx, n)
	}
	if err != nil {
		return Job{}, err
	}
	if n.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return Job{}, err
		}
		n.ID = id.String()
	}
	now := r.cfg.Now()
	var queueID sql.NullInt64
	if !waiting {
		if queueID, err = r.enqueue(ctx, tx, n.ID, n.Type, now); err != nil {
			return Job{}, err
		}
	}
	if err := insert(ctx, tx, n, waiting, queueID, now); err != nil {
		return Job{}, err
	}
	if err := r.record(ctx, tx, change{id: n.ID, status: Pending, event: EventCreated}); err != nil {
		return Job{}, err
	}
	j, _, err := one(ctx, tx, n.ID)
	return j, err
}

func (r *Runner) check(n NewJob) error {
	if _, ok := r.handlers[n.Type]; !ok {
		return errs.New(errs.Invalid, "there is no job type %q", n.Type).Named("unknown-job-type").At("/job_type")
	}
	if n.AfterParent && n.ParentID == "" {
		return errs.New(errs.Invalid, "a job that starts after its parent needs one").At("/parent_job_id")
	}
	if n.Hold && n.ParentID != "" {
		return errs.New(errs.Invalid, "a job on hold has no parent").At("/parent_job_id")
	}
	for pointer, j := range map[string]json.RawMessage{
		"/payload": n.Payload, "/metadata": n.Metadata, "/source_metadata": n.SourceMetadata,
	} {
		if len(j) > 0 && !json.Valid(j) {
			return errs.New(errs.Invalid, "not valid JSON").At(pointer)
		}
	}
	return nil
}

// mustWait reports whether the new job has to wait for its parent.
func (r *Runner) mustWait(ctx context.Context, tx *sql.Tx, n NewJob) (bool, error) {
	if n.ParentID == "" {
		return false, nil
	}
	parent, ok, err := one(ctx, tx, n.ParentID)
	switch {
	case err != nil:
		return false, err
	case !ok:
		return false, errs.New(errs.NotFound, "there is no such parent job").At("/parent_job_id")
	case !n.AfterParent || parent.Status == Completed:
		return false, nil
	case parent.Status.Terminal():
		return false, errs.New(errs.Conflict, "the parent job is %s, so nothing can start after it", parent.Status).
			Named("parent-job-failed").Fix("run the parent again")
	}
	return true, nil
}

func insert(ctx context.Context, tx *sql.Tx, n NewJob, waiting bool, queueID sql.NullInt64, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO jobs (id, type, status, project_id, user_id, parent_id, waiting,
			source, source_id, source_event_type, source_metadata, payload, metadata,
			queue_id, due_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.ID, n.Type, Pending, meta.NullText(n.ProjectID), n.UserID, meta.NullText(n.ParentID), waiting,
		n.Source, n.SourceID, n.SourceEventType, orEmpty(n.SourceMetadata), orEmpty(n.Payload), orEmpty(n.Metadata),
		queueID, meta.Micros(now), meta.Micros(now), meta.Micros(now))
	switch {
	case meta.IsDuplicate(err):
		return errs.New(errs.Conflict, "there is a job with this id already").Because(err)
	case meta.IsDangling(err):
		return errs.New(errs.NotFound, "there is no such project").At("/project_id").Because(err)
	}
	return err
}

// enqueue makes the job due and returns the row of the queue of its type that may claim it.
func (r *Runner) enqueue(ctx context.Context, tx *sql.Tx, id ID, jobType string, due time.Time) (sql.NullInt64, error) {
	opts := &river.InsertOpts{Queue: mainQueue}
	if slices.Contains(r.cfg.Aside, jobType) {
		opts.Queue = asideQueue
	}
	later := due.After(r.cfg.Now())
	if later {
		opts.ScheduledAt = due
	}
	row, err := r.queue.InsertTx(ctx, tx, claim{id}, opts)
	if err != nil {
		return sql.NullInt64{}, err
	}
	if later {
		// River would leave it to its leader's scheduler; an available row is
		// fetched when its time has come, too.
		if _, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE id = ?`, row.Job.ID); err != nil {
			return sql.NullInt64{}, err
		}
	}
	r.bell.ring(opts.Queue)
	return sql.NullInt64{Int64: row.Job.ID, Valid: true}, nil
}
