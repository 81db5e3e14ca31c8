package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
)

const lockSuffix = ".lock"

// Stage returns a new empty folder for work in progress, and a function that
// removes it with all it still holds. If this process dies first, the next
// OpenDir removes it.
func (d *Dir) Stage(ctx context.Context) (dir string, remove func(), err error) {
	defer errs.Wrap(&err, "blob.Stage")
	// The lock says that the folder's owner lives, whatever its process id; so
	// it is taken before the folder exists.
	lock, err := d.lock(ctx)
	if err != nil {
		return "", nil, err
	}
	dir = strings.TrimSuffix(lock.Name(), lockSuffix)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, errors.Join(err, lock.Close(), os.Remove(lock.Name()))
	}
	return dir, func() {
		d.forget(dir)
		// What cannot be removed now is removed at the next open.
		_ = os.RemoveAll(dir)
		_ = os.Remove(lock.Name())
		_ = lock.Close()
	}, nil
}

// lock makes a lock file and holds it until it is closed.
func (d *Dir) lock(ctx context.Context) (*os.File, error) {
	for {
		f, err := os.CreateTemp(d.staging(), "*"+lockSuffix)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			_, err = os.Lstat(f.Name())
		}
		if err == nil {
			return f, nil
		}
		err = errors.Join(err, f.Close())
		// A process that opens the store just now took the new file for a
		// leftover: make another.
		swept := errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist)
		if !swept || ctx.Err() != nil {
			return nil, err
		}
	}
}

// SweepStages removes the staging folders whose owner is gone, and returns how
// many there were.
func (d *Dir) SweepStages() (removed int, err error) {
	before, err := os.ReadDir(d.staging())
	if err != nil {
		return 0, err
	}
	if err := d.sweep(); err != nil {
		return 0, err
	}
	for _, e := range before {
		if _, gone := os.Lstat(filepath.Join(d.staging(), e.Name())); e.IsDir() && errors.Is(gone, fs.ErrNotExist) {
			removed++
		}
	}
	return removed, nil
}

func (d *Dir) sweep() error {
	entries, err := os.ReadDir(d.staging())
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(d.staging(), e.Name())
		if !e.IsDir() {
			err = sweepOne(path)
		} else if _, missing := os.Lstat(path + lockSuffix); errors.Is(missing, fs.ErrNotExist) {
			err = os.RemoveAll(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepOne removes a staging folder and its lock, unless the lock is held.
func sweepOne(lockPath string) error {
	f, err := os.OpenFile(lockPath, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	if dir, ok := strings.CutSuffix(lockPath, lockSuffix); ok {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	// The owner may have removed it a moment ago, when it let go of the lock.
	if err := os.Remove(lockPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
