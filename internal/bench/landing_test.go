package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"millwright/internal/engine/duckdbtest"
	"millwright/internal/table"
)

// huge reports whether five gigabytes are landed too, which takes some 15 GB of disk.
func huge() bool { return os.Getenv("MILLWRIGHT_BENCH_5GB") != "" }

// TestLanding measures runs of the server, from the first request to the commit,
// beside DuckDB's own conversion of the same records from a local file, and beside
// a plain download where the source is slow.
func TestLanding(t *testing.T) {
	different, rounds := 100, 1
	sizes, slow, memory := []int{2_000}, 400, []int{2_000}
	if full() {
		different, rounds = differentDeals, 5
		sizes, slow, memory = []int{170_000, 1_000_000}, 1_000_000, []int{170_000, 1_700_000}
		if huge() {
			sizes, memory = append(sizes, 8_500_000), append(memory, 8_500_000)
		}
	}
	b := &landings{mill: newMill(t), source: source(t, 0, serveDealsOf+"="+strconv.Itoa(different)), deals: makeDeals(different)}
	b.start()
	// Each table is printed when it is known: all of them take long.
	report := io.Discard
	if full() {
		report = os.Stdout
	}
	w := tabwriter.NewWriter(report, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(report, "\nLanding: HTTP to committed Parquet through the server, beside DuckDB's COPY with the same schema from a local file, 2 threads; medians in turns\n\n")
	fmt.Fprintln(w, "records\tMB\tlanding s\tCOPY s\tratio (goal 1.60)\tdownload s\tCPU s of server\tof workers\tof COPY\tphases\t")
	for _, n := range sizes {
		turns := rounds
		if n > 1_000_000 {
			turns = 1 // each takes six times as much disk as records until it is collected
		}
		b.copying(w, n, turns)
	}
	w.Flush()
	fmt.Fprintf(report, "\nA source that takes 15 ms a page, 16 pages in flight\n\n")
	fmt.Fprintln(w, "records\tpages\tlanding s\tdownload s\tratio (goal 1.10)\t")
	b.waiting(w, slow, rounds)
	w.Flush()
	fmt.Fprintf(report, "\nMost memory of the server and its workers together (RSS: of the binary, which all of them map, each has what it has touched)\n\n")
	fmt.Fprintln(w, "form\trecords\tMB\tlanding s\tMB (goal 800)\tthe binary once\tof the server alone\tCPU s of server\tof workers\t")
	for _, n := range memory {
		for _, form := range []string{"pages", "document", "ndjson"} {
			if full() {
				b.rest()
			}
			b.watched = true
			r := b.land(form, "0ms", n, 1000)
			b.watched = false
			fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%d\t%d\t%d\t%.2f\t%.2f\t\n", form, n, b.megabytes(n), r.took.Seconds(),
				r.peak.all>>20, r.peak.once>>20, r.peak.server>>20, r.cpu.Seconds(), r.workers.Seconds())
		}
	}
	w.Flush()
	b.stop()
	b.profile(report, sizes[len(sizes)-1])
}

// A landings measures runs.
type landings struct {
	*mill
	source string
	deals  deals
	names  int

	watched bool // memory is looked at, which takes processors itself
}

// megabytes is what so many records take as NDJSON.
func (b *landings) megabytes(n int) float64 {
	all := 0
	for _, d := range b.deals {
		all += len(d) + 1
	}
	return float64(all) / float64(len(b.deals)) * float64(n) / 1e6
}

func seconds(d []time.Duration) float64 { return middle(d).Seconds() }

// copying lands n records and converts the same from a file, in turns.
func (b *landings) copying(w io.Writer, n, rounds int) {
	file := filepath.Join(b.t.TempDir(), "deals.ndjson")
	out, err := os.Create(file)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.deals.stream(out, n, "\n"); err != nil {
		b.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.t.Fatal(err)
	}
	var landing, copied, copyCPU, download, server, workers []time.Duration
	phases := ""
	b.download("0ms", n, 1000, 4) // the source has its pages ready then
	for range rounds {
		r := b.land("pages", "0ms", n, 1000)
		landing, server, workers, phases = append(landing, r.took), append(server, r.cpu), append(workers, r.workers), r.phases
		c := measure(b.t, func() { b.copy(file, r.schema, n) })
		copied, copyCPU = append(copied, c.wall), append(copyCPU, c.cpu)
		download = append(download, measure(b.t, func() { b.download("0ms", n, 1000, 4) }).wall)
	}
	fmt.Fprintf(w, "%d\t%.0f\t%.2f\t%.2f\t%.2fx\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t\n", n, b.megabytes(n), seconds(landing), seconds(copied),
		seconds(landing)/seconds(copied), seconds(download), seconds(server), seconds(workers), seconds(copyCPU), phases)
	if err := os.Remove(file); err != nil {
		b.t.Fatal(err)
	}
}

// copy is what DuckDB does with the file when it is told the types.
func (b *landings) copy(file string, s table.Schema, n int) {
	db, err := duckdbtest.Open()
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	columns := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = table.QuoteText(c.Key) + ": " + table.QuoteText(c.Type.String())
	}
	if _, err := db.Rows("SET threads = 2"); err != nil {
		b.t.Fatal(err)
	}
	out := file + ".parquet"
	defer os.Remove(out)
	if _, err := db.Rows("COPY (SELECT * FROM read_json(" + table.QuoteText(file) + ", format = 'newline_delimited', columns = {" + strings.Join(columns, ", ") +
		"})) TO " + table.QuoteText(out) + " (FORMAT parquet, COMPRESSION zstd)"); err != nil {
		b.t.Fatal(err)
	}
	if rows, err := db.Rows("SELECT id FROM read_parquet(" + table.QuoteText(out) + ")"); err != nil || rows != n {
		b.t.Fatalf("%d rows: %v", rows, err)
	}
}

// waiting lands from a source that lets one wait, and downloads the same.
func (b *landings) waiting(w io.Writer, n, rounds int) {
	const perPage = 100
	var landing, download []time.Duration
	for range rounds {
		landing = append(landing, b.land("pages", "15ms", n, perPage).took)
		download = append(download, measure(b.t, func() { b.download("15ms", n, perPage, 16) }).wall)
	}
	fmt.Fprintf(w, "%d\t%d\t%.2f\t%.2f\t%.2fx\t\n", n, n/perPage, seconds(landing), seconds(download), seconds(landing)/seconds(download))
}

// download gets the pages and drops them.
func (b *landings) download(latency string, n, perPage, parallel int) {
	transport := &http.Transport{MaxIdleConnsPerHost: parallel}
	defer transport.CloseIdleConnections()
	var next atomic.Int64
	pages := int64((n + perPage - 1) / perPage)
	get := func(ctx context.Context, page int64) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/deals/%s/%d/%d/pages?page=%d", b.source, latency, n, perPage, page), nil)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for page := next.Add(1); page <= pages; page = next.Add(1) {
				if err := get(b.t.Context(), page); err != nil {
					b.t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
}

// A landed run.
type landed struct {
	took         time.Duration
	cpu, workers time.Duration // of processors, of the server and of its workers
	phases       string        // which took how long
	peak         peaks         // if it was watched
	schema       table.Schema
}

// land runs a connection to n records and waits for all that follows.
func (b *landings) land(form, latency string, n, perPage int) (r landed) {
	b.t.Helper()
	b.settle()
	b.names++
	name := fmt.Sprintf("deals %d", b.names)
	var projects []struct{ ID string }
	b.call("GET", "/v1/projects", nil, &projects)
	var datasource struct{ ID string }
	b.call("POST", "/v1/datasources", map[string]any{"name": name, "project_id": projects[0].ID, "type": "http-requests"}, &datasource)
	spec := map[string]any{"url": fmt.Sprintf("%s/deals/%s/%d/%d/%s", b.source, latency, n, perPage, form), "method": "GET",
		"options": map[string]any{"parallel": 4, "limits": map[string]any{"wire_bytes": 1 << 40, "decoded_bytes": 1 << 40}}}
	if form == "pages" {
		spec["url"] = spec["url"].(string) + "?page=1"
		if latency != "0ms" {
			spec["options"].(map[string]any)["parallel"] = 16
		}
	}
	body := map[string]any{"project_id": projects[0].ID, "datasource_id": datasource.ID, "connect_spec": map[string]any{"name": name, "id": "http-requests", "config": spec}}
	for k, v := range spec {
		body[k] = v
	}
	memory := func() peaks { return peaks{} }
	if b.watched {
		memory = b.watchMemory()
	}
	cpu, workers := b.cpu(), b.cpuOfWorkers()
	began := time.Now()
	var started struct{ Jobs []struct{ ID string } }
	b.call("POST", "/v1/http/execute-request", body, &started)
	r.phases = b.follow(started.Jobs[0].ID, began)
	r.took, r.cpu, r.workers = time.Since(began), b.cpu()-cpu, b.cpuOfWorkers()-workers
	r.peak = memory() // of the run, not of what follows it
	for _, j := range started.Jobs[1:] {
		b.send("GET", "/v1/jobs/subscribe/"+j.ID, nil)
	}
	b.pack(datasource.ID)
	var with struct {
		Datalines []struct {
			ID     string
			Rows   int
			Schema table.Schema
		}
	}
	b.call("GET", "/v1/datasources/"+datasource.ID+"/with_datalines", nil, &with)
	if len(with.Datalines) != 1 || with.Datalines[0].Rows != n {
		b.t.Fatalf("landed %.300v, want %d rows", with, n)
	}
	r.schema = with.Datalines[0].Schema
	return r
}

// pack waits until the raw pages are packed that the run has stored as they came.
func (b *landings) pack(datasource string) {
	b.t.Helper()
	var jobs []struct{ ID string }
	b.call("GET", "/v1/jobs?job_type=pack_raw_pages&source_id="+datasource, nil, &jobs)
	for _, j := range jobs {
		b.send("GET", "/v1/jobs/subscribe/"+j.ID, nil)
	}
}

var phaseOf = regexp.MustCompile(`"phase":"([a-z_]+)"`)

// follow waits for the end of a job and says how long it was in each phase.
func (b *landings) follow(job string, began time.Time) string {
	phase, since := "wait", began
	var all []string
	for {
		b.events(job, func(now string) {
			if now != phase {
				all = append(all, fmt.Sprintf("%s %.2f", phase, time.Since(since).Seconds()))
				phase, since = now, time.Now()
			}
		})
		var j struct {
			Status string
			Error  json.RawMessage
		}
		switch b.call("GET", "/v1/jobs/"+job, nil, &j); j.Status {
		case "completed":
			return strings.Join(append(all, fmt.Sprintf("%s %.2f", phase, time.Since(since).Seconds())), ", ")
		case "failed", "canceled":
			b.t.Fatalf("the run is %s: %s", j.Status, j.Error)
		}
		// The stream ended before the job did, as it may after some minutes.
	}
}

// events reads a job's events until their stream ends.
func (b *landings) events(job string, phase func(string)) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+"/v1/jobs/subscribe/"+job, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+benchKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := phaseOf.FindStringSubmatch(lines.Text()); m != nil {
			phase(m[1])
		}
	}
}

// newMill builds the binary that is measured.
func newMill(t *testing.T) *mill {
	t.Helper()
	m := &mill{t: t, data: t.TempDir(), binary: filepath.Join(t.TempDir(), "millwright")}
	build := exec.Command("go", "build", "-o", m.binary, "millwright/cmd/millwright")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the binary does not build: %v\n%s", err, out)
	}
	return m
}

// children returns the ids of the server's workers.
func (m *mill) children() (all []string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", m.cmd.Process.Pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		all = append(all, strings.Fields(string(text))...)
	}
	slices.Sort(all)
	return all
}
