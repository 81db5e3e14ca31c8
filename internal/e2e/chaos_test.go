package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// killers are statements that each would end, or hold up, a server that ran DuckDB
// within itself. {t} is a table of the project.
var killers = []string{
	// A crash of the process with a few bytes.
	"SELECT (repeat('[',20000)||repeat(']',20000))::JSON::VARIANT",
	"SELECT json_structure(repeat('[',100000)||repeat(']',100000))",
	"SELECT json_merge_patch(repeat('{\"a\":',100000), '{}')",
	// More memory than there is, past DuckDB's own limit.
	"SELECT sum(length(repeat('a', 100000000 + i::INT))) FROM range(64) r(i)",
	"SELECT string_agg(repeat('abc', 100000), ',') FROM range(100000)",
	"SELECT list(i) FROM range(500000000) r(i)",
	"SELECT mode(i::VARCHAR || repeat('x', 1000)) FROM range(50000000) r(i)",
	"SELECT damerau_levenshtein(repeat('a', 60000), repeat('b', 60000))",
	"SELECT max(rpad('x', 400000000, 'y')) FROM range(16)",
	// No end.
	"SELECT count(*) FROM range(100000000000) a(i), range(1000) b(j) WHERE hash(i + j) % 7 = 3",
	"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT (i + 1) % 1000 FROM r) SELECT count(*) FROM r",
	"SELECT count(*) FROM {t} a, {t} b, {t} c, {t} d WHERE a.amount + b.amount + c.amount + d.amount = 0.1",
	"SELECT sum(sleep_ms(1000)) FROM range(1000)",
	"SELECT regexp_matches(repeat('a', 5000000), '(a*)*(a*)*(a*)*b') FROM range(10000)",
	// Out of the sandbox.
	"SELECT * FROM read_text('/proc/self/environ')",
	"COPY {t} TO '/tmp/millwright-chaos.csv'",
	"ATTACH '/tmp/millwright-chaos.db' AS e",
	"SELECT 1; SELECT * FROM glob('/etc/*')",
	"INSTALL httpfs",
}

const quickSQL = "SELECT region, count(*) AS n, sum(amount) AS total FROM {t} WHERE id >= 0 GROUP BY region ORDER BY region"

// TestChaos runs queries in one project of which one in five is a killer, while
// four clients ask their own projects. MILLWRIGHT_CHAOS=500 is the long form.
func TestChaos(t *testing.T) {
	queries, quiet, long := 40, 20, os.Getenv("MILLWRIGHT_CHAOS") != ""
	if long {
		if _, err := fmt.Sscan(os.Getenv("MILLWRIGHT_CHAOS"), &queries); err != nil {
			t.Fatal(err)
		}
		quiet = 250
	}
	const deadline = 2 * time.Second
	s := startIn(t, t.TempDir(), "--allow-cidr", "127.0.0.0/8", "--query-timeout", deadline.String())
	shop := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(regions(2000)) }))
	c := &chaos{server: s}
	for i := range 4 {
		c.innocents = append(c.innocents, c.tenant(fmt.Sprintf("innocent %d", i), shop, quickSQL))
	}
	hostile := c.tenant("hostile", shop, append([]string{quickSQL}, killers...)...)

	before := c.ask(func(i int) bool { return i < quiet })
	watch, stopWatching := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { c.watch(watch) })
	attacked := make(chan struct{})
	go func() {
		defer close(attacked)
		c.attack(hostile, queries)
	}()
	during := c.ask(func(int) bool {
		select {
		case <-attacked:
			return false
		default:
			return true
		}
	})
	<-attacked
	stopWatching()
	watcher.Wait()

	if err := syscall.Kill(s.cmd.Process.Pid, 0); err != nil || s.cmd.ProcessState != nil {
		t.Errorf("the server's process ended: %v", err)
	}
	ran, slowest := c.runTimes()
	bound := deadline + time.Second
	if !long {
		bound += 2 * time.Second // other tests run beside the short form
	}
	if ran == 0 || slowest > bound {
		t.Errorf("%d queries ended, the slowest after %s; want each within %s", ran, slowest, bound)
	}
	p99, quiet99 := percentile(during, 99), percentile(before, 99)
	t.Logf("%d queries of the hostile project, %s; the slowest query ran for %s of %s\n"+
		"innocents: quiet p50 %s p99 %s (%d), under attack p50 %s p99 %s (%d), ratio %.2f, failed %d\nserver and workers together held at most %d MB",
		queries, c.outcomes(), slowest, deadline, percentile(before, 50), quiet99, len(before), percentile(during, 50), p99, len(during),
		p99.Seconds()/quiet99.Seconds(), c.failed.Load(), c.peak>>20)
	if c.failed.Load() > 0 || len(during) == 0 {
		t.Errorf("%d of %d innocent queries failed", c.failed.Load(), len(during))
	}
	if long && p99 > 2*quiet99 {
		t.Errorf("the innocents' p99 is %s, and %s when it is quiet", p99, quiet99)
	}
}

// A chaos is a server that is attacked.
type chaos struct {
	*server
	innocents []tenant
	failed    atomic.Int64
	peak      int64 // bytes

	mu       sync.Mutex
	statuses map[int]int
}

// A tenant is a project with a dataset and programs.
type tenant struct {
	project  string
	programs []string
}

func (c *chaos) tenant(name, shop string, sql ...string) tenant {
	c.t.Helper()
	var made, source struct{ ID string }
	c.call("POST", "/v1/projects", map[string]any{"name": name}, &made)
	c.call("POST", "/v1/datasources", map[string]any{"name": "sales", "project_id": made.ID, "type": "http-requests"}, &source)
	var started struct{ Jobs []jobWire }
	c.call("POST", "/v1/http/execute-request", map[string]any{"project_id": made.ID, "datasource_id": source.ID, "url": shop, "method": "GET",
		"connect_spec": map[string]any{"name": "sales", "id": "http-requests", "config": map[string]any{"url": shop, "method": "GET"}}}, &started)
	for _, j := range started.Jobs {
		if got := c.wait(j.ID); got.Status != "completed" {
			c.t.Fatalf("%s: %+v\n%s", got.Type, got.Error, c.log)
		}
	}
	out := tenant{project: made.ID}
	for _, text := range sql {
		var p struct{ ID string }
		c.call("POST", "/v1/queryprograms", map[string]any{"project_id": made.ID, "cue": "?", "code": strings.ReplaceAll(text, "{t}", c.dataline(source.ID).TableName)}, &p)
		out.programs = append(out.programs, p.ID)
	}
	return out
}

// run runs a program anew and returns the status and how long that took.
func (c *chaos) run(of tenant, program int) (status int, body []byte, took time.Duration) {
	began := time.Now()
	r, err := http.NewRequestWithContext(c.t.Context(), "GET", c.url+"/v1/run/queryprogram?project_id="+of.project+"&queryprogram_id="+of.programs[program], nil)
	if err != nil {
		c.t.Error(err)
		return 0, nil, 0
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Cache-Control", "no-cache")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Error(err)
		return 0, nil, 0
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		c.t.Error(err)
	}
	return resp.StatusCode, body, time.Since(began)
}

// ask has each innocent run its program as long as more says, and returns how long
// each run took.
func (c *chaos) ask(more func(i int) bool) (took []time.Duration) {
	var clients sync.WaitGroup
	for _, who := range c.innocents {
		clients.Go(func() {
			for i := 0; more(i); i++ {
				status, body, d := c.run(who, 0)
				var answer struct {
					RowCount int `json:"row_count"`
				}
				if err := json.Unmarshal(body, &answer); status != 200 || err != nil || answer.RowCount != 7 {
					c.failed.Add(1)
					c.t.Errorf("an innocent got %d %.300s", status, body)
				}
				c.mu.Lock()
				took = append(took, d)
				c.mu.Unlock()
			}
		})
	}
	clients.Wait()
	return took
}

// attack runs that many programs, one in five of them a killer, eight at a time.
func (c *chaos) attack(from tenant, queries int) {
	c.statuses = map[int]int{}
	var next atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= queries {
					return
				}
				program := 0
				if n%5 == 0 {
					program = 1 + n/5%len(killers)
				}
				status, body, _ := c.run(from, program)
				// It may be refused, or too much, but it must not be our fault.
				if status >= 500 || status == 0 {
					c.t.Errorf("%s: %d %.300s", append([]string{quickSQL}, killers...)[program], status, body)
				}
				c.mu.Lock()
				c.statuses[status]++
				c.mu.Unlock()
			}
		})
	}
	clients.Wait()
}

func (c *chaos) outcomes() string {
	var all []string
	for status, n := range c.statuses {
		all = append(all, fmt.Sprintf("%d x %d", n, status))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// watch notes the most memory that the server and its workers hold together.
func (c *chaos) watch(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.peak = max(c.peak, resident(c.cmd.Process.Pid))
		}
	}
}

// resident returns the bytes of memory of a process and its children.
func resident(pid int) (total int64) {
	var size, pages int64
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0 // it ended
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	total = pages * int64(os.Getpagesize())
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return total
	}
	for _, thread := range threads {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(children)) {
			var id int
			if _, err := fmt.Sscan(child, &id); err == nil {
				total += resident(id)
			}
		}
	}
	return total
}

var ended = regexp.MustCompile(`a query ended.* ran=(\S+)`)

// runTimes returns how many queries the engine has ended, and how long the slowest
// of them ran.
func (c *chaos) runTimes() (n int, slowest time.Duration) {
	for _, found := range ended.FindAllStringSubmatch(c.log.String(), -1) {
		d, err := time.ParseDuration(found[1])
		if err != nil {
			c.t.Error(errors.Join(errors.New(found[0]), err))
		}
		n, slowest = n+1, max(slowest, d)
	}
	return n, slowest
}

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)*p/100].Round(100 * time.Microsecond)
}

// regions returns n sales in seven regions.
func regions(n int) []byte {
	b := []byte{'['}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d,"region":"region %d","amount":%d.5}`, i, i%7, i%900)
	}
	return append(b, ']')
}
