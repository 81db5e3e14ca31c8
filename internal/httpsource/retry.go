package httpsource

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"millwright/internal/errs"
)

// retryableStatus reports whether a status may be better the next time.
func retryableStatus(status int) bool {
	switch status {
	case 408, 425, 429, 500, 502, 503, 504:
		return true
	}
	return false
}

func retryableError(err error) bool {
	e, ok := errs.Find(err)
	if !ok {
		return false
	}
	switch e.Type {
	case "connection-refused", "connection-lost", "upstream-timeout", "dns-failed", "body-truncated", "idle-timeout", "host-unreachable":
		return true
	}
	return false
}

// mayRepeat reports whether the request can be sent twice without harm: its
// method is idempotent by RFC 9110, or a person said so.
func (a *asker) mayRepeat() bool {
	switch a.spec.Method {
	case "GET", "HEAD", "OPTIONS":
		return true
	case "PUT", "DELETE":
		return !a.spec.Options.Retry.Unsafe
	}
	return a.spec.Options.Retry.Safe
}

// retryAfter reads Retry-After in seconds or as a date, or the milliseconds that
// some sources send beside it. It reports false for what is none of these.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64); err == nil && !math.IsNaN(n) {
			return seconds(n / 1000), true
		}
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	// A number that is too large for any type still means a wait.
	if n, err := strconv.ParseFloat(text, 64); (err == nil || math.IsInf(n, 0)) && !math.IsNaN(n) {
		return seconds(n), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// seconds is n seconds, at least none and at most some centuries.
func seconds(n float64) time.Duration {
	return time.Duration(min(max(n, 0), 1<<33) * float64(time.Second))
}

// pause waits before attempt number n is repeated. It reports false if the
// source asks for a longer wait than allowed.
func (a *asker) pause(ctx context.Context, n int, why string, c call, h http.Header, say notify) (bool, error) {
	longest := a.longestWait()
	now := a.client.cfg.Now()
	wait := a.client.cfg.Backoff << min(n, 20)
	wait = min(wait, longest)
	wait = wait/2 + rand.N(wait/2+1)
	asked, ok := retryAfter(h, now)
	header := "Retry-After"
	if !ok {
		if q := readQuota(h, now); q.known && q.left == 0 && q.reset.After(now) {
			asked, ok, header = q.reset.Sub(now), true, "rate limit"
		}
	}
	if ok {
		if asked > longest {
			return false, nil
		}
		wait, why = max(asked, time.Millisecond), why+"; the source asked for this wait ("+header+")"
		// Other requests of this run to the same place wait too.
		a.pace(c).hold(now.Add(wait))
	}
	return true, sleep(ctx, why, now, wait, say)
}

// longestWait is the longest that one wait may take.
func (a *asker) longestWait() time.Duration {
	return firstOf(a.spec.Options.Retry.MaxWait, 2*time.Minute)
}

// sleep says why it waits, and waits.
func sleep(ctx context.Context, why string, now time.Time, d time.Duration, say notify) error {
	say(why, now.Add(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return canceled(ctx)
	case <-t.C:
		return nil
	}
}
