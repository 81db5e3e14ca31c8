package spill

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// A Writer writes records, page by page. It is not safe for concurrent use.
//
// Finish makes the file whole; Close without it leaves a file that only [Resume]
// reads.
type Writer struct {
	path string
	most int // bytes of a record
	file *os.File
	side *os.File // the index of the pages whose frame is written
	zip  *zstd.Encoder
	end  int64 // bytes of the file
	info Info

	page    Page
	inPage  bool
	closed  bool
	hash    hash.Hash
	line    []byte
	frame   int64 // bytes of records in the frame that is open
	waiting []Page
}

// Create returns a writer of a new file at path. The caller must Close it.
func Create(path string, l Limits) (w *Writer, err error) {
	defer errs.Wrap(&err, "spill.Create")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	side, err := os.OpenFile(sidePath(path), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return newWriter(path, file, side, l)
}

// sidePath is where the index of an open file is.
func sidePath(path string) string { return path + ".pages" }

func newWriter(path string, file, side *os.File, l Limits) (*Writer, error) {
	w := &Writer{path: path, most: maxRecord, file: file, side: side, hash: sha256.New(), info: Info{Path: path}}
	if l.Record > 0 && l.Record < maxRecord {
		w.most = l.Record
	}
	zip, err := zstd.NewWriter((*fileEnd)(w), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, errors.Join(err, file.Close(), side.Close())
	}
	w.zip = zip
	return w, nil
}

// A fileEnd is a writer that writes to its file and counts.
type fileEnd Writer

func (w *fileEnd) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.end += int64(n)
	return n, err
}

// Info sums up what was written so far; its size is that of whole frames.
func (w *Writer) Info() Info {
	i := w.info
	i.Size = w.end
	return i
}

// BeginPage starts the page of that number and URL; the other fields of p are
// found out. The URL must hold no secrets: it is kept with the records.
func (w *Writer) BeginPage(p Page) error {
	if w.inPage {
		return errs.New(errs.Internal, "page %d begins inside page %d", p.Number, w.page.Number)
	}
	w.inPage = true
	w.page = Page{Number: p.Number, URL: p.URL, First: w.info.Records}
	w.hash.Reset()
	return nil
}

// Record writes one record of the page, a valid JSON value, without the white
// space between its tokens and otherwise as it is. It does not keep raw.
func (w *Writer) Record(raw []byte) error {
	if !w.inPage {
		return errs.New(errs.Internal, "a record outside of a page")
	}
	if len(raw) > w.most {
		return errTooLong(w.most)
	}
	w.line = append(compact(w.line[:0], raw), '\n')
	if len(w.line) == 1 || bytes.IndexByte(w.line, '\n') != len(w.line)-1 {
		return errs.New(errs.Invalid, "a record is not valid JSON").Named("bad-json")
	}
	w.hash.Write(w.line)
	if _, err := w.zip.Write(w.line); err != nil {
		return fmt.Errorf("spill.Record: %w", err)
	}
	n := int64(len(w.line))
	w.frame += n
	w.page.Bytes += n
	w.page.Records++
	w.info.Bytes += n
	w.info.Records++
	return nil
}

// EndPage ends the page, of which so many bytes came over the wire. A page that
// ended is kept by [Resume] once its frame is full; a frame holds some hundred
// kilobytes.
func (w *Writer) EndPage(received int64) error {
	if !w.inPage {
		return errs.New(errs.Internal, "a page ends that did not begin")
	}
	w.inPage = false
	w.page.Received = received
	w.page.SHA256 = hex.EncodeToString(w.hash.Sum(nil))
	w.waiting = append(w.waiting, w.page)
	w.info.Pages++
	if w.frame >= frameSize {
		return w.seal()
	}
	return nil
}

// seal ends the frame and then adds its pages to the index, in this order, so that
// the index names only pages that are in the file.
func (w *Writer) seal() (err error) {
	defer errs.Wrap(&err, "spill.seal")
	if w.frame > 0 {
		if err := w.zip.Close(); err != nil {
			return err
		}
		w.zip.Reset((*fileEnd)(w))
		w.frame = 0
	}
	var lines []byte
	for _, p := range w.waiting {
		p.End = w.end
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	w.waiting = w.waiting[:0]
	_, err = w.side.Write(lines)
	return err
}

// Finish ends the file, makes it durable and closes the writer. It fails inside a
// page. After an error the file has no footer, and readers refuse it.
func (w *Writer) Finish() (info Info, err error) {
	defer errs.Wrap(&err, "spill.Finish")
	if w.inPage {
		return Info{}, errs.New(errs.Internal, "the file ends inside page %d", w.page.Number)
	}
	if err := w.finish(); err != nil {
		return Info{}, err
	}
	if err := w.Close(); err != nil {
		return Info{}, err
	}
	if err := os.Remove(sidePath(w.path)); err != nil {
		return Info{}, err
	}
	return w.Info(), syncDir(w.path)
}

// Close closes the files as they are. It may be called more than once, and after
// Finish.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	// An encoder that is not closed holds no goroutine, as its concurrency is 1.
	return errors.Join(w.file.Close(), w.side.Close())
}

// finish writes all that stands behind the records, and syncs.
func (w *Writer) finish() error {
	if err := w.seal(); err != nil {
		return err
	}
	foot := footer{index: w.end, pages: w.info.Pages, records: w.info.Records, bytes: w.info.Bytes}
	var index bytes.Buffer
	if _, err := w.side.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w.zip.Reset(&index)
	if _, err := io.Copy(w.zip, w.side); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	for _, b := range [][]byte{frameHeader(index.Len()), index.Bytes(), foot.encode()} {
		if _, err := (*fileEnd)(w).Write(b); err != nil {
			return err
		}
	}
	return w.file.Sync()
}

// compact appends the JSON value raw to dst without the white space between its tokens.
func compact(dst, raw []byte) []byte {
	for {
		// Outside of strings: up to the next quote.
		q := bytes.IndexByte(raw, '"')
		outside := raw
		if q >= 0 {
			outside = raw[:q]
		}
		for _, c := range outside {
			if c > ' ' {
				dst = append(dst, c)
			}
		}
		if q < 0 {
			return dst
		}
		raw = raw[q:]
		end := stringEnd(raw)
		dst = append(dst, raw[:end]...)
		raw = raw[end:]
	}
}

// stringEnd returns the length of the JSON string at the start of b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
	return len(b)
}
