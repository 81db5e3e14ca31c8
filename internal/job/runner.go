package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Config says how a Runner works. The zero value is good for the embedded size.
type Config struct {
	Workers     int              // jobs that run at once; 0 means 4
	Aside       []string         // types that have half as many workers for themselves, so that these and the others do not wait for each other
	Grace       time.Duration    // how long running jobs may go on once the server stops; 0 means none
	Timeout     time.Duration    // how long one attempt may take; 0 means 24h
	MaxAttempts int              // attempts that may fail by a retryable error or a crash; 0 means 3
	Log         *slog.Logger     // nil means none
	Now         func() time.Time // nil means time.Now

	// Recovered, if set, is called once at the start, when what earlier processes left
	// is due again or has ended, and before any job runs.
	Recovered func(context.Context) error
}

// poll is how often the queue is looked at without being rung for: when jobs
// that were put off fall due.
const poll = time.Second

// pruneEvery is how often the queue's finished rows are removed; ours stay.
const pruneEvery = 10 * time.Minute

// leastPatience is how long handlers are waited for, however short the grace is.
const leastPatience = 5 * time.Second

// A Runner stores jobs and runs them. There is one for a database.
type Runner struct {
	db       *meta.DB
	handlers map[string]Handler
	cfg      Config
	boot     string // identifies this Runner in the rows of jobs that it runs
	builtAt  time.Time
	queue    *river.Client[*sql.Tx]
	bell     *bell
	hub      *hub
	seq      atomic.Int64 // the newest event number given out
	started  atomic.Bool

	mu      sync.Mutex
	running map[ID]*Run
}

// NewRunner returns a Runner with a handler for each type of job. It stores jobs
// at once and runs them while [Runner.Run] runs.
func NewRunner(db *meta.DB, handlers map[string]Handler, cfg Config) (*Runner, error) {
	cfg = cfg.withDefaults()
	r := &Runner{
		db: db, handlers: handlers, cfg: cfg,
		boot: uuid.NewString(), builtAt: cfg.Now(), bell: newBell(), hub: newHub(), running: map[ID]*Run{},
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{runner: r}); err != nil {
		return nil, fmt.Errorf("job.NewRunner: %w", err)
	}
	client, err := river.NewClient(newDriver(db.Writer(), r.bell), &river.Config{
		ID:     r.boot,
		Queues: map[string]river.QueueConfig{mainQueue: {MaxWorkers: cfg.Workers}, asideQueue: {MaxWorkers: max(1, cfg.Workers/2)}},
		// A fetch is cheap and rung for, so many short jobs do not wait for each other.
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: poll,
		SoftStopTimeout:   cfg.Grace,
		// Deadlines, retries and rescue are ours: River's rescuer would start a job
		// a second time while it runs, and knows no fence. So it needs no leader,
		// which would write to the database every few seconds for nothing.
		JobTimeout:             -1,
		MaxAttempts:            1,
		LeaderElectionDisabled: true,
		Logger:                 slog.New(quietHandler{cfg.Log.Handler()}),
		Workers:                workers,
	})
	if err != nil {
		return nil, fmt.Errorf("job.NewRunner: %w", err)
	}
	r.queue = client
	return r, nil
}

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = 4
	}
	if c.Timeout <= 0 {
		c.Timeout = 24 * time.Hour
	}
	if c.MaxAttempts <= 0 {
		c.MaxAttempts = 3
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Run claims and runs jobs until ctx is done, then gives the running ones Grace
// to finish before it cancels them. It returns once no job is running, or, with
// a word in the log, when a handler has not returned for as long again. A job cut
// off in one of these ways, or by the death of an earlier process, is run again by
// the next Run. It must be called once.
func (r *Runner) Run(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "job.Run")
	if r.started.Swap(true) {
		return errors.New("a Runner runs only once")
	}
	defer r.hub.close()
	if err := r.recover(ctx); err != nil {
		return ignoreStop(ctx, err)
	}
	if r.cfg.Recovered != nil {
		if err := r.cfg.Recovered(ctx); err != nil {
			return ignoreStop(ctx, err)
		}
	}
	if err := r.queue.Start(ctx); err != nil {
		return ignoreStop(ctx, err)
	}
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	stopping := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case <-r.queue.Stopped():
			return nil
		case <-stopping:
			stopping = nil
			patience := time.NewTimer(max(2*r.cfg.Grace, leastPatience))
			defer patience.Stop()
			late = patience.C
		case <-late:
			r.abandon()
			return nil
		case <-prune.C:
			if _, err := r.db.Write().ExecContext(ctx, `DELETE FROM river_job WHERE state = 'completed'`); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("could not prune the job queue", "err", err)
			}
		}
	}
}

// abandon tells which handlers do not return: they are what a person has to mend.
func (r *Runner) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, run := range r.running {
		r.cfg.Log.Error("a job's handler does not return though its context has ended; the server stops without it, and the next start runs the job again",
			"job", id, "type", run.Job.Type, "attempt", run.Job.Attempt)
	}
}

func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// nextSeq returns a number for an event that is greater than all given out and
// than after. It follows the clock, so that it also exceeds the numbers of live
// events that an earlier process gave out without storing them.
func (r *Runner) nextSeq(after int64) int64 {
	for {
		last := r.seq.Load()
		next := max(last+1, after+1, meta.Micros(r.cfg.Now()))
		if r.seq.CompareAndSwap(last, next) {
			return next
		}
	}
}

// quietHandler passes only what a person should act on: River tells about every
// start, stop and job.
type quietHandler struct{ slog.Handler }

func (h quietHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h quietHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(a)}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

// orEmpty returns the JSON, or {} if there is none.
func orEmpty(j json.RawMessage) string {
	if len(j) == 0 {
		return "{}"
	}
	return string(j)
}
