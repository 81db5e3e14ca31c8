package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
)

// guard is the lock between those who need objects to stay, who share it, and a
// collector, who has it alone.
const guard = "collect.lock"

// A Stored is an object as it lies in the folder.
type Stored struct {
	Key   string
	Size  int64     // bytes
	Since time.Time // when it was last published
}

// Hold keeps every object from being removed by a [Collection], of any process,
// until release is called. It waits while a collection is under way.
func (d *Dir) Hold() (release func(), err error) {
	return d.guard(unix.LOCK_SH)
}

// A Collection is the right to remove objects. While it lasts, nobody holds
// objects and nobody takes over one that exists.
type Collection struct {
	dir     *Dir
	release func()
}

// Collect begins a collection. It does not wait: ok is false if somebody holds
// the objects. The caller must End the collection, soon, because publishing the
// same content twice waits for it.
func (d *Dir) Collect() (_ *Collection, ok bool, err error) {
	release, err := d.guard(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, false, nil
	}
	return &Collection{d, release}, err == nil, err
}

// Remove deletes the object if it was last published before that time, and
// returns whether it did. A missing object is no error.
func (c *Collection) Remove(key string, before time.Time) (removed bool, err error) {
	path, err := c.dir.path(key)
	if err != nil {
		return false, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.ModTime().Before(before) {
		return false, hidePath("look up", err)
	}
	return true, hidePath("remove", os.Remove(path))
}

// End ends the collection.
func (c *Collection) End() { c.release() }

// guard takes the lock in a way that flock knows.
func (d *Dir) guard(how int) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.Root, guard), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, hidePath("open the collector's lock", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// Each calls fn for every object, in no particular order, until fn fails. What
// else lies in the folder is left out.
func (d *Dir) Each(ctx context.Context, fn func(Stored) error) (err error) {
	defer errs.Wrap(&err, "blob.Each")
	return filepath.WalkDir(d.objects(), func(path string, e fs.DirEntry, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(d.objects(), path)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(rel)
		if !isKey(key) {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(Stored{Key: key, Size: info.Size(), Since: info.ModTime()})
	})
}

func isKey(key string) bool {
	m := keyPattern.FindStringSubmatch(key)
	return m != nil && strings.HasPrefix(m[3], m[2])
}
