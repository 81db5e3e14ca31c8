// Package duckdbtest runs DuckDB in the calling process, without any protection:
// for measurements, to have something to compare the confined workers with.
package duckdbtest

import (
	"errors"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// A DB is one DuckDB in memory, with its default settings. It is not safe for
// concurrent use.
type DB struct {
	db   mapping.Database
	conn mapping.Connection
}

// Open opens a DuckDB. The caller must Close it.
func Open() (*DB, error) {
	d := &DB{}
	if mapping.Open("", &d.db) == mapping.StateError {
		return nil, errors.New("DuckDB does not open")
	}
	if mapping.Connect(d.db, &d.conn) == mapping.StateError {
		mapping.Close(&d.db)
		return nil, errors.New("DuckDB does not connect")
	}
	return d, nil
}

// Close ends the DuckDB.
func (d *DB) Close() {
	mapping.Disconnect(&d.conn)
	mapping.Close(&d.db)
}

// Rows runs a query, makes all of its result, and returns how many rows that has.
func (d *DB) Rows(query string) (n int, err error) {
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.Query(d.conn, query, &res) == mapping.StateError {
		return 0, errors.New(mapping.ResultError(&res))
	}
	for {
		chunk := mapping.FetchChunk(res)
		if chunk.Ptr == nil {
			return n, nil
		}
		n += int(mapping.DataChunkGetSize(chunk))
		mapping.DestroyDataChunk(&chunk)
	}
}
