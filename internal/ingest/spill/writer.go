package spill

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"

	"millwright/internal/errs"
)

// A Writer writes records, page by page. It is not safe for concurrent use.
//
// Frames are compressed and written beside what calls it, so an error of the disk
// may come with a later call. Finish makes the file whole; Close without it leaves a
// file that only [Resume] reads. One of them must be called.
type Writer struct {
	path string
	most int // bytes of a record
	pack *packer
	info Info

	page    Page
	inPage  bool
	body    bool // the page's rest has ended
	closed  bool
	lines   []byte // of the frame that is open
	line    []byte // the last of them
	summed  int    // bytes in lines that are in the page's sum
	rest    []byte // entries of the frame of rests that is open
	frame   int64  // bytes since the last seal
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
	w := &Writer{path: path, most: maxRecord, info: Info{Path: path}}
	if l.Record > 0 && l.Record < maxRecord {
		w.most = l.Record
	}
	var err error
	if w.pack, err = newPacker(file, side, l.Busy); err != nil {
		return nil, errors.Join(err, file.Close(), side.Close())
	}
	return w, nil
}

// Info sums up what was written so far; its size is that of whole frames.
func (w *Writer) Info() Info {
	i := w.info
	i.Size = w.pack.end.Load()
	return i
}

// BeginPage starts the page of that number and URL; the other fields of p are
// found out. The URL must hold no secrets: it is kept with the records.
func (w *Writer) BeginPage(p Page) error {
	if w.inPage {
		return errs.New(errs.Internal, "page %d begins inside page %d", p.Number, w.page.Number)
	}
	w.inPage, w.body = true, false
	w.page = Page{Number: p.Number, URL: p.URL, First: w.info.Records}
	return nil
}

// Record writes one record of the page, a valid JSON value, as it is; but one with
// line breaks without the white space between its tokens. It does not keep raw.
func (w *Writer) Record(raw []byte) error {
	if !w.inPage {
		return errs.New(errs.Internal, "a record outside of a page")
	}
	if len(raw) > w.most {
		return errTooLong(w.most)
	}
	if len(w.lines) > 0 && len(w.lines)+len(raw) >= frameMost {
		w.ship()
	}
	start := len(w.lines)
	whole := true
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		w.lines = append(w.lines, raw...)
	} else {
		w.lines = compact(w.lines, raw)
		whole = bytes.IndexByte(w.lines[start:], '\n') < 0
	}
	if line := w.lines[start:]; !whole || len(line) == 0 || line[0] <= ' ' {
		w.lines = w.lines[:start]
		return errs.New(errs.Invalid, "a record is not valid JSON").Named("bad-json")
	}
	w.lines = append(w.lines, '\n')
	w.line = w.lines[start:]
	n := int64(len(w.line))
	w.frame += n
	w.page.Bytes += n
	w.page.Records++
	w.info.Bytes += n
	w.info.Records++
	return w.pack.failed()
}

// Line returns what the last call of Record wrote, with a newline. It is valid until
// the next call of a method.
func (w *Writer) Line() []byte { return w.line }

// EndPage ends the page, of which so many bytes came over the wire. A page that
// ended is kept by [Resume] once its frame is full; a frame holds some hundred
// kilobytes.
func (w *Writer) EndPage(received int64) error {
	if !w.inPage {
		return errs.New(errs.Internal, "a page ends that did not begin")
	}
	w.inPage = false
	w.sum()
	w.page.Received = received
	w.waiting = append(w.waiting, w.page)
	w.info.Pages++
	if w.frame >= frameSize {
		w.seal()
	}
	return w.pack.failed()
}

// sum adds the records that are in lines to the sum of their page.
func (w *Writer) sum() {
	w.page.Sum = checksum(w.page.Sum, w.lines[w.summed:])
	w.summed = len(w.lines)
}

// ship ends the frame of records.
func (w *Writer) ship() {
	if w.inPage {
		w.sum()
	}
	w.lines, w.summed = w.pack.records(w.lines), 0
}

// seal ends the frames, and has their pages added to the index behind them, so that
// the index names only pages that are in the file.
func (w *Writer) seal() {
	if len(w.lines) > 0 {
		w.ship()
	}
	w.shipRest()
	w.pack.index(w.waiting)
	w.waiting, w.frame = nil, 0
}

// Finish ends the file, makes it durable and closes the writer. It fails inside a
// page. After an error the file has no footer, and readers refuse it.
func (w *Writer) Finish() (info Info, err error) {
	defer errs.Wrap(&err, "spill.Finish")
	if w.inPage {
		return Info{}, errs.New(errs.Internal, "the file ends inside page %d", w.page.Number)
	}
	w.seal()
	if err := w.pack.finish(w.info); err != nil {
		return Info{}, err
	}
	if err := w.Close(); err != nil {
		return Info{}, err
	}
	if err := os.Remove(sidePath(w.path)); err != nil {
		return Info{}, err
	}
	info = w.Info()
	info.SHA256, info.Loose = hex.EncodeToString(w.pack.sum.Sum(nil)), w.pack.kept
	return info, syncDir(w.path)
}

// Close closes the files as they are. It may be called more than once, and after
// Finish.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.pack.close()
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
