package httpsource

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// paces are the bounds on how fast sources are asked, shared by all runs.
type paces struct {
	mu      sync.Mutex
	buckets map[string]*bucket // by host
	quotas  map[string]*pace   // by origin and credentials: a source counts callers, not machines
}

// A bucket is the token bucket of a host. While several runs with a rate of
// their own ask the same host, the lowest rate counts for all of them.
type bucket struct {
	limiter *rate.Limiter
	rates   []float64 // of the runs that are at work
}

// enter makes a run with a rate share the host's bucket until leave is called.
func (p *paces) enter(host string, perSecond float64) (limiter *rate.Limiter, leave func()) {
	if perSecond <= 0 {
		return nil, func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[host]
	if !ok {
		b = &bucket{limiter: rate.NewLimiter(rate.Limit(perSecond), 1)}
		p.buckets[host] = b
	}
	b.rates = append(b.rates, perSecond)
	b.limiter.SetLimit(rate.Limit(slices.Min(b.rates)))
	return b.limiter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		b.rates = slices.Delete(b.rates, slices.Index(b.rates, perSecond), slices.Index(b.rates, perSecond)+1)
		if len(b.rates) > 0 {
			b.limiter.SetLimit(rate.Limit(slices.Min(b.rates)))
		}
	}
}

// maxPaces bounds what is remembered about sources.
const maxPaces = 4096

// quota returns what is known about the quota of a caller at an origin.
func (p *paces) quota(key string) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, ok := p.quotas[key]
	if !ok {
		if len(p.quotas) >= maxPaces {
			clear(p.quotas) // the answers tell it again
		}
		q = &pace{}
		p.quotas[key] = q
	}
	return q
}

// A pace is what a source said about how much a caller may still ask.
type pace struct {
	mu      sync.Mutex
	q       quota
	open    int64     // requests on their way
	blocked time.Time // ask nothing before
}

// hold keeps requests back until a moment.
func (p *pace) hold(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.blocked) {
		p.blocked = until
	}
}

// take waits until one more request is within the quota, at most longest, and
// counts it. The caller tells the end of the request with done.
func (p *pace) take(ctx context.Context, now func() time.Time, longest time.Duration, say notify) error {
	p.mu.Lock()
	moment := now()
	wait, why := p.blocked.Sub(moment), "the source asked for a pause"
	if p.q.known && p.q.left <= 0 && p.q.reset.Sub(moment) > max(wait, 0) {
		wait, why = p.q.reset.Sub(moment), "the source's rate limit is used up"
	}
	if wait <= 0 && p.q.known {
		p.q.left--
	}
	p.open++
	p.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	if err := sleep(ctx, why, moment, min(wait, longest), say); err != nil {
		p.done(nil)
		return err
	}
	return nil
}

// done notes the end of a request and what its answer said; nil says nothing.
func (p *pace) done(q *quota) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	if q == nil || !q.known {
		return
	}
	// Requests that are still on their way may not be counted in yet.
	q.left -= p.open
	p.q = *q
}
