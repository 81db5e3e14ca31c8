package duckdb

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// workerArg makes the binary a worker; see [IsWorker].
const workerArg = "__engine_worker"

// spillPrefix starts the name of every worker's spill folder.
const spillPrefix = "worker-"

// A process is one child. Its owner is the only one to send and read.
type process struct {
	cmd    *exec.Cmd
	req    *os.File
	res    *os.File
	in     *bufio.Reader // over res
	stderr *tail
	spill  string // its private folder, removed with it
	hello  Report
	reaped chan struct{} // closed when it is gone and its folder removed

	scope string      // what it is bound to; "" before
	base  int64       // bytes that it had mapped when it was bound
	space int64       // bytes that it may map beyond those
	dir   string      // the folder it can read
	uses  int         // queries served
	low   bool        // it has yielded; an unprivileged process cannot get its priority back
	timer *time.Timer // ends it when idle

	mu   sync.Mutex // guards gone
	gone bool       // its id may belong to somebody else by now
}

// A forker starts children from one thread that lives as long as it does: the
// kernel sends Pdeathsig when the *thread* that forked ends, not the process.
type forker struct {
	work chan func()
	done chan struct{}
	once sync.Once
}

func newForker() *forker {
	f := &forker{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for do := range f.work {
			do()
		}
	}()
	return f
}

func (f *forker) start(cmd *exec.Cmd) error {
	result := make(chan error)
	f.work <- func() { result <- cmd.Start() }
	return <-result
}

func (f *forker) stop() {
	f.once.Do(func() { close(f.work) })
	<-f.done
}

// startProcess starts a child and returns when it said hello. The reap
// function runs once, after the child is gone.
func startProcess(forks *forker, spillDir string, spawn func(func()), onReaped func(*process)) (*process, error) {
	spill, err := os.MkdirTemp(spillDir, spillPrefix)
	if err != nil {
		return nil, fmt.Errorf("spill folder of a worker: %w", err)
	}
	p := &process{spill: spill, stderr: &tail{}, reaped: make(chan struct{})}
	if err := p.launch(forks); err != nil {
		return nil, fmt.Errorf("start a SQL worker: %w (%w)", err, os.RemoveAll(spill))
	}
	spawn(func() {
		// The exit status is read from cmd.ProcessState by who asks why.
		_ = p.cmd.Wait()
		p.mu.Lock()
		p.gone = true
		p.mu.Unlock()
		_ = os.RemoveAll(p.spill)
		close(p.reaped)
		onReaped(p)
	})
	if err := p.greet(); err != nil {
		p.kill()
		<-p.reaped
		return nil, fmt.Errorf("a SQL worker did not start: %w: %s", err, brief(p.stderr.String()))
	}
	return p, nil
}

func (p *process) launch(forks *forker) error {
	reqRead, reqWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reqRead.Close()
	resRead, resWrite, err := os.Pipe()
	if err != nil {
		reqWrite.Close()
		return err
	}
	defer resWrite.Close()
	p.req, p.res, p.in = reqWrite, resRead, bufio.NewReaderSize(resRead, 64<<10)
	p.cmd = &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{"millwright", workerArg},
		Env:        []string{}, // nil would hand our own down
		Dir:        "/",
		Stderr:     p.stderr,
		ExtraFiles: []*os.File{reqRead, resWrite},
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid:   true,
			Pdeathsig: syscall.SIGKILL,
		},
	}
	if err := forks.start(p.cmd); err != nil {
		reqWrite.Close()
		resRead.Close()
		return err
	}
	return nil
}

// greet waits for the child's hello, so that a binary without ServeWorker is
// noticed at once and by name.
func (p *process) greet() error {
	if err := p.res.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	kind, body, err := readFrame(p.in)
	if err != nil {
		return fmt.Errorf("no hello; does main call duckdb.ServeWorker? %w", err)
	}
	if kind != frameHello {
		return fmt.Errorf("a frame of kind %q instead of a hello", kind)
	}
	if err := json.Unmarshal(body, &p.hello); err != nil {
		return err
	}
	return p.res.SetReadDeadline(time.Time{})
}

// kill ends the child and all that it started, and whoever reads from it. It may
// be called at any time.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	// The kernel takes its memory back before it closes its end of the pipe: a
	// second or two for gigabytes.
	_ = p.res.SetReadDeadline(time.Unix(1, 0))
}

// yield lowers the priority of all the child's threads, for good.
func (p *process) yield(nice int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		// By process it would reach one thread only; the child leads a group.
		_ = syscall.Setpriority(syscall.PRIO_PGRP, p.cmd.Process.Pid, nice)
	}
}

// yieldAfter has the child yield, and calls spent, once it has used so much
// processor time from now on: time that passes while others compute says nothing
// about it. The function ends that and reports whether the child has used so much.
func (p *process) yieldAfter(budget time.Duration, spent func()) (end func() bool) {
	var mu sync.Mutex // guards the variables below
	var timer *time.Timer
	start, over := p.processorTime(), false
	look := func() bool {
		if left := budget - (p.processorTime() - start); left > 0 {
			timer.Reset(max(left/2, 10*time.Millisecond)) // it may have two threads
			return false
		}
		p.yield(niceLong)
		spent()
		return true
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(budget/2, func() {
		mu.Lock()
		defer mu.Unlock()
		over = over || look()
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		was := over || look()
		over = true // also for a timer that waits for the lock
		timer.Stop()
		return was
	}
}

// processorTime returns how much the child has used; 0 once it is gone.
func (p *process) processorTime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return 0
	}
	// The clock of a process, as clock_getcpuclockid(3) makes its id.
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|2, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// memory returns how many bytes the child has mapped, and how many of them it holds.
func (p *process) memory() (mapped, resident int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0 // it is gone
	}
	if _, err := fmt.Sscan(string(text), &mapped, &resident); err != nil {
		return 0, 0 // unreachable: the kernel writes it
	}
	page := int64(os.Getpagesize())
	return mapped * page, resident * page
}

// end kills the child, waits until it is gone, and releases what it held here.
func (p *process) end() {
	p.kill()
	<-p.reaped
	p.req.Close()
	p.res.Close()
}

func (p *process) dead() bool {
	select {
	case <-p.reaped:
		return true
	default:
		return false
	}
}

// A tail keeps the first and last bytes that a child wrote about its end.
type tail struct {
	mu   sync.Mutex // guards the fields below
	head bytes.Buffer
	last []byte
}

const tailBytes = 4 << 10

// Write keeps p's bytes if they are among the first or last. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := p
	if room := tailBytes - t.head.Len(); room > 0 {
		n := min(room, len(rest))
		t.head.Write(rest[:n])
		rest = rest[n:]
	}
	t.last = append(t.last, rest...)
	if len(t.last) > tailBytes {
		t.last = append(t.last[:0], t.last[len(t.last)-tailBytes:]...)
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head.String() + string(t.last)
}

// bind confines the child for good. After an error it must be ended.
func (p *process) bind(b *binding) error {
	if err := writeJSON(p.req, frameRequest, request{Op: opBind, Bind: b}); err != nil {
		return fmt.Errorf("bind a SQL worker: %w: %s", err, brief(p.stderr.String()))
	}
	if err := p.res.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	kind, body, err := readFrame(p.in)
	if err != nil {
		return fmt.Errorf("bind a SQL worker: %w: %s", err, brief(p.stderr.String()))
	}
	end, err := parseEnding(kind, body)
	if err == nil && end.Fault != nil {
		err = end.Fault.err()
	}
	if err != nil {
		return fmt.Errorf("bind a SQL worker: %w", err)
	}
	p.base, _ = p.memory()
	p.space = b.Memory
	return p.res.SetReadDeadline(time.Time{})
}
