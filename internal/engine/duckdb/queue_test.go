package duckdb_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
)

// A counter shows who has slots of a queue, in the order in which they got them.
type counter struct {
	t     *testing.T
	queue duckdb.Queue

	mu     sync.Mutex
	served []string
	errs   []error
}

// ask takes a slot for a second, and returns when it has the slot, waits, or is refused.
func (c *counter) ask(ctx context.Context, scope string) {
	go func() {
		release, err := c.queue.Acquire(ctx, scope)
		c.mu.Lock()
		if err != nil {
			c.errs = append(c.errs, err)
		} else {
			c.served = append(c.served, scope)
		}
		c.mu.Unlock()
		if err == nil {
			time.Sleep(time.Second) // of the test's own clock
			release()
		}
	}()
	synctest.Wait()
}

func (c *counter) has(want ...string) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := cmp.Diff(want, c.served); d != "" {
		c.t.Errorf("who was served (-want +got):\n%s", d)
	}
}

func TestQueueServesProjectsInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, queue: duckdb.NewQueue(1, 1, 100, 100, 0)}
		for range 4 {
			c.ask(t.Context(), "burst")
		}
		c.ask(t.Context(), "b")
		c.ask(t.Context(), "b")
		c.ask(t.Context(), "c")
		c.has("burst")
		time.Sleep(10 * time.Second)
		c.has("burst", "burst", "b", "c", "burst", "b", "burst")
	})
}

func TestQueueKeepsSlotsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, queue: duckdb.NewQueue(4, 2, 100, 100, 0)}
		c.ask(t.Context(), "b")
		time.Sleep(500 * time.Millisecond)
		for range 4 {
			c.ask(t.Context(), "burst")
		}
		c.has("b", "burst", "burst")
		time.Sleep(700 * time.Millisecond) // b is done
		c.has("b", "burst", "burst")
		time.Sleep(10 * time.Second)
		c.has("b", "burst", "burst", "burst", "burst")
	})
}

// TestQueueKeepsSlotsForTheQuick has two projects whose queries take long, which
// together could hold every slot.
func TestQueueKeepsSlotsForTheQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, queue: duckdb.NewQueue(4, 2, 100, 100, 0)}
		c.queue.Spare(3, func(scope string) bool { return scope != "quick" })
		for range 3 {
			c.ask(t.Context(), "slow")
			c.ask(t.Context(), "slower")
		}
		c.has("slow", "slower", "slow")
		c.ask(t.Context(), "quick")
		c.has("slow", "slower", "slow", "quick")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.served) != 7 { // the slots of the first three come free at one moment, so in any order
			t.Errorf("served %v, want all seven", c.served)
		}
		if left := c.queue.Left(); !cmp.Equal(left, make([]int, len(left))) {
			t.Errorf("the queue still holds %v", left)
		}
	})
}

func TestQueueIsBoundedPerProjectAndInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, queue: duckdb.NewQueue(1, 1, 5, 3, 0)}
		refused := func(rule string, n int, after time.Duration) {
			t.Helper()
			if len(c.errs) != n {
				t.Errorf("%s: %v were refused, want %d", rule, c.errs, n)
				return
			}
			e, _ := errs.Find(c.errs[n-1])
			if e.Kind != errs.Busy || e.Type != "engine-busy" || e.RetryAfter != after {
				t.Errorf("%s: got %v, %v after %s; want engine-busy after %s", rule, e.Kind, e, e.RetryAfter, after)
			}
		}
		for range 5 {
			c.ask(t.Context(), "burst")
		}
		refused("one runs, three wait, nothing is known of how long a query takes", 1, time.Second)
		c.ask(t.Context(), "b")
		c.ask(t.Context(), "c")
		c.ask(t.Context(), "d")
		refused("five wait in all", 2, time.Second)
		time.Sleep(1500 * time.Millisecond)
		c.ask(t.Context(), "burst")
		c.ask(t.Context(), "burst")
		refused("three wait again, and a query takes a second", 3, 4*time.Second)
		time.Sleep(10 * time.Second)
	})
}

func TestWaitingEndsWithItsCallerOrInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, queue: duckdb.NewQueue(1, 1, 100, 100, 2500*time.Millisecond)}
		ctx, cancel := context.WithCancel(t.Context())
		c.ask(t.Context(), "a")
		c.ask(ctx, "gone")
		c.ask(t.Context(), "b")
		cancel()
		synctest.Wait()
		if len(c.errs) != 1 || !errors.Is(c.errs[0], errs.Canceled) {
			t.Errorf("got %v, want cancelled", c.errs)
		}
		c.ask(ctx, "gone")
		if len(c.errs) != 2 || !errors.Is(c.errs[1], errs.Canceled) {
			t.Errorf("got %v, want that the caller who has gone is not served", c.errs)
		}
		c.ask(t.Context(), "c")
		c.ask(t.Context(), "late")
		time.Sleep(10 * time.Second)
		c.has("a", "b", "c")
		if e, ok := errs.Find(c.errs[len(c.errs)-1]); !ok || e.Type != "engine-busy" || len(c.errs) != 3 {
			t.Errorf("got %v, want that the last waited too long", c.errs)
		}
		if d := cmp.Diff([]int{0, 0, 0, 0}, c.queue.Left()); d != "" {
			t.Errorf("the queue holds something still: %s", d)
		}
	})
}

// TestQueueUnderStress has callers come and go at once, and give up at any moment,
// also the one at which they are served.
func TestQueueUnderStress(t *testing.T) {
	const slots, perScope = 4, 2
	q := duckdb.NewQueue(slots, perScope, 40, 20, 0)
	scopes := []string{"a", "b", "c", "d", "e"}
	var all, served, refused, gone atomic.Int64
	each := map[string]*atomic.Int64{}
	for _, s := range scopes {
		each[s] = &atomic.Int64{}
	}
	var callers sync.WaitGroup
	for i := range 64 {
		callers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range 300 {
				scope := scopes[r.IntN(len(scopes))]
				ctx, cancel := context.WithCancel(t.Context())
				switch r.IntN(9) {
				case 0:
					cancel()
				case 1, 2, 3:
					go cancel()
				}
				release, err := q.Acquire(ctx, scope)
				switch {
				case err == nil:
					served.Add(1)
					if n, own := all.Add(1), each[scope].Add(1); n > slots || own > perScope {
						t.Errorf("%d run, %d of them of one project", n, own)
					}
					for range r.IntN(20) {
						runtime.Gosched()
					}
					each[scope].Add(-1)
					all.Add(-1)
					release()
				case errors.Is(err, errs.Busy):
					refused.Add(1)
				case errors.Is(err, errs.Canceled):
					gone.Add(1)
				default:
					t.Error(err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if d := cmp.Diff([]int{0, 0, 0, 0}, q.Left()); d != "" {
		t.Errorf("the queue holds something still: %s", d)
	}
	if total := served.Load() + refused.Load() + gone.Load(); total != 64*300 || served.Load() == 0 || gone.Load() == 0 {
		t.Errorf("%d served, %d refused, %d gone; want %d in all", served.Load(), refused.Load(), gone.Load(), 64*300)
	}
}
