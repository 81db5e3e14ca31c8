package httpsource

import (
	"context"
	"slices"
	"sync"
	"time"

	"millwright/internal/httpsource/paginate"
)

// ahead are the pages that are asked for before their turn. Only pages with a
// number and a known end are: what they are called does not depend on what
// stands in the page before.
type ahead struct {
	pages  []*early
	ctx    context.Context // of all of them: they end together
	cancel context.CancelFunc
	wait   sync.WaitGroup
	off    bool // the pages are too long, or not as foreseen
}

// An early page is on its way.
type early struct {
	token  string
	done   chan struct{}
	waits  chan waiting // why it waits; only the goroutine of the Fetch talks to the sink
	loaded *loaded
	err    error
}

type waiting struct {
	reason string
	until  time.Time
}

// usualParallel is how many pages are asked for at once.
const usualParallel = 4

// plot asks for the pages that follow next as long as they can be foreseen: a
// page further on is where the style would go if this page were like the first.
func (f *fetch) plot(ctx context.Context, a paginate.Answer, next call, style paginate.Style) {
	width := firstOf(f.spec.Options.Parallel, usualParallel)
	found := f.out.Detected.Pagination
	if width < 2 || f.ahead.off || !found.Setting.Kind.Numbered() || !f.mayRepeat() || !f.foreseeable(a, found, next) {
		return
	}
	full := a.Records
	for c := next; len(f.ahead.pages) < width; {
		if !slices.ContainsFunc(f.ahead.pages, func(e *early) bool { return e.token == c.token() }) {
			f.start(ctx, c)
		}
		a.Number++
		a.Records, a.Seen = full, a.Seen+full
		if f.opt.MaxPages > 0 && int64(a.Number) >= f.opt.MaxPages || f.opt.MaxRecords > 0 && a.Seen >= f.opt.MaxRecords {
			return
		}
		step := style.Next(a)
		if step.Done != "" {
			return
		}
		further, err := c.step(step)
		if err != nil || f.tokens[further.token()] {
			return
		}
		c = further
	}
}

// foreseeable reports whether the pages behind the next one are worth a guess:
// the way of paging is proven, the source said how much there is, and the page
// was a full one. What was foreseen wrongly is thrown away.
func (f *fetch) foreseeable(a paginate.Answer, found paginate.Finding, next call) bool {
	if !found.Verified || a.Records == 0 || !paginate.Bounded(found.Setting, a) {
		return false
	}
	if len(f.ahead.pages) > 0 && f.ahead.pages[0].token != next.token() {
		f.stop()
		f.ahead.off = true
	}
	return !f.ahead.off
}

// start asks for a page on a goroutine of its own.
func (f *fetch) start(ctx context.Context, c call) {
	if f.ahead.ctx == nil {
		f.ahead.ctx, f.ahead.cancel = context.WithCancel(ctx)
	}
	own := f.ahead.ctx
	e := &early{token: c.token(), done: make(chan struct{}), waits: make(chan waiting, 8)}
	f.ahead.pages = append(f.ahead.pages, e)
	f.ahead.wait.Go(func() {
		defer close(e.done)
		e.loaded, e.err = f.load(own, c, func(reason string, until time.Time) {
			select {
			case e.waits <- waiting{reason, until}:
			default: // a run that waits so often has said so
			}
		})
	})
}

// obtain returns the page of a call: one that was asked for early, or else by
// asking now.
func (f *fetch) obtain(ctx context.Context, c call) (*loaded, error) {
	if len(f.ahead.pages) == 0 || f.ahead.pages[0].token != c.token() {
		f.stop()
		return f.load(ctx, c, f.say)
	}
	e := f.ahead.pages[0]
	f.ahead.pages = f.ahead.pages[1:]
	for {
		select {
		case w := <-e.waits:
			f.say(w.reason, w.until)
		case <-e.done:
			// A page that does not fit into memory would keep its connection waiting.
			f.ahead.off = f.ahead.off || e.err == nil && !e.loaded.whole
			return e.loaded, e.err
		}
	}
}

// stop gives up what was asked for early.
func (f *fetch) stop() {
	if f.ahead.ctx != nil {
		f.ahead.cancel()
		f.ahead.ctx = nil
	}
	f.ahead.wait.Wait()
	for _, e := range f.ahead.pages {
		if e.err == nil {
			f.drop(e.loaded)
		}
	}
	f.ahead.pages = nil
}
