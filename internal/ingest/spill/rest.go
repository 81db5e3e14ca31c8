package spill

import (
	"encoding/binary"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// A Body says what the rest of a page is: the bytes of its body that are in no record.
type Body struct {
	ContentType string `json:"content_type,omitempty"` // as the source declared it
	Whole       bool   `json:"whole,omitempty"`        // the rest is all of the body
	Partial     bool   `json:"partial,omitempty"`      // the page was left before its end

	Bytes int64  `json:"bytes"` // found out
	Sum   uint32 `json:"crc32c"`
}

// Marks in a rest that is not whole.
const (
	recordHere = 0x1E // a record stood here
	recordMade = 0x1F // a record was made of what is before
)

// Rest adds bytes to the rest of the page. Where a record stood it has 0x1E, and
// 0x1F behind bytes that a record was made of. It does not keep p.
func (w *Writer) Rest(p []byte) error {
	if !w.inPage || w.body {
		return errs.New(errs.Internal, "a rest outside of a page")
	}
	if w.page.Body == nil {
		w.page.Body = &Body{}
	}
	b := w.page.Body
	b.Bytes += int64(len(p))
	b.Sum = checksum(b.Sum, p)
	w.frame += int64(len(p))
	w.rest = binary.AppendUvarint(w.rest, uint64(w.info.Pages))
	w.rest = binary.AppendUvarint(w.rest, uint64(len(p)))
	w.rest = append(w.rest, p...)
	if len(w.rest) >= frameMost/2 {
		w.shipRest()
	}
	return w.pack.failed()
}

// Body ends the rest of the page.
func (w *Writer) Body(b Body) error {
	if !w.inPage || w.body {
		return errs.New(errs.Internal, "a rest ends that did not begin")
	}
	w.body = true
	if w.page.Body != nil {
		b.Bytes, b.Sum = w.page.Body.Bytes, w.page.Body.Sum
	} else {
		b.Bytes, b.Sum = 0, 0
	}
	w.page.Body = &b
	return nil
}

func (w *Writer) shipRest() {
	if len(w.rest) > 0 {
		w.rest = w.pack.give(job{data: w.rest, rest: true})
	}
}

// rests reads the rests of a file in order.
type rests struct {
	file  *os.File
	at    int64 // the next frame
	end   int64
	zip   *zstd.Decoder
	frame []byte
	buf   []byte

	page int64 // the page that chunk belongs to
	next []byte
}

func newRests(file *os.File, end int64) (*rests, error) {
	zip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	return &rests{file: file, end: end, zip: zip}, err
}

// chunk returns the next bytes of the rest of a page, counted from 0, and io.EOF
// when there are no more. Those of earlier pages are passed over. They are valid
// until the next call.
func (r *rests) chunk(page int64) ([]byte, error) {
	for {
		if r.next == nil {
			if err := r.entry(); err != nil {
				return nil, err
			}
		}
		if r.page > page {
			return nil, io.EOF
		}
		b := r.next
		r.next = nil
		if r.page == page {
			return b, nil
		}
	}
}

// entry reads the next entry.
func (r *rests) entry() error {
	for len(r.frame) == 0 {
		if err := r.load(); err != nil {
			return err
		}
	}
	page, n := binary.Uvarint(r.frame)
	size, m := binary.Uvarint(r.frame[max(n, 0):])
	if n <= 0 || m <= 0 || size > uint64(len(r.frame)-n-m) {
		return errCorrupt(nil)
	}
	start := n + m
	r.page, r.next = int64(page), r.frame[start:start+int(size):start+int(size)]
	r.frame = r.frame[start+int(size):]
	return nil
}

// load finds the next frame of rests and unpacks it.
func (r *rests) load() error {
	for r.at < r.end {
		f, err := frameAt(r.file, r.at)
		if err != nil || f.end > r.end {
			return errCorrupt(err)
		}
		r.at = f.end
		if f.magic != restFrame {
			continue
		}
		packed := make([]byte, f.end-f.body)
		if _, err := r.file.ReadAt(packed, f.body); err != nil {
			return errCorrupt(err)
		}
		if r.buf, err = r.zip.DecodeAll(packed, r.buf[:0]); err != nil {
			return errCorrupt(err)
		}
		r.frame = r.buf
		return nil
	}
	return io.EOF
}
