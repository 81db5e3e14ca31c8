package httpsource_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/httpsource"
)

// numbered serves total records by page number or by offset, with a total.
func numbered(total, size int, before func(n int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := query(r, "offset", (query(r, "page", 1)-1)*size)
		before(from / size)
		fmt.Fprintf(w, `{"items":%s,"total":%d}`, rows(min(from, total), min(from+size, total)), total)
	}
}

func inOrder(t *testing.T, s *sink, total int) {
	t.Helper()
	if len(s.rows) != total {
		t.Errorf("%d rows, want %d", len(s.rows), total)
	}
	for i, id := range ids(t, s) {
		if id != i {
			t.Fatalf("row %d has id %d", i, id)
		}
	}
	for i, p := range s.pages {
		if p.Number != i+1 || s.ends[i].Number != i+1 {
			t.Fatalf("page %d is number %d, ended as %d", i+1, p.Number, s.ends[i].Number)
		}
	}
}

func TestNumberedPagesComeAtOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"?page=1", "?offset=0"} {
		for _, parallel := range []int{1, 3} {
			var open, most atomic.Int64
			var mu sync.Mutex
			asked := map[string]int{}
			gate := make(chan struct{})
			var once sync.Once
			h := numbered(95, 10, func(n int) {
				now := open.Add(1)
				for {
					old := most.Load()
					if now <= old || most.CompareAndSwap(old, now) {
						break
					}
				}
				// The third page holds the others up until as many are open as may be.
				if n >= 2 && parallel > 1 {
					if now == int64(parallel) {
						// Time for one too many to show.
						once.Do(func() { time.AfterFunc(50*time.Millisecond, func() { close(gate) }) })
					}
					<-gate
				}
			})
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				asked[r.RequestURI]++
				mu.Unlock()
				h(w, r)
				open.Add(-1)
			})
			got, out, err := fetch(t, newClient(t), get(t, url+"/"+query, fmt.Sprintf(`"options":{"parallel":%d}`, parallel)), httpsource.Options{})
			if err != nil || out.Verdict.State != httpsource.Complete || out.Verdict.Reason != "total-matched" {
				t.Errorf("%s: %+v, %v", query, out.Verdict, err)
			}
			inOrder(t, got, 95)
			if most.Load() != int64(parallel) {
				t.Errorf("%s: %d requests at once, want %d", query, most.Load(), parallel)
			}
			for uri, n := range asked {
				if n != 1 {
					t.Errorf("%s was asked for %d times", uri, n)
				}
			}
			if out.Requests != 10 {
				t.Errorf("%d requests, want 10", out.Requests)
			}
		}
	}
}

func TestPagesThatAreNotAsForeseenAreAskedForAgain(t *testing.T) {
	t.Parallel()
	// The page at 30 gives only 7 of its 10 records.
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		from := query(r, "offset", 0)
		to := from + 10
		if from == 30 {
			to = 37
		}
		fmt.Fprintf(w, `{"items":%s,"total":85}`, rows(min(from, 85), min(to, 85)))
	})
	got, out, err := fetch(t, newClient(t), get(t, url+"/?offset=0"), httpsource.Options{})
	if err != nil || out.Verdict.Reason != "total-matched" || out.Requests > 9+5 {
		t.Errorf("%+v after %d requests, %v", out.Verdict, out.Requests, err)
	}
	inOrder(t, got, 85)
}

func TestAPageAheadThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, err, reason string
		status, rows      int
		always            bool
	}{
		{"once with 503 is asked for again", "", "total-matched", 503, 95, false},
		{"once with 429 is asked for again", "", "total-matched", 429, 95, false},
		{"for ever with 500 ends the run after the pages before", "upstream-status", "", 500, 50, true},
		{"with 404 is where the source ends", "incomplete-fewer-than-total", "fewer-than-total", 404, 50, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			var failed atomic.Bool
			h := numbered(95, 10, func(int) {})
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if query(r, "page", 1) >= 6 && (c.always || failed.CompareAndSwap(false, true)) {
					w.WriteHeader(c.status)
					return
				}
				h(w, r)
			})
			got, out, err := fetch(t, newClient(t), get(t, url+"/?page=1", `"options":{"retry":{"attempts":3}}`), httpsource.Options{})
			if errType(err) != c.err || out.Verdict.Reason != c.reason {
				t.Errorf("%+v, %v", out.Verdict, err)
			}
			inOrder(t, got, c.rows)
		})
	}
}

func TestNoMoreIsAskedForThanALimitAllows(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]int64{`"pages":3`: 3, `"records":25`: 3, `"records":30`: 3} {
		var hits atomic.Int64
		url := serve(t, numbered(1000, 10, func(int) { hits.Add(1) }))
		_, out, err := fetch(t, newClient(t), get(t, url+"/?page=1", `"options":{"limits":{`+limit+`}}`), httpsource.Options{})
		if err != nil || out.Verdict.State != httpsource.Limited || hits.Load() != want || out.Requests != want {
			t.Errorf("%s: %d requests, %+v, %v; want %d", limit, hits.Load(), out.Verdict, err, want)
		}
	}
}

func TestAQuotaHoldsPagesAheadBack(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var moments []time.Time
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		moments = append(moments, time.Now())
		n := len(moments)
		mu.Unlock()
		// Four requests in each window of 0.3 seconds.
		w.Header().Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=0.3`, max(4-n%5, 0)))
		numbered(95, 10, func(int) {})(w, r)
	})
	got, _, err := fetch(t, newClient(t), get(t, url+"/?page=1"), httpsource.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, got, 95)
	if !slices.ContainsFunc(got.waits, func(w string) bool { return strings.Contains(w, "rate limit is used up") }) {
		t.Errorf("waits %q", got.waits)
	}
}

// told passes on that a Fetch waits.
type told struct {
	sink
	waits chan string
}

func (s *told) Waiting(reason string, _ time.Time) { s.waits <- reason }

func TestAPauseThatOneRunIsAskedForHoldsForTheOthers(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if hits.Add(1) == 1 {
			w.Header().Set("Retry-After", "0.5")
			w.WriteHeader(429)
			return
		}
		fmt.Fprint(w, `[1]`)
	})
	c := newClient(t)
	first, second := &told{waits: make(chan string, 9)}, &told{waits: make(chan string, 9)}
	done := make(chan error, 1)
	go func() {
		_, err := c.Fetch(t.Context(), get(t, url), httpsource.Options{}, first)
		done <- err
	}()
	<-first.waits
	if _, err := c.Fetch(t.Context(), get(t, url), httpsource.Options{}, second); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(second.waits) == 0 || !strings.Contains(<-second.waits, "asked for a pause") {
		t.Error("the other run did not wait")
	}
	other := &told{waits: make(chan string, 9)}
	if _, err := c.Fetch(t.Context(), get(t, url, `"authType":"bearer","auth":{"bearerToken":"another-caller"}`), httpsource.Options{}, other); err != nil || len(other.waits) > 0 {
		t.Errorf("another caller waits too: %v", err)
	}
}

func TestARunGoesOnBehindAnyPage(t *testing.T) {
	t.Parallel()
	page := func(r *http.Request, name string) int { return query(r, name, 0) }
	sources := map[string]struct {
		h       http.HandlerFunc
		request string
	}{
		"page":   {numbered(95, 10, func(int) {}), `"url":"URL/?page=1&api_key=query-secret-1","method":"GET"`},
		"offset": {numbered(95, 10, func(int) {}), `"url":"URL/?offset=0","method":"GET"`},
		"next_url": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("api_key") != "query-secret-1" {
				w.WriteHeader(401)
				return
			}
			n, next := page(r, "p"), "null"
			if n < 9 {
				next = fmt.Sprintf(`"/?p=%d&api_key=query-secret-1"`, n+1)
			}
			fmt.Fprintf(w, `{"items":%s,"next":%s}`, rows(n*10, min(n*10+10, 95)), next)
		}, `"url":"URL/","method":"GET","parameters":{"api_key":"query-secret-1"}`},
		"cursor": {func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Q      string
				Cursor int
			}
			_ = json.NewDecoder(r.Body).Decode(&in)
			fmt.Fprintf(w, `{"items":%s,"next_cursor":%d,"has_more":%v}`, rows(in.Cursor*10, min(in.Cursor*10+10, 95)), in.Cursor+1, in.Cursor < 9)
		}, `"url":"URL/","method":"POST","body":{"content":{"q":"body","password":"body-secret-2"}}`},
		// Only the first page names the total; one page is short and one is empty.
		"link_header": {func(w http.ResponseWriter, r *http.Request) {
			n := page(r, "p")
			from, to := n*10, min(n*10+10, 95)
			switch n {
			case 0:
				w.Header().Set("X-Total-Count", "95")
			case 1:
				to = 15
			case 2:
				from, to = 15, 15
			case 3:
				from = 15
			}
			if n < 9 {
				w.Header().Set("Link", fmt.Sprintf(`</?p=%d>; rel=next`, n+1))
			}
			fmt.Fprint(w, rows(from, to))
		}, `"url":"URL/","method":"GET"`},
		"last_row": {func(w http.ResponseWriter, r *http.Request) {
			from := query(r, "starting_after", -1) + 1
			fmt.Fprintf(w, `{"data":%s,"has_more":%v}`, rows(from, min(from+10, 95)), from < 85)
		}, `"url":"URL/","method":"GET"`},
	}
	for kind, c := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := serve(t, c.h)
			s := spec(t, `{`+c.request+`,"authType":"bearer","auth":{"bearerToken":"bearer-secret-3"}}`, url)
			whole, out, err := fetch(t, newClient(t), s, httpsource.Options{})
			if err != nil || string(out.Detected.Pagination.Setting.Kind) != kind {
				t.Fatalf("%v, found %+v", err, out.Detected.Pagination)
			}
			inOrder(t, whole, 95)
			if whole.ends[0].Next != "" || whole.ends[len(whole.ends)-1].Next != "" {
				t.Error("there is a place to go on from where none is known or none follows")
			}
			for i, end := range whole.ends[1 : len(whole.ends)-1] {
				if strings.Contains(end.Next, "-secret-") || end.Next == "" {
					t.Fatalf("page %d: %q", i+2, end.Next)
				}
				rest, again, err := fetch(t, newClient(t), s, httpsource.Options{Resume: end.Next})
				if diff := cmp.Diff(out.Verdict, again.Verdict); diff != "" {
					t.Errorf("behind page %d the verdict differs (-whole +resumed):\n%s", i+2, diff)
				}
				if err != nil || again.Records != 95 || again.Pages != out.Pages || again.Bytes != out.Bytes {
					t.Fatalf("behind page %d: %+v, %d records, %d bytes, %v; want %+v", i+2, again.Verdict, again.Records, again.Bytes, err, out.Verdict)
				}
				if got := ids(t, rest); kind != "link_header" && got[0] != (i+2)*10 || len(got) != 95-got[0] || rest.pages[0].Number != i+3 {
					t.Fatalf("behind page %d: rows %v", i+2, got)
				}
				if settled := again.Settle(s); settled.Options.Pagination.Kind != out.Settle(s).Options.Pagination.Kind || settled.ResponsePath != out.Settle(s).ResponsePath {
					t.Errorf("settled as %+v", settled.Options.Pagination)
				}
			}
			changed := spec(t, strings.Replace(`{`+c.request+`}`, `URL/`, `URL/other`, 1), url)
			if _, _, err := fetch(t, newClient(t), changed, httpsource.Options{Resume: whole.ends[1].Next}); errType(err) != "resume-stale" {
				t.Errorf("another request: %v, want resume-stale", err)
			}
		})
	}
	if _, _, err := fetch(t, newClient(t), get(t, "http://127.0.0.1/"), httpsource.Options{Resume: "{"}); errType(err) != "resume-stale" {
		t.Errorf("no bookmark at all: %v", err)
	}
}
