package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/blob"
	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// A Restorer makes a data folder from a backup.
type Restorer struct {
	Key      string // file with the vault's key, for a backup without it; empty for none
	Now      func() time.Time
	Progress Progress
}

// Restore makes the folder root, which must be missing or empty, from a backup.
// Every byte is checked before root appears, all at once: a restore that fails,
// or is killed, leaves root as it was.
func (r *Restorer) Restore(ctx context.Context, from, root string) (_ Backup, err error) {
	defer errs.Wrap(&err, "upkeep.Restore")
	about, sums, err := open(ctx, from)
	if err != nil {
		return Backup{}, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return Backup{}, err
	}
	if err := emptyFolder(root, "data-folder-exists", "restore into a new folder, and move it where you want it"); err != nil {
		return Backup{}, err
	}
	aside, err := os.MkdirTemp(filepath.Dir(root), "."+filepath.Base(root)+".restoring-")
	if err != nil {
		return Backup{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(aside))
		}
	}()
	c := &copying{ctx: ctx, to: aside, sums: map[string]string{}, step: "restoring", total: about.Bytes, progress: r.Progress}
	for _, path := range sortedKeys(sums) {
		if path == aboutFile {
			continue
		}
		if err := c.restore(from, path, sums[path]); err != nil {
			return Backup{}, err
		}
	}
	if err := os.MkdirAll(filepath.Join(aside, filepath.Dir(secret.KeyFile)), 0o700); err != nil {
		return Backup{}, err
	}
	if r.Key != "" {
		if about.Key {
			return Backup{}, errs.New(errs.Invalid, "the backup holds the key for secrets; another cannot be given").Named("secret-key-given-twice").
				Fix("leave the key file out")
		}
		if err := c.copy(r.Key, secret.KeyFile, 0o600, ""); err != nil {
			return Backup{}, errs.New(errs.Invalid, "the key file %s cannot be read", r.Key).Named("secret-key-missing").Because(err)
		}
		about.Key = true
	}
	if err := r.verify(ctx, aside); err != nil {
		return Backup{}, err
	}
	if err := syncAll(aside); err != nil {
		return Backup{}, err
	}
	// A folder takes the place of an empty one, in one step, which os.Rename refuses.
	if err := unix.Rename(aside, root); err != nil {
		return Backup{}, fmt.Errorf("put the folder in its place: %w", err)
	}
	return about, syncAll(filepath.Dir(root))
}

// open reads what a backup says of itself.
func open(ctx context.Context, from string) (about Backup, sums map[string]string, err error) {
	sums, err = readSums(filepath.Join(from, sumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		e := errs.New(errs.NotFound, "%s is not a backup: it holds no %s", from, sumsFile).Named("no-backup").Because(err)
		if _, err := os.Lstat(filepath.Join(from, Database)); err == nil {
			e.Msg = fmt.Sprintf("%s is not a whole backup: %s is written last and missing, so making it was cut off", from, sumsFile)
		}
		return about, nil, e.Fix("name a folder that 'millwright backup' made and finished")
	}
	if err != nil {
		return about, nil, err
	}
	text, err := os.ReadFile(filepath.Join(from, aboutFile))
	if err != nil {
		return about, nil, damaged(aboutFile, "it cannot be read")
	}
	_, sum, err := digest(ctx, filepath.Join(from, aboutFile), nil)
	if err != nil || sum != sums[aboutFile] || json.Unmarshal(text, &about) != nil {
		return about, nil, damaged(aboutFile, "its bytes were changed")
	}
	if about.Format != format {
		return about, nil, errs.New(errs.Conflict, "the backup has format %d; this program reads %d", about.Format, format).Named("backup-format").
			Fix("restore it with the Millwright that made it")
	}
	files := about.Objects + 2 // the database and what it says of itself
	if about.Key {
		files++
	}
	if len(sums) != files || sums[Database] == "" {
		return about, nil, damaged(sumsFile, fmt.Sprintf("it lists %d files, and %s says %d", len(sums), aboutFile, files))
	}
	return about, sums, nil
}

// restore copies a file of a backup.
func (c *copying) restore(from, path, sum string) error {
	mode := fs.FileMode(0o600)
	if strings.HasPrefix(path, "objects/") {
		mode = 0o440
		if !strings.Contains(path, "/"+sum+".") {
			return damaged(sumsFile, "it gives "+path+" another hash than its name")
		}
	} else if path != Database && path != secret.KeyFile {
		return damaged(sumsFile, "it lists "+path+", which no backup has")
	}
	err := c.copy(filepath.Join(from, filepath.FromSlash(path)), path, mode, sum)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(path, "it is missing")
	}
	if e, ok := errs.Find(err); ok && e.Type == "file-damaged" {
		return damaged(path, "its bytes were changed")
	}
	return err
}

// verify checks that the folder is whole: its database, and that every object
// that a row names is there. Their bytes were checked when they were copied, and
// their names are their hashes.
func (r *Restorer) verify(ctx context.Context, root string) (err error) {
	r.Progress.tell("checking the metadata", 0, 0)
	path := filepath.Join(root, Database)
	db, err := meta.OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), removeTraces(path)) }()
	wrong, err := db.Verify(ctx)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return damaged(Database, wrong[0])
	}
	objects, err := liveObjects(ctx, db, r.Now)
	if err != nil {
		return err
	}
	blobs := &blob.Dir{Root: root}
	for _, o := range objects {
		if _, err := blobs.LocalPath(ctx, o.key); err != nil {
			return damaged("objects/"+o.key, "the metadata name it and the backup does not hold it")
		}
	}
	return nil
}
