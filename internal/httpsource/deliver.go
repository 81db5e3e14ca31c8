package httpsource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
)

// A page of up to this many bytes is read whole before its records are given:
// a connection that breaks in the middle of it can then be tried again.
const pageMemory = 4 << 20

// A loaded page has its header and the beginning of its body here.
type loaded struct {
	answer *answer
	body   *decode.Body
	head   []byte
	whole  bool // head is all of it
}

// drop ends a page and counts what it cost.
func (f *fetch) drop(l *loaded) {
	f.out.Bytes += l.answer.wire.n
	if l.body != nil {
		f.out.DecodedBytes += l.body.Decoded()
		l.body.Close()
	}
	l.answer.wire.Close()
}

// rejected is an answer that is no success; it wraps its explanation.
type rejected struct {
	error
	status int
	header http.Header
}

func (r *rejected) Unwrap() error { return r.error }

// load asks for a page and reads its beginning, again if that may help.
func (f *fetch) load(ctx context.Context, c call) (*loaded, error) {
	attempts := firstOf(f.opt.Attempts, firstOf(f.spec.Options.Retry.Attempts, 5))
	for n := 0; ; n++ {
		l, err := f.loadOnce(ctx, c)
		if err == nil {
			return l, nil
		}
		var r *rejected
		why, header := "", http.Header{}
		switch {
		case errors.As(err, &r) && retryableStatus(r.status):
			why, header = fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)), r.header
		case retryableError(err):
			if e, ok := errs.Find(err); ok {
				why = e.Msg
			}
		default:
			return nil, err
		}
		if n+1 >= attempts || !f.mayRepeat() {
			return nil, err
		}
		again, werr := f.pause(ctx, n, f.redact.Redact(why), header)
		if werr != nil {
			return nil, werr
		}
		if !again {
			return nil, err
		}
	}
}

func (f *fetch) loadOnce(ctx context.Context, c call) (*loaded, error) {
	a, err := f.send(ctx, c)
	if err != nil {
		return nil, err
	}
	l := &loaded{answer: a}
	f.out.Status = a.status
	if a.status < 200 || a.status > 299 {
		return nil, f.reject(l)
	}
	if f.bodyless(a) {
		l.whole = true
		return l, nil
	}
	if err := f.read(l); err != nil {
		f.drop(l)
		return nil, err
	}
	return l, nil
}

// read undoes compression and charset and reads the beginning.
func (f *fetch) read(l *loaded) (err error) {
	h := l.answer.header
	l.body, err = decode.Open(l.answer.wire, h.Get("Content-Encoding"), h.Get("Content-Type"), f.decodeLimits())
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	_, err = io.CopyN(&buf, l.body, pageMemory)
	l.head, l.whole = buf.Bytes(), err == io.EOF
	if err != nil && err != io.EOF {
		return err
	}
	if l.whole {
		l.answer.wire.Close()
	}
	return decode.Sniff(l.head, h.Get("Content-Type"), l.whole)
}

// reject explains an answer that is no success, with the beginning of its body.
func (f *fetch) reject(l *loaded) error {
	h := l.answer.header
	var head []byte
	if body, err := decode.Open(l.answer.wire, h.Get("Content-Encoding"), h.Get("Content-Type"), f.decodeLimits()); err == nil {
		// What cannot be read of an error's body is not worth another error.
		head, _ = io.ReadAll(io.LimitReader(body, 64<<10))
		body.Close()
	}
	if f.out.Pages == 0 {
		f.out.Header, f.out.ContentType = f.publicHeader(h), h.Get("Content-Type")
		f.keepHead(head, false)
	}
	err := f.upstreamError(l.answer, f.excerpt(head))
	f.out.Bytes += l.answer.wire.n
	drain(l.answer.wire)
	return &rejected{err, l.answer.status, h}
}

func (f *fetch) decodeLimits() decode.Limits {
	l := f.limits
	return decode.Limits{DecodedBytes: l.DecodedBytes, Ratio: l.Ratio, RecordBytes: l.RecordBytes, DocumentBytes: l.DocumentBytes, Depth: l.Depth, Keys: l.Keys}
}

// facts are what one page showed.
type facts struct {
	header  http.Header
	fields  []paginate.Field
	records int64
	hash    uint64
	enough  bool // stopped at the limit of records
}

func (p facts) answer(n int, c call, seen int64) paginate.Answer {
	return paginate.Answer{Number: n, URL: c.url, Header: p.header, Fields: p.fields, Records: p.records, Seen: seen}
}

// errEnough stops a page when as many records were given as asked for.
var errEnough = errors.New("enough records")

// deliver gives the records of a page to the sink.
func (f *fetch) deliver(l *loaded, number int) (facts, error) {
	p := facts{header: l.answer.header}
	var r io.Reader = bytes.NewReader(l.head)
	if !l.whole {
		r = io.MultiReader(r, l.body)
	}
	if !f.planned {
		spooled, err := f.settle(l, &r)
		if err != nil {
			return p, err
		}
		if spooled != nil {
			defer spooled.remove()
		}
	}
	if err := f.sink.BeginPage(Page{Number: number, URL: publicURL(l.answer.url.String(), f.redact)}); err != nil {
		return p, fromSink{err}
	}
	f.hash.Reset()
	before := f.out.Records
	res, err := decode.Split(r, f.plan, f.decodeLimits(), f.record)
	p.records, p.hash = f.out.Records-before, f.hash.Sum64()
	if errors.Is(err, errEnough) {
		p.enough, err = true, nil
	}
	if err != nil {
		return p, err
	}
	if err := f.reached(res, number, p.enough); err != nil {
		return p, err
	}
	f.single = res.Kind == '{' && res.Rows <= 1
	// A whole document that is one row has no envelope: its keys are its own.
	if !f.single || f.plan.Path.String() != "$" {
		for _, field := range res.Envelope.Fields {
			p.fields = append(p.fields, paginate.Field{Path: field.Path, Raw: field.Raw})
		}
	}
	f.out.Pages++
	f.tally(p, number)
	if err := f.sink.EndPage(PageEnd{Number: number, Records: p.records, Bytes: l.answer.wire.n}); err != nil {
		return p, fromSink{err}
	}
	return p, nil
}

// reached reports a path that leads nowhere. On the first page it is an error;
// later it is an empty page, which many sources write by leaving the key out.
func (f *fetch) reached(res decode.Result, number int, enough bool) error {
	if res.Selected() || enough {
		return nil
	}
	if number == 1 {
		return res.Nothing(f.plan.Path)
	}
	f.alarm("page " + itoa(number) + " has nothing at " + f.plan.Path.String() + "; it was counted as empty")
	return nil
}

// record gives one record to the sink and keeps it as a sample.
func (f *fetch) record(raw []byte) error {
	if f.opt.MaxRecords > 0 && f.out.Records >= f.opt.MaxRecords {
		return errEnough
	}
	f.hash.Write(raw)
	f.hash.WriteByte('\n')
	// A source that echoes the credentials would put them into the data.
	if f.redact.Found(raw, longSecret) {
		raw = f.scrub(raw)
		f.hidden++
	}
	if f.samples < f.opt.SampleBytes && f.samples+len(raw) <= max(f.opt.SampleBytes, 64<<10) {
		f.out.Sample = append(f.out.Sample, json.RawMessage(f.scrub(raw)))
		f.samples += len(raw)
	}
	if err := f.sink.Record(raw); err != nil {
		return fromSink{err}
	}
	f.out.Records++
	return nil
}

// longSecret is the length from which a value does not occur in data by chance.
const longSecret = 12

// scrub returns a copy of a JSON value with secrets hidden in its strings.
func (f *fetch) scrub(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			out = append(out, raw[i])
			continue
		}
		end := i + 1
		for ; raw[end] != '"'; end++ {
			if raw[end] == '\\' {
				end++
			}
		}
		literal := raw[i : end+1]
		if hidden := f.redact.Redact(string(literal)); hidden != string(literal) {
			if v := jsontext.Value(hidden); v.IsValid() {
				literal = v
			} else {
				literal = []byte(`"` + "REDACTED" + `"`)
			}
		}
		out, i = append(out, literal...), end
	}
	return out
}

// digest returns the hash of a page's records without giving them to anybody.
func (f *fetch) digest(l *loaded) (sum uint64, rows int64, err error) {
	f.hash.Reset()
	res, err := decode.Split(bytes.NewReader(l.head), f.plan, f.decodeLimits(), func(raw []byte) error {
		f.hash.Write(raw)
		return f.hash.WriteByte('\n')
	})
	return f.hash.Sum64(), res.Rows, err
}

// settle decides from the first body where the rows are. It may replace *r by a
// file that the body was written to, because it has to be read twice.
func (f *fetch) settle(l *loaded, r *io.Reader) (*spool, error) {
	f.planned = true
	shape, given := f.spec.Options.Shape, f.spec.ResponsePath != ""
	lines := decode.IsLines(f.out.ContentType) || decode.StartsWithLines(l.head)
	format := "json"
	if lines {
		format = "ndjson"
	}
	f.out.Detected.Content.Format = format
	found := decode.Finding{Path: f.spec.ResponsePath, Shape: shape, Evidence: "set for this connection", Given: true}
	var file *spool
	switch {
	case given || shape != "":
		found.Path = firstOf(found.Path, "$")
	case lines:
		found = decode.Finding{Path: "$", Shape: decode.Lines, Evidence: "the answer is one JSON value after the other"}
	case bytes.HasPrefix(bytes.TrimLeft(l.head, " \t\r\n"), []byte("[")):
		found = decode.Finding{Path: "$", Evidence: "the answer is an array"}
	default:
		var err error
		if found, file, err = f.inspect(l, r); err != nil {
			return nil, err
		}
	}
	path, err := decode.ParsePath(found.Path)
	if err != nil {
		file.remove()
		return nil, err
	}
	f.plan = decode.Plan{Path: path, Shape: found.Shape}
	f.out.Detected.ResponsePath, f.out.ResponsePath = found, path.String()
	return file, nil
}

func (f *fetch) inspect(l *loaded, r *io.Reader) (decode.Finding, *spool, error) {
	if l.whole {
		found, err := decode.Inspect(*r, f.decodeLimits())
		*r = bytes.NewReader(l.head)
		return found, nil, err
	}
	file, err := newSpool(f.client.cfg.TempDir, *r)
	if err != nil {
		return decode.Finding{}, nil, err
	}
	found, err := decode.Inspect(file.file, f.decodeLimits())
	if err == nil {
		_, err = file.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.remove()
		return found, nil, err
	}
	*r = file.file
	return found, file, nil
}

// A spool is a body in a file that has no name any more.
type spool struct{ file *os.File }

func newSpool(dir string, r io.Reader) (*spool, error) {
	file, err := os.CreateTemp(dir, "body-*")
	if err != nil {
		return nil, errs.New(errs.Internal, "no room for a temporary file").Because(err)
	}
	s := &spool{file}
	// Gone from the folder at once, it cannot be left behind by a crash.
	if err := os.Remove(file.Name()); err != nil {
		s.remove()
		return nil, errs.New(errs.Internal, "a temporary file cannot be removed").Because(err)
	}
	w := &diskWriter{file: file}
	_, err = io.Copy(w, r)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		s.remove()
		if w.failed {
			err = errs.New(errs.Unavailable, "a temporary file cannot be written").Named("disk-full").Fix("free space on the server").Because(err)
		}
		return nil, err
	}
	return s, nil
}

// remove gives the file's space back. It does nothing to a nil spool.
func (s *spool) remove() {
	if s != nil {
		s.file.Close() // nothing was promised about what is in it
	}
}

// A diskWriter tells an error of the disk from one of the source.
type diskWriter struct {
	file   *os.File
	failed bool
}

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.failed = w.failed || err != nil
	return n, err
}
