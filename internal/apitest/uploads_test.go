package apitest_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestAJobThatWasAnnouncedBecomesTheLoads(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "announced")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "prices", "project_id": project, "type": "csv"}).text("id")
	answer := c.send("POST", "/v1/jobs/submit", map[string]any{"project_id": project, "job_type": "upload", "payload": map[string]any{"file_name": "p.csv"}, "do_not_send_to_queue": true,
		"source": "datasource", "source_id": d, "source_event_type": "file_upload", "source_metadata": `{"size": 12}`})
	id := answer.json().string()
	if answer.status != 200 || len(id) != 36 {
		t.Fatalf("submit: %s", answer)
	}
	if j := c.object("GET", "/v1/jobs/"+id, nil); j.text("status") != "pending" || j.get("source_metadata", "size").number() != 12 {
		t.Errorf("before the file: %s", j)
	}
	var csv strings.Builder
	csv.WriteString("Date,Symbol,Open,High,Low,Close,Volume\n")
	for i := range 400 {
		fmt.Fprintf(&csv, "2024-%02d-%02d,%s,%d.5,%d.25,%d,%d.75,%d\n", i%12+1, i%28+1, []string{"AAPL", "GOOGL", "MSFT"}[i%3], i, i+2, i, i+1, i*1000)
	}
	body, contentType := form(t, part{"datasource_id", "", "", d}, part{"job_id", "", "", id}, part{"file", "p.csv", "text/csv", csv.String()})
	if a := c.send("POST", "/api/infactory/v1/actions/load/"+project, body, "Content-Type", contentType); a.status != 200 || a.json().text("job_id") != id || a.json().text("datasource_id") != d {
		t.Fatalf("load: %s", a)
	}
	events := c.send("POST", "/v1/jobs/subscribe/"+id, nil)
	for _, name := range []string{"event: job.started", "event: NewDataObjectEvent", "event: job.completed"} {
		if !strings.Contains(string(events.body), name) {
			t.Errorf("no %s in %s", name, events.body)
		}
	}
	records := c.object("GET", "/v1/jobs/by-source?source=datasource&source_id="+d, nil).list()
	if len(records) != 3 || records[0].text("jobs", "id") != id {
		t.Fatalf("by source: %v", records)
	}
	for _, r := range records {
		if end := c.follow(r.text("jobs", "id")); end.text("latest_status") != "completed" {
			t.Errorf("%s", end)
		}
	}
	if h := c.object("GET", "/v1/jobs/history/"+id, nil); h.text("latest_status") != "completed" {
		t.Errorf("history: %s", h)
	}
	if programs := c.object("GET", "/v1/queryprograms?project_id="+project, nil).list(); len(programs) < 5 {
		t.Errorf("%d questions, want 5", len(programs))
	}
	if a := c.send("POST", "/v1/actions/load/"+project+"?job_id="+id, body, "Content-Type", contentType); a.status != 409 {
		t.Errorf("the same job again: %s", a)
	}
}

func TestABareLoadWritesNoQuestions(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "bare load")
	started, _ := c.load(project, "p.csv", "id,name\n1,a\n2,b\n3,c\n", "")
	jobs := started.get("jobs").list()
	if end := c.follow(jobs[len(jobs)-1].text("id")); end.text("job_type") != "analyze_dataset" || end.text("status") != "completed" {
		t.Errorf("%s", end)
	}
	if got := c.object("GET", "/v1/queryprograms?project_id="+project, nil); got.String() != "[]" {
		t.Errorf("got %s", got)
	}
	if got := c.object("GET", "/v1/datasources/"+started.text("datasource_id"), nil); got.text("status") != "ready" {
		t.Errorf("got %s", got)
	}
}

func TestAnAnnouncedJobWithoutAFileIsInNobodysWay(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "held")
	started, _ := c.load(project, "p.csv", "id\n1\n", "")
	d := started.text("datasource_id")
	id := c.send("POST", "/v1/jobs/submit", map[string]any{"project_id": project, "job_type": "upload", "payload": map[string]any{}, "source": "datasource", "source_id": d}).json().string()
	if _, end := c.load(project, "p.csv", "id\n2\n", "datasource_id="+d); end.text("status") != "completed" {
		t.Errorf("%s", end)
	}
	if j := c.object("POST", "/v1/jobs/"+id+"/cancel", map[string]any{}); j.text("status") != "canceled" {
		t.Errorf("%s", j)
	}
	if a := c.send("POST", "/v1/jobs/submit", map[string]any{"project_id": project, "job_type": "http_request", "payload": map[string]any{"datasource_id": d}}); a.status != 400 ||
		a.json().text("type") != "unknown-job-type" {
		t.Errorf("a run is started around its checks: %s", a)
	}
	workers := c.object("GET", "/v1/jobs/workers/active", nil)
	want(t, "a worker", workers.at(0), "id string", "name string", "info string", "started_at string", "stopped_at null", "last_heartbeat string")
}

func TestAnUploadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "parts")
	const text = "id,name\n1,a\n2,b\n3,c\n"
	up := c.send("POST", "/v1/uploads/"+project, map[string]any{"name": "parts.csv", "length": len(text), "questions": "false"})
	if up.status != 200 || up.header.Get("Upload-Offset") != "0" || up.header.Get("Upload-Complete") != "?0" {
		t.Fatalf("create: %s %v", up, up.header)
	}
	at := up.header.Get("Location")
	send := func(offset int, body, complete string) answer {
		return c.send("PATCH", at, body, "Content-Type", "application/partial-upload", "Upload-Offset", fmt.Sprint(offset), "Upload-Complete", complete)
	}
	if a := send(0, text[:5], "?0"); a.status != 200 || a.header.Get("Upload-Offset") != "5" {
		t.Fatalf("the first part: %s", a)
	}
	for rule, a := range map[string]answer{"a gap": send(7, text[7:], "?1"), "a part again": send(0, text, "?1")} {
		if a.status != 409 || a.json().text("type") != "upload-offset" || !strings.Contains(a.json().text("detail"), "byte 5") {
			t.Errorf("%s: %s", rule, a)
		}
	}
	if a := c.send("HEAD", at, nil); a.header.Get("Upload-Offset") != "5" || a.header.Get("Upload-Complete") != "?0" || a.header.Get("Upload-Length") != fmt.Sprint(len(text)) {
		t.Errorf("HEAD: %v", a.header)
	}
	if a := send(5, "", "?1"); a.status != 400 || a.json().text("type") != "upload-length" {
		t.Errorf("complete too early: %s", a)
	}
	last := send(5, text[5:], "?1")
	if last.status != 200 || last.header.Get("Upload-Complete") != "?1" {
		t.Fatalf("the last part: %s", last)
	}
	started := last.json().get("load")
	if end := c.follow(started.text("job_id")); end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	if got := c.rowsOf(started.text("datasource_id")); got != "id BIGINT,name VARCHAR\n[1,\"a\"]\n[2,\"b\"]\n[3,\"c\"]" {
		t.Errorf("got %s", got)
	}
	if a := send(20, "x", "?1"); a.status != 404 && a.status != 409 {
		t.Errorf("after the end: %s", a)
	}
}

func TestAnUploadTakesNoMoreThanWasSaid(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "long parts")
	at := c.send("POST", "/v1/uploads/"+project, map[string]any{"name": "a.csv", "length": 4}).header.Get("Location")
	if a := c.send("PATCH", at, "a\n1\n2\n", "Upload-Offset", "0"); a.status != 400 || a.json().text("type") != "upload-length" {
		t.Errorf("%s", a)
	}
	if a := c.send("POST", "/v1/uploads/"+project, map[string]any{"name": "a.csv", "length": maxUpload + 1}); a.status != 413 || !strings.Contains(a.json().text("detail"), "4 MB") {
		t.Errorf("%s", a)
	}
	at = c.send("POST", "/v1/uploads/"+project, map[string]any{"name": "a.csv"}).header.Get("Location")
	if a := c.send("DELETE", at, nil); a.status != 200 {
		t.Errorf("%s", a)
	}
	if a := c.send("GET", at, nil); a.status != 404 {
		t.Errorf("given up, and still there: %s", a)
	}
}
