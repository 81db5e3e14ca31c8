package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A sending is what a source sends, byte for byte, and what is done with it then.
type sending struct {
	name string
	runs [][]string // bodies of the pages of each run; the first replaces, later ones append
	path string     // of the records; empty means that it is found
	// Types that a person gives to columns after the last run, by name.
	retype map[string]string
	brief  bool // fewer readers
	apart  bool // in a project of its own
}

// Whatever JSON a source sends is what every reader reads back: pyarrow from the
// file as it is stored and from downloads, SQL, the rows of the API, CSV and NDJSON.
// What is not the same is one of the conversions that testdata/fidelity.py lists,
// and the dataset's profile reports it for that column.
func TestEveryReaderReadsWhatWasSent(t *testing.T) {
	interpreter := python(t)
	all := sendings(t)
	bodies := map[string]string{}
	for _, c := range all {
		for run, pages := range c.runs {
			for page, body := range pages {
				bodies[fmt.Sprintf("/%s/%d/%d", c.name, run, page)] = body
			}
		}
	}
	source := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		cut := strings.LastIndexByte(r.URL.Path, '/') + 1
		var page int
		fmt.Sscan(r.URL.Path[cut:], &page)
		if next := fmt.Sprint(r.URL.Path[:cut], page+1); bodies[next] != "" {
			w.Header().Set("Link", "<"+next+`>; rel="next"`)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}))
	s, dir := start(t), t.TempDir()
	t.Run("sources", func(t *testing.T) {
		for _, c := range all {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				own := *s
				own.t = t
				own.send(c, source, filepath.Join(dir, c.name))
			})
		}
	})
	out, err := exec.CommandContext(t.Context(), interpreter, "testdata/fidelity.py", dir).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("what is read is not what was sent: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	healthy(t, s.data)
}

// send lands what c sends and keeps what every reader reads in dir.
func (s *server) send(c sending, source, dir string) {
	s.t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	keep := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	for run, pages := range c.runs {
		for page, body := range pages {
			keep(fmt.Sprintf("sent-%d-%02d", run, page), []byte(body))
		}
	}
	spec := map[string]any{"url": source + "/" + c.name + "/0/0", "method": "GET"}
	if c.path != "" {
		spec["responsePathExtractor"] = c.path
	}
	keep("test.json", s.must("POST", "/v1/http/test-connection", spec))
	project := s.project()
	if c.apart {
		var p struct{ ID string }
		s.call("POST", "/v1/projects", map[string]any{"name": c.name}, &p)
		project = p.ID
	}
	var d struct{ ID string }
	s.call("POST", "/v1/datasources", map[string]any{"name": c.name, "project_id": project, "type": "http-requests"}, &d)
	spec["project_id"], spec["datasource_id"] = project, d.ID
	for run := range c.runs {
		if run > 0 {
			spec["url"] = fmt.Sprintf("%s/%s/%d/0", source, c.name, run)
			spec["options"] = map[string]any{"run": map[string]any{"mode": "append"}}
		}
		var started struct{ Jobs []jobWire }
		s.call("POST", "/v1/http/execute-request", spec, &started)
		// Analysis and programs change no value.
		if got := s.wait(started.Jobs[0].ID); got.Status != "completed" {
			s.t.Fatalf("%s, %+v", got.Status, got.Error)
		}
	}
	datasource := d.ID
	if c.retype != nil {
		body, err := json.Marshal(map[string]any{"columns": c.retype})
		if err != nil {
			s.t.Fatal(err)
		}
		if j := s.retype(datasource, string(body)); j.Status != "completed" {
			s.t.Fatalf("%+v", j.Error)
		}
	}
	s.read(project, datasource, c, keep)
}

// must sends a request that must succeed and returns the answer as it is.
func (s *server) must(method, path string, body any) []byte {
	s.t.Helper()
	status, text := s.raw(method, path, body)
	if status != 200 {
		s.t.Fatalf("%s %s: %d %.2000s", method, path, status, text)
	}
	return text
}

// read reads a dataset in every way and keeps what it reads.
func (s *server) read(project, datasource string, c sending, keep func(name string, content []byte)) {
	s.t.Helper()
	d := s.dataline(datasource)
	at := "/v1/datalines/" + d.ID
	keep("schema.json", d.Schema)
	keep("profile.json", s.must("GET", at+"/profile", nil))
	if len(c.runs) == 1 {
		keep("data.parquet", s.must("GET", "/v1/dataobjects/"+d.DataobjectID+"/content", nil))
	}
	for i, result := range s.selectAll(project, d) {
		keep(fmt.Sprintf("run-%d.json", i), result)
	}
	page, after := 0, "?limit=400"
	for next := &after; next != nil; page++ {
		text := s.must("GET", at+"/rows"+*next, nil)
		keep(fmt.Sprintf("rows-%d.json", page), text)
		var p struct{ Next *string }
		if err := json.Unmarshal(text, &p); err != nil {
			s.t.Fatal(err)
		}
		if next = p.Next; next != nil {
			*next = after + "&after=" + *next
		}
	}
	formats := []string{"csv", "ndjson", "parquet", "arrow"}
	if c.brief {
		formats = []string{"csv"}
	}
	for _, format := range formats {
		keep("export."+format, s.must("GET", at+"/export?format="+format, nil))
	}
}

// selectAll runs programs that name every column, the last one first, at most
// 1,000 at a time: a statement has a longest length.
func (s *server) selectAll(project string, d dataline) (results [][]byte) {
	s.t.Helper()
	var schema struct {
		Columns []struct{ Name string }
	}
	if err := json.Unmarshal(d.Schema, &schema); err != nil {
		s.t.Fatal(err)
	}
	for part := range slices.Chunk(schema.Columns, 1000) {
		columns := ""
		for _, c := range part {
			columns = `, "` + strings.ReplaceAll(c.Name, `"`, `""`) + `"` + columns
		}
		var p struct{ ID string }
		s.call("POST", "/v1/queryprograms", map[string]any{"project_id": project, "dataline_id": d.ID, "cue": "Every column by name",
			"code": "SELECT" + columns[1:] + ` FROM "` + d.TableName + `"`}, &p)
		results = append(results, s.must("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.ID}))
	}
	return results
}
