package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"millwright/internal/errs"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
)

// remake converts the slices again, from the raw pages, that have no file of the
// types that all records gave: those that a later record widened, and those whose
// conversion failed or was left for later.
func (l *landing) remake(ctx context.Context, all []*slice) error {
	var stale []*slice
	for _, s := range all {
		if s.done && s.types.Alike(l.types) {
			continue
		}
		if s.done {
			l.report.Remade += s.landed
			if err := os.Remove(s.output); err != nil {
				return err
			}
		}
		s.done, s.types = false, l.types
		stale = append(stale, s)
	}
	if len(stale) == 0 {
		return nil
	}
	if err := l.step(ctx, "convert again"); err != nil {
		return err
	}
	in, err := spill.Open(l.pagesPath())
	if err != nil {
		return err
	}
	defer in.Close()
	r := remaking{in: in, skipped: l.watch.skipped, norm: l.types.Normalizer()}
	r.norm.Collect(func(column string, value []byte) { r.wrong.note(column, string(value), r.landed+1) })
	input := filepath.Join(filepath.Dir(stale[0].output), "again.ndjson")
	// The stage holds it no longer than it is needed.
	defer os.Remove(input)
	for _, s := range stale {
		if err := l.remakeSlice(ctx, &r, s, input); err != nil {
			return err
		}
	}
	return r.wrong.err(l.types)
}

// A remaking is one pass over the raw pages.
type remaking struct {
	in      *spill.Reader
	at      int64   // records read
	skipped []int64 // from at on
	landed  int64   // records read that are not skipped
	norm    *typing.Normalizer
	wrong   misfits
}

func (l *landing) remakeSlice(ctx context.Context, r *remaking, s *slice, input string) error {
	longest, err := r.write(ctx, s, input)
	if err != nil {
		return err
	}
	if r.wrong.count > 0 {
		return nil // what follows is read for the message only
	}
	if err := l.convertSlice(ctx, s, input, longest); err != nil {
		return err
	}
	s.done = true
	return nil
}

// write brings the records of the slice into normal form, and returns the length of
// the longest.
func (r *remaking) write(ctx context.Context, s *slice, path string) (longest int64, err error) {
	to, err := createLines(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	for r.at < s.end && r.in.Next() {
		if r.at%lookEvery == 0 && ctx.Err() != nil {
			return 0, errs.New(errs.Canceled, "rewriting was stopped").Because(context.Cause(ctx))
		}
		at := r.at
		r.at++
		if len(r.skipped) > 0 && r.skipped[0] == at {
			r.skipped = r.skipped[1:]
			continue
		}
		if at >= s.first {
			if err := to.add(r.norm, r.in.Record()); err != nil {
				return 0, fmt.Errorf("record %d: %w", at, err)
			}
		}
		r.landed++
	}
	return to.longest, r.in.Err()
}
