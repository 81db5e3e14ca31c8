// Package errs names the kinds of error and says what may be shown of them.
//
// An error is classified once, where the fault is known, with [New]. Everybody
// above adds context with %w or [Wrap] and leaves the class alone. Edges (HTTP,
// command line, jobs) look up [KindOf] and decide what a caller sees.
package errs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Kind says what a caller can do about an error.
// A Kind is itself an error, so errors.Is(err, errs.NotFound) works.
type Kind string

// The kinds. An error without one counts as Internal.
const (
	Invalid     Kind = "invalid"     // the request is wrong; changing it helps
	NotFound    Kind = "not_found"   // no such thing, or not for this caller
	Conflict    Kind = "conflict"    // it exists already, or changed meanwhile
	Anonymous   Kind = "anonymous"   // we do not know the caller; credentials help
	Denied      Kind = "denied"      // we know the caller, who may not do this
	TooLarge    Kind = "too_large"   // a row, byte or time limit was reached
	Upstream    Kind = "upstream"    // a system we do not run failed; retrying may help
	Busy        Kind = "busy"        // too many ask at once; waiting helps, asking less often too
	Unavailable Kind = "unavailable" // we are stopping, or a part of us does not work; retrying helps
	Canceled    Kind = "canceled"    // the caller, or a person, asked to stop
	Internal    Kind = "internal"    // our fault; the caller cannot help
)

// Kinds lists every kind, so that a test can name the kind that an edge forgot.
func Kinds() []Kind {
	return []Kind{Invalid, NotFound, Conflict, Anonymous, Denied, TooLarge, Upstream, Busy, Unavailable, Canceled, Internal}
}

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// A Field is a part of the caller's request that is wrong.
type Field struct {
	Pointer string // RFC 6901 JSON pointer into the request body, such as "/auth/apiKey/name"
	Msg     string // what is wrong with it; may be empty when the error's message says it
}

// An Error is a classified error with a message that is safe to show a caller.
type Error struct {
	Kind       Kind
	Type       string        // stable, kebab-case, for programs: "path-selects-nothing"; empty means the kind's name
	Msg        string        // shown to the caller: what happened and why we think so; no secrets, no server paths
	Fields     []Field       // the parts of the request that are wrong; may be empty
	Fixes      []string      // what the caller could try, in the imperative
	RetryAfter time.Duration // when trying again may help; 0 means unknown
	Cause      error         // logged, never shown; may be nil
}

// New returns an error of the given kind. The message is shown to callers.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// Named sets the stable type and returns e.
func (e *Error) Named(typ string) *Error { e.Type = typ; return e }

// At adds a pointer to the field that is wrong and returns e.
func (e *Error) At(pointer string) *Error {
	e.Fields = append(e.Fields, Field{Pointer: pointer})
	return e
}

// Fix adds things the caller could try and returns e.
func (e *Error) Fix(fixes ...string) *Error { e.Fixes = append(e.Fixes, fixes...); return e }

// Because sets the cause, which is logged and never shown, and returns e.
func (e *Error) Because(err error) *Error { e.Cause = err; return e }

// After sets the time after which trying again may help and returns e.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// Error returns the message and the cause: the text for logs, not for callers.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Cause.Error()
}

// Is reports whether target is e's kind.
func (e *Error) Is(target error) bool { k, ok := target.(Kind); return ok && k == e.Kind }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Public returns the text for a caller: the message, then the fixes.
func (e *Error) Public() string {
	if len(e.Fixes) == 0 {
		return e.Msg
	}
	return e.Msg + " (" + strings.Join(e.Fixes, "; ") + ")"
}

// Find returns the outermost classified error in err's chain.
func Find(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf returns the outermost classification of err; Internal if it has none.
func KindOf(err error) Kind {
	if e, ok := Find(err); ok {
		return e.Kind
	}
	return Internal
}

// Public returns what a caller may see of err: the classified message with its
// fixes, or "internal error".
func Public(err error) string {
	if e, ok := Find(err); ok && e.Kind != Internal {
		return e.Public()
	}
	return "internal error"
}

// Wrap adds context to *errp if it holds an error; for use with defer. The
// classification stays.
func Wrap(errp *error, format string, args ...any) {
	if *errp != nil {
		*errp = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *errp)
	}
}
