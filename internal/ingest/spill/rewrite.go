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

// Rewrite writes the records of in, as norm rewrites them, one a line to a new file
// at path, zstd-compressed if its name ends in ".zst". It calls progress, unless
// nil, now and then and at the end with the records and the bytes of in done so
// far. When it fails, or ctx ends, it removes the file. The file is not made
// durable: it can be made again.
func Rewrite(ctx context.Context, in *Reader, norm Normalizer, path string, progress func(records, bytes int64)) (info Info, err error) {
	defer errs.Wrap(&err, "spill.Rewrite")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Info{}, err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
			info = Info{}
		}
	}()
	out, err := newOutput(file, strings.HasSuffix(path, ".zst"))
	if err != nil {
		return Info{}, err
	}
	info, err = rewriteAll(ctx, in, norm, out, progress)
	if err := errors.Join(err, out.Close()); err != nil {
		return Info{}, err
	}
	st, err := file.Stat()
	if err != nil {
		return Info{}, err
	}
	info.Path, info.Pages, info.Size = path, in.info.Pages, st.Size()
	return info, nil
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

func rewriteAll(ctx context.Context, in *Reader, norm Normalizer, out io.Writer, progress func(records, bytes int64)) (info Info, err error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var line []byte
	var done, reported int64
	for in.Next() {
		if done-reported >= step || info.Records == 0 {
			if err := ctx.Err(); err != nil {
				return info, errs.New(errs.Canceled, "rewriting was stopped").Because(context.Cause(ctx))
			}
			progress(info.Records, done)
			reported = done
		}
		record := in.Record()
		if line, err = norm.Append(line[:0], record); err != nil {
			return info, fmt.Errorf("record %d: %w", info.Records, err)
		}
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return info, err
		}
		done += int64(len(record)) + 1
		info.Records++
		info.Bytes += int64(len(line))
	}
	progress(info.Records, done)
	return info, in.Err()
}
