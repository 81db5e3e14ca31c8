package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What cannot be done is said by name, with what is in its way, and changes nothing:
// neither rows, versions, files and pins nor the request, the cursor, the settings
// and the schedule.
func TestWhatCannotBeDoneChangesNothing(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1,"price":"12.50","at":1}`, `{"id":2,"price":"7","at":2}`, `{"id":3,"price":"n/a","at":3}`)
	d := s.first("Ledger", src.spec(`{"mode":"append","cursor":{"field":"at","param":"since"}}`))
	src.set(`{"id":1,"price":"1","at":4}`)
	s.mustRun(d, `{}`)
	line := "/v1/datalines/" + s.dataline(d).ID
	s.call("POST", line+"/versions/1/pin", `{}`, nil)
	s.call("PUT", "/v1/datasources/"+d+"/schedule", `{"every":"1d"}`, nil)
	run := func(setting string) func() string {
		return func() string { return said(s.again(d, setting)) }
	}
	ask := func(method, path, body string) func() string {
		return func() string {
			status, text := s.raw(method, path, body)
			return fmt.Sprint(status, " ", string(text))
		}
	}
	for _, c := range []struct {
		rule string
		sent string
		do   func() string
		says []string
	}{
		{"a type that does not hold the data", "", func() string { return said(s.retype(d, `{"columns":{"price":"BIGINT"}}`)) },
			[]string{"value-does-not-fit-type", "2 values", `record 1 has "12.50"`, `record 3 has "n/a"`}},
		{"a type that is none", "", ask("POST", line+"/retype", `{"columns":{"price":"MONEY"}}`), []string{"400", "unknown-type", "/columns/price"}},
		{"a merge key that no record has", `{"id":9,"price":"1","at":5}`, run(`{"mode":"merge","key":["code"]}`), []string{"merge-key-missing", `"code"`, "id, price, at"}},
		{"a merge key that a record lacks", `{"price":"1","at":5}`, run(`{"mode":"merge","key":["id"]}`), []string{"merge-key-missing", `"id"`}},
		{"a merge key that rows share", `{"id":9,"price":"1","at":5}`, run(`{"mode":"merge","key":["id"]}`), []string{"merge-key-duplicated", "4 rows", "3 different"}},
		{"a merge key named twice", "", ask("POST", "/v1/datasources/"+d+"/runs", `{"mode":"merge","key":["id","id"]}`), []string{"400", "merge-key-invalid"}},
		{"a merge without a key", "", ask("POST", "/v1/datasources/"+d+"/runs", `{"mode":"merge"}`), []string{"400", "merge-key-needed"}},
		{"a cursor that no record has", `{"id":9,"price":"1","when":5}`, run(`{}`), []string{"cursor-field-missing", `"at"`, "id, price, when"}},
		{"a cron that does not parse", "", ask("PUT", "/v1/datasources/"+d+"/schedule", `{"cron":"every day at six"}`), []string{"400", "/cron", "field"}},
		{"a cron that never comes", "", ask("PUT", "/v1/datasources/"+d+"/schedule", `{"cron":"0 6 30 2 *"}`), []string{"400", "/cron"}},
		{"settings that let a pinned version expire", "", ask("PATCH", line+"/settings", `{"keep_versions":1,"keep_days":0}`),
			[]string{"409", "retention-pinned", "version 1 (pinned by user)"}},
	} {
		before := s.everything(d)
		if c.sent != "" {
			src.set(c.sent)
		}
		got := c.do()
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, which does not say %q", c.rule, got, want)
			}
		}
		if diff := cmp.Diff(before, s.everything(d)); diff != "" {
			t.Errorf("%s changed something: %s", c.rule, diff)
		}
	}
	// After all that the next run goes on where the last good one ended.
	src.set(`{"id":4,"price":"2","at":6}`)
	s.mustRun(d, `{}`)
	if got := src.last(); got != "since=4" {
		t.Errorf("the next run asked for %q", got)
	}
	if rows := s.rows(d); len(rows) != 5 {
		t.Errorf("rows %s", rows)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	healthy(t, s.data)
}

// said is how a job ended, and why.
func said(j jobWire) string {
	if j.Error == nil {
		return j.Status
	}
	return j.Status + " " + j.Error.Type + ": " + j.Error.Detail
}

// everything returns what a refusal must leave as it is, by path.
func (s *server) everything(datasource string) map[string]string {
	s.t.Helper()
	line := "/v1/datalines/" + s.dataline(datasource).ID
	all := map[string]string{}
	for _, path := range []string{line, line + "/rows", line + "/versions", line + "/settings", line + "/profile", line + "/export?format=csv",
		"/v1/datasources/" + datasource + "/cursor", "/v1/datasources/" + datasource + "/schedule"} {
		_, text := s.raw("GET", path, nil)
		all[path] = string(text)
	}
	// A run that fails is remembered as such; what it could have left is files.
	var left struct{ Dataobjects []struct{ ID string } }
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &left)
	var files []string
	for _, o := range left.Dataobjects {
		files = append(files, o.ID)
	}
	slices.Sort(files)
	text, err := json.Marshal(files)
	if err != nil {
		s.t.Fatal(err)
	}
	all["files"] = string(text)
	return all
}
