package openlineage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/secret"
)

// Bounds of what waits to be sent. What does not fit is dropped, and counted.
const (
	waiting  = 1000 // events
	followed = 256  // jobs
	tries    = 4    // for one event
)

// Jobs tells how jobs go on. A *job.Runner is one.
type Jobs interface {
	Get(ctx context.Context, id job.ID) (job.Job, error)
	Subscribe(ctx context.Context, id job.ID, afterSeq int64) (<-chan job.Event, error)
}

// An Emitter sends the events of runs to a collector. It reads what happened from what
// is stored, beside the run: a collector that is slow, or gone, costs events and
// nothing else.
type Emitter struct {
	URL    string        // where events are posted, such as http://marquez:5000/api/v1/lineage
	Key    secret.String // sent as a bearer token; may be empty
	Client *http.Client  // its dialer guards where connections may go
	Tell   func(ctx context.Context, j job.Job) ([]Event, error)
	Jobs   Jobs
	Log    *slog.Logger
	Pause  time.Duration // before an event is sent again, and twice as long each time; 0 means 1 s

	started chan job.Job
	queue   chan Event
	dropped atomic.Int64
	current sync.Map // ids of the jobs that are followed: one that is tried again is followed already
}

// Open makes an Emitter ready: Started may be called from then on.
func (e *Emitter) Open() *Emitter {
	e.started, e.queue = make(chan job.Job, followed), make(chan Event, waiting)
	if e.Pause <= 0 {
		e.Pause = time.Second
	}
	return e
}

// Started notes that an attempt at a job begins. It never waits.
func (e *Emitter) Started(j job.Job) {
	if Types()[j.Type] == "" {
		return
	}
	select {
	case e.started <- j:
	default:
		e.drop("too many jobs start at once")
	}
}

// Dropped returns how many events were never sent.
func (e *Emitter) Dropped() int64 { return e.dropped.Load() }

func (e *Emitter) drop(why string) {
	e.dropped.Add(1)
	e.Log.Warn("an event of lineage was dropped", "why", why, "dropped", e.dropped.Load())
}

// Run sends events until ctx is done, and returns when nothing of its own runs.
func (e *Emitter) Run(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(followed)
	group.Go(func() error {
		e.send(ctx)
		return nil
	})
	for {
		select {
		case <-ctx.Done():
			return group.Wait()
		case j := <-e.started:
			if _, already := e.current.LoadOrStore(j.ID, true); already {
				continue
			}
			if !group.TryGo(func() error {
				defer e.current.Delete(j.ID)
				e.follow(ctx, j.ID)
				return nil
			}) {
				e.current.Delete(j.ID)
				e.drop("too many jobs run at once")
			}
		}
	}
}

// follow tells of a job's start and of its end.
func (e *Emitter) follow(ctx context.Context, id job.ID) {
	told := e.tell(ctx, id, 0)
	events, err := e.Jobs.Subscribe(ctx, id, 0)
	if err != nil {
		if ctx.Err() == nil {
			e.drop("the job cannot be followed")
		}
		return
	}
	for range events { // until it ends, or we do
	}
	if ctx.Err() == nil {
		e.tell(ctx, id, told)
	}
}

// tell queues the events of the job after the first so many, and returns how many
// there are now.
func (e *Emitter) tell(ctx context.Context, id job.ID, after int) int {
	j, err := e.Jobs.Get(ctx, id)
	var list []Event
	if err == nil {
		list, err = e.Tell(ctx, j)
	}
	if err != nil {
		if ctx.Err() == nil {
			e.Log.Warn("nothing can be told of a job's lineage", "job", id, "err", err)
		}
		return after
	}
	for _, event := range list[min(after, len(list)):] {
		select {
		case e.queue <- event:
		default:
			e.drop("too many events wait")
		}
	}
	return len(list)
}

// send posts what is queued, one event after the other.
func (e *Emitter) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-e.queue:
			if err := e.deliver(ctx, event); err != nil && ctx.Err() == nil {
				e.drop(errs.Public(err))
			}
		}
	}
}

// deliver posts the event, several times if that may help.
func (e *Emitter) deliver(ctx context.Context, event Event) error {
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	pause := e.Pause
	for try := 1; ; try++ {
		again, err := e.post(ctx, text)
		if err == nil || !again || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// post reports, of a failure, whether to try again.
func (e *Emitter) post(ctx context.Context, text []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(text))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "millwright")
	if !e.Key.Empty() {
		r.Header.Set("Authorization", "Bearer "+e.Key.Reveal())
	}
	answer, err := e.Client.Do(r)
	if err != nil {
		return true, errs.New(errs.Upstream, "the collector of lineage does not answer").Because(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 == 2 {
		return false, nil
	}
	busy := answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests
	return busy, errs.New(errs.Upstream, "the collector of lineage answered %s", answer.Status)
}

// jsonNumber spells a version, which the standard wants as text.
func jsonNumber(n int64) string { return fmt.Sprint(n) }
