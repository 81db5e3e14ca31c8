package upkeep

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// A backup is a folder:
//
//	meta.db             a snapshot of the metadata
//	objects/...         every object that the snapshot names
//	keys/secrets.json   the key of the vault, only if it was asked for
//	backup.json         what this is, a Backup
//	SHA256SUMS          of all the above, as sha256sum writes it; written last
//
// Without SHA256SUMS it is no backup but what is left of one that was cut off.
const (
	sumsFile  = "SHA256SUMS"
	aboutFile = "backup.json"
	format    = 1
)

// A Backup says what a backup holds.
type Backup struct {
	Format  int       `json:"format"`
	MadeAt  time.Time `json:"made_at"` // the moment whose state it is
	Objects int       `json:"objects"`
	Bytes   int64     `json:"bytes"` // of all files but backup.json and SHA256SUMS
	Key     bool      `json:"key"`   // it holds the key of the vault: who has it can open every secret
	Secrets int       `json:"secrets"`
}

// A Keeper makes backups of a data folder, which a server may have open.
type Keeper struct {
	Root  string
	DB    *meta.DB
	Blobs *blob.Dir
	Now   func() time.Time

	// Secrets counts the stored secrets of a snapshot.
	Secrets func(ctx context.Context, snapshot *meta.DB) (int, error)

	Progress Progress
}

// A copying is a backup or a restore under way: where it writes, and what it
// has written.
type copying struct {
	ctx      context.Context
	to       string
	sums     map[string]string // path below to -> SHA-256
	done     int64             // bytes
	total    int64
	step     string
	progress Progress
}

// Backup copies the folder, as it is at one moment, to the folder dest, which
// must be missing or empty. With key it includes the vault's key. Runs go on
// meanwhile; only the collection of orphans waits.
//
// A backup that fails leaves what it had copied, which no restore takes.
func (k *Keeper) Backup(ctx context.Context, dest string, key bool) (_ Backup, err error) {
	defer errs.Wrap(&err, "upkeep.Backup")
	if dest, err = k.destination(dest); err != nil {
		return Backup{}, err
	}
	// Before the snapshot: what it names must not be collected before it is copied.
	release, err := k.Blobs.Hold()
	if err != nil {
		return Backup{}, err
	}
	defer release()
	about := Backup{Format: format, MadeAt: k.Now().UTC(), Key: key}
	k.Progress.tell("metadata", 0, 0)
	if err := k.DB.Snapshot(ctx, filepath.Join(dest, Database)); err != nil {
		return Backup{}, err
	}
	objects, err := k.read(ctx, filepath.Join(dest, Database), &about)
	if err != nil {
		return Backup{}, err
	}
	c := &copying{ctx: ctx, to: dest, sums: map[string]string{}, step: "objects", progress: k.Progress}
	for _, o := range objects {
		c.total += o.size
	}
	for _, o := range objects {
		if err := k.copyObject(c, o); err != nil {
			return Backup{}, err
		}
	}
	about.Objects = len(objects)
	if key {
		if err := c.copy(filepath.Join(k.Root, secret.KeyFile), secret.KeyFile, 0o600, ""); err != nil {
			return Backup{}, noKey(err)
		}
	}
	if err := c.sumOf(Database); err != nil {
		return Backup{}, err
	}
	about.Bytes = c.done
	return about, c.seal(about)
}

// destination makes the folder of a new backup.
func (k *Keeper) destination(dest string) (string, error) {
	dest, err := filepath.Abs(dest)
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs(k.Root)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(root, dest); err == nil && filepath.IsLocal(rel) {
		return "", errs.New(errs.Invalid, "%s lies in the data folder itself", dest).Named("backup-inside").
			Fix("choose a folder elsewhere, best on another disk")
	}
	return dest, emptyFolder(dest, "backup-exists", "choose another folder for the backup")
}

// emptyFolder makes the folder, or fails if it holds anything.
func emptyFolder(dir, name, fix string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o700)
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	e := errs.New(errs.Conflict, "%s is not empty", dir).Named(name).Fix(fix)
	_, noSums := os.Lstat(filepath.Join(dir, sumsFile))
	if _, err := os.Lstat(filepath.Join(dir, Database)); err == nil && noSums != nil && name == "backup-exists" {
		e.Msg += ": it looks like a backup that was cut off"
		e.Fix("remove it and try again")
	}
	return e
}

// read returns the objects that a snapshot names.
func (k *Keeper) read(ctx context.Context, path string, about *Backup) (objects []object, err error) {
	db, err := meta.OpenReadOnly(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close(), removeTraces(path)) }()
	if about.Secrets, err = k.Secrets(ctx, db); err != nil {
		return nil, err
	}
	return liveObjects(ctx, db, k.Now)
}

// liveObjects returns what the rows say of every object that must be there.
func liveObjects(ctx context.Context, db *meta.DB, now func() time.Time) ([]object, error) {
	live, err := (&dataset.Store{DB: db, Now: now}).Live(ctx)
	if err != nil {
		return nil, err
	}
	all, err := named(ctx, db.Read())
	return slices.DeleteFunc(all, func(o object) bool { return !live[o.key] }), err
}

// removeTraces removes what opening a database leaves beside it.
func removeTraces(path string) error {
	var all []error
	for _, suffix := range []string{".lock", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (k *Keeper) copyObject(c *copying, o object) error {
	from, err := k.Blobs.LocalPath(c.ctx, o.key)
	if err == nil {
		err = c.copy(from, "objects/"+o.key, 0o440, o.sha256)
	}
	if errors.Is(err, errs.NotFound) || errors.Is(err, fs.ErrNotExist) {
		err = errs.New(errs.Conflict, "the object %s is missing", o.key).Named("object-missing").Because(err)
	}
	if e, ok := errs.Find(err); ok {
		return e.Fix("run 'millwright doctor' to see all that is damaged", "run its datasource again, then make the backup")
	}
	return err
}

// copy copies one file and notes its hash, which must be the wanted one unless
// that is empty.
func (c *copying) copy(from, path string, mode fs.FileMode, want string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	target := filepath.Join(c.to, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	h := sha256.New()
	_, err = io.CopyBuffer(io.MultiWriter(out, h), &counted{c.ctx, in, func(n int64) {
		c.done += n
		c.progress.tell(c.step, c.done, c.total)
	}}, make([]byte, 256<<10))
	if err != nil {
		return err
	}
	c.sums[path] = hex.EncodeToString(h.Sum(nil))
	if want != "" && c.sums[path] != want {
		return errs.New(errs.Conflict, "%s is damaged: its SHA-256 is %s and should be %s", path, c.sums[path], want).Named("file-damaged")
	}
	return nil
}

// sumOf notes the hash of a file that is in place already.
func (c *copying) sumOf(path string) error {
	size, sum, err := digest(c.ctx, filepath.Join(c.to, path), nil)
	c.sums[path] = sum
	c.done += size
	return err
}

// seal makes all files durable, and only then writes the file that makes a
// backup of them.
func (c *copying) seal(about Backup) error {
	c.progress.tell("making it durable", 0, 0)
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.to, aboutFile), append(text, '\n'), 0o600); err != nil {
		return err
	}
	if err := c.sumOf(aboutFile); err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, path := range sortedKeys(c.sums) {
		fmt.Fprintf(&sums, "%s  %s\n", c.sums[path], path)
	}
	if err := syncAll(c.to); err != nil {
		return err
	}
	part := filepath.Join(c.to, sumsFile+".part")
	if err := os.WriteFile(part, sums.Bytes(), 0o600); err != nil {
		return err
	}
	if err := syncAll(c.to); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(c.to, sumsFile)); err != nil {
		return err
	}
	return syncAll(c.to)
}

// syncAll makes everything durable that was written to the file system of dir.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func noKey(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errs.New(errs.NotFound, "the data folder has no key file %s: it never stored a secret, or the key is lost", secret.KeyFile).
			Named("secret-key-missing").Fix("make the backup without the key").Because(err)
	}
	return err
}

// readSums reads what sha256sum would check.
func readSums(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, path, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != sha256.Size*2 || !filepath.IsLocal(filepath.FromSlash(path)) || sums[path] != "" {
			return nil, damaged(sumsFile, "a line of it is no hash and path")
		}
		sums[path] = sum
	}
	return sums, lines.Err()
}

func damaged(path, how string) error {
	return errs.New(errs.Conflict, "the backup is damaged: %s: %s", path, how).Named("backup-damaged").
		Fix("use another backup", "check the disk that holds it")
}
