package job_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

func TestAJobOnHoldStartsWhenItIsReleased(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	payloads := make(chan json.RawMessage, 3)
	handle := func(_ context.Context, run *job.Run) error { payloads <- run.Job.Payload; return nil }
	r := newRunner(t, db, map[string]job.Handler{"load": handle, "other": handle}, job.Config{})
	held := submit(t, r, job.NewJob{Type: "load", Hold: true, Payload: json.RawMessage(`{"client":"words"}`), Source: "datasource", SourceID: "d"})
	start(t, r) // recovers what is there: a job on hold stays so
	wait(t, r, submit(t, r, job.NewJob{Type: "load", Payload: json.RawMessage(`{"first":1}`)}).ID)
	if got := get(t, r, held.ID); got.Status != job.Pending || !got.Held() {
		t.Fatalf("before it is released: %+v", got)
	}
	if got := string(<-payloads); got != `{"first":1}` {
		t.Errorf("ran %s", got)
	}
	if _, found, err := r.UnfinishedTx(t.Context(), db.Read(), "datasource", "d", "load"); err != nil || found {
		t.Errorf("a job on hold counts as unfinished: %v", err)
	}
	release := func(n job.NewJob) error {
		return db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := r.ReleaseTx(t.Context(), tx, held.ID, n)
			return err
		})
	}
	if err := release(job.NewJob{Type: "other"}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("as another type: %v", err)
	}
	if err := release(job.NewJob{Type: "load", Payload: json.RawMessage(`{"ours":2}`), Source: "datasource", SourceID: "e"}); err != nil {
		t.Fatal(err)
	}
	end := wait(t, r, held.ID)
	if end.Status != job.Completed || end.SourceID != "e" || string(<-payloads) != `{"ours":2}` {
		t.Errorf("got %+v", end)
	}
	if err := release(job.NewJob{Type: "load"}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("released twice: %v", err)
	}
}

func TestJobsThatStayOnHoldAreCanceled(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	r := newRunner(t, db, map[string]job.Handler{"load": func(context.Context, *job.Run) error { return nil }}, job.Config{})
	held := submit(t, r, job.NewJob{Type: "load", Hold: true})
	due := submit(t, r, job.NewJob{Type: "load"})
	if err := r.DropHeld(t.Context(), time.Now().Add(-time.Hour)); err != nil || get(t, r, held.ID).Status != job.Pending {
		t.Errorf("a young one: %v", err)
	}
	if err := r.DropHeld(t.Context(), time.Now().Add(time.Hour)); err != nil || get(t, r, held.ID).Status != job.Canceled || get(t, r, due.ID).Status != job.Pending {
		t.Errorf("%v: %+v", err, get(t, r, held.ID))
	}
	if _, err := r.Submit(t.Context(), job.NewJob{Type: "load", Hold: true, ParentID: due.ID}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("on hold with a parent: %v", err)
	}
}
