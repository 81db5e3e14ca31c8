package publish

import (
	"context"
	"math"
	"sync"
	"time"
)

// What the usage log holds: every call is counted, by the hour; the newest calls of an
// endpoint are kept one by one.
const (
	keepCalls   = 1000                 // of an endpoint
	keepCallFor = 30 * 24 * time.Hour  // a single call
	keepHours   = 400 * 24 * time.Hour // what was counted
	writeEvery  = 2 * time.Second
	trimEvery   = time.Hour
)

// A Use is one call of an endpoint.
type Use struct {
	EndpointID ID
	At         time.Time // when it began; zero means now
	UserID     string
	KeyID      string
	Via        string // how it came: "http", "mcp" or "chat"
	Status     int    // as HTTP says it, however it came
	ErrorType  string // the stable type of what went wrong; "" if nothing did
	Took       time.Duration
	Rows       int64
	Cached     bool
}

func (u Use) failed() bool { return u.Status >= 400 }

// usage holds what is not written yet.
type usage struct {
	flushing sync.Mutex // held while it is written

	mu      sync.Mutex // guards the fields below
	fresh   map[ID]*counted
	trimmed time.Time
}

// counted are calls of an endpoint.
type counted struct {
	hours map[time.Time]*hour
	calls []Use // the newest keepCalls
}

// An hour counts the calls that came in it.
type hour struct {
	Calls, Errors, Cached, Rows int64
	Took                        histogram
	Last                        time.Time
}

func (h *hour) add(u Use) {
	h.Calls++
	if u.failed() {
		h.Errors++
	}
	if u.Cached {
		h.Cached++
	}
	h.Rows += u.Rows
	h.Took[bucketOf(u.Took)]++
	if u.At.After(h.Last) {
		h.Last = u.At
	}
}

func (h *hour) merge(o hour) {
	h.Calls, h.Errors, h.Cached, h.Rows = h.Calls+o.Calls, h.Errors+o.Errors, h.Cached+o.Cached, h.Rows+o.Rows
	for b, n := range o.Took {
		h.Took[b] += n
	}
	if o.Last.After(h.Last) {
		h.Last = o.Last
	}
}

// A histogram counts calls by how long they took. Each bucket ends a tenth above the
// one before, so that a quantile is at most 5% off, whatever the time.
type histogram map[int]int64

const growth = 1.1

func bucketOf(d time.Duration) int {
	return int(math.Ceil(math.Log(float64(max(d.Microseconds(), 1))) / math.Log(growth)))
}

// quantile returns the time within which that share of the calls was answered.
func (h histogram) quantile(share float64) time.Duration {
	var all int64
	most := 0
	for b, n := range h {
		all, most = all+n, max(most, b)
	}
	if all == 0 {
		return 0
	}
	rank := max(int64(math.Ceil(share*float64(all))), 1)
	for b, seen := 0, int64(0); b <= most; b++ {
		if seen += h[b]; seen >= rank {
			return time.Duration(math.Pow(growth, float64(b)-0.5) * float64(time.Microsecond))
		}
	}
	return 0 // unreachable: all calls are in buckets up to most
}

// Used counts a call. It does not wait for the disk: calls are written together, by
// Summary, Calls, FlushUsage and KeepUsage. What is not written yet is lost if the
// process dies.
func (s *Service) Used(u Use) {
	if u.At.IsZero() {
		u.At = s.now()
	}
	at := u.At.UTC().Truncate(time.Hour)
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	c := s.usage.of(u.EndpointID)
	h := c.hours[at]
	if h == nil {
		h = &hour{Took: histogram{}}
		c.hours[at] = h
	}
	h.add(u)
	if c.calls = append(c.calls, u); len(c.calls) >= 2*keepCalls {
		c.calls = append(make([]Use, 0, 2*keepCalls), c.calls[len(c.calls)-keepCalls:]...)
	}
}

// of returns what is counted of the endpoint. The caller holds mu.
func (u *usage) of(id ID) *counted {
	if u.fresh == nil {
		u.fresh = map[ID]*counted{}
	}
	c := u.fresh[id]
	if c == nil {
		c = &counted{hours: map[time.Time]*hour{}}
		u.fresh[id] = c
	}
	return c
}

// KeepUsage writes what was counted, every two seconds and at the end of ctx.
func (s *Service) KeepUsage(ctx context.Context) error {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// What fails stays for the next time.
			_ = s.FlushUsage(ctx)
		case <-ctx.Done():
			return s.FlushUsage(context.WithoutCancel(ctx))
		}
	}
}
