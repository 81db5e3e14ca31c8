package meta

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
)

// A lock is a held lock file. The kernel frees it when the process dies, so a
// file left behind by a crash locks nobody out.
type lock struct{ file *os.File }

// acquire takes the lock at path, or fails with errs.Conflict and the process id
// of the holder.
func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, errs.New(errs.Conflict,
			"the data folder is in use by another Millwright%s: its lock file is held", holder(f)).
			Named("data-folder-in-use").
			Fix("stop the other process", "or start this one with another data folder").Because(err)
	}
	// The pid only serves the message above: failing to write it must not stop us.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &lock{f}, nil
}

// holder returns " (process 123)", or "" if the file does not say.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || convErr != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// release frees the lock. The file stays: removing it would let a third process
// lock a new file while a second one waits on the old.
func (l *lock) release() error { return l.file.Close() }
