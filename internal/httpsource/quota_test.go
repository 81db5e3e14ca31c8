package httpsource

import (
	"net/http"
	"testing"
	"time"
)

func TestQuotasAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	cases := []struct {
		rule string
		h    map[string]string
		want quota
	}{
		{"nothing", nil, quota{}},
		{"the IETF fields", map[string]string{"RateLimit-Remaining": "3", "RateLimit-Reset": "50"}, quota{true, 3, at(50 * time.Second)}},
		{"one IETF field", map[string]string{"RateLimit": "limit=100, remaining=0, reset=5"}, quota{true, 0, at(5 * time.Second)}},
		{"a structured IETF field", map[string]string{"RateLimit": `"default";r=50;t=30`}, quota{true, 50, at(30 * time.Second)}},
		{"of several quotas the tightest", map[string]string{"RateLimit": `"hour";r=50;t=3000, "second";r=0;t=1`}, quota{true, 0, at(time.Second)}},
		{"X- with seconds", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1.5"}, quota{true, 0, at(1500 * time.Millisecond)}},
		{"X- with a moment", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767323105"}, quota{true, 0, time.Unix(1767323105, 0)}},
		{"X- with a moment in milliseconds", map[string]string{"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1767323105123"}, quota{true, 0, time.UnixMilli(1767323105123)}},
		{"X- with a date", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "Fri, 02 Jan 2026 03:04:10 GMT"}, quota{true, 0, at(5 * time.Second)}},
		{"X- with an ISO date", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-01-02T03:04:10Z"}, quota{true, 0, at(5 * time.Second)}},
		{"reset-after before reset", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767323999", "X-RateLimit-Reset-After": "2"}, quota{true, 0, at(2 * time.Second)}},
		{"several windows in one field", map[string]string{"X-RateLimit-Remaining": "0, 499", "X-RateLimit-Reset": "1"}, quota{true, 0, at(time.Second)}},
		{"no reset", map[string]string{"X-RateLimit-Remaining": "0"}, quota{known: true}},
		{"garbage", map[string]string{"X-RateLimit-Remaining": "many", "RateLimit": `";;=,\"`, "X-RateLimit-Reset": "soon"}, quota{}},
		{"not a number", map[string]string{"X-RateLimit-Remaining": "NaN", "X-RateLimit-Reset": "NaN"}, quota{}},
		{"below nothing", map[string]string{"X-RateLimit-Remaining": "-4", "X-RateLimit-Reset": "-1"}, quota{known: true}},
		{"without end", map[string]string{"X-RateLimit-Remaining": "1e300", "X-RateLimit-Reset": "1e300"}, quota{true, 1 << 40, time.UnixMilli(1e14)}},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for name, v := range c.h {
				h.Set(name, v)
			}
			if got := readQuota(h, now); got.known != c.want.known || got.left != c.want.left || !got.reset.Equal(c.want.reset) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRetryAfterIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": -1, "soon": -1, "NaN": -1, "0": 0, "7": 7 * time.Second, " 1.5 ": 1500 * time.Millisecond, "-5": 0,
		"Fri, 02 Jan 2026 03:04:10 GMT": 5 * time.Second, "Friday, 02-Jan-26 03:04:10 GMT": 5 * time.Second, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
		"1000000000000": seconds(1 << 33), "1e400": seconds(1 << 33),
	} {
		got, ok := retryAfter(http.Header{"Retry-After": {text}}, now)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, ok, want)
		}
	}
	if got, ok := retryAfter(http.Header{"Retry-After": {"9"}, "Retry-After-Ms": {"250"}}, now); !ok || got != 250*time.Millisecond {
		t.Errorf("milliseconds: %v, %v", got, ok)
	}
}

func TestABucketIsSharedAtTheLowestRate(t *testing.T) {
	t.Parallel()
	p := paces{buckets: map[string]*bucket{}}
	a, leaveA := p.enter("h", 100)
	b, leaveB := p.enter("h", 2)
	if a != b || a.Limit() != 2 {
		t.Errorf("the bucket has the rate %v, want the lower of two", a.Limit())
	}
	leaveB()
	if a.Limit() != 100 {
		t.Errorf("after the slow run: %v, want 100", a.Limit())
	}
	leaveA()
	if other, _ := p.enter("other", 5); other == a {
		t.Error("two hosts share a bucket")
	}
	if none, leave := p.enter("h", 0); none != nil {
		t.Error("a run without a rate has one")
	} else {
		leave()
	}
}
