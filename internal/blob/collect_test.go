package blob_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millwright/internal/blob"
	"millwright/internal/blob/blobtest"
)

// age makes an object look as if it had been published that long ago.
func age(t *testing.T, d *blob.Dir, key string, ago time.Duration) {
	t.Helper()
	path, err := d.LocalPath(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-ago)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func collection(t *testing.T, d *blob.Dir) *blob.Collection {
	t.Helper()
	c, ok, err := d.Collect()
	if err != nil || !ok {
		t.Fatalf("Collect: %v, %v", ok, err)
	}
	return c
}

func TestACollectionRemovesOnlyWhatIsOld(t *testing.T) {
	d := open(t, t.TempDir())
	old, young := blobtest.Publish(t, d, "s", "old", ".json"), blobtest.Publish(t, d, "s", "young", ".json")
	age(t, d, old.Key, 2*time.Hour)
	c := collection(t, d)
	defer c.End()
	for key, want := range map[string]bool{old.Key: true, young.Key: false} {
		removed, err := c.Remove(key, time.Now().Add(-time.Hour))
		if err != nil || removed != want {
			t.Errorf("Remove: %v, %v; want %v", removed, err, want)
		}
		if _, err := d.LocalPath(t.Context(), key); (err != nil) != want {
			t.Errorf("after Remove: %v", err)
		}
	}
	if removed, err := c.Remove(old.Key, time.Now()); removed || err != nil {
		t.Errorf("a missing object: %v, %v", removed, err)
	}
	if _, err := c.Remove("../meta.db", time.Now()); err == nil {
		t.Error("a path that is no key was taken")
	}
}

func TestNothingIsCollectedWhileSomebodyHolds(t *testing.T) {
	root := t.TempDir()
	d, other := open(t, root), &blob.Dir{Root: root} // as another process sees it
	release, err := other.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := d.Collect(); ok || err != nil {
		t.Errorf("Collect while held: %v, %v", ok, err)
	}
	release()
	collection(t, d).End()
}

func TestAFileThatTookLongToWriteIsAYoungObject(t *testing.T) {
	d := open(t, t.TempDir())
	dir, remove, err := d.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("pages of last week"), 0o600); err != nil {
		t.Fatal(err)
	}
	week := time.Now().Add(-7 * 24 * time.Hour)
	if err := os.Chtimes(path, week, week); err != nil {
		t.Fatal(err)
	}
	o, err := d.Publish(t.Context(), "s", path, ".json")
	if err != nil {
		t.Fatal(err)
	}
	c := collection(t, d)
	defer c.End()
	if removed, err := c.Remove(o.Key, time.Now().Add(-time.Hour)); removed || err != nil {
		t.Errorf("Remove: %v, %v", removed, err)
	}
}

// A run publishes what is an orphan of yesterday, at the moment at which that is
// collected: either it takes the orphan over, which then stays, or it puts its
// own file there.
func TestAnOrphanThatIsPublishedAgainIsNeverLost(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	collector := &blob.Dir{Root: root}
	var removed, kept atomic.Int64
	usual := time.Millisecond // how long publishing takes here
	for n := range 400 {
		content := fmt.Sprint("the same bytes ", n%7)
		orphan := blobtest.Publish(t, d, "s", content, ".json")
		age(t, d, orphan.Key, 48*time.Hour)
		var committed atomic.Bool // there is a row
		start := make(chan struct{})
		var wg sync.WaitGroup
		delay := time.Duration(rand.Int64N(int64(usual)))
		wg.Go(func() {
			<-start
			for begun := time.Now(); time.Since(begun) < delay; {
				runtime.Gosched()
			}
			c, ok, err := collector.Collect()
			if err != nil || !ok {
				return // the run was first
			}
			defer c.End()
			if committed.Load() {
				return
			}
			gone, err := c.Remove(orphan.Key, time.Now().Add(-24*time.Hour))
			if err != nil {
				t.Error(err)
			}
			if gone {
				removed.Add(1)
			} else {
				kept.Add(1)
			}
		})
		wg.Go(func() {
			<-start
			begun := time.Now()
			blobtest.Publish(t, d, "s", content, ".json")
			usual = (usual*3 + time.Since(begun)) / 4
			committed.Store(true)
		})
		close(start)
		wg.Wait()
		if _, err := d.LocalPath(t.Context(), orphan.Key); err != nil {
			t.Fatalf("round %d: a committed row has no object: %v", n, err)
		}
	}
	t.Logf("%d orphans were removed before and %d spared because a run had taken them over", removed.Load(), kept.Load())
}

func TestEachFindsTheObjectsAndNothingElse(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	var want []string
	for _, scope := range []string{"a", "b"} {
		want = append(want, blobtest.Publish(t, d, scope, scope, ".ndjson.zst").Key)
	}
	if err := os.WriteFile(filepath.Join(root, "objects", "a", "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := d.Each(t.Context(), func(s blob.Stored) error {
		if s.Size != 1 || time.Since(s.Since) > time.Minute {
			t.Errorf("got %+v", s)
		}
		got = append(got, s.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Each(ctx, func(blob.Stored) error { return nil }); err == nil {
		t.Error("it goes on after its context has ended")
	}
}
