package httpsource

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"iter"
	"net/http"
	"net/url"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A StoredPage is a page whose body a Keeper has kept.
type StoredPage struct {
	Number      int
	URL         string // without secrets
	ContentType string
	Received    int64 // bytes, when it came
	Partial     bool  // the body ends at a limit of records
	AsSent      bool  // the body is as it came, maybe compressed, in the charset that ContentType names; else UTF-8
	Body        io.Reader
}

// Replay decodes stored pages again, as a Fetch would that gets them as answers, and
// sends nothing. Of spec count the response path, the shape, the limits and what is
// said about partial data; of opt the number of records and the size of samples.
// Secrets were hidden when the pages were stored; those that spec refers to by name
// are not looked up. A page is read as it came if it says so, which is how a file is
// read. The body of a page is read before the next page is asked for,
// and an error of pages is returned as it is.
//
// The Outcome's verdict is [Complete], as "replayed": how complete the pages are was
// said by the Fetch that got them. A sink that is a Keeper gets the rests again.
func (c *Client) Replay(ctx context.Context, spec Spec, opt Options, pages iter.Seq2[StoredPage, error], sink Sink) (Outcome, error) {
	start := c.cfg.Now()
	f := c.replaying(spec, opt, sink)
	err := f.replay(ctx, pages)
	f.out.Duration = c.cfg.Now().Sub(start)
	var own fromSink
	if errors.As(err, &own) {
		return f.out, own.error
	}
	return f.out, f.clean(err)
}

func (c *Client) replaying(spec Spec, opt Options, sink Sink) *fetch {
	// How the source pages does not matter: its pages are here.
	spec.Options.Pagination = paginate.Setting{Kind: paginate.None}
	ask := &asker{client: c, spec: spec, limits: c.cfg.Limits.with(spec.Options.Limits)}
	ask.redact = newRedaction(spec.Secrets(), func() []secret.String { return nil })
	f := &fetch{asker: ask, opt: Options{MaxRecords: lesser(opt.MaxRecords, spec.Options.Limits.Records), SampleBytes: opt.SampleBytes},
		sink: sink, pages: map[uint64]int{}, openings: map[uint64]bool{}}
	f.hash.SetSeed(maphash.MakeSeed())
	return f
}

func (f *fetch) replay(ctx context.Context, pages iter.Seq2[StoredPage, error]) error {
	for stored, err := range pages {
		if err != nil {
			return fromSink{err}
		}
		if ctx.Err() != nil {
			return errs.New(errs.Canceled, "decoding stored pages was stopped").Because(context.Cause(ctx))
		}
		l, err := f.restore(stored)
		if err != nil {
			return err
		}
		if f.out.Pages == 0 {
			f.first(l)
		}
		p, err := f.deliver(l, stored.Number)
		l.body.Close()
		if err != nil {
			return err
		}
		f.out.Bytes += stored.Received
		if err := f.endPage(p, ""); err != nil {
			return err
		}
		if f.opt.MaxRecords > 0 && f.out.Records >= f.opt.MaxRecords {
			break
		}
	}
	f.end(Complete, "replayed", itoa(int(f.out.Records))+" records on "+itoa(int(f.out.Pages))+" stored pages")
	return nil
}

// restore makes a page look as if it had just come.
func (f *fetch) restore(stored StoredPage) (*loaded, error) {
	u, err := url.Parse(stored.URL)
	if err != nil {
		u = &url.URL{}
	}
	l := &loaded{partial: stored.Partial, body: decode.Plain(stored.Body), answer: &answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {stored.ContentType}}, url: u, framed: true, wire: &wire{n: stored.Received},
	}}
	if stored.AsSent {
		if l.body, err = decode.Open(stored.Body, "", stored.ContentType, f.limits.decoding()); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	_, err = io.CopyN(&buf, l.body, pageMemory)
	l.head, l.whole = buf.Bytes(), err == io.EOF
	if err != nil && err != io.EOF {
		l.body.Close()
		if stored.AsSent {
			return nil, err
		}
		return nil, fromSink{err}
	}
	return l, nil
}
