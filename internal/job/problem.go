package job

import (
	"errors"
	"time"

	"millwright/internal/errs"
)

// A Problem is what a person may see of an error, as problem documents spell it.
type Problem struct {
	Type   string    `json:"type"`  // stable, for programs: "path-selects-nothing"
	Kind   errs.Kind `json:"kind"`  // says what a caller can do about it
	Title  string    `json:"title"` // the kind, in words
	Detail string    `json:"detail"`
	Fixes  []string  `json:"fixes,omitempty"` // what to try
}

// problemOf returns the public part of err; never its cause.
func problemOf(err error) *Problem {
	e, ok := errs.Find(err)
	if !ok || e.Kind == errs.Internal {
		return &Problem{Type: string(errs.Internal), Kind: errs.Internal, Title: title(errs.Internal), Detail: errs.Public(err)}
	}
	typ := e.Type
	if typ == "" {
		typ = string(e.Kind)
	}
	return &Problem{Type: typ, Kind: e.Kind, Title: title(e.Kind), Detail: e.Msg, Fixes: e.Fixes}
}

func title(k errs.Kind) string {
	switch k {
	case errs.Invalid:
		return "The request is wrong"
	case errs.NotFound:
		return "Not found"
	case errs.Conflict:
		return "Something changed meanwhile"
	case errs.Anonymous, errs.Denied:
		return "Not allowed"
	case errs.TooLarge:
		return "A limit was reached"
	case errs.Upstream:
		return "The data source failed"
	case errs.Busy:
		return "Too much at once"
	case errs.Unavailable:
		return "Not available right now"
	case errs.Canceled:
		return "Canceled"
	}
	return "Internal error"
}

// again marks an error that another attempt may not meet.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// Again marks err as worth another attempt, whatever its kind. A handler uses it
// for failures that it knows to pass. Again(nil) is nil.
func Again(err error) error {
	if err == nil {
		return nil
	}
	return again{err}
}

// retryable reports whether the job should be tried again after err.
func retryable(err error) bool {
	var a again
	kind := errs.KindOf(err)
	return errors.As(err, &a) || kind == errs.Busy || kind == errs.Unavailable
}

const (
	firstDelay = time.Second
	maxDelay   = 10 * time.Minute
)

// delay returns how long to wait before the next attempt after that many
// failures: 1 s, 5 s, 25 s ..., or longer if err asks for it.
func delay(err error, failures int) time.Duration {
	d := firstDelay
	for range failures - 1 {
		d = min(5*d, maxDelay)
	}
	if e, ok := errs.Find(err); ok {
		d = min(max(d, e.RetryAfter), maxDelay)
	}
	return d
}
