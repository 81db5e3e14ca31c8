package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// query returns the first column of what the metadata of a stopped server say.
func query(t *testing.T, data, text string, args ...any) []string {
	t.Helper()
	rows, err := openMeta(t, data).Query(text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(v))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// change changes the metadata of a stopped server.
func change(t *testing.T, data, text string, args ...any) {
	t.Helper()
	if _, err := openMeta(t, data).Exec(text, args...); err != nil {
		t.Fatal(err)
	}
}

// Raw pages are ended after the commit that the setting lets go of them with, and
// then types cannot be decided again, which is said by name.
func TestRawPagesAreKeptAsTheSettingSays(t *testing.T) {
	s, src := start(t), newScript(t)
	const retype = `{"columns":{"n":"VARCHAR"}}`
	var ids []string
	cases := []struct {
		keep             string
		current, restore string // what a retype comes to, of the current version and of a restored one
		pages            string // how many files of pages are not ended after all that
	}{
		{"keep", "completed", "completed", "2"},
		{"last", "completed", "raw-pages-gone", "1"},
		{"none", "raw-pages-gone", "raw-pages-gone", "0"},
	}
	for _, c := range cases {
		src.set(`{"id":1,"n":1}`)
		d := s.first("Kept "+c.keep, src.spec(""))
		ids = append(ids, d)
		line := s.dataline(d).ID
		s.call("PATCH", "/v1/datalines/"+line+"/settings", `{"raw_pages":"`+c.keep+`"}`, nil)
		src.set(`{"id":1,"n":2}`)
		s.mustRun(d, `{}`)
		if got := s.tryRetype(d, retype); got != c.current {
			t.Errorf("%s: to retype the current version is %s, want %s", c.keep, got, c.current)
		}
		before := s.dataline(d)
		s.call("POST", "/v1/datalines/"+line+"/versions/1/restore", `{}`, nil)
		if got := s.tryRetype(d, retype); got != c.restore {
			t.Errorf("%s: to retype a restored version is %s, want %s", c.keep, got, c.restore)
		}
		if got := s.rows(d); !slices.Contains([]string{`[1,1]`, `[1,"1"]`}, strings.Join(got, " ")) {
			t.Errorf("%s: the restored rows are %s", c.keep, got)
		}
		if after := s.dataline(d); after.Version < before.Version+1 {
			t.Errorf("%s: version %d after %d", c.keep, after.Version, before.Version)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got := query(t, s.data, `SELECT count(*) FROM data_objects WHERE datasource_id = ? AND file_type = 'ndjson' AND deleted_at IS NULL`, ids[i])
		if got[0] != c.pages {
			t.Errorf("%s: %s files of raw pages are not ended, want %s", c.keep, got[0], c.pages)
		}
	}
	healthy(t, s.data)
}

// tryRetype returns how a retype ends: completed, or the name of the error.
func (s *server) tryRetype(datasource, body string) string {
	s.t.Helper()
	path := "/v1/datalines/" + s.dataline(datasource).ID + "/retype"
	status, text := s.raw("POST", path, body)
	var said struct {
		Type string
		Jobs []jobWire
	}
	if err := json.Unmarshal(text, &said); err != nil {
		s.t.Fatal(err)
	}
	if status != 200 {
		return said.Type
	}
	first := s.wait(said.Jobs[0].ID)
	for _, j := range said.Jobs[1:] {
		s.wait(j.ID)
	}
	if first.Error != nil {
		return first.Error.Type
	}
	return first.Status
}

// What an incremental run remembered goes with the last version that leads to it.
func TestCursorsGoWithTheirVersions(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1}`)
	d := s.first("Growing", src.spec(`{"mode":"append","cursor":{"field":"id","param":"p"}}`))
	line := s.dataline(d).ID
	for i := 2; i <= 4; i++ {
		src.set(fmt.Sprintf(`{"id":%d}`, i))
		s.mustRun(d, `{}`)
	}
	s.call("PATCH", "/v1/datalines/"+line+"/settings", `{"keep_versions":1,"keep_days":0}`, nil)
	s.call("POST", "/v1/datalines/"+line+"/versions/2/pin", `{}`, nil)
	// The state of version 4 is the one of version 5 too, and stays although 4 expires.
	if got := s.tryRetype(d, `{"columns":{"id":"DECIMAL(9,0)"}}`); got != "completed" {
		t.Fatalf("the retype is %s\n%s", got, s.log)
	}
	var versions []struct {
		Version   int64
		ExpiredAt *string `json:"expired_at"`
	}
	s.call("GET", "/v1/datalines/"+line+"/versions", nil, &versions)
	var kept []int64
	for _, v := range versions {
		if v.ExpiredAt == nil {
			kept = append(kept, v.Version)
		}
	}
	if diff := cmp.Diff([]int64{5, 2}, kept); diff != "" {
		t.Errorf("versions that are kept: %s", diff)
	}
	src.set(`{"id":4}`, `{"id":5}`)
	s.mustRun(d, `{}`)
	if got := src.last(); got != "p=4" {
		t.Errorf("the run after the retype asked for %q", got)
	}
	s.call("POST", "/v1/datalines/"+line+"/versions/2/restore", `{}`, nil)
	src.set(`{"id":3}`)
	s.mustRun(d, `{}`)
	if got := src.last(); got != "p=2" {
		t.Errorf("the run after the restore asked for %q", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	got := query(t, s.data, `SELECT version FROM ingest_cursors WHERE datasource_id = ? ORDER BY version`, d)
	if diff := cmp.Diff([]string{"2", "8"}, got); diff != "" {
		t.Errorf("states that are kept: %s", diff)
	}
}

// A process that dies between the end of a run and the words about it leaves a
// datasource at work, which the next start puts right; what a client set stays.
func TestDatasourcesLeftAtWorkArePutRight(t *testing.T) {
	s, src := start(t), newScript(t)
	src.set(`{"id":1}`)
	canceled, asked, mine, fine := s.first("Canceled", src.spec("")), s.first("Asked", src.spec("")), s.first("Mine", src.spec("")), s.first("Fine", src.spec(""))
	s.kill()
	const newest = ` WHERE id = (SELECT id FROM jobs WHERE source_id = ? AND type = 'http_request' ORDER BY created_at DESC, id DESC LIMIT 1)`
	change(t, s.data, `UPDATE jobs SET status = 'canceled', message = 'canceled by a person'`+newest, canceled)
	change(t, s.data, `UPDATE jobs SET status = 'running', cancel_requested = 1, finished_at = NULL, boot = 'gone'`+newest, asked)
	change(t, s.data, `UPDATE datasources SET status = 'working', phase = 'sync_started', message = '' WHERE id IN (?, ?)`, canceled, asked)
	change(t, s.data, `UPDATE jobs SET status = 'failed'`+newest, mine)
	change(t, s.data, `UPDATE datasources SET status = 'working', phase = 'upload_started' WHERE id = ?`, mine)

	s = startIn(t, s.data, "--allow-cidr", "127.0.0.0/8")
	src.set(`{"id":2}`)
	s.first("Runs", src.spec("")) // jobs run only when what was left is put right
	for id, want := range map[string]string{canceled: "failed: canceled by a person", asked: "failed: canceled by a person", mine: "working: ", fine: "ready: "} {
		var got struct{ Status, Message string }
		s.call("GET", "/v1/datasources/"+id, nil, &got)
		if text := got.Status + ": " + got.Message; !strings.HasPrefix(text, want) {
			t.Errorf("a datasource is %q, want %q", text, want)
		}
	}
	src.set(`{"id":3}`)
	s.mustRun(canceled, `{}`)
}

// Every file of an appended and of a merged version is read by another reader, and
// what counts of them is computed anew from the records that were sent.
func TestAnotherReaderAgreesOnWhatIsAppendedAndMerged(t *testing.T) {
	s := start(t)
	runs := [][]string{
		{`{"id":1,"name":"a","n":1,"m":{"x":1}}`, `{"id":2,"name":"b","n":2}`, `{"id":3,"name":"c","n":9007199254740993}`},
		{`{"id":2,"name":"B","n":2.5,"new":"2024-01-01"}`, `{"id":4,"name":"d","n":null}`},
		{`{"id":4,"name":"D","n":7,"m":{"x":2,"y":"é"}}`, `{"id":1,"name":null,"n":-0.25}`, `{"id":5,"name":"","n":1}`},
	}
	for _, mode := range []string{"append", "merge"} {
		src := newScript(t)
		run := `{"mode":"append"}`
		if mode == "merge" {
			run = `{"mode":"merge","key":["id"]}`
		}
		src.set(runs[0]...)
		d := s.first("Read "+mode, src.spec(run))
		for _, records := range runs[1:] {
			src.set(records...)
			s.mustRun(d, `{}`)
		}
		dir := t.TempDir()
		line := s.dataline(d)
		status, export := s.raw("GET", "/v1/datalines/"+line.ID+"/export?format=ndjson", nil)
		if status != 200 {
			t.Fatalf("export: %d %s", status, export)
		}
		sent := "[[" + strings.Join([]string{strings.Join(runs[0], ","), strings.Join(runs[1], ","), strings.Join(runs[2], ",")}, "],[") + "]]"
		for name, text := range map[string][]byte{"export.ndjson": export, "sent.json": []byte(sent), "schema.json": line.Schema} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"testdata/versions.py", mode, dir}
		for _, key := range query(t, s.data, `SELECT f.object_key FROM dataset_files f WHERE f.dataset_id = ? AND f.removed_version IS NULL ORDER BY f.sequence`, line.ID) {
			args = append(args, filepath.Join(s.data, "objects", key))
		}
		if len(args) != 6 {
			t.Errorf("%s: %d files, want one for each of 3 runs", mode, len(args)-3)
		}
		out, err := exec.CommandContext(t.Context(), python(t), args...).CombinedOutput()
		t.Logf("%s: %s", mode, bytes.TrimSpace(out))
		if err != nil {
			t.Errorf("%s: what pyarrow reads is not what was sent: %v", mode, err)
		}
	}
}
