package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The canaries, each in another place. None may be in any answer.
const (
	fileCanary  = "CANARY-file-7c1d90"
	envCanary   = "CANARY-env-7c1d90"
	otherCanary = "CANARY-other-project-7c1d90"
	spillCanary = "CANARY-spill-7c1d90"
)

const attackDeadline = 2 * time.Second

// A siege is a server, what it must not give away, and what came of attacks.
type siege struct {
	chaos
	root     string // outside the data folder
	project  string
	own      string // folders of objects
	other    string
	listener net.Listener
	calls    atomic.Int64 // connections that the listener got

	tallyMu sync.Mutex
	tally   map[string]map[string]int // surface -> outcome
	slowest time.Duration
	canary  int
}

// besiege starts a server under the program, if one is given, with two projects.
func besiege(t *testing.T, under ...string) *siege {
	t.Helper()
	t.Setenv("MILLWRIGHT_CANARY", envCanary)
	b := &siege{root: t.TempDir(), tally: map[string]map[string]int{}}
	b.server = startUnder(t, under, t.TempDir(), "--allow-cidr", "127.0.0.0/8", "--query-timeout", attackDeadline.String(), "--download-timeout", attackDeadline.String())
	if err := os.WriteFile(filepath.Join(b.root, "canary"), []byte(`{"a":"`+fileCanary+`"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := b.listener.Accept()
			if err != nil {
				return
			}
			b.calls.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		b.listener.Close()
		accepting.Wait()
	})
	rows := func(secret string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			var all []string
			for i := range 500 {
				all = append(all, fmt.Sprintf(`{"id":%d,"name":"%s %d","amount":%d.5}`, i, secret, i, i%50))
			}
			fmt.Fprintf(w, "[%s]", strings.Join(all, ","))
		}
	}
	b.project = b.server.project()
	b.land("sales", map[string]any{"url": upstream(t, rows("mine")), "method": "GET"})
	b.own = filepath.Join(b.data, "objects", b.project)
	b.other = filepath.Join(b.data, "objects", b.tenant("other", upstream(t, rows(otherCanary))).project)
	for _, dir := range []string{b.own, b.other} {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("the folder of a project's objects: %v", err)
		}
	}
	return b
}

func (b *siege) fill(sql string) string {
	_, port, _ := net.SplitHostPort(b.listener.Addr().String())
	return strings.NewReplacer("{CANARY}", filepath.Join(b.root, "canary"), "{SCRATCH}", b.root, "{OWN}", b.own, "{OTHER}", b.other,
		"{OBJECTS}", filepath.Dir(b.own), "{SPILL}", filepath.Join(b.data, "spill"), "{PORT}", port, "{t}", "sales").Replace(sql)
}

// bait puts a canary into the private folder of every worker there is.
func (b *siege) bait() {
	dirs, err := filepath.Glob(filepath.Join(b.data, "spill", "worker-*"))
	if err != nil {
		b.t.Error(err)
	}
	for _, dir := range dirs {
		_ = os.WriteFile(filepath.Join(dir, "canary"), []byte(spillCanary), 0o644) // it may end meanwhile
	}
}

// manifest returns the checksums of all that is stored, and of what lies outside.
func (b *siege) manifest() map[string]string {
	sums := map[string]string{}
	for _, dir := range []string{filepath.Join(b.data, "objects"), b.root} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			sums[path] = fmt.Sprintf("%x", sha256.Sum256(content))
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return sums
}

// surfaces are the ways in which a statement gets to the engine.
var surfaces = []string{"validate", "explain", "run", "download", "command line"}

// attack sends a statement through a surface and judges the answer.
func (b *siege) attack(surface, sql string) {
	sql = b.fill(sql)
	text := map[string]any{"project_id": b.project, "cue": "?", "code": sql}
	var status int
	var body []byte
	var took time.Duration
	post := func(path string, body any) (int, []byte) {
		began := time.Now()
		defer func() { took = time.Since(began) }()
		return b.raw("POST", path, body)
	}
	switch surface {
	case "validate", "explain":
		status, body = post("/v1/queryprograms/"+surface, text)
	default:
		var p struct{ ID string }
		b.call("POST", "/v1/queryprograms", text, &p)
		run := map[string]any{"project_id": b.project, "queryprogram_id": p.ID}
		switch surface {
		case "run":
			status, body = post("/v1/run/queryprogram?max_rows=1000", run)
		case "download":
			status, body = post("/v1/run/queryprogram?format=parquet", run)
		case "command line":
			began := time.Now()
			status, body = b.command(p.ID)
			took = time.Since(began)
		}
		b.call("DELETE", "/v1/queryprograms/"+p.ID+"?permanent=true", nil, nil)
	}
	b.judge(surface, sql, status, body, took)
}

// command runs a program with the command line.
func (b *siege) command(id string) (status int, body []byte) {
	cmd := exec.CommandContext(b.t.Context(), binary, "query", "run", id, "-o", "json", "--server", b.url)
	cmd.Env = []string{"MILLWRIGHT_API_KEY=" + testKey, "HOME=" + b.root}
	body, err := cmd.CombinedOutput()
	if err == nil {
		return 200, body
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 && code != 2 {
		b.t.Errorf("the command ended with %v: %s", err, body)
	}
	return 400, body
}

func (b *siege) judge(surface, sql string, status int, body []byte, took time.Duration) {
	short := sql[:min(len(sql), 100)]
	outcome := "refused"
	var problem struct {
		Type  string
		Valid *bool
	}
	_ = json.Unmarshal(body, &problem) // a file is no JSON
	switch {
	case problem.Type != "":
		outcome = problem.Type
	case status == 200 && problem.Valid != nil && !*problem.Valid, status != 200:
	case status == 200:
		outcome = "ok"
	}
	for _, canary := range []string{fileCanary, envCanary, otherCanary, spillCanary, "root:x:0"} {
		if bytes.Contains(body, []byte(canary)) {
			b.t.Errorf("%s: %s: the answer holds %s: %.300s", surface, short, canary, body)
			b.tallyMu.Lock()
			b.canary++
			b.tallyMu.Unlock()
		}
	}
	if status >= 500 || status == 0 || bytes.Contains(body, []byte("internal error")) {
		b.t.Errorf("%s: %s: %d %.300s", surface, short, status, body)
	}
	// A client's time includes waiting for a processor, which tests share.
	if took > attackDeadline+10*time.Second {
		b.t.Errorf("%s: %s took %s", surface, short, took)
	}
	b.tallyMu.Lock()
	defer b.tallyMu.Unlock()
	if b.tally[surface] == nil {
		b.tally[surface] = map[string]int{}
	}
	b.tally[surface][outcome]++
	b.slowest = max(b.slowest, took)
}

// TestAttacks sends every statement through every surface; the short form leaves
// out what takes long. MILLWRIGHT_ATTACK=long is the long form.
func TestAttacks(t *testing.T) {
	long := os.Getenv("MILLWRIGHT_ATTACK") != ""
	b := besiege(t)
	before := b.manifest()
	pid := b.cmd.Process.Pid
	watch, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { b.watch(watch) })
	b.bait()
	shared := sharedReaches(t)
	statements := append(append(shared, reaches...), bombs()...)
	t.Logf("%d shared statements, %d of our own that reach for what is not theirs, %d that crash or exhaust", len(shared), len(reaches), len(bombs()))
	type shot struct{ surface, sql string }
	var shots []shot
	for i, sql := range statements {
		isBomb := i >= len(shared)+len(reaches) || exhausts(sql)
		for n, surface := range surfaces {
			if !long && skipInShort(i, n, surface, isBomb) {
				continue
			}
			shots = append(shots, shot{surface, sql})
		}
	}
	var next atomic.Int64
	var attackers sync.WaitGroup
	for range 2 {
		attackers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(shots); i = next.Add(1) - 1 {
				b.attack(shots[i].surface, shots[i].sql)
				if i%20 == 0 {
					b.bait()
				}
			}
		})
	}
	attackers.Wait()
	stop()
	watcher.Wait()
	b.report(len(shots), before, pid)
}

// exhausts reports whether a statement that reaches for something wants much, too.
func exhausts(sql string) bool {
	return strings.Contains(sql, "range(") || strings.Contains(sql, "repeat(") || strings.Contains(sql, "pad(")
}

// skipInShort chooses what the short form does: each statement once, most of them
// where it is quickest, and of the bombs one in five.
func skipInShort(i, surface int, name string, isBomb bool) bool {
	switch {
	case isBomb:
		return i%6 != 0 || surface != i/6%3
	case name == "command line":
		return i%24 != 0
	}
	return i%4 != surface
}

func (b *siege) report(shots int, before map[string]string, pid int) {
	t := b.t
	t.Helper()
	changed := cmp.Diff(before, b.manifest())
	if changed != "" {
		t.Errorf("stored bytes changed (-before +after):\n%s", changed)
	}
	if err := syscall.Kill(pid, 0); err != nil || b.cmd.ProcessState != nil || b.cmd.Process.Pid != pid {
		t.Errorf("the server's process ended: %v", err)
	}
	if n := b.calls.Load(); n > 0 {
		t.Errorf("%d connections reached the listener", n)
	}
	ran, slowestRun := b.runTimes()
	late := attackDeadline + time.Second
	if os.Getenv("MILLWRIGHT_ATTACK") == "" {
		late += 3 * time.Second // other tests have the processors, too
	}
	if ran == 0 || slowestRun > late {
		t.Errorf("%d queries ended, the slowest after %s; want each within %s", ran, slowestRun, late)
	}
	const most = 4 << 30 // two workers at once with 1.5 GiB each, and the server
	if b.peak > most {
		t.Errorf("server and workers held %d MB", b.peak>>20)
	}
	status, body := b.raw("POST", "/v1/queryprograms/explain", map[string]any{"project_id": b.project, "code": "SELECT count(*) AS n FROM sales"})
	if status != 200 {
		t.Errorf("an innocent statement afterwards: %d %s", status, body)
	}
	for _, surface := range surfaces {
		n := 0
		for _, count := range b.tally[surface] {
			n += count
		}
		t.Logf("%-13s %4d statements: %v", surface, n, b.tally[surface])
	}
	t.Logf("%d attacks: %d canary reads, %d changed objects of %d, %d connections, server pid %d unchanged;\n"+
		"%d queries ran, the slowest for %s of %s (a client waited at most %s); server and workers held at most %d MB",
		shots, b.canary, strings.Count(changed, "\n+"), len(before), b.calls.Load(), pid, ran, slowestRun.Round(time.Millisecond), attackDeadline, b.slowest.Round(time.Millisecond), b.peak>>20)
}

// TestAttacksCallNobody runs the server under strace: while statements want files
// and the network, no process of it connects to anything, or opens what it must not.
func TestAttacksCallNobody(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("SKIPPED: strace is missing; make prepare installs it")
	}
	if out, err := exec.CommandContext(t.Context(), strace, "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: strace may not trace here: %v: %s", err, out)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	b := besiege(t, strace, "-f", "-y", "-s", "300", "--seccomp-bpf", "-o", trace, "-e", "trace=connect,openat,open,execve")
	info, err := os.Stat(trace)
	if err != nil {
		t.Fatal(err)
	}
	begin := info.Size()
	statements := append(sharedReaches(t), reaches...)
	for i, sql := range statements {
		if os.Getenv("MILLWRIGHT_ATTACK") == "" && i%4 != 0 || exhausts(sql) {
			continue
		}
		b.attack([]string{"validate", "explain", "run"}[i%3], sql)
	}
	content, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := readTrace(bytes.NewReader(content[begin:]))
	if err != nil {
		t.Fatal(err)
	}
	b.stopTraced()
	opened, bad, sent := 0, 0, 0
	for _, outcomes := range b.tally {
		for _, n := range outcomes {
			sent += n
		}
	}
	for _, c := range calls {
		switch {
		case c.name == "connect":
			bad++
			t.Errorf("connect(%s)", c.text)
		case c.name == "execve" && c.ok && !strings.Contains(c.text, "millwright"):
			bad++
			t.Errorf("execve(%s)", c.text)
		case c.ok && strings.HasPrefix(c.name, "open"):
			opened++
			for _, path := range []string{b.root, b.other, "/etc/passwd", "/environ", "meta.db\""} {
				if strings.Contains(c.text, path) {
					bad++
					t.Errorf("open(%s)", c.text)
				}
			}
		}
	}
	if opened == 0 {
		t.Error("the trace shows no opened file, so it shows nothing")
	}
	t.Logf("%d statements under strace: %d calls, %d files opened, %d of them or of connections that must not be", sent, len(calls), opened, bad)
}

// stopTraced ends a server that runs under another program, which would take a
// signal for itself.
func (b *siege) stopTraced() {
	b.t.Helper()
	for _, pid := range children(b.t, b.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			b.t.Error(err)
		}
	}
	select {
	case err := <-b.done:
		b.done <- err
	case <-time.After(60 * time.Second):
		b.t.Fatalf("the server does not stop\n%s", b.log)
	}
}
