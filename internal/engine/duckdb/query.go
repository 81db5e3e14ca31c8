package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// Run starts the query. The caller must Close the rows.
func (e *Engine) Run(ctx context.Context, q engine.Query) (_ engine.Rows, err error) {
	defer errs.Wrap(&err, "duckdb.Run")
	st, err := newStatement(q, needArgs)
	if err != nil {
		return nil, err
	}
	s, err := e.ask(ctx, q, opRun, st)
	if err != nil {
		return nil, err
	}
	return newResult(s)
}

// Describe checks the statement without running it. Arguments may be missing.
func (e *Engine) Describe(ctx context.Context, q engine.Query) (_ engine.Description, err error) {
	defer errs.Wrap(&err, "duckdb.Describe")
	st, err := newStatement(q, mayLackArgs)
	if err != nil {
		return engine.Description{}, err
	}
	s, err := e.ask(ctx, q, opDescribe, st)
	if err != nil {
		return engine.Description{}, err
	}
	end, err := s.ending()
	if err != nil {
		return engine.Description{}, err
	}
	params, _ := Parameters(q.SQL) // it parsed a moment ago
	return engine.Description{Columns: end.Columns, Params: params}, nil
}

// Explain returns the plan as text without running the statement.
func (e *Engine) Explain(ctx context.Context, q engine.Query) (_ string, err error) {
	defer errs.Wrap(&err, "duckdb.Explain")
	st, err := newStatement(q, needArgs)
	if err != nil {
		return "", err
	}
	s, err := e.ask(ctx, q, opExplain, st)
	if err != nil {
		return "", err
	}
	end, err := s.ending()
	return end.Text, err
}

// Export runs the query into one Parquet file at output. A result of more than
// q.MaxRows rows is refused with "result-too-large" rather than cut.
func (e *Engine) Export(ctx context.Context, q engine.Query, output string) (_ int64, err error) {
	defer errs.Wrap(&err, "duckdb.Export")
	if _, err := os.Lstat(output); !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("the output exists already: %w", cmpErr(err, fs.ErrExist))
	}
	st, err := newStatement(q, needArgs)
	if err != nil {
		return 0, err
	}
	p, giveUp, err := e.lease(ctx, q)
	if err != nil {
		return 0, err
	}
	made := filepath.Join(p.spill, "export.parquet")
	st.Output = made
	// The file lies in the worker's folder, which goes with the worker: it must
	// not be given back before the file was taken.
	reuse := false
	defer func() { giveUp(reuse) }()
	s, err := e.converse(ctx, p, func(r bool) { reuse = r }, "query", e.timeout(q), request{Op: opExport, Query: st})
	if err != nil {
		return 0, err
	}
	end, err := s.ending()
	if err != nil {
		return 0, err
	}
	return end.Rows, move(made, output)
}

func cmpErr(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

func (e *Engine) ask(ctx context.Context, q engine.Query, op operation, st *statement) (*session, error) {
	p, giveUp, err := e.lease(ctx, q)
	if err != nil {
		return nil, err
	}
	return e.converse(ctx, p, giveUp, "query", e.timeout(q), request{Op: op, Query: st})
}

func (e *Engine) timeout(q engine.Query) time.Duration {
	if q.Timeout > 0 {
		return q.Timeout
	}
	return e.cfg.Timeout
}

type argRule bool

const (
	needArgs    argRule = true
	mayLackArgs argRule = false
)

// newStatement checks what can be checked without DuckDB.
func newStatement(q engine.Query, rule argRule) (*statement, error) {
	if q.Scope == "" || !filepath.IsAbs(q.Dir) {
		return nil, fmt.Errorf("a query needs a scope and an absolute folder, got %q and %q", q.Scope, q.Dir)
	}
	if err := checkFiles(q); err != nil {
		return nil, err
	}
	sql, params, err := checkStatement(q.SQL)
	if err != nil {
		return nil, err
	}
	args, err := matchArgs(params, q.Args, rule)
	if err != nil {
		return nil, err
	}
	return &statement{Tables: q.Tables, SQL: sql, Args: args, MaxRows: q.MaxRows, MaxBytes: q.MaxBytes}, nil
}

func checkFiles(q engine.Query) error {
	for _, t := range q.Tables {
		if (len(t.Files) == 0) == (t.View == "") {
			return fmt.Errorf("table %q needs either files or a view", t.Name)
		}
		for _, f := range t.Files {
			rel, err := filepath.Rel(q.Dir, f)
			if err != nil || !filepath.IsLocal(rel) {
				return fmt.Errorf("file %q of table %q is not inside %q", f, t.Name, q.Dir)
			}
			// DuckDB has no way to say that these stand for themselves.
			if strings.ContainsAny(f, "*?[") {
				return fmt.Errorf("file %q of table %q has a wildcard in its name", f, t.Name)
			}
		}
	}
	return nil
}

// matchArgs pairs parameters and arguments by name, regardless of case.
func matchArgs(params []string, args map[string]any, rule argRule) ([]argument, error) {
	byName := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		byName[strings.ToLower(name)] = name
	}
	var matched []argument
	for _, param := range params {
		name, ok := byName[strings.ToLower(param)]
		if !ok {
			if rule == mayLackArgs {
				continue
			}
			return nil, errs.New(errs.Invalid, "the statement takes a parameter $%s, which has no value", param).
				Named("sql-parameter").Fix("give a value for " + param)
		}
		v, err := encodeValue(param, args[name])
		if err != nil {
			return nil, err
		}
		matched = append(matched, argument{Name: param, Value: v})
		delete(byName, strings.ToLower(param))
	}
	if rule == needArgs {
		for _, name := range slices.Sorted(maps.Values(byName)) {
			return nil, errs.New(errs.Invalid, "there is a value for %s, but the statement has no parameter $%s", name, name).
				Named("sql-parameter").Fix("use $"+name+" in the statement", "leave the value out")
		}
	}
	return matched, nil
}

// move renames, or copies when the two places are on different file systems.
func move(from, to string) (err error) {
	if err = os.Rename(from, to); !errors.Is(err, syscall.EXDEV) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	_, err = io.Copy(out, in)
	return err
}
