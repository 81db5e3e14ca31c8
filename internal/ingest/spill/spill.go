// Package spill keeps the raw records of a run in one compressed file, page by
// page, so that types can be decided again without asking the source again.
//
// The file is newline-delimited JSON in zstd frames, and any zstd reader reads it
// so; frames that were written in haste hold it as it is. Between these are skippable frames with the rest of each page: what its body
// holds beside the records, so that [OpenPages] gives it back whole. At the end stand
// two more: the index of the pages, and a footer of fixed size, which only a file
// that was closed has. No frame begins in one page and ends in the middle of a
// later one, so that a run that died can go on behind its last whole frames: see
// [Resume]. Until the file is closed the index grows in a file beside it.
//
// Neither writer nor reader holds more than one record and some frames, of about a
// megabyte each.
package spill

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// A Page is what the file knows of one page of the source.
type Page struct {
	Number  int    `json:"page"` // as the source counts
	URL     string `json:"url,omitempty"`
	First   int64  `json:"first"`   // its first record, counted from 0
	Records int64  `json:"records"` // how many it has
	Bytes   int64  `json:"bytes"`   // of its records with a newline each

	Received int64  `json:"received"`       // bytes of the page as the source sent it
	Sum      uint32 `json:"crc32c"`         // of its records with a newline each
	Body     *Body  `json:"body,omitempty"` // nil if only records were kept
	End      int64  `json:"end"`            // of the frames that hold it, as an offset in the file
}

// Info sums up a file.
type Info struct {
	Path    string
	Pages   int64
	Records int64
	Bytes   int64 // of the records with a newline each
	Size    int64 // of the file

	// These are known to who wrote the file, once it is closed.
	SHA256 string // hex of the file
	Loose  int64  // bytes of records and rests that were stored as they are, in haste; see [Pack]
}

// Limits bound what is written, and what that costs.
type Limits struct {
	Record int // bytes of one record, and so what a reader holds; 0 means 64 MiB, the most

	// Busy reports that processors have other work, so that frames are to be stored as
	// they are; see [Pack]. It is called on another goroutine; nil means never.
	Busy func() bool
}

// maxRecord is what readers are ready for.
const maxRecord = 64 << 20

// frameSize is how many bytes of records make a frame worth its header: smaller
// pages share one.
const frameSize = 256 << 10

const (
	skippable  = 0x184D2A5D // the magic number of a zstd frame that readers skip
	restFrame  = 0x184D2A5B // one that holds rests of pages
	footerMark = "MWSPILL1"
	footerSize = 8 + len(footerMark) + 4*8 // frame header, mark, four numbers
)

// A footer ends a file that was closed.
type footer struct {
	index   int64 // where the frame with the index starts: the end of the records
	pages   int64
	records int64
	bytes   int64
}

func (f footer) encode() []byte {
	b := frameHeader(skippable, footerSize-8)
	b = append(b, footerMark...)
	for _, n := range []int64{f.index, f.pages, f.records, f.bytes} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// frameHeader returns the start of a skippable frame of that many bytes.
func frameHeader(magic uint32, size int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

// readFooter returns the footer of the file, and false if it has none.
func readFooter(f *os.File) (footer, bool, error) {
	st, err := f.Stat()
	if err != nil {
		return footer{}, false, err
	}
	at := st.Size() - int64(footerSize)
	if at < 0 {
		return footer{}, false, nil
	}
	b := make([]byte, footerSize)
	if _, err := f.ReadAt(b, at); err != nil {
		return footer{}, false, err
	}
	if binary.LittleEndian.Uint32(b) != skippable || string(b[8:16]) != footerMark {
		return footer{}, false, nil
	}
	var n [4]int64
	for i := range n {
		n[i] = int64(binary.LittleEndian.Uint64(b[16+8*i:]))
	}
	if n[0] < 0 || n[0]+8 > at {
		return footer{}, false, nil
	}
	return footer{index: n[0], pages: n[1], records: n[2], bytes: n[3]}, true, nil
}

// Pages returns the index of a closed file.
func Pages(path string) (pages []Page, err error) {
	defer errs.Wrap(&err, "spill.Pages")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	foot, ok, err := readFooter(f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errTruncated()
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	start := foot.index + 8
	z, err := zstd.NewReader(io.NewSectionReader(f, start, st.Size()-int64(footerSize)-start), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	dec := json.NewDecoder(z)
	for {
		var p Page
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, errCorrupt(err)
		}
		pages = append(pages, p)
	}
	if int64(len(pages)) != foot.pages {
		return nil, errCorrupt(nil)
	}
	return pages, nil
}

func errTruncated() error {
	return errs.New(errs.Internal, "a file of raw records ends early: it was never closed, or was cut").Named("spill-truncated")
}

func errCorrupt(cause error) error {
	return errs.New(errs.Internal, "a file of raw records is damaged").Named("spill-corrupt").Because(cause)
}

func errTooLong(limit int) error {
	return errs.New(errs.TooLarge, "a record is longer than %d bytes", limit).
		Named("record-too-large").Fix("choose a response path further down, whose elements are smaller")
}

// syncDir makes the names in the folder of path durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
