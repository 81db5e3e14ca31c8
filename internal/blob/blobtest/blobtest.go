// Package blobtest holds the tests that every driver of [blob.Store] passes.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"millwright/internal/blob"
	"millwright/internal/errs"
)

// Run tests a driver. open returns a new, empty store.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := []struct {
		rule string
		test func(*testing.T, blob.Store)
	}{
		{"a published object reads back with its size and hashes", roundTrip},
		{"publishing consumes the staged file", consumes},
		{"a file that was sealed is published as it is", sealing},
		{"the same content is the same object", idempotent},
		{"many publishers of the same content agree", concurrent},
		{"the same content in two scopes is two objects", scopes},
		{"a scope folder holds the scope's objects and no other's", scopeDir},
		{"a missing object is not found", notFound},
		{"removing is final and may be repeated", remove},
		{"a staging folder is empty and goes with what it holds", stage},
		{"keys, scopes and extensions that lead elsewhere are refused", traversal},
		{"a canceled publish makes no object", canceled},
		{"an object can be read from two places at once", seek},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

// Publish stores content in a scope and returns the object; for tests of other
// packages too.
func Publish(t *testing.T, s blob.Store, scope, content, ext string) blob.Object {
	t.Helper()
	obj, err := publish(t.Context(), s, scope, content, ext)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func publish(ctx context.Context, s blob.Store, scope, content, ext string) (blob.Object, error) {
	dir, remove, err := s.Stage(ctx)
	if err != nil {
		return blob.Object{}, err
	}
	defer remove()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return blob.Object{}, err
	}
	return s.Publish(ctx, scope, path, ext)
}

func read(t *testing.T, s blob.Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func roundTrip(t *testing.T, s blob.Store) {
	for _, content := range []string{"", "x", strings.Repeat("0123456789", 200_000)} {
		hash := sumOf([]byte(content))
		want := blob.Object{
			Key:    "scope-1/" + hash[:2] + "/" + hash + ".ndjson.zst",
			Size:   int64(len(content)),
			SHA256: hash,
			ETag:   hash[:32],
		}
		got := Publish(t, s, "scope-1", content, ".ndjson.zst")
		if got != want {
			t.Errorf("Publish = %+v, want %+v", got, want)
		}
		if read(t, s, got.Key) != content {
			t.Errorf("%d bytes do not read back", len(content))
		}
		path, err := s.LocalPath(t.Context(), got.Key)
		if err != nil {
			t.Fatal(err)
		}
		local, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(local, []byte(content)) {
			t.Errorf("LocalPath(%s) does not hold the content: %v", got.Key, err)
		}
	}
}

// sealing publishes files that were sealed: as they are now, whatever they were then.
func sealing(t *testing.T, s blob.Store) {
	dir, remove, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	for name, rewrite := range map[string]func(path string) error{
		"as it was": func(string) error { return nil },
		"written over": func(path string) error {
			return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("other bytes"), 0o600))
		},
		"exchanged": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("other bytes"), 0o600))
		},
	} {
		for i, known := range []string{"", sumOf([]byte("first bytes"))} {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+strconv.Itoa(i))
			if err := os.WriteFile(path, []byte("first bytes"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Seal(t.Context(), path, known); err != nil {
				t.Fatal(err)
			}
			if err := rewrite(path); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Publish(t.Context(), "scope-1", path, ".json")
			if err != nil || got.SHA256 != sumOf(want) || got.Size != int64(len(want)) || read(t, s, got.Key) != string(want) {
				t.Errorf("%s, hash %q: %+v, %v", name, known, got, err)
			}
		}
	}
	if err := s.Seal(t.Context(), "/etc/passwd", ""); err == nil {
		t.Error("a file outside of staging was sealed")
	}
	path := filepath.Join(dir, "named")
	if err := os.WriteFile(path, []byte("bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sum := range []string{"../../" + sumOf(nil)[:58], strings.ToUpper(sumOf(nil)), "ab"} {
		if err := s.Seal(t.Context(), path, sum); err == nil {
			t.Errorf("a file was sealed under %q", sum)
		}
	}
}

// sumOf is the hash of content as objects have it.
func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func consumes(t *testing.T, s blob.Store) {
	for range 2 { // new, then there already
		dir, remove, err := s.Stage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer remove()
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte("once"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Publish(t.Context(), "s", path, ".json"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the staged file is still there: %v", err)
		}
	}
}

func idempotent(t *testing.T, s blob.Store) {
	a, b := Publish(t, s, "s", "same", ".json"), Publish(t, s, "s", "same", ".json")
	if a != b {
		t.Errorf("got %+v and %+v", a, b)
	}
	if got := read(t, s, a.Key); got != "same" {
		t.Errorf("got %q", got)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	objs, errors := make([]blob.Object, 16), make([]error, 16)
	for i := range objs {
		wg.Go(func() { objs[i], errors[i] = publish(t.Context(), s, "s", "raced", ".json") })
	}
	wg.Wait()
	for i := range objs {
		if errors[i] != nil || objs[i] != objs[0] {
			t.Errorf("publisher %d: %+v, %v", i, objs[i], errors[i])
		}
	}
	if got := read(t, s, objs[0].Key); got != "raced" {
		t.Errorf("got %q", got)
	}
}

func scopes(t *testing.T, s blob.Store) {
	a, b := Publish(t, s, "a", "both", ".json"), Publish(t, s, "b", "both", ".json")
	if a.Key == b.Key {
		t.Fatalf("one key for two scopes: %s", a.Key)
	}
	if err := s.Remove(t.Context(), a.Key); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, b.Key); got != "both" {
		t.Errorf("got %q", got)
	}
}

func scopeDir(t *testing.T, s blob.Store) {
	mine, theirs := Publish(t, s, "mine", "1", ".json"), Publish(t, s, "mine2", "2", ".json")
	dir, err := s.ScopeDir(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(dir) {
		t.Errorf("%s is not absolute", dir)
	}
	for key, want := range map[string]bool{mine.Key: true, theirs.Key: false} {
		path, err := s.LocalPath(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.HasPrefix(path, dir+string(filepath.Separator)); got != want {
			t.Errorf("%s inside %s: %v, want %v", path, dir, got, want)
		}
	}
	empty, err := s.ScopeDir(t.Context(), "new")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(empty); err != nil || !info.IsDir() {
		t.Errorf("the folder of a new scope is missing: %v", err)
	}
}

var absent = "s/aa/aa" + strings.Repeat("0", 62) + ".json"

func notFound(t *testing.T, s blob.Store) {
	if _, err := s.Open(t.Context(), absent); !errors.Is(err, errs.NotFound) {
		t.Errorf("Open: %v", err)
	}
	if _, err := s.LocalPath(t.Context(), absent); !errors.Is(err, errs.NotFound) {
		t.Errorf("LocalPath: %v", err)
	}
}

func remove(t *testing.T, s blob.Store) {
	obj := Publish(t, s, "s", "gone", ".json")
	for range 2 {
		if err := s.Remove(t.Context(), obj.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), obj.Key); !errors.Is(err, errs.NotFound) {
			t.Errorf("Open after Remove: %v", err)
		}
	}
	if again := Publish(t, s, "s", "gone", ".json"); again != obj {
		t.Errorf("published again: %+v, want %+v", again, obj)
	}
}

func stage(t *testing.T, s blob.Store) {
	dir, remove, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, removeOther, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer removeOther()
	if dir == other {
		t.Fatal("two stages share a folder")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("not empty: %v, %v", entries, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	remove()
	remove()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the other folder is gone: %v", err)
	}
}

func traversal(t *testing.T, s blob.Store) {
	good := Publish(t, s, "s", "x", ".json")
	hash := good.SHA256
	for _, key := range []string{
		"", ".", "/", "/etc/passwd", "../" + good.Key, good.Key + "/..", "s/../" + good.Key, good.Key + "\x00",
		good.Key + "/", "/" + good.Key, "./" + good.Key, "s//" + hash[:2] + "/" + hash + ".json",
		"../staging/aa/" + hash + ".json", "s/ff/" + hash + ".json", "s/" + hash[:2] + "/" + hash, strings.ToUpper(good.Key),
		"s\\" + hash[:2] + "\\" + hash + ".json", "s/" + hash[:2] + "/" + hash + ".json\n", "s/" + hash[:2] + "/" + hash + "..",
	} {
		if _, err := s.Open(t.Context(), key); !errors.Is(err, errs.Invalid) {
			t.Errorf("Open(%q): %v", key, err)
		}
		if _, err := s.LocalPath(t.Context(), key); !errors.Is(err, errs.Invalid) {
			t.Errorf("LocalPath(%q): %v", key, err)
		}
		if err := s.Remove(t.Context(), key); !errors.Is(err, errs.Invalid) {
			t.Errorf("Remove(%q): %v", key, err)
		}
	}
	for _, scope := range []string{"", ".", "..", "a/b", "../a", "a.b", "a\x00", "-a", "a ", strings.Repeat("a", 200)} {
		if _, err := publish(t.Context(), s, scope, "x", ".json"); !errors.Is(err, errs.Invalid) {
			t.Errorf("Publish in scope %q: %v", scope, err)
		}
		if _, err := s.ScopeDir(t.Context(), scope); !errors.Is(err, errs.Invalid) {
			t.Errorf("ScopeDir(%q): %v", scope, err)
		}
	}
	for _, ext := range []string{"", "json", ".", "..", "./x", ".JSON", ".a/../b", ".a\x00", ".a.b.c.d"} {
		if _, err := publish(t.Context(), s, "s", "x", ext); !errors.Is(err, errs.Invalid) {
			t.Errorf("Publish with extension %q: %v", ext, err)
		}
	}
}

func canceled(t *testing.T, s blob.Store) {
	dir, remove, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("never"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Publish(ctx, "s", path, ".json"); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: %v", err)
	}
	sum := sha256.Sum256([]byte("never"))
	hash := hex.EncodeToString(sum[:])
	if _, err := s.Open(t.Context(), "s/"+hash[:2]+"/"+hash+".json"); !errors.Is(err, errs.NotFound) {
		t.Errorf("Open: %v", err)
	}
}

func seek(t *testing.T, s blob.Store) {
	obj := Publish(t, s, "s", "0123456789", ".json")
	a, err := s.Open(t.Context(), obj.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := s.Open(t.Context(), obj.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := a.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	fromA, errA := io.ReadAll(a)
	fromB, errB := io.ReadAll(b)
	if string(fromA) != "456789" || string(fromB) != "0123456789" || errA != nil || errB != nil {
		t.Errorf("got %q and %q, %v, %v", fromA, fromB, errA, errB)
	}
}
