package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"millwright/internal/errs"
)

var errDeadline = errors.New("deadline of the query")

// A session is one request to one worker, from sending to the ending.
type session struct {
	engine  *Engine
	p       *process
	ctx     context.Context // the caller's, with the deadline
	timeout time.Duration
	what    string // "query" or "conversion", for messages
	cancel  context.CancelFunc
	stop    func() bool // stops the killing at ctx's end
	giveUp  func(reuse bool)

	mu       sync.Mutex // guards the fields below
	finished bool       // the worker may serve somebody else by now
	aborted  bool       // abort killed the worker
}

// converse sends a request to p and watches the deadline from now on. The
// session must be finished.
func (e *Engine) converse(ctx context.Context, p *process, giveUp func(bool), what string, timeout time.Duration, r request) (*session, error) {
	s := &session{engine: e, p: p, timeout: timeout, what: what, giveUp: giveUp}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, timeout, errDeadline)
	s.stop = context.AfterFunc(s.ctx, p.kill)
	if err := writeJSON(p.req, frameRequest, r); err != nil {
		err = s.death(err)
		s.finish(false)
		return nil, err
	}
	return s, nil
}

// next returns the next frame. Its error is classified.
func (s *session) next() (kind byte, body []byte, err error) {
	kind, body, err = readFrame(s.p.in)
	if err != nil {
		return 0, nil, s.death(err)
	}
	return kind, body, nil
}

// ending reads frames until the last, for answers of one frame.
func (s *session) ending() (ending, error) {
	kind, body, err := s.next()
	if err != nil {
		s.finish(false)
		return ending{}, err
	}
	end, err := parseEnding(kind, body)
	s.finish(err == nil && !end.Retire)
	if err == nil && end.Fault != nil {
		err = end.Fault.err()
	}
	return end, err
}

func parseEnding(kind byte, body []byte) (ending, error) {
	var end ending
	if kind != frameEnd {
		return end, fmt.Errorf("a SQL worker sent a frame of kind %q out of turn", kind)
	}
	if err := json.Unmarshal(body, &end); err != nil {
		return end, fmt.Errorf("a SQL worker's last frame: %w", err)
	}
	return end, nil
}

// finish gives the worker back. Only its first call counts.
func (s *session) finish(reuse bool) {
	s.mu.Lock()
	again := s.finished
	s.finished = true
	s.mu.Unlock()
	if again {
		return
	}
	// Once the kill has begun, the worker is as good as dead.
	stopped := s.stop()
	s.cancel()
	s.giveUp(reuse && stopped)
}

// abort kills the worker unless the session is over.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finished {
		s.aborted = true
		s.p.kill()
	}
}

func (s *session) wasAborted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aborted
}

// death says why the worker went silent. It kills it, to be sure.
func (s *session) death(read error) error {
	s.p.kill()
	if s.ctx.Err() == nil || s.what != "query" {
		// Why it ended is known once it is gone. Where we ended a query, the caller
		// does not wait for the kernel to take gigabytes back.
		<-s.p.reaped
	}
	s.engine.mu.Lock()
	closed := s.engine.closed
	s.engine.mu.Unlock()
	switch {
	case s.wasAborted():
		return errs.New(errs.Canceled, "the %s was closed before its end", s.what).Named("query-cancelled")
	case errors.Is(context.Cause(s.ctx), errDeadline):
		return s.tooLate()
	case s.ctx.Err() != nil:
		return canceled(s.ctx)
	case closed:
		return errClosed()
	}
	memory := s.engine.cfg.ConvertMemory
	if s.what == "query" {
		memory = s.engine.cfg.MemoryLimit
	}
	return crash(s.what, memory, s.p.cmd.ProcessState, s.p.stderr.String(), read)
}

func (s *session) tooLate() error {
	return errs.New(errs.TooLarge, "the %s did not end within its %s and was stopped", s.what, s.timeout).
		Named("query-timeout").
		Fix("read fewer rows: filter earlier, or aggregate before joining", "raise the time limit")
}

// crash classifies the death of a worker that nobody killed and that might use so
// much memory.
func crash(what string, memory int64, state *os.ProcessState, stderr string, read error) error {
	cause := fmt.Errorf("worker ended: %v: %w: %s", state, read, brief(stderr))
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case outOfMemory(stderr), status.Signaled() && status.Signal() == syscall.SIGKILL:
		return errMemory(what, memory).Because(cause)
	case status.Signaled() && status.Signal() == syscall.SIGXCPU, strings.Contains(stderr, "SIGXCPU"):
		return errs.New(errs.TooLarge, "the %s used up its processor time and was stopped", what).
			Named("query-timeout").Fix("read fewer rows: filter earlier, or aggregate before joining").Because(cause)
	case errors.Is(read, io.EOF), errors.Is(read, io.ErrUnexpectedEOF), errors.Is(read, syscall.EPIPE):
		return errs.New(errs.Invalid, "the %s crashed the SQL engine; nothing else was affected", what).
			Named("query-crashed").Fix("write the statement another way").Because(cause)
	}
	return fmt.Errorf("SQL worker: %w", cause)
}

// brief keeps of a crash report what tells the reason.
func brief(report string) string {
	if len(report) <= 1000 {
		return report
	}
	return report[:700] + " … " + report[len(report)-200:]
}

func outOfMemory(stderr string) bool {
	for _, sign := range []string{"out of memory", "cannot allocate memory", "bad_alloc", "Cannot allocate memory", "failed to create new OS thread", "pthread_create failed"} {
		if strings.Contains(stderr, sign) {
			return true
		}
	}
	return false
}

func errMemory(what string, limit int64) *errs.Error {
	e := errs.New(errs.TooLarge, "the %s needed more memory than the %s that one may use", what, sizeText(limit)).Named("query-memory")
	if what == "conversion" {
		return e.Fix("split what is converted into smaller parts")
	}
	return e.Fix("select fewer columns or rows: filter earlier", "aggregate before joining or sorting", "leave out lists and texts that are built from many rows")
}

// sizeText spells bytes for people: 1.5 GiB.
func sizeText(bytes int64) string {
	if bytes < 1<<30 {
		return strconv.FormatInt(bytes>>20, 10) + " MiB"
	}
	return strconv.FormatFloat(math.Round(float64(bytes)/(1<<30)*10)/10, 'f', -1, 64) + " GiB"
}
