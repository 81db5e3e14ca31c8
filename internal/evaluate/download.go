package evaluate

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/program/store"
)

// A Format is a form of a whole result.
type Format string

// The formats.
const (
	CSV     Format = "csv"     // RFC 4180, with a header; a null is empty, an empty text is "", as a null is in a file of one column
	NDJSON  Format = "ndjson"  // an object a line
	Parquet Format = "parquet" // zstd
	Arrow   Format = "arrow"   // an IPC stream
)

// Formats returns every format.
func Formats() []Format { return []Format{CSV, NDJSON, Parquet, Arrow} }

// ParseFormat returns the format of that name; errs.Invalid if there is none.
func ParseFormat(name string) (Format, error) {
	if f := Format(strings.ToLower(name)); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", errs.New(errs.Invalid, "there is no format %q", name).Named("format-unknown").At("/format").
		Fix("use csv, ndjson, parquet or arrow, or leave it out for JSON")
}

// ContentType returns the format's media type.
func (f Format) ContentType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case NDJSON:
		return "application/x-ndjson"
	case Parquet:
		return "application/vnd.apache.parquet"
	}
	return "application/vnd.apache.arrow.stream"
}

// A Download is what was written.
type Download struct {
	Rows            int64
	Bytes           int64
	Elapsed         time.Duration
	DatasetVersions map[string]int64
}

// A File is how to write a result.
type File struct {
	Format Format
	// SafeCSV writes a ' before texts that a spreadsheet would take for a formula.
	// The file then differs from the data.
	SafeCSV bool
}

// Download runs the program and writes its whole result to w, row by row, however
// many rows there are; Request.MaxRows and CountRows mean nothing here.
//
// If it fails, what was written is not a whole file: the caller must not let it
// pass for one. Download.Bytes is then how much it was; 0 means that w was never
// written to. A result over the limit is errs.TooLarge, "result-too-large".
func (e *Evaluator) Download(ctx context.Context, req Request, file File, w io.Writer) (Download, error) {
	o, err := e.Open(ctx, req, file, Asking{})
	if err != nil {
		return Download{Elapsed: time.Since(o.started)}, err
	}
	return o.Write(ctx, w)
}

// An Opened file can be written, once. If the Answer is NotModified, the caller
// has it, and there is nothing to write.
type Opened struct {
	Answer
	started time.Time
	write   func(context.Context, io.Writer) (Download, error)
}

// Write writes the file, as Download says.
func (o Opened) Write(ctx context.Context, w io.Writer) (Download, error) { return o.write(ctx, w) }

// Open finds out whether the file is there already, with us or with the caller. It
// runs nothing: a file is made as it is written, and kept if it is small.
func (e *Evaluator) Open(ctx context.Context, req Request, file File, ask Asking) (o Opened, err error) {
	o.started = time.Now()
	run := store.Run{ProgramID: req.ProgramID, Version: req.Version}
	pl, err := e.plan(ctx, req)
	if err != nil {
		e.remember(ctx, run, o.started, err)
		return o, err
	}
	limits := e.Limits.withDefaults()
	run.DatasetVersions = pl.tables.Versions
	pl.query.Timeout = within(req.Timeout, limits.DownloadTimeout)
	key := e.key(pl, fmt.Sprint(file.Format, file.SafeCSV, limits.DownloadBytes), Request{Program: req.Program})
	if key != "" {
		if a, ok := e.find(key, ask); ok {
			o.Answer, run.Cached, run.Rows = a, true, a.Rows
			e.remember(ctx, run, o.started, nil)
			o.write = func(_ context.Context, w io.Writer) (Download, error) {
				n, err := w.Write(a.Body)
				return Download{Rows: a.Rows, Bytes: int64(n), Elapsed: time.Since(o.started), DatasetVersions: a.Versions}, err
			}
			return o, nil
		}
		o.ETag = tagOf(key, rand.Text()[:10])
	}
	o.write = func(ctx context.Context, w io.Writer) (d Download, err error) {
		defer func() {
			d.Elapsed, run.Rows = time.Since(o.started), d.Rows
			e.remember(ctx, run, o.started, err)
		}()
		return e.produce(ctx, pl, file, w, key, o.ETag)
	}
	return o, nil
}

// produce runs the query into w, and keeps what it wrote if that has a key and is small.
func (e *Evaluator) produce(ctx context.Context, pl plan, file File, w io.Writer, key, etag string) (d Download, err error) {
	copied := &copying{w: w}
	if key != "" {
		copied.left, w = e.Cache.largest(), copied
	}
	out := &bounded{w: w, left: e.Limits.withDefaults().DownloadBytes}
	if file.Format == Parquet {
		d.Rows, err = e.export(ctx, pl.query, out)
	} else {
		d.Rows, err = e.stream(ctx, pl.query, file, out)
	}
	d.Bytes, d.DatasetVersions = out.written, pl.tables.Versions
	if err == nil && key != "" && copied.left >= 0 {
		e.Cache.put(key, Answer{ETag: etag, Body: copied.text, Rows: d.Rows, Versions: d.DatasetVersions})
	}
	return d, pl.explainPlace(err)
}

// copying keeps what passes through it, unless that becomes too much.
type copying struct {
	w    io.Writer
	text []byte
	left int64 // negative once it was too much
}

// Write passes p on.
func (c *copying) Write(p []byte) (int, error) {
	if c.left >= 0 {
		if c.left -= int64(len(p)); c.left < 0 {
			c.text = nil
		} else {
			c.text = append(c.text, p...)
		}
	}
	return c.w.Write(p)
}

// bounded writes up to a number of bytes and counts them.
type bounded struct {
	w             io.Writer
	left, written int64
}

// Write fails with errs.TooLarge instead of writing more than there is room for.
func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, tooLarge(b.left + b.written)
	}
	n, err := b.w.Write(p)
	b.left -= int64(n)
	b.written += int64(n)
	return n, err
}

func tooLarge(limit int64) error {
	return errs.New(errs.TooLarge, "the result has more than the %d bytes that a download may have", limit).Named("result-too-large").
		Fix("filter or aggregate further", "or download it in parts")
}

// export has the engine write the file aside, so that w gets all of it or nothing.
func (e *Evaluator) export(ctx context.Context, q engine.Query, out *bounded) (rows int64, err error) {
	dir, remove, err := e.Stager.Stage(ctx)
	if err != nil {
		return 0, err
	}
	defer remove()
	path := filepath.Join(dir, "result.parquet")
	if rows, err = e.Engine.Export(ctx, q, path); err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > out.left {
		return 0, tooLarge(out.left)
	}
	_, err = io.Copy(out, f)
	return rows, err
}

// A sink takes the batches of a result in one form.
type sink interface {
	batch(rows engine.Rows) error
	close() error
}

func (e *Evaluator) stream(ctx context.Context, q engine.Query, file File, out io.Writer) (n int64, err error) {
	rows, err := e.Engine.Run(ctx, q)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	// What fails early fails inside the buffer, before w was touched.
	buffer := bufio.NewWriterSize(out, 64<<10)
	s := newSink(file, rows, buffer)
	for rows.Next() {
		if err := s.batch(rows); err != nil {
			return n, err
		}
		n += rows.Batch().NumRows()
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	if rows.Truncated() {
		return n, tooLarge(q.MaxBytes)
	}
	if err := s.close(); err != nil {
		return n, err
	}
	return n, buffer.Flush()
}

func newSink(file File, rows engine.Rows, w *bufio.Writer) sink {
	switch file.Format {
	case CSV:
		return newCSV(rows.Schema(), w, file.SafeCSV)
	case NDJSON:
		return &ndjsonSink{keys: objectKeys(columnsOf(rows.Schema(), nil)), w: w}
	}
	return &arrowSink{w: ipc.NewWriter(w, ipc.WithSchema(rows.ArrowSchema()))}
}

type ndjsonSink struct {
	keys [][]byte
	w    io.Writer
	line []byte
}

func (s *ndjsonSink) batch(rows engine.Rows) error {
	encode := newEncoders(rows.Batch(), rows.Schema())
	for i := range int(rows.Batch().NumRows()) {
		line := append(s.line[:0], '{')
		for c, e := range encode {
			if c > 0 {
				line = append(line, ',')
			}
			line = e.json(append(line, s.keys[c]...), i)
		}
		s.line = append(line, '}', '\n')
		if _, err := s.w.Write(s.line); err != nil {
			return err
		}
	}
	return nil
}

func (s *ndjsonSink) close() error { return nil }

type arrowSink struct{ w *ipc.Writer }

func (s *arrowSink) batch(rows engine.Rows) error {
	err := s.w.Write(rows.Batch())
	// The writer hides the class of what the writer below it said.
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	return err
}

func (s *arrowSink) close() error { return s.w.Close() }
