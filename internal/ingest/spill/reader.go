package spill

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// A Reader reads the records of a closed file in order.
type Reader struct {
	info  Info
	file  *os.File
	zip   *zstd.Decoder
	lines *bufio.Scanner
	read  int64
	err   error
}

// Open returns a reader of the file at path. It fails with "spill-truncated" if
// the file was not closed or has lost its end. The caller must Close the reader.
func Open(path string) (r *Reader, err error) {
	defer errs.Wrap(&err, "spill.Open")
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	foot, ok, err := readFooter(file)
	if err == nil && !ok {
		err = errTruncated()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	st, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r, err = newReader(file, foot.index)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r.info = Info{Path: path, Pages: foot.pages, Records: foot.records, Bytes: foot.bytes, Size: st.Size()}
	return r, nil
}

// newReader reads the frames in the first end bytes of file.
func newReader(file *os.File, end int64) (*Reader, error) {
	zip, err := zstd.NewReader(io.NewSectionReader(file, 0, end), zstd.WithDecoderConcurrency(2),
		zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(zip)
	lines.Buffer(make([]byte, 0, 64<<10), maxRecord+2)
	return &Reader{file: file, zip: zip, lines: lines}, nil
}

// Info sums up the file.
func (r *Reader) Info() Info { return r.info }

// Next moves to the next record and reports whether there is one.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	if r.lines.Scan() {
		r.read++
		return true
	}
	switch err := r.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		r.err = errTooLong(maxRecord)
	case err != nil:
		r.err = errCorrupt(err)
	case r.read != r.info.Records:
		r.err = errCorrupt(nil)
	}
	return false
}

// Record returns the current record, valid until the next call of Next.
func (r *Reader) Record() []byte { return r.lines.Bytes() }

// Err returns why the records ended early, if they did: "spill-corrupt" when a
// checksum or the count does not match.
func (r *Reader) Err() error { return r.err }

// Close ends the reader.
func (r *Reader) Close() error {
	r.zip.Close()
	return r.file.Close()
}

// Resume returns a writer that goes on with a file that was not closed, behind the
// last page that is wholly in it. It calls replay with each record that is there,
// so that the caller can learn its types, and returns the last of the pages: zero
// if there is none. It checks the pages against their hashes, and drops those from
// the first one that does not match. A file that was closed is errs.Conflict.
func Resume(path string, l Limits, replay func(record []byte) error) (w *Writer, last Page, err error) {
	defer errs.Wrap(&err, "spill.Resume")
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, Page{}, err
	}
	if _, closed, err := readFooter(file); err != nil || closed {
		if closed {
			err = errs.New(errs.Conflict, "a file of raw records is complete already").Named("spill-complete")
		}
		return nil, Page{}, errors.Join(err, file.Close())
	}
	side, err := os.OpenFile(sidePath(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, Page{}, errors.Join(err, file.Close())
	}
	pages, err := wholePages(file, side)
	if err == nil {
		err = cut(file, side, pages)
	}
	if err != nil {
		return nil, Page{}, errors.Join(err, file.Close(), side.Close())
	}
	if w, err = newWriter(path, file, side, l); err != nil {
		return nil, Page{}, err
	}
	for _, p := range pages {
		last = p
		w.info.Pages++
		w.info.Records += p.Records
		w.info.Bytes += p.Bytes
	}
	if err := errors.Join(w.pack.takeUp(last.End), w.replay(replay)); err != nil {
		return nil, Page{}, errors.Join(err, w.Close())
	}
	return w, last, nil
}

// wholePages returns the pages of the index, up to the last frame of which all
// pages are in the file with the right hash.
func wholePages(file, side *os.File) ([]Page, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var pages []Page
	for dec := json.NewDecoder(side); ; {
		var p Page
		// What does not decode was being written when the process died.
		if dec.Decode(&p) != nil || p.End > st.Size() {
			break
		}
		pages = append(pages, p)
	}
	if len(pages) == 0 {
		return nil, nil
	}
	r, err := newReader(file, pages[len(pages)-1].End)
	if err != nil {
		return nil, err
	}
	defer r.zip.Close()
	rest, err := newRests(file, pages[len(pages)-1].End)
	if err != nil {
		return nil, err
	}
	defer rest.zip.Close()
	for i, p := range pages {
		var sum uint32
		for range p.Records {
			if !r.lines.Scan() {
				break
			}
			sum = checksum(checksum(sum, r.lines.Bytes()), []byte{'\n'})
		}
		if sum != p.Sum || !rest.whole(int64(i), p.Body) {
			return wholeFrames(pages, i), nil
		}
	}
	return pages, nil
}

// whole reports whether the rest of a page is as the index says.
func (r *rests) whole(page int64, b *Body) bool {
	if b == nil {
		return true
	}
	var sum uint32
	for {
		chunk, err := r.chunk(page)
		if err == io.EOF {
			return sum == b.Sum
		}
		if err != nil {
			return false
		}
		sum = checksum(sum, chunk)
	}
}

// wholeFrames returns the pages of the frames before the one that holds page i.
func wholeFrames(pages []Page, i int) []Page {
	for end := pages[i].End; i > 0 && pages[i-1].End == end; {
		i--
	}
	return pages[:i]
}

// cut shortens file and index to the pages, ready to write on.
func cut(file, side *os.File, pages []Page) error {
	var end int64
	if len(pages) > 0 {
		end = pages[len(pages)-1].End
	}
	lines, err := indexLines(pages)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(end), side.Truncate(0)); err != nil {
		return err
	}
	if _, err := side.WriteAt(lines, 0); err != nil {
		return err
	}
	_, err1 := file.Seek(0, io.SeekEnd)
	_, err2 := side.Seek(0, io.SeekEnd)
	return errors.Join(err1, err2)
}

// replay calls f with each record that is in the file.
func (w *Writer) replay(f func([]byte) error) error {
	if f == nil {
		return nil
	}
	r, err := newReader(w.pack.file, w.pack.end.Load())
	if err != nil {
		return err
	}
	defer r.zip.Close()
	r.info.Records = w.info.Records
	for r.Next() {
		if err := f(r.Record()); err != nil {
			return err
		}
	}
	return r.Err()
}
