// Package duckdb is the DuckDB driver of package engine.
//
// DuckDB trusts its callers and its data: one value can crash the process it
// lives in, and its own memory limit and interrupt are no bounds. So it never
// runs in this process. [Engine] starts children of the same binary, which the
// kernel confines to one project's folder (see [Report]) and which are killed
// at a deadline. A program that opens an Engine must begin with
//
//	if duckdb.IsWorker() {
//		os.Exit(duckdb.ServeWorker())
//	}
//
// in main, and in TestMain of tests, before it does anything else.
//
// Files named worker_*.go run in the child; the others run in the parent.
// It runs on Linux only, and builds with -tags=duckdb_arrow.
package duckdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// Config says how much a machine gives to SQL. The zero value of every field
// but SpillDir means its default.
type Config struct {
	SpillDir       string        // folder for the workers' private spill files; made if missing, its leftovers are removed by Open
	Workers        int           // queries that run at once; default 4
	PerScope       int           // queries of one scope that run at once, so that others find a worker; default half of Workers, at least 1
	Reserve        int           // of Workers, for projects that did not ask what takes long of late; default a quarter, negative for none
	Converters     int           // conversions that run at once, beside the queries; default 2, but not more than processors
	Spare          int           // workers started ahead, not yet bound to a scope; default 2, negative for none
	Keep           int           // workers kept for a scope's next query; default twice Workers
	Queue          int           // queries that may wait for a worker; more are refused; default 128, negative for none
	QueuePerScope  int           // queries of one scope that may wait; default a quarter of Queue
	QueueWait      time.Duration // a query that waited longer is refused; default 10s
	Timeout        time.Duration // a query is killed after that; default 30s
	ConvertTimeout time.Duration // a conversion is killed after that; default 30m
	IdleAfter      time.Duration // an unused bound worker ends after that; default 1m
	LongAfter      time.Duration // a query that used so much processor time yields to shorter ones; default 150ms
	YieldFor       time.Duration // for so long after that all queries of its scope yield from their start; default 10s
	MaxQueries     int           // a worker is replaced after that many queries; default 200
	MemoryLimit    int64         // bytes that a query's worker may map beyond the 1.6 GB (mostly untouched) that it has when idle; default 1.5 GiB
	ConvertMemory  int64         // the same of a conversion's worker; default 3 GiB
	QueryThreads   int           // DuckDB threads of a query; default one for each processor, at most 4
	ConvertThreads int           // DuckDB threads of a conversion that is all there is to convert; default 2
	MaxSpill       int64         // bytes that one query may spill or export; default 8 GiB
	Log            *slog.Logger  // told at debug level how long each query waited and ran; nil for none
}

func (c Config) withDefaults() Config {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	long := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	size := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.Workers, 4)
	def(&c.Reserve, c.Workers/4)
	def(&c.Converters, min(runtime.NumCPU(), 2))
	def(&c.Spare, 2)
	def(&c.PerScope, max(1, c.Workers/2))
	def(&c.Keep, 2*c.Workers)
	def(&c.Queue, 128)
	def(&c.QueuePerScope, (c.Queue+3)/4)
	def(&c.MaxQueries, 200)
	def(&c.QueryThreads, min(runtime.NumCPU(), 4))
	def(&c.ConvertThreads, 2)
	long(&c.QueueWait, 10*time.Second)
	long(&c.Timeout, 30*time.Second)
	long(&c.ConvertTimeout, 30*time.Minute)
	long(&c.IdleAfter, time.Minute)
	long(&c.LongAfter, 150*time.Millisecond)
	long(&c.YieldFor, 10*time.Second)
	size(&c.MemoryLimit, 1536<<20)
	size(&c.ConvertMemory, 3<<30)
	size(&c.MaxSpill, 8<<30)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// An Engine runs SQL in a pool of confined child processes.
type Engine struct {
	cfg        Config
	forks      *forker
	report     Report
	queries    *queue
	converters *queue         // of its own, so that neither kind of work waits for the other
	wg         sync.WaitGroup // every goroutine of the engine

	mu      sync.Mutex            // guards the fields below
	live    map[*process]struct{} // every child that is not yet reaped
	spare   []*process            // started, bound to nothing
	idle    []*process            // bound to a scope and unused, longest unused first
	refills int                   // spare workers being started
	yields  map[string]time.Time  // by scope: until when its queries yield from their start
	closed  bool
}

var _ engine.Engine = (*Engine)(nil)

// Open starts the spare workers and learns from the first what the kernel can
// confine. It fails if a worker cannot start, which is the case when the
// program does not call [ServeWorker].
func Open(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if !filepath.IsAbs(cfg.SpillDir) {
		return nil, errs.New(errs.Invalid, "the spill folder %q is not an absolute path", cfg.SpillDir)
	}
	if err := emptySpill(cfg.SpillDir); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:        cfg,
		forks:      newForker(),
		queries:    newQueue(cfg.Workers, min(cfg.PerScope, cfg.Workers), cfg.Queue, cfg.QueuePerScope, cfg.QueueWait),
		converters: newQueue(cfg.Converters, cfg.Converters, math.MaxInt, math.MaxInt, 0),
		live:       map[*process]struct{}{},
		yields:     map[string]time.Time{},
	}
	if cfg.Reserve > 0 && cfg.Reserve < cfg.Workers {
		e.queries.slowMay, e.queries.isSlow = cfg.Workers-cfg.Reserve, e.shouldYield
	}
	first, err := e.fork()
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.report = first.hello
	e.addSpare(first)
	e.refill()
	return e, nil
}

// emptySpill makes the folder and removes what killed processes left in it.
func emptySpill(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("spill folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("spill folder: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), spillPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("spill folder: %w", err)
			}
		}
	}
	return nil
}

// Sandbox returns what confines the workers on this machine.
func (e *Engine) Sandbox() Report { return e.report }

// Close kills all workers and waits for them. Queries that run end with
// errs.Unavailable. It may be called more than once.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	for p := range e.live {
		p.kill()
	}
	unused := append(e.spare, e.idle...)
	e.spare, e.idle = nil, nil
	e.mu.Unlock()
	for _, p := range unused {
		p.end()
	}
	e.wg.Wait()
	e.forks.stop()
	return nil
}

func errClosed() error {
	return errs.New(errs.Unavailable, "the SQL engine is stopping").Named("engine-stopping").After(5 * time.Second)
}

// canceled classifies the end of ctx.
func canceled(ctx context.Context) error {
	return errs.New(errs.Canceled, "the query was cancelled").Named("query-cancelled").Because(context.Cause(ctx))
}
