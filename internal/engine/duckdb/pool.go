package duckdb

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// What work yields to: the server and short queries have 0. A weight of 5 still
// gets a quarter of a processor that short queries want whole, one of 10 a tenth.
const (
	niceConversion = 5
	niceLong       = 10
	nicePart       = 10 // conversions of many: most are done while the source is waited for
)

// maxIdleMemory is how many bytes an unused worker may hold. One that needed
// more gives it back by ending.
const maxIdleMemory = 256 << 20

// spent reports whether the worker holds, or has mapped, too much to serve again.
// DuckDB's allocator never unmaps: after many queries nothing is left of what one may
// map, though hardly any of it is held.
func (p *process) spent() bool {
	mapped, resident := p.memory()
	return resident > maxIdleMemory || mapped-p.base > p.space/2
}

// fork starts an unbound worker that belongs to the engine until it is reaped.
func (e *Engine) fork() (*process, error) {
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.wg.Add(1) // under the lock, so that Close cannot have begun to wait
	}
	e.mu.Unlock()
	if closed {
		return nil, errClosed()
	}
	defer e.wg.Done()
	p, err := startProcess(e.forks, e.cfg.SpillDir, e.wg.Go, e.forget)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	closed = e.closed
	if !closed && !p.dead() {
		e.live[p] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		p.end()
		return nil, errClosed()
	}
	return p, nil
}

func (e *Engine) forget(p *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.live, p)
}

func (e *Engine) addSpare(p *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.spare) >= e.cfg.Spare {
		e.drop(p)
		return
	}
	e.spare = append(e.spare, p)
}

// refill starts as many spare workers as are missing, in the background.
func (e *Engine) refill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.closed && len(e.spare)+e.refills < e.cfg.Spare {
		e.refills++
		e.wg.Go(func() {
			p, err := e.fork()
			e.mu.Lock()
			e.refills--
			e.mu.Unlock()
			// A failure comes back to the query that then starts its own worker.
			if err == nil {
				e.addSpare(p)
			}
		})
	}
}

// drop ends p in the background. The engine's lock may be held.
func (e *Engine) drop(p *process) {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.kill()
	if !e.closed {
		e.wg.Go(p.end)
		return
	}
	// Close waits for the reaper itself; only the pipes are left to us.
	p.req.Close()
	p.res.Close()
}

// lease waits for a slot and returns a worker bound to the query's scope and
// folder, an idle one if there is one. The caller must end the lease once.
func (e *Engine) lease(ctx context.Context, q engine.Query) (*process, func(reuse bool), error) {
	scope, dir, tables := q.Scope, filepath.Clean(q.Dir), breadthOf(q.Tables)
	asked := time.Now()
	release, err := e.queries.acquire(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	low := e.shouldYield(scope)
	p, err := e.bound(scope, dir, low, tables)
	if err != nil {
		release()
		return nil, nil, err
	}
	begun := time.Now()
	if low && !p.low {
		p.yield(niceLong)
		p.low = true
	}
	// Most queries are short. One that is not shows it soon, and from then on the
	// short ones of others come first.
	note := func() {
		if !q.Background {
			e.noteLong(scope)
		}
	}
	long := p.yieldAfter(e.cfg.LongAfter, note)
	unwatch := func() {}
	if tables != narrow {
		unwatch = e.watchResident(p, e.cfg.MemoryLimit)
	}
	return p, func(reuse bool) {
		unwatch()
		if long() {
			p.low = true
			note()
		}
		yielded := p.low // giving it back gives it away
		e.giveBack(p, reuse, e.cfg.IdleAfter)
		release()
		e.cfg.Log.Debug("a query ended", "scope", scope, "waited", begun.Sub(asked), "ran", time.Since(begun), "yielded", yielded)
	}, nil
}

// noteLong has the scope's queries yield from their start for a while: who has just
// sent one that takes long is likely to send more.
func (e *Engine) noteLong(scope string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(e.yields, func(_ string, until time.Time) bool { return until.Before(now) })
	e.yields[scope] = now.Add(e.cfg.YieldFor)
}

func (e *Engine) shouldYield(scope string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Before(e.yields[scope])
}

func (e *Engine) bound(scope, dir string, low bool, tables breadth) (*process, error) {
	if tables != narrow {
		scope += " " + string(tables)
	}
	if p := e.takeIdle(scope, dir, low); p != nil {
		return p, nil
	}
	// A project without data may have no folder yet. What is bound without it
	// will never see it, and serves once.
	var dirs []string
	if _, err := os.Stat(dir); err == nil {
		dirs = []string{dir}
	}
	threads := e.cfg.QueryThreads
	if low || tables == wide {
		threads = 1
	}
	// What DuckDB counts for thousands of columns is what it maps, too.
	memory, plan := e.cfg.MemoryLimit, e.cfg.MemoryLimit
	if tables != narrow {
		memory = max(memory, wideSpace)
	}
	if tables == wide {
		plan = memory
	}
	p, err := e.confined(binding{
		ReadDirs: dirs,
		Memory:   memory,
		Plan:     plan,
		Hold:     e.cfg.MemoryLimit,
		FileSize: e.cfg.MaxSpill,
		MaxSpill: e.cfg.MaxSpill,
		Threads:  threads,
		CPU:      cpuSeconds(e.cfg.Timeout, threads, e.cfg.MaxQueries),
	})
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		p.uses = e.cfg.MaxQueries
	}
	p.scope, p.dir = scope, dir
	return p, nil
}

// takeIdle returns an idle worker of the scope. One of low priority serves only
// queries that yield.
func (e *Engine) takeIdle(scope, dir string, low bool) *process {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, p := range slices.Backward(e.idle) {
		if p.scope != scope || p.dir != dir {
			continue
		}
		e.idle = slices.Delete(e.idle, i, i+1)
		if !p.timer.Stop() || p.dead() || p.low && !low {
			e.drop(p)
			continue
		}
		return p
	}
	return nil
}

// maxStarts is how many workers may die before they are bound until that is an error:
// whoever kills one at that moment (a system without memory, a person) has done
// nothing that a second one cannot make good.
const maxStarts = 3

// confined returns a fresh worker bound to b and its own spill folder. A spare
// one that died while it waited is replaced.
func (e *Engine) confined(b binding) (*process, error) {
	defer e.refill()
	for failed := 0; ; {
		p, wasSpare, err := e.unbound()
		if err == nil {
			b.Spill = p.spill
			if err = p.bind(&b); err == nil {
				return p, nil
			}
			e.retire(p)
		}
		if !wasSpare {
			failed++
		}
		if failed == maxStarts || errors.Is(err, errs.Unavailable) {
			return nil, err
		}
	}
}

func (e *Engine) unbound() (p *process, wasSpare bool, err error) {
	e.mu.Lock()
	if n := len(e.spare); n > 0 {
		p, e.spare = e.spare[n-1], e.spare[:n-1]
		e.mu.Unlock()
		return p, true, nil
	}
	e.mu.Unlock()
	p, err = e.fork()
	return p, false, err
}

// giveBack keeps a worker for its scope's next request for so long, or ends it.
func (e *Engine) giveBack(p *process, reuse bool, idle time.Duration) {
	p.uses++
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || !reuse || p.uses >= e.cfg.MaxQueries || p.dead() || p.spent() {
		e.drop(p)
		return
	}
	// The longest unused makes room for this one.
	for len(e.idle) > 0 && len(e.idle) >= e.cfg.Keep {
		e.drop(e.idle[0])
		e.idle = slices.Delete(e.idle, 0, 1)
	}
	p.timer = time.AfterFunc(idle, func() { e.expire(p) })
	e.idle = append(e.idle, p)
}

// expire ends p if it is idle still.
func (e *Engine) expire(p *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.idle, p); i >= 0 {
		e.idle = slices.Delete(e.idle, i, i+1)
		e.drop(p)
	}
}

// retire ends a worker that must not serve again.
func (e *Engine) retire(p *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(p)
}

// cpuSeconds is generous: the deadline is what ends a query, this only catches
// a worker whose parent cannot kill it any more.
func cpuSeconds(timeout time.Duration, threads, times int) int {
	return max(60, int(timeout.Seconds()+1)*threads*max(1, times))
}
