package api

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

// maxLimited is how many keys a limiter remembers.
const maxLimited = 10_000

// A limiter lets each key make so many requests a minute, all at once if it likes.
// Its zero value has seen no key yet. It is safe for concurrent use.
type limiter struct {
	mu   sync.Mutex // guards the field below
	keys map[tenant.ID]*rate.Limiter
}

// take counts a request of the key. It returns how many more there may be now, and,
// if this one is too many, after which time the next may come.
func (l *limiter) take(key tenant.ID, perMinute int, now time.Time) (left int, wait time.Duration) {
	b := l.bucket(key, perMinute, now)
	r := b.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return max(0, int(b.TokensAt(now))), wait
}

func (l *limiter) bucket(key tenant.ID, perMinute int, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.keys[key]; ok && b.Burst() == perMinute {
		return b
	}
	if len(l.keys) >= maxLimited {
		l.forget(now)
	}
	if l.keys == nil {
		l.keys = map[tenant.ID]*rate.Limiter{}
	}
	b := rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
	l.keys[key] = b
	return b
}

// forget drops the keys that have all their requests left, who lose nothing by it,
// or, if all are busy, any one.
func (l *limiter) forget(now time.Time) {
	for key, b := range l.keys {
		if int(b.TokensAt(now)) >= b.Burst() {
			delete(l.keys, key)
		}
	}
	for key := range l.keys {
		if len(l.keys) < maxLimited {
			return
		}
		delete(l.keys, key)
	}
}

// limit fails with errs.Busy if the key has made too many requests. It says in the
// answer's headers how many it has left (draft-ietf-httpapi-ratelimit-headers).
func (s *Server) limit(who tenant.Identity, setHeader func(name, value string)) error {
	perMinute := who.RatePerMinute
	if perMinute == 0 {
		perMinute = s.RatePerMinute
	}
	if perMinute <= 0 {
		return nil
	}
	left, wait := s.limits.take(who.KeyID, perMinute, s.Now())
	full := math.Ceil(float64(perMinute-left) * 60 / float64(perMinute))
	setHeader("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=60`, perMinute))
	setHeader("RateLimit", fmt.Sprintf(`"key";r=%d;t=%.0f`, left, full))
	if wait == 0 {
		return nil
	}
	return errs.New(errs.Busy, "this key may make %d requests a minute, and has", perMinute).Named("rate-limited").After(wait).
		Fix("wait for as long as Retry-After says", "or make a key with a higher limit: millwright keys create NAME --rate N")
}
