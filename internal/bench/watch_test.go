package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// peaks are the most bytes of memory that there were at a time.
type peaks struct {
	all    int64 // RSS of the server and its workers
	once   int64 // the same, with the pages of files, which they share, counted once
	server int64 // of the server alone
}

// watchMemory follows the memory of the server and its workers; the function that it
// returns ends that.
func (m *mill) watchMemory() func() peaks {
	var most peaks
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			own, shared := rss(strconv.Itoa(m.cmd.Process.Pid))
			most.server = max(most.server, own)
			sum, once, widest := own, own-shared, shared
			for _, child := range m.children() {
				rss, shared := rss(child)
				sum += rss
				once += rss - shared
				widest = max(widest, shared)
			}
			most.all, most.once = max(most.all, sum), max(most.once, once+widest)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() peaks {
		close(stop)
		<-done
		return most
	}
}

// rest waits until the workers that the run before has left idle are gone, so that its
// analysis is not counted with the run to come.
func (m *mill) rest() {
	m.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 900 {
		if len(m.children()) <= 2 { // the two that are started ahead
			return
		}
		<-tick.C
	}
	m.t.Error("the workers of the run before do not end")
}

// rss returns the bytes that a process has in memory, and how many of these are pages
// of files; 0 if it is gone.
func rss(pid string) (all, shared int64) {
	text, err := os.ReadFile("/proc/" + pid + "/statm")
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	files, _ := strconv.ParseInt(fields[2], 10, 64)
	size := int64(os.Getpagesize())
	return pages * size, files * size
}

// spent are the parts of the server in which a landing spends processor time, by the
// functions that do it, with all that these call.
var spent = []struct{ what, function string }{
	{"fetch: connections, HTTP, reading pages", `httpsource.\(\*asker\).load|net/http.\(\*persistConn\)`},
	{"validate and split", "decode.SplitKeeping"},
	{"  of which all that becomes of a record", `ingest.\(\*sink\).Record`},
	{"    types", `typing.\(\*Observer\).Observe`},
	{"    slices for the conversion", `ingest.\(\*slicer\).add`},
	{"    raw pages", `spill.\(\*Writer\).Record`},
	{"raw pages: write", `spill.\(\*packer\).run`},
	{"hash and make durable", "blob.seal"},
	{"collecting garbage", "runtime.gcBgMarkWorker"},
	{"commit: the metadata", `meta.\(\*DB\).Tx`},
	{"after the run: raw pages are compressed", `spill.Pack`},
}

// profile lands once more and says where the server's processor time goes.
func (b *landings) profile(report io.Writer, records int) {
	file := filepath.Join(b.t.TempDir(), "cpu.pprof")
	b.flags = []string{"--cpu-profile", file}
	b.start()
	r := b.land("pages", "0ms", records, 1000)
	b.stop()
	fmt.Fprintf(report, "\nWhere it goes: %.2f s of the server's processor time and %.2f s of its workers', for %d records; phases: %s\n\n",
		r.cpu.Seconds(), r.workers.Seconds(), records, r.phases)
	w := tabwriter.NewWriter(report, 0, 0, 2, ' ', 0)
	for _, s := range spent {
		// Showing nodes accounting for 3.98s, 91.92% of 4.33s total
		sum := accounted.FindStringSubmatch(b.pprof("-nodecount=100000", "-focus="+s.function, file))
		if sum == nil {
			sum = []string{"", "nothing", ""}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", s.what, sum[1], sum[2])
	}
	w.Flush()
	_, top, _ := strings.Cut(b.pprof("-nodecount=15", file), "total\n")
	fmt.Fprintf(report, "\nThe functions that take most themselves:\n%s\n", top)
}

var accounted = regexp.MustCompile(`accounting for ([^,]+), ([0-9.]+%) of`)

// pprof returns what "go tool pprof -top" prints.
func (b *landings) pprof(args ...string) string {
	b.t.Helper()
	cmd := exec.Command("go", append([]string{"tool", "pprof", "-top"}, args...)...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("%v: %s", err, problems.String())
	}
	return string(out)
}
