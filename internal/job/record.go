package job

import (
	"context"
	"database/sql"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A change is a new status of a job, as history and subscribers see it.
type change struct {
	id       ID
	status   Status
	attempt  int
	progress float64
	message  string
	event    string
	problem  *Problem
}

// record writes the change's row of history and its event.
func (r *Runner) record(ctx context.Context, tx *sql.Tx, c change) error {
	data, err := json.Marshal(struct {
		Message string   `json:"message,omitempty"`
		Attempt int      `json:"attempt"`
		Error   *Problem `json:"error,omitempty"`
	}{c.message, c.attempt, c.problem})
	if err != nil {
		return err
	}
	at := r.cfg.Now()
	seq, err := r.addEvent(ctx, tx, Event{
		JobID: c.id, Name: c.event, Status: c.status, Progress: c.progress, Data: data, At: at,
	})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO job_history (job_id, seq, status, attempt, message, at) VALUES (?, ?, ?, ?, ?, ?)`,
		c.id, seq, c.status, c.attempt, c.message, meta.Micros(at))
	return err
}

// addEvent stores an event under the next number of its job.
func (r *Runner) addEvent(ctx context.Context, tx *sql.Tx, e Event) (int64, error) {
	var stored int64
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM job_events WHERE job_id = ?`, e.JobID).Scan(&stored)
	if err != nil {
		return 0, err
	}
	seq := r.nextSeq(stored)
	_, err = tx.ExecContext(ctx,
		`INSERT INTO job_events (job_id, seq, name, status, progress, data, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		e.JobID, seq, e.Name, e.Status, e.Progress, string(e.Data), meta.Micros(e.At))
	return seq, err
}

// finish makes a job terminal, whatever it was, and settles the jobs that wait
// for it: they start, or end with it. It returns the jobs it changed.
func (r *Runner) finish(ctx context.Context, tx *sql.Tx, c change) (touched []ID, err error) {
	defer errs.Wrap(&err, "finish job %s", c.id)
	var problem sql.NullString
	if c.problem != nil {
		text, err := json.Marshal(c.problem)
		if err != nil {
			return nil, err
		}
		problem = sql.NullString{String: string(text), Valid: true}
	}
	now := meta.Micros(r.cfg.Now())
	if _, err := tx.ExecContext(ctx, `
		UPDATE jobs SET status = ?, message = ?, progress = ?, error = ?, waiting = 0, queue_id = NULL,
			updated_at = ?, finished_at = ? WHERE id = ?`,
		c.status, c.message, c.progress, problem, now, now, c.id); err != nil {
		return nil, err
	}
	c.event = EventFailed
	if c.status == Completed {
		c.event = EventCompleted
	}
	if err := r.record(ctx, tx, c); err != nil {
		return nil, err
	}
	children, err := waitingFor(ctx, tx, c.id)
	if err != nil {
		return nil, err
	}
	touched = []ID{c.id}
	for _, child := range children {
		if c.status == Completed {
			touched = append(touched, child)
			err = r.release(ctx, tx, child)
		} else {
			var more []ID
			more, err = r.finish(ctx, tx, orphaned(child, c.status))
			touched = append(touched, more...)
		}
		if err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// orphaned returns the end of a job whose parent ended with status.
func orphaned(child ID, status Status) change {
	why := errs.New(errs.Conflict, "not started: its parent %s", status).Named("parent-job-failed").
		Fix("see what the parent job says and run it again")
	if status == Canceled {
		why = errs.New(errs.Canceled, "not started: its parent was canceled").Named("parent-job-canceled")
	}
	return change{id: child, status: status, message: why.Msg, problem: problemOf(why)}
}

func waitingFor(ctx context.Context, tx *sql.Tx, parent ID) ([]ID, error) {
	return meta.All(ctx, tx, func(row meta.Row) (id ID, err error) { return id, row.Scan(&id) },
		`SELECT id FROM jobs WHERE parent_id = ? AND waiting = 1 ORDER BY created_at, id`, parent)
}

// release makes a job due that waited for its parent.
func (r *Runner) release(ctx context.Context, tx *sql.Tx, id ID) error {
	now := r.cfg.Now()
	var jobType string
	if err := tx.QueryRowContext(ctx, `SELECT type FROM jobs WHERE id = ?`, id).Scan(&jobType); err != nil {
		return err
	}
	queueID, err := r.enqueue(ctx, tx, id, jobType, now)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE jobs SET waiting = 0, queue_id = ?, due_at = ?, updated_at = ? WHERE id = ?`,
		queueID, meta.Micros(now), meta.Micros(now), id)
	return err
}
