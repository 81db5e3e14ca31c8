package api

import "time"

// What the tests of this folder see of the inside.
var (
	StatusOf  = statusOf
	ProblemOf = problemOf
)

// MaxLimited is how many keys a Limiter remembers.
const MaxLimited = maxLimited

// A Limiter is the one of every key's requests.
type Limiter struct{ l limiter }

// Take counts a request.
func (l *Limiter) Take(key string, perMinute int, now time.Time) (int, time.Duration) {
	return l.l.take(key, perMinute, now)
}

// Keys is how many keys it remembers.
func (l *Limiter) Keys() int { return len(l.l.keys) }
