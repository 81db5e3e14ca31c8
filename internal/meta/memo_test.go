package meta_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"millwright/internal/meta"
)

func TestAMemoForgetsWithEveryWrite(t *testing.T) {
	db, err := meta.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(q meta.Querier, text string) {
		t.Helper()
		if _, err := q.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec(db.Write(), `CREATE TABLE t (n INTEGER)`)
	exec(db.Write(), `INSERT INTO t VALUES (1)`)
	var memo meta.Memo[string, int]
	reads := 0
	read := func() (n int, err error) {
		reads++
		return n, db.Read().QueryRowContext(t.Context(), `SELECT n FROM t`).Scan(&n)
	}
	expect := func(rule string, value, wantReads int) {
		t.Helper()
		got, err := memo.Get(db, "k", read)
		if err != nil || got != value || reads != wantReads {
			t.Errorf("%s: got %d after %d reads (%v), want %d after %d", rule, got, reads, err, value, wantReads)
		}
	}
	expect("nothing is known at first", 1, 1)
	expect("what was read is remembered", 1, 1)
	exec(db.Write(), `UPDATE t SET n = 2`)
	expect("after a single statement", 2, 2)
	if err := db.Tx(t.Context(), func(tx *sql.Tx) error {
		exec(tx, `UPDATE t SET n = 3`)
		expect("while a transaction is open, readers see what was before", 2, 2)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expect("after a transaction", 3, 3)
	var n int
	if err := db.Write().QueryRowContext(t.Context(), `UPDATE t SET n = 4 RETURNING n`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	expect("after a statement that returns rows", 4, 4)

	failed := errors.New("no")
	if _, err := memo.Get(db, "other", func() (int, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if v, err := memo.Get(db, "other", func() (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Errorf("an error was remembered: %d, %v", v, err)
	}
	// A write that comes between the read and the remembering.
	_, _ = memo.Get(db, "late", func() (int, error) {
		exec(db.Write(), `UPDATE t SET n = 5`)
		return 4, nil
	})
	if v, _ := memo.Get(db, "late", func() (int, error) { return 5, nil }); v != 5 {
		t.Errorf("got %d: what was read before a write is taken for what is there after it", v)
	}
}

func TestAMemoNeverShowsWhatWasBeforeAFinishedWrite(t *testing.T) {
	db, err := meta.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Write().ExecContext(t.Context(), `CREATE TABLE t AS SELECT 0 AS n`); err != nil {
		t.Fatal(err)
	}
	var memo meta.Memo[int, int]
	get := func() int {
		n, err := memo.Get(db, 0, func() (n int, err error) {
			return n, db.Read().QueryRowContext(t.Context(), `SELECT n FROM t`).Scan(&n)
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	var finished atomic.Int64 // the last write that has returned
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				known := int(finished.Load())
				if n := get(); n < known {
					t.Errorf("got %d, and %d had been written", n, known)
				}
			}
		})
	}
	for i := 1; i <= 300; i++ {
		if _, err := db.Write().ExecContext(t.Context(), `UPDATE t SET n = ?`, i); err != nil {
			t.Error(err)
		}
		finished.Store(int64(i))
		if n := get(); n != i {
			t.Errorf("got %d right after %d was written", n, i)
		}
	}
	close(done)
	readers.Wait()
}
