package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// A ledger is an API that numbers its records: each has an id of its own in the
// data, and the serial number of this very sending. A record that was stored twice
// shows as an id that is there twice, one that was made up as a serial that was
// never sent.
type ledger struct {
	total, size int // records that are new for a run; records on a page
	sent        atomic.Int64
}

// overlap is how many records that it sent before a run that merges gets again.
const overlap = 50

// ServeHTTP answers /replace with always the same ids, /append with those behind
// the cursor, and /merge with those and some before it.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, _ := strconv.Atoi(q.Get("since"))
	page, _ := strconv.Atoi(q.Get("page"))
	last := since + l.total
	if since > 0 && strings.HasPrefix(r.URL.Path, "/merge") {
		last += overlap
	}
	first := since + page*l.size + 1
	items := []map[string]any{}
	for id := first; id <= min(first+l.size-1, last); id++ {
		items = append(items, map[string]any{"id": id, "serial": l.sent.Add(1), "text": strings.Repeat(strconv.Itoa(id), 8)})
	}
	next := any(nil)
	if first+l.size <= last {
		next = fmt.Sprintf("http://%s%s?since=%d&page=%d", r.Host, r.URL.Path, since, page+1)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "next": next})
}

// A book is a datasource of a ledger, and what was promised of its runs.
type book struct {
	mode       string
	datasource string
	acked      []string // jobs of runs that the server said it had taken
	ended      map[string]bool
}

func (l *ledger) spec(url, mode string) map[string]any {
	setting := map[string]any{"mode": mode}
	cursor := map[string]any{"field": "id", "param": "since", "inclusive": false}
	switch mode {
	case "append":
		setting["cursor"] = cursor
	case "merge":
		cursor["lookback"] = strconv.Itoa(overlap)
		setting["cursor"], setting["key"] = cursor, []string{"id"}
	}
	return map[string]any{"url": url + "/" + mode, "method": "GET", "responsePathExtractor": "items", "options": map[string]any{"run": setting}}
}

// open connects a datasource in each mode and waits for its first run.
func (l *ledger) open(s *server, url string) []*book {
	s.t.Helper()
	var books []*book
	for _, mode := range []string{"replace", "append", "merge"} {
		datasource, jobs := s.connect(mode+" book", l.spec(url, mode))
		for _, j := range jobs {
			if got := s.wait(j.ID); got.Status != "completed" {
				s.t.Fatalf("the first run of %s: %s is %s: %+v\n%s", mode, j.Type, got.Status, got.Error, s.log)
			}
		}
		books = append(books, &book{mode, datasource, []string{jobs[0].ID}, map[string]bool{}})
	}
	return books
}

// A tally is what was found wrong, over all rounds.
type tally struct {
	runs, lost, twice  int
	records, duplicate int64
	missing, made      int64
}

// check compares what can be read with what was sent, after n runs of the book.
func (l *ledger) check(t *testing.T, s *server, b *book, n int, sum *tally) {
	t.Helper()
	d := s.dataline(b.datasource)
	row := s.ask(d, fmt.Sprintf(`SELECT count(*) AS n, count(DISTINCT id) AS ids, min(id) AS least, max(id) AS most,
		count(DISTINCT serial) AS serials, max(serial) AS newest FROM %s`, d.TableName))
	number := func(name string) int64 {
		v, err := strconv.ParseInt(fmt.Sprint(row[name]), 10, 64)
		if err != nil {
			t.Fatalf("%s: %v in %v", name, err, row)
		}
		return v
	}
	want := int64(l.total)
	if b.mode != "replace" {
		want *= int64(n)
	}
	sum.records += number("n")
	sum.duplicate += number("n") - min(number("ids"), number("serials"))
	sum.missing += max(0, want-number("ids"))
	if number("most") > want || number("least") != 1 || number("newest") > l.sent.Load() || number("ids") > want {
		sum.made++
	}
	if number("n") != want || number("ids") != want || number("serials") != want || d.Rows != want {
		t.Errorf("%s after %d runs: %v rows, %v ids, %v serials, manifest %d; want %d", b.mode, n, row["n"], row["ids"], row["serials"], d.Rows, want)
	}
}

// settle checks, with the server stopped, that each run that was acknowledged is
// completed and is exactly one version.
func settle(t *testing.T, data string, books []*book, sum *tally) {
	t.Helper()
	db := openMeta(t, data)
	defer db.Close()
	for _, b := range books {
		var files int
		if err := db.QueryRow(`SELECT count(*) FROM data_objects WHERE run_id = ? AND file_type = 'parquet'`, b.acked[0]).Scan(&files); err != nil || files < 3 {
			t.Errorf("%s: a run made %d files (%v): kills do not meet the conversion of slices", b.mode, files, err)
		}
		for _, id := range b.acked {
			var status string
			var versions int
			if err := db.QueryRow(`SELECT j.status, (SELECT count(*) FROM dataset_versions v WHERE v.run_id = j.id AND v.kind IN ('append', 'replace', 'merge'))
				FROM jobs j WHERE j.id = ?`, id).Scan(&status, &versions); err != nil {
				t.Errorf("%s: the acknowledged run %s is not there: %v", b.mode, id, err)
				sum.lost++
				continue
			}
			sum.runs++
			if status != "completed" || versions == 0 {
				t.Errorf("%s: the acknowledged run %s is %s with %d versions", b.mode, id, status, versions)
				sum.lost++
			}
			if versions > 1 {
				t.Errorf("%s: the run %s was committed %d times", b.mode, id, versions)
				sum.twice++
			}
		}
	}
}
