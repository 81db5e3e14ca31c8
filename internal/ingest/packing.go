package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/ingest/spill"
	"millwright/internal/job"
)

const (
	// packWorth is how many bytes must lie uncompressed in a file of raw pages so that
	// it is written again.
	packWorth = 4 << 20

	// niceness of the thread that packs, as nobody waits for it.
	niceness = 15
)

// packLater has the raw pages packed when the run has completed, if they were written
// in haste.
func (l *landing) packLater(id dataset.ID) error {
	if l.pages.Loose < packWorth {
		return nil
	}
	text, err := json.Marshal(payload{DatasourceID: l.datasource.ID, ObjectID: id})
	l.then = append(l.then, job.NewJob{Type: PackType, ProjectID: l.datasource.ProjectID, UserID: l.run.Job.UserID,
		Source: "datasource", SourceID: l.datasource.ID, Payload: text})
	return err
}

// HandlePack compresses raw pages that a run stored as they came. The data object keeps
// its id, and has another key, size and hash afterwards; who reads the old bytes may go
// on, since they are collected later. Objects that are gone need nothing.
func (s *Service) HandlePack(ctx context.Context, run *job.Run) error {
	var p payload
	if err := json.Unmarshal(run.Job.Payload, &p); err != nil || p.ObjectID == "" {
		return errs.New(errs.Internal, "the job's payload is not ours").Because(err)
	}
	o, err := s.Datasets.Object(ctx, p.ObjectID)
	was := o.Key
	if err == nil {
		o, err = s.pack(ctx, run, o)
	}
	if errs.KindOf(err) == errs.NotFound {
		return s.DB.Tx(ctx, func(tx *sql.Tx) error { return run.CompleteTx(ctx, tx) })
	}
	if err != nil {
		if full := asDiskFull(err); full != nil {
			return full
		}
		return err
	}
	if err := s.step(ctx, "packed"); err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		// If it is gone meanwhile, so is the reason to pack it.
		if err := s.Datasets.RewrittenTx(ctx, tx, o, was); err != nil {
			return err
		}
		return run.CompleteTx(ctx, tx)
	})
}

// pack publishes the object's pages compressed, and returns it as it is to be.
func (s *Service) pack(ctx context.Context, run *job.Run, o dataset.Object) (dataset.Object, error) {
	from, err := s.Blobs.LocalPath(ctx, o.Key)
	if err != nil {
		return o, err
	}
	stage, remove, err := s.Blobs.Stage(ctx)
	if err != nil {
		return o, err
	}
	defer remove()
	to := filepath.Join(stage, "pages.ndjson.zst")
	err = aside(func() error {
		return spill.Pack(ctx, from, to, func(done int64) {
			run.Progress(ctx, job.Progress{Phase: "pack", Message: "compressing raw pages", Bytes: done, Fraction: float64(done) / float64(max(1, o.FileSize))})
		})
	})
	if err != nil {
		return o, err
	}
	var about rawIndex
	if err := json.Unmarshal(o.Metadata, &about); err != nil {
		return o, errs.New(errs.Internal, "what is stored about raw pages cannot be read").Because(err)
	}
	if o.Metadata, err = indexOf(to, about); err != nil {
		return o, err
	}
	if err := s.step(ctx, "pack"); err != nil {
		return o, err
	}
	b, err := s.Blobs.Publish(ctx, o.ProjectID, to, ".ndjson.zst")
	o.Key, o.FileSize, o.ETag, o.SHA256 = b.Key, b.Size, b.ETag, b.SHA256
	return o, err
}

// aside does what nobody waits for on a thread that gives way to all others. The thread
// ends with it.
func aside(do func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- errs.New(errs.Internal, "packing panicked: %v\n%s", p, debug.Stack())
			}
		}()
		runtime.LockOSThread()
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // 0 is this thread; without it, it takes from others
		done <- do()
	}()
	return <-done
}
