package duckdb

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// IsWorker reports whether this process was started as a SQL worker.
func IsWorker() bool { return len(os.Args) > 1 && os.Args[1] == workerArg }

// ServeWorker serves one parent until it goes away, and returns the exit code.
// Call it only if [IsWorker].
func ServeWorker() int {
	// A write beyond the file size limit must come back as an error, and a
	// signal meant for the server's terminal is none of ours.
	signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	debug.SetMemoryLimit(256 << 20)
	// Of all processes the kernel should rather kill this one.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)

	go leaveWithParent(requestsFD)

	// DuckDB's allocator keeps memory for each thread that ever calls it.
	runtime.LockOSThread()

	db, err := openDatabase()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sql worker:", err)
		return 1
	}
	w := &worker{
		db:  db,
		in:  bufio.NewReaderSize(os.NewFile(requestsFD, "requests"), 64<<10),
		out: os.NewFile(4, "responses"),
	}
	if err := w.serve(); err != nil {
		fmt.Fprintln(os.Stderr, "sql worker:", err)
		return 1
	}
	return 0
}

// requestsFD is the pipe from which a worker reads its requests.
const requestsFD = 3

// leaveWithParent ends the process when nobody holds the other end of the pipe,
// also while a query computes. The kernel's parent-death signal should have done
// so before; a child that outlives its server would burn a processor for good.
func leaveWithParent(fd int) {
	for {
		watched := []unix.PollFd{{Fd: int32(fd)}} // a hangup is reported unasked
		if _, err := unix.Poll(watched, -1); err == unix.EINTR {
			continue
		}
		os.Exit(0)
	}
}

// A worker is the child's side of a process.
type worker struct {
	in  *bufio.Reader
	out io.Writer
	db  *database

	binding *binding // nil until bound
	secrets []string // server paths that no message may show
}

func (w *worker) serve() error {
	if err := writeJSON(w.out, frameHello, capabilities()); err != nil {
		return err
	}
	for {
		kind, body, err := readFrame(w.in)
		if err == io.EOF {
			return nil // the parent is gone or has no more work
		}
		if err != nil {
			return err
		}
		var r request
		if err := json.Unmarshal(body, &r); err != nil || kind != frameRequest {
			return fmt.Errorf("a frame of kind %q that is no request: %w", kind, err)
		}
		if err := writeJSON(w.out, frameEnd, w.do(r)); err != nil {
			return err
		}
	}
}

// do serves one request and returns its last frame.
func (w *worker) do(r request) ending {
	var end ending
	var err error
	switch {
	case r.Op == opBind && w.binding == nil:
		err = w.bind(r.Bind)
	case w.binding == nil:
		err = fmt.Errorf("%s before bind", r.Op)
	case r.Op == opConvert:
		end, err = w.convert(r.Convert)
	case r.Op == opRewrite:
		end, err = w.rewrite(r.Rewrite)
	case r.Query != nil:
		end, err = w.query(r.Op, r.Query)
	default:
		err = fmt.Errorf("unknown request %q", r.Op)
	}
	if err != nil {
		end.Fault, end.Retire = w.fault(r, err)
	}
	return end
}

func (w *worker) bind(b *binding) error {
	runtime.GOMAXPROCS(b.Threads + 1)
	w.binding = b
	w.secrets = append(w.secrets, b.Spill)
	w.secrets = append(w.secrets, b.ReadDirs...)
	w.secrets = append(w.secrets, b.ReadFiles...)
	w.secrets = append(w.secrets, b.WriteDirs...)
	if err := confine(b); err != nil {
		return err
	}
	if err := w.db.configure(b); err != nil {
		return err
	}
	return sealSyscalls()
}
