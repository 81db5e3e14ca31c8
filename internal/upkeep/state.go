package upkeep

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// orphans tells what nothing names any more. That is no fault: a run that died
// leaves some, and the server collects them.
func (d *Doctor) orphans(ctx context.Context, f *Finding) error {
	found, err := d.Orphans.Pass(ctx, d.Progress)
	if err != nil {
		return err
	}
	f.Count = found.Orphans
	f.What = fmt.Sprintf("%d of %d objects are named by no row (%d bytes); %d of them (%d bytes) are older than the grace of %v",
		found.Orphans, found.Objects, found.OrphanBytes, found.Removed, found.RemovedBytes, d.Orphans.grace())
	if found.Removed > 0 {
		f.State = Note
		f.Why = "they take space and nothing else: runs that died and versions that expired leave them"
		f.Fixes = append(f.Fixes, "leave them to the server, which collects them every hour", "or stop it and run 'millwright doctor --collect'")
	}
	return nil
}

// jobs looks for jobs that will never get on.
func (d *Doctor) jobs(ctx context.Context, f *Finding) error {
	served := d.DB.Served()
	queries := []struct {
		state State
		query string
	}{
		{Problem, `SELECT 'job ' || j.id || ' (' || j.type || ') waits for a job that has ended' FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id
			WHERE j.status = 'pending' AND j.waiting = 1 AND (p.id IS NULL OR p.status NOT IN ('pending', 'running'))`},
		{Problem, `SELECT 'job ' || id || ' (' || type || ') is ' || status || ' but has no time of its end' FROM jobs
			WHERE status IN ('completed', 'failed', 'canceled') AND finished_at IS NULL`},
		{Note, `SELECT 'job ' || id || ' (' || type || ') was running when the server died ' || crashes || ' times' FROM jobs
			WHERE status IN ('pending', 'running') AND crashes >= 3`},
		{Note, `SELECT 'datasource ' || s.id || ' is marked as working, but no run of it is open' FROM datasources s WHERE s.status = 'working'
			AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.source_id = s.id AND j.status IN ('pending', 'running'))`},
	}
	if served {
		queries = append(queries, struct {
			state State
			query string
		}{Problem, `SELECT 'job ' || id || ' (' || type || ') is pending, but the queue does not know it' FROM jobs
			WHERE status = 'pending' AND waiting = 0 AND (queue_id IS NULL OR queue_id NOT IN (SELECT id FROM river_job))`})
	}
	for _, q := range queries {
		lines, err := meta.All(ctx, d.DB.Read(), func(row meta.Row) (s string, err error) { return s, row.Scan(&s) }, q.query)
		if err != nil {
			return err
		}
		for _, line := range lines {
			f.add("%s", line)
			if f.State != Problem {
				f.State = q.state
			}
		}
	}
	var pending, running int
	if err := d.DB.Read().QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running') FROM jobs`).
		Scan(&pending, &running); err != nil {
		return err
	}
	f.What = fmt.Sprintf("%d jobs run and %d wait", running, pending)
	if running > 0 && !served {
		f.What = fmt.Sprintf("%d jobs were cut off and %d wait; both go on when the server starts", running, pending)
	}
	if f.Count > 0 {
		f.What += fmt.Sprintf("; %d are in a state that they should not be in", f.Count)
		f.Why = "some of them may never get on by themselves"
		f.Fixes = append(f.Fixes, "restart the server, which takes up what was left", "cancel a job that stays: POST /v1/jobs/{id}/cancel")
	}
	return nil
}

func (d *Doctor) secrets(ctx context.Context, f *Finding) error {
	n, err := d.Secrets(ctx, func(what string, err error) { f.add("%s: %s", what, errs.Public(err)) })
	if err != nil {
		return err
	}
	if f.Count == 0 {
		f.What = fmt.Sprintf("the vault opens all %d stored secrets", n)
		return nil
	}
	f.State, f.What = Problem, fmt.Sprintf("%d of %d stored secrets cannot be opened", f.Count, n)
	f.Why = "runs that need them fail, and the server may refuse to start"
	f.Fixes = append(f.Fixes, "put the key file that belongs to this folder back", "or enter these secrets again")
	return nil
}

func (d *Doctor) sandbox(_ context.Context, f *Finding) error {
	full, words := d.Sandbox()
	f.What = "SQL workers are confined by the kernel: " + words
	if !full {
		f.State, f.Count = Note, 1
		f.What = "SQL workers are confined in part: " + words
		f.Why = "what the kernel does not refuse is guarded by the engine's own settings alone"
		f.Fixes = append(f.Fixes, "use Linux 6.7 or newer with Landlock and seccomp, and a container that allows both")
	}
	return nil
}

const (
	scarce = 200 << 20 // bytes below which runs are about to fail
	little = 2 << 30   // bytes below which a person should know
)

func (d *Doctor) space(_ context.Context, f *Finding) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.Root, &fs); err != nil {
		return err
	}
	free, total := int64(fs.Bavail)*fs.Bsize, int64(fs.Blocks)*fs.Bsize
	f.What = fmt.Sprintf("%d MB of %d MB are free", free>>20, total>>20)
	noFiles := fs.Files > 0 && fs.Ffree < 1000
	switch {
	case free < scarce || noFiles:
		f.State = Problem
	case free < little:
		f.State = Note
	default:
		return nil
	}
	if noFiles {
		f.What += fmt.Sprintf(", and room for %d more files", fs.Ffree)
	}
	f.Count = 1
	f.Why = "a run needs about three times the space of its data until it is committed, and fails without it"
	f.Fixes = append(f.Fixes, "make room, or move the folder to a larger disk with 'millwright backup' and 'millwright restore'",
		"let old versions expire: their files go after the grace")
	return nil
}
