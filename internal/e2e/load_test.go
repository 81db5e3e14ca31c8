package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// run runs a command of the binary against the server.
func (s *server) run(args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "MILLWRIGHT_URL="+s.url, "MILLWRIGHT_API_KEY="+testKey)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// byName returns the only dataset of a table name.
func (s *server) byName(table string) dataline {
	s.t.Helper()
	var all []dataline
	s.call("GET", "/v1/datalines/project/"+s.project(), nil, &all)
	for _, d := range all {
		if d.TableName == table {
			return d
		}
	}
	s.t.Fatalf("there is no dataset %s among %+v", table, all)
	return dataline{}
}

func TestLoadedFilesAreWhatPyarrowReads(t *testing.T) {
	interpreter := python(t)
	s := start(t)
	dir := t.TempDir()
	script := func(args ...string) {
		out, err := exec.CommandContext(t.Context(), interpreter, append([]string{"testdata/loaded.py"}, args...)...).CombinedOutput()
		t.Logf("%s", bytes.TrimSpace(out))
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	script("make", dir)
	for _, f := range []struct {
		file, table string
		flags       []string
	}{
		{"sales.csv", "sales", nil}, {"sales.csv.gz", "packed", []string{"--name", "packed"}}, {"western.csv", "western", []string{"--delimiter", ";", "--charset", "windows-1252"}},
		{"types.parquet", "types", nil}, {"nested.parquet", "nested", nil}, {"sales.ndjson", "lines", []string{"--name", "lines"}},
	} {
		out, said, err := s.run(append([]string{"load", filepath.Join(dir, f.file), "--no-questions", "-o", "csv"}, f.flags...)...)
		if err != nil || !strings.Contains(out, f.table) {
			t.Fatalf("load %s: %v\n%s%s\n%s", f.file, err, out, said, s.log)
		}
		script("compare", filepath.Join(dir, f.file), s.parquet(s.byName(f.table)))
	}
	out, said, err := s.run("load", filepath.Join(dir, "ragged.csv"))
	if err == nil || !strings.Contains(said, "line 3 has 1") || !strings.Contains(said, "on_ragged=pad") {
		t.Errorf("ragged: %v\n%s%s", err, out, said)
	}
}

// TestHostileParquetHurtsNobody loads Parquet files with damage at random places:
// each load ends with a name or with rows, and the server is the one that it was.
func TestHostileParquetHurtsNobody(t *testing.T) {
	interpreter := python(t)
	s := start(t)
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), interpreter, "testdata/loaded.py", "make", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "nested.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 1))
	project, pid := s.project(), s.cmd.Process.Pid
	ended := map[string]int{}
	for i := range rounds(t, "MILLWRIGHT_HOSTILE_PARQUET", 24) {
		bad := bytes.Clone(whole)
		for range 1 + random.IntN(8) {
			at := 4 + random.IntN(len(bad)-8)
			if i%2 == 0 { // the footer is what a reader trusts most
				at = len(bad) - 8 - random.IntN(min(1500, len(bad)-16))
			}
			bad[at] ^= byte(1 + random.IntN(255))
		}
		var started struct {
			JobID string `json:"job_id"`
		}
		s.call("POST", "/v1/actions/load/"+project+"?name=x.parquet", string(bad), &started)
		j := s.wait(started.JobID)
		switch {
		case j.Status == "completed":
			ended["rows"]++
		case j.Error != nil && j.Error.Type != "" && j.Error.Type != "internal":
			ended[j.Error.Type]++
		default:
			t.Errorf("%s: %+v\n%s", j.Status, j.Error, s.log)
		}
	}
	if s.cmd.Process.Pid != pid || s.cmd.ProcessState != nil {
		t.Error("the server is another")
	}
	t.Logf("%v", ended)
}

// TestCrashOfLoads kills the server at random moments of uploads and loads: what was
// acknowledged is there once, and an upload goes on where the server says it is.
func TestCrashOfLoads(t *testing.T) {
	const rows = 40_000
	data := t.TempDir()
	s := startIn(t, data, inSlices()...)
	project := s.project()
	var file strings.Builder
	file.WriteString("id,name,amount\n")
	for i := range rows {
		fmt.Fprintf(&file, "%d,\"name, %d\",%d.25\n", i, i%97, i)
	}
	text := file.String()
	acked, resumed, lost := 0, 0, 0
	for round := range rounds(t, "MILLWRIGHT_CRASH_LOADS", 5) {
		var up struct{ ID string }
		s.call("POST", "/v1/uploads/"+project, map[string]any{"name": fmt.Sprintf("round %d.csv", round), "length": len(text)}, &up)
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(900*time.Millisecond))), func() { _ = s.cmd.Process.Kill() })
		_, ok := s.sendPart(up.ID, 0, text)
		err := <-s.done
		s.done <- err
		timer.Stop()
		s = startIn(t, data, inSlices()...)
		if ok {
			acked++
		} else {
			// Nothing that the server says is there may be missing: the rest makes it whole.
			var now uploadWire
			status, body := s.raw("GET", "/v1/uploads/"+up.ID, nil)
			if status == 200 {
				if err := decode(bytes.NewReader(body), &now); err != nil {
					t.Fatal(err)
				}
			}
			switch {
			case status != 200: // it has landed, or its load has taken it: the answer alone was lost
			case now.Complete:
			default:
				resumed++
				if sent, whole := s.sendPart(up.ID, int(now.Offset), text[now.Offset:]); !whole {
					t.Fatalf("the rest from %d on is not taken: %+v\n%s", now.Offset, sent, s.log)
				}
			}
		}
		d := s.landed(fmt.Sprintf("round_%d", round))
		if d.Rows != rows || d.Version != 1 {
			lost++
			t.Errorf("round %d: %d rows in version %d, want %d in version 1", round, d.Rows, d.Version, rows)
		}
		var sum struct{ Rows [][]any }
		var p struct{ ID string }
		s.call("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "all of it?", "code": "SELECT count(DISTINCT id) AS n, sum(amount)::BIGINT AS total FROM " + d.TableName}, &p)
		s.call("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.ID}, &sum)
		if got := fmt.Sprint(sum.Rows); got != fmt.Sprintf("[[%d %d]]", rows, int64(rows)*(rows-1)/2+rows/4) {
			t.Errorf("round %d: %s", round, got)
		}
		if t.Failed() {
			t.Fatalf("%s", s.log)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.log)
	}
	healthy(t, data)
	t.Logf("\n%s", table([][2]string{{"loads that were acknowledged before the kill", fmt.Sprint(acked)}, {"uploads that went on after it", fmt.Sprint(resumed)}, {"files lost or there twice", fmt.Sprint(lost)}}))
}

type uploadWire struct {
	ID       string
	Offset   int64
	Complete bool
	JobID    string `json:"job_id"`
}

// sendPart sends the last part of an upload to a server that may die meanwhile, and
// reports whether the server acknowledged it.
func (s *server) sendPart(id string, offset int, text string) (up uploadWire, acknowledged bool) {
	r, err := http.NewRequestWithContext(s.t.Context(), "PATCH", s.url+"/v1/uploads/"+id, &slowly{strings.NewReader(text)})
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Upload-Offset", fmt.Sprint(offset))
	r.Header.Set("Upload-Complete", "?1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return up, false
	}
	defer resp.Body.Close()
	return up, resp.StatusCode == http.StatusOK && decode(resp.Body, &up) == nil
}

// slowly gives a text in parts with pauses between them, as networks do.
type slowly struct{ r io.Reader }

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return s.r.Read(p[:min(len(p), 32<<10)])
}

// landed waits until the dataset of that name is there and no job is under way.
func (s *server) landed(table string) dataline {
	s.t.Helper()
	var jobs []jobWire
	s.call("GET", "/v1/jobs?project_id="+s.project()+"&take=10", nil, &jobs)
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			s.t.Errorf("%s: %s %+v", j.Type, got.Status, got.Error)
		}
	}
	return s.byName(table)
}

// TestTheCommandGoesOnWithAnUpload cuts the connection in the middle of an upload,
// twice: the command goes on from where the server is.
func TestTheCommandGoesOnWithAnUpload(t *testing.T) {
	s := start(t)
	to := strings.TrimPrefix(s.url, "http://")
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const most = 300_000
	var cuts, passed atomic.Int64
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				upstream, err := new(net.Dialer).DialContext(t.Context(), "tcp", to)
				if err != nil {
					return
				}
				defer upstream.Close()
				go func() { _, _ = io.Copy(from, upstream); from.Close() }()
				limit := int64(1 << 40)
				if cuts.Load() < 2 {
					limit = most
				}
				n, _ := io.Copy(upstream, io.LimitReader(from, limit))
				if passed.Add(n); n == most {
					cuts.Add(1)
				}
			}()
		}
	}()
	path := filepath.Join(t.TempDir(), "long.csv")
	text := "id,name\n" + strings.Repeat("1,\"some words\"\n", 100_000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "load", path, "--no-questions")
	cmd.Env = append(os.Environ(), "MILLWRIGHT_URL=http://"+ln.Addr().String(), "MILLWRIGHT_API_KEY="+testKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.log)
	}
	if d := s.byName("long"); d.Rows != 100_000 {
		t.Errorf("%d rows, want 100000", d.Rows)
	}
	if again := passed.Load() - int64(len(text)); cuts.Load() != 2 || again > 200_000 {
		t.Errorf("%d cuts, and %d bytes were sent again", cuts.Load(), again)
	}
}

func TestAProjectMovesByCommand(t *testing.T) {
	interpreter := python(t)
	here, there := start(t), start(t)
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), interpreter, "testdata/loaded.py", "make", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	source, file := filepath.Join(dir, "types.parquet"), filepath.Join(dir, "project.json")
	for _, args := range [][]string{{"load", source}, {"export", "--file", file}} {
		if out, said, err := here.run(args...); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, out, said)
		}
	}
	if _, said, err := here.run("export", "--file", file); err == nil || !strings.Contains(said, "exists already") {
		t.Errorf("over a file that is there: %v %s", err, said)
	}
	for _, args := range [][]string{{"import", file, "--check"}, {"import", file, "--on-conflict", "overwrite"}} {
		out, said, err := there.run(args...)
		if err != nil || !strings.Contains(out, "First project") {
			t.Fatalf("%v: %v\n%s%s\n%s", args, err, out, said, there.log)
		}
	}
	out, err := exec.CommandContext(t.Context(), interpreter, "testdata/loaded.py", "compare", source, there.parquet(there.byName("types"))).CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Error(err)
	}
	var mine, theirs []struct{ Cue, Code string }
	here.call("GET", "/v1/queryprograms?project_id="+here.project(), nil, &mine)
	there.call("GET", "/v1/queryprograms?project_id="+there.project(), nil, &theirs)
	if len(mine) < 5 || fmt.Sprint(mine) != fmt.Sprint(theirs) {
		t.Errorf("%d questions became %d", len(mine), len(theirs))
	}
}
