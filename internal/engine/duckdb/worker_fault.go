package duckdb

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"millwright/internal/errs"
)

// A duckError is an error as DuckDB tells it with errors_as_json.
type duckError struct {
	Kind     string // Parser, Binder, Conversion, ...
	Msg      string
	Position int // byte offset in the text that failed; -1 if unknown
	sql      string
	shift    int // where the caller's statement begins in the text that failed
}

// Error returns DuckDB's own words.
func (e *duckError) Error() string { return e.Kind + " Error: " + e.Msg }

func newDuckError(text string) *duckError {
	var raw struct {
		Type     string `json:"exception_type"`
		Msg      string `json:"exception_message"`
		Position string `json:"position"`
	}
	e := &duckError{Position: -1}
	if json.Unmarshal([]byte(text), &raw) != nil {
		kind, msg, found := strings.Cut(text, " Error: ")
		if !found {
			kind, msg = "", text
		}
		e.Kind, e.Msg = kind, msg
		return e
	}
	e.Kind, e.Msg = raw.Type, raw.Msg
	if n, err := strconv.Atoi(raw.Position); err == nil {
		e.Position = n
	}
	return e
}

// in ties an error's position to the caller's statement, which begins shift
// bytes into the text that failed.
func in(sql string, shift int, err error) error {
	var e *duckError
	if errors.As(err, &e) {
		e.sql, e.shift = sql, shift
	}
	return err
}

func (e *duckError) place() string {
	pos := e.Position - e.shift
	if e.Position < 0 || pos < 0 || pos > len(e.sql) || e.sql == "" {
		return ""
	}
	return at(e.sql, pos) + ": "
}

// fault says what a caller may know of err, and whether the worker is in doubt.
func (w *worker) fault(r request, err error) (*fault, bool) {
	what := "query"
	if r.Op == opConvert || r.Op == opRewrite {
		what = "conversion"
	}
	var known *errs.Error
	if errors.As(err, &known) {
		return &fault{Kind: known.Kind, Type: known.Type, Msg: w.redact(known.Msg), Fixes: known.Fixes, Cause: causeOf(known)}, false
	}
	var duck *duckError
	if errors.As(err, &duck) {
		return w.duckFault(what, duck)
	}
	return &fault{Kind: errs.Internal, Msg: "internal error", Cause: err.Error()}, true
}

func causeOf(e *errs.Error) string {
	if e.Cause == nil {
		return ""
	}
	return e.Cause.Error()
}

func (w *worker) duckFault(what string, e *duckError) (*fault, bool) {
	f := &fault{Kind: errs.Invalid, Msg: e.place() + w.redact(e.Msg), Cause: e.Error()}
	switch e.Kind {
	case "Parser", "Syntax", "Binder", "Catalog", "Parameter Not Resolved", "Parameter Not Allowed", "Not implemented", "Expression", "Permission", "Missing Extension":
		f.Type = "sql-invalid"
	case "Out of Memory":
		m := errMemory(what, cmp.Or(w.binding.Hold, w.binding.Memory))
		f.Kind, f.Type, f.Msg, f.Fixes = m.Kind, m.Type, m.Msg, m.Fixes
		return f, true // what was half-allocated may be lost
	case "Interrupt":
		f.Kind, f.Type, f.Msg = errs.Canceled, "query-cancelled", "the "+what+" was interrupted"
	case "IO", "Serialization":
		// The statement named no file: our own are missing, damaged, or the disk is full.
		return &fault{Kind: errs.Internal, Msg: "internal error", Cause: e.Error()}, true
	case "INTERNAL", "FATAL":
		f.Type = "query-crashed"
		f.Msg = "the " + what + " made the SQL engine fail; nothing else was affected"
		f.Fixes = []string{"write the statement another way"}
		return f, true
	default:
		f.Type = "query-failed"
		if what == "conversion" {
			f.Type = "conversion-failed"
		}
	}
	return f, false
}

// redact replaces the server's paths, which a message may quote.
func (w *worker) redact(msg string) string {
	for _, path := range w.secrets {
		msg = strings.ReplaceAll(msg, path, "…")
	}
	return msg
}
