package apitest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestCallsThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "mistakes", cities, citySlots...)
	needs := s.add("Needs a city", "SELECT * FROM orders WHERE city = $city AND $format <> 'x'", map[string]any{"name": "city", "type": "string", "required": true}, map[string]any{"name": "format", "type": "string", "default": "y"})
	s.object("PATCH", "/v1/queryprograms/"+needs+"/publish", map[string]any{})
	base := "/live/" + s.slug + "/v1"
	for _, c := range []struct {
		method, path         string
		body                 any
		status               int
		kind, pointer, words string
	}{
		{"GET", "/live/nothing-of-the-kind/v1/x", nil, 404, "api-unknown", "", "no such API"},
		{"GET", "/live/" + s.slug + "/v9/orders-by-city", nil, 404, "version-unknown", "", "v1"},
		{"GET", base + "/order-by-city", nil, 404, "endpoint-unknown", "", "did you mean " + base + "/orders-by-city?"},
		{"GET", base + "/zzzzzzzzzzzzz", nil, 404, "endpoint-unknown", "", base},
		{"PUT", base + "/orders-by-city", map[string]any{}, 405, "method-not-allowed", "", "GET, HEAD, POST"},
		{"DELETE", base + "/orders-by-city", nil, 405, "method-not-allowed", "", "GET, HEAD, POST"},
		{"GET", base + "/orders-by-city?limt=5", nil, 400, "parameter-unknown", "limt", "did you mean limit?"},
		{"GET", base + "/orders-by-city?fromat=csv", nil, 400, "parameter-unknown", "fromat", "did you mean format?"},
		{"GET", base + "/orders-by-city?limit=many", nil, 400, "slot-invalid", "/slots/limit", "limit"},
		{"GET", base + "/orders-by-city?limit=101", nil, 400, "slot-invalid", "/slots/limit", "limit"},
		{"GET", base + "/orders-by-city?_limit=0", nil, 400, "parameter-invalid", "_limit", "1 to 100000"},
		{"GET", base + "/orders-by-city?format=xml", nil, 400, "format-unknown", "/format", "csv"},
		{"GET", base + "/orders-by-city?format=csv&format=json", nil, 400, "parameter-invalid", "format", "once"},
		{"GET", base + "/orders-by-city?after=abc", nil, 400, "cursor-invalid", "after", "next"},
		{"GET", base + "/orders-by-city?as_of=0", nil, 400, "as-of-invalid", "as_of", "orders:3"},
		{"GET", base + "/orders-by-city?as_of=ordres:1", nil, 400, "as-of-invalid", "as_of", "did you mean orders?"},
		{"GET", base + "/orders-by-city?as_of=orders:99", nil, 404, "version-unknown", "as_of", "no such version"},
		{"GET", base + "/orders-by-city?count=perhaps", nil, 400, "parameter-invalid", "count", "true or false"},
		{"GET", base + "/needs-a-city", nil, 400, "slot-invalid", "/slots/city", "city"},
		{"GET", base + "/needs-a-city?city=Kiel&_format=xml", nil, 400, "format-unknown", "/format", "csv"},
		{"POST", base + "/orders-by-city", map[string]any{"slots": map[string]any{"lmit": 1}}, 400, "slot-invalid", "/slots/lmit", "did you mean"},
		{"POST", base + "/orders-by-city", map[string]any{"lmit": 1}, 400, "parameter-unknown", "/lmit", "did you mean limit?"},
		{"POST", base + "/orders-by-city", `{"slots":`, 400, "", "", ""},
	} {
		got := s.send(c.method, c.path, c.body)
		p := got.json()
		if got.status != c.status || c.kind != "" && p.text("type") != c.kind || p.get("errors").at(0).text("pointer") != c.pointer && c.pointer != "" ||
			!strings.Contains(p.text("detail"), c.words) {
			t.Errorf("%s %s: %s", c.method, c.path, got)
		}
		if c.status == 405 && got.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s %s: Allow: %s", c.method, c.path, got.header.Get("Allow"))
		}
	}
	if got := s.live("v1", "needs-a-city?city=Kiel&format=x"); got.status != 200 || len(got.json().get("rows").list()) != 0 {
		t.Errorf("a slot's name wins over ours: %s", got)
	}
}

func TestValuesMayComeInABody(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "bodies", cities, citySlots...)
	path := "/live/" + s.slug + "/v1/orders-by-city"
	want := s.object("GET", path+"?limit=1&since=2025-02-01", nil).get("rows").String()
	for rule, body := range map[string]any{
		"in slots":  map[string]any{"slots": map[string]any{"limit": 1, "since": "2025-02-01"}},
		"beside":    map[string]any{"limit": 1, "since": "2025-02-01"},
		"one each":  map[string]any{"limit": 1, "slots": map[string]any{"since": "2025-02-01"}},
		"no stream": map[string]any{"limit": "1", "since": "2025-02-01", "stream": false, "project_id": "x"},
	} {
		if got := s.object("POST", path, body).get("rows").String(); got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
	chat := s.send("POST", path+"?limit=1", map[string]any{"request_id": "r", "conversation_id": "c", "message_id": "m", "author_user_id": "u", "node_id": "n", "channel": "x"})
	if chat.header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(string(chat.body), "id: 1\nevent: complete\ndata: {") {
		t.Errorf("a chat: %s", chat)
	}
	id := s.endpoint.text("id")
	s.object("PATCH", "/v1/apis/endpoints/"+id, map[string]any{"body": map[string]any{"http_method": "POST"}})
	if got := s.send("GET", path, nil); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET of an endpoint for POST: %s", got)
	}
	s.object("POST", path, nil)
}

// pages follows an endpoint from page to page, by what the body says and by the Link.
func (s *market) pages(path string, limit int) (rows []string, links []string) {
	s.t.Helper()
	next := fmt.Sprintf("%s?limit=%d", path, limit)
	for {
		got := s.send("GET", next, nil)
		if got.status != 200 {
			s.t.Fatalf("%s: %s", next, got)
		}
		page := got.json()
		for _, r := range page.get("rows").list() {
			rows = append(rows, r.String())
		}
		link := got.header.Get("Link")
		after := page.text("next")
		if (after == "") != (link == "") || link != "" && !strings.Contains(link, url.QueryEscape(after)) {
			s.t.Fatalf("next is %q and the Link %q", after, link)
		}
		if after == "" {
			return rows, links
		}
		links = append(links, link)
		next = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	}
}

func TestPagesAreTheWholeResultOnce(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "pages", "SELECT id, city FROM orders ORDER BY city")
	path := "/live/" + s.slug + "/v1/orders-by-city"
	rows, links := s.pages(path, 100)
	if len(rows) != records || len(links) != records/100 {
		t.Errorf("%d rows on %d pages", len(rows), len(links)+1)
	}
	once := slices.Compact(slices.Sorted(slices.Values(rows)))
	if len(once) != records {
		t.Errorf("%d different rows", len(once))
	}
	if again, _ := s.pages(path, 100); !slices.Equal(again, rows) {
		t.Error("another time the pages are others")
	}
	if other, _ := s.pages(path, 333); !slices.Equal(other, rows) {
		t.Error("pages of another size are in another order")
	}
	page := s.object("GET", path+"?limit=100&count=true", nil)
	if page.get("total_rows").number() != records || page.get("truncated").value != true || page.get("row_count").number() != 100 {
		t.Errorf("counted: %s of %s", page.get("row_count"), page.get("total_rows"))
	}
	if whole := s.object("GET", path, nil); whole.get("total_rows").number() != records || whole.get("next").kind() != "null" {
		t.Errorf("all at once: %s rows, next %s", whole.get("row_count"), whole.get("next"))
	}
	if got := s.send("GET", path+"?limit=10&format=csv", nil); strings.Count(string(got.body), "\n") != records+1 {
		t.Errorf("a file is the whole result: %d lines", strings.Count(string(got.body), "\n"))
	}
}

func TestPagesReadTheVersionsThatTheFirstOneRead(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "stable pages", "SELECT id, city FROM orders WHERE id >= $least ORDER BY city", map[string]any{"name": "least", "type": "integer", "default": 0})
	path := "/live/" + s.slug + "/v1/orders-by-city"
	first := s.object("GET", path+"?limit=1000", nil)
	for range 2 { // the second is answered from what is known
		if now := s.object("GET", path+"?limit=1", nil); now.get("dataset_versions", "orders").number() != 1 {
			t.Fatalf("before the data changed: %s", now)
		}
	}
	source := s.object("GET", "/v1/datasources/project/"+s.project, nil).at(0).text("id")
	s.world.finish(t, s.client, s.object("POST", "/v1/datasources/"+source+"/runs", map[string]any{"mode": "append"}))
	if now := s.object("GET", path+"?limit=1", nil); now.get("dataset_versions", "orders").number() != 2 {
		t.Fatalf("the data did not change: %s", now)
	}
	second := s.object("GET", path+"?limit=1000&after="+first.text("next"), nil)
	if len(second.get("rows").list()) != records-1000 || second.get("dataset_versions", "orders").number() != 1 || second.get("total_rows").number() != records {
		t.Errorf("the second page: %s rows of %s", second.get("row_count"), second.get("dataset_versions"))
	}
	if old := s.object("GET", path+"?as_of=1", nil); old.get("row_count").number() != records || old.get("dataset_versions", "orders").number() != 1 {
		t.Errorf("as of 1: %s rows", old.get("row_count"))
	}
	if got := s.send("GET", path+"?least=5&limit=1000&after="+first.text("next"), nil); got.status != 400 || got.json().text("type") != "cursor-invalid" {
		t.Errorf("a cursor with other values: %s", got)
	}
	if got := s.send("GET", path+"?least=0&limit=1000&after="+first.text("next"), nil); got.status != 200 {
		t.Errorf("a cursor with the default, sent: %s", got)
	}
}

func TestCallersNeedNotReadAnAnswerTwice(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "cached", cities, citySlots...)
	for _, query := range []string{"", "?format=csv", "?format=ndjson", "?format=parquet", "?format=arrow", "?_limit=2", "?format=json&since=2025-03-01"} {
		first := s.live("v1", "orders-by-city"+query)
		tag := first.header.Get("ETag")
		if first.status != 200 || tag == "" || first.header.Get("Cache-Control") != "private, no-cache" || first.header.Get("Vary") != "Authorization" {
			t.Fatalf("%s: %d %s", query, first.status, first.header)
		}
		again := s.live("v1", "orders-by-city"+query)
		if again.header.Get("Cache-Status") != "millwright; hit" || string(again.body) != string(first.body) || again.header.Get("ETag") != tag {
			t.Errorf("%s again: %s", query, again.header)
		}
		known := s.live("v1", "orders-by-city"+query, "If-None-Match", `"x", `+tag)
		if known.status != 304 || len(known.body) != 0 || known.header.Get("ETag") != tag {
			t.Errorf("%s known: %d %s", query, known.status, known.header)
		}
		head := s.send("HEAD", "/live/"+s.slug+"/v1/orders-by-city"+query, nil)
		if head.status != 200 || len(head.body) != 0 || head.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %s", query, head.status, head.header)
		}
	}
	fresh := s.live("v1", "orders-by-city", "Cache-Control", "no-cache")
	if fresh.header.Get("Cache-Status") != "millwright; fwd=miss" {
		t.Errorf("no-cache: %s", fresh.header)
	}
}

func TestEveryCallIsCounted(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "usage", cities, citySlots...)
	s.live("v1", "orders-by-city")
	s.live("v1", "orders-by-city")
	s.live("v1", "orders-by-city?format=csv")
	s.live("v1", "orders-by-city?limit=none")
	for _, id := range []string{s.slug, s.api().text("id")} {
		got := s.object("GET", "/v1/apis/"+id+"/usage", nil)
		e := got.get("endpoints").at(0)
		if e.get("calls").number() != 4 || e.get("errors").number() != 1 || e.get("cached").number() != 1 || e.get("rows").number() != 9 || e.get("last_call_at").kind() != "string" ||
			e.get("p50_ms").number() <= 0 || e.get("p95_ms").number() < e.get("p50_ms").number() {
			t.Errorf("summed: %s", e)
		}
		calls := got.get("calls").list()
		if len(calls) != 4 {
			t.Fatalf("%d calls", len(calls))
		}
		last := calls[0]
		if last.get("status").number() != 400 || last.text("error_type") != "slot-invalid" || last.text("user_id") != s.world.owner.userID || last.text("key_id") == "" ||
			last.text("via") != "http" || last.text("name") != "orders_by_city" || last.text("version") != "v1" {
			t.Errorf("the last call: %s", last)
		}
		if first := calls[3]; first.get("cached").value != false || first.get("rows").number() != 3 || calls[2].get("cached").value != true {
			t.Errorf("the first calls: %s %s", calls[3], calls[2])
		}
	}
	if got := s.object("GET", "/v1/apis/"+s.slug+"/usage?limit=1&days=1", nil); len(got.get("calls").list()) != 1 {
		t.Errorf("one call: %s", got)
	}
}

// What the caller cannot change is not called the caller's mistake.
func TestAnEndpointWhoseDataAreGoneSaysSo(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "no data", cities, citySlots...)
	source := s.object("GET", "/v1/datasources/project/"+s.project, nil).at(0).text("id")
	s.object("DELETE", "/v1/datasources/"+source, nil)
	if got := s.live("v1", "orders-by-city"); got.status != 409 || got.json().text("type") != "endpoint-broken" {
		t.Errorf("%s", got)
	}
}

// Who does not see the project cannot find out what is published there.
func TestAForeignAPILooksLikeNone(t *testing.T) {
	t.Parallel()
	w := shared
	for name, p := range map[string]person{"colleague": w.colleague, "stranger": w.stranger} {
		c := w.client(t, p.key)
		want := c.send("GET", "/live/nothing-of-the-kind/v1/x", nil)
		if want.status != 404 || want.json().text("type") != "api-unknown" {
			t.Fatalf("an API that is not there: %s", want)
		}
		for _, path := range []string{"/v1/" + w.ids["path"], "/v1/nothing", "/v7/nothing", "/v1/" + w.ids["path"] + "?nonsense=1", "/v1", "/v1/openapi.json", "/v7/tools.json"} {
			if got := c.send("GET", "/live/"+w.ids["slug"]+path, nil); got.stable() != want.stable() || got.status != 404 {
				t.Errorf("%s: %s: %s", name, path, got)
			}
		}
	}
}

func TestDocumentsOfAnAPI(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "documents", cities, citySlots...)
	base := "/live/" + s.slug + "/v1"
	document := s.object("GET", base+"/openapi.json", nil)
	if document.text("openapi") != "3.1.0" || document.get("servers").at(0).text("url") != s.url+base || !document.get("paths").has("/orders-by-city") {
		t.Errorf("the document: %s", document)
	}
	if tools := s.object("GET", base+"/tools.json", nil); tools.get("functions").at(0).text("name") != "orders_by_city" {
		t.Errorf("tools: %s", tools)
	}
	page := s.send("GET", base, nil)
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.body), "orders-by-city") ||
		page.header.Get("Content-Security-Policy") == "" {
		t.Errorf("the page: %d %s", page.status, page.header)
	}
	for _, path := range []string{"", "/openapi.json", "/tools.json"} {
		if got := s.send("GET", "/live/"+s.slug+"/v2"+path, nil); got.status != 404 || got.json().text("type") != "version-unknown" {
			t.Errorf("%s of a version that is not there: %s", path, got)
		}
	}
}
