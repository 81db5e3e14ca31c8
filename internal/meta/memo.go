package meta

import (
	"context"
	"database/sql"
	"sync"
)

// Generation returns a number that every write through Tx and Write raises, before
// it returns. What was read at a generation is true as long as that lasts: nobody
// else may write to the file. The job queue's own tables do not count.
func (db *DB) Generation() uint64 { return db.generation.Load() }

// noted raises the generation with every statement. A statement that turns out to
// have changed nothing only costs its readers another read.
type noted struct{ db *DB }

// ExecContext executes the statement.
func (n noted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	defer n.db.generation.Add(1)
	return n.db.writer.ExecContext(ctx, query, args...)
}

// QueryContext executes the statement, which is over when its rows are closed.
func (n noted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	defer n.db.generation.Add(1)
	return n.db.writer.QueryContext(ctx, query, args...)
}

// QueryRowContext executes the statement.
func (n noted) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	defer n.db.generation.Add(1)
	return n.db.writer.QueryRowContext(ctx, query, args...)
}

// A Memo remembers what was read from a database until somebody writes to it. Its
// zero value remembers nothing yet. It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	mu         sync.Mutex // guards the fields below
	generation uint64
	values     map[K]V
}

// maxMemo bounds a memo, which starts anew when it is full.
const maxMemo = 4096

// Get returns what read returned for the key, or reads it. Errors are not
// remembered. Callers share the value and must not change what it refers to.
func (m *Memo[K, V]) Get(db *DB, key K, read func() (V, error)) (V, error) {
	// Before the read: what is written meanwhile must not pass for known.
	now := db.Generation()
	if v, ok := m.find(now, key); ok {
		return v, nil
	}
	v, err := read()
	if err == nil {
		m.keep(now, key, v)
	}
	return v, err
}

func (m *Memo[K, V]) find(now uint64, key K) (v V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.generation == now {
		v, ok = m.values[key]
	}
	return v, ok
}

func (m *Memo[K, V]) keep(now uint64, key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now < m.generation {
		return // others know better already
	}
	if now > m.generation || m.values == nil || len(m.values) >= maxMemo {
		m.generation, m.values = now, map[K]V{}
	}
	m.values[key] = v
}
