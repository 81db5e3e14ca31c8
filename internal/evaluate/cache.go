package evaluate

import (
	"container/list"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// A Cache keeps encoded answers up to a number of bytes; the least recently used
// make room for new ones. Nothing in it is ever wrong: its keys are made of all
// that an answer depends on, so what changes is asked for under another key. It is
// safe for concurrent use.
type Cache struct {
	limit int64

	mu      sync.Mutex               // guards the fields below
	entries map[string]*list.Element // of stored
	recent  list.List                // of stored, the most recently used first
	bytes   int64
	flights map[string]*flight // answers being made
	making  sync.WaitGroup     // one for each flight
}

// A stored answer.
type stored struct {
	key    string
	answer Answer
}

// A flight is an answer being made for everybody who asks for it meanwhile.
type flight struct {
	done    chan struct{} // closed when the fields below are set
	answer  Answer
	err     error
	callers int                // who still wait
	cancel  context.CancelFunc // when nobody does
}

// NewCache returns a cache of that many bytes; with none, it only joins equal
// requests that come at the same time.
func NewCache(bytes int64) *Cache {
	return &Cache{limit: bytes, entries: map[string]*list.Element{}, flights: map[string]*flight{}}
}

// Close waits until nothing is being made any more.
func (c *Cache) Close() { c.making.Wait() }

// overhead is what an answer takes beside its body, about.
const overhead = 512

// largest returns how many bytes an answer may have to be kept: one must not drive
// all others out.
func (c *Cache) largest() int64 { return c.limit / 8 }

func (c *Cache) get(key string) (Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return Answer{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(stored).answer, true
}

func (c *Cache) put(key string, a Answer) {
	size := int64(len(a.Body)) + overhead
	if size > c.largest() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		c.remove(e)
	}
	c.entries[key] = c.recent.PushFront(stored{key, a})
	c.bytes += size
	for c.bytes > c.limit {
		c.remove(c.recent.Back())
	}
}

func (c *Cache) remove(e *list.Element) {
	s := c.recent.Remove(e).(stored)
	delete(c.entries, s.key)
	c.bytes -= int64(len(s.answer.Body)) + overhead
}

// join returns what produce returns for the key, and keeps it. Of equal calls at the
// same time only one produces it, under a context that lasts as long as any caller
// waits. First reports whether this call began it.
func (c *Cache) join(ctx context.Context, key string, produce func(context.Context) (Answer, error)) (a Answer, first bool, err error) {
	c.mu.Lock()
	f, flying := c.flights[key]
	if !flying {
		f = c.launch(ctx, key, produce)
	}
	f.callers++
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, !flying, f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.callers--; f.callers == 0 {
		// Whoever comes now must not join what is about to fail.
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		f.cancel()
	}
	return Answer{}, !flying, canceled(ctx)
}

func (c *Cache) launch(ctx context.Context, key string, produce func(context.Context) (Answer, error)) *flight {
	f := &flight{done: make(chan struct{})}
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.flights[key] = f
	c.making.Go(func() {
		defer f.cancel()
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.flights[key] == f {
				delete(c.flights, key)
			}
			close(f.done)
		}()
		defer func() {
			// Nothing else would catch it here: it must not end the server.
			if v := recover(); v != nil {
				f.err = fmt.Errorf("a panic: %v\n%s", v, debug.Stack())
			}
		}()
		if f.answer, f.err = produce(ctx); f.err == nil {
			c.put(key, f.answer)
		}
	})
	return f
}
