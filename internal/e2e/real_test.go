package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// vegaTables are tables of the npm package vega-datasets that json-server pages
// through: mixed types, wide, nulls, odd names, dates as text, numbers as text.
var vegaTables = []string{"movies", "cars", "penguins", "gapminder", "jobs", "barley", "wheat", "driving", "burtin", "unemployment-across-industries"}

func TestJSONServerLandsEveryRecordOfVegaDatasets(t *testing.T) {
	data := filepath.Join(nodeModule(t, "vega-datasets"), "data")
	cli := filepath.Join(nodeModule(t, "json-server"), "lib", "cli", "bin.js")
	tables := map[string]json.RawMessage{}
	for _, name := range vegaTables {
		text, err := os.ReadFile(filepath.Join(data, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = text
	}
	db, err := json.Marshal(tables)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "db.json"), db, 0o600); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(freePort(t))
	base := "http://127.0.0.1:" + port
	launch(t, base+"/cars?_limit=1", dir, "node", cli, "--quiet", "--host", "127.0.0.1", "--port", port, "db.json")
	s := start(t)
	for _, name := range vegaTables {
		d := s.land(name, map[string]any{"url": base + "/" + name, "method": "GET", "parameters": map[string]any{"_page": "1", "_limit": "500"}})
		if d.Verdict.State != "complete" {
			t.Errorf("%s: verdict %+v, want complete: X-Total-Count says how many there are", name, d.Verdict)
		}
		// json-server is the source: it re-prints numbers, so what it sends is compared.
		s.compare(d, fetchAll(t, base+"/"+name))
		if n := s.runAll(d); n < 6 {
			t.Errorf("%s: %d programs, want at least 6", name, n)
		}
	}
}

func fetchAll(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var records json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&records); err != nil {
		t.Fatal(err)
	}
	return records
}

const prometheusConfig = `
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:%s"]}]
`

func TestPrometheusRangesBecomeRows(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("SKIPPED: prometheus is missing; make prepare installs it")
	}
	dir, port := t.TempDir(), strconv.Itoa(freePort(t))
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, prometheusConfig, port), 0o600); err != nil {
		t.Fatal(err)
	}
	base := "http://127.0.0.1:" + port
	launch(t, base+"/-/ready", dir, binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:"+port)
	const query = `{__name__=~"prometheus_http_requests_total|go_goroutines|process_resident_memory_bytes|prometheus_tsdb_head_samples_appended_total"}`
	awaitSamples(t, base, query)

	// A range that has ended gives the same answer however often it is asked.
	end := time.Now().Unix() - 1
	params := map[string]any{"query": query, "start": strconv.FormatInt(end-10, 10), "end": strconv.FormatInt(end, 10), "step": "1"}
	s := start(t)
	d := s.land("metrics", map[string]any{"url": base + "/api/v1/query_range", "method": "GET", "parameters": params})
	answer := fetchAll(t, base+"/api/v1/query_range?"+values("query", query, "start", params["start"].(string), "end", params["end"].(string), "step", "1"))
	want := prometheusRows(t, answer)
	if d.Rows != int64(len(want)) {
		t.Errorf("%d rows, want %d: one for each sample of each series", d.Rows, len(want))
	}
	got := s.samples(d)
	sort.Strings(want)
	sort.Strings(got)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the samples differ:\n got %d, first %v\nwant %d, first %v", len(got), head(got), len(want), head(want))
	}
	t.Logf("%d samples of %s, every value equal", len(got), d.TableName)
	s.runAll(d)
}

func head(list []string) []string { return list[:min(3, len(list))] }

// awaitSamples waits until the server has scraped itself a few times.
func awaitSamples(t *testing.T, base, query string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		text := fetchAll(t, base+"/api/v1/query?"+values("query", `count_over_time(go_goroutines[1m])`))
		var answer struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if err := json.Unmarshal(text, &answer); err == nil && len(answer.Data.Result) > 0 {
			if n, _ := strconv.Atoi(fmt.Sprint(answer.Data.Result[0].Value[1])); n >= 5 {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatal("prometheus scrapes nothing")
		case <-tick.C:
		}
	}
}

// prometheusRows flattens a matrix to "name instance time value" lines.
func prometheusRows(t *testing.T, text []byte) []string {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, series := range answer.Data.Result {
		for _, v := range series.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, fmt.Sprint(series.Metric["__name__"], " ", series.Metric["handler"], " ", series.Metric["code"], " ", int64(v[0].(float64)), " ", value))
		}
	}
	return rows
}

// samplesScript prints the rows of a metrics file like prometheusRows.
const samplesScript = `
import json, sys, pyarrow.parquet
from datetime import datetime
for r in pyarrow.parquet.read_table(sys.argv[1]).to_pylist():
    m = r.get("metric") or r
    ts = r["timestamp"]
    ts = ts.timestamp() if isinstance(ts, datetime) else float(ts)
    print(json.dumps([m.get("__name__"), m.get("handler") or "", m.get("code") or "", int(ts), float(r["value"])]))
`

func (s *server) samples(d dataline) []string {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), python(s.t), "-c", samplesScript, s.parquet(d)).Output()
	if err != nil {
		s.t.Fatalf("pyarrow: %v", err)
	}
	var rows []string
	for line := range strings.Lines(string(out)) {
		var r [5]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatal(err)
		}
		rows = append(rows, fmt.Sprint(r[0], " ", r[1], " ", r[2], " ", int64(r[3].(float64)), " ", r[4].(float64)))
	}
	return rows
}

func TestHTTPBin(t *testing.T) {
	base := upstream(t, httpbin.New())
	s := start(t)
	test := func(spec map[string]any) (ok bool, status int, text string) {
		t.Helper()
		var got struct {
			Success bool            `json:"success"`
			Status  int             `json:"status"`
			Data    json.RawMessage `json:"data"`
		}
		s.call("POST", "/v1/http/test-connection", spec, &got)
		return got.Success, got.Status, string(got.Data)
	}
	basic := map[string]any{"username": "ada", "password": "pa ss:wörd"}
	for _, c := range []struct {
		rule   string
		spec   map[string]any
		ok     bool
		status int
		says   string
	}{
		{"basic auth", map[string]any{"url": base + "/basic-auth/ada/pa%20ss:w%C3%B6rd", "authType": "Basic Auth", "auth": map[string]any{"basicAuth": basic}}, true, 200, "authorized"},
		{"wrong basic auth", map[string]any{"url": base + "/basic-auth/ada/other", "authType": "Basic Auth", "auth": map[string]any{"basicAuth": basic}}, false, 401, ""},
		{"bearer", map[string]any{"url": base + "/bearer", "authType": "Bearer Token", "auth": map[string]any{"bearerToken": "tok-123456"}}, true, 200, "authenticated"},
		{"no bearer", map[string]any{"url": base + "/bearer"}, false, 401, ""},
		{"gzip", map[string]any{"url": base + "/gzip"}, true, 200, "gzipped"},
		{"deflate", map[string]any{"url": base + "/deflate"}, true, 200, "deflated"},
		{"redirects", map[string]any{"url": base + "/redirect/3"}, true, 200, "headers"},
		{"too many redirects", map[string]any{"url": base + "/redirect/12"}, false, 302, ""},
		{"404", map[string]any{"url": base + "/status/404"}, false, 404, ""},
		{"403", map[string]any{"url": base + "/status/403"}, false, 403, ""},
		{"HTML", map[string]any{"url": base + "/html"}, false, 200, "HTML"},
		{"POST with a body", map[string]any{"url": base + "/post", "method": "POST", "body": map[string]any{"type": "raw", "contentType": "application/json", "content": `{"a":1}`}, "responsePathExtractor": "json"}, true, 200, `"a":1`},
		{"a form", map[string]any{"url": base + "/post", "method": "POST", "body": map[string]any{"type": "x-www-form-urlencoded", "parameters": map[string]any{"q": "ö &"}}, "responsePathExtractor": "form"}, true, 200, "ö"},
		{"parameters", map[string]any{"url": base + "/get?a=1", "parameters": map[string]any{"b": map[string]any{"value": "2", "required": true}}, "responsePathExtractor": "args"}, true, 200, `"b"`},
	} {
		spec := map[string]any{"method": "GET"}
		for k, v := range c.spec {
			spec[k] = v
		}
		ok, status, text := test(spec)
		if ok != c.ok || status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: success %v, status %d, %s; want %v, %d, %q", c.rule, ok, status, text, c.ok, c.status, c.says)
		}
	}
	for _, stream := range []string{"/stream/100", "/gzip", "/json"} {
		recorded := &recorder{Handler: httpbin.New()}
		d := s.land(stream[1:5], map[string]any{"url": upstream(t, recorded) + stream, "method": "GET", "responsePathExtractor": map[string]string{"/json": "slideshow.slides"}[stream]})
		s.compare(d, recorded.records(t, stream))
	}
}

// A recorder keeps what a handler sends, so that what was landed can be compared
// with what was really sent: httpbin echoes its caller.
type recorder struct {
	http.Handler
	mu   sync.Mutex
	sent []byte
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tee := httptest.NewRecorder()
	rec.Handler.ServeHTTP(tee, r)
	rec.mu.Lock()
	rec.sent = tee.Body.Bytes()
	rec.mu.Unlock()
	for name, values := range tee.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(tee.Code)
	_, _ = w.Write(tee.Body.Bytes()) // a caller that has gone fails its own test
}

// records returns what was sent last as a JSON array.
func (rec *recorder) records(t *testing.T, path string) []byte {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	text := rec.sent
	switch path {
	case "/gzip":
		plain, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if text, err = io.ReadAll(plain); err != nil {
			t.Fatal(err)
		}
	case "/json":
		var body struct {
			Slideshow struct{ Slides json.RawMessage }
		}
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatal(err)
		}
		return body.Slideshow.Slides
	}
	var all []json.RawMessage
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	list, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
