// Package bench_test measures the parts that carry bulk data, each against what
// the same machine does with the same bytes by plainer means, both in one run.
//
// A tiny run of each measurement is a test, so that it does not rot; the figures
// of that are worth nothing. "make bench" runs them at full size and prints them.
package bench_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// full reports whether figures are wanted, and not only that the harness works.
func full() bool { return os.Getenv("MILLWRIGHT_BENCH") != "" }

// What the source's process serves: how many pages of orders, how many different deals.
const (
	servePages   = "MILLWRIGHT_BENCH_SERVE_PAGES"
	serveDealsOf = "MILLWRIGHT_BENCH_SERVE_DEALS"
)

// TestMain is also the source's process, so that what serving costs is not counted
// as ours.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(servePages)); err == nil {
		if err := servePagesUntilEOF(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// servePagesUntilEOF serves /LATENCY/orders?page=N, prints its address, and ends
// with its standard input.
func servePagesUntilEOF(n int) error {
	pages := make([][]byte, n)
	for i := range pages {
		pages[i] = orders(i+1, n)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if d, err := strconv.Atoi(os.Getenv(serveDealsOf)); err == nil {
		mux.Handle("/deals/", serveDeals(makeDeals(d)))
	}
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		latency, err := time.ParseDuration(strings.Split(r.URL.Path, "/")[1])
		page, perr := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil || perr != nil || page < 1 || page > n {
			http.NotFound(w, r)
			return
		}
		time.Sleep(latency) // what is measured: a source that takes its time
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(pages[page-1])))
		_, _ = w.Write(pages[page-1])
	}))
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: mux}
	fmt.Println("http://" + ln.Addr().String())
	go srv.Serve(ln) //nolint:errcheck // ends with the process
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// source starts the process that serves pages and returns its address.
func source(t *testing.T, pages int, env ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), servePages+"="+strconv.Itoa(pages)), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the source ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// cost is what something took.
type cost struct{ wall, cpu time.Duration }

// measure runs f and returns what it took in this process, in wall-clock time and
// in processor time of all its threads.
func measure(t *testing.T, f func()) cost {
	t.Helper()
	start, before := time.Now(), used(t)
	f()
	return cost{time.Since(start), used(t) - before}
}

func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
