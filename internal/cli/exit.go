package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"millwright/internal/errs"
)

// The exit codes, as the help names them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitUpstream    = 5
	exitUnreachable = 7
	exitInterrupted = 130
)

// exitOf is the exit code of each kind of error.
func exitOf(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return exitUsage
	case errs.NotFound:
		return exitNotFound
	case errs.Anonymous, errs.Denied:
		return exitDenied
	case errs.Upstream:
		return exitUpstream
	case errs.Conflict, errs.TooLarge, errs.Busy, errs.Unavailable, errs.Canceled, errs.Internal:
		return exitFailed
	}
	return exitFailed
}

// exitCode returns how the process ends after err.
func exitCode(ctx context.Context, err error) int {
	var gone *unreachable
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &gone):
		return exitUnreachable
	}
	return exitOf(errs.KindOf(err))
}

// misuse is the type of the errors that --help helps against.
const misuse = "usage"

// usage is the error of a command line that cannot be carried out as typed.
func usage(format string, args ...any) *errs.Error {
	return errs.New(errs.Invalid, format, args...).Named(misuse)
}

// unreachable is the error of a server that does not answer.
type unreachable struct {
	base string
	err  error
}

func (u *unreachable) Error() string { return "no server answers at " + u.base }

func (u *unreachable) Unwrap() error { return u.err }

// explain writes what went wrong and what to try, each on a line of its own.
func explain(w io.Writer, err error) {
	var gone *unreachable
	e, classified := errs.Find(err)
	switch {
	case errors.As(err, &gone):
		fmt.Fprintln(w, "Error:", printable(gone.Error()))
		try(w, "start one with 'millwright serve'", "name another with --server or MILLWRIGHT_URL", "leave both out, and the data folder is opened directly")
	case classified && e.Kind != errs.Internal:
		fmt.Fprintln(w, "Error:", printable(e.Msg))
		for _, f := range e.Fields {
			if f.Msg != "" && !strings.Contains(e.Msg, f.Msg) {
				fmt.Fprintf(w, "  %s: %s\n", printable(f.Pointer), printable(f.Msg))
			}
		}
		try(w, e.Fixes...)
		if e.Type == misuse && len(e.Fixes) == 0 {
			try(w, "see 'millwright --help'")
		}
	default:
		// What is not classified comes from this process and its user's own files.
		fmt.Fprintln(w, "Error:", printable(err.Error()))
	}
}

func try(w io.Writer, fixes ...string) {
	for _, fix := range fixes {
		fmt.Fprintln(w, "  Try:", printable(fix))
	}
}
