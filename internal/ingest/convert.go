package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
)

// An output is one Parquet file of the version to come.
type output struct {
	path string
	made engine.Converted
	raws []dataset.ID   // empty for those of the new records: their pages are stored with it
	old  []dataset.File // the files that it stands for; none for those of the new records
}

// A part is raw pages to convert, without the records of these numbers.
type part struct {
	path    string
	skipped []int64
}

// convert turns the records into Parquet files, which was done in part while they
// came, and files of earlier runs that cannot be read with the types that are right
// now into new ones.
func (l *landing) convert(ctx context.Context) error {
	l.run.Progress(ctx, l.stats(job.Progress{Phase: "convert", Message: "writing Parquet", Fraction: 0.8}))
	if err := l.step(ctx, "convert"); err != nil {
		return err
	}
	l.sealing.Go(func() { l.seal(ctx, l.pagesPath(), l.pages.SHA256) })
	rows, err := l.convertNew(ctx)
	if err != nil {
		return err
	}
	l.sealing.Wait()
	if rows != l.watch.landed() || l.pages.Records != l.outcome.Records || l.watch.seen != l.outcome.Records {
		return errs.New(errs.Internal, "%d records came, %d were looked at, %d were spilled and %d rows were written; nothing is kept",
			l.outcome.Records, l.watch.seen, l.pages.Records, rows)
	}
	if err := l.step(ctx, "converted"); err != nil {
		return err
	}
	if err := l.convertAgain(ctx); err != nil {
		return err
	}
	if l.setting.Mode == httpsource.Merge {
		return l.checkKeys(ctx)
	}
	return nil
}

// convertNew makes the Parquet files of the new records, and returns their rows.
func (l *landing) convertNew(ctx context.Context) (rows int64, err error) {
	all := l.slices.end(l.types)
	if len(all) == 0 || len(all) == 1 && !all[0].done {
		made, err := l.make(ctx, "data", []part{{l.pagesPath(), l.watch.skipped}})
		l.outputs = []output{{path: l.parquet("data"), made: made}}
		return made.Rows, err
	}
	if err := l.remake(ctx, all); err != nil {
		return 0, err
	}
	for _, s := range all {
		l.outputs = append(l.outputs, output{path: s.output, made: s.made})
		rows += s.made.Rows
	}
	return rows, nil
}

func (l *landing) parquet(name string) string { return filepath.Join(l.stage, name+".parquet") }

// make writes one Parquet file of the records of all parts, in their order.
func (l *landing) make(ctx context.Context, name string, parts []part) (engine.Converted, error) {
	input := parts[0].path
	if !l.types.Direct || len(parts) > 1 || len(parts[0].skipped) > 0 {
		input = filepath.Join(l.stage, name+".normal.ndjson.zst")
		if err := rewrite(ctx, parts, l.types, input); err != nil {
			return engine.Converted{}, err
		}
		// The stage holds it no longer than it is needed.
		defer os.Remove(input)
	}
	return l.Engine.Convert(ctx, engine.Conversion{Input: input, Output: l.parquet(name), Schema: l.types.Schema})
}

// convertAgain makes the earlier files again that the new types do not serve.
func (l *landing) convertAgain(ctx context.Context) error {
	if !l.base.exists {
		return nil
	}
	schemas := map[int64]dataset.Version{}
	for _, g := range groupsOf(l.base.files) {
		serves, err := l.servesGroup(ctx, g, schemas)
		if err != nil {
			return err
		}
		if serves {
			continue
		}
		parts, err := l.rawParts(ctx, g.raws)
		if errs.KindOf(err) == errs.NotFound {
			l.report.Notes = append(l.report.Notes, fmt.Sprintf(
				"types changed, and the raw pages of %d rows of version %d are gone: their values are cast, and may be spelled another way", g.rows(), g.last().AddedVersion))
			continue
		}
		if err != nil {
			return err
		}
		if err := l.rebuild(ctx, g, parts); err != nil {
			return err
		}
		l.report.Reconverted += g.rows()
	}
	return nil
}

// servesGroup reports whether all files of the group can be read with the types
// that are right now.
func (l *landing) servesGroup(ctx context.Context, g group, schemas map[int64]dataset.Version) (bool, error) {
	for _, f := range g.files {
		v, ok := schemas[f.SchemaVersion]
		if !ok {
			var err error
			if v, err = l.Datasets.Version(ctx, l.base.dataset.ID, f.SchemaVersion); err != nil {
				return false, err
			}
			schemas[f.SchemaVersion] = v
		}
		if !servesExactly(v.Schema, l.types.Schema) {
			return false, nil
		}
	}
	return true, nil
}

// rebuild makes one file of earlier ones again from their raw pages.
func (l *landing) rebuild(ctx context.Context, g group, parts []part) error {
	if err := l.step(ctx, "convert again"); err != nil {
		return err
	}
	name := fmt.Sprintf("again-%d", len(l.outputs))
	made, err := l.make(ctx, name, parts)
	if err != nil {
		return err
	}
	// Compacting what was merged may have left rows out that newer ones replace.
	if made.Rows != g.rows() && len(l.base.version.Key) == 0 {
		return errs.New(errs.Internal, "%d rows of an earlier file became %d when it was made again; nothing is kept", g.rows(), made.Rows)
	}
	l.outputs = append(l.outputs, output{path: l.parquet(name), made: made, raws: g.raws, old: g.files})
	return nil
}

// rawParts returns the stored raw pages; errs.NotFound if some are gone.
func (l *landing) rawParts(ctx context.Context, raws []dataset.ID) ([]part, error) {
	if len(raws) == 0 {
		return nil, errs.New(errs.NotFound, "the raw pages are not known").Named("raw-pages-gone")
	}
	var parts []part
	for _, id := range raws {
		o, err := l.Datasets.Object(ctx, id)
		if err != nil {
			return nil, err
		}
		path, err := l.Blobs.LocalPath(ctx, o.Key)
		if err != nil {
			return nil, err
		}
		var about rawIndex
		if err := json.Unmarshal(o.Metadata, &about); err != nil {
			return nil, errs.New(errs.Internal, "what is stored about raw pages cannot be read").Because(err)
		}
		parts = append(parts, part{path, about.Skipped.numbers()})
	}
	return parts, nil
}

// A misfits collects the values that a chosen type does not hold.
type misfits struct {
	count int64
	first []string
}

// someMisfits is how many values a message names.
const someMisfits = 5

func (m *misfits) note(column, value string, record int64) {
	if m.count++; len(m.first) < someMisfits {
		m.first = append(m.first, fmt.Sprintf("record %d has %s in %q", record, clip(value), clip(column)))
	}
}

func (m *misfits) err(r typing.Result) error {
	if m.count == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "%d values do not fit the types that were chosen for their columns: %s", m.count, strings.Join(m.first, "; ")).
		Named("value-does-not-fit-type").
		Fix("choose a type that holds them, such as VARCHAR, with POST /v1/datalines/{id}/retype", "or set it to null there, so that the values decide")
}

// rewrite writes the records of the parts in normal form.
func rewrite(ctx context.Context, parts []part, types typing.Result, out string) (err error) {
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var wrong misfits
	var record int64
	norm := types.Normalizer()
	norm.Collect(func(column string, value []byte) { wrong.note(column, string(value), record+1) })
	for _, p := range parts {
		if err := rewritePart(ctx, p, norm, w, &record); err != nil {
			return err
		}
	}
	return wrong.err(types)
}

// lookEvery is how many records are rewritten between two looks at the context.
const lookEvery = 4096

func rewritePart(ctx context.Context, p part, norm *typing.Normalizer, w io.Writer, record *int64) error {
	in, err := spill.Open(p.path)
	if err != nil {
		return err
	}
	defer in.Close()
	skipped := p.skipped
	var line []byte
	for at := int64(0); in.Next(); at++ {
		if at%lookEvery == 0 && ctx.Err() != nil {
			return errs.New(errs.Canceled, "rewriting was stopped").Because(context.Cause(ctx))
		}
		if len(skipped) > 0 && skipped[0] == at {
			skipped = skipped[1:]
			continue
		}
		if line, err = norm.Append(line[:0], in.Record()); err != nil {
			return fmt.Errorf("record %d: %w", *record, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		*record++
	}
	return in.Err()
}

// spans are numbers as [first, last] pairs.
type spans [][2]int64

func spansOf(numbers []int64) spans {
	var s spans
	for _, n := range numbers {
		if len(s) > 0 && s[len(s)-1][1] == n-1 {
			s[len(s)-1][1] = n
		} else {
			s = append(s, [2]int64{n, n})
		}
	}
	return s
}

func (s spans) numbers() []int64 {
	var all []int64
	for _, p := range s {
		for n := p[0]; n <= p[1]; n++ {
			all = append(all, n)
		}
	}
	return slices.Clip(all)
}
