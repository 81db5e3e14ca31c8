// Package enginefake is an engine for tests: it answers every query with batches
// made beforehand, honours the row limit, cancellation and Close, and keeps what it was
// asked.
package enginefake

import (
	"context"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// An Engine answers with its fields. Set them before the first call.
type Engine struct {
	Schema  table.Schema
	Batches []arrow.RecordBatch // the whole answer; their schemas are equal
	Err     error               // fail every call with this
	FailAt  int                 // with RowsErr: fail after that many batches
	RowsErr error               // how rows end, instead of well
	Block   chan struct{}       // if set, each batch waits until it can be received from, or the context is done
	Write   func(q engine.Query, output string) (int64, error)
	Remake  func(r engine.Rewriting) (engine.Converted, error) // what Rewrite does

	mu      sync.Mutex
	queries []engine.Query // guarded by mu
	open    int            // rows not yet closed; guarded by mu
}

var _ engine.Engine = (*Engine)(nil)

// Queries returns what the engine was asked, in order.
func (e *Engine) Queries() []engine.Query {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]engine.Query(nil), e.queries...)
}

// Open returns how many results are not yet closed.
func (e *Engine) Open() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

func (e *Engine) ask(ctx context.Context, q engine.Query) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queries = append(e.queries, q)
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	return e.Err
}

func cancelled(ctx context.Context) error {
	return errs.New(errs.Canceled, "the query was cancelled").Named("query-cancelled").Because(context.Cause(ctx))
}

// Run answers with the batches, cut at the query's limits.
func (e *Engine) Run(ctx context.Context, q engine.Query) (engine.Rows, error) {
	if err := e.ask(ctx, q); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open++
	return &rows{e: e, ctx: ctx, left: q.MaxRows, limited: q.MaxRows > 0}, nil
}

// Describe answers with the schema.
func (e *Engine) Describe(ctx context.Context, q engine.Query) (engine.Description, error) {
	return engine.Description{Columns: e.Schema.Columns}, e.ask(ctx, q)
}

// Explain answers with a fixed plan.
func (e *Engine) Explain(ctx context.Context, q engine.Query) (string, error) {
	return "SCAN\n", e.ask(ctx, q)
}

// Export calls Write.
func (e *Engine) Export(ctx context.Context, q engine.Query, output string) (int64, error) {
	if err := e.ask(ctx, q); err != nil {
		return 0, err
	}
	return e.Write(q, output)
}

// Convert is not part of the fake.
func (e *Engine) Convert(context.Context, engine.Conversion) (engine.Converted, error) {
	return engine.Converted{}, errs.New(errs.Internal, "the fake engine converts nothing")
}

// Rewrite calls Remake.
func (e *Engine) Rewrite(ctx context.Context, r engine.Rewriting) (engine.Converted, error) {
	if err := e.ask(ctx, engine.Query{Dir: r.Dir, Tables: r.Tables, SQL: r.SQL}); err != nil {
		return engine.Converted{}, err
	}
	return e.Remake(r)
}

// Close does nothing.
func (e *Engine) Close() error { return nil }

type rows struct {
	e         *Engine
	ctx       context.Context
	next      int
	batch     arrow.RecordBatch
	left      int64
	limited   bool
	truncated bool
	err       error
	closed    bool
}

func (r *rows) Schema() table.Schema { return r.e.Schema }

func (r *rows) ArrowSchema() *arrow.Schema {
	if len(r.e.Batches) > 0 {
		return r.e.Batches[0].Schema()
	}
	return arrow.NewSchema(nil, nil)
}

func (r *rows) Next() bool {
	if r.closed || r.err != nil || r.truncated {
		return false
	}
	if r.e.Block != nil {
		select {
		case <-r.e.Block:
		case <-r.ctx.Done():
		}
	}
	switch {
	case r.ctx.Err() != nil:
		r.err = cancelled(r.ctx)
		return false
	case r.e.RowsErr != nil && r.next == r.e.FailAt:
		r.err = r.e.RowsErr
		return false
	case r.next == len(r.e.Batches):
		return false
	}
	r.batch = r.e.Batches[r.next]
	r.next++
	if r.limited {
		if n := r.batch.NumRows(); n > r.left {
			r.truncated = true
			r.batch = r.batch.NewSlice(0, r.left)
		}
		r.left -= r.batch.NumRows()
	}
	return true
}

func (r *rows) Batch() arrow.RecordBatch { return r.batch }
func (r *rows) Err() error               { return r.err }
func (r *rows) Truncated() bool          { return r.truncated }

func (r *rows) Close() error {
	if !r.closed {
		r.closed = true
		r.e.mu.Lock()
		defer r.e.mu.Unlock()
		r.e.open--
	}
	return nil
}

// Batch makes a batch from a JSON list of objects, for canned answers.
func Batch(schema *arrow.Schema, json string) (arrow.RecordBatch, error) {
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
	return batch, err
}
