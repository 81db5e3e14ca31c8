package ingest

import (
	"context"
	"iter"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
)

// extractAgain decodes the stored pages with another response path. What comes out
// is one file, and one object of raw pages, whatever runs the pages came from.
func (l *landing) extractAgain(ctx context.Context, files []earlierGroup) error {
	paths, err := l.pagesOf(ctx, files)
	if err != nil {
		return err
	}
	if l.spec, err = l.Sources.Spec(ctx, l.datasource.ID); err != nil {
		return err
	}
	l.spec.ResponsePath, l.spec.Options.Shape = strings.TrimSpace(*l.payload.Path), ""
	to := &sink{ctx: ctx, run: l.run, step: l.step, watch: &watcher{}, types: typing.NewObserver(typing.Limits{LastID: l.base.dataset.LastFieldID})}
	if key := l.base.version.Key; len(key) > 0 {
		l.setting = httpsource.RunSetting{Mode: httpsource.Merge, Key: key}
		to.watch.keys = &keyWatch{key: key}
	}
	if to.spill, err = spill.Create(l.pagesPath(), spill.Limits{}); err != nil {
		return err
	}
	defer to.spill.Close()
	if l.outcome, err = l.Client.Replay(ctx, l.spec, httpsource.Options{}, allPages(paths), to); err != nil {
		return err
	}
	if l.pages, err = to.spill.Finish(); err != nil {
		return err
	}
	if to.watch.keys != nil {
		if err := to.watch.keys.end(); err != nil {
			return err
		}
	}
	l.watch = to.watch
	if l.facts, err = to.types.State(); err != nil {
		return err
	}
	l.types = l.base.decide(to.types)
	return l.landExtracted(ctx)
}

// landExtracted converts and commits what was decoded again.
func (l *landing) landExtracted(ctx context.Context) error {
	for key, text := range l.payload.Columns {
		if text == nil {
			continue
		}
		if _, err := columnKey(l.types.Schema, key, false); err != nil {
			return err
		}
	}
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "convert", Message: "writing Parquet", Fraction: 0.8}))
	made, err := l.make(ctx, "data", []part{{path: l.pagesPath()}})
	if err != nil {
		return err
	}
	if made.Rows != l.pages.Records {
		return errs.New(errs.Internal, "%d records were found and %d rows were written; nothing is kept", l.pages.Records, made.Rows)
	}
	l.outputs = []output{{path: l.parquet("data"), made: made}}
	pages, err := l.publishPages(ctx)
	if err != nil {
		return err
	}
	spec := l.outcome.Settle(l.spec)
	return l.commitRetype(ctx, &pages, &spec)
}

// pagesOf returns the files of raw pages, each once, in the order of their rows.
// It fails if some of their records were recognized as repeated: with another path
// nobody could tell which.
func (l *landing) pagesOf(ctx context.Context, files []earlierGroup) ([]string, error) {
	state, _, _, err := l.cursorState(ctx, l.datasource.ID, l.base.dataset)
	if err != nil {
		return nil, err
	}
	repeats := state != nil && len(state.Records) > 0 && len(l.base.version.Key) == 0
	var paths []string
	seen := map[string]bool{}
	for _, f := range files {
		for _, p := range f.parts {
			repeats = repeats || len(p.skipped) > 0
			if !seen[p.path] {
				seen[p.path] = true
				paths = append(paths, p.path)
			}
		}
	}
	if repeats {
		return nil, errs.New(errs.Conflict, "the dataset's cursor tells records that come twice by their content, which another response path would change").
			Named("records-recognized").At("/response_path").Fix("set the response path of the request, and run once with mode replace")
	}
	return paths, nil
}

// allPages gives the pages of all files, numbered on.
func allPages(paths []string) iter.Seq2[httpsource.StoredPage, error] {
	return func(yield func(httpsource.StoredPage, error) bool) {
		number := 0
		for _, path := range paths {
			more, err := pagesIn(path, &number, yield)
			if err != nil {
				yield(httpsource.StoredPage{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

func pagesIn(path string, number *int, yield func(httpsource.StoredPage, error) bool) (more bool, err error) {
	r, err := spill.OpenPages(path)
	if err != nil {
		return false, err
	}
	defer r.Close()
	for page, err := range storedPages(r) {
		*number++
		page.Number = *number
		if err != nil {
			return false, err
		}
		if !yield(page, nil) {
			return false, nil
		}
	}
	return true, nil
}
