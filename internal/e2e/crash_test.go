package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rounds returns how often a test does its round: few, unless the environment
// asks for more, as make crash does.
func rounds(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// maxRecovery is how long after a restart the first run that was cut off may take
// to be run again.
const maxRecovery = 10 * time.Second

// inSlices are the flags of a server that converts each run in several slices, so
// that a kill meets their conversion, too.
func inSlices() []string { return []string{"--allow-cidr", "127.0.0.0/8", "--slice-bytes", "8000"} }

// TestCrash kills the server at random moments of runs that replace, append and
// merge, and starts it again: each run that was acknowledged goes on by itself and
// is stored once, and no record is lost or there twice.
func TestCrash(t *testing.T) {
	kills := rounds(t, "MILLWRIGHT_CRASH_KILLS", 6)
	l := &ledger{total: 600, size: 100}
	api := upstream(t, l)
	data := t.TempDir()
	s := startIn(t, data, inSlices()...)
	books := l.open(s, api)
	began := time.Now()
	for _, b := range books {
		b.acked = append(b.acked, s.rerun(b.datasource).ID)
	}
	for _, b := range books {
		s.wait(b.acked[1])
	}
	usual := time.Since(began)
	var sum tally
	var first, all []time.Duration
	cutOff := 0
	for round := range kills {
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(usual)*5/4)), func() { _ = s.cmd.Process.Kill() })
		for _, b := range books {
			if id, ok := s.tryRerun(b.datasource); ok {
				b.acked = append(b.acked, id)
			}
		}
		err := <-s.done
		s.done <- err
		timer.Stop()
		spawned := time.Now()
		s = startIn(t, data, inSlices()...)
		cut, again := s.recovered(books, spawned)
		if cut > 0 {
			cutOff += cut
			first = append(first, again)
		}
		runs := s.finished(books)
		if cut > 0 {
			all = append(all, time.Since(spawned))
		}
		for i, b := range books {
			l.check(t, s, b, runs[i], &sum)
		}
		if t.Failed() {
			t.Fatalf("in round %d\n%s", round, s.log)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.log)
	}
	settle(t, data, books, &sum)
	e := healthy(t, data)
	slices.Sort(first)
	slices.Sort(all)
	t.Logf("\n%s", table([][2]string{
		{"SIGKILLs of the server at random moments", fmt.Sprint(kills)},
		{"runs that were cut off by them", fmt.Sprint(cutOff)},
		{"acknowledged runs", fmt.Sprint(sum.runs)},
		{"acknowledged runs lost", fmt.Sprint(sum.lost)},
		{"runs committed twice", fmt.Sprint(sum.twice)},
		{"records compared, over all rounds", fmt.Sprint(sum.records)},
		{"records there twice", fmt.Sprint(sum.duplicate)},
		{"records missing", fmt.Sprint(sum.missing)},
		{"records never sent", fmt.Sprint(sum.made)},
		{"rows without an object, unreadable files (doctor)", fmt.Sprint(len(e.broken()))},
		{"objects checked by the doctor", fmt.Sprint(e.Objects)},
		{"restart to first re-run at work: median, max", span(first)},
		{"restart to all runs completed: median, max", span(all)},
	}))
	long := kills >= 20 // make crash, which has the machine to itself; the short form shares it
	if limit := maxRecovery; len(first) > 0 && first[len(first)-1] > limit && (long || first[len(first)-1] > 3*limit) {
		t.Errorf("recovery took %v, want at most %v", first[len(first)-1], limit)
	}
	if long && cutOff < kills/2 {
		t.Errorf("only %d runs were cut off by %d kills: the moments are not those of runs", cutOff, kills)
	}
}

// tryRerun starts a run of a server that may die meanwhile, and reports whether
// the server acknowledged it.
func (s *server) tryRerun(datasource string) (id string, acknowledged bool) {
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/v1/datasources/"+datasource+"/runs", strings.NewReader("{}"))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	var started struct{ Jobs []jobWire }
	if resp.StatusCode != http.StatusOK || decode(resp.Body, &started) != nil || len(started.Jobs) == 0 {
		return "", false
	}
	return started.Jobs[0].ID, true
}

type runWire struct {
	ID, Status string
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// newest returns the newest runs of a datasource, as the server lists them: those
// of which nobody was told among them. A round starts one, so five are enough.
func (s *server) newest(datasource string) (all []runWire) {
	s.t.Helper()
	s.call("GET", "/v1/datasources/"+datasource+"/runs?take=5", nil, &all)
	return all
}

// recovered returns how many runs were cut off by the death of the process
// before, and how long after the restart the first of them was at work again.
func (s *server) recovered(books []*book, spawned time.Time) (cut int, again time.Duration) {
	s.t.Helper()
	for {
		open, working := 0, 0
		for _, b := range books {
			for _, r := range s.newest(b.datasource) {
				since := r.StartedAt != nil && r.StartedAt.After(spawned)
				switch {
				case r.Status == "pending", r.Status == "running":
					open++
				case since: // it went on, and has ended already
					open++
				}
				if since {
					working++
				}
			}
		}
		if cut == 0 {
			cut = open
		}
		if working > 0 || open == 0 {
			return cut, time.Since(spawned)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// finished waits for all runs and returns how many of each book have completed.
func (s *server) finished(books []*book) (runs []int) {
	s.t.Helper()
	for _, b := range books {
		for _, r := range s.newest(b.datasource) {
			if b.ended[r.ID] {
				continue
			}
			if j := s.wait(r.ID); j.Status != "completed" {
				s.t.Errorf("%s: the run %s is %s: %+v", b.mode, r.ID, j.Status, j.Error)
			}
			b.ended[r.ID] = true
		}
		runs = append(runs, len(b.ended))
	}
	return runs
}

// TestCrashOfWorkers kills the sandboxed processes of a server that runs and
// answers: runs are stored all the same, and an answer is right or a named error.
func TestCrashOfWorkers(t *testing.T) {
	kills := rounds(t, "MILLWRIGHT_CRASH_WORKERS", 4)
	l := &ledger{total: 600, size: 100}
	api := upstream(t, l)
	s := startIn(t, t.TempDir(), inSlices()...)
	books := l.open(s, api)
	began := time.Now()
	for _, b := range books {
		s.wait(s.rerun(b.datasource).ID)
	}
	usual := time.Since(began)
	var sum tally
	killed, answers, refused := 0, 0, 0
	for range kills {
		for _, b := range books {
			b.acked = append(b.acked, s.rerun(b.datasource).ID)
		}
		var asking sync.WaitGroup
		stop := make(chan struct{})
		project := s.project()
		d := s.dataline(books[0].datasource)
		var p struct{ ID string }
		s.call("POST", "/v1/queryprograms", map[string]any{"project_id": project, "dataline_id": d.ID, "cue": "test",
			// Long enough to be met by the kill, and never answered from memory.
			"code":  "SELECT count(*) AS n FROM " + d.TableName + " a, " + d.TableName + " b, range(40) WHERE a.id <= b.id AND $nonce >= 0",
			"slots": []any{map[string]any{"name": "nonce", "type": "integer", "default": 0}}}, &p)
		asking.Go(func() {
			for nonce := 1; ; nonce++ {
				select {
				case <-stop:
					return
				default:
				}
				status, text := s.raw("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.ID,
					"slots": map[string]any{"nonce": nonce}})
				switch {
				case status == 200 && strings.Contains(string(text), fmt.Sprint(40*l.total*(l.total+1)/2)):
					answers++
				case status < 500 && strings.Contains(string(text), `"type"`):
					refused++
				default:
					t.Errorf("an answer is neither right nor a named error: %d %s", status, text)
				}
			}
		})
		time.Sleep(time.Duration(rand.Int64N(int64(usual))))
		if workers := children(t, s.cmd.Process.Pid); len(workers) > 0 {
			if victim, err := os.FindProcess(workers[rand.IntN(len(workers))]); err == nil && victim.Kill() == nil {
				killed++
			}
		}
		runs := s.finished(books)
		close(stop)
		asking.Wait()
		for i, b := range books {
			l.check(t, s, b, runs[i], &sum)
		}
		if t.Failed() {
			t.Fatalf("%s", s.log)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.log)
	}
	settle(t, s.data, books, &sum)
	e := healthy(t, s.data)
	t.Logf("\n%s", table([][2]string{
		{"SIGKILLs of SQL workers at random moments", fmt.Sprint(killed)},
		{"acknowledged runs", fmt.Sprint(sum.runs)},
		{"acknowledged runs lost", fmt.Sprint(sum.lost)},
		{"runs committed twice", fmt.Sprint(sum.twice)},
		{"records compared, over all rounds", fmt.Sprint(sum.records)},
		{"records there twice", fmt.Sprint(sum.duplicate)},
		{"records missing", fmt.Sprint(sum.missing)},
		{"answers that were right", fmt.Sprint(answers)},
		{"answers that were named errors", fmt.Sprint(refused)},
		{"rows without an object, unreadable files (doctor)", fmt.Sprint(len(e.broken()))},
	}))
}

// children returns the processes whose parent is pid.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name stands in parentheses and may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) && fields[0] != "Z" {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all = append(all, child)
		}
	}
	return all
}

// span returns the median and the greatest of sorted durations.
func span(sorted []time.Duration) string {
	if len(sorted) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f s, %.2f s", sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}

// table aligns lines of a name and a value.
func table(lines [][2]string) string {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%-55s %s\n", line[0], line[1])
	}
	return b.String()
}
