package faulttest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	drifting   = 240 // records of a source whose types change
	perDrifted = 30
)

// drifted is the i-th record of a source: fractions come late, a text among numbers
// later, and a key that there was not before.
func drifted(i int) string {
	amount, code, late := strconv.Itoa(i), strconv.Itoa(i*7), ""
	if i >= 100 {
		amount += ".5"
	}
	if i == 170 {
		code = `"A17"`
	}
	if i >= 200 {
		late = fmt.Sprintf(`,"late":{"x":%d}`, i)
	}
	return fmt.Sprintf(`{"id":%d, "amount":%s,%s"code":%s,"when":"2024-01-02T03:04:%02dZ"%s}`, i, amount, "\n", code, i%60, late)
}

// steady is the i-th record of a source that keeps its types.
func steady(i int) string {
	return fmt.Sprintf(`{"id":%d,"amount":%d.5,"code":"c%d","when":"2024-01-02","late":{"x":1}}`, i, i, i)
}

func serveRecords(t *testing.T, record func(i int) string) string {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		if from+perDrifted < drifting {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/?from=%d>; rel="next"`, r.Host, from+perDrifted))
		}
		var rows []string
		for i := range perDrifted {
			rows = append(rows, record(from+i))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "["+strings.Join(rows, ",")+"]")
	}))
	t.Cleanup(ts.Close)
	return ts.URL
}

// A sliced dataset as it is read.
type sliced struct {
	ID      string
	Version int64
	Rows    int64
	Schema  json.RawMessage
	Verdict struct {
		Landing struct{ Landed, Remade, Reconverted int64 }
	}
}

func (s *server) sliced(datasource string) sliced {
	s.t.Helper()
	var d struct{ Datalines []sliced }
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &d)
	return d.Datalines[0]
}

// values returns a column's values as JSON, in the order of the rows.
func (s *server) values(d sliced, column string) (all []string) {
	s.t.Helper()
	var page struct {
		Columns []struct{ Name string }
		Rows    [][]json.RawMessage
	}
	s.call("GET", "/v1/datalines/"+d.ID+"/rows?limit=10000", nil, &page)
	at := slices.IndexFunc(page.Columns, func(c struct{ Name string }) bool { return c.Name == column })
	if at < 0 {
		s.t.Fatalf("there is no column %s in %v", column, page.Columns)
	}
	for _, row := range page.Rows {
		all = append(all, string(row[at]))
	}
	return all
}

func parquetFiles(t *testing.T, data string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(filepath.Join(data, "objects"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Records that come in many slices are all there, in order, in the types of all,
// however late these are known; and only those whose types changed are made again.
func TestSlicesHaveTheTypesOfAllRecords(t *testing.T) {
	config := configOf(t.TempDir())
	config.SliceBytes = 2000
	s := serve(t, config, io.Discard)
	d := s.sliced(s.connect("Drifting", serveRecords(t, drifted)))
	if files := parquetFiles(t, config.Data); files < 5 || d.Rows != drifting {
		t.Errorf("%d rows in %d files, want %d in several", d.Rows, files, drifting)
	}
	if l := d.Verdict.Landing; l.Landed != drifting || l.Remade < 150 || l.Remade >= drifting {
		t.Errorf("%d records landed and %d were made again, want all but the last ones of %d", l.Landed, l.Remade, drifting)
	}
	check := func(column string, want func(i int) string) {
		t.Helper()
		got := s.values(d, column)
		for i := range drifting {
			if i >= len(got) || got[i] != want(i) {
				t.Fatalf("%s of record %d of %d is %.80s, want %s", column, i, len(got), got[min(i, len(got)-1)], want(i))
			}
		}
	}
	check("id", strconv.Itoa)
	check("code", func(i int) string {
		if i == 170 {
			return `"A17"`
		}
		return strconv.Quote(strconv.Itoa(i * 7))
	})
	check("late", func(i int) string {
		if i < 200 {
			return "null"
		}
		return fmt.Sprintf(`{"x":%d}`, i)
	})
	check("amount", func(i int) string {
		if i >= 100 {
			return strconv.Itoa(i) + ".5"
		}
		return strconv.Itoa(i)
	})
}

func TestSlicesOfOneTypeAreMadeOnce(t *testing.T) {
	config := configOf(t.TempDir())
	config.SliceBytes = 2000
	s := serve(t, config, io.Discard)
	datasource := s.connect("Steady", serveRecords(t, steady))
	d := s.sliced(datasource)
	files := parquetFiles(t, config.Data)
	if d.Rows != drifting || files < 5 || d.Verdict.Landing.Remade != 0 {
		t.Errorf("%d rows in %d files, %d made again", d.Rows, files, d.Verdict.Landing.Remade)
	}
	// Each file has an edge from the raw pages.
	var edges []struct {
		Transformation string
		DownstreamID   string `json:"downstream_id"`
	}
	s.call("GET", "/v1/datasources/"+datasource+"/lineage", nil, &edges)
	made := 0
	for _, e := range edges {
		if e.Transformation == "convert_to_parquet" {
			made++
		}
	}
	if made != files {
		t.Errorf("%d edges to %d files", made, files)
	}
}

// Files that share raw pages are made again together when a later run changes
// types, and each row is there once.
func TestSlicesAreMadeAgainTogetherByALaterRun(t *testing.T) {
	config := configOf(t.TempDir())
	config.SliceBytes = 2000
	s := serve(t, config, io.Discard)
	record := func(i int) string { return fmt.Sprintf(`{"id":%d,"v":%d.50}`, i, i) }
	datasource := s.connect("Later", serveRecords(t, func(i int) string { return record(i) }))
	record = func(i int) string { return fmt.Sprintf(`{"id":%d,"v":"text %d"}`, i, i) }
	if got := s.wait(s.rerun(datasource)[0]); got.Status != "completed" {
		t.Fatalf("%+v", got)
	}
	d := s.sliced(datasource)
	if l := d.Verdict.Landing; d.Rows != 2*drifting || l.Reconverted != drifting {
		t.Errorf("%d rows, %d of them converted again", d.Rows, l.Reconverted)
	}
	got := s.values(d, "v")
	for i := range drifting {
		if want := fmt.Sprintf(`"%d.50"`, i); got[i] != want {
			t.Fatalf("row %d is %s, want %s", i, got[i], want)
		}
		if want := fmt.Sprintf(`"text %d"`, i); got[drifting+i] != want {
			t.Fatalf("row %d is %s, want %s", drifting+i, got[drifting+i], want)
		}
	}
}

// A column that an earlier version has keeps its name and field ids, however late in
// a run its first value comes.
func TestSlicesKeepTheFieldIDsOfEarlierVersions(t *testing.T) {
	config := configOf(t.TempDir())
	config.SliceBytes = 2000
	s := serve(t, config, io.Discard)
	datasource := s.connect("Twice", serveRecords(t, drifted))
	before := s.sliced(datasource)
	var run started
	s.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{"mode": "replace"}, &run)
	if got := s.wait(run.Jobs[0].ID); got.Status != "completed" {
		t.Fatalf("%+v", got)
	}
	if after := s.sliced(datasource); after.Version != before.Version+1 || string(after.Schema) != string(before.Schema) || after.Rows != drifting {
		t.Errorf("version %d has %d rows and the schema\n%s\nwant\n%s", after.Version, after.Rows, after.Schema, before.Schema)
	}
}
