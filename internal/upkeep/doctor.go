package upkeep

import (
	"context"
	"fmt"
	"time"

	"millwright/internal/blob"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A State says how a check ended.
type State string

// The states.
const (
	Fine    State = "ok"
	Note    State = "note"    // nothing is broken; a person may want to know
	Problem State = "problem" // something is broken
)

// A Finding is how one check ended, for people and for programs.
type Finding struct {
	Check   string   `json:"check"`
	State   State    `json:"state"`
	What    string   `json:"what"`  // what was found
	Why     string   `json:"why"`   // why it matters; empty if all is well
	Fixes   []string `json:"fixes"` // what to do, in the imperative
	Items   []string `json:"items"` // what it is about, at most 20 of them
	Count   int      `json:"count"` // how many there are
	Seconds float64  `json:"seconds"`
}

// items is how many things a finding names.
const items = 20

// add counts one more thing that a finding is about.
func (f *Finding) add(format string, args ...any) {
	f.Count++
	if len(f.Items) < items {
		f.Items = append(f.Items, fmt.Sprintf(format, args...))
	}
}

// A Report is what an examination found.
type Report struct {
	Healthy  bool      `json:"healthy"` // no finding is a problem
	Served   bool      `json:"served"`  // a server had the folder open meanwhile
	Objects  int       `json:"objects"` // that rows name
	Bytes    int64     `json:"bytes"`   // of these
	Findings []Finding `json:"findings"`
}

// A Doctor examines a data folder and changes nothing. A server may have it open.
// All fields but Progress must be set.
type Doctor struct {
	Root    string
	DB      *meta.DB
	Blobs   *blob.Dir
	Live    func(ctx context.Context) (map[string]bool, error) // the keys that must be there
	Engine  engine.Engine
	Secrets func(ctx context.Context, bad func(what string, err error)) (n int, err error) // tries every stored secret
	Orphans *Collector                                                                     // dry
	Sandbox func() (full bool, words string)                                               // what confines the SQL workers
	Now     func() time.Time

	Progress Progress
}

// Examine makes every check. It fails only if it cannot look; what is wrong with
// the folder is in the report. No object is removed meanwhile.
func (d *Doctor) Examine(ctx context.Context) (_ Report, err error) {
	defer errs.Wrap(&err, "upkeep.Examine")
	release, err := d.Blobs.Hold()
	if err != nil {
		return Report{}, err
	}
	defer release()
	r := Report{Healthy: true, Served: d.DB.Served()}
	var stored []object
	checks := []struct {
		name string
		make func(context.Context, *Finding) error
	}{
		{"metadata", d.metadata},
		{"manifest", d.manifest},
		{"objects", func(ctx context.Context, f *Finding) (err error) {
			stored, err = d.objects(ctx, f, &r)
			return err
		}},
		{"parquet", func(ctx context.Context, f *Finding) error { return d.parquet(ctx, f, stored) }},
		{"raw pages", func(ctx context.Context, f *Finding) error { return d.rawPages(ctx, f, stored) }},
		{"orphans", d.orphans},
		{"jobs", d.jobs},
		{"secrets", d.secrets},
		{"sandbox", d.sandbox},
		{"disk space", d.space},
	}
	for _, c := range checks {
		d.Progress.tell(c.name, 0, 0)
		began := time.Now()
		f := Finding{Check: c.name, State: Fine, Fixes: []string{}, Items: []string{}}
		if err := c.make(ctx, &f); err != nil {
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			f.State, f.What = Problem, "the check could not be made: "+err.Error()
			f.Why = "what it looks at may be damaged"
			if e, ok := errs.Find(err); ok {
				f.Fixes = append(f.Fixes, e.Fixes...)
			}
		}
		f.Seconds = time.Since(began).Seconds()
		r.Findings = append(r.Findings, f)
		r.Healthy = r.Healthy && f.State != Problem
	}
	return r, nil
}

func (d *Doctor) metadata(ctx context.Context, f *Finding) error {
	wrong, err := d.DB.Verify(ctx)
	if err != nil {
		return err
	}
	for _, line := range wrong {
		f.add("%s", line)
	}
	if f.Count == 0 {
		f.What = "SQLite finds every page, index and reference in order"
		return nil
	}
	f.State, f.What = Problem, fmt.Sprintf("the metadata database is damaged: SQLite found %d errors", f.Count)
	f.Why = "datasets, runs and programs may be lost or wrong"
	f.Fixes = append(f.Fixes, "stop the server and keep a copy of the folder", "restore the newest backup with 'millwright restore'", "check the disk and the memory")
	return nil
}

// manifest checks the rows against each other.
func (d *Doctor) manifest(ctx context.Context, f *Finding) error {
	queries := []string{
		`SELECT 'dataset ' || f.dataset_id || ', version ' || f.added_version || ': the file ' || f.object_key || ' is not the object that its row names'
			FROM dataset_files f LEFT JOIN data_objects o ON o.id = f.object_id
			WHERE o.id IS NULL OR o.key <> f.object_key OR o.file_size <> f.bytes OR o.row_count <> f.row_count`,
		`SELECT 'dataset ' || d.id || ' has no row for its current version ' || d.version
			FROM datasets d LEFT JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = d.version
			WHERE v.version IS NULL OR v.expired_at IS NOT NULL`,
		`SELECT 'dataset ' || v.dataset_id || ', version ' || v.version || ' has no file'
			FROM dataset_versions v WHERE v.expired_at IS NULL AND NOT EXISTS (SELECT 1 FROM dataset_files f WHERE f.dataset_id = v.dataset_id
				AND f.added_version <= v.version AND (f.removed_version IS NULL OR f.removed_version > v.version))`,
	}
	for _, query := range queries {
		lines, err := meta.All(ctx, d.DB.Read(), func(row meta.Row) (s string, err error) { return s, row.Scan(&s) }, query)
		if err != nil {
			return err
		}
		for _, line := range lines {
			f.add("%s", line)
		}
	}
	if f.Count == 0 {
		f.What = "the rows of datasets, versions, files and objects agree"
		return nil
	}
	f.State, f.What = Problem, fmt.Sprintf("%d rows of the manifest contradict each other", f.Count)
	f.Why = "these versions cannot be read, or not as they were committed"
	f.Fixes = append(f.Fixes, "restore a backup, or run the datasource again")
	return nil
}
