package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright/internal/blob"
	"millwright/internal/blob/blobtest"
	"millwright/internal/errs"
)

func open(t *testing.T, root string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDir(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, t.TempDir()) })
}

func TestOnlyTheOwnerCanReadAndNobodyWrites(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new", "store")
	d := open(t, root)
	blobtest.Publish(t, d, "s", "x", ".json")
	_, remove, err := d.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o440)
		switch {
		case e.IsDir():
			want = 0o700
		case strings.HasSuffix(path, ".lock"):
			want = 0o600
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestADamagedObjectIsHealedByPublishingItAgain(t *testing.T) {
	d := open(t, t.TempDir())
	obj := blobtest.Publish(t, d, "s", "whole", ".json")
	path, err := d.LocalPath(t.Context(), obj.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("wh"), 0o440)); err != nil {
		t.Fatal(err)
	}
	blobtest.Publish(t, d, "s", "whole", ".json")
	if got, err := os.ReadFile(path); string(got) != "whole" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOnlyStagedRegularFilesArePublished(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	outside := filepath.Join(t.TempDir(), "database")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, remove, err := d.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	link, way := filepath.Join(dir, "link"), filepath.Join(dir, "way")
	if err := errors.Join(os.Symlink(outside, link), os.Symlink(filepath.Dir(outside), way)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		outside, link, dir, dir + ".lock", filepath.Join(way, "database"),
		filepath.Join(dir, "..", "..", "objects"), filepath.Join(dir, "missing"), "relative",
	} {
		if obj, err := d.Publish(t.Context(), "s", path, ".json"); err == nil {
			t.Errorf("Publish(%s) = %+v", path, obj)
		}
	}
	if got, err := os.ReadFile(outside); string(got) != "precious" {
		t.Errorf("the file outside was taken: %q, %v", got, err)
	}
}

func TestErrorsShowNoServerPath(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	obj := blobtest.Publish(t, d, "s", "x", ".json")
	path, err := d.LocalPath(t.Context(), obj.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), obj.Key); err == nil || strings.Contains(errs.Public(err), root) {
		t.Errorf("got %v", err)
	}
}

// stageAndDie is run in a child process: it stages, says so and waits to be killed.
func stageAndDie(root string) {
	d, err := blob.OpenDir(root)
	if err != nil {
		panic(err)
	}
	dir, _, err := d.Stage(context.Background())
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half"), []byte("half"), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(dir)
	select {}
}

func TestMain(m *testing.M) {
	if root := os.Getenv("BLOB_TEST_STAGE_AND_DIE"); root != "" {
		stageAndDie(root)
	}
	os.Exit(m.Run())
}

func TestStagingOfAKilledProcessIsRemovedAndOfALiveOneStays(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	live, remove, err := d.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "BLOB_TEST_STAGE_AND_DIE="+root)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var theirs string
	if _, err := fmt.Fscanln(out, &theirs); err != nil {
		t.Fatal(err)
	}
	open(t, root)
	if _, err := os.Stat(filepath.Join(theirs, "half")); err != nil {
		t.Errorf("the staging of a living process is gone: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed" is what we asked for

	open(t, root)
	for path, want := range map[string]bool{theirs: false, theirs + ".lock": false, live: true, live + ".lock": true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
}
