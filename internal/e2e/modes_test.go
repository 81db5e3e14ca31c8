package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A script is a source whose records a test changes between runs. It answers with
// those that choose lets through.
type script struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	records []string
	choose  func(r *http.Request, record string) bool
	asked   []string // query, or the header X-Since, or the body, of each request
}

func newScript(t *testing.T) *script {
	s := &script{t: t}
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	s.url = ts.URL
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := r.URL.RawQuery + r.Header.Get("X-Since")
	if r.Method == http.MethodPost {
		var body json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err == nil {
			asked += string(body)
		}
	}
	s.asked = append(s.asked, asked)
	var out []string
	for _, record := range s.records {
		if s.choose == nil || s.choose(r, record) {
			out = append(out, record)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"total":%d,"items":[%s]}`, len(out), strings.Join(out, ","))
}

func (s *script) set(records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// last returns what the newest request asked for.
func (s *script) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// since lets records through whose field is at least the parameter's text.
func since(field, param string) func(r *http.Request, record string) bool {
	return func(r *http.Request, record string) bool {
		var m map[string]any
		d := json.NewDecoder(strings.NewReader(record))
		d.UseNumber()
		if d.Decode(&m) != nil {
			return false
		}
		return fmt.Sprint(m[field]) >= r.URL.Query().Get(param)
	}
}

func (s *script) spec(run string) map[string]any {
	spec := map[string]any{"url": s.url + "/items", "method": "GET", "responsePathExtractor": "items",
		"options": map[string]any{"pagination": "none", "retry": map[string]any{"attempts": 1}}}
	if run != "" {
		var setting map[string]any
		if err := json.Unmarshal([]byte(run), &setting); err != nil {
			s.t.Fatal(err)
		}
		spec["options"].(map[string]any)["run"] = setting
	}
	return spec
}

// again makes the stored request again and waits for all jobs. It returns the run.
func (s *server) again(datasource, body string) jobWire {
	s.t.Helper()
	var started struct{ Jobs []jobWire }
	s.call("POST", "/v1/datasources/"+datasource+"/runs", body, &started)
	first := s.wait(started.Jobs[0].ID)
	for _, j := range started.Jobs[1:] {
		s.wait(j.ID)
	}
	return first
}

// mustRun is again for a run that must complete.
func (s *server) mustRun(datasource, body string) jobWire {
	s.t.Helper()
	j := s.again(datasource, body)
	if j.Status != "completed" {
		s.t.Fatalf("the run is %s: %+v\n%s", j.Status, j.Error, s.log)
	}
	return j
}

// rows returns the rows of a dataset, sorted, each as JSON.
func (s *server) rows(datasource string) []string {
	s.t.Helper()
	var page struct{ Rows []json.RawMessage }
	s.call("GET", "/v1/datalines/"+s.dataline(datasource).ID+"/rows?limit=1000", nil, &page)
	rows := []string{}
	for _, r := range page.Rows {
		rows = append(rows, string(r))
	}
	return rows
}

// columns returns the names and types of a dataset's columns.
func (s *server) columns(datasource string) string {
	s.t.Helper()
	var d struct {
		SchemaCode string `json:"schema_code"`
	}
	s.call("GET", "/v1/datalines/"+s.dataline(datasource).ID, nil, &d)
	return strings.Join(strings.Fields(d.SchemaCode), " ")
}

func (s *server) first(name string, spec map[string]any) string {
	s.t.Helper()
	datasource, jobs := s.connect(name, spec)
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			s.t.Fatalf("%s of %s: %s, %+v\n%s", j.Type, name, got.Status, got.Error, s.log)
		}
	}
	return datasource
}

func (s *server) wantRows(datasource string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.rows(datasource)); diff != "" {
		s.t.Errorf("rows (-want +got): %s", diff)
	}
}

func (s *server) wantFailure(j jobWire, typ string, parts ...string) {
	s.t.Helper()
	if j.Status != "failed" || j.Error == nil || j.Error.Type != typ {
		s.t.Fatalf("the run is %s: %+v, want %s", j.Status, j.Error, typ)
	}
	for _, part := range parts {
		if !strings.Contains(j.Error.Detail, part) {
			s.t.Errorf("%q does not say %q", j.Error.Detail, part)
		}
	}
}

// What is appended is typed over the rows of all runs: files that the new types do
// not serve are made again from their raw pages, and every value stays as it was sent.
func TestAppendKeepsEveryValueWhenTypesWiden(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"n":1,"f":1.50,"t":"2024-01-01T00:00:00Z","o":{"a":1},"gone":true,"null":null}`)
	d := s.first("Widening", src.spec(`{"mode":"append"}`))
	src.set(`{"id":2,"n":2.5,"f":"x","t":"soon","o":[1],"null":7,"new":"2024-01-01"}`)
	s.mustRun(d, `{}`)
	want := `CREATE TABLE "widening" ( "id" BIGINT, "n" DOUBLE, "f" VARCHAR, "t" VARCHAR, "o" JSON, "gone" BOOLEAN, "null" BIGINT, "new" DATE )`
	if got := s.columns(d); got != want {
		t.Errorf("columns\n got %s\nwant %s", got, want)
	}
	s.wantRows(d,
		`[1,1,"1.50","2024-01-01T00:00:00Z",{"a":1},true,null,null]`,
		`[2,2.5,"x","soon",[1],null,7,"2024-01-01"]`)
	src.set(`{"id":3,"n":99999999999999999999.5,"later":[{"x":1}]}`)
	s.mustRun(d, `{}`)
	if got := s.columns(d); !strings.Contains(got, `"n" DECIMAL(21,1)`) {
		t.Errorf("columns %s", got)
	}
	rows := s.rows(d)
	if len(rows) != 3 || !strings.HasPrefix(rows[0], `[1,"1.0","1.50"`) || !strings.HasPrefix(rows[1], `[2,"2.5",`) || !strings.HasPrefix(rows[2], `[3,"99999999999999999999.5",null`) {
		t.Errorf("rows %s", rows)
	}
	if d := s.dataline(d); d.Version != 3 || d.Rows != 3 {
		t.Errorf("version %d with %d rows", d.Version, d.Rows)
	}
}

func TestMergeKeepsTheNewestRowOfAKey(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"region":"a","v":"old"}`, `{"id":1,"region":"b","v":"stays"}`, `{"v":"twin","id":2,"region":"a"}`, `{"id":2,"region":"a","v":"twin"}`)
	d := s.first("Merging", src.spec(`{"mode":"merge","key":["id","region"]}`))
	if got := s.dataline(d); got.Rows != 3 {
		t.Errorf("%d rows, want 3: twins count once", got.Rows)
	}
	src.set(`{"id":1,"region":"a","v":"new","more":1}`, `{"id":"x","region":"a","v":"text"}`)
	s.mustRun(d, `{}`)
	if got := s.dataline(d); got.Rows != 4 || got.Version != 2 {
		t.Errorf("version %d with %d rows, want 4", got.Version, got.Rows)
	}
	rows := strings.Join(s.rows(d), "")
	for _, want := range []string{`["1","a","new",1]`, `["1","b","stays",null]`, `["2","a","twin",null]`, `["x","a","text",null]`} {
		if strings.Count(rows, want) != 1 {
			t.Errorf("%s is not there once: %s", want, rows)
		}
	}
	before := s.rows(d)

	src.set(`{"id":1,"region":"a","v":"one"}`, `{"id":1,"region":"a","v":"two"}`)
	s.wantFailure(s.again(d, `{}`), "merge-key-duplicated", `"id" and "region" = 1, a`)
	src.set(`{"id":1,"region":"a"}`, `{"id":2}`, `{"id":null,"region":"a"}`)
	s.wantFailure(s.again(d, `{}`), "merge-key-missing", "2 of 3 records", "record 2, 3", "id")
	src.set(`{"id":{"x":1},"region":"a"}`)
	s.wantFailure(s.again(d, `{}`), "merge-key-not-scalar", "record 1")
	if diff := cmp.Diff(before, s.rows(d)); diff != "" {
		t.Errorf("a failed run changed the rows: %s", diff)
	}
	for body, want := range map[string]string{
		`{"mode":"append"}`:                                     "append-to-merged",
		`{"mode":"merge","key":["id"]}`:                         "merge-key-changed",
		`{"mode":"upsert"}`:                                     "/mode",
		`{"mode":"replace","key":["id"]}`:                       "run-invalid",
		`{"mode":"replace","cursor":{"field":"v","param":"p"}}`: "run-invalid",
	} {
		if status, text := s.raw("POST", "/v1/datasources/"+d+"/runs", body); status/100 != 4 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %s, want %s", body, status, text, want)
		}
	}
	src.set(`{"id":7,"region":"z","v":"alone"}`)
	s.mustRun(d, `{"mode":"replace"}`)
	s.wantRows(d, `[7,"z","alone"]`)
}

func TestMergeIntoRowsThatTheKeyDoesNotName(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"v":1}`, `{"id":1,"v":2}`)
	d := s.first("Not a key", src.spec(""))
	src.set(`{"id":2,"v":3}`)
	s.wantFailure(s.again(d, `{"mode":"merge","key":["id"]}`), "merge-key-duplicated", "2 rows", "1 different")
	s.wantFailure(s.again(d, `{"mode":"merge","key":["ID"]}`), "merge-key-missing", "id, v")
	src.set(`{"id":2,"k":1}`)
	s.wantFailure(s.again(d, `{"mode":"merge","key":["k"]}`), "merge-key-missing", "2 rows of the versions before")
}

// An inclusive source brings the newest record again, and it is landed once.
func TestACursorAsksForWhatIsNew(t *testing.T) {
	s, src := start(t), newScript(t)
	src.choose = since("at", "since")
	src.set(`{"id":1,"at":"2024-01-01T10:00:00Z"}`, `{"id":2,"at":"2024-01-02T10:00:00Z"}`, `{"id":3,"at":"2024-01-02T10:00:00Z"}`, `{"id":3,"at":"2024-01-02T10:00:00Z"}`)
	d := s.first("Growing", src.spec(`{"mode":"append","cursor":{"field":"at","param":"since","start":"2024"}}`))
	if got := src.last(); got != "since=2024" {
		t.Errorf("the first run asked for %q", got)
	}
	var c struct {
		Value, Next any
		Records     int
		Version     int64
	}
	s.call("GET", "/v1/datasources/"+d+"/cursor", nil, &c)
	if c.Value != "2024-01-02T10:00:00Z" || c.Next != c.Value || c.Records != 2 || c.Version != 1 {
		t.Errorf("remembered %+v", c)
	}

	s.mustRun(d, `{}`)
	if got := src.last(); got != "since=2024-01-02T10%3A00%3A00Z" {
		t.Errorf("the second run asked for %q", got)
	}
	if got := s.dataline(d); got.Version != 1 {
		t.Errorf("nothing was new, and there is version %d", got.Version)
	}

	src.set(append(src.records, `{"at":"2024-01-02T10:00:00Z","id":3}`, `{"id":4,"at":"2024-01-02T10:00:00Z"}`, `{"id":5,"at":"2024-01-03T12:00:00+01:00"}`)...)
	s.mustRun(d, `{}`)
	if got := s.dataline(d); got.Version != 2 || got.Rows != 7 {
		t.Errorf("version %d with %d rows, want 2 with 7", got.Version, got.Rows)
	}
	var ids []string
	for _, r := range s.rows(d) {
		ids = append(ids, r[1:2])
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "3", "3", "4", "5"}, ids); diff != "" {
		t.Errorf("ids: %s", diff)
	}

	// To replace begins anew and goes on from there.
	s.mustRun(d, `{"mode":"replace"}`)
	if got := src.last(); got != "since=2024" {
		t.Errorf("a run that replaces asked for %q", got)
	}
	s.mustRun(d, `{}`)
	if got := s.dataline(d); got.Rows != 7 {
		t.Errorf("%d rows after replacing and going on", got.Rows)
	}
	var none struct{ Value, Next any }
	s.call("DELETE", "/v1/datasources/"+d+"/cursor", nil, &none)
	if none.Value != nil || none.Next != "2024" {
		t.Errorf("after forgetting: %+v", none)
	}
}

func TestCursorsInEveryPlaceWithALookback(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ name, cursor, method, value, want string }{
		{"header", `{"field":"n","param":"X-Since","in":"header","lookback":"3"}`, "GET", `10`, `7`},
		{"body", `{"field":"n","param":"q.after","in":"body"}`, "POST", `9007199254740993`, `{"q":{"after":9007199254740993,"x":1}}`},
		{"decimal", `{"field":"n","param":"p","lookback":"0.05"}`, "GET", `1.1`, `p=1.05`},
		{"days", `{"field":"n","param":"p","lookback":"2d"}`, "GET", `"2024-03-01"`, `p=2024-02-28`},
		{"offset", `{"field":"n","param":"p","lookback":"90m"}`, "GET", `"2024-03-01T00:30:00.250-05:00"`, `p=2024-02-29T23%3A00%3A00.250-05%3A00`},
		{"nested", `{"field":"m.n","param":"p"}`, "GET", `"b"`, `p=b`},
	} {
		src := newScript(t)
		src.set(`{"n":` + c.value + `,"m":{"n":` + c.value + `}}`)
		spec := src.spec(`{"mode":"append","cursor":` + c.cursor + `}`)
		spec["method"] = c.method
		if c.method == "POST" {
			spec["body"] = map[string]any{"type": "raw", "contentType": "application/json", "content": `{"q":{"after":0,"x":1}}`}
			spec["options"].(map[string]any)["retry"].(map[string]any)["safe"] = true
		}
		d := s.first(c.name, spec)
		s.mustRun(d, `{}`)
		if got := src.last(); got != c.want {
			t.Errorf("%s: asked for %q, want %q", c.name, got, c.want)
		}
		if got := s.dataline(d); got.Version != 1 || got.Rows != 1 {
			t.Errorf("%s: version %d with %d rows", c.name, got.Version, got.Rows)
		}
	}
}

func TestCursorsThatCannotBeRight(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		name, cursor  string
		first, second []string
		typ           string
		says          []string
	}{
		{"missing", `{"field":"at","param":"p"}`, nil, []string{`{"id":1,"when":2}`}, "cursor-field-missing", []string{`"at"`, "id, when"}},
		{"mixed", `{"field":"at","param":"p"}`, nil, []string{`{"at":1}`, `{"at":"2024-01-01"}`}, "cursor-mixed-types", []string{"2024-01-01"}},
		{"mixed later", `{"field":"at","param":"p"}`, []string{`{"at":"2024-01-01"}`}, []string{`{"at":"2024-01-01T00:00:00"}`}, "cursor-mixed-types", nil},
		{"no order", `{"field":"at","param":"p"}`, nil, []string{`{"at":true}`}, "cursor-not-orderable", nil},
		{"ignored", `{"field":"at","param":"p"}`, []string{`{"at":5}`}, []string{`{"at":4}`, `{"at":6}`}, "cursor-ignored", []string{"1 of 2", "p=5"}},
		{"lookback", `{"field":"at","param":"p","lookback":"1h"}`, nil, []string{`{"at":5}`}, "cursor-lookback", []string{"1h"}},
	} {
		src := newScript(t)
		src.set(c.first...)
		if c.first == nil {
			src.set(`{"other":1}`)
		}
		run := `{"mode":"append","cursor":` + c.cursor + `}`
		d := ""
		if c.first != nil {
			d = s.first(c.name, src.spec(run))
		} else {
			d = s.first(c.name, src.spec(""))
		}
		before := s.dataline(d)
		src.set(c.second...)
		s.wantFailure(s.again(d, run), c.typ, c.says...)
		if after := s.dataline(d); after.Version != before.Version {
			t.Errorf("%s: a failed run made version %d", c.name, after.Version)
		}
	}
}

func TestOneRunOfADatasourceAtATime(t *testing.T) {
	s := start(t)
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, `[{"a":1}]`)
	}))
	defer ts.Close()
	d, jobs := s.connect("Slow", map[string]any{"url": ts.URL, "method": "GET"})
	<-arrived
	for _, call := range [][2]string{{"POST", "/runs"}, {"DELETE", "/cursor"}} {
		status, text := s.raw(call[0], "/v1/datasources/"+d+call[1], `{}`)
		if status != 409 || !strings.Contains(string(text), "run-in-progress") || !strings.Contains(string(text), jobs[0].ID) {
			t.Errorf("%s %s while a run is on its way: %d %s", call[0], call[1], status, text)
		}
	}
	close(release)
	for _, j := range jobs {
		s.wait(j.ID)
	}
	s.mustRun(d, `{}`)
}

// A run that was canceled before it began does not leave its datasource at work.
func TestACanceledPendingRunIsSaid(t *testing.T) {
	s := start(t)
	release := make(chan struct{})
	arrived := make(chan struct{}, 20)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, `[{"a":1}]`)
	}))
	defer ts.Close()
	defer close(release)
	for i := range 4 { // as many as run at once
		s.connect(fmt.Sprint("Busy ", i), map[string]any{"url": ts.URL, "method": "GET"})
		<-arrived
	}
	d, jobs := s.connect("Waiting", map[string]any{"url": ts.URL, "method": "GET"})
	s.call("POST", "/v1/jobs/"+jobs[0].ID+"/cancel", `{}`, nil)
	var got struct{ Status, Message string }
	s.call("GET", "/v1/datasources/"+d, nil, &got)
	if got.Status != "failed" || !strings.Contains(got.Message, "canceled before it began") {
		t.Errorf("the datasource is %+v", got)
	}
}
