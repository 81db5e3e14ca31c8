package duckdb

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// A result reads the answer to opRun as it arrives. The pipe is the only
// buffer: a reader that pauses makes the query pause.
type result struct {
	s      *session
	schema table.Schema

	mu     sync.Mutex // guards the fields below; held while Next waits
	arrow  *ipc.Reader
	stream *arrowStream
	err    error
	done   bool
}

var _ engine.Rows = (*result)(nil)

// newResult waits until the worker accepted the statement.
func newResult(s *session) (*result, error) {
	kind, body, err := s.next()
	if err != nil {
		s.finish(false)
		return nil, err
	}
	if kind == frameEnd {
		end, err := parseEnding(kind, body)
		if err == nil && end.Fault != nil {
			err = end.Fault.err()
		} else if err == nil {
			err = fmt.Errorf("a SQL worker ended a query without a schema")
		}
		s.finish(!end.Retire && end.Fault != nil)
		return nil, err
	}
	r := &result{s: s, stream: &arrowStream{s: s}}
	if kind != frameSchema {
		err = fmt.Errorf("a SQL worker sent a frame of kind %q out of turn", kind)
	} else {
		err = json.Unmarshal(body, &r.schema)
	}
	if err == nil {
		// The reader panics on lies about lengths, and recovers in Next only.
		r.arrow, err = openStream(r.stream)
	}
	if err != nil {
		if r.stream.err != nil {
			err = r.stream.err
		}
		s.finish(r.stream.clean())
		return nil, err
	}
	return r, nil
}

func openStream(stream io.Reader) (r *ipc.Reader, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a SQL worker's stream: %v", p)
		}
	}()
	return ipc.NewReader(stream, ipc.WithAllocator(capped{memory.DefaultAllocator}))
}

// Schema returns the result's columns.
func (r *result) Schema() table.Schema { return r.schema }

// ArrowSchema returns the columns as Arrow knows them.
func (r *result) ArrowSchema() *arrow.Schema { return r.arrow.Schema() }

// Next moves to the next batch. A cancelled context or a passed deadline ends
// the wait by ending the worker.
func (r *result) Next() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return false
	}
	for r.arrow.Next() {
		// The first batch is empty: it carries the schema.
		if r.arrow.RecordBatch().NumRows() > 0 {
			return true
		}
	}
	r.finish(r.arrow.Err())
	return false
}

func (r *result) finish(err error) {
	r.done = true
	// The stream may have been read to its mark of the end and no further.
	_, drain := io.Copy(io.Discard, r.stream)
	switch {
	case r.stream.err != nil:
		r.err = r.stream.err
	case err != nil:
		r.err = fmt.Errorf("a SQL worker's stream: %w", err)
	case drain != nil:
		r.err = drain
	}
	r.s.finish(r.stream.clean())
}

// Batch returns the current batch.
func (r *result) Batch() arrow.RecordBatch { return r.arrow.RecordBatch() }

// Err returns why the result ended early, if it did.
func (r *result) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Truncated reports whether a limit cut the result.
func (r *result) Truncated() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stream.end != nil && r.stream.end.Truncated
}

// Close ends the query, by killing its worker if it still runs.
func (r *result) Close() error {
	// A Next in another goroutine holds the lock until the worker is dead.
	if !r.mu.TryLock() {
		r.s.abort()
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	if !r.done {
		r.done = true
		r.s.finish(false)
	}
	if r.arrow != nil {
		r.arrow.Release()
	}
	return nil
}

// An arrowStream joins the arrow frames of an answer into one stream.
type arrowStream struct {
	s    *session
	rest []byte
	end  *ending // once the last frame was read
	err  error   // classified: the worker's fault, or its death
}

// Read returns the stream's bytes, and io.EOF after the last frame.
func (a *arrowStream) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.end != nil {
			return 0, io.EOF
		}
		a.advance()
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *arrowStream) advance() {
	kind, body, err := a.s.next()
	if err != nil {
		a.err = err
		return
	}
	if kind == frameArrow {
		a.rest = body
		return
	}
	end, err := parseEnding(kind, body)
	if err != nil {
		a.err = err
		return
	}
	a.end = &end
	if end.Fault != nil {
		a.err = end.Fault.err()
	}
}

// clean reports whether the worker said all it had to say and can serve again.
func (a *arrowStream) clean() bool { return a.end != nil && !a.end.Retire }

// capped refuses allocations that no honest batch needs: their size comes from
// a process that hostile SQL may have taken over.
type capped struct{ memory.Allocator }

const maxAllocation = 1 << 30

// Allocate panics for more than maxAllocation, which ipc.Reader turns into an error.
func (c capped) Allocate(size int) []byte {
	if size < 0 || size > maxAllocation {
		panic(fmt.Sprintf("a batch wants %d bytes", size))
	}
	return c.Allocator.Allocate(size)
}

// Reallocate panics as Allocate does.
func (c capped) Reallocate(size int, b []byte) []byte {
	if size < 0 || size > maxAllocation {
		panic(fmt.Sprintf("a batch wants %d bytes", size))
	}
	return c.Allocator.Reallocate(size, b)
}
