package duckdb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"millwright/internal/errs"
)

// A queue hands out slots, in turns between scopes: a burst of one makes it wait
// for itself, and others no longer than for one of its queries.
type queue struct {
	slots    int           // at once
	perScope int           // at once of one scope; what is left is for the others
	places   int           // that may wait
	perQueue int           // that may wait of one scope
	patience time.Duration // one that waited longer is refused; 0 waits forever
	slowMay  int           // at once of all scopes that are slow, fewer than slots; 0 means slots
	isSlow   func(scope string) bool

	mu      sync.Mutex           // guards the fields below
	running map[string]int       // by scope
	waiting map[string][]*ticket // by scope, first come first
	turns   []string             // scopes with waiting ones; the first is next
	began   time.Time            // of the first slot handed out
	starts  time.Duration        // sum of the times since began at which the running ones started
	service time.Duration        // moving average of how long a slot is kept; 0 before the first
}

// A ticket is one that waits.
type ticket struct {
	scope string
	ready chan struct{} // closed when it has a slot
	since time.Time     // when it got the slot
}

func newQueue(slots, perScope, places, perQueue int, patience time.Duration) *queue {
	return &queue{slots: slots, perScope: perScope, places: places, perQueue: perQueue, patience: patience,
		running: map[string]int{}, waiting: map[string][]*ticket{}}
}

// acquire waits for a slot and returns the function that gives it back, to be
// called once. It fails with errs.Busy when too many wait, in all or of the
// scope, or for too long, and with errs.Canceled at ctx's end.
func (q *queue) acquire(ctx context.Context, scope string) (release func(), err error) {
	// A free slot and the end of ctx may both be there to be chosen.
	if ctx.Err() != nil {
		return nil, canceled(ctx)
	}
	q.mu.Lock()
	if q.isFree(scope) {
		defer q.mu.Unlock()
		return q.holding(scope, q.grant(scope)), nil
	}
	if err := q.full(scope); err != nil {
		defer q.mu.Unlock()
		return nil, err
	}
	t := &ticket{scope: scope, ready: make(chan struct{})}
	if len(q.waiting[scope]) == 0 {
		q.turns = append(q.turns, scope)
	}
	q.waiting[scope] = append(q.waiting[scope], t)
	q.mu.Unlock()
	return q.await(ctx, t)
}

func (q *queue) await(ctx context.Context, t *ticket) (release func(), err error) {
	var tooLong <-chan time.Time
	if q.patience > 0 {
		timer := time.NewTimer(q.patience)
		defer timer.Stop()
		tooLong = timer.C
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		err = canceled(ctx)
	case <-tooLong:
		err = errs.New(errs.Busy, "too many queries run at once: no worker became free in %s", q.patience)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-t.ready:
	default:
		q.leave(t)
		return nil, q.advised(t.scope, err)
	}
	if ctx.Err() != nil {
		// It got a slot and lost its caller at the same moment.
		q.free(t.scope, t.since)
		return nil, canceled(ctx)
	}
	return q.holding(t.scope, t.since), nil
}

// isFree reports whether the scope may have a slot now. If it may, nobody who
// waits longer may have it: those were served when it became free.
func (q *queue) isFree(scope string) bool {
	return q.count() < q.slots && q.mayHave(scope)
}

// mayHave reports whether a free slot may be the scope's. Those who ask what takes
// long leave some to the others, however many they are.
func (q *queue) mayHave(scope string) bool {
	if q.running[scope] >= q.perScope {
		return false
	}
	if q.slowMay == 0 || !q.isSlow(scope) {
		return true
	}
	slow := 0
	for other, n := range q.running {
		if q.isSlow(other) {
			slow += n
		}
	}
	return slow < q.slowMay
}

func (q *queue) count() (n int) {
	for _, of := range q.running {
		n += of
	}
	return n
}

// full says why the scope may not wait; nil if it may.
func (q *queue) full(scope string) error {
	all := 0
	for _, of := range q.waiting {
		all += len(of)
	}
	switch own := len(q.waiting[scope]); {
	case own >= q.perQueue:
		return q.advised(scope, errs.New(errs.Busy, "too many queries of this project at once: %d wait already", own))
	case all >= q.places:
		return q.advised(scope, errs.New(errs.Busy, "too many queries at once: %d wait already", all))
	}
	return nil
}

// advised names a refusal and says when trying again will help: when those who
// wait now will have been served, by what serving took of late.
func (q *queue) advised(scope string, err error) error {
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Busy {
		return err
	}
	each := max(q.service, q.runningFor())
	wait := each * time.Duration(1+len(q.waiting[scope])) / time.Duration(q.perScope)
	wait = max(time.Second, min(wait, time.Minute)).Round(time.Second)
	return e.Named("engine-busy").Fix(fmt.Sprintf("try again in %s, or ask less at once", wait)).After(wait)
}

// runningFor returns for how long the running ones run already, on average.
func (q *queue) runningFor() time.Duration {
	n := time.Duration(q.count())
	if n == 0 {
		return 0
	}
	return time.Since(q.began) - q.starts/n
}

// leave removes one that gives up.
func (q *queue) leave(t *ticket) {
	rest := slices.DeleteFunc(q.waiting[t.scope], func(other *ticket) bool { return other == t })
	if q.waiting[t.scope] = rest; len(rest) == 0 {
		q.forget(t.scope)
	}
}

func (q *queue) forget(scope string) {
	delete(q.waiting, scope)
	q.turns = slices.DeleteFunc(q.turns, func(other string) bool { return other == scope })
}

// grant gives the scope a slot from now on.
func (q *queue) grant(scope string) (since time.Time) {
	since = time.Now()
	if q.began.IsZero() {
		q.began = since
	}
	q.running[scope]++
	q.starts += since.Sub(q.began)
	return since
}

// holding returns the release of a slot that the scope has had since then.
func (q *queue) holding(scope string, since time.Time) func() {
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.free(scope, since)
	}
}

// free takes back a slot and hands it on.
func (q *queue) free(scope string, since time.Time) {
	if q.running[scope]--; q.running[scope] == 0 {
		delete(q.running, scope)
	}
	q.starts -= since.Sub(q.began)
	kept := time.Since(since)
	if q.service == 0 {
		q.service = kept
	}
	q.service += (kept - q.service) / 8
	q.serve()
}

// serve gives free slots to those who wait, one scope after the other.
func (q *queue) serve() {
	for q.count() < q.slots {
		next := slices.IndexFunc(q.turns, q.mayHave)
		if next < 0 {
			return
		}
		scope := q.turns[next]
		t := q.waiting[scope][0]
		q.turns = append(slices.Delete(q.turns, next, next+1), scope)
		if q.waiting[scope] = q.waiting[scope][1:]; len(q.waiting[scope]) == 0 {
			q.forget(scope)
		}
		t.since = q.grant(scope)
		close(t.ready)
	}
}
