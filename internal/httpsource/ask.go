package httpsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/decode"
)

// A page of up to this many bytes is read whole before its records are given:
// a connection that breaks in the middle of it can then be tried again.
const pageMemory = 4 << 20

// notify tells why nothing happens, and until when.
type notify func(reason string, until time.Time)

// An asker sends the requests of one Fetch. It is safe for concurrent use.
type asker struct {
	client   *Client
	spec     Spec
	limits   Limits
	attempts int
	redact   *redaction
	origin   string
	login    *url.Userinfo // of the address as typed
	doors    doors
	proof    auth.Prover
	bucket   *rate.Limiter // nil means no limit
	caller   string        // tells callers of one source apart

	mu      sync.Mutex // guards what follows
	sent    int64
	latency time.Duration // until the first answer's header
	bytes   int64         // received for pages that are done with
	decoded int64
	spare   [][]byte // buffers of pages that are done with
}

// A loaded page has its header and the beginning of its body here.
type loaded struct {
	answer *answer
	body   *decode.Body
	head   []byte
	whole  bool // head is all of it

	partial bool // it is a stored one, which ends at a limit of records
}

// drop ends a page and counts what it cost. Nothing of its head may be used any more.
func (a *asker) drop(l *loaded) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += l.answer.wire.n
	if l.body != nil {
		a.decoded += l.body.Decoded()
		l.body.Close()
	}
	l.answer.wire.Close()
	if cap(l.head) > 0 && len(a.spare) < usualParallel {
		a.spare = append(a.spare, l.head[:0])
	}
	l.head = nil
}

// buffer returns an empty buffer for so many bytes, which may be one that was used.
func (a *asker) buffer(size int) *bytes.Buffer {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b []byte
	if last := len(a.spare) - 1; last >= 0 {
		b, a.spare = a.spare[last], a.spare[:last]
	}
	if cap(b) < size {
		b = make([]byte, 0, size)
	}
	return bytes.NewBuffer(b)
}

// answered is a failure after an answer had come; it wraps its explanation.
type answered struct {
	error
	status int
	header http.Header
	head   []byte // the beginning of the body of an answer that is no success
}

func (r *answered) Unwrap() error { return r.error }

// load asks for a page and reads its beginning, again if that may help.
func (a *asker) load(ctx context.Context, c call, say notify) (*loaded, error) {
	for n := 0; ; n++ {
		l, err := a.loadOnce(ctx, c, say)
		if err == nil {
			return l, nil
		}
		var r *answered
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
		if n+1 >= a.attempts || !a.mayRepeat() {
			return nil, err
		}
		again, werr := a.pause(ctx, n, a.redact.Redact(why), c, header, say)
		if werr != nil {
			return nil, werr
		}
		if !again {
			return nil, err
		}
	}
}

func (a *asker) loadOnce(ctx context.Context, c call, say notify) (*loaded, error) {
	got, err := a.send(ctx, c, say)
	if err != nil {
		return nil, err
	}
	l := &loaded{answer: got}
	if got.status < 200 || got.status > 299 {
		return nil, a.reject(l)
	}
	if a.bodyless(got) {
		l.whole = true
		return l, nil
	}
	if err := a.read(l); err != nil {
		a.drop(l)
		return nil, &answered{error: err, status: got.status, header: got.header}
	}
	return l, nil
}

func (a *asker) bodyless(got *answer) bool {
	if a.spec.Method == http.MethodHead || got.status == http.StatusNoContent || got.status == http.StatusResetContent {
		return true
	}
	return a.spec.Method == http.MethodOptions && got.length == 0
}

// read undoes compression and charset and reads the beginning.
func (a *asker) read(l *loaded) (err error) {
	h := l.answer.header
	l.body, err = decode.Open(l.answer.wire, h.Get("Content-Encoding"), h.Get("Content-Type"), a.limits.decoding())
	if err != nil {
		return err
	}
	size := 0
	if n := l.answer.length; n > 0 && n < pageMemory {
		size = int(n) + bytes.MinRead
	}
	buf := a.buffer(size)
	_, err = io.CopyN(buf, l.body, pageMemory)
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
func (a *asker) reject(l *loaded) error {
	h := l.answer.header
	var head []byte
	if body, err := decode.Open(l.answer.wire, h.Get("Content-Encoding"), h.Get("Content-Type"), a.limits.decoding()); err == nil {
		// What cannot be read of an error's body is not worth another error.
		head, _ = io.ReadAll(io.LimitReader(body, 64<<10))
		body.Close()
	}
	err := a.upstreamError(l.answer, a.excerpt(head))
	a.discard(l.answer)
	return &answered{error: err, status: l.answer.status, header: h, head: head}
}

// discard reads what is left of a short body, so that its connection can be used
// again, and counts it.
func (a *asker) discard(got *answer) {
	_, _ = io.CopyN(io.Discard, got.wire, 64<<10)
	got.wire.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += got.wire.n
}

// pace is what the place that c goes to said about how much it will answer.
func (a *asker) pace(c call) *pace {
	key := originOf(c.url)
	if c.own {
		key += " " + a.caller
	}
	return a.client.paces.quota(key)
}
