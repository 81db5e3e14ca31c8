package transfer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"millwright/internal/errs"
)

// contentKey is the member that holds the bytes of a file in base64.
const contentKey = "content_base64"

// A diverter passes JSON on and takes the bytes of files out of it while they come:
// whatever string a member of the name contentKey has is decoded to a place that open
// gives, and the number of the place stands for it in what is passed on. So a document
// of gigabytes is read in a little memory. It checks nothing else of the JSON.
type diverter struct {
	r    io.Reader
	open func() (io.WriteCloser, error) // for the next file
	buf  []byte
	pos  int
	end  int
	err  error // of r

	out     bytes.Buffer // to be passed on
	text    []byte       // of the string that is read, as long as it may be the key
	count   int          // files so far
	state   lexical
	isKey   bool // the last string was contentKey
	to      io.WriteCloser
	quantum []byte // base64 that is not decoded yet
	padded  bool   // the padding of the base64 was read
}

// A lexical says where in the text of JSON a diverter is.
type lexical byte

const (
	outside   lexical = iota // between tokens
	inString                 // of a string that is passed on
	escaped                  // behind a backslash in it
	inContent                // of a string that is a file
)

func newDiverter(r io.Reader, open func() (io.WriteCloser, error)) *diverter {
	return &diverter{r: r, open: open, buf: make([]byte, 64<<10)}
}

// Read passes on what is no content.
func (d *diverter) Read(p []byte) (int, error) {
	for d.out.Len() == 0 {
		if d.pos == d.end {
			if d.err != nil {
				return 0, d.finish()
			}
			d.pos = 0
			d.end, d.err = d.r.Read(d.buf)
			continue
		}
		if err := d.step(); err != nil {
			d.err = err
			d.pos, d.end = 0, 0
			return 0, errors.Join(err, d.close())
		}
	}
	return d.out.Read(p)
}

// finish returns the error of the end.
func (d *diverter) finish() error {
	if d.state == inContent {
		return errors.Join(badContent("the document ends inside of it"), d.close())
	}
	return d.err
}

func (d *diverter) close() error {
	if d.to == nil {
		return nil
	}
	err := d.to.Close()
	d.to = nil
	return err
}

// step takes as many of the bytes that are here as belong together.
func (d *diverter) step() error {
	if d.state == inContent {
		return d.content()
	}
	for d.pos < d.end && d.out.Len() < len(d.buf) {
		b := d.buf[d.pos]
		d.pos++
		if d.state == outside && b == '"' && d.isKey {
			d.isKey = false
			return d.begin()
		}
		d.out.WriteByte(b)
		d.pass(b)
	}
	return nil
}

// pass notes a byte that is passed on.
func (d *diverter) pass(b byte) {
	switch d.state {
	case outside:
		switch b {
		case '"':
			d.state, d.text = inString, d.text[:0]
		case ' ', '\t', '\r', '\n', ':':
			// Between a key and its value.
		default:
			d.isKey = false
		}
	case escaped:
		d.state = inString
		d.text = append(d.text[:0], 0) // a key that is spelled in another way is not ours
	case inString:
		switch {
		case b == '\\':
			d.state = escaped
		case b == '"':
			// A value of these very letters is no key: a comma or a bracket follows it.
			d.state, d.isKey = outside, string(d.text) == contentKey
		case len(d.text) <= len(contentKey):
			d.text = append(d.text, b)
		}
	}
}

// begin opens the place of a file.
func (d *diverter) begin() (err error) {
	if d.to, err = d.open(); err != nil {
		return err
	}
	d.state, d.padded, d.quantum = inContent, false, d.quantum[:0]
	return nil
}

// content decodes what is here of a file, and at its end passes its number on.
func (d *diverter) content() error {
	for d.pos < d.end {
		chunk := d.buf[d.pos:d.end]
		last := bytes.IndexByte(chunk, '"')
		if last >= 0 {
			chunk = chunk[:last]
		}
		d.pos += len(chunk)
		if err := d.decode(chunk, last >= 0); err != nil {
			return err
		}
		if last < 0 {
			continue
		}
		d.pos++
		d.state = outside
		d.count++
		d.out.WriteString(itoa(d.count))
		return d.close()
	}
	return nil
}

// decode writes whole quanta, and at the end the rest.
func (d *diverter) decode(chunk []byte, last bool) error {
	for _, b := range chunk {
		if b != '\\' {
			d.quantum = append(d.quantum, b)
			continue
		}
		// Some writers escape the slash; nothing else of base64 is ever escaped, and
		// the slash itself follows.
	}
	n := len(d.quantum) / 4 * 4
	if last {
		n = len(d.quantum)
	}
	if n == 0 {
		return nil
	}
	if d.padded {
		return badContent("it goes on behind its padding")
	}
	plain := make([]byte, base64.StdEncoding.DecodedLen(n))
	m, err := base64.StdEncoding.Strict().Decode(plain, d.quantum[:n])
	if err != nil {
		return badContent("it is no base64")
	}
	d.padded = d.quantum[n-1] == '='
	d.quantum = append(d.quantum[:0], d.quantum[n:]...)
	_, err = d.to.Write(plain[:m])
	return err
}

func badContent(why string) error {
	return errs.New(errs.Invalid, "the content of a file in the export cannot be read: %s", why).Named("import-content-invalid").
		Fix("export the project again")
}
