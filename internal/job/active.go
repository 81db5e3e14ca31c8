package job

import "time"

// A Working is a process that runs jobs.
type Working struct {
	ID        string    // of this start of the process
	Slots     int       // jobs that it runs at once
	Running   int       // jobs that it runs now
	StartedAt time.Time // when it was built
}

// Working returns the process that runs jobs: this one.
func (r *Runner) Working() Working {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Working{ID: r.boot, Slots: r.cfg.Workers, Running: len(r.running), StartedAt: r.builtAt}
}
