package spill

import (
	"bytes"
	"io"

	"millwright/internal/errs"
)

// A PageReader gives the pages of a closed file again as they were sent.
type PageReader struct {
	pages []Page
	next  int
	lines *Reader
	rests *rests
	body  *body
	err   error
}

// OpenPages returns a reader of the pages of the file at path, before the first of
// them. The caller must Close it.
func OpenPages(path string) (r *PageReader, err error) {
	defer errs.Wrap(&err, "spill.OpenPages")
	pages, err := Pages(path)
	if err != nil {
		return nil, err
	}
	lines, err := Open(path)
	if err != nil {
		return nil, err
	}
	r = &PageReader{pages: pages, lines: lines}
	end := int64(0)
	if len(pages) > 0 {
		end = pages[len(pages)-1].End
	}
	// Reading at offsets does not disturb the reader of the records.
	if r.rests, err = newRests(lines.file, end); err != nil {
		lines.Close()
		return nil, err
	}
	return r, nil
}

// Next moves to the next page and reports whether there is one.
func (r *PageReader) Next() bool {
	if r.err == nil && r.body != nil {
		r.err = r.body.skip()
	}
	if r.err != nil || r.next == len(r.pages) {
		return false
	}
	p := r.pages[r.next]
	if p.Body == nil {
		r.err = errs.New(errs.NotFound, "page %d was stored without what stands beside its records", p.Number).Named("raw-rest-missing").
			Fix("run the connection again")
		return false
	}
	r.body = &body{from: r, index: int64(r.next), page: p, left: p.Records}
	r.next++
	return true
}

// Page returns what is known of the current page.
func (r *PageReader) Page() Page { return r.body.page }

// Body returns the body of the current page, valid until the next call of Next.
// Records are on one line; all else is as it was sent, but for secrets.
func (r *PageReader) Body() io.Reader { return r.body }

// Err returns why the pages ended early, if they did.
func (r *PageReader) Err() error { return r.err }

// Close ends the reader.
func (r *PageReader) Close() error {
	r.rests.zip.Close()
	return r.lines.Close()
}

// A body puts the records of a page back into its rest.
type body struct {
	from  *PageReader
	index int64
	page  Page
	left  int64  // records of the page that were not read yet
	chunk []byte // of the rest
	out   []byte // to be given before the chunk
	sum   uint32
	err   error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for len(b.out) == 0 && b.err == nil {
		b.err = b.advance()
	}
	if len(b.out) == 0 {
		return 0, b.err
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

// advance finds the next bytes to give.
func (b *body) advance() error {
	if len(b.chunk) == 0 {
		var err error
		if b.chunk, err = b.from.rests.chunk(b.index); err == io.EOF {
			return b.finish()
		} else if err != nil {
			return err
		}
		b.sum = checksum(b.sum, b.chunk)
	}
	if b.page.Body.Whole {
		b.out, b.chunk = b.chunk, nil
		return nil
	}
	if n := bytes.IndexAny(b.chunk, "\x1e\x1f"); n != 0 {
		if n < 0 {
			n = len(b.chunk)
		}
		b.out, b.chunk = b.chunk[:n], b.chunk[n:]
		return nil
	}
	mark := b.chunk[0]
	b.chunk = b.chunk[1:]
	line, err := b.record()
	if mark == recordHere {
		b.out = line
	}
	return err
}

func (b *body) record() ([]byte, error) {
	if b.left == 0 || !b.from.lines.Next() {
		return nil, errCorrupt(b.from.lines.Err())
	}
	b.left--
	return b.from.lines.Record(), nil
}

// finish checks a body that was read to its end.
func (b *body) finish() error {
	if b.sum != b.page.Body.Sum || b.left > 0 && !b.page.Body.Whole {
		return errCorrupt(nil)
	}
	return io.EOF
}

// skip passes over the records that were not read.
func (b *body) skip() error {
	for b.left > 0 {
		if _, err := b.record(); err != nil {
			return err
		}
	}
	return nil
}
