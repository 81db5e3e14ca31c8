package upkeep

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/blob"
	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Collector removes objects that no row names: what a run left that died
// before its commit, and the files of versions that have expired. All fields but
// Grace, Every, Idle and Dry must be set.
//
// An object goes when it was published, and was first seen without a row, longer
// than Grace ago. A run that publishes the same bytes meanwhile makes the object
// young again, and queries end long before Grace, so neither can lose it.
type Collector struct {
	DB    *meta.DB
	Blobs *blob.Dir
	Live  func(ctx context.Context) (map[string]bool, error) // the keys that some row names
	Work  string                                             // folder of the pages of unfinished runs, one folder a job; may be missing
	Log   *slog.Logger
	Now   func() time.Time

	Grace time.Duration // 0 means 24h; less than MinGrace counts as MinGrace
	Every time.Duration // how often Run makes a pass; 0 means 1h
	Idle  bool          // nobody queries or runs: when an object was published decides alone, and nothing is remembered
	Dry   bool          // only say what a pass would remove
}

// Collected is what a pass found and did.
type Collected struct {
	Objects      int   `json:"objects"`       // stored
	Orphans      int   `json:"orphans"`       // of them, those that no row names
	OrphanBytes  int64 `json:"orphan_bytes"`  //
	Removed      int   `json:"removed"`       // of the orphans; when dry, those that would be
	RemovedBytes int64 `json:"removed_bytes"` //
	Held         bool  `json:"held"`          // a backup or an examination needs the objects: nothing was removed
	Stages       int   `json:"stages"`        // folders of work in progress whose owner is gone, removed
	Unfinished   int   `json:"unfinished"`    // folders of pages whose job has ended, removed
}

// an orphan is an object that no row names.
type orphan struct {
	blob.Stored
	seen time.Time // when it was first seen without a row
}

// batch bounds how long publishing may have to wait for a collection.
const batch = 200

// Run makes a pass every so often until ctx is done. A pass that fails is logged
// and tried again with the next.
func (c *Collector) Run(ctx context.Context) error {
	every := c.Every
	if every <= 0 {
		every = time.Hour
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := c.Pass(ctx, nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			c.Log.Warn("collecting orphans failed; it is tried again", "err", err)
		case done.Removed+done.Stages+done.Unfinished > 0 || done.Held:
			c.Log.Info("collected orphans", "removed", done.Removed, "bytes", done.RemovedBytes, "waiting", done.Orphans-done.Removed,
				"stages", done.Stages, "unfinished", done.Unfinished, "held", done.Held)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass looks at every object once and removes what is due.
func (c *Collector) Pass(ctx context.Context, progress Progress) (done Collected, err error) {
	defer errs.Wrap(&err, "upkeep.Collect")
	orphans, err := c.orphans(ctx, &done, progress)
	if err != nil {
		return done, err
	}
	if !c.Idle && !c.Dry {
		if err := c.remember(ctx, orphans); err != nil {
			return done, err
		}
	}
	if err := c.removeDue(ctx, orphans, &done, progress); err != nil || c.Dry {
		return done, err
	}
	if done.Stages, err = c.Blobs.SweepStages(); err != nil {
		return done, err
	}
	done.Unfinished, err = c.sweepUnfinished(ctx)
	return done, err
}

// orphans lists the objects that no row names.
func (c *Collector) orphans(ctx context.Context, done *Collected, progress Progress) ([]orphan, error) {
	now := c.Now()
	seen := map[string]time.Time{}
	if !c.Idle {
		if _, err := meta.All(ctx, c.DB.Read(), func(row meta.Row) (none struct{}, err error) {
			var key string
			var since int64
			err = row.Scan(&key, &since)
			seen[key] = meta.Time(since)
			return none, err
		}, `SELECT key, since FROM orphans`); err != nil {
			return nil, err
		}
	}
	// Objects first: what is published and committed after the walk is in no list,
	// and what is committed during it is found by its row.
	var all []blob.Stored
	if err := c.Blobs.Each(ctx, func(s blob.Stored) error {
		all = append(all, s)
		progress.tell("looking for orphans", int64(len(all)), 0)
		return nil
	}); err != nil {
		return nil, err
	}
	live, err := c.Live(ctx)
	if err != nil {
		return nil, err
	}
	var orphans []orphan
	for _, s := range all {
		done.Objects++
		if live[s.Key] {
			continue
		}
		at, known := seen[s.Key]
		if !known {
			at = now
		}
		orphans = append(orphans, orphan{s, at})
		done.Orphans++
		done.OrphanBytes += s.Size
	}
	return orphans, nil
}

// remember writes down which orphans there are, and forgets those that got a row
// or are gone.
func (c *Collector) remember(ctx context.Context, orphans []orphan) error {
	return c.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM orphans`); err != nil {
			return err
		}
		for _, o := range orphans {
			if _, err := tx.ExecContext(ctx, `INSERT INTO orphans (key, since) VALUES (?, ?)`, o.Key, meta.Micros(o.seen)); err != nil {
				return err
			}
		}
		return nil
	})
}

// removeDue removes the orphans whose grace is over.
func (c *Collector) removeDue(ctx context.Context, orphans []orphan, done *Collected, progress Progress) error {
	before := c.Now().Add(-c.grace())
	due := slices.DeleteFunc(slices.Clone(orphans), func(o orphan) bool {
		return !o.Since.Before(before) || !c.Idle && !o.seen.Before(before)
	})
	for n := 0; n < len(due); n += batch {
		progress.tell("removing orphans", int64(n), int64(len(due)))
		some := due[n:min(n+batch, len(due))]
		if c.Dry {
			for _, o := range some {
				done.Removed++
				done.RemovedBytes += o.Size
			}
			continue
		}
		if err := c.removeSome(ctx, some, before, done); err != nil || done.Held {
			return err
		}
	}
	return nil
}

func (c *Collector) removeSome(ctx context.Context, some []orphan, before time.Time, done *Collected) error {
	collection, ok, err := c.begin(ctx)
	if err != nil {
		return err
	}
	if !ok {
		done.Held = true
		return nil
	}
	defer collection.End()
	// Rows are read again now that nobody can take an object over: one that was
	// taken over before is young, or has its row.
	live, err := c.Live(ctx)
	if err != nil {
		return err
	}
	for _, o := range some {
		if live[o.Key] {
			continue
		}
		removed, err := collection.Remove(o.Key, before)
		if err != nil {
			return err
		}
		if removed {
			done.Removed++
			done.RemovedBytes += o.Size
		}
	}
	return nil
}

// begin begins a collection. It asks more than once: a run that takes an object
// over holds all of them for a moment.
func (c *Collector) begin(ctx context.Context) (*blob.Collection, bool, error) {
	const tries = 5
	for n := 1; ; n++ {
		collection, ok, err := c.Blobs.Collect()
		if ok || err != nil || n == tries {
			return collection, ok, err
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *Collector) grace() time.Duration {
	if c.Grace == 0 {
		return 24 * time.Hour
	}
	return max(c.Grace, MinGrace)
}

// sweepUnfinished removes the pages of runs that will not go on: their job has
// ended, or is not there any more.
func (c *Collector) sweepUnfinished(ctx context.Context) (removed int, err error) {
	entries, err := os.ReadDir(c.Work)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		var open int
		if err := c.DB.Read().QueryRowContext(ctx,
			`SELECT count(*) FROM jobs WHERE id = ? AND status IN ('pending', 'running')`, e.Name()).Scan(&open); err != nil {
			return removed, err
		}
		if !e.IsDir() || open > 0 || !unlocked(filepath.Join(c.Work, e.Name(), "lock")) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.Work, e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// unlocked reports whether nobody holds the lock file. No file is no lock.
func unlocked(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return os.IsNotExist(err)
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
