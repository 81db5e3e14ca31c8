package duckdb_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/table"
)

const secretText = "CANARY-5d1f"

// A house has two tenants' objects, and things that no query may touch.
type house struct {
	objects, own, other, canary, scratch string
	table                                engine.Table
}

func newHouse(t *testing.T, e *duckdb.Engine) house {
	t.Helper()
	root := t.TempDir()
	h := house{
		objects: filepath.Join(root, "objects"), own: filepath.Join(root, "objects", "tenantA"), other: filepath.Join(root, "objects", "tenantB"),
		canary: filepath.Join(root, "canary.json"), scratch: filepath.Join(root, "scratch"),
	}
	for _, dir := range []string{h.own, h.other, h.own + "B", h.scratch} {
		must(t, os.MkdirAll(dir, 0o777))
	}
	must(t, os.WriteFile(h.canary, []byte(`{"a":"`+secretText+`"}`), 0o666))
	schema := table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Type: table.Type{Kind: table.Varchar}}}}
	for _, dir := range []string{h.own, h.other, h.own + "B"} {
		text := "mine"
		if dir != h.own {
			text = secretText
		}
		in := filepath.Join(root, "in.ndjson")
		must(t, os.WriteFile(in, []byte(`{"a":"`+text+`"}`+"\n"), 0o666))
		_, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: filepath.Join(dir, "x.parquet"), Schema: schema})
		must(t, err)
	}
	must(t, os.Symlink(h.other, filepath.Join(h.own, "linkB")))
	h.table = engine.Table{Name: "t", Files: []string{filepath.Join(h.own, "x.parquet")}, Schema: schema}
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h house) fill(sql string) string {
	return strings.NewReplacer("{OWN}", h.own, "{OTHER}", h.other, "{OBJECTS}", h.objects, "{CANARY}", h.canary, "{SCRATCH}", h.scratch).Replace(sql)
}

// print returns the names and checksums of everything in the house.
func (h house) print(t *testing.T) map[string]string {
	t.Helper()
	sums := map[string]string{}
	must(t, filepath.WalkDir(filepath.Dir(h.objects), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	}))
	return sums
}

// attacks are our own; the shared vectors, where they are at hand, come on top.
var attacks = []string{
	"SELECT * FROM read_text('{CANARY}')",
	"SELECT * FROM '{CANARY}'",
	`SELECT * FROM "{CANARY}"`,
	"SELECT * FROM read_json('{CANARY}')",
	"SELECT (SELECT content FROM read_text('{CANARY}'))",
	"SELECT * FROM t, LATERAL read_text('{CANARY}')",
	"WITH x AS MATERIALIZED (SELECT * FROM read_blob('{CANARY}')) SELECT * FROM x",
	"SELECT * FROM parquet_scan('{OTHER}/x.parquet')",
	`SELECT * FROM "read_parquet"('{OTHER}/x.parquet')`,
	`SELECT * FROM main.read_parquet('{OTHER}/x.parquet')`,
	`SELECT * FROM system.main.read_text('{CANARY}')`,
	"SELECT * FROM read_parquet/**/('{OTHER}/x.parquet')",
	"SELECT * FROM query('SELECT * FROM read_text(''{CANARY}'')')",
	"SELECT * FROM query_table(['{OTHER}/x.parquet'])",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{CANARY}'')'))",
	"SELECT * FROM glob('{OBJECTS}/*')",
	"SELECT * FROM read_text('/proc/self/environ')",
	"SELECT * FROM read_text('/proc/self/mem')",
	"SELECT * FROM sniff_csv('/etc/passwd')",
	"SELECT * FROM duckdb_settings()",
	"SELECT * FROM duckdb_views",
	"SELECT sql FROM sqlite_master",
	"SELECT * FROM pg_catalog.pg_class",
	"SELECT view_definition FROM information_schema.views",
	"WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views",
	"SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT 1), duckdb_views",
	"SELECT current_setting('temp_directory')",
	"SELECT getenv('HOME')",
	"COPY (SELECT 1) TO '{OWN}/x.parquet' (FORMAT parquet)",
	"EXPORT DATABASE '{OWN}'",
	"ATTACH '{OWN}/new.db'",
	"COPY t TO '/proc/self/fd/4'",
	"SELECT * FROM read_csv('http://127.0.0.1:1/')",
	"SELECT 1; COPY (SELECT 1) TO '{OWN}/x.parquet'",
	"SELECT filename FROM t",
	"SELECT file_row_number FROM t",
}

// TestAttacks runs statements of which none may read a canary, change a byte,
// hurt this process, or outlive its deadline.
func TestAttacks(t *testing.T) {
	e := open(t, duckdb.Config{})
	h := newHouse(t, e)
	before := h.print(t)
	all := append(attacks[:len(attacks):len(attacks)], sharedAttacks(t)...)
	const limit = 2 * time.Second
	for _, attack := range all {
		q := engine.Query{Scope: "a", Dir: h.own, Tables: []engine.Table{h.table}, SQL: h.fill(attack), Timeout: limit, MaxRows: 1000, MaxBytes: 1 << 20}
		start := time.Now()
		text, err := everything(t, e, q)
		if took := time.Since(start); took > limit+time.Second {
			t.Errorf("%s took %s", attack, took)
		}
		if strings.Contains(text, secretText) || err != nil && strings.Contains(errs.Public(err), secretText) {
			t.Errorf("%s read the canary: %s %v", attack, text, err)
		}
		if kind := errs.KindOf(err); err != nil && kind != errs.Invalid && kind != errs.TooLarge {
			t.Errorf("%s: %v; want an error that says what to change", attack, err)
		}
		if err == nil && (strings.Contains(attack, "{") || strings.Contains(text, h.objects)) {
			t.Errorf("%s succeeded: %s", attack, text)
		}
	}
	if diff := cmp.Diff(before, h.print(t)); diff != "" {
		t.Errorf("files changed (-before +after):\n%s", diff)
	}
	if text, err := everything(t, e, engine.Query{Scope: "a", Dir: h.own, Tables: []engine.Table{h.table}, SQL: "SELECT a FROM t"}); err != nil || !strings.Contains(text, "mine") {
		t.Errorf("an innocent query afterwards: %q, %v", text, err)
	}
}

func everything(t *testing.T, e *duckdb.Engine, q engine.Query) (string, error) {
	t.Helper()
	rows, err := e.Run(t.Context(), q)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		for _, c := range rows.Batch().Columns() {
			fmt.Fprint(&all, c)
		}
	}
	return all.String(), rows.Err()
}

// sharedAttacks reads the attack file of the test vectors, if there is one.
func sharedAttacks(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("MILLWRIGHT_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "vectors")
	}
	content, err := os.ReadFile(filepath.Join(dir, "sql_attacks.sql"))
	if err != nil {
		t.Run("shared vectors", func(t *testing.T) {
			t.Skip("SKIPPED: no sql_attacks.sql; set MILLWRIGHT_VECTORS to the folder of test vectors to run them too")
		})
		return nil
	}
	var statements []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			statements = append(statements, line)
		}
	}
	if len(statements) < 90 {
		t.Errorf("only %d statements in the attack file", len(statements))
	}
	return statements
}

// TestBombs runs statements that crash DuckDB or its memory limit. Each may
// only end itself, with an error that has a name.
func TestBombs(t *testing.T) {
	e := open(t, duckdb.Config{})
	h := newHouse(t, e)
	for _, c := range []struct{ sql, want string }{
		{"SELECT (repeat('[',20000)||repeat(']',20000))::JSON::VARIANT", "query-crashed"},
		{"SELECT json_structure((repeat('[',100000)||repeat(']',100000))::JSON)", "query-crashed"},
		{"SELECT length(repeat('x', 2000000000) || 'y')", "query-memory"},
		{"SELECT length(rpad('x', 2000000000, 'y'))", "query-memory query-timeout"},
		{"SELECT range(1000000000)", "query-memory"},
		{"SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)", "query-memory query-timeout"},
		{"SELECT list(i) FROM range(2000000000) r(i)", "query-memory query-timeout"},
		{"SELECT mode(i::VARCHAR) FROM range(100000000) r(i)", "query-memory query-timeout"},
		{"SELECT damerau_levenshtein(repeat('a', 30000), repeat('b', 30000))", "query-memory query-timeout"},
		{"SELECT repeat('x', 10000) AS x FROM range(10000000)", ""}, // cut by MaxBytes
		{"WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r", "query-memory query-timeout"},
		{"SELECT " + strings.Repeat("1+", 5000) + "1", "sql-invalid query-timeout query-crashed"},
		{"SELECT " + strings.Repeat("NOT ", 20000) + "true", "sql-invalid query-timeout query-crashed"},
		{"SELECT x FROM (VALUES " + strings.Repeat("(1),", 9000) + "(1)) v(x)", ""},
	} {
		timeout := 3 * time.Second
		if c.want == "" {
			timeout *= 10 // what has an answer gives it, however busy the machine is
		}
		q := engine.Query{Scope: "bombs", Dir: h.own, Tables: []engine.Table{h.table}, SQL: c.sql, Timeout: timeout, MaxBytes: 10 << 20}
		start := time.Now()
		_, err := everything(t, e, q)
		took := time.Since(start)
		var named *errs.Error
		name := ""
		if found, ok := errs.Find(err); ok {
			named, name = found, found.Type
		}
		short := c.sql[:min(len(c.sql), 70)]
		t.Logf("%-70s %8s %s", short, took.Round(time.Millisecond), name)
		if err == nil != (c.want == "") || err != nil && (named == nil || !strings.Contains(" "+c.want+" ", " "+name+" ")) {
			t.Errorf("%s: got %v, want %q", short, err, c.want)
		}
		if took > timeout+time.Second {
			t.Errorf("%s took %s", short, took)
		}
		if text, err := everything(t, e, engine.Query{Scope: "bombs", Dir: h.own, Tables: []engine.Table{h.table}, SQL: "SELECT a FROM t"}); err != nil || !strings.Contains(text, "mine") {
			t.Errorf("the next query: %q, %v", text, err)
		}
	}
	var children syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children))
	t.Logf("largest worker: %d MB", children.Maxrss>>10)
}

// TestKernelConfines tries things inside a confined process with every check
// of ours, and then DuckDB's, left out.
func TestKernelConfines(t *testing.T) {
	e := open(t, duckdb.Config{})
	if !e.Sandbox().Full() {
		t.Skipf("SKIPPED: this kernel confines only %+v", e.Sandbox())
	}
	h := newHouse(t, e)
	before := h.print(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	p := duckdb.Probe{Dir: h.own, Files: []string{h.canary, "/etc/passwd", "/proc/self/environ"}, Write: h.own, Address: listener.Addr().String()}
	for range 50 { // until each of DuckDB's threads had its turn
		p.SQL = append(p.SQL, fmt.Sprintf("SELECT a FROM read_parquet(['{OTHER}/x.parquet', '{OWN}B/x.parquet']) -- %d", len(p.SQL)))
	}
	p.SQL = append(p.SQL,
		"SELECT content FROM read_text('{CANARY}')",
		"SELECT content FROM read_text('/etc/passwd')",
		"SELECT content FROM read_text('/proc/self/environ')",
		"SELECT a FROM read_parquet('{OWN}/linkB/x.parquet')",
		"SELECT a FROM read_parquet('{OWN}/../tenantB/x.parquet')",
		"SELECT file FROM glob('{OBJECTS}/*/*.parquet') WHERE file NOT LIKE '{OWN}/%'",
		"COPY (SELECT 1) TO '{OWN}/x.parquet' (FORMAT parquet)",
		"COPY (SELECT 1) TO '{SCRATCH}/x.csv'",
		"EXPORT DATABASE '{OWN}/export'",
		"ATTACH '{OWN}/new.db'",
		"ATTACH '{SCRATCH}/new.db'",
	)
	for i := range p.SQL {
		p.SQL[i] = h.fill(p.SQL[i])
	}
	p.Spill = t.TempDir()
	for attempt, outcome := range probe(t, p) {
		// A glob that may not look finds nothing.
		if strings.HasPrefix(outcome, "ok: ") && outcome != "ok: " && attempt != "threads" || outcome == "ok: " && !strings.Contains(attempt, "glob") {
			t.Errorf("%s: %s", attempt, outcome)
		}
	}
	if diff := cmp.Diff(before, h.print(t)); diff != "" {
		t.Errorf("files changed (-before +after):\n%s", diff)
	}
	// The probe can do what it should: otherwise it proves nothing.
	p = duckdb.Probe{Dir: h.own, Spill: t.TempDir(), Locked: true, SQL: []string{h.fill("SELECT a FROM read_parquet('{OWN}/x.parquet')")}}
	if got := probe(t, p)[p.SQL[0]]; got != "ok: mine" {
		t.Errorf("reading the own table: %s", got)
	}
}

// TestSettingsHold tries statements that our checks would refuse against
// DuckDB's own settings.
func TestSettingsHold(t *testing.T) {
	e := open(t, duckdb.Config{})
	h := newHouse(t, e)
	p := duckdb.Probe{Dir: h.own, Spill: t.TempDir(), Locked: true}
	for _, attack := range append(attacks[:len(attacks):len(attacks)], "SET enable_external_access = true", "SET lock_configuration = false", "RESET memory_limit", "SET threads = 64", "INSTALL httpfs", "LOAD httpfs") {
		p.SQL = append(p.SQL, h.fill(attack))
	}
	for attempt, outcome := range probe(t, p) {
		if strings.Contains(outcome, secretText) || strings.HasPrefix(attempt, "SET ") && strings.HasPrefix(outcome, "ok: ") {
			t.Errorf("%s: %s", attempt, outcome)
		}
	}
}

func probe(t *testing.T, p duckdb.Probe) map[string]string {
	t.Helper()
	input, err := json.Marshal(p)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], duckdb.ProbeArg)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = []string{"SECRET=" + secretText}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, output, stderr.String())
	}
	outcome := map[string]string{}
	must(t, json.Unmarshal(output, &outcome))
	return outcome
}
