package decode

import (
	"bufio"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
)

// maxLayers is how many compressions one body may be wrapped in.
const maxLayers = 2

// A Body is the content of an answer as UTF-8, decompressed as it is read.
type Body struct {
	Content Content

	r      io.Reader
	out    *meter
	closes []func()
}

// Open looks at the first bytes of wire and undoes compression and charset. The
// headers are hints; where the bytes disagree, the bytes decide. The error of a
// failing wire reader comes through as it is. The caller must Close the body.
func Open(wire io.Reader, contentEncoding, contentType string, l Limits) (*Body, error) {
	b := &Body{Content: Content{Charset: "utf-8"}}
	in := &meter{r: wire}
	var r io.Reader = in
	declared, err := encodings(contentEncoding)
	if err != nil {
		return nil, err
	}
	for _, name := range declared {
		if r, err = b.unwrap(r, name, in, l); err != nil {
			b.Close()
			return nil, err
		}
	}
	// A compressed file is often served as such, without Content-Encoding.
	for len(b.Content.Encodings) < maxLayers {
		br := bufio.NewReaderSize(r, 32<<10)
		r = br
		name := sniffEncoding(br)
		if name == "" {
			break
		}
		if name == "zip" {
			r, err = b.unzip(br, in, l)
		} else {
			r, err = b.unwrap(br, name, in, l)
		}
		if err != nil {
			b.Close()
			return nil, err
		}
	}
	b.out = &meter{r: r, check: bounded(in, l)}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		params = nil
	}
	if b.r, b.Content.Charset, err = toUTF8(b.out, params["charset"]); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Plain is a body that is UTF-8 and not compressed.
func Plain(r io.Reader) *Body {
	out := &meter{r: r}
	return &Body{Content: Content{Charset: "utf-8"}, r: out, out: out}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	return n, b.explain(err)
}

// explain names what goes wrong in a decompressor. Errors of the wire have a
// name already.
func (b *Body) explain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if _, ok := errs.Find(err); ok {
		return err
	}
	how := strings.Join(b.Content.Encodings, ", ")
	if err == io.ErrUnexpectedEOF {
		return errs.New(errs.Upstream, "the body ends in the middle of its %s data", how).Named("body-truncated").
			Fix("try again; if it stays so, the source or a proxy before it cuts its answers").Because(err)
	}
	return errs.New(errs.Upstream, "the body cannot be decompressed as %s", how).Named("content-encoding-invalid").
		Fix("try again; if it stays so, set the header Accept-Encoding: identity").Because(err)
}

// Decoded returns how many decompressed bytes were read so far.
func (b *Body) Decoded() int64 { return b.out.n }

// Close frees the decompressors. It does not close the wire.
func (b *Body) Close() {
	for _, f := range b.closes {
		f()
	}
	b.closes = nil
}

// encodings lists the declared compressions, outermost first.
func encodings(header string) ([]string, error) {
	var out []string
	for name := range strings.SplitSeq(strings.ToLower(header), ",") {
		switch name = strings.TrimSpace(name); name {
		case "", "identity", "none", "utf-8", "utf8": // the last three are common mistakes
		case "gzip", "x-gzip":
			out = append(out, "gzip")
		case "deflate", "br", "zstd":
			out = append(out, name)
		default:
			return nil, errs.New(errs.Upstream, "the body is compressed as %q, which is not supported", clip(name)).
				Named("content-encoding-unknown").Fix("set the header Accept-Encoding: gzip")
		}
	}
	if len(out) > maxLayers {
		return nil, errs.New(errs.Upstream, "the body is compressed %d times over; at most %d are undone", len(out), maxLayers).
			Named("content-encoding-layers").Fix("set the header Accept-Encoding: identity")
	}
	slices.Reverse(out)
	return out, nil
}

// unwrap undoes one compression. A body that is declared as compressed and is
// not is left as it is.
func (b *Body) unwrap(r io.Reader, name string, in *meter, l Limits) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 32<<10)
	head, err := br.Peek(4)
	if len(head) == 0 {
		if err == io.EOF {
			return br, nil // an empty body has no layers
		}
		return nil, err
	}
	if name != "br" && !isA(name, head) {
		b.Content.Evidence = "declared as " + name + ", is not"
		return br, nil
	}
	var out io.Reader
	switch name {
	case "gzip":
		out, err = gzip.NewReader(br)
	case "zstd":
		// The window bound keeps one small header from asking for gigabytes.
		var z *zstd.Decoder
		z, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(32<<20))
		if err == nil {
			b.closes = append(b.closes, z.Close)
		}
		out = z
	case "br":
		out = brotli.NewReader(br)
	case "deflate":
		if isZlib(head) {
			out, err = zlib.NewReader(br)
		} else {
			out = flate.NewReader(br)
		}
	}
	b.Content.Encodings = append(b.Content.Encodings, name)
	if err != nil {
		return nil, b.explain(err)
	}
	// Each layer is metered: an inner bomb may shrink again in the next one.
	return &meter{r: out, check: bounded(in, l)}, nil
}

func bounded(in *meter, l Limits) func(int64) error {
	return func(n int64) error {
		if n > l.DecodedBytes {
			return tooLarge("response-too-large", "decoded_bytes", "the body is longer than %s", size(l.DecodedBytes))
		}
		if n > ratioFree && n/max(in.n, 1) > l.Ratio {
			return tooLarge("compression-ratio", "ratio", "the body unpacks to more than %d times its size", l.Ratio)
		}
		return nil
	}
}

func sniffEncoding(br *bufio.Reader) string {
	head, _ := br.Peek(4) // a short or failing body shows when it is read
	for _, name := range []string{"gzip", "zstd", "zip"} {
		if isA(name, head) {
			return name
		}
	}
	return ""
}

func isA(name string, head []byte) bool {
	switch name {
	case "gzip":
		return len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b
	case "zip":
		// The second is an archive without members.
		return len(head) >= 4 && (string(head) == "PK\x03\x04" || string(head) == "PK\x05\x06")
	case "zstd":
		// The second form is a skippable frame.
		return len(head) >= 4 && (string(head) == "\x28\xb5\x2f\xfd" || head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18")
	}
	// A raw deflate stream has no mark; it cannot begin like JSON text, whose
	// first bytes would be a reserved block type or a stored block.
	return isZlib(head) || !slices.Contains([]byte("{[\" \t\r\n<"), head[0])
}

func isZlib(head []byte) bool {
	return len(head) >= 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// clip shortens foreign text for a message.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}
