package ingest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta"
)

// How a run waits for space on a full disk: a little longer each time, and then it
// gives its place to others. The job is tried again after that.
const (
	firstSpaceWait = time.Second
	maxSpaceWait   = 30 * time.Second
	patience       = 10 * time.Minute
)

// probeBytes must fit on the disk before a run goes on.
const probeBytes = 1 << 20

// asDiskFull returns err as what a person can act on if it says that a disk, or
// what this process may write on it, is full; nil if it says something else.
func asDiskFull(err error) error {
	if err == nil {
		return nil
	}
	for _, code := range []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG} {
		if errors.Is(err, code) {
			return diskFull(err)
		}
	}
	if e, ok := errs.Find(err); ok && e.Type == "disk-full" || meta.IsFull(err) {
		return diskFull(err)
	}
	// The engine's workers are processes: of their errors only the text arrives. What
	// a source says of its own disk is of another kind.
	if errs.KindOf(err) != errs.Internal {
		return nil
	}
	text := err.Error()
	if strings.Contains(text, "No space left on device") || strings.Contains(text, "database or disk is full") || strings.Contains(text, "File too large") {
		return diskFull(err)
	}
	return nil
}

func diskFull(err error) error {
	return errs.New(errs.Unavailable, "the disk that holds the data folder is full; nothing half-written stays").Named("disk-full").
		Fix("free space on that disk: the run goes on by itself", "or let versions expire sooner, and keep fewer raw pages").After(maxSpaceWait).Because(err)
}

// waitForSpace waits until something can be written again. It reports false if
// that did not happen in time, or if ctx is done.
func (l *landing) waitForSpace(ctx context.Context, wait time.Duration, full error) bool {
	until := l.Now().Add(wait)
	l.run.Progress(ctx, job.Progress{Waiting: errs.Public(full), WaitingUntil: &until})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	return true
}

// hasSpace reports whether a little can be written where runs write.
func (l *landing) hasSpace(ctx context.Context) bool {
	dir, remove, err := l.Blobs.Stage(ctx)
	if err != nil {
		return false
	}
	defer remove()
	file, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		return false
	}
	_, err = file.Write(make([]byte, probeBytes))
	return errors.Join(err, file.Sync(), file.Close()) == nil
}

// landWithSpace lands, and while the disk is full waits and lands again, from the
// last page that is whole.
func (l *landing) landWithSpace(ctx context.Context) error {
	var waited time.Duration
	wait := firstSpaceWait
	for {
		err := l.land(ctx)
		full := asDiskFull(err)
		if full == nil {
			return err
		}
		l.Log.Warn("the disk is full: a run waits for space", "job", l.run.Job.ID, "err", err)
		for space := false; !space; space = l.hasSpace(ctx) {
			if waited > patience || !l.waitForSpace(ctx, wait, full) {
				return full
			}
			waited += wait
			wait = min(wait*3/2, maxSpaceWait)
		}
		*l = landing{Service: l.Service, run: l.run, payload: l.payload, earlier: l.earlier}
	}
}
