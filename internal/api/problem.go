package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"millwright/internal/errs"
)

// A Problem is what a caller sees of an error: an RFC 9457 document.
type Problem struct {
	Type       string         `json:"type" doc:"Stable name of the problem, for programs" example:"path-selects-nothing"`
	Title      string         `json:"title" doc:"Kind of the problem" example:"invalid"`
	Status     int            `json:"status" doc:"HTTP status" example:"400"`
	Detail     string         `json:"detail" doc:"What happened, why we think so, and what to try"`
	Errors     []ProblemField `json:"errors,omitempty" doc:"The parts of the request that are wrong"`
	Fixes      []string       `json:"fixes,omitempty" doc:"What to try"`
	RequestID  string         `json:"request_id,omitempty" doc:"Names this request in the server's log"`
	retryAfter int            // seconds
}

// A ProblemField is a part of the request that is wrong.
type ProblemField struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the request body, or the name of a parameter" example:"/auth/apiKey/name"`
	Detail  string `json:"detail" doc:"What is wrong with it"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns Retry-After where waiting helps, and how to sign in where that does.
func (p *Problem) GetHeaders() http.Header {
	if p.Status == http.StatusUnauthorized {
		return http.Header{"Www-Authenticate": {`Bearer realm="millwright"`}}
	}
	if p.retryAfter == 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(p.retryAfter)}}
}

// ContentType returns the media type of problem documents.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statusOf is the HTTP status of each kind.
func statusOf(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Anonymous:
		return http.StatusUnauthorized
	case errs.Denied:
		return http.StatusForbidden
	case errs.TooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.Upstream:
		return http.StatusBadGateway
	case errs.Busy:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Canceled:
		return 499 // the caller has gone; nobody reads it
	}
	return http.StatusInternalServerError
}

// problemOf turns an error into what the caller sees of it.
func problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	kind := errs.KindOf(err)
	if errors.Is(err, context.Canceled) && kind == errs.Internal {
		kind = errs.Canceled
	}
	p = &Problem{Type: string(kind), Title: string(kind), Status: statusOf(kind), Detail: errs.Public(err), RequestID: requestID(ctx)}
	if e, ok := errs.Find(err); ok && kind != errs.Internal {
		if e.Type != "" {
			p.Type = e.Type
		}
		p.Fixes = e.Fixes
		for _, f := range e.Fields {
			msg := f.Msg
			if msg == "" {
				msg = e.Msg
			}
			p.Errors = append(p.Errors, ProblemField{Pointer: f.Pointer, Detail: msg})
		}
		p.retryAfter = int(math.Ceil(e.RetryAfter.Seconds()))
	}
	if (kind == errs.Busy || kind == errs.Unavailable) && p.retryAfter == 0 {
		p.retryAfter = 1
	}
	return p
}

// report logs what the caller does not see. Every error passes here once.
func report(ctx context.Context, log *slog.Logger, p *Problem, err error) {
	level := slog.LevelDebug
	switch {
	case p.Status == http.StatusInternalServerError:
		level = slog.LevelError
	case p.Status >= http.StatusInternalServerError:
		level = slog.LevelInfo
	}
	log.Log(ctx, level, "request failed", "status", p.Status, "type", p.Type, "request_id", p.RequestID, "err", err)
}

// installProblems makes huma describe its own refusals (validation, unknown
// content types) in our form. huma keeps this hook in package variables, hence
// the Once: several servers may run in one test process.
var installProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, details ...error) huma.StatusError {
		p := newProblem(status, msg, details)
		if ctx != nil {
			p.RequestID = requestID(ctx.Context())
		}
		return p
	}
	huma.NewError = func(status int, msg string, details ...error) huma.StatusError {
		return newProblem(status, msg, details)
	}
})

// newProblem makes a problem of huma's findings. The offending values are left
// out: one may be a secret.
func newProblem(status int, msg string, details []error) *Problem {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	kind := errs.Invalid
	for _, k := range errs.Kinds() {
		if statusOf(k) == status {
			kind = k
			break
		}
	}
	p := &Problem{Type: "request-" + string(kind), Title: string(kind), Status: status, Detail: msg}
	var said []string
	for _, err := range details {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		found := d.ErrorDetail()
		p.Errors = append(p.Errors, ProblemField{Pointer: pointerOf(found.Location, found.Message), Detail: found.Message})
		said = append(said, strings.TrimSpace(found.Location+" "+found.Message))
	}
	if len(said) > 0 {
		p.Detail = "the request is not as described: " + strings.Join(said, "; ")
	}
	return p
}

// pointerOf turns huma's "body.items[3].tags" into "/items/3/tags", and of a
// missing field adds the name. A parameter ("query.limit") keeps its name.
func pointerOf(location, message string) string {
	rest, ok := strings.CutPrefix(location, "body")
	if !ok {
		_, name, _ := strings.Cut(location, ".")
		return name
	}
	rest = strings.NewReplacer("[", "/", "]", "", ".", "/").Replace(rest)
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	if name, ok := strings.CutPrefix(message, before); ok {
		rest += "/" + strings.TrimSuffix(name, after)
	}
	return rest
}
