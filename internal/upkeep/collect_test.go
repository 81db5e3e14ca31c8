package upkeep_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/blob"
	"millwright/internal/blob/blobtest"
	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
	"millwright/internal/upkeep"
)

// A world is a data folder and a clock.
type world struct {
	t     *testing.T
	root  string
	db    *meta.DB
	blobs *blob.Dir
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root := t.TempDir()
	db := metatest.OpenAt(t, filepath.Join(root, upkeep.Database))
	metatest.Projects(t, db, "p")
	blobs, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, root, db, blobs, time.Now()}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Write().ExecContext(w.t.Context(), sql, args...); err != nil {
		w.t.Error(err)
	}
}

// row makes a row that names the object.
func (w *world) row(id, key string) {
	w.t.Helper()
	w.exec(`INSERT INTO data_objects (id, project_id, bucket, key, file_type, file_role, mime_type, file_size, created_at, updated_at)
		VALUES (?, 'p', 'local', ?, 'json', 'x', 'x', 1, 0, 0)`, id, key)
}

func (w *world) live(ctx context.Context) (map[string]bool, error) {
	keys, err := meta.All(ctx, w.db.Read(), func(r meta.Row) (k string, err error) { return k, r.Scan(&k) }, `SELECT key FROM data_objects`)
	live := map[string]bool{}
	for _, k := range keys {
		live[k] = true
	}
	return live, err
}

func (w *world) collector() *upkeep.Collector {
	return &upkeep.Collector{DB: w.db, Blobs: w.blobs, Live: w.live, Work: filepath.Join(w.root, "unfinished"),
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }}
}

// age makes an object look as if it had been published that long before now.
func (w *world) age(key string, ago time.Duration) {
	w.t.Helper()
	path, err := w.blobs.LocalPath(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	at := w.now.Add(-ago)
	if err := os.Chtimes(path, at, at); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) publish(content string) string {
	w.t.Helper()
	return blobtest.Publish(w.t, w.blobs, "p", content, ".json").Key
}

func (w *world) has(key string) bool {
	_, err := w.blobs.LocalPath(w.t.Context(), key)
	return err == nil
}

func (w *world) pass(c *upkeep.Collector) upkeep.Collected {
	w.t.Helper()
	done, err := c.Pass(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func TestAnOrphanGoesAfterItsGraceAndNotBefore(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	named, orphan := w.publish("named"), w.publish("orphan!")
	w.row("a", named)
	w.age(named, 1000*time.Hour)
	for _, after := range []time.Duration{0, 12 * time.Hour, 11*time.Hour + 59*time.Minute} {
		w.now = w.now.Add(after)
		if diff := cmp.Diff(upkeep.Collected{Objects: 2, Orphans: 1, OrphanBytes: 7}, w.pass(c)); diff != "" {
			t.Errorf("before the grace is over (-want +got):\n%s", diff)
		}
	}
	w.now = w.now.Add(2 * time.Minute)
	c.Dry = true
	want := upkeep.Collected{Objects: 2, Orphans: 1, OrphanBytes: 7, Removed: 1, RemovedBytes: 7}
	if diff := cmp.Diff(want, w.pass(c)); diff != "" || !w.has(orphan) {
		t.Errorf("a dry pass (-want +got):\n%s", diff)
	}
	c.Dry = false
	if diff := cmp.Diff(want, w.pass(c)); diff != "" || w.has(orphan) || !w.has(named) {
		t.Errorf("when the grace is over (-want +got):\n%s", diff)
	}
}

// The file of an expired version was published long ago; what counts is since
// when no row names it, for a query may have begun just before.
func TestTheFileOfAnExpiredVersionStaysForAGrace(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	key := w.publish("old version")
	w.row("a", key)
	w.age(key, 1000*time.Hour)
	w.pass(c)
	w.exec(`DELETE FROM data_objects`)
	w.pass(c)
	w.now = w.now.Add(23 * time.Hour)
	if w.pass(w.collector()); !w.has(key) { // another process, after a restart
		t.Fatal("removed within the grace")
	}
	w.now = w.now.Add(2 * time.Hour)
	if w.pass(w.collector()); w.has(key) {
		t.Error("it stays after the grace")
	}
}

func TestAnOrphanThatGotARowIsForgotten(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	key := w.publish("again")
	w.age(key, 1000*time.Hour)
	w.pass(c)
	w.row("a", key)
	w.now = w.now.Add(25 * time.Hour)
	w.pass(c)
	w.exec(`DELETE FROM data_objects`)
	if w.pass(c); !w.has(key) {
		t.Error("the grace began before the row was gone")
	}
}

func TestTheGraceIsNeverShorterThanAQuery(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	c.Grace, c.Idle = time.Second, true
	key := w.publish("young")
	w.age(key, upkeep.MinGrace-time.Minute)
	if w.pass(c); !w.has(key) {
		t.Fatal("a grace below the least was taken")
	}
	w.age(key, upkeep.MinGrace+time.Minute)
	if w.pass(c); w.has(key) {
		t.Error("it stays after the least grace")
	}
}

func TestNothingIsCollectedDuringABackup(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	c.Idle = true
	key := w.publish("needed")
	w.age(key, 48*time.Hour)
	release, err := (&blob.Dir{Root: w.root}).Hold()
	if err != nil {
		t.Fatal(err)
	}
	if done := w.pass(c); !done.Held || done.Removed > 0 || !w.has(key) {
		t.Errorf("got %+v", done)
	}
	release()
	if done := w.pass(c); done.Held || done.Removed != 1 {
		t.Errorf("got %+v", done)
	}
}

// A run publishes and commits what an earlier attempt left and what is collected
// at this moment.
func TestACommittedRowNeverLosesItsObject(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	removed := 0
	for n := range 150 {
		content := fmt.Sprint("bytes ", n%5)
		w.exec(`DELETE FROM data_objects`)
		key := w.publish(content)
		w.age(key, 48*time.Hour)
		w.exec(`INSERT INTO orphans (key, since) VALUES (?, 0) ON CONFLICT (key) DO UPDATE SET since = 0`, key)
		delay := time.Duration(rand.Int64N(int64(4 * time.Millisecond)))
		var wg sync.WaitGroup
		wg.Go(func() {
			done, err := c.Pass(t.Context(), nil)
			if err != nil {
				t.Error(err)
			}
			removed += done.Removed
		})
		wg.Go(func() {
			for begun := time.Now(); time.Since(begun) < delay; {
				continue
			}
			w.publish(content)
			w.row(fmt.Sprint(n), key)
		})
		wg.Wait()
		if !w.has(key) {
			t.Fatalf("round %d: the row's object is gone", n)
		}
	}
	t.Logf("%d of 150 orphans were removed before a run took them over", removed)
}

func TestPagesOfRunsThatHaveEndedGo(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	for id, status := range map[string]string{"done": "completed", "waits": "pending", "runs": "running", "held": "failed"} {
		w.exec(`INSERT INTO jobs (id, type, status, due_at, created_at, updated_at) VALUES (?, 'x', ?, 0, 0, 0)`, id, status)
	}
	for _, id := range []string{"done", "waits", "runs", "unknown", "held"} {
		if err := os.MkdirAll(filepath.Join(c.Work, id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Work, id, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer hold(t, filepath.Join(c.Work, "held", "lock"))()
	if done := w.pass(c); done.Unfinished != 2 {
		t.Errorf("%d were removed, want 2", done.Unfinished)
	}
	entries, err := os.ReadDir(c.Work)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{"held", "runs", "waits"}, left); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestACollectorStopsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := w.collector()
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- c.Run(ctx) }()
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
