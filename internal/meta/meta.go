// Package meta is the metadata database: it opens one SQLite file, brings its
// schema up to date, and runs transactions on it.
//
// There is exactly one writer connection, so writers queue instead of failing
// with SQLITE_BUSY; readers have connections of their own, never wait for the
// writer, and cannot write. A committed transaction survives a loss of power
// (WAL, synchronous=FULL).
//
// Portability: ids are TEXT, times are BIGINT microseconds (see [Micros]),
// booleans are INTEGER 0 or 1, JSON is TEXT, sealed bytes are BLOB, and no SQL
// uses a function that only SQLite has.
package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"millwright/internal/errs"
)

// readers is how many reads run at once; more than the cores only adds memory.
const readers = 4

// A DB is the open metadata database. It is safe for concurrent use.
type DB struct {
	path   string // absolute
	writer *sql.DB
	reader *sql.DB
	lock   *lock // nil if another process holds it
	served bool

	generation atomic.Uint64 // see Generation
}

// A Querier runs SQL: the database, or a transaction of it.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open opens the database file at path, creating it and its folder if they are
// missing, and brings its schema up to date. It fails with errs.Conflict if
// another process (or another DB of this one) has it open, or if a newer
// Millwright has written it. The caller must Close the DB.
func Open(ctx context.Context, path string) (_ *DB, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("meta.Open: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("meta.Open: create the folder: %w", err)
	}
	held, err := acquire(path + ".lock")
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, lock: held}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	// SQLite would create the file readable by everybody; -wal and -shm copy its mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("meta.Open: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("meta.Open: %w", err)
	}
	if db.writer, err = connect(ctx, path, 1, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"},
	}); err != nil {
		return nil, err
	}
	if err := migrate(ctx, db.writer); err != nil {
		return nil, err
	}
	if db.reader, err = connect(ctx, path, readers, url.Values{
		"_pragma": {"busy_timeout(10000)", "foreign_keys(ON)", "query_only(ON)"},
	}); err != nil {
		return nil, err
	}
	return db, nil
}

func connect(ctx context.Context, path string, conns int, options url.Values) (*sql.DB, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("meta.Open: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(
			errs.New(errs.Internal, "cannot open the metadata database").Because(err), pool.Close())
	}
	return pool, nil
}

// Tx runs fn in one write transaction, which is committed if fn returns nil and
// rolled back if it returns an error or panics. Transactions run one at a time:
// inside fn use only tx, because Tx and Write would wait for fn itself.
func (db *DB) Tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	defer db.generation.Add(1)
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // no effect after Commit; undoes fn when it fails or panics
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Read returns the readers' pool. It sees every committed transaction and
// refuses to write. Rows must be closed before waiting for anything else.
func (db *DB) Read() Querier { return db.reader }

// Write returns the writer for single statements. Inside Tx use its tx.
func (db *DB) Write() Querier { return noted{db} }

// Writer returns the writer's pool of one connection. It is for the job queue,
// which needs a *sql.DB; everybody else uses Tx and Write.
func (db *DB) Writer() *sql.DB { return db.writer }

// Ping reports whether the database answers a read.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.reader.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return errs.New(errs.Unavailable, "the metadata database does not answer").Because(err)
	}
	return nil
}

// Close waits for running statements, folds the log back into the file, and
// gives the file free for another process.
func (db *DB) Close() error {
	var all []error
	// The writer goes last: the last connection to close checkpoints the log, and
	// a reader may not write.
	if db.reader != nil {
		all = append(all, db.reader.Close())
	}
	if db.writer != nil {
		all = append(all, db.writer.Close())
	}
	if db.lock != nil {
		all = append(all, db.lock.release())
	}
	return errors.Join(all...)
}
