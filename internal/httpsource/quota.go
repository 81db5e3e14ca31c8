package httpsource

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A quota is what a source says about how much it will still answer.
type quota struct {
	known bool
	left  int64     // requests
	reset time.Time // when there will be more; zero if it does not say
}

// readQuota reads the rate limit headers that are in use: the fields and the two
// structured forms of the IETF drafts, and the X- variants with a reset as
// seconds, as a moment in seconds or milliseconds, or as a date. Of several
// quotas the tightest counts.
func readQuota(h http.Header, now time.Time) quota {
	var tightest quota
	add := func(q quota) {
		if q.known && (!tightest.known || q.left < tightest.left || q.left == tightest.left && q.reset.After(tightest.reset)) {
			tightest = q
		}
	}
	for _, prefix := range []string{"Ratelimit-", "X-Ratelimit-", "X-Rate-Limit-"} {
		// "Reset-After" before "Reset": where both are sent, the first is exact.
		add(pairQuota(h.Get(prefix+"Remaining"), firstOf(h.Get(prefix+"Reset-After"), h.Get(prefix+"Reset")), now))
	}
	for _, item := range strings.Split(strings.Join(h.Values("Ratelimit"), ","), `,"`) {
		add(itemQuota(item, now))
	}
	return tightest
}

func pairQuota(left, reset string, now time.Time) quota {
	// Some sources list one number for each of several windows.
	left, _, _ = strings.Cut(left, ",")
	reset, _, _ = strings.Cut(reset, ";")
	n, err := strconv.ParseFloat(strings.TrimSpace(left), 64)
	if err != nil || n != n {
		return quota{}
	}
	return quota{known: true, left: int64(min(max(n, 0), 1<<40)), reset: resetTime(strings.TrimSpace(reset), now)}
}

// itemQuota reads "limit=100, remaining=0, reset=5" and `"default";r=0;t=5`.
func itemQuota(item string, now time.Time) quota {
	left, reset := "", ""
	for part := range strings.FieldsFuncSeq(item, func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "r", "remaining":
			left = value
		case "t", "reset":
			reset = value
		}
	}
	return pairQuota(left, reset, now)
}

// resetTime is the moment that a reset names; zero if it names none.
func resetTime(text string, now time.Time) time.Time {
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err == nil && n > 1e12: // a moment in milliseconds
		return time.UnixMilli(int64(min(n, 1e14)))
	case err == nil && n > 1e9: // a moment, not a duration
		return time.Unix(int64(n), 0)
	case err == nil && n > 0:
		return now.Add(seconds(n))
	}
	for _, layout := range []string{http.TimeFormat, time.RFC3339, time.RFC1123Z} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
