package meta

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Micros returns t as it is stored: microseconds since 1970 UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time returns the stored time in UTC.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// NullMicros returns *t as it is stored, or NULL if t is nil.
func NullMicros(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: Micros(*t), Valid: true}
}

// NullTime returns the stored time in UTC, or nil for NULL.
func NullTime(micros sql.NullInt64) *time.Time {
	if !micros.Valid {
		return nil
	}
	t := Time(micros.Int64)
	return &t
}

// NullText returns text, or NULL if it is empty: for references that may be absent.
func NullText(text string) sql.NullString {
	return sql.NullString{String: text, Valid: text != ""}
}

// A Row is what one row can be scanned from: *sql.Row and *sql.Rows.
type Row interface{ Scan(dest ...any) error }

// All returns what scan makes of each row of the query, in order; an empty
// slice, never nil, if there is none.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// One returns what scan makes of the query's first row, and whether there is one.
func One[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) (T, bool, error) {
	one, err := scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return one, err == nil, err
}

// In returns "(?, ?, ...)" and the arguments for it, for `column IN `+list. No
// values give a list that nothing is in.
func In[T any](values []T) (list string, args []any) {
	if len(values) == 0 {
		return "(NULL)", nil
	}
	args = make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(?" + strings.Repeat(", ?", len(values)-1) + ")", args
}

// IsDuplicate reports whether err says that a unique value exists already.
func IsDuplicate(err error) bool {
	return hasCode(err, sqlite3.SQLITE_CONSTRAINT_UNIQUE) || hasCode(err, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsDangling reports whether err says that a reference points to nothing, or
// that something still points to the deleted row.
func IsDangling(err error) bool { return hasCode(err, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY) }

// IsFull reports whether err says that the disk is full.
func IsFull(err error) bool { return hasCode(err, sqlite3.SQLITE_FULL) }

func hasCode(err error, code int) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == code
}
