package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A kernelCall is one line, or two that belong together, of what strace -f -y wrote.
// begin and end are the numbers of those lines: what ended before another began
// was over by then.
type kernelCall struct {
	name       string
	path, to   string // of a file descriptor, or both names of a rename
	text       string // all arguments
	ok         bool
	begin, end int
}

var (
	wholeCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)`)
	beginOfCall = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	endOfCall   = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)`)
	descriptor  = regexp.MustCompile(`^\d+<([^>]*)>`)
	quoted      = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
)

// findStrace returns where strace is. It skips the test where nothing can be traced.
func findStrace(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("SKIPPED: strace is missing; make prepare installs it")
	}
	if out, err := exec.CommandContext(t.Context(), strace, "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: strace may not trace here: %v: %s", err, out)
	}
	return strace
}

// endTraced stops a server that runs under strace, and returns the calls in the trace.
func (s *server) endTraced(trace string) []kernelCall {
	t := s.t
	t.Helper()
	// strace would take the signal for itself.
	for _, pid := range children(t, s.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-s.done:
		s.done <- err
	case <-time.After(60 * time.Second):
		t.Fatalf("the server does not stop\n%s", s.log)
	}
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	calls, err := readTrace(file)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// readTrace reads what strace wrote.
func readTrace(r io.Reader) ([]kernelCall, error) {
	var all []kernelCall
	open := map[string]int{} // thread -> index of its call that has not ended
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for n := 0; lines.Scan(); n++ {
		line := lines.Text()
		if m := wholeCall.FindStringSubmatch(line); m != nil {
			all = append(all, newCall(m[2], m[3], m[4], n, n))
		} else if m := beginOfCall.FindStringSubmatch(line); m != nil {
			open[m[1]] = len(all)
			all = append(all, newCall(m[2], m[3], "?", n, 1<<60))
		} else if m := endOfCall.FindStringSubmatch(line); m != nil {
			if i, ok := open[m[1]]; ok && all[i].name == m[2] {
				all[i] = newCall(m[2], all[i].text+m[3], m[4], all[i].begin, n)
			}
			delete(open, m[1])
		}
	}
	return all, lines.Err()
}

func newCall(name, args, result string, begin, end int) kernelCall {
	c := kernelCall{name: name, text: args, ok: !strings.HasPrefix(result, "-") && result != "?", begin: begin, end: end}
	if m := descriptor.FindStringSubmatch(args); m != nil {
		c.path = m[1]
	}
	if names := quoted.FindAllStringSubmatch(args, 3); strings.HasPrefix(name, "rename") || strings.HasPrefix(name, "link") || strings.HasPrefix(name, "mkdir") {
		if len(names) > 0 {
			c.path = names[0][1]
		}
		if len(names) > 1 {
			c.to = names[1][1]
		}
	}
	return c
}

// latest returns the call for which is holds that ended last before line n.
func latest(all []kernelCall, n int, is func(kernelCall) bool) (kernelCall, bool) {
	var found kernelCall
	ok := false
	for _, c := range all {
		if c.ok && c.end < n && is(c) && (!ok || c.end > found.end) {
			found, ok = c, true
		}
	}
	return found, ok
}

// first returns the call for which is holds that began first after line n.
func first(all []kernelCall, n int, is func(kernelCall) bool) (kernelCall, bool) {
	for _, c := range all {
		if c.ok && c.begin > n && is(c) {
			return c, true
		}
	}
	return kernelCall{}, false
}

func isSync(c kernelCall) bool { return c.name == "fsync" || c.name == "fdatasync" }

// outOfOrder says what is wrong with the order in which an object became durable;
// "" if nothing is:
//
//	the last write into the file < fsync of the file < its rename to the key <
//	fsync of the folder < the first write into the database's log that names it < fsync of the log
//
// and each folder that was made on the way is synced in its parent before that
// write. there tells that the object was in place before the trace.
func outOfOrder(all []kernelCall, root, key string, there bool) string {
	target := filepath.Join(root, "objects", filepath.FromSlash(key))
	hash := strings.SplitN(filepath.Base(target), ".", 2)[0]
	log := filepath.Join(root, "meta.db-wal")
	written := func(path, text string) func(kernelCall) bool {
		return func(c kernelCall) bool {
			return (c.name == "pwrite64" || c.name == "write") && c.path == path && strings.Contains(c.text, text)
		}
	}
	synced := func(path string) func(kernelCall) bool {
		return func(c kernelCall) bool { return isSync(c) && c.path == path }
	}
	row, ok := first(all, -1, written(log, hash))
	if !ok {
		return "no write into the log names it"
	}
	if _, ok := first(all, row.end, synced(log)); !ok {
		return "the log is not synced after its row"
	}
	placed, ok := latest(all, 1<<60, func(c kernelCall) bool { return strings.HasPrefix(c.name, "rename") && c.to == target })
	from := 0
	switch {
	case ok:
		file, ok := latest(all, placed.begin, synced(placed.path))
		if !ok {
			return "its file is not synced before it gets its name"
		}
		if w, late := latest(all, 1<<60, written(placed.path, "")); late && w.end > file.begin {
			return "its file is written to after it was synced"
		}
		from = placed.end
	case !there:
		return "it never gets its name"
	}
	folder, ok := first(all, from, synced(filepath.Dir(target)))
	if !ok || folder.end > row.begin {
		return "its folder is not synced between its rename and its row"
	}
	for _, c := range all {
		if strings.HasPrefix(c.name, "mkdir") && c.ok && strings.HasPrefix(target, c.path+"/") && strings.HasPrefix(c.path, root+"/") {
			if s, ok := first(all, c.end, synced(filepath.Dir(c.path))); !ok || s.end > row.begin {
				return fmt.Sprintf("the folder %s was made and its parent is not synced before the row", c.path)
			}
		}
	}
	return ""
}
