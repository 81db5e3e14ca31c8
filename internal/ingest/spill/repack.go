package spill

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// loose returns how many of the first end bytes of a file hold records and rests as
// they are.
func loose(file *os.File, end int64) (n int64, err error) {
	err = eachFrame(file, end, func(f frame) error {
		if f.magic == restFrame {
			if f, err = frameAt(file, f.body); err != nil {
				return errCorrupt(err)
			}
		}
		n += f.stored
		return nil
	})
	return n, err
}

// eachFrame calls do with the frames of the first end bytes of a file.
func eachFrame(file *os.File, end int64, do func(frame) error) error {
	for at := int64(0); at < end; {
		f, err := frameAt(file, at)
		if err != nil || f.end > end {
			return errCorrupt(err)
		}
		if err := do(f); err != nil {
			return err
		}
		at = f.end
	}
	return nil
}

// Pack writes a closed file again, with the same pages, to a new file out, and
// compresses what was written in haste. It calls progress, unless nil, with the bytes of
// in that are done. When it fails, with "spill-corrupt" if a checksum does not match, or
// ctx ends, it removes out. The file is not made durable: it can be made again.
func Pack(ctx context.Context, in, out string, progress func(bytes int64)) (err error) {
	defer errs.Wrap(&err, "spill.Pack")
	pages, err := Pages(in)
	if err != nil {
		return err
	}
	from, err := os.Open(in)
	if err != nil {
		return err
	}
	defer from.Close()
	foot, _, err := readFooter(from) // which it has, or it would have no pages
	if err != nil {
		return err
	}
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(out))
		}
	}()
	p, err := newRepacker(file, pages)
	if err != nil {
		return err
	}
	defer p.unzip.Close()
	err = eachFrame(from, foot.index, func(f frame) error {
		if ctx.Err() != nil {
			return errs.New(errs.Canceled, "packing was stopped").Because(context.Cause(ctx))
		}
		if progress != nil {
			progress(f.end)
		}
		return p.frame(from, f)
	})
	if err != nil {
		return err
	}
	return p.finish()
}

// A repacker writes frames again.
type repacker struct {
	out   *os.File
	zip   *zstd.Encoder
	unzip *zstd.Decoder
	pages []Page
	moved int   // pages whose end is that in out
	read  int64 // bytes of the frames that were read, and of those that were written
	wrote int64

	packed, plain, again []byte
}

func newRepacker(out *os.File, pages []Page) (*repacker, error) {
	zip, err := newEncoder()
	if err != nil {
		return nil, err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	return &repacker{out: out, zip: zip, unzip: unzip, pages: pages}, err
}

// frame writes one frame of the file again.
func (p *repacker) frame(from *os.File, f frame) (err error) {
	p.move()
	size := int(f.end - f.body)
	p.packed = slices.Grow(p.packed[:0], size)[:size]
	if _, err := from.ReadAt(p.packed, f.body); err != nil {
		return errCorrupt(err)
	}
	if p.plain, err = p.unzip.DecodeAll(p.packed, p.plain[:0]); err != nil {
		return errCorrupt(err)
	}
	p.again = appendFrame(p.again[:0], p.plain, f.magic == restFrame, p.zip.EncodeAll)
	p.read = f.end
	p.wrote += int64(len(p.again))
	if _, err := p.out.Write(p.again); err != nil {
		return err
	}
	if cap(p.plain) > spareMost { // a long record
		p.packed, p.plain, p.again = nil, nil, nil
	}
	return nil
}

// move says where the pages end now whose frames were all written.
func (p *repacker) move() {
	for ; p.moved < len(p.pages) && p.pages[p.moved].End <= p.read; p.moved++ {
		p.pages[p.moved].End = p.wrote
	}
}

// finish writes the index and the footer, which say of the pages what they said.
func (p *repacker) finish() error {
	p.move()
	if p.moved < len(p.pages) {
		return errCorrupt(nil)
	}
	lines, err := indexLines(p.pages)
	if err != nil {
		return err
	}
	foot := footer{index: p.wrote, pages: int64(len(p.pages))}
	for _, page := range p.pages {
		foot.records += page.Records
		foot.bytes += page.Bytes
	}
	end, err := appendEnd(nil, p.zip, bytes.NewReader(lines), foot)
	if err != nil {
		return err
	}
	_, err = p.out.Write(end)
	return err
}
