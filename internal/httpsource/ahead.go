package httpsource

import (
	"context"
	"sync"
	"time"

	"millwright/internal/httpsource/paginate"
)

// ahead are the pages that are asked for before their turn. Only pages with a
// number and a known end are: what they are called does not depend on what
// stands in the page before.
//
// As many requests as may be are under way at any moment, also while the records of
// a page are looked at for a while: pages that came wait for their turn.
type ahead struct {
	pages  []*early        // in their order
	front  *call           // the page behind the last of them; nil if none is foreseen
	from   paginate.Answer // as the page before front is foreseen
	size   int             // bytes of the page that was looked at last
	ctx    context.Context // of all of them: they end together
	cancel context.CancelFunc
	wait   sync.WaitGroup
	off    bool // the pages are too long, or not as foreseen

	mu      sync.Mutex // guards what follows
	open    int        // requests under way
	waiting []*early   // pages that are not asked for yet
}

// An early page is on its way.
type early struct {
	token  string
	load   func(notify) (*loaded, error)
	done   chan struct{}
	waits  chan waiting // why it waits; only the goroutine of the Fetch talks to the sink
	loaded *loaded
	err    error
}

type waiting struct {
	reason string
	until  time.Time
}

const (
	usualParallel = 4       // pages that are asked for at once
	aheadBytes    = 8 << 20 // of pages that wait for their turn, about
	aheadTimes    = 3       // so many times as many pages as are asked for at once may wait
)

// plot asks for the pages that follow next as long as they can be foreseen: a
// page further on is where the style would go if this page were like the first.
func (f *fetch) plot(ctx context.Context, a paginate.Answer, next call, style paginate.Style) {
	width := firstOf(f.spec.Options.Parallel, usualParallel)
	found := f.out.Detected.Pagination
	if width < 2 || f.ahead.off || !found.Setting.Kind.Numbered() || !f.mayRepeat() || !f.foreseeable(a, found, next) {
		return
	}
	if len(f.ahead.pages) == 0 {
		f.ahead.front, f.ahead.from = &next, a
	}
	most := width + min(aheadTimes*width, aheadBytes/max(f.ahead.size, 1))
	for f.ahead.front != nil && len(f.ahead.pages) < most {
		f.start(ctx, *f.ahead.front, width)
		f.ahead.front = f.beyond(*f.ahead.front, style)
	}
}

// beyond returns the call for the page behind the one of c, the last that was
// foreseen; nil if there is none.
func (f *fetch) beyond(c call, style paginate.Style) *call {
	a := &f.ahead.from
	a.Number++
	a.Seen += a.Records
	if f.opt.MaxPages > 0 && int64(a.Number) >= f.opt.MaxPages || f.opt.MaxRecords > 0 && a.Seen >= f.opt.MaxRecords {
		return nil
	}
	step := style.Next(*a)
	if step.Done != "" {
		return nil
	}
	further, err := c.step(step)
	if err != nil || f.tokens[further.token()] {
		return nil
	}
	return &further
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

// start asks for a page on another goroutine, as soon as fewer than width requests
// are under way.
func (f *fetch) start(ctx context.Context, c call, width int) {
	if f.ahead.ctx == nil {
		f.ahead.ctx, f.ahead.cancel = context.WithCancel(ctx)
	}
	own := f.ahead.ctx
	e := &early{token: c.token(), done: make(chan struct{}), waits: make(chan waiting, 8)}
	e.load = func(say notify) (*loaded, error) { return f.load(own, c, say) }
	f.ahead.pages = append(f.ahead.pages, e)
	f.ahead.mu.Lock()
	defer f.ahead.mu.Unlock()
	if f.ahead.open == width {
		f.ahead.waiting = append(f.ahead.waiting, e)
		return
	}
	f.ahead.open++
	f.ahead.wait.Go(func() {
		for e := e; e != nil; e = f.ahead.following() {
			e.run()
		}
	})
}

// following returns the page that is to be asked for now that another has come; nil
// if there is none.
func (a *ahead) following() *early {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		a.open--
		return nil
	}
	e := a.waiting[0]
	a.waiting = a.waiting[1:]
	return e
}

func (e *early) run() {
	defer close(e.done)
	e.loaded, e.err = e.load(func(reason string, until time.Time) {
		select {
		case e.waits <- waiting{reason, until}:
		default: // a run that waits so often has said so
		}
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
	f.ahead.mu.Lock()
	f.ahead.waiting = nil
	f.ahead.mu.Unlock()
	f.ahead.wait.Wait()
	for _, e := range f.ahead.pages {
		if e.loaded != nil {
			f.drop(e.loaded)
		}
	}
	f.ahead.pages = nil
}
