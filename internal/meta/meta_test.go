package meta_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

func open(t testing.TB, path string) *meta.DB {
	t.Helper()
	db, err := meta.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func TestOpenUsesTheDurableSettings(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "odd ?#% name", "meta.db"))
	pragmas := func(q meta.Querier) map[string]string {
		got := map[string]string{}
		for _, name := range []string{"journal_mode", "synchronous", "foreign_keys", "query_only", "busy_timeout"} {
			var v string
			if err := q.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&v); err != nil {
				t.Fatal(err)
			}
			got[name] = v
		}
		return got
	}
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "query_only": "0", "busy_timeout": "10000"}
	if diff := cmp.Diff(pragmas(db.Write()), want); diff != "" {
		t.Errorf("writer (-got +want):\n%s", diff)
	}
	want["query_only"] = "1"
	if diff := cmp.Diff(pragmas(db.Read()), want); diff != "" {
		t.Errorf("reader (-got +want):\n%s", diff)
	}
}

// A transaction that first reads and then writes fails as busy if another one
// wrote in between, whatever the timeout; so a writer takes its lock at once.
func TestWriterLocksFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	db := open(t, path)
	if n := db.Writer().Stats().MaxOpenConnections; n != 1 {
		t.Errorf("got %d writers, want 1", n)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	err = db.Tx(t.Context(), func(*sql.Tx) error {
		if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err == nil {
			t.Error("a second writer got in")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOpenCreatesFilesThatOnlyTheOwnerReads(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "meta.db"))
	if _, err := db.Write().ExecContext(t.Context(), `CREATE TABLE x (a TEXT)`); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 4 { // the file, its log, its index, the lock
		t.Fatalf("got %d files, want at least 4", len(entries))
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", e.Name(), info.Mode().Perm())
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	if _, err := db.Read().ExecContext(t.Context(), `CREATE TABLE x (a TEXT)`); err == nil {
		t.Error("a reader created a table")
	}
}

func TestSecondOpenIsRefusedUntilTheFirstCloses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	first, err := meta.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = meta.Open(t.Context(), path)
	if errs.KindOf(err) != errs.Conflict || !strings.Contains(errs.Public(err), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("second Open: got %v, want a conflict that names process %d", err, os.Getpid())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestReopenKeepsDataAndMigratesNothingTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	first, err := meta.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write().ExecContext(t.Context(),
		`INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'kept', 1, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	var name string
	if err := open(t, path).Read().QueryRowContext(t.Context(), `SELECT name FROM organizations`).Scan(&name); err != nil || name != "kept" {
		t.Errorf("got %q, %v, want kept", name, err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	for _, c := range []struct{ name, insert string }{
		{"ours", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`},
		{"the job queue's", `INSERT INTO river_migration (line, version) VALUES ('main', 9999)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "meta.db")
			db, err := meta.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Write().ExecContext(t.Context(), c.insert); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = meta.Open(t.Context(), path)
			if e, ok := errs.Find(err); !ok || e.Type != "data-folder-too-new" || !strings.Contains(e.Msg, "9999") {
				t.Errorf("got %v, want data-folder-too-new with the version", err)
			}
		})
	}
}

func TestTxCommitsAllOrNothing(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	if _, err := db.Write().ExecContext(t.Context(), `CREATE TABLE x (a TEXT PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	insert := func(tx *sql.Tx, a string) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO x (a) VALUES (?)`, a)
		return err
	}
	stop := errors.New("stop")
	if err := db.Tx(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert(tx, "failed"), stop) }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's own error", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Tx(t.Context(), func(tx *sql.Tx) error { _ = insert(tx, "panicked"); panic("boom") })
	}()
	canceled, cancel := context.WithCancel(t.Context())
	if err := db.Tx(canceled, func(tx *sql.Tx) error { err := insert(tx, "canceled"); cancel(); return err }); err == nil {
		t.Error("a canceled transaction was committed")
	}
	if err := db.Tx(t.Context(), func(tx *sql.Tx) error { return insert(tx, "good") }); err != nil {
		t.Fatal(err)
	}
	got, err := meta.All(t.Context(), db.Read(), text, `SELECT a FROM x`)
	if diff := cmp.Diff(got, []string{"good"}); diff != "" || err != nil {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
	err = db.Tx(t.Context(), func(tx *sql.Tx) error { return insert(tx, "good") })
	if !meta.IsDuplicate(err) || meta.IsDangling(err) {
		t.Errorf("got %v, want a duplicate", err)
	}
	_, err = db.Write().ExecContext(t.Context(), `INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES ('t', 'nowhere', 'n', 1, 1)`)
	if !meta.IsDangling(err) {
		t.Errorf("got %v, want a dangling reference", err)
	}
}

func text(r meta.Row) (s string, err error) { return s, r.Scan(&s) }

func TestScanHelpers(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	none, err := meta.All(t.Context(), db.Read(), text, `SELECT name FROM teams`)
	if none == nil || len(none) != 0 || err != nil {
		t.Errorf("All without rows: got %#v, %v, want an empty slice", none, err)
	}
	if _, found, err := meta.One(t.Context(), db.Read(), text, `SELECT name FROM teams`); found || err != nil {
		t.Errorf("One without rows: got %v, %v, want not found", found, err)
	}
	for _, c := range []struct {
		values []string
		want   bool
	}{{nil, false}, {[]string{"b"}, false}, {[]string{"b", "a"}, true}} {
		list, args := meta.In(c.values)
		got, _, err := meta.One(t.Context(), db.Read(), text, `SELECT 'yes' WHERE 'a' IN `+list, args...)
		if (got == "yes") != c.want || err != nil {
			t.Errorf("In(%v): got %q, %v, want %v", c.values, got, err, c.want)
		}
	}
	at := time.Date(1969, 12, 31, 23, 59, 59, 123456000, time.UTC)
	if got := *meta.NullTime(meta.NullMicros(&at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("time: got %v, want %v", got, at)
	}
	if meta.NullTime(meta.NullMicros(nil)) != nil {
		t.Error("no time became a time")
	}
}

// Writers and readers on one file: every write must arrive, none may be refused
// as busy, and a reader must never see half a transaction.
func TestWritersAndReadersDoNotCollide(t *testing.T) {
	const writers, each = 8, 40
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	if _, err := db.Write().ExecContext(t.Context(), `CREATE TABLE x (a INTEGER)`); err != nil {
		t.Fatal(err)
	}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for range 6 {
		reading.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var n int
				if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM x`).Scan(&n); err != nil || n%2 != 0 {
					t.Errorf("read: got %d rows, %v, want an even number", n, err)
					return
				}
			}
		})
	}
	for range writers {
		writing.Go(func() {
			for i := range each {
				err := db.Tx(t.Context(), func(tx *sql.Tx) error {
					for range 2 {
						if _, err := tx.ExecContext(t.Context(), `INSERT INTO x (a) VALUES (?)`, i); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	var n int
	if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM x`).Scan(&n); err != nil || n != writers*each*2 {
		t.Errorf("got %d rows, %v, want %d", n, err, writers*each*2)
	}
}

func BenchmarkInsertDurably(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "meta.db"))
	for b.Loop() {
		if _, err := db.Write().ExecContext(b.Context(),
			`INSERT INTO organizations (id, name, created_at, updated_at) VALUES (?, 'n', 1, 1)`, fmt.Sprint(b.N, time.Now().UnixNano())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "inserts/s")
}
