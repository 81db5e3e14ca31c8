// Package demo is a sample API to try Millwright on: a furniture shop with
// orders and customers, paged and guarded by a bearer token. Its data are made
// by formula, so two servers of the same size answer alike.
package demo

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Server is the sample API.
//
//	GET /orders?page=N     {"data":{"orders":[…]},"meta":{"total":…,"next":"/orders?page=N+1"}}
//	GET /customers?page=N  […] with a Link header, rel="next"
//
// Both take per_page, at most 1000, default 500.
type Server struct {
	Orders int    // how many orders there are; 0 means 50,000
	Token  string // what Authorization: Bearer must carry; empty means no check
}

// ServeHTTP answers the sample API's requests.
func (s Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Token != "" {
		got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(got), []byte(s.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo shop"`)
			answer(w, http.StatusUnauthorized, map[string]string{"message": "a bearer token is needed"})
			return
		}
	}
	page, err := pageOf(r)
	switch {
	case err != nil:
		answer(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
	case r.Method != http.MethodGet:
		answer(w, http.StatusMethodNotAllowed, map[string]string{"message": "only GET is served"})
	case r.URL.Path == "/orders":
		s.orders(w, page)
	case r.URL.Path == "/customers":
		customers(w, r, page)
	default:
		answer(w, http.StatusNotFound, map[string]string{"message": "there is /orders and /customers"})
	}
}

type page struct{ number, size int }

func pageOf(r *http.Request) (page, error) {
	p := page{1, 500}
	for name, to := range map[string]*int{"page": &p.number, "per_page": &p.size} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 1_000_000 {
				return p, fmt.Errorf("%s must be a positive number", name)
			}
			*to = n
		}
	}
	p.size = min(p.size, 1000)
	return p, nil
}

// bounds returns the first and last record of the page, counted from 1, and
// whether another page follows.
func (p page) bounds(total int) (first, last int, more bool) {
	first = (p.number-1)*p.size + 1
	last = min(first+p.size-1, total)
	return first, last, last < total
}

func (s Server) orders(w http.ResponseWriter, p page) {
	total := s.Orders
	if total == 0 {
		total = 50_000
	}
	first, last, more := p.bounds(total)
	list := []Order{}
	for n := first; n <= last; n++ {
		list = append(list, OrderAt(n, total))
	}
	meta := map[string]any{"total": total, "page": p.number, "next": nil}
	if more {
		meta["next"] = fmt.Sprintf("/orders?page=%d&per_page=%d", p.number+1, p.size)
	}
	answer(w, http.StatusOK, map[string]any{"data": map[string]any{"orders": list}, "meta": meta})
}

func customers(w http.ResponseWriter, r *http.Request, p page) {
	first, last, more := p.bounds(customerCount)
	list := []Customer{}
	for n := first; n <= last; n++ {
		list = append(list, CustomerAt(n))
	}
	if more {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s/customers?page=%d&per_page=%d>; rel="next"`, r.Host, p.number+1, p.size))
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(customerCount))
	answer(w, http.StatusOK, list)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here means that the caller has gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
