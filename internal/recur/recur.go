// Package recur runs datasources again when their schedules say so.
package recur

import (
	"context"
	"log/slog"
	"time"

	"millwright/internal/errs"
	"millwright/internal/schedule"
)

// look is how often the clock is looked at. A timer that is set for the next slot
// would sleep through a change of the clock.
const look = time.Second

// rest is how long nothing is looked at after something has failed.
const rest = 10 * time.Second

// A Runner starts the runs that are due. All fields must be set.
type Runner struct {
	Schedules *schedule.Store
	Start     schedule.Start // starts a run of a schedule's datasource
	Log       *slog.Logger
}

// Run starts runs until ctx is done. A slot whose run could not be started, because
// the database did not answer or the disk was full, is tried again a little later.
func (r *Runner) Run(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		if r.look(ctx) {
			next.Reset(look)
		} else {
			next.Reset(rest)
		}
	}
}

// look starts what is due now. It reports whether nothing failed.
func (r *Runner) look(ctx context.Context) (ok bool) {
	due, err := r.Schedules.Due(ctx)
	if err != nil {
		r.complain(ctx, "could not look for schedules that are due", err)
		return false
	}
	ok = true
	for _, datasource := range due {
		started, err := r.Schedules.Fire(ctx, datasource, r.Start)
		switch {
		case err != nil:
			ok = false
			r.complain(ctx, "could not start a scheduled run; it will be tried again", err, "datasource", datasource)
		case started:
			r.Log.Info("a scheduled run was started", "datasource", datasource)
		}
	}
	return ok
}

// complain tells the operator, unless the server only stops.
func (r *Runner) complain(ctx context.Context, what string, err error, attrs ...any) {
	if ctx.Err() != nil {
		return
	}
	level := slog.LevelError
	if kind := errs.KindOf(err); kind == errs.Busy || kind == errs.Unavailable {
		level = slog.LevelWarn
	}
	r.Log.Log(ctx, level, what, append(attrs, "err", err)...)
}
