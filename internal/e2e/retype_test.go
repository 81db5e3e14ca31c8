package e2e_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// retype builds the dataset again and returns its job.
func (s *server) retype(datasource, body string) jobWire {
	s.t.Helper()
	var started struct{ Jobs []jobWire }
	s.call("POST", "/v1/datalines/"+s.dataline(datasource).ID+"/retype", body, &started)
	first := s.wait(started.Jobs[0].ID)
	for _, j := range started.Jobs[1:] {
		s.wait(j.ID)
	}
	return first
}

// Types are chosen without asking the source, hold for later runs, and are given
// back to the values.
func TestRetype(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":"007","price":"12.50","day":"2024-01-01T00:00:00","n":1}`, `{"id":"8","price":"1","day":"2024-01-02T00:00:00","n":2.5}`)
	d := s.first("Typed", src.spec(`{"mode":"append"}`))
	src.set(`{"id":"9","price":"3.1","day":"2024-01-03T00:00:00","n":3}`)
	s.mustRun(d, `{}`)
	asked := len(src.asked)

	if j := s.retype(d, `{"columns":{"ID":"BIGINT","price":"decimal(18, 2)","day":"DATE","n":"VARCHAR"}}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	if len(src.asked) != asked {
		t.Error("the source was asked")
	}
	want := `CREATE TABLE "typed" ( "id" BIGINT, "price" DECIMAL(18,2), "day" DATE, "n" VARCHAR )`
	if got := s.columns(d); got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	s.wantRows(d, `[7,"12.50","2024-01-01","1"]`, `[8,"1.00","2024-01-02","2.5"]`, `[9,"3.10","2024-01-03","3"]`)
	before := s.dataline(d)

	s.wantFailure(s.retype(d, `{"columns":{"price":"BIGINT"}}`), "value-does-not-fit-type", "1 values", `record 1 has "12.50" in "price"`)
	for body, want := range map[string]string{
		`{"columns":{"prize":"BIGINT"}}`:        "/columns/prize",
		`{"columns":{"price":"INT[]"}}`:         "/columns/price",
		`{"columns":{"price":"DECIMAL(39,2)"}}`: "unknown-type",
		`{}`:                                    "field-missing",
	} {
		if status, text := s.raw("POST", "/v1/datalines/"+before.ID+"/retype", body); status != 400 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}

	src.set(`{"id":"10","price":"x","day":"2024-01-04T00:00:00","n":4}`)
	s.wantFailure(s.again(d, `{}`), "value-does-not-fit-type", `record 1 has "x" in "price"`)
	if after := s.dataline(d); after.Version != before.Version {
		t.Errorf("what failed made version %d", after.Version)
	}
	src.set(`{"id":"10","price":"4","day":"2024-01-04T00:00:00","n":4}`)
	s.mustRun(d, `{}`)
	rows := s.rows(d)
	if got := rows[len(rows)-1]; len(rows) != 4 || got != `[10,"4.00","2024-01-04","4"]` {
		t.Errorf("rows %s", rows)
	}
	if j := s.retype(d, `{"columns":{"id":null,"price":null,"day":null,"n":null}}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	s.wantRows(d, `["007","12.50","2024-01-01T00:00:00",1]`, `["8","1","2024-01-02T00:00:00",2.5]`,
		`["9","3.1","2024-01-03T00:00:00",3]`, `["10","4","2024-01-04T00:00:00",4]`)
	if diff := cmp.Diff(`CREATE TABLE "typed" ( "id" VARCHAR, "price" VARCHAR, "day" TIMESTAMP, "n" DOUBLE )`, s.columns(d)); diff != "" {
		t.Error(diff)
	}
}

// Building again what was merged, or what a cursor brought twice, brings no row back.
func TestRetypeKeepsWhatMergesAndCursorsLeftOut(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"v":"1"}`, `{"id":2,"v":"2"}`)
	merged := s.first("Merged", src.spec(`{"mode":"merge","key":["id"]}`))
	src.set(`{"id":2,"v":"20"}`)
	s.mustRun(merged, `{}`)
	if j := s.retype(merged, `{"columns":{"v":"BIGINT"}}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	if got := strings.Join(s.rows(merged), " "); got != `[1,1] [2,20]` && got != `[2,20] [1,1]` {
		t.Errorf("merged rows %s", got)
	}
	if got := s.dataline(merged); got.Rows != 2 {
		t.Errorf("%d rows", got.Rows)
	}

	src = newScript(t)
	src.set(`{"id":1,"v":"1"}`, `{"id":2,"v":"2"}`)
	grown := s.first("Grown", src.spec(`{"mode":"append","cursor":{"field":"id","param":"p"}}`))
	src.set(`{"id":2,"v":"2"}`, `{"id":3,"v":"3"}`)
	s.mustRun(grown, `{}`)
	if j := s.retype(grown, `{"columns":{"v":"BIGINT"}}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	s.wantRows(grown, `[1,1]`, `[2,2]`, `[3,3]`)
	src.set(`{"id":3,"v":"3"}`)
	s.mustRun(grown, `{}`)
	s.wantRows(grown, `[1,1]`, `[2,2]`, `[3,3]`)
}

// Another response path is taken from the stored pages; the source is not asked.
func TestRetypeWithAnotherResponsePath(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"lines":[{"sku":"a","n":1.50},{"sku":"b\u0000","n":99999999999999999999}]}`, `{"id":2,"lines":[]}`, `{"id":3,"lines":[{"sku":"c","n":-0.0}]}`)
	d := s.first("Orders", src.spec(""))
	s.wantRows(d, `[1,[{"sku":"a","n":"1.50"},{"sku":"b\u0000","n":"99999999999999999999"}]]`, `[2,[]]`, `[3,[{"sku":"c","n":"-0.0"}]]`)
	asked := len(src.asked)
	if j := s.retype(d, `{"response_path":"$.items[*].lines[*]","columns":{"n":"VARCHAR"}}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	want := []string{`["a","1.50"]`, `["b\u0000","99999999999999999999"]`, `["c","-0.0"]`}
	s.wantRows(d, want...)
	if len(src.asked) != asked {
		t.Error("the source was asked")
	}
	// The path is the request's from now on, and the new pages can be decoded again.
	s.mustRun(d, `{}`)
	s.wantRows(d, want...)
	if j := s.retype(d, `{"response_path":"items"}`); j.Status != "completed" {
		t.Fatalf("%+v\n%s", j.Error, s.log)
	}
	if rows := s.rows(d); len(rows) != 3 || !strings.HasPrefix(rows[1], "[2,") {
		t.Errorf("rows %s", rows)
	}
	before := s.dataline(d)
	s.wantFailure(s.retype(d, `{"response_path":"itens"}`), "path-selects-nothing", "items")
	s.wantFailure(s.retype(d, `{"response_path":"items","columns":{"prize":"BIGINT"}}`), "unknown-column", "prize")
	if status, text := s.raw("POST", "/v1/datalines/"+before.ID+"/retype", `{"response_path":"$["}`); status != 400 || !strings.Contains(string(text), "/response_path") {
		t.Errorf("a path that does not parse: %d %s", status, text)
	}
	if after := s.dataline(d); after.Version != before.Version {
		t.Error("what failed made a version")
	}
}
