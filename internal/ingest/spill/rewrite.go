package spill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// A Normalizer rewrites one record as one line.
type Normalizer interface {
	Append(dst, record []byte) ([]byte, error)
}

// step is how many bytes of records are rewritten between two looks at the
// context, and between two reports.
const step = 4 << 20

// Rewrite writes the records of the file in, as norm rewrites them, one a line to a
// new file out, zstd-compressed if its name ends in ".zst". It calls progress,
// unless nil, now and then and at the end with the records and the bytes of in done
// so far. When it fails, or ctx ends, it removes out. The file is not made durable:
// it can be made again.
func Rewrite(ctx context.Context, in string, norm Normalizer, out string, progress func(records, bytes int64)) (err error) {
	defer errs.Wrap(&err, "spill.Rewrite")
	r, err := Open(in)
	if err != nil {
		return err
	}
	defer r.Close()
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(out))
		}
	}()
	w, err := newOutput(file, strings.HasSuffix(out, ".zst"))
	if err != nil {
		return err
	}
	return errors.Join(rewriteAll(ctx, r, norm, w, progress), w.Close())
}

// newOutput returns a buffered or compressing writer whose Close leaves file open.
func newOutput(file *os.File, compressed bool) (io.WriteCloser, error) {
	if !compressed {
		return flushCloser{bufio.NewWriterSize(file, 256<<10)}, nil
	}
	// With two, compression runs beside reading and rewriting.
	return zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

type flushCloser struct{ *bufio.Writer }

func (f flushCloser) Close() error { return f.Flush() }

func rewriteAll(ctx context.Context, in *Reader, norm Normalizer, out io.Writer, progress func(records, bytes int64)) (err error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var line []byte
	var records, done, reported int64
	for in.Next() {
		if done-reported >= step || records == 0 {
			if ctx.Err() != nil {
				return errs.New(errs.Canceled, "rewriting was stopped").Because(context.Cause(ctx))
			}
			progress(records, done)
			reported = done
		}
		record := in.Record()
		if line, err = norm.Append(line[:0], record); err != nil {
			return fmt.Errorf("record %d: %w", records, err)
		}
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
		done += int64(len(record)) + 1
		records++
	}
	progress(records, done)
	return in.Err()
}
