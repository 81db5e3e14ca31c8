package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// Convert writes one zstd Parquet file from newline-delimited JSON in normal
// form, in a worker that can read the input and write the output's folder and
// serves nobody else.
//
// Normal form, which makes the conversion exact: each line is an object whose
// keys are column names; a missing key is null. BOOLEAN is true or false;
// BIGINT an integer; DOUBLE a number, negative zero spelled -0.0; DECIMAL a
// string or number of at most its scale's digits after the point; DATE,
// TIMESTAMP and TIMESTAMPTZ ISO 8601 strings of at most six digits of seconds;
// VARCHAR a string; JSON a string that holds the JSON text; STRUCT and MAP
// objects, LIST an array, of these. Convert refuses what does not fit a type,
// but rounds what almost does: digits beyond a scale, a fraction in a BIGINT.
func (e *Engine) Convert(ctx context.Context, c engine.Conversion) (_ engine.Converted, err error) {
	defer errs.Wrap(&err, "duckdb.Convert")
	if err := checkConversion(c); err != nil {
		return engine.Converted{}, err
	}
	if err := e.wait(ctx, e.converters); err != nil {
		return engine.Converted{}, err
	}
	defer e.converters.Release(1)
	end, err := e.convert(ctx, c)
	if err != nil {
		return engine.Converted{}, errors.Join(err, removePartial(c.Output))
	}
	return engine.Converted{Rows: end.Rows, Bytes: end.Bytes}, nil
}

func checkConversion(c engine.Conversion) error {
	if !filepath.IsAbs(c.Input) || !filepath.IsAbs(c.Output) {
		return fmt.Errorf("input %q and output %q must be absolute", c.Input, c.Output)
	}
	if strings.ContainsAny(c.Input, "*?[") {
		return fmt.Errorf("input %q has a wildcard in its name", c.Input)
	}
	if len(c.Schema.Columns) == 0 {
		return errs.New(errs.Invalid, "a table without columns cannot be stored").Named("schema-empty")
	}
	if _, err := os.Lstat(c.Output); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the output exists already: %w", cmpErr(err, fs.ErrExist))
	}
	return nil
}

func (e *Engine) convert(ctx context.Context, c engine.Conversion) (ending, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = e.cfg.ConvertTimeout
	}
	threads := e.cfg.ConvertThreads
	if width(c.Schema.Columns) > wideTable {
		threads = 1
	}
	p, err := e.confined(binding{
		ReadFiles: []string{c.Input},
		WriteDirs: []string{filepath.Dir(c.Output)},
		Memory:    e.cfg.ConvertMemory,
		FileSize:  1 << 50, // the size of a data set is its owner's quota to set, not ours
		MaxSpill:  e.cfg.MaxSpill,
		Threads:   threads,
		CPU:       cpuSeconds(timeout, threads, 1),
	})
	if err != nil {
		return ending{}, err
	}
	oneShot := func(bool) { e.retire(p) }
	s, err := e.converse(ctx, p, oneShot, "conversion", timeout, request{Op: opConvert, Convert: &c})
	if err != nil {
		return ending{}, err
	}
	return s.ending()
}

func removePartial(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
