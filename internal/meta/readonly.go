package meta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"millwright/internal/errs"
)

// OpenReadOnly opens an existing database to look at, also while a server has it
// open, and changes nothing: [DB.Tx] and [DB.Write] fail. If no server has it
// open, none can start until the DB is closed; see [DB.Served].
//
// It fails with errs.NotFound if there is no database, and with errs.Conflict if
// its schema is not the one that this program knows.
func OpenReadOnly(ctx context.Context, path string) (_ *DB, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("meta.OpenReadOnly: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errs.New(errs.NotFound, "%s is not a data folder of Millwright: it holds no %s", filepath.Dir(path), filepath.Base(path)).
				Named("no-data-folder").Fix("name the folder with --data").Because(err)
		}
		return nil, fmt.Errorf("meta.OpenReadOnly: %w", err)
	}
	db := &DB{path: path}
	held, err := acquire(path + ".lock")
	if e, ok := errs.Find(err); ok && e.Kind == errs.Conflict {
		db.served = true
	} else if err != nil {
		return nil, err
	}
	db.lock = held
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	// Not mode=ro: after a crash the log has to be read into the shared memory file.
	db.reader, err = connect(ctx, path, readers, url.Values{
		"mode":    {"rw"},
		"_pragma": {"busy_timeout(10000)", "foreign_keys(ON)", "query_only(ON)"},
	})
	if err != nil {
		return nil, err
	}
	db.writer = db.reader
	return db, db.checkSchema(ctx)
}

// Served reports whether another process has the database open for writing.
func (db *DB) Served() bool { return db.served }

// checkSchema compares the steps that made the schema with those that we know.
func (db *DB) checkSchema(ctx context.Context) error {
	known, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	applied, err := All(ctx, db.reader, func(row Row) (v int64, err error) { return v, row.Scan(&v) },
		`SELECT version_id FROM goose_db_version WHERE is_applied = 1 AND version_id > 0`)
	if err != nil {
		return errs.New(errs.Conflict, "the metadata database cannot be read as one of Millwright's").
			Named("metadata-unreadable").Fix("restore a backup").Because(err)
	}
	for _, file := range known {
		number, _, _ := strings.Cut(filepath.Base(file), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		at := slices.Index(applied, version)
		if at < 0 {
			return errs.New(errs.Conflict, "the data folder was written by an older Millwright: schema step %d is missing", version).
				Named("data-folder-too-old").Fix("start the server once with this version, which brings the folder up to date")
		}
		applied = slices.Delete(applied, at, at+1)
	}
	if len(applied) > 0 {
		return tooNew("schema", slices.Max(applied), int64(len(known)))
	}
	return nil
}

// Snapshot writes a copy of the database, as it is at one moment, into a new file
// and makes it durable. Writers go on meanwhile, in this process and in others.
func (db *DB) Snapshot(ctx context.Context, path string) (err error) {
	defer errs.Wrap(&err, "meta.Snapshot")
	// A connection of its own: the readers' refuse even to write into another file.
	own, err := connect(ctx, db.path, 1, url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return err
	}
	defer own.Close()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// VACUUM INTO takes an empty file, which so has our mode and not that of the umask.
	if _, err := own.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return err
	}
	return f.Sync()
}

// Verify asks SQLite whether the database is whole: its pages, indexes and
// references. It returns what is wrong, one line each; nothing if all is well.
func (db *DB) Verify(ctx context.Context) (wrong []string, err error) {
	defer errs.Wrap(&err, "meta.Verify")
	lines, err := All(ctx, db.reader, func(row Row) (s string, err error) { return s, row.Scan(&s) }, `PRAGMA integrity_check(20)`)
	if hasCode(err, sqlite3.SQLITE_CORRUPT) || hasCode(err, sqlite3.SQLITE_NOTADB) {
		return []string{err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if line != "ok" {
			wrong = append(wrong, line)
		}
	}
	dangling, err := All(ctx, db.reader, func(row Row) (s string, err error) {
		var table, parent string
		var id, key any
		err = row.Scan(&table, &id, &parent, &key)
		return fmt.Sprintf("row %v of %s refers to a row of %s that does not exist", id, table, parent), err
	}, `PRAGMA foreign_key_check`)
	return append(wrong, dangling...), err
}
