package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"millwright/internal/engine/duckdbtest"
)

const benchKey = "mw-bench-key-0123456789abcdef"

// groupBy is what people ask of a table of orders. {t} is the table.
const groupBy = `SELECT region, status, count(*) AS orders, sum(amount) AS total, avg(quantity) AS items
FROM {t} WHERE day >= DATE '2024-03-01' GROUP BY region, status ORDER BY total DESC`

// TestQuerying measures queries through the HTTP API, uncached and cached, beside
// the same SQL in a DuckDB of this process, on the same Parquet.
func TestQuerying(t *testing.T) {
	rows, rounds, load := 2_000, 1, 100*time.Millisecond
	if full() {
		rows, rounds, load = 1_000_000, 15, 3*time.Second
	}
	m := newMill(t)
	m.start()
	m.land(rows)
	var report strings.Builder
	w := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nQueries: %d rows, %d rounds in turns, medians\n\nwhat\tmeasured\tgoal\n", rows, rounds)
	m.compare(w, rounds)
	m.cached(w, load, min(rounds, 5))
	m.first(w, min(rounds, 5))
	m.stop()
	if w.Flush(); full() {
		fmt.Println(report.String())
	}
}

// compare runs the query through the API and in this process, in turns.
func (m *mill) compare(w io.Writer, rounds int) {
	db, err := duckdbtest.Open()
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	local := strings.ReplaceAll(groupBy, "{t}", "read_parquet(["+strings.Join(m.parquet(), ", ")+"])")
	var api, here []time.Duration
	for round := range rounds + 1 {
		began := time.Now()
		n := m.run("no-cache")
		viaAPI := time.Since(began)
		began = time.Now()
		same, err := db.Rows(local)
		inProcess := time.Since(began)
		if err != nil || n != same || n == 0 {
			m.t.Fatalf("%d rows through the API, %d in this process: %v", n, same, err)
		}
		if round > 0 || rounds == 1 { // the first has everything to open
			api, here = append(api, viaAPI), append(here, inProcess)
		}
	}
	fmt.Fprintf(w, "GROUP BY through the API\t%s\t\n", ms(middle(api)))
	fmt.Fprintf(w, "the same in an in-process DuckDB\t%s\t\n", ms(middle(here)))
	fmt.Fprintf(w, "ratio\t%.2fx\tat most 1.5x\n", middle(api).Seconds()/middle(here).Seconds())
}

// cached asks for a known answer from 64 connections at once.
func (m *mill) cached(w io.Writer, during time.Duration, rounds int) {
	m.run("")
	for _, c := range []struct{ name, tag string }{{"cached answers", ""}, {"unchanged (304)", m.tag}} {
		var rates []float64
		var p99, cpu []time.Duration
		for range rounds {
			before, began := m.cpu(), time.Now()
			rate, slow := m.load(c.tag, during)
			each := time.Duration(float64(m.cpu()-before) / (rate * time.Since(began).Seconds()))
			rates, p99, cpu = append(rates, rate), append(p99, slow), append(cpu, each)
		}
		slices.Sort(rates)
		goal := ""
		if c.tag == "" {
			goal = "at least 3000/s"
		}
		fmt.Fprintf(w, "%s, 64 connections\t%.0f/s, p99 %s, %d µs of the server's processor each\t%s\n",
			c.name, rates[len(rates)/2], ms(middle(p99)), middle(cpu).Microseconds(), goal)
	}
}

// first measures the first query of a project after a start of the server.
func (m *mill) first(w io.Writer, rounds int) {
	var over []time.Duration
	for range rounds {
		m.stop()
		m.start()
		m.call("GET", "/v1/projects", nil, nil) // the server's own first
		m.settle()
		began := time.Now()
		m.run("no-cache")
		took := time.Since(began)
		var next []time.Duration
		for range 5 {
			began := time.Now()
			m.run("no-cache")
			next = append(next, time.Since(began))
		}
		over = append(over, took-middle(next))
	}
	fmt.Fprintf(w, "first query of a project, over a later one\t%s\tless than 100 ms\n", ms(middle(over)))
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// A mill is a running server with one dataset and one program.
type mill struct {
	t                      *testing.T
	binary, data, url, tag string
	flags                  []string // of the server, besides those that it needs
	project, program       string
	cmd                    *exec.Cmd
}

func (m *mill) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.binary, "serve", "--addr", "127.0.0.1:0", "--data", m.data, "--allow-cidr", "127.0.0.0/8")
	m.cmd.Args = append(m.cmd.Args, m.flags...)
	m.cmd.Env = append(os.Environ(), "MILLWRIGHT_API_KEY="+benchKey)
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	cmd := m.cmd
	m.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	lines := bufio.NewScanner(stderr)
	serving := regexp.MustCompile(`msg=serving url=(http://\S+)`)
	for lines.Scan() {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			m.url = found[1]
			go io.Copy(io.Discard, stderr) //nolint:errcheck // ends with the process
			return
		}
	}
	m.t.Fatalf("the server does not serve: %v", lines.Err())
}

func (m *mill) stop() {
	m.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("the server ended with %v", err)
	}
}

func (m *mill) send(method, path string, body any, header ...string) (*http.Response, []byte) {
	m.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		m.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.url+path, bytes.NewReader(text))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+benchKey)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		m.t.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, text)
	}
	return resp, text
}

func (m *mill) call(method, path string, body, out any) {
	m.t.Helper()
	_, text := m.send(method, path, body)
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		m.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

func (m *mill) target() string {
	return "/v1/run/queryprogram?project_id=" + m.project + "&queryprogram_id=" + m.program
}

// run runs the program and returns how many rows it gave.
func (m *mill) run(cacheControl string) int {
	m.t.Helper()
	resp, text := m.send("GET", m.target(), nil, "Cache-Control", cacheControl)
	m.tag = resp.Header.Get("ETag")
	var answer struct {
		RowCount int `json:"row_count"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		m.t.Fatal(err)
	}
	return answer.RowCount
}

// land makes a dataset of rows from an API of this process, and a program on it.
func (m *mill) land(rows int) {
	m.t.Helper()
	const perPage = 20_000
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		if from+perPage < rows {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/orders?from=%d>; rel="next"`, r.Host, from+perPage))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(sales(from, min(from+perPage, rows)))
	}))
	defer source.Close()
	var projects []struct{ ID string }
	m.call("GET", "/v1/projects", nil, &projects)
	m.project = projects[0].ID
	var source1 struct{ ID string }
	m.call("POST", "/v1/datasources", map[string]any{"name": "sales", "project_id": m.project, "type": "http-requests"}, &source1)
	spec := map[string]any{"url": source.URL + "/orders?from=0", "method": "GET"}
	var started struct{ Jobs []struct{ ID string } }
	m.call("POST", "/v1/http/execute-request", map[string]any{"project_id": m.project, "datasource_id": source1.ID, "url": spec["url"], "method": "GET",
		"connect_spec": map[string]any{"name": "sales", "id": "http-requests", "config": spec}}, &started)
	for _, j := range started.Jobs {
		m.send("GET", "/v1/jobs/subscribe/"+j.ID, nil) // ends with the job
	}
	var with struct {
		Datalines []struct {
			Rows  int
			Table string `json:"table_name"`
		}
	}
	m.call("GET", "/v1/datasources/"+source1.ID+"/with_datalines", nil, &with)
	if len(with.Datalines) != 1 || with.Datalines[0].Rows != rows {
		m.t.Fatalf("landed %+v, want %d rows", with, rows)
	}
	var program struct{ ID string }
	m.call("POST", "/v1/queryprograms", map[string]any{"project_id": m.project, "name": "Sales", "cue": "Which regions sell most?",
		"code": strings.ReplaceAll(groupBy, "{t}", with.Datalines[0].Table)}, &program)
	m.program = program.ID
}

// settle waits until the server has its workers, as it has when it runs for a moment.
func (m *mill) settle() {
	m.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if len(m.children()) >= 2 {
			return
		}
		<-tick.C
	}
	m.t.Fatal("the server starts no workers")
}

// cpu returns the processor time that the server, without its workers, has used.
func (m *mill) cpu() time.Duration { return ticks(m.cmd.Process.Pid, 11) }

// cpuOfWorkers returns what its workers used, those that have ended among them.
func (m *mill) cpuOfWorkers() time.Duration {
	sum := ticks(m.cmd.Process.Pid, 13)
	for _, child := range m.children() {
		pid, _ := strconv.Atoi(child)
		sum += ticks(pid, 11)
	}
	return sum
}

// ticks returns the sum of two fields of a process's stat, counted behind its name; 0
// if it is gone.
func ticks(pid, at int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, f := range fields[at : at+2] {
		n, _ := strconv.ParseInt(f, 10, 64) // the kernel writes numbers
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// sales returns orders by formula, as a JSON array.
func sales(from, to int) []byte {
	b := []byte{'['}
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		h := uint64(i) * 0x9E3779B97F4A7C15 >> 20
		b = fmt.Appendf(b, `{"id":%d,"day":"2024-%02d-%02d","region":"region %d","status":"%s","customer":"customer %d","quantity":%d,"amount":%d.%02d,"note":"order number %d"}`,
			i, h%12+1, h/12%28+1, h/336%24, []string{"new", "paid", "shipped", "returned"}[h/8064%4], h%50_000, h/7%9+1, h/11%900, h/13%100, i)
	}
	return append(b, ']')
}

// parquet returns the paths of the dataset's files, quoted.
func (m *mill) parquet() (files []string) {
	m.t.Helper()
	err := filepath.WalkDir(m.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			files = append(files, "'"+path+"'")
		}
		return err
	})
	if err != nil || len(files) == 0 {
		m.t.Fatalf("no Parquet: %v", err)
	}
	return files
}

// load asks from 64 connections as fast as it can, and returns the rate and the
// 99th percentile of how long an answer took. It reads no more of an answer than
// it must: it shares the processors with the server.
func (m *mill) load(tag string, during time.Duration) (perSecond float64, p99 time.Duration) {
	const connections = 64
	request := "GET " + m.target() + " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + benchKey + "\r\n"
	want := "HTTP/1.1 200"
	if tag != "" {
		request, want = request+"If-None-Match: "+tag+"\r\n", "HTTP/1.1 304"
	}
	var all []time.Duration
	var mu sync.Mutex
	var stop atomic.Bool
	var clients sync.WaitGroup
	began := time.Now()
	for range connections {
		clients.Go(func() {
			took, err := hammer(strings.TrimPrefix(m.url, "http://"), []byte(request+"\r\n"), want, &stop)
			if err != nil {
				m.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	timer := time.AfterFunc(during, func() { stop.Store(true) })
	defer timer.Stop()
	clients.Wait()
	elapsed := time.Since(began)
	if len(all) == 0 {
		m.t.Fatal("no answers")
	}
	slices.Sort(all)
	return float64(len(all)) / elapsed.Seconds(), all[len(all)*99/100]
}

func hammer(address string, request []byte, want string, stop *atomic.Bool) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	for !stop.Load() {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		length := 0
		for first := true; ; first = false {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return took, err
			}
			if first && !bytes.HasPrefix(line, []byte(want)) {
				return took, fmt.Errorf("the server answers %s", line)
			}
			if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				if length, err = strconv.Atoi(string(bytes.TrimSpace(rest))); err != nil {
					return took, err
				}
			}
			if len(bytes.TrimSpace(line)) == 0 {
				break
			}
		}
		if _, err := in.Discard(length); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
