package evil

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"millwright/internal/httpsource"
)

// ahead are numbered pages that may be asked for at once, from sources that do
// not like it. There are 40 pages of 10 records; page 1 tells.
func ahead() []Behaviour {
	const last = 40
	// serve answers page n, from 1, unless odd did.
	serve := func(odd func(w http.ResponseWriter, n int, s *Source) bool) func(http.ResponseWriter, *http.Request, *Source) {
		return func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "page", 1)
			if odd != nil && odd(w, n, s) {
				return
			}
			fmt.Fprintf(w, `{"total":%d,"total_pages":%d,"items":%s}`, last*10, last, s.rows(min((n-1)*10, last*10), min(n*10, last*10)))
		}
	}
	// on fails the first time that a page of number n is asked for.
	on := func(at int, fail func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request, *Source) {
		var done atomic.Bool
		return func(w http.ResponseWriter, r *http.Request, s *Source) {
			serve(func(w http.ResponseWriter, n int, _ *Source) bool {
				if n != at || done.Swap(true) {
					return false
				}
				fail(w)
				return true
			})(w, r, s)
		}
	}
	code := func(c int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(c)
		}
	}
	always := func(at int, answer func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request, *Source) {
		return serve(func(w http.ResponseWriter, n int, _ *Source) bool {
			if n == at {
				answer(w)
			}
			return n == at
		})
	}
	const page = "/?page=1"
	whole := Want{State: httpsource.Complete}
	var running atomic.Int64
	return group("ahead",
		Behaviour{Name: "good", Path: page, Want: whole, http: serve(nil)},
		Behaviour{Name: "in-another-order", Path: page, Want: whole, http: serve(func(_ http.ResponseWriter, n int, s *Source) bool {
			t := time.NewTimer(time.Duration(n%5) * 10 * time.Millisecond)
			defer t.Stop()
			select {
			case <-t.C:
			case <-s.stop:
			}
			return false
		})},
		Behaviour{Name: "429-once", Path: page, Want: whole, http: on(17, code(429))},
		Behaviour{Name: "503-once", Path: page, Want: whole, http: on(17, code(503))},
		Behaviour{Name: "reset-once", Path: page, Want: whole, http: on(23, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "5000")
			write(w, `{"total":400,"items":[{"id":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})},
		Behaviour{Name: "429-for-two-at-once", Path: page, Options: `"retry":{"attempts":50}`, Want: whole, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			defer running.Add(-1)
			if running.Add(1) > 1 && number(r, "page", 1) > 1 {
				code(429)(w)
				return
			}
			serve(nil)(w, r, s)
		}},
		Behaviour{Name: "500-forever-on-one-page", Path: page, Want: fails("upstream-status"), http: always(17, code(500))},
		Behaviour{Name: "404-in-the-middle", Path: page, Want: fails("incomplete-fewer-than-total"), http: always(17, code(404))},
		Behaviour{Name: "an-empty-page-in-the-middle", Path: page, Want: fails("incomplete-fewer-than-total"), http: always(17, func(w http.ResponseWriter) { write(w, `{"total":400,"total_pages":40,"items":[]}`) })},
		Behaviour{Name: "an-error-with-200-in-the-middle", Path: page, Want: fails("incomplete-page-without-records", "incomplete-fewer-than-total"), http: always(17, func(w http.ResponseWriter) { write(w, `{"error":"busy"}`) })},
		Behaviour{Name: "html-in-the-middle", Path: page, Want: fails("not-json"), http: always(17, func(w http.ResponseWriter) { write(w, `<html>`) })},
		Behaviour{Name: "the-same-page-again", Path: page, Want: fails("incomplete-repeated-page"), http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := min(number(r, "page", 1), 9)
			fmt.Fprintf(w, `{"total":%d,"total_pages":%d,"items":%s}`, last*10, last, s.rows((n-1)*10, n*10))
		}},
		Behaviour{Name: "a-bomb-in-the-middle", Path: page, Limits: httpsource.Limits{RecordBytes: 64 << 20}, Want: fails("compression-ratio"), http: always(17, func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			write(w, packed(blanks(bombMB), "gzip"))
		})},
		Behaviour{Name: "a-total-of-10^15-pages", Path: page, Options: `"limits":{"pages":30}`, Want: Want{State: httpsource.Limited}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "page", 1)
			fmt.Fprintf(w, `{"total":1000000000000000,"total_pages":100000000000000,"items":%s}`, s.rowsOnce(n, 30))
		}},
	)
}

// rowsOnce writes page n of 10 records and notes them if the page is one of the
// first so many: a source may be asked ahead for pages that nobody takes.
func (s *Source) rowsOnce(n, first int) string {
	if n <= first {
		return s.rows((n-1)*10, n*10)
	}
	return new(Source).rows((n-1)*10, n*10)
}
