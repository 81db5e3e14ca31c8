package duckdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// Convert writes one zstd Parquet file from newline-delimited JSON in normal
// form, in a worker that can read the input and write the output's folder and
// serves nobody else.
//
// Normal form, which makes the conversion exact: each line is an object whose
// keys are column names; a missing key is null. BOOLEAN is true or false;
// BIGINT an integer; DOUBLE a number, negative zero spelled -0.0; DECIMAL a
// string (a number would pass through floating point) of at most its scale's
// digits after the point; DATE,
// TIMESTAMP and TIMESTAMPTZ ISO 8601 strings of at most six digits of seconds;
// VARCHAR a string; JSON a string that holds the JSON text; STRUCT and MAP
// objects, LIST an array, of these. Convert refuses what does not fit a type,
// but rounds what almost does: digits beyond a scale, a fraction in a BIGINT.
func (e *Engine) Convert(ctx context.Context, c engine.Conversion) (_ engine.Converted, err error) {
	defer errs.Wrap(&err, "duckdb.Convert")
	if !filepath.IsAbs(c.Input) {
		return engine.Converted{}, fmt.Errorf("input %q must be absolute", c.Input)
	}
	if strings.ContainsAny(c.Input, "*?[") {
		return engine.Converted{}, fmt.Errorf("input %q has a wildcard in its name", c.Input)
	}
	if err := checkOutput(c.Output, c.Schema); err != nil {
		return engine.Converted{}, err
	}
	release, err := e.converters.acquire(ctx, "")
	if err != nil {
		return engine.Converted{}, err
	}
	defer release()
	long, err := longRecords(c)
	if err != nil {
		return engine.Converted{}, err
	}
	w := writing{what: "conversion", readFiles: []string{c.Input}, output: c.Output, timeout: c.Timeout, wide: width(c.Schema.Columns) > wideTable,
		request: request{Op: opConvert, Convert: &c}}
	if c.Dir != "" {
		if filepath.Dir(c.Input) != c.Dir || filepath.Dir(c.Output) != c.Dir {
			return engine.Converted{}, fmt.Errorf("input %q or output %q is not in the folder %q", c.Input, c.Output, c.Dir)
		}
		w.shared, w.readFiles, w.readDirs = c.Dir, nil, []string{c.Dir}
	}
	return e.write(ctx, w, long)
}

// Rewrite writes one Parquet file from others, in a worker that can read their
// folder and write the output's, and serves nobody else.
func (e *Engine) Rewrite(ctx context.Context, r engine.Rewriting) (_ engine.Converted, err error) {
	defer errs.Wrap(&err, "duckdb.Rewrite")
	if !filepath.IsAbs(r.Dir) {
		return engine.Converted{}, fmt.Errorf("folder %q must be absolute", r.Dir)
	}
	if err := checkFiles(engine.Query{Dir: r.Dir, Tables: r.Tables}); err != nil {
		return engine.Converted{}, err
	}
	if err := checkOutput(r.Output, r.Schema); err != nil {
		return engine.Converted{}, err
	}
	release, err := e.converters.acquire(ctx, "")
	if err != nil {
		return engine.Converted{}, err
	}
	defer release()
	wide := width(r.Schema.Columns) > wideTable
	return e.write(ctx, writing{
		what: "conversion", readDirs: []string{filepath.Clean(r.Dir)}, output: r.Output, timeout: r.Timeout, wide: wide,
		request: request{Op: opRewrite, Rewrite: &r},
	}, wide)
}

// longRecord is the average length, in bytes, from which row groups are cut by
// bytes: a full one of records so long takes a quarter of a gigabyte, several times over.
const longRecord = 2 << 10

// longRecords looks at the beginning of the input.
func longRecords(c engine.Conversion) (bool, error) {
	if width(c.Schema.Columns) > wideTable {
		return true, nil
	}
	f, err := os.Open(c.Input)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(c.Input, ".zst") {
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return false, err
		}
		defer z.Close()
		in = z
	}
	sample := make([]byte, 1<<20)
	n, err := io.ReadFull(in, sample)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("the input cannot be read: %w", err)
	}
	return n/(bytes.Count(sample[:n], []byte("\n"))+1) > longRecord, nil
}

// maxDepth is where DuckDB still converts in milliseconds. Reading takes time
// and memory that double with every list: beyond 32 levels, seconds a query.
const maxDepth = 64

// depth counts the levels of a type: 1 for BIGINT, 2 for BIGINT[].
func depth(t table.Type) int {
	deepest := 0
	for _, f := range t.Fields {
		deepest = max(deepest, depth(f.Type))
	}
	if t.Elem != nil {
		deepest = max(deepest, depth(*t.Elem))
	}
	return deepest + 1
}

func checkOutput(path string, schema table.Schema) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("output %q must be absolute", path)
	}
	if len(schema.Columns) == 0 {
		return errs.New(errs.Invalid, "a table without columns cannot be stored").Named("schema-empty")
	}
	if d := depth(table.Type{Kind: table.Struct, Fields: schema.Columns}) - 1; d > maxDepth {
		return errs.New(errs.Invalid, "a column nests types %d deep; at most %d can be stored", d, maxDepth).
			Named("schema-too-deep").Fix("store the inner part as JSON text")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the output exists already: %w", cmpErr(err, fs.ErrExist))
	}
	return nil
}

// A writing is a request to make one Parquet file.
type writing struct {
	what                string // for messages
	readDirs, readFiles []string
	output              string
	timeout             time.Duration
	wide                bool   // it has thousands of columns
	shared              string // the folder of others that the same worker may do; "" if there are none
	request             request
}

// write makes the file, with row groups cut by bytes if the records are long, or
// if they turn out to be.
func (e *Engine) write(ctx context.Context, w writing, long bool) (engine.Converted, error) {
	end, err := e.writeOnce(ctx, w, long)
	if found, ok := errs.Find(err); ok && found.Type == "query-memory" && !long {
		if err := removePartial(w.output); err != nil {
			return engine.Converted{}, err
		}
		end, err = e.writeOnce(ctx, w, true)
	}
	if err != nil {
		return engine.Converted{}, errors.Join(err, removePartial(w.output))
	}
	return engine.Converted{Rows: end.Rows, Bytes: end.Bytes, Stats: end.Stats}, nil
}

func (e *Engine) writeOnce(ctx context.Context, w writing, long bool) (ending, error) {
	if w.timeout <= 0 {
		w.timeout = e.cfg.ConvertTimeout
	}
	p, err := e.writer(w, long)
	if err != nil {
		return ending{}, err
	}
	giveUp := func(bool) { e.retire(p) }
	if w.shared != "" {
		giveUp = func(reuse bool) { e.giveBack(p, reuse, sharedIdle) }
	}
	if w.wide {
		defer e.watchResident(p, e.cfg.ConvertMemory)()
	}
	s, err := e.converse(ctx, p, giveUp, w.what, w.timeout, w.request)
	if err != nil {
		return ending{}, err
	}
	return s.ending()
}

// sharedIdle is how long a worker waits for another conversion from the same folder.
const sharedIdle = 2 * time.Second

// writer returns a worker for w: a fresh one, or one that has done another of the
// same folder.
func (e *Engine) writer(w writing, long bool) (*process, error) {
	scope := fmt.Sprintf("conversions %v %v", long, w.wide)
	if w.shared != "" {
		if p := e.takeIdle(scope, w.shared, true); p != nil {
			return p, nil
		}
	}
	threads := e.cfg.ConvertThreads
	if long || w.shared != "" {
		// Of two threads one waits for the other now and then, and DuckDB waits by asking
		// again and again: of many parts each is done by one thread, and two at once.
		threads = 1
	}
	memory := e.cfg.ConvertMemory
	if w.wide {
		memory = max(memory, wideSpace) // of which it plans with a part that it does not touch
	}
	p, err := e.confined(binding{
		ReadDirs:  w.readDirs,
		ReadFiles: w.readFiles,
		WriteDirs: []string{filepath.Dir(w.output)},
		Memory:    memory,
		Hold:      e.cfg.ConvertMemory,
		FileSize:  1 << 50, // the size of a data set is its owner's quota to set, not ours
		MaxSpill:  e.cfg.MaxSpill,
		Threads:   threads,
		ByBytes:   long,
		CPU:       cpuSeconds(w.timeout, threads, 1),
	})
	if err != nil {
		return nil, err
	}
	if w.shared == "" {
		p.yield(niceConversion)
	} else {
		p.yield(nicePart)
	}
	p.scope, p.dir, p.low = scope, w.shared, true
	return p, nil
}

func removePartial(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
