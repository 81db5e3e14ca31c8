// Package evaluate runs query programs: it binds slot values, gives the engine
// the tables that the SQL names and nothing else, and turns the answer into rows,
// or into a file, within limits.
//
// Values in JSON, in every form: an integer from -(2^53-1) to 2^53-1 is a number,
// any other integer a string of digits; a DECIMAL with a fraction is a string;
// DOUBLE is the shortest number that reads back the same, and a string "NaN",
// "Infinity" or "-Infinity" where JSON has no number; dates and times are ISO
// 8601 strings, with Z where they are instants; bytes are base64; nested values
// and JSON are JSON. Null is null.
package evaluate

import (
	"context"
	"log/slog"
	"time"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// Datasets finds the tables of a project.
type Datasets interface {
	// TableNames returns the name of every table of the project that a query may
	// read, child tables included.
	TableNames(ctx context.Context, projectID string) ([]string, error)
	// Tables returns what the engine needs for the named ones, which are some of
	// TableNames, or none: the engine wants the project's folder even then. AsOf
	// names the version to read of some datasets, by table name; of the others it is
	// the current one.
	Tables(ctx context.Context, projectID string, names []string, asOf map[string]int64) (Tables, error)
}

// Tables are what a query reads.
type Tables struct {
	Tables   []engine.Table    // views after what they read; may hold more than was asked for
	Dir      string            // the folder that holds all their files
	Versions map[string]int64  // table name -> version of its dataset
	Roles    map[string]string // column name -> its role in the profile; may be nil

	// Fingerprint names all of the above. If it is empty, it is made for every run.
	Fingerprint string
}

// A Stager makes folders for work in progress. A blob.Store is one.
type Stager interface {
	Stage(ctx context.Context) (dir string, remove func(), err error)
}

// A History remembers runs. A *store.Store is one.
type History interface {
	AddRun(ctx context.Context, r store.Run) error
}

// Limits bound a run. Zero values mean the defaults.
type Limits struct {
	Rows            int64         // rows of an answer if the request asks for no number; default 10,000
	MaxRows         int64         // rows of an answer that a request may ask for; default 100,000
	Bytes           int64         // of an answer, as Arrow and as JSON; default 32 MiB
	Timeout         time.Duration // of an answer; default 30s
	DownloadBytes   int64         // of a file; default 4 GiB
	DownloadTimeout time.Duration // of a file; default 10m
}

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Rows, 10_000)
	def(&l.MaxRows, 100_000)
	def(&l.Bytes, 32<<20)
	def(&l.DownloadBytes, 4<<30)
	if l.Timeout <= 0 {
		l.Timeout = 30 * time.Second
	}
	if l.DownloadTimeout <= 0 {
		l.DownloadTimeout = 10 * time.Minute
	}
	return l
}

// An Evaluator runs programs. It is safe for concurrent use.
type Evaluator struct {
	Engine   engine.Engine
	Datasets Datasets
	Stager   Stager       // for Parquet files
	History  History      // nil remembers nothing
	Limits   Limits       // zero means the defaults
	Log      *slog.Logger // for what cannot be remembered; nil logs nothing
	Cache    *Cache       // for Answer and Open; nil keeps nothing

	// Repeatable reports whether a statement says the same every time it runs on
	// the same data. Without it nothing is kept.
	Repeatable func(sql string) bool
}

// A Request is a program to run and the values to run it with.
type Request struct {
	ProjectID string
	Program   program.Program
	Values    map[string]any   // as program.Bind takes them
	AsOf      map[string]int64 // by table name: the version of a dataset to read, instead of its current one
	MaxRows   int64            // 0 means the default; more than allowed means the most that is
	Timeout   time.Duration    // 0, or more than allowed, means the limit
	CountRows bool             // if rows are left out, run the query a second time to count them
	ProgramID string           // if set, the run is added to the history of that program
	Version   int64            // of the program, for the history

	Background bool // a job tries the program; nobody waits for the answer
}

// A plan is a request that was found to make sense.
type plan struct {
	query  engine.Query
	bound  program.Bound
	tables Tables
}

// plan binds the request and finds its tables.
func (e *Evaluator) plan(ctx context.Context, req Request) (plan, error) {
	p := req.Program
	if err := program.ErrNotSQL(p.SQL); err != nil {
		return plan{}, err
	}
	if p.Dialect != "" && p.Dialect != "duckdb" {
		return plan{}, errs.New(errs.Invalid, "the program is written in the SQL dialect %q, and this server runs duckdb", p.Dialect).
			Named("dialect-unknown").At("/dialect").Fix("rewrite it for DuckDB and set the dialect to duckdb")
	}
	bound, err := program.Bind(p, req.Values)
	if err != nil {
		return plan{}, err
	}
	all, err := e.Datasets.TableNames(ctx, req.ProjectID)
	if err != nil {
		return plan{}, err
	}
	if err := program.CheckTables(p.SQL, all); err != nil {
		return plan{}, err
	}
	names, err := program.Mentions(bound.SQL, all)
	if err != nil {
		return plan{}, err
	}
	tables, err := e.Datasets.Tables(ctx, req.ProjectID, names, req.AsOf)
	if err != nil {
		return plan{}, err
	}
	return plan{
		query: engine.Query{
			Scope: req.ProjectID, Dir: tables.Dir, Tables: tables.Tables, SQL: bound.SQL, Args: bound.Args,
			Timeout: within(req.Timeout, e.Limits.withDefaults().Timeout), Background: req.Background,
		},
		bound: bound, tables: tables,
	}, nil
}

func within(asked, limit time.Duration) time.Duration {
	if asked <= 0 || asked > limit {
		return limit
	}
	return asked
}

// Run runs the program with the values and returns its rows, up to a number of
// rows and bytes; Result.Truncated says if that left something out.
//
// What is wrong with the program or the values is errs.Invalid; a query that takes
// too long or too much memory is errs.TooLarge.
func (e *Evaluator) Run(ctx context.Context, req Request) (_ *Result, err error) {
	started := time.Now()
	run := store.Run{ProgramID: req.ProgramID, Version: req.Version}
	defer func() { e.remember(ctx, run, started, err) }()
	pl, err := e.plan(ctx, req)
	if err != nil {
		return nil, err
	}
	run.DatasetVersions = pl.tables.Versions
	r, err := e.execute(ctx, e.limited(pl, req), req, started)
	if err != nil {
		return nil, err
	}
	run.Rows, run.Truncated = r.RowCount, r.Truncated
	return r, nil
}

// limited returns the plan with the limits of an answer.
func (e *Evaluator) limited(pl plan, req Request) plan {
	limits := e.Limits.withDefaults()
	pl.query.MaxBytes = limits.Bytes
	pl.query.MaxRows = min(limits.MaxRows, limits.Rows)
	if req.MaxRows > 0 {
		pl.query.MaxRows = min(limits.MaxRows, req.MaxRows)
	}
	return pl
}

func (e *Evaluator) execute(ctx context.Context, pl plan, req Request, started time.Time) (*Result, error) {
	r, err := e.collect(ctx, pl, pl.query.MaxBytes)
	if err != nil {
		return nil, pl.explainPlace(err)
	}
	r.Program, r.At = req.Program, started.UTC()
	if !r.Truncated {
		r.TotalRows = &r.RowCount
	} else if req.CountRows {
		if r.TotalRows, err = e.count(ctx, pl, started); err != nil {
			return nil, pl.explainPlace(err)
		}
	}
	r.Elapsed = time.Since(started)
	return r, nil
}

// collect reads the answer into memory.
func (e *Evaluator) collect(ctx context.Context, pl plan, maxBytes int64) (_ *Result, err error) {
	rows, err := e.Engine.Run(ctx, pl.query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	schema := rows.Schema()
	r := &Result{
		Columns: columnsOf(schema, pl.tables.Roles), Values: pl.bound.Values, SQL: pl.bound.SQL,
		DatasetVersions: pl.tables.Versions, data: cells{columns: len(schema.Columns)},
	}
	for !r.Truncated && rows.Next() {
		encode := newEncoders(rows.Batch(), schema)
		for i := range int(rows.Batch().NumRows()) {
			if !r.data.add(encode, i, maxBytes) {
				r.Truncated = true
				break
			}
			r.RowCount++
		}
	}
	if r.Truncated {
		return r, nil // by us; what the engine still has is not asked for
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	r.Truncated = rows.Truncated()
	return r, nil
}

// count returns how many rows the query has; nil if that takes too long to find
// out.
func (e *Evaluator) count(ctx context.Context, pl plan, started time.Time) (*int64, error) {
	q := pl.query
	q.SQL = "SELECT count(*) AS n FROM (\n" + q.SQL + "\n) AS q"
	q.MaxRows, q.MaxBytes = 1, 0
	if q.Timeout -= time.Since(started); q.Timeout <= 0 {
		return nil, nil
	}
	rows, err := e.Engine.Run(ctx, q)
	if errs.KindOf(err) == errs.TooLarge {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var n *int64
	for rows.Next() {
		n = firstInteger(rows.Batch())
	}
	if err := rows.Err(); err != nil && errs.KindOf(err) != errs.TooLarge {
		return nil, err
	}
	return n, nil
}

// remember adds the run to the history.
func (e *Evaluator) remember(ctx context.Context, run store.Run, started time.Time, failure error) {
	if e.History == nil || run.ProgramID == "" {
		return
	}
	run.At, run.Duration, run.Success = started.UTC(), time.Since(started), failure == nil
	if failure != nil {
		run.Error, run.ErrorType = errs.Public(failure), string(errs.KindOf(failure))
		if e, ok := errs.Find(failure); ok && e.Type != "" && e.Kind != errs.Internal {
			run.ErrorType = e.Type
		}
	}
	// A caller who has gone is part of the history too.
	err := e.History.AddRun(context.WithoutCancel(ctx), run)
	if err != nil && e.Log != nil {
		e.Log.ErrorContext(ctx, "a run is missing in the history", "program", run.ProgramID, "err", err)
	}
}
