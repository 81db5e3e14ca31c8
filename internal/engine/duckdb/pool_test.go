package duckdb_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/table"
)

const forever = "SELECT count(*) AS n FROM range(100000000000) a(i), range(1000) b(j) WHERE hash(i + j) % 7 = 3"

func one(dir, scope string) engine.Query {
	return engine.Query{Scope: scope, Dir: dir, SQL: "SELECT 1 AS x"}
}

func TestQueueIsBounded(t *testing.T) {
	for _, c := range []struct {
		rule  string
		queue int
		wait  time.Duration
	}{{"nobody may wait", -1, time.Hour}, {"one may wait, but not for long", 1, 20 * time.Millisecond}} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			e := open(t, duckdb.Config{Workers: 1, Queue: c.queue, QueueWait: c.wait})
			busy := one(dir, "a")
			busy.SQL = forever
			rows, err := e.Run(t.Context(), busy)
			must(t, err)
			_, err = e.Run(t.Context(), one(dir, "b"))
			if found, ok := errs.Find(err); !ok || found.Kind != errs.Busy || found.Type != "engine-busy" || found.RetryAfter <= 0 {
				t.Errorf("got %v, want engine-busy with a time to try again", err)
			}
			must(t, rows.Close())
			if _, err := everything(t, e, one(dir, "b")); err != nil {
				t.Errorf("once the other query is closed: %v", err)
			}
		})
	}
}

func TestWaitingQueryCanBeCancelled(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{Workers: 1})
	busy := one(dir, "a")
	busy.SQL = forever
	rows, err := e.Run(t.Context(), busy)
	must(t, err)
	defer rows.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := e.Run(ctx, one(dir, "b")); !errors.Is(err, errs.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestWorkersEnd(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{Workers: 2, IdleAfter: 30 * time.Millisecond, MaxQueries: 3})
	ask := func(scope string) {
		t.Helper()
		if _, err := everything(t, e, one(dir, scope)); err != nil {
			t.Fatal(err)
		}
	}
	ask("a")
	for _, gone := range e.Idle() {
		<-gone // when unused for IdleAfter, or the test times out
	}
}

func TestWorkersAreReusedAndReplaced(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{Workers: 2, Keep: 2, MaxQueries: 3})
	ask := func(scope string) []<-chan struct{} {
		t.Helper()
		if _, err := everything(t, e, one(dir, scope)); err != nil {
			t.Fatal(err)
		}
		return e.Idle()
	}
	first := ask("a")
	if again := ask("a"); !slices.Equal(first, again) {
		t.Error("the scope's idle worker was not reused")
	}
	if idle := ask("a"); len(idle) != 0 {
		t.Error("a worker outlived MaxQueries")
	}
	<-first[0]
	// More scopes than are kept: the longest unused makes room.
	oldest := ask("a")[0]
	ask("b")
	if idle := ask("c"); len(idle) > 2 {
		t.Errorf("%d idle workers, want at most Keep", len(idle))
	}
	<-oldest
}

// The allocator keeps what was mapped once, so that a worker would have nothing left for
// its last queries.
func TestWorkersThatMappedMuchAreReplaced(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{MemoryLimit: 1536 << 20, QueryThreads: 4})
	q := one(dir, "a")
	ask := func() []<-chan struct{} {
		t.Helper()
		if _, err := everything(t, e, q); err != nil {
			t.Fatal(err)
		}
		return e.Idle()
	}
	first := ask()
	if again := ask(); len(first) != 1 || !slices.Equal(first, again) {
		t.Fatal("the worker of a small query was not reused")
	}
	columns := make([]string, 470)
	for i := range columns {
		columns[i] = fmt.Sprintf("repeat('x', i + 20) AS c%d", i)
	}
	q.SQL = "SELECT *, row_number() OVER (PARTITION BY c1 ORDER BY c0) AS n FROM (SELECT " + strings.Join(columns, ", ") + " FROM range(10) r(i))"
	if idle := ask(); len(idle) != 0 {
		t.Error("a worker that has mapped more than half of what it may is kept")
	}
}

func TestDeadWorkersAreNoticed(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{})
	for range 3 {
		if _, err := everything(t, e, one(dir, "a")); err != nil {
			t.Fatal(err)
		}
		gone := e.Idle()
		for _, pid := range e.Pids() { // idle and spare alike, as the kernel would when memory is short
			must(t, unix.Kill(pid, unix.SIGKILL))
		}
		for _, g := range gone {
			<-g
		}
	}
	if _, err := everything(t, e, one(dir, "a")); err != nil {
		t.Errorf("after all workers died: %v", err)
	}
}

func TestWorkersHaveNoEnvironment(t *testing.T) {
	t.Setenv("MILLWRIGHT_TEST_SECRET", secretText)
	e := open(t, duckdb.Config{})
	pids := e.Pids()
	if len(pids) == 0 {
		t.Fatal("no spare worker")
	}
	for _, pid := range pids {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || len(env) != 0 {
			t.Errorf("got %q, %v; want nothing", env, err)
		}
	}
}

func TestCloseEndsRunningQueries(t *testing.T) {
	spill := filepath.Join(t.TempDir(), "spill")
	e := open(t, duckdb.Config{SpillDir: spill})
	q := one(t.TempDir(), "a")
	q.SQL = forever
	rows, err := e.Run(t.Context(), q)
	must(t, err)
	pids := e.Pids()
	must(t, e.Close())
	for rows.Next() {
	}
	if !errors.Is(rows.Err(), errs.Unavailable) {
		t.Errorf("got %v, want unavailable", rows.Err())
	}
	must(t, rows.Close())
	for _, pid := range pids {
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("worker %d is still there: %v", pid, err)
		}
	}
	if left, err := os.ReadDir(spill); err != nil || len(left) != 0 {
		t.Errorf("spill folders are left: %v, %v", left, err)
	}
}

// parentArg makes the test binary a server that runs a query until it is killed.
const parentArg = "__parent"

func serveParent() int {
	dir, err := os.MkdirTemp("", "parent")
	if err != nil {
		return 1
	}
	defer os.RemoveAll(dir)
	e, err := duckdb.Open(duckdb.Config{SpillDir: dir})
	if err != nil {
		return 1
	}
	q := one(dir, "a")
	q.SQL, q.Timeout = forever, time.Hour
	rows, err := e.Run(context.Background(), q)
	if err != nil {
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(e.Pids()); err != nil {
		return 1
	}
	rows.Next()
	return 1
}

func TestWorkersDieWithTheirParent(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], parentArg)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	must(t, err)
	var pids []int
	must(t, json.Unmarshal(line, &pids))
	if len(pids) == 0 {
		t.Fatal("no workers")
	}
	var watched []unix.PollFd
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		must(t, err)
		defer unix.Close(fd)
		watched = append(watched, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	must(t, cmd.Process.Kill())
	for i := range watched {
		n, err := unix.Poll(watched[i:i+1], 5000)
		for errors.Is(err, unix.EINTR) { // the Go scheduler's signals
			n, err = unix.Poll(watched[i:i+1], 5000)
		}
		if n != 1 {
			t.Errorf("worker %d outlives its parent: %v", pids[i], err)
		}
	}
	_ = cmd.Wait() // killed
}

func TestOpenRemovesLeftovers(t *testing.T) {
	spill := t.TempDir()
	left, kept := filepath.Join(spill, "worker-123"), filepath.Join(spill, "mine")
	must(t, os.Mkdir(left, 0o700))
	must(t, os.Mkdir(kept, 0o700))
	open(t, duckdb.Config{SpillDir: spill})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a killed worker's folder is still there: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a foreign folder was removed: %v", err)
	}
}

// TestLongQueriesYield is about what keeps the short queries of others quick.
func TestLongQueriesYield(t *testing.T) {
	dir := t.TempDir()
	log := make(lines, 16)
	e := open(t, duckdb.Config{Spare: -1, LongAfter: time.Millisecond, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	q := one(dir, "a")
	q.SQL = forever
	rows, err := e.Run(t.Context(), q)
	must(t, err)
	go func() {
		for rows.Next() {
		}
	}()
	for nice := (map[int]int{}); nice[10] == 0 || len(nice) > 1; { // until it happened, or the test times out
		nice, err = e.Nice()
		must(t, err)
	}
	must(t, rows.Close())
	for said := range log {
		if !strings.Contains(said, "a query ended") {
			continue // the first query of all, which the pool asks itself
		}
		if !strings.Contains(said, "scope=a") || !strings.Contains(said, "yielded=true") {
			t.Errorf("the log says %q", said)
		}
		break
	}
}

func TestWhoseQueryRanLongYieldsForAWhile(t *testing.T) {
	dir := t.TempDir()
	nice := func(e *duckdb.Engine, scope string) map[int]int {
		t.Helper()
		if _, err := everything(t, e, one(dir, scope)); err != nil {
			t.Fatal(err)
		}
		n, err := e.Nice()
		for err == nil && len(n) != 1 { // until the workers that were not kept are gone
			n, err = e.Nice()
		}
		must(t, err)
		return n
	}
	// Every query takes long here.
	e := open(t, duckdb.Config{Spare: -1, LongAfter: time.Nanosecond})
	first := nice(e, "a")
	worker := e.Idle()
	if again := nice(e, "a"); first[10] == 0 || again[10] == 0 || len(again) != 1 || !slices.Equal(worker, e.Idle()) {
		t.Errorf("priorities %v, then %v; want one worker of low priority that goes on", first, again)
	}
	// Once it is forgotten, a worker of low priority is of no use.
	e = open(t, duckdb.Config{Spare: -1, LongAfter: time.Nanosecond, YieldFor: time.Nanosecond})
	nice(e, "a")
	worker = e.Idle()
	nice(e, "a")
	if slices.Equal(worker, e.Idle()) {
		t.Error("a worker of low priority serves a query that need not yield")
	}
	<-worker[0]
	e = open(t, duckdb.Config{Spare: -1, LongAfter: time.Hour})
	if n := nice(e, "a"); n[0] == 0 || len(n) != 1 {
		t.Errorf("priorities %v; want none that yields", n)
	}
}

// TestJobsDoNotMakePeopleYield is about the questions that follow an analysis.
func TestJobsDoNotMakePeopleYield(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{Spare: -1, LongAfter: time.Nanosecond}) // every query takes long
	q := one(dir, "a")
	q.Background = true
	for range 2 {
		if _, err := everything(t, e, q); err != nil {
			t.Fatal(err)
		}
	}
	worker := e.Idle()
	if _, err := everything(t, e, one(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(worker, e.Idle()) {
		t.Error("a query yields because a job's took long")
	}
}

// lines hands on what is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestConversionsAndQueriesHaveWorkersOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{Workers: 1, Queue: -1})
	q := one(dir, "a")
	q.SQL = forever
	rows, err := e.Run(t.Context(), q)
	must(t, err)
	write(t, filepath.Join(dir, "in.ndjson"), `{"x":1}`+"\n")
	schema := table.Schema{Columns: []table.Column{{ID: 1, Name: "x", Type: table.Type{Kind: table.BigInt}}}}
	// More at once than may run: they wait for each other and for nobody else.
	var conversions errgroup.Group
	for i := range 3 {
		conversions.Go(func() error {
			_, err := e.Convert(t.Context(), engine.Conversion{Input: filepath.Join(dir, "in.ndjson"), Output: filepath.Join(dir, fmt.Sprint(i, ".parquet")), Schema: schema})
			return err
		})
	}
	if err := conversions.Wait(); err != nil {
		t.Errorf("while a query holds the only worker: %v", err)
	}
	must(t, rows.Close())
}

// TestAnAcceptedStatementIsLookedAtAgainOnOtherTables asks one worker, which
// remembers what it has accepted.
func TestAnAcceptedStatementIsLookedAtAgainOnOtherTables(t *testing.T) {
	e := open(t, duckdb.Config{Workers: 1, Spare: -1, LongAfter: time.Hour})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.ndjson"), `{"x":1}`+"\n")
	schema := table.Schema{Columns: []table.Column{{ID: 1, Name: "x", Type: table.Type{Kind: table.BigInt}}}}
	file := filepath.Join(dir, "x.parquet")
	_, err := e.Convert(t.Context(), engine.Conversion{Input: filepath.Join(dir, "in.ndjson"), Output: file, Schema: schema})
	must(t, err)
	q := one(dir, "a")
	q.SQL = "SELECT x FROM t"
	tables := []engine.Table{{Name: "t", Files: []string{file}, Schema: schema}}
	hidden := []engine.Table{{Name: "t", Files: []string{file}, Schema: schema, Hidden: true}}
	var worker []<-chan struct{}
	for i, c := range []struct {
		tables []engine.Table
		fine   bool
	}{{tables, true}, {tables, true}, {hidden, false}, {tables, true}, {nil, false}, {tables, true}} {
		q.Tables = c.tables
		if _, err := everything(t, e, q); (err == nil) != c.fine {
			t.Errorf("ask %d: got %v, want it accepted: %t", i, err, c.fine)
		}
		if i > 0 && !slices.Equal(worker, e.Idle()) {
			t.Error("it was another worker")
		}
		worker = e.Idle()
	}
}
