package job

import (
	"context"
	"sync"
)

// Subscribe returns the job's events: first the stored ones after afterSeq (0:
// all), then new ones as they happen, among them EventProgress, of which a slow
// reader gets only the newest. The channel closes after the job's terminal
// event, which is sent even if afterSeq lies behind it; when ctx is done; or when
// Run ends. Subscribers are never waited for. It fails with errs.NotFound.
func (r *Runner) Subscribe(ctx context.Context, id ID, afterSeq int64) (<-chan Event, error) {
	// Listening begins before the first look, so that nothing falls between.
	wake, quit := r.hub.listen(id)
	j, err := r.Get(ctx, id)
	if err != nil {
		quit()
		return nil, err
	}
	events := make(chan Event)
	s := &subscription{runner: r, id: id, wake: wake, out: events, stored: afterSeq, sent: afterSeq}
	go func() { // ends with ctx, the job, or Run: see deliver
		defer quit()
		defer close(events)
		s.deliver(ctx, j.Status.Terminal())
	}()
	return events, nil
}

// subscription is one reader of one job's events.
type subscription struct {
	runner *Runner
	id     ID
	wake   <-chan struct{}
	out    chan<- Event
	stored int64 // stored events up to this one were sent
	sent   int64 // the greatest number sent, live ones included
}

// deliver sends events until the end. over says that the job has ended.
func (s *subscription) deliver(ctx context.Context, over bool) {
	for {
		ended, err := s.sendStored(ctx)
		if err != nil && ctx.Err() == nil {
			s.runner.cfg.Log.Warn("a subscription ended early", "job", s.id, "err", err)
		}
		if ended || err != nil {
			return
		}
		if over {
			s.repeatEnd(ctx)
			return
		}
		if p, ok := s.runner.hub.latest(s.id); ok && p.event.Seq > s.sent {
			if !s.send(ctx, p.event) {
				return
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		case <-s.runner.hub.closed:
			// What the last jobs left is still told.
			_, _ = s.sendStored(ctx)
			return
		}
	}
}

// sendStored sends the stored events that are new. It reports whether the
// terminal one was among them, or nobody wants to hear more.
func (s *subscription) sendStored(ctx context.Context) (ended bool, err error) {
	for {
		events, err := s.runner.Events(ctx, s.id, s.stored)
		if err != nil {
			return false, err
		}
		for _, e := range events {
			if !s.send(ctx, e) {
				return true, nil
			}
			s.stored = e.Seq
			if e.Terminal() {
				return true, nil
			}
		}
		if len(events) < eventsAtOnce {
			return false, nil
		}
	}
}

// repeatEnd sends the terminal event of a job that ended before afterSeq: a
// client that reconnects must learn that there is no more.
func (s *subscription) repeatEnd(ctx context.Context) {
	last, err := s.runner.events(ctx, `job_id = ? AND name IN (?, ?) ORDER BY seq DESC LIMIT 1`, s.id, EventCompleted, EventFailed)
	if err == nil && len(last) == 1 {
		s.send(ctx, last[0])
	}
}

func (s *subscription) send(ctx context.Context, e Event) bool {
	select {
	case s.out <- e:
		s.sent = max(s.sent, e.Seq)
		return true
	case <-ctx.Done():
		return false
	}
}

// report is the newest progress of a running job.
type report struct {
	report Progress
	event  Event
}

// A hub wakes the subscribers of a job and holds its newest progress. It holds
// no queue: a subscriber that sleeps through ten changes is woken once.
type hub struct {
	closed chan struct{}

	mu      sync.Mutex // guards the fields below
	wakers  map[ID]map[chan struct{}]bool
	reports map[ID]report
}

func newHub() *hub {
	return &hub{closed: make(chan struct{}), wakers: map[ID]map[chan struct{}]bool{}, reports: map[ID]report{}}
}

// listen returns a channel that has something in it after each wake of the job.
func (h *hub) listen(id ID) (wake <-chan struct{}, quit func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wakers[id] == nil {
		h.wakers[id] = map[chan struct{}]bool{}
	}
	h.wakers[id][c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.wakers[id], c)
		if len(h.wakers[id]) == 0 {
			delete(h.wakers, id)
		}
	}
}

func (h *hub) wake(ids ...ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		h.wakeLocked(id)
	}
}

func (h *hub) wakeLocked(id ID) {
	for c := range h.wakers[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (h *hub) progress(id ID, p Progress, e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reports[id] = report{p, e}
	h.wakeLocked(id)
}

func (h *hub) latest(id ID) (report, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.reports[id]
	return r, ok
}

// forget drops the progress of a job that is not running any more.
func (h *hub) forget(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reports, id)
}

// close lets every subscriber go.
func (h *hub) close() { close(h.closed) }
