package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"millwright/internal/errs"
)

// Dir keeps objects in a folder of the local file system:
//
//	objects/{scope}/{first 2 hex}/{sha256 hex}{ext}   read-only files
//	staging/{random}/                                 work in progress
//
// Both lie on one file system, so that publishing is a rename. What Publish
// returned survives a power loss. Several processes may share a Dir. One that is
// only looked at needs no OpenDir: it is &Dir{Root: root}.
type Dir struct {
	Root string // absolute

	// Step, if set, is called before each step of Publish that a crash may part from
	// the next: tests fail, hang or die there. An error fails the step.
	Step func(ctx context.Context, name string) error

	mu      sync.Mutex        // guards what follows
	durable map[string]bool   // folders whose entry in their parent was synced by this process
	sealed  map[string]sealed // by path: staged files that Publish has only to name
}

var (
	scopePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	sumPattern   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	extPattern   = regexp.MustCompile(`^(\.[a-z0-9]{1,15}){1,3}$`)
	keyPattern   = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]{0,127})/([0-9a-f]{2})/([0-9a-f]{64})((?:\.[a-z0-9]{1,15}){1,3})$`)
)

// OpenDir opens the folder root as a store, creating what is missing. It removes
// what processes that are gone left in staging; staging of live ones stays.
func OpenDir(root string) (_ *Dir, err error) {
	defer errs.Wrap(&err, "blob.OpenDir")
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	d := &Dir{Root: root, durable: map[string]bool{}, sealed: map[string]sealed{}}
	for _, dir := range []string{root, d.objects(), d.staging()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{filepath.Dir(root), root} {
		if err := syncDir(dir); err != nil {
			return nil, err
		}
	}
	return d, d.sweep()
}

func (d *Dir) step(ctx context.Context, name string) error {
	if d.Step == nil {
		return nil
	}
	return d.Step(ctx, name)
}

func (d *Dir) objects() string { return filepath.Join(d.Root, "objects") }
func (d *Dir) staging() string { return filepath.Join(d.Root, "staging") }

// Open returns the object's bytes; errs.NotFound if there is no such object.
func (d *Dir) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	path, err := d.LocalPath(ctx, key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing()
	}
	if err != nil {
		return nil, hidePath("open", err)
	}
	return f, nil
}

// LocalPath returns an absolute path to the object's bytes, to be read only;
// errs.NotFound if there is no such object.
func (d *Dir) LocalPath(_ context.Context, key string) (string, error) {
	path, err := d.path(key)
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", missing()
	}
	if err != nil {
		return "", hidePath("look up", err)
	}
	if !info.Mode().IsRegular() {
		return "", errs.New(errs.Internal, "object %s is not a regular file", key)
	}
	return path, nil
}

// ScopeDir returns the absolute folder that holds all of a scope's objects,
// creating it if it is missing.
func (d *Dir) ScopeDir(_ context.Context, scope string) (string, error) {
	if !scopePattern.MatchString(scope) {
		return "", badScope()
	}
	dir := filepath.Join(d.objects(), scope)
	return dir, hidePath("create the folder of a scope", d.ensure(dir))
}

// Remove deletes an object; a missing one is no error.
func (d *Dir) Remove(_ context.Context, key string) error {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hidePath("remove", err)
	}
	return nil
}

// path returns where the object of that key lies. A key that Publish cannot
// have made is errs.Invalid, whatever it holds: no key leads out of objects.
func (d *Dir) path(key string) (string, error) {
	if !isKey(key) {
		return "", errs.New(errs.Invalid, "not an object key").Named("bad-object-key").
			Fix("use a key that the store returned: scope/2 hex/sha256.ext")
	}
	return filepath.Join(d.objects(), filepath.FromSlash(key)), nil
}

// ensure makes dir and its missing parents below Root, and their entries durable.
func (d *Dir) ensure(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ensureLocked(dir)
}

func (d *Dir) ensureLocked(dir string) error {
	if dir == d.objects() || d.durable[dir] {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := d.ensureLocked(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Also when it exists: whoever made it may have died before its own sync.
	if err := syncDir(parent); err != nil {
		return err
	}
	d.durable[dir] = true
	return nil
}

// syncDir makes the entries of a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func missing() error {
	return errs.New(errs.NotFound, "no such object")
}

func badScope() error {
	return errs.New(errs.Invalid, "not a scope name").Named("bad-object-scope").
		Fix("use letters, digits, '-' and '_' only")
}

// hidePath keeps server paths in the cause, which is logged and never shown.
func hidePath(act string, err error) error {
	if err == nil {
		return nil
	}
	return errs.New(errs.Internal, "could not %s", act).Because(err)
}
