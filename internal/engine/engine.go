// Package engine is the contract of a SQL engine over immutable Parquet files.
//
// A driver runs statements and conversions where they cannot hurt the server;
// a query can at worst end itself. Every driver passes the suite in enginetest.
package engine

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"millwright/internal/table"
)

// A Table is a name that a query may read.
type Table struct {
	Name   string       // as SQL addresses it
	Files  []string     // absolute paths of Parquet files, all with Schema
	View   string       // if set, a SELECT over other tables of the query, instead of Files; our own text, never a caller's
	Schema table.Schema // columns; may be empty for a view
	Hidden bool         // views may read it, but the query's own text cannot name it
	Order  string       // if set, the files have one more column of that name, a BIGINT that grows from row to row, and from file to file by 2^40
}

// A Query is one statement to run.
type Query struct {
	Scope    string         // whose query: a worker never serves two scopes
	Dir      string         // the folder that holds every file of Tables; all that the query can read
	Tables   []Table        // in an order in which views come after what they read
	SQL      string         // exactly one SELECT statement; parameters are $name
	Args     map[string]any // by parameter name: nil, bool, int64, float64, string, or []any of these
	MaxRows  int64          // stop after that many rows and say so; 0 means no limit
	MaxBytes int64          // stop after about that many bytes of result and say so; 0 means no limit
	Timeout  time.Duration  // kill the query after that; 0 means the driver's default

	// Background says that a job asks, and nobody waits: how long it takes is no sign
	// of what people ask next.
	Background bool
}

// Rows is a running query's result, read once, in batches.
type Rows interface {
	// Schema returns the result's columns.
	Schema() table.Schema
	// ArrowSchema returns the same as Arrow knows it.
	ArrowSchema() *arrow.Schema
	// Next moves to the next batch and reports whether there is one.
	Next() bool
	// Batch returns the current batch, valid until the next call of Next or Close.
	Batch() arrow.RecordBatch
	// Err returns why the result ended early, if it did.
	Err() error
	// Truncated reports, once Next has returned false, whether MaxRows or MaxBytes cut the result.
	Truncated() bool
	// Close ends the query. It may be called at any time and more than once.
	Close() error
}

// A Description is what a statement would return and take.
type Description struct {
	Columns []table.Column
	Params  []string // parameter names, in order of first use
}

// A Conversion turns newline-delimited JSON into one Parquet file.
type Conversion struct {
	Input   string        // absolute path; ".zst" means zstd-compressed
	Output  string        // absolute path, in a folder that the caller staged; must not exist
	Schema  table.Schema  // columns by name; every value of Input must fit its type exactly
	Timeout time.Duration // 0 means the driver's default

	// Dir, if set, is the folder that holds Input and Output, and those of other
	// conversions: the driver may let one worker do several, which are then less apart
	// than others are.
	Dir     string
	Longest int64 // bytes of the longest line, if known; 0 is not known
}

// A Rewriting makes one Parquet file of the rows of others.
type Rewriting struct {
	Dir     string        // the folder that holds every file of Tables; all that the statement can read
	Tables  []Table       // in an order in which views come after what they read; hidden ones may be named
	SQL     string        // our own SELECT, never a caller's; its columns have the names of Schema
	Output  string        // absolute path, in a folder that the caller staged; must not exist
	Schema  table.Schema  // of the file; values of other types are cast to it
	Timeout time.Duration // 0 means the driver's default
}

// Converted is the Parquet file that a conversion or a rewriting made.
type Converted struct {
	Rows  int64
	Bytes int64
	Stats Stats
}

// Stats says by field id what a file's columns hold: those that are no list or
// map and inside none, as far as the file's footer knows it exactly.
type Stats map[int]ColumnStats

// ColumnStats are the numbers of one column. Min and Max are spelled as in JSON
// answers, times as ISO 8601; nil if there is no value or if they are not known.
type ColumnStats struct {
	Min   *string `json:"min,omitempty"`
	Max   *string `json:"max,omitempty"`
	Nulls *int64  `json:"nulls,omitempty"` // of a field in a STRUCT, also those where there is no STRUCT; nil if unknown
}

// An Engine runs SQL. Its methods may be called concurrently.
//
// Errors: a statement that does not parse, bind or check is errs.Invalid with
// type "sql-invalid", its line and column in the message; a deadline or memory
// limit is errs.TooLarge ("query-timeout", "query-memory"); a value that cannot
// be computed (a failed cast, a division) is errs.Invalid ("query-failed").
// Arguments that do not fit the parameters are errs.Invalid ("sql-parameter"), a
// statement that brought its worker down is errs.Invalid ("query-crashed"), an
// export beyond MaxRows errs.TooLarge ("result-too-large"), a record that does
// not fit its schema errs.Invalid ("conversion-failed"). Too many queries at once
// are errs.Busy ("engine-busy") with a time to try again, the end of the
// caller's context is errs.Canceled ("query-cancelled").
type Engine interface {
	// Run starts the query. The caller must Close the rows.
	Run(ctx context.Context, q Query) (Rows, error)
	// Describe checks the statement without running it.
	Describe(ctx context.Context, q Query) (Description, error)
	// Explain returns the plan as text without running the statement.
	Explain(ctx context.Context, q Query) (string, error)
	// Export runs the query into one zstd Parquet file at output, an absolute
	// path in a folder that the caller staged, and returns its row count.
	Export(ctx context.Context, q Query, output string) (rows int64, err error)
	// Convert writes one zstd Parquet file with the schema's field ids.
	Convert(ctx context.Context, c Conversion) (Converted, error)
	// Rewrite writes one zstd Parquet file with the schema's field ids, its rows in
	// the statement's order. What it reads is bounded like a query; its errors are
	// those of Convert.
	Rewrite(ctx context.Context, r Rewriting) (Converted, error)
	// Close ends all workers and waits for them.
	Close() error
}
