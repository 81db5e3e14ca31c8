package bench_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// TestPublished measures a published endpoint by load generators that others wrote:
// wrk for answers that are kept, hey for a steady rate of answers that are not.
func TestPublished(t *testing.T) {
	rows, rounds, during := 2_000, 1, time.Second
	if full() {
		rows, rounds, during = 1_000_000, 3, 10*time.Second
	}
	for _, tool := range []string{"wrk", "hey"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: apt-get install -y wrk hey", tool)
		}
	}
	m := newMill(t)
	m.start()
	defer m.stop()
	m.land(rows)
	url := m.url + m.publish()
	var report strings.Builder
	w := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nA published GROUP BY over %d rows, %d rounds of %s, the worst of them\n\nwhat\tmeasured\tgoal\n", rows, rounds, during)
	kept(t, m, w, url, rounds, during)
	uncached(t, w, url, rounds, max(2*during, 5*time.Second)) // of fewer than 20 calls hey tells no 95%
	if w.Flush(); full() {
		fmt.Println(report.String())
	}
}

// publish publishes the program, with the day as a slot, and returns the path of its
// endpoint.
func (m *mill) publish() string {
	m.t.Helper()
	var program struct{ Code string }
	m.call("GET", "/v1/queryprograms/"+m.program, nil, &program)
	m.call("PATCH", "/v1/queryprograms/"+m.program, map[string]any{"code": strings.Replace(program.Code, "DATE '2024-03-01'", "$since", 1),
		"slots": []any{map[string]any{"name": "since", "type": "date", "default": "2024-03-01"}}}, nil)
	m.call("PATCH", "/v1/queryprograms/"+m.program+"/publish", map[string]any{}, nil)
	var apis []struct{ Endpoints []struct{ URL string } }
	m.call("GET", "/v1/apis/project/"+m.project, nil, &apis)
	if len(apis) != 1 || len(apis[0].Endpoints) != 1 {
		m.t.Fatalf("published %+v", apis)
	}
	return apis[0].Endpoints[0].URL
}

// kept asks for the same answer from 64 connections as fast as it comes.
func kept(t *testing.T, m *mill, w io.Writer, url string, rounds int, during time.Duration) {
	t.Helper()
	m.send("GET", strings.TrimPrefix(url, m.url), nil)
	least, slowest, cpu, calls := 0.0, 0.0, time.Duration(0), 0.0
	for range rounds {
		before := m.cpu()
		said := generate(t, "wrk", "-t1", "-c64", "-d", during.String(), "--latency", "-H", "Authorization: Bearer "+benchKey, url)
		if strings.Contains(said, "Non-2xx") || strings.Contains(said, "Socket errors") {
			t.Fatalf("wrk: %s", said)
		}
		rate := found(t, said, `Requests/sec:\s+([\d.]+)`)
		p99 := found(t, said, `99%\s+([\d.]+)(us|ms|s)`)
		cpu, calls = cpu+m.cpu()-before, calls+rate*during.Seconds()
		if least == 0 || rate < least {
			least = rate
		}
		slowest = max(slowest, p99)
	}
	fmt.Fprintf(w, "kept answers, wrk, 64 connections\t%.0f/s, p99 %.1f ms, %.0f µs of the server's processor each\tat least 3000/s, p99 < 20 ms\n",
		least, slowest, float64(cpu.Microseconds())/calls)
}

// uncached asks 20 times a second for a run: four generators in turns, each for other
// values, because equal requests that come at the same time would share one run.
func uncached(t *testing.T, w io.Writer, url string, rounds int, during time.Duration) {
	t.Helper()
	half, worst, rate := 0.0, 0.0, 0.0
	for range rounds {
		said := make([]string, 4)
		var running sync.WaitGroup
		turn := time.NewTicker(50 * time.Millisecond)
		for i := range said {
			<-turn.C
			running.Go(func() {
				said[i] = generate(t, "hey", "-z", during.String(), "-c", "1", "-q", "5", "-H", "Authorization: Bearer "+benchKey, "-H", "Cache-Control: no-cache",
					fmt.Sprintf("%s?since=2024-03-0%d", url, i+1))
			})
		}
		turn.Stop()
		running.Wait()
		sum := 0.0
		for _, said := range said {
			if statuses := regexp.MustCompile(`\[(\d+)\]\s+\d+ responses`).FindAllStringSubmatch(said, -1); len(statuses) != 1 || statuses[0][1] != "200" {
				t.Fatalf("hey: %s", said)
			}
			half, worst = max(half, 1000*found(t, said, `50%+ in ([\d.]+) secs`)), max(worst, 1000*found(t, said, `95%+ in ([\d.]+) secs`))
			sum += found(t, said, `Requests/sec:\s+([\d.]+)`)
		}
		rate = max(rate, sum)
	}
	fmt.Fprintf(w, "runs, hey, %.1f a second\tp50 %.0f ms, p95 %.0f ms\tp95 < 150 ms at 20 a second\n", rate, half, worst)
}

// generate runs a load generator and returns what it says.
func generate(t *testing.T, tool string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	if os.Getenv("MILLWRIGHT_BENCH_RAW") != "" {
		t.Log(string(out))
	}
	return string(out)
}

// found returns the number that the pattern finds, in milliseconds if it has a unit.
func found(t *testing.T, said, pattern string) float64 {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(said)
	if match == nil {
		t.Fatalf("%s is not in %s", pattern, said)
	}
	n, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	if len(match) > 2 {
		n *= map[string]float64{"us": 0.001, "ms": 1, "s": 1000}[match[2]]
	}
	return n
}
