package evil

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"millwright/internal/httpsource"
)

// number is a whole number in the query.
func number(r *http.Request, name string, or int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return or
	}
	return n
}

// page is page n, from 0, of 25 records in pages of 10.
func (s *Source) page(n int) string { return s.rows(min(n*10, 25), min(n*10+10, 25)) }

// pages are sources that page badly and are connected to without any setting.
func pages() []Behaviour {
	type handler = func(http.ResponseWriter, *http.Request, *Source)
	// at serves page n of a source that is asked with ?page=n, from 0.
	at := func(f func(s *Source, n int) string) handler {
		return func(w http.ResponseWriter, r *http.Request, s *Source) { write(w, f(s, number(r, "page", 0))) }
	}
	next := func(rows, next string) string { return fmt.Sprintf(`{"items":%s,"next":%s}`, rows, next) }
	whole := Want{State: httpsource.Complete}
	again, repeated := fails("incomplete-repeated-token"), fails("incomplete-repeated-page")
	return group("paging",
		Behaviour{Name: "same-cursor-forever", Want: again, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			fmt.Fprintf(w, `{"items":%s,"next_cursor":"1"}`, s.page(number(r, "cursor", 0)))
		}},
		Behaviour{Name: "cursor-a-b-a-b", Want: again, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "cursor", 0)
			fmt.Fprintf(w, `{"items":%s,"next_cursor":"%d"}`, s.page(n%3), n%2+1)
		}},
		Behaviour{Name: "new-cursors-same-rows", Want: repeated, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "cursor", 0)
			fmt.Fprintf(w, `{"items":%s,"next_cursor":"%d"}`, s.page(min(n, 1)), n+1)
		}},
		Behaviour{Name: "next-to-itself", Want: again, http: at(func(s *Source, _ int) string { return next(s.page(0), `"/"`) })},
		Behaviour{Name: "next-to-another-host", Want: fails("incomplete-next-url-other-origin"), http: at(func(s *Source, _ int) string { return next(s.page(0), `"http://other.invalid/?page=1"`) })},
		Behaviour{Name: "next-to-another-port", Want: fails("incomplete-next-url-other-origin"), http: at(func(s *Source, _ int) string { return next(s.page(0), `"http://127.0.0.1:1/?page=1"`) })},
		Behaviour{Name: "next-to-a-private-address", Options: `"pagination":{"kind":"next_url","path":"next","cross_origin":true}`, Want: fails("address-not-allowed"),
			http: at(func(s *Source, _ int) string { return next(s.page(0), `"http://10.0.0.1/?page=1"`) })},
		Behaviour{Name: "next-to-file", Options: `"pagination":{"kind":"next_url","path":"next","cross_origin":true}`, Want: fails("incomplete-next-url-invalid"),
			http: at(func(s *Source, _ int) string { return next(s.page(0), `"file:///etc/passwd"`) })},
		Behaviour{Name: "next-is-a-megabyte", Want: fails("incomplete-more-announced", "upstream-status", "bad-http", "connection-lost"),
			http: at(func(s *Source, _ int) string {
				return `{"has_more":true,` + next(s.page(0), `"?page=1&x=`+strings.Repeat("x", 1<<20)+`"`)[1:]
			})},
		Behaviour{Name: "next-with-another-token-each-time", Options: `"limits":{"pages":50}`, Want: fails("incomplete-repeated-page"), http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			fmt.Fprint(w, next(s.page(min(number(r, "page", 0), 2)), fmt.Sprintf(`"?page=%d&rand=%d"`, number(r, "page", 0)+1, s.Asked())))
		}},
		Behaviour{Name: "empty-pages-forever", Want: Want{State: httpsource.CompleteUnverified, Reason: "empty-page"}, http: at(func(s *Source, n int) string { return next(s.page(n), fmt.Sprintf(`"?page=%d"`, n+1)) })},
		Behaviour{Name: "empty-page-in-the-middle", Want: whole, http: at(func(s *Source, n int) string {
			return next([]string{s.rows(0, 5), "[]", s.rows(5, 9)}[n], []string{`"?page=1"`, `"?page=2"`, "null"}[n])
		})},
		Behaviour{Name: "short-page-in-the-middle", Want: whole, http: at(func(s *Source, n int) string {
			return next([]string{s.rows(0, 5), s.rows(5, 6), s.rows(6, 11)}[n], []string{`"?page=1"`, `"?page=2"`, "null"}[n])
		})},
		Behaviour{Name: "a-record-on-two-pages", Want: whole, http: at(func(s *Source, n int) string {
			if n == 0 {
				return next(s.rows(0, 10), `"?page=1"`)
			}
			s.again(record(9))
			return next(s.rows(9, 20), "null")
		})},
		Behaviour{Name: "total-grows", Path: "/?offset=0", Want: Want{State: httpsource.Complete, Reason: "total-matched"}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":%d}`, s.rows(min(n, 25), min(n+10, 25)), min(11+n, 25))
		}},
		Behaviour{Name: "total-minus-1", Path: "/?offset=0", Want: Want{State: httpsource.CompleteUnverified}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":-1}`, s.rows(min(n, 25), min(n+10, 25)))
		}},
		Behaviour{Name: "total-of-10^18", Path: "/?offset=0", Want: fails("incomplete-fewer-than-total"), http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":1000000000000000000}`, s.rows(min(n, 25), min(n+10, 25)))
		}},
		Behaviour{Name: "total-is-text", Path: "/?offset=0", Want: Want{State: httpsource.CompleteUnverified}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":"many"}`, s.rows(min(n, 25), min(n+10, 25)))
		}},
		Behaviour{Name: "has-more-false-with-a-token", Want: whole, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "cursor", 0)
			fmt.Fprintf(w, `{"items":%s,"has_more":%v,"next_cursor":"%d"}`, s.page(n), n < 2, n+1)
		}},
		Behaviour{Name: "has-more-true-without-a-token", Want: fails("incomplete-more-announced"), http: at(func(s *Source, _ int) string { return `{"has_more":true,"items":` + s.page(0) + `}` })},
		Behaviour{Name: "only-the-first-page", Want: fails("incomplete-fewer-than-total"), http: at(func(s *Source, _ int) string { return `{"total":25,"items":` + s.page(0) + `}` })},
		Behaviour{Name: "token-after-the-rows", Want: whole, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "cursor", 0)
			fmt.Fprintf(w, `{"items":%s,"meta":{"next_cursor":%s}}`, s.page(n), []string{`"1"`, `"2"`, "null"}[n])
		}},
		Behaviour{Name: "token-is-an-object", Want: Want{}, http: at(func(s *Source, _ int) string { return `{"items":` + s.page(0) + `,"next":{"a":{"b":1}}}` })},
		Behaviour{Name: "page-two-is-html", Want: fails("not-json"), http: at(func(s *Source, n int) string {
			if n > 0 {
				return "<html>login</html>"
			}
			return next(s.page(0), `"?page=1"`)
		})},
		Behaviour{Name: "page-two-is-empty-text", Want: fails("empty-body"), http: at(func(s *Source, n int) string {
			if n > 0 {
				return ""
			}
			return next(s.page(0), `"?page=1"`)
		})},
		Behaviour{Name: "page-two-is-an-error-with-200", Want: fails("incomplete-page-without-records"), http: at(func(s *Source, n int) string {
			if n > 0 {
				return `{"error":{"code":1,"message":"internal"}}`
			}
			return next(s.page(0), `"?page=1"`)
		})},
		Behaviour{Name: "page-two-is-401", Want: fails("upstream-status"), http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			if number(r, "page", 0) > 0 {
				w.WriteHeader(401)
				return
			}
			write(w, next(s.page(0), `"?page=1"`))
		}},
		Behaviour{Name: "page-two-429-then-good", Want: whole, http: midway(func(w http.ResponseWriter, _ string) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(429)
		})},
		Behaviour{Name: "page-two-reset-then-good", Want: whole, http: midway(func(w http.ResponseWriter, text string) {
			w.Header().Set("Content-Length", "100000")
			write(w, text[:len(text)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})},
		Behaviour{Name: "a-thousand-pages", Want: whole, http: at(func(s *Source, n int) string {
			if n == 999 {
				return next(s.rows(n, n+1), "null")
			}
			return next(s.rows(n, n+1), fmt.Sprintf(`"?page=%d"`, n+1))
		})},
	)
}

// midway fails the first time that page two is asked for.
func midway(fail func(w http.ResponseWriter, text string)) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, r *http.Request, s *Source) {
		n := number(r, "page", 0)
		text := fmt.Sprintf(`{"items":%s,"next":%s}`, s.page(n), []string{`"?page=1"`, `"?page=2"`, "null"}[n])
		if n == 1 && s.Asked() == 2 {
			fail(w, text)
			return
		}
		write(w, text)
	}
}
