package duckdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"
	"golang.org/x/sys/unix"
)

// NamedTableFunctions are the table functions that a statement is refused for by name.
func NamedTableFunctions() []string {
	return append(strings.Fields(namedTableFunctions), allowedTableFunctions...)
}

// FieldIDs is conversionSQL's part that numbers columns.
var FieldIDs = fieldID

// ProbeArg makes the test binary a probe.
const ProbeArg = "__sandbox_probe"

// A Probe is a confined process that tries what no query should get to try.
type Probe struct {
	Dir, Spill string
	Locked     bool     // with DuckDB's own settings too, not only the kernel's confinement
	SQL        []string // run without any check
	Files      []string // read by Go
	Write      string   // a folder to write into by Go
	Address    string   // to connect to
}

// ServeProbe reads a Probe from standard input, tries everything, and prints
// a map from attempt to outcome: "ok: result" or an error.
func ServeProbe() int {
	var p Probe
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		fmt.Println(err)
		return 1
	}
	outcome := map[string]string{}
	if err := p.run(outcome); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		return 1
	}
	return 0
}

func (p Probe) run(outcome map[string]string) error {
	db, err := openDatabase()
	if err != nil {
		return err
	}
	// DuckDB's threads exist before the confinement here, the harder case.
	if err := errors.Join(db.exec("SET threads = 4"), db.exec("CREATE TABLE warm AS SELECT count(*) FROM range(10000000) r(i) WHERE hash(i) % 3 = 0"), db.exec("SET errors_as_json = true")); err != nil {
		return err
	}
	b := &binding{ReadDirs: []string{p.Dir}, Spill: p.Spill, Memory: 2 << 30, FileSize: 1 << 30, MaxSpill: 1 << 30, Threads: 4, CPU: 60}
	others := waitingThreads(8, p)
	if err := confine(b); err != nil {
		return err
	}
	if p.Locked {
		if err := db.configure(b); err != nil {
			return err
		}
	}
	if err := sealSyscalls(); err != nil {
		return err
	}
	for i, try := range others {
		outcome[fmt.Sprint("thread ", i)] = outcomeOf("", try())
	}
	for _, sql := range p.SQL {
		text, err := db.rawText(sql)
		outcome[sql] = outcomeOf(text, err)
	}
	for _, f := range p.Files {
		content, err := os.ReadFile(f)
		outcome["read "+f] = outcomeOf(string(content), err)
	}
	if p.Write != "" {
		outcome["write"] = outcomeOf("", os.WriteFile(filepath.Join(p.Write, "x"), nil, 0o600))
		outcome["remove"] = outcomeOf("", os.RemoveAll(p.Write))
	}
	if p.Address != "" {
		_, err := net.Dial("tcp", p.Address)
		outcome["connect"] = outcomeOf("", err)
	}
	outcome["exec"] = outcomeOf("", exec.Command("/bin/true").Run())
	outcome["kill"] = outcomeOf("", syscall.Kill(os.Getppid(), 0))
	outcome["ptrace"] = outcomeOf("", syscall.PtraceAttach(os.Getppid()))
	outcome["limit"] = outcomeOf("", unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 1 << 50, Max: 1 << 50}))
	threads, err := filepath.Glob("/proc/self/task/*/status")
	outcome["threads"] = outcomeOf(fmt.Sprint(len(threads)), err)
	return nil
}

// waitingThreads starts threads of this process that wait; each function makes
// one try to read a file and to open a socket, which must both fail.
func waitingThreads(n int, p Probe) []func() error {
	if len(p.Files) == 0 {
		return nil
	}
	var tries []func() error
	for range n {
		ask, answer := make(chan struct{}), make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlock: the thread is ours alone
			<-ask
			_, readErr := os.ReadFile(p.Files[0])
			fd, socketErr := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			switch {
			case readErr == nil:
				answer <- nil
			case socketErr == nil:
				unix.Close(fd)
				answer <- nil
			default:
				answer <- errors.Join(readErr, socketErr)
			}
		}()
		tries = append(tries, func() error { ask <- struct{}{}; return <-answer })
	}
	return tries
}

func outcomeOf(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok: " + text
}

// rawText runs anything and returns its first column.
func (d *database) rawText(sql string) (string, error) {
	p, err := d.prepare(sql)
	if err != nil {
		return "", err
	}
	defer p.close()
	res, err := p.run()
	if err != nil {
		return "", err
	}
	defer mapping.DestroyResult(res)
	if mapping.ColumnCount(res) == 0 {
		return "", nil
	}
	return fetchText(res, 0)
}

// A Queue is what queries wait in.
type Queue struct{ *queue }

// NewQueue makes one.
func NewQueue(slots, perScope, places, perQueue int, patience time.Duration) Queue {
	return Queue{newQueue(slots, perScope, places, perQueue, patience)}
}

// Spare has the queue keep slots for scopes other than these, which get only so many.
func (q Queue) Spare(slowMay int, isSlow func(scope string) bool) {
	q.slowMay, q.isSlow = slowMay, isSlow
}

// Acquire waits for a slot.
func (q Queue) Acquire(ctx context.Context, scope string) (func(), error) {
	return q.acquire(ctx, scope)
}

// Left returns what a queue that nobody uses must not hold.
func (q Queue) Left() []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return []int{len(q.running), len(q.waiting), len(q.turns), int(q.starts)}
}

// Nice returns the priorities of all threads of all workers.
func (e *Engine) Nice() (map[int]int, error) {
	nice := map[int]int{}
	for _, pid := range e.Pids() {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			continue // it has just ended
		}
		for _, thread := range threads {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, thread.Name()))
			if err != nil {
				continue
			}
			// The command's name, in brackets, may hold anything.
			fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
			n, err := strconv.Atoi(fields[16])
			if err != nil {
				return nil, err
			}
			nice[n]++
		}
	}
	return nice, nil
}

// Idle returns channels that close when the workers idle now are gone.
func (e *Engine) Idle() []<-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	var gone []<-chan struct{}
	for _, p := range e.idle {
		gone = append(gone, p.reaped)
	}
	return gone
}

// Abandon closes the pipes to all workers, as the end of this process would.
func (e *Engine) Abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for p := range e.live {
		p.req.Close()
	}
}

// Pids returns the process ids of all workers.
func (e *Engine) Pids() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var pids []int
	for p := range e.live {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// DuckText runs SQL on a DuckDB of this process, which trusts its files, and
// returns the first column.
func DuckText(sql string) (string, error) {
	db, err := openDatabase()
	if err != nil {
		return "", err
	}
	defer mapping.Close(&db.db)
	defer mapping.Disconnect(&db.conn)
	return db.rawText(sql)
}

// Accepted returns the parameters of a statement that passes the checks of the parent.
func Accepted(sql string) ([]string, error) {
	_, params, err := checkStatement(sql)
	return lower(params), err
}

// DuckParameters returns the parameters that DuckDB finds.
func DuckParameters(sql string) ([]string, error) {
	db, err := openDatabase()
	if err != nil {
		return nil, err
	}
	defer mapping.Close(&db.db)
	defer mapping.Disconnect(&db.conn)
	p, err := db.prepare(sql)
	if err != nil {
		if errors.Is(err, errNotOne) {
			return []string{"<more than one statement>"}, nil
		}
		return nil, err
	}
	defer p.close()
	var names []string
	for i := mapping.IdxT(1); i <= mapping.NParams(p.stmt); i++ {
		names = append(names, mapping.ParameterName(p.stmt, i))
	}
	return lower(names), nil
}

func lower(names []string) []string {
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return names
}
