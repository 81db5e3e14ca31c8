package decode

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"

	"millwright/internal/errs"
)

// toUTF8 converts r to UTF-8 without a byte order mark. A mark decides, then
// the zero bytes that UTF-16 and UTF-32 put into JSON, then the declared charset,
// then what an XML document says of itself.
func toUTF8(r io.Reader, declared string) (io.Reader, string, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, _ := br.Peek(4) // an error comes back with the first Read
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, err := br.Discard(3)
		return br, "utf-8", err
	}
	name, enc := wide(head)
	if enc == nil {
		name = strings.ToLower(strings.TrimSpace(declared))
		if name == "" {
			name = xmlCharset(br)
		}
		switch name {
		case "", "utf-8", "utf8", "us-ascii", "ascii", "binary":
			return br, "utf-8", nil
		}
		var err error
		if enc, err = htmlindex.Get(name); err != nil {
			return nil, "", errs.New(errs.Upstream, "the body is declared to be in the charset %q, which is not known", clip(name)).
				Named("charset-unknown").Fix("set the header Accept-Charset: utf-8")
		}
		if canon, err := htmlindex.Name(enc); err == nil {
			name = canon
		}
		if name == "utf-8" {
			return br, name, nil
		}
	}
	return &replaced{r: transform.NewReader(br, enc.NewDecoder()), charset: name}, name, nil
}

// xmlCharset returns the encoding that an XML declaration names, in lower case.
func xmlCharset(br *bufio.Reader) string {
	head, _ := br.Peek(256) // an error comes back with the first Read
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return ""
	}
	declaration, _, _ := bytes.Cut(head, []byte("?>"))
	_, after, _ := bytes.Cut(declaration, []byte("encoding"))
	after = bytes.TrimLeft(after, " \t\r\n=")
	if len(after) == 0 || after[0] != '"' && after[0] != '\'' {
		return ""
	}
	name, _, _ := bytes.Cut(after[1:], after[:1])
	return strings.ToLower(string(name))
}

// wide recognises UTF-16 and UTF-32 by their mark or by the zero bytes around
// the first character, which in JSON is ASCII.
func wide(head []byte) (string, encoding.Encoding) {
	if len(head) >= 4 {
		zeros := [4]bool{head[0] == 0, head[1] == 0, head[2] == 0, head[3] == 0}
		switch {
		case bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}), zeros == [4]bool{true, true, true, false}:
			return "utf-32be", utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
		case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}), zeros == [4]bool{false, true, true, true}:
			return "utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
		}
	}
	if len(head) >= 2 {
		switch {
		case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0:
			return "utf-16be", unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
		case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0:
			return "utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
		}
	}
	return "", nil
}

// replaced fails where a charset decoder put U+FFFD for bytes that it could not
// convert: the text would be silently wrong.
type replaced struct {
	r       io.Reader
	charset string
	tail    []byte // the last two bytes of the read before
	n       int64  // bytes given so far
}

func (c *replaced) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	seam := append(c.tail, p[:min(n, 2)]...)
	at := c.n - int64(len(c.tail)) + int64(bytes.Index(seam, []byte("\uFFFD")))
	if i := bytes.Index(p[:n], []byte("\uFFFD")); i >= 0 && !bytes.Contains(seam, []byte("\uFFFD")) {
		at = c.n + int64(i)
	}
	c.n += int64(n)
	if bytes.Contains(seam, []byte("\uFFFD")) || bytes.Contains(p[:n], []byte("\uFFFD")) {
		return 0, errs.New(errs.Upstream, "the body holds bytes that are not valid %s (at byte %d of it as UTF-8)", c.charset, at).Named("charset-invalid").
			Fix("ask the source for UTF-8, for example with the header Accept: application/json; charset=utf-8")
	}
	if n >= 2 {
		c.tail = append(c.tail[:0], p[n-2:n]...)
	} else {
		c.tail = append(c.tail, p[:n]...)
		c.tail = append([]byte(nil), c.tail[max(0, len(c.tail)-2):]...)
	}
	return n, err
}
