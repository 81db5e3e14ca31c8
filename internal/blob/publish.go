package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millwright/internal/errs"
)

// Publish makes the staged file an object of the scope under its content hash.
// It consumes the file. The order is what makes it durable: the file is synced
// before it gets its name, the folder after. An object is never overwritten: of
// two files with the same content the first one stays, and both calls return it.
func (d *Dir) Publish(ctx context.Context, scope, path, ext string) (_ Object, err error) {
	defer errs.Wrap(&err, "blob.Publish")
	if !scopePattern.MatchString(scope) {
		return Object{}, badScope()
	}
	if !extPattern.MatchString(ext) {
		return Object{}, errs.New(errs.Invalid, "not an object extension").Named("bad-object-extension").
			Fix("use a dot and lower-case letters or digits, such as .parquet")
	}
	if err := d.checkStaged(path); err != nil {
		return Object{}, err
	}
	if err := d.step(ctx, "sync of the file"); err != nil {
		return Object{}, err
	}
	obj, err := d.unseal(ctx, path)
	if err != nil {
		return Object{}, err
	}
	obj.Key = scope + "/" + obj.SHA256[:2] + "/" + obj.SHA256 + ext
	target := filepath.Join(d.objects(), filepath.FromSlash(obj.Key))
	folder := filepath.Dir(target)
	if err := d.ensure(folder); err != nil {
		return Object{}, err
	}
	if err := d.step(ctx, "rename"); err != nil {
		return Object{}, err
	}
	if err := d.place(path, target, obj.Size); err != nil {
		return Object{}, err
	}
	if err := d.step(ctx, "sync of the folder"); err != nil {
		return Object{}, err
	}
	// Also when the object was there: whoever put it there may have died before
	// this sync.
	return obj, syncDir(folder)
}

// checkStaged refuses files outside staging, so that a wrong path cannot move
// the database or another object.
func (d *Dir) checkStaged(path string) error {
	rel, err := filepath.Rel(d.staging(), path)
	if err != nil || !filepath.IsLocal(rel) || !strings.ContainsRune(rel, filepath.Separator) {
		return errs.New(errs.Invalid, "only files in a folder from Stage can be published")
	}
	// The folder too: a link there would lead out.
	real, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(d.staging())
	if err != nil {
		return err
	}
	if !strings.HasPrefix(real, root+string(filepath.Separator)) {
		return errs.New(errs.Invalid, "only files in a folder from Stage can be published")
	}
	return nil
}

// A sealed file is durable, and nobody has written to it since.
type sealed struct {
	object Object // without a key
	info   os.FileInfo
}

// Seal makes a staged file durable ahead of Publish, and hashes it unless sum is its
// SHA-256 in hex.
func (d *Dir) Seal(ctx context.Context, path, sum string) (err error) {
	defer errs.Wrap(&err, "blob.Seal")
	if err := d.checkStaged(path); err != nil {
		return err
	}
	if sum != "" && !sumPattern.MatchString(sum) {
		return errs.New(errs.Internal, "%q is no SHA-256 in hex", sum)
	}
	s, err := seal(ctx, path, sum)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sealed[path] = s
	return nil
}

// unseal returns the object of a file that was sealed and is as it was then; it seals
// any other.
func (d *Dir) unseal(ctx context.Context, path string) (Object, error) {
	d.mu.Lock()
	s, ok := d.sealed[path]
	delete(d.sealed, path)
	d.mu.Unlock()
	info, err := os.Lstat(path)
	if !ok || err != nil || !os.SameFile(s.info, info) || s.info.Size() != info.Size() || !s.info.ModTime().Equal(info.ModTime()) || s.info.Mode() != info.Mode() {
		s, err := seal(ctx, path, "")
		return s.object, err
	}
	// Its age counts from now, however long the other files took.
	now := time.Now()
	return s.object, os.Chtimes(path, now, now)
}

// forget forgets what was sealed in a folder that is removed.
func (d *Dir) forget(folder string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.sealed, func(path string, _ sealed) bool { return strings.HasPrefix(path, folder+string(filepath.Separator)) })
}

// seal makes the file's bytes durable and read-only, and hashes them unless hash says
// what that gives.
func seal(ctx context.Context, path, hash string) (s sealed, err error) {
	// Not through a link, and not blocking on a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() {
		return s, errs.New(errs.Invalid, "only regular files can be published")
	}
	if err := f.Chmod(0o440); err != nil {
		return s, err
	}
	// An object's age counts from here, however long the file took to write.
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return s, err
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	if hash == "" {
		sum := sha256.New()
		if _, err := io.CopyBuffer(sum, contextReader{ctx, f}, make([]byte, 256<<10)); err != nil {
			return s, err
		}
		hash = hex.EncodeToString(sum.Sum(nil))
	}
	if s.info, err = f.Stat(); err != nil {
		return s, err
	}
	s.object = Object{Size: s.info.Size(), SHA256: hash, ETag: hash[:len(hash)/2]}
	return s, nil
}

// place gives the file its final name, unless an object of that name is there.
//
// An object that is there may be an orphan that is collected at this moment: so
// it is taken over under the lock that a collector needs, and made young again.
func (d *Dir) place(path, target string, size int64) error {
	for {
		err := renameNew(path, target)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = d.adopt(path, target, size)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// It was collected a moment ago: the name is free.
	}
}

// adopt keeps the object that has the file's name, and removes the file.
func (d *Dir) adopt(path, target string, size int64) error {
	release, err := d.Hold()
	if err != nil {
		return err
	}
	defer release()
	info, err := os.Lstat(target)
	if err != nil {
		return err
	}
	// An object that is shorter or longer than its hash says was damaged, by a
	// disk or a person; the good copy heals it.
	if !info.Mode().IsRegular() || info.Size() != size {
		return os.Rename(path, target)
	}
	now := time.Now()
	if err := os.Chtimes(target, now, now); err != nil {
		return err
	}
	return os.Remove(path)
}

// contextReader stops reading when ctx is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
