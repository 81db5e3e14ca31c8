package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
	"millwright/internal/source"
)

// A landing is one attempt to land the data of one run.
type landing struct {
	*Service
	run        *job.Run
	payload    payload
	datasource source.Datasource
	spec       httpsource.Spec
	stage      string      // our own folder for work in progress
	earlier    *unfinished // what an earlier attempt may have left; nil if that is not kept

	setting httpsource.RunSetting
	base    base
	known   *CursorState    // what the cursor remembers
	sent    *ordered        // what it asks for
	request httpsource.Spec // spec with that in it

	outcome httpsource.Outcome
	pages   spill.Info
	watch   *watcher
	types   typing.Result
	facts   json.RawMessage
	next    *CursorState // what is to be remembered; nil if nothing is new
	outputs []output     // the Parquet files, those of the new records first
	file    file         // of a load
	slices  *slicer      // converts while records arrive; nil before, and where all are there already
	sealing sync.WaitGroup
	then    []job.NewJob // what is left to do when the run has completed
	report  Landing
}

// Handle runs one connection for a job. Nothing is visible until the last step,
// one transaction fenced by the job's attempt, so it may be repeated after a
// crash at any point.
func (s *Service) Handle(ctx context.Context, run *job.Run) error {
	l := &landing{Service: s, run: run}
	err := json.Unmarshal(run.Job.Payload, &l.payload)
	if err != nil || l.payload.DatasourceID == "" {
		return errs.New(errs.Internal, "the job's payload is not ours").Because(err)
	}
	if l.payload.Load != nil {
		defer func() { l.endLoad(err, err == nil || !willRunAgain(ctx, err)) }()
	} else if l.earlier, err = s.unfinished(run.Job.ID); err != nil {
		return err
	}
	defer func() { l.earlier.close(err == nil || !willRunAgain(ctx, err)) }()
	err = l.landWithSpace(ctx)
	if e, ok := errs.Find(err); ok && e.Type == "dataset-moved" {
		return job.Again(err) // restored or compacted meanwhile: what was built on is not there any more
	}
	if err != nil && !willRunAgain(ctx, err) {
		l.recordFailure(ctx, err)
	}
	return err
}

func (l *landing) land(ctx context.Context) (err error) {
	remove, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer remove()
	defer func() { l.slices.stop(); l.sealing.Wait() }()
	if err := l.fetch(ctx); err != nil {
		return err
	}
	if err := l.judge(); err != nil {
		return err
	}
	if l.base.exists && !replaces(l.setting.Mode) && l.watch.landed() == 0 {
		return l.nothingNew(ctx)
	}
	if err := l.convert(ctx); err != nil {
		return err
	}
	return l.commit(ctx)
}

// open reads what the run has to know, and opens its stage.
func (l *landing) open(ctx context.Context) (remove func(), err error) {
	id := l.payload.DatasourceID
	if l.datasource, err = l.Sources.Lookup(ctx, id); err != nil {
		return nil, err
	}
	if l.payload.Load == nil {
		if l.spec, err = l.Sources.Spec(ctx, id); err != nil {
			return nil, err
		}
	}
	l.setting = l.spec.Options.Run
	if len(l.payload.Run) > 0 {
		if l.setting, err = httpsource.ParseRun(l.payload.Run, ""); err != nil {
			return nil, err
		}
	}
	if l.base, l.known, err = l.readBase(ctx, id, l.setting); err != nil {
		return nil, err
	}
	l.request = l.spec
	if !l.setting.Cursor.IsZero() {
		if l.sent, err = l.known.next(l.setting.Cursor); err != nil {
			return nil, err
		}
		if l.sent != nil {
			if l.request, err = l.spec.WithCursor(l.setting.Cursor, l.sent.raw); err != nil {
				return nil, err
			}
		}
	}
	l.stage, remove, err = l.Blobs.Stage(ctx)
	return remove, err
}

func (l *landing) pagesPath() string { return filepath.Join(l.stage, "pages.ndjson.zst") }

// newSink returns a sink without a spill, whose types know of the rows that stay.
func (l *landing) newSink(ctx context.Context) (*sink, error) {
	types, err := l.base.observer()
	if err != nil {
		return nil, err
	}
	w := &watcher{}
	if !l.setting.Cursor.IsZero() {
		w.tracker = newTracker(l.setting.Cursor, l.known, l.sent, l.setting.Mode == httpsource.Merge)
	}
	if l.setting.Mode == httpsource.Merge {
		w.keys = &keyWatch{key: l.setting.Key}
	}
	l.slices.stop() // those of a sink that was of no use
	l.slices, err = newSlicer(ctx, l.stage, l.Slice, func() typing.Result { return l.base.decideAfter(types, l.slices.last()) }, l.makeSlice)
	return &sink{ctx: ctx, run: l.run, types: types, watch: w, slices: l.slices, step: l.step}, err
}

// fetch brings every page into the spill and watches the types go by. Pages that
// an earlier attempt brought are not asked for again.
func (l *landing) fetch(ctx context.Context) error {
	if err := l.step(ctx, "fetch"); err != nil {
		return err
	}
	var to *sink
	var err error
	if l.payload.Load != nil {
		to, err = l.bringFile(ctx)
	} else {
		to, err = l.bring(ctx, l.earlier, true)
	}
	if e, ok := errs.Find(err); ok && e.Type == httpsource.StaleResume {
		to, err = l.bring(ctx, l.earlier, false)
	}
	if err == nil {
		err = l.step(ctx, "fetched")
	}
	if err != nil {
		return err
	}
	l.watch = to.watch
	if to.watch.keys != nil {
		if err := to.watch.keys.end(); err != nil {
			return err
		}
	}
	if to.watch.tracker != nil {
		if l.next, err = to.watch.tracker.end(); err != nil {
			return err
		}
	}
	l.types = l.base.decideAfter(to.types, l.slices.last())
	if l.facts, err = to.types.State(); err == nil && l.payload.Load != nil {
		l.typesOfFile()
	}
	return err
}

// judge refuses data that are known to be incomplete, unless a person said that
// a warning is enough.
func (l *landing) judge() error {
	v := l.outcome.Verdict
	if v.State == httpsource.Incomplete && !l.spec.Options.WarnOnly {
		return errs.New(errs.Upstream, "the run is incomplete: %s", v.Message).Named("incomplete-"+v.Reason).
			Fix("the previous version stays readable", `set options.on_partial to "warn" to keep what came`)
	}
	if l.next == nil || v.State == httpsource.Complete || v.State == httpsource.CompleteUnverified {
		return nil
	}
	// Records that did not come may lie below the greatest value that did.
	if l.setting.Mode != httpsource.Merge {
		return errs.New(errs.Upstream, "the run did not bring all records, so its cursor cannot go on from the newest one: %s", v.Message).
			Named("cursor-needs-complete").Fix("raise the limit, so that a run brings all that is new", "use mode merge, which may ask for records twice")
	}
	l.next = nil
	l.report.Notes = append(l.report.Notes, "the cursor stays where it was, because the run did not bring all records")
	return nil
}

// nothingNew completes a run that brought no record that is not landed yet. The
// dataset stays at its version.
func (l *landing) nothingNew(ctx context.Context) error {
	message := fmt.Sprintf("nothing new%s: %d records came, all of them landed before", l.known.describe(l.setting.Cursor), l.watch.seen)
	if l.watch.seen == 0 {
		message = fmt.Sprintf("nothing new%s: no record came", l.known.describe(l.setting.Cursor))
	}
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "commit", Message: message, Fraction: 0.95}))
	return l.finish(ctx, message, nil)
}

func (l *landing) stats(p job.Progress) job.Progress {
	p.Pages, p.Records, p.Bytes = l.outcome.Pages, l.outcome.Records, l.outcome.Bytes
	return p
}

// step lets a test fail or die at a step.
func (s *Service) step(ctx context.Context, name string) error {
	if s.Step == nil {
		return nil
	}
	return s.Step(ctx, name)
}

// willRunAgain reports whether another attempt owns the job now, or will follow
// because the server is stopping: this one's failure then means nothing.
func willRunAgain(ctx context.Context, err error) bool {
	if e, ok := errs.Find(err); ok && e.Type == "job-superseded" {
		return true
	}
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errs.Canceled)
}

// recordFailure tells the datasource's readers why it has no new version.
func (l *landing) recordFailure(ctx context.Context, err error) {
	late := context.WithoutCancel(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, errs.Canceled) {
		err = cause // what a cancelled step says of itself is beside the point
	}
	if set := l.Sources.SetState(late, l.payload.DatasourceID, source.Failed, "sync_failed", errs.Public(err)); set != nil {
		l.Log.Error("the datasource's state is not recorded", "datasource", l.payload.DatasourceID, "err", set)
	}
}
