package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
	"millwright/internal/source"
	"millwright/internal/table"
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

	outcome httpsource.Outcome
	pages   spill.Info
	types   typing.Result
	parquet engine.Converted
}

// Handle runs one connection for a job. Nothing is visible until the last step,
// one transaction fenced by the job's attempt, so it may be repeated after a
// crash at any point.
func (s *Service) Handle(ctx context.Context, run *job.Run) error {
	l := &landing{Service: s, run: run}
	var err error
	if l.earlier, err = s.unfinished(run.Job.ID); err != nil {
		return err
	}
	defer func() { l.earlier.close(err == nil || !willRunAgain(ctx, err)) }()
	if err = json.Unmarshal(run.Job.Payload, &l.payload); err != nil {
		err = errs.New(errs.Internal, "the job's payload is not ours").Because(err)
		return err
	}
	err = l.land(ctx)
	if err != nil && !willRunAgain(ctx, err) {
		l.recordFailure(ctx, err)
	}
	return err
}

func (l *landing) land(ctx context.Context) (err error) {
	id := l.payload.DatasourceID
	if l.datasource, err = l.Sources.Lookup(ctx, id); err != nil {
		return err
	}
	if l.spec, err = l.Sources.Spec(ctx, id); err != nil {
		return err
	}
	stage, remove, err := l.Blobs.Stage(ctx)
	if err != nil {
		return err
	}
	defer remove()
	l.stage = stage
	if err := l.fetch(ctx); err != nil {
		return err
	}
	if err := l.judge(); err != nil {
		return err
	}
	if err := l.convert(ctx); err != nil {
		return err
	}
	return l.commit(ctx)
}

func (l *landing) pagesPath() string   { return filepath.Join(l.stage, "pages.ndjson.zst") }
func (l *landing) parquetPath() string { return filepath.Join(l.stage, "data.parquet") }

// fetch brings every page into the spill and watches the types go by. Pages that
// an earlier attempt brought are not asked for again.
func (l *landing) fetch(ctx context.Context) error {
	previous, lastID, err := l.previous(ctx)
	if err != nil {
		return err
	}
	to, err := l.bring(ctx, l.earlier, true, lastID)
	if e, ok := errs.Find(err); ok && e.Type == httpsource.StaleResume {
		to, err = l.bring(ctx, l.earlier, false, lastID)
	}
	if err != nil {
		return err
	}
	l.types = to.types.Schema(previous)
	return nil
}

// previous returns the schema of the dataset's current version, whose columns
// keep their field ids, and the highest id used so far.
func (l *landing) previous(ctx context.Context) (*table.Schema, int, error) {
	d, err := l.Datasets.ByDatasource(ctx, l.datasource.ID)
	if err != nil || len(d) == 0 {
		return nil, 0, err
	}
	return &d[0].Schema, d[0].LastFieldID, nil
}

// judge refuses data that are known to be incomplete, unless a person said that
// a warning is enough.
func (l *landing) judge() error {
	v := l.outcome.Verdict
	if v.State != httpsource.Incomplete || l.spec.Options.WarnOnly {
		return nil
	}
	return errs.New(errs.Upstream, "the run is incomplete: %s", v.Message).Named("incomplete-"+v.Reason).
		Fix("the previous version stays readable", `set options.on_partial to "warn" to keep what came`)
}

// convert turns the spill into one Parquet file, in the engine's sandbox.
func (l *landing) convert(ctx context.Context) error {
	input := l.pagesPath()
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "convert", Message: "writing Parquet", Fraction: 0.8}))
	if !l.types.Direct {
		input = filepath.Join(l.stage, "normal.ndjson.zst")
		if err := spill.Rewrite(ctx, l.pagesPath(), l.types.Normalizer(), input, nil); err != nil {
			return err
		}
	}
	var err error
	l.parquet, err = l.Engine.Convert(ctx, engine.Conversion{Input: input, Output: l.parquetPath(), Schema: l.types.Schema})
	if err != nil {
		return err
	}
	if l.parquet.Rows != l.outcome.Records || l.pages.Records != l.outcome.Records {
		return errs.New(errs.Internal, "%d records came, %d were spilled and %d rows were written; nothing is kept",
			l.outcome.Records, l.pages.Records, l.parquet.Rows)
	}
	return nil
}

func (l *landing) stats(p job.Progress) job.Progress {
	p.Pages, p.Records, p.Bytes = l.outcome.Pages, l.outcome.Records, l.outcome.Bytes
	return p
}

// willRunAgain reports whether another attempt owns the job now, or will follow
// because the server is stopping: this one's failure then means nothing.
func willRunAgain(ctx context.Context, err error) bool {
	if errors.Is(err, errs.Conflict) {
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
