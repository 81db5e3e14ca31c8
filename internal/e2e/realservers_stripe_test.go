package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
)

const stripeKey = "sk_test_millwright1815"

// startStripe runs stripe-mock and returns its address. It checks keys and
// parameters against Stripe's own description, and answers with Stripe's fixtures.
func startStripe(t *testing.T) string {
	t.Helper()
	address := "127.0.0.1:" + strconv.Itoa(freePort(t))
	raise(t, exec.Command(program(t, "stripe-mock"), "-http-addr", address), func() error {
		status, text, err := send(t, "GET", "http://"+address+"/v1/balance", nil, "Authorization", "Bearer "+stripeKey)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, text)
		}
		return err
	})
	return "http://" + address
}

type stripeList struct {
	Object  string            `json:"object"`
	URL     string            `json:"url"`
	HasMore bool              `json:"has_more"`
	Data    []json.RawMessage `json:"data"`
}

func TestRealStripeListsLandAsStripeSendsThem(t *testing.T) {
	base := startStripe(t)
	s := start(t)
	bearer := map[string]any{"authType": "Bearer Token", "auth": map[string]any{"bearerToken": stripeKey}}
	basic := map[string]any{"authType": "Basic Auth", "auth": map[string]any{"basicAuth": map[string]any{"username": stripeKey, "password": ""}}}
	for i, name := range []string{"customers", "charges", "invoices", "products", "subscriptions", "events"} {
		spec := map[string]any{"url": base + "/v1/" + name, "method": "GET", "parameters": map[string]any{"limit": "100"}}
		for k, v := range []map[string]any{bearer, basic}[i%2] {
			spec[k] = v
		}
		var list stripeList
		ask(t, "GET", base+"/v1/"+name+"?limit=100", nil, &list, "Authorization", "Bearer "+stripeKey)
		s.finds(name, spec, finding{path: "data", shape: "rows", paging: "none", proof: "says that there is no more"})
		s.lands(name, spec, list.Data, "complete", "has-more-false", 1)
	}
	got := s.try(map[string]any{"url": base + "/v1/customers", "method": "GET"})
	if got.Success || got.Status != http.StatusUnauthorized || !slices.Contains(got.Suggestions, "401: no credentials are sent") {
		t.Errorf("without a key: %d %v, want 401 and that no credentials are sent", got.Status, got.Suggestions)
	}
}

// A stripePager makes many customers of the one that stripe-mock has, and gives
// them page by page, as Stripe does. What is asked for goes to stripe-mock first,
// so a parameter or a key that Stripe would not take is refused by it.
type stripePager struct {
	t        *testing.T
	base     string
	total    int
	refused  atomic.Int64
	customer map[string]json.RawMessage
}

func (p *stripePager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text, err := send(p.t, "GET", p.base+r.URL.RequestURI(), nil, "Authorization", r.Header.Get("Authorization"))
	var list stripeList
	if err != nil || status != http.StatusOK || json.Unmarshal(text, &list) != nil {
		p.refused.Add(1)
		w.WriteHeader(max(status, http.StatusBadRequest))
		_, _ = w.Write(text) // a caller that has gone fails its own test
		return
	}
	first, size := 0, 10
	if after := r.URL.Query().Get("starting_after"); after != "" {
		if _, err := fmt.Sscanf(after, "cus_%d", &first); err != nil {
			http.Error(w, `{"error":{"message":"no such customer"}}`, http.StatusBadRequest)
			return
		}
		first++
	}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		size = limit
	}
	last := min(first+size, p.total)
	list.Data, list.HasMore = p.customers(first, last), last < p.total
	_ = json.NewEncoder(w).Encode(list) // as above
}

// customers are numbers from..to-1.
func (p *stripePager) customers(from, to int) []json.RawMessage {
	out := []json.RawMessage{}
	for n := from; n < to; n++ {
		one := map[string]json.RawMessage{}
		for k, v := range p.customer {
			one[k] = v
		}
		one["id"] = fmt.Appendf(nil, `"cus_%06d"`, n)
		one["balance"] = fmt.Appendf(nil, "%d", n*n-1000)
		one["email"] = fmt.Appendf(nil, `"c%d@example.com"`, n)
		text, err := json.Marshal(one)
		if err != nil {
			p.t.Error(err)
		}
		out = append(out, text)
	}
	return out
}

func TestRealStripePagesGoOnBehindTheLastRecord(t *testing.T) {
	base := startStripe(t)
	var list struct{ Data []map[string]json.RawMessage }
	ask(t, "GET", base+"/v1/customers", nil, &list, "Authorization", "Bearer "+stripeKey)
	pager := &stripePager{t: t, base: base, total: 1234, customer: list.Data[0]}
	spec := map[string]any{"url": upstream(t, pager) + "/v1/customers?limit=100", "method": "GET",
		"authType": "Bearer Token", "auth": map[string]any{"bearerToken": stripeKey}}
	s := start(t)
	s.finds("customers", spec, finding{path: "data", shape: "rows", paging: "last_row", proof: "the id of the last record goes back as starting_after"})
	s.lands("customers", spec, pager.customers(0, pager.total), "complete", "has-more-false", 13)
	if n := pager.refused.Load(); n != 0 {
		t.Errorf("stripe-mock refused %d requests", n)
	}
}
