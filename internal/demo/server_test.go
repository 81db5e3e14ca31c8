package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"millwright/internal/demo"
)

func get(t *testing.T, s demo.Server, path, token string, into any) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: not JSON: %v", path, err)
	}
	return w.Result()
}

func TestOrdersFollowedToTheEndAreAllThere(t *testing.T) {
	t.Parallel()
	s := demo.Server{Orders: 1234, Token: "tok"}
	seen := map[int]bool{}
	for next := "/orders?per_page=500"; next != ""; {
		var body struct {
			Data struct{ Orders []demo.Order }
			Meta struct {
				Total int
				Next  *string
			}
		}
		if resp := get(t, s, next, "tok", &body); resp.StatusCode != 200 {
			t.Fatalf("%s: status %d", next, resp.StatusCode)
		}
		if body.Meta.Total != 1234 {
			t.Errorf("total = %d, want 1234", body.Meta.Total)
		}
		for _, o := range body.Data.Orders {
			if seen[o.ID] {
				t.Errorf("order %d came twice", o.ID)
			}
			seen[o.ID] = true
		}
		next = ""
		if body.Meta.Next != nil {
			next = *body.Meta.Next
		}
	}
	if len(seen) != 1234 {
		t.Errorf("got %d orders, want 1234", len(seen))
	}
}

func TestCustomersPageByLinkHeader(t *testing.T) {
	t.Parallel()
	var page []demo.Customer
	resp := get(t, demo.Server{}, "/customers?per_page=1000", "", &page)
	if len(page) != 1000 || !strings.Contains(resp.Header.Get("Link"), "page=2") {
		t.Errorf("got %d customers and Link %q, want 1000 and a link to page 2", len(page), resp.Header.Get("Link"))
	}
	resp = get(t, demo.Server{}, "/customers?per_page=1000&page=4", "", &page)
	if link := resp.Header.Get("Link"); link != "" {
		t.Errorf("the last page links on to %q", link)
	}
}

func TestTokenIsChecked(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", "other", "toke"} {
		var body map[string]string
		if resp := get(t, demo.Server{Token: "tok"}, "/orders", token, &body); resp.StatusCode != 401 {
			t.Errorf("token %q: status %d, want 401", token, resp.StatusCode)
		}
	}
}
