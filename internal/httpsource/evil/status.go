package evil

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

// sorted puts behaviours that were made from a map into an order.
func sorted(list []Behaviour) []Behaviour {
	slices.SortFunc(list, func(a, b Behaviour) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// status answers with a status, header lines "Name: value" and a body.
func status(code int, body string, header ...string) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, _ *http.Request, _ *Source) {
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(code)
		write(w, body)
	}
}

func statuses() []Behaviour {
	refused := fails("upstream-status")
	ok := Want{State: httpsource.CompleteUnverified}
	page := "<!DOCTYPE html><html><head><title>Sign in</title></head><body>" + strings.Repeat("<p>hello", 500) + "</body></html>"
	list := []Behaviour{
		{Name: "200-html", Want: fails("not-json"), http: status(200, page, "Content-Type: text/html")},
		{Name: "200-html-declared-as-json", Want: fails("not-json"), http: status(200, page, "Content-Type: application/json")},
		{Name: "200-without-a-body", Want: fails("empty-body"), http: status(200, "")},
		{Name: "200-blanks-only", Want: fails("empty-body"), http: status(200, " \r\n\t ")},
		{Name: "200-empty-list", Want: Want{State: httpsource.CompleteUnverified, Alarm: "200 but empty: is the token accepted"}, http: status(200, "[]")},
		{Name: "200-empty-envelope", Want: Want{Alarm: "200 but empty"}, http: status(200, `{"data":[],"total":0}`)},
		{Name: "200-null", Want: Want{Alarm: "200 but empty"}, http: status(200, "null")},
		{Name: "200-error-object", Want: Want{Alarm: "error"}, http: oneObject(`{"error":{"code":401,"message":"invalid token"}}`)},
		{Name: "200-ok-false", Want: Want{Alarm: "error"}, http: oneObject(`{"ok":false,"error":"invalid_auth"}`)},
		{Name: "200-graphql-errors", Want: fails("source-error"), http: says(`{"data":null,"errors":[{"message":"no such field"}]}`)},
		{Name: "204", Want: Want{State: httpsource.Complete, Reason: "no-body"}, http: status(204, "")},
		{Name: "205", Want: Want{State: httpsource.Complete, Reason: "no-body"}, http: status(205, "")},
		{Name: "206", Want: Want{Alarm: "206"}, http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			w.WriteHeader(206)
			write(w, s.rows(0, 5))
		}},
		{Name: "206-with-a-total-beyond", Want: fails("incomplete-fewer-than-total"), http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			w.Header().Set("Content-Range", "items 0-4/319")
			w.WriteHeader(206)
			write(w, s.rows(0, 5))
		}},
		{Name: "304-unasked", Want: refused, http: status(304, "")},
		{Name: "300", Want: refused, http: status(300, "[]")},
		{Name: "302-without-location", Want: refused, http: status(302, "[]")},
		{Name: "302-to-itself", Want: fails("too-many-redirects"), http: status(302, "", "Location: /")},
		{Name: "302-a-b-a", Want: fails("too-many-redirects"), http: func(w http.ResponseWriter, r *http.Request, _ *Source) {
			http.Redirect(w, r, map[bool]string{true: "/b", false: "/a"}[r.URL.Path == "/a"], http.StatusFound)
		}},
		{Name: "redirects-five", Want: ok, http: hops(5)},
		{Name: "redirects-six", Want: fails("too-many-redirects"), http: hops(6)},
		{Name: "302-to-file", Want: fails("redirect-invalid"), http: status(302, "", "Location: file:///etc/passwd")},
		{Name: "302-to-javascript", Want: fails("redirect-invalid"), http: status(302, "", "Location: javascript:alert(1)")},
		{Name: "302-to-nowhere", Want: fails("redirect-invalid"), http: status(302, "", "Location: http:///x")},
		{Name: "302-to-garbage", Want: fails("redirect-invalid"), http: status(302, "", "Location: http://a b:%zz/")},
		{Name: "302-to-a-metadata-address", Want: fails("address-not-allowed"), http: status(302, "", "Location: http://169.254.169.254/latest/meta-data/")},
		{Name: "307-post-to-another-origin", Method: "POST", Fields: `"body":{"content":"{}"}`, Want: fails("redirect-not-followed"), http: status(307, "", "Location: http://other.invalid/")},
		{Name: "401-that-echoes-the-token", Want: refused, http: func(w http.ResponseWriter, r *http.Request, _ *Source) {
			w.Header().Set("WWW-Authenticate", "Bearer error="+r.Header.Get("Authorization"))
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"error":"token %s is not valid"}`, r.Header.Get("Authorization"))
		}},
		{Name: "200-that-echoes-the-token", Want: Want{Alarm: "echoes a secret"}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			w.Header().Set("X-Debug", r.Header.Get("Authorization"))
			s.note(`{"id":1,"you":"Bearer REDACTED"}`)
			fmt.Fprintf(w, `[{"id":1,"you":%q}]`, r.Header.Get("Authorization"))
		}},
		{Name: "500-with-a-body-without-end", Options: once, Want: refused, http: func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			w.WriteHeader(500)
			forever(w, strings.Repeat("no ", 10_000))
		}},
		{Name: "500-in-binary", Options: once, Want: refused, http: status(500, strings.Repeat("\x00\xff\xfe\x1b[31m", 100))},
	}
	for _, code := range []int{400, 401, 403, 404, 405, 406, 407, 409, 410, 411, 413, 414, 415, 418, 422, 431, 451, 501, 505, 511, 599, 600, 999} {
		list = append(list, Behaviour{Name: fmt.Sprint(code), Want: refused, http: status(code, `{"error":"no"}`)})
	}
	return sorted(group("status", list...))
}

// oneObject answers with one object, which is one row.
func oneObject(doc string) func(http.ResponseWriter, *http.Request, *Source) {
	return sends("", func(s *Source) string { s.note(doc); return doc })
}

// hops redirects so many times before it answers.
func hops(n int) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, r *http.Request, s *Source) {
		if hop := number(r, "hop", 0); hop < n {
			http.Redirect(w, r, fmt.Sprintf("/?hop=%d", hop+1), http.StatusMovedPermanently)
			return
		}
		write(w, s.rows(0, 3))
	}
}

// retries are failures that pass, and some that do not.
func retries() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	never := fails("upstream-status")
	then := func(code, times int, header ...string) func(http.ResponseWriter, *http.Request, *Source) {
		bad := status(code, `{"error":"busy"}`, header...)
		return func(w http.ResponseWriter, r *http.Request, s *Source) {
			if s.Asked() <= int64(times) {
				bad(w, r, s)
				return
			}
			write(w, s.rows(0, 7))
		}
	}
	list := []Behaviour{
		{Name: "429-after-0", Want: ok, http: then(429, 1, "Retry-After: 0")},
		{Name: "429-after-1-second", Want: ok, http: then(429, 1, "Retry-After: 1")},
		{Name: "429-after-a-date-past", Want: ok, http: then(429, 1, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")},
		{Name: "429-after-a-date-soon", Want: ok, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			then(429, 1, "Retry-After: "+time.Now().Add(time.Second).UTC().Format(http.TimeFormat))(w, r, s)
		}},
		{Name: "429-after-a-date-in-9999", Want: never, http: then(429, 1, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")},
		{Name: "429-after-minus-5", Want: ok, http: then(429, 1, "Retry-After: -5")},
		{Name: "429-after-10^12", Want: never, http: then(429, 1, "Retry-After: 1000000000000")},
		{Name: "429-after-10^30", Want: never, http: then(429, 1, "Retry-After: 1000000000000000000000000000000")},
		{Name: "429-after-garbage", Want: ok, http: then(429, 1, "Retry-After: soon")},
		{Name: "429-after-half-a-second", Want: ok, http: then(429, 1, "Retry-After: 0.5")},
		{Name: "429-after-nothing", Want: ok, http: then(429, 1)},
		{Name: "429-after-two-answers", Want: ok, http: then(429, 1, "Retry-After: 0", "Retry-After: 100000")},
		{Name: "429-forever", Want: never, http: then(429, 1000, "Retry-After: 0")},
		{Name: "500-forever", Want: never, http: then(500, 1000)},
		{Name: "503-after-0", Want: ok, http: then(503, 3, "Retry-After: 0")},
		{Name: "post-is-not-sent-twice", Method: "POST", Want: never, http: then(503, 1)},
		{Name: "post-that-is-safe", Method: "POST", Options: `"retry":{"safe":true}`, Want: ok, http: then(503, 1)},
		{Name: "limit-used-up-reset-in-1-second", Path: "/?page=1", Want: Want{State: httpsource.CompleteUnverified}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			n := number(r, "page", 1)
			w.Header().Set("X-RateLimit-Remaining", map[bool]string{true: "0", false: "5"}[n == 1])
			w.Header().Set("X-RateLimit-Reset", "1")
			write(w, s.page(n-1))
		}},
		{Name: "limit-used-up-reset-is-garbage", Path: "/?page=1", Want: Want{State: httpsource.CompleteUnverified}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			w.Header().Set("RateLimit-Remaining", "0")
			w.Header().Set("RateLimit-Reset", "NaN")
			write(w, s.page(number(r, "page", 1)-1))
		}},
	}
	for _, code := range []int{408, 425, 500, 502, 503, 504} {
		list = append(list, Behaviour{Name: fmt.Sprintf("%d-then-good", code), Want: ok, http: then(code, 2)})
	}
	return sorted(group("retry", list...))
}
