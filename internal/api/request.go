package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5"

	"millwright/internal/errs"
)

type requestKey struct{}

// requestID returns the id of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// identify gives every request an id, which the answer's X-Request-Id carries.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.ToLower(rand.Text()[:16])
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

// guard turns a panic into a 500 that says nothing, and logs it, once.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watchedWriter{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.logPanic(r, v)
			if watched.begun {
				// Half an answer must not pass for a whole one.
				panic(http.ErrAbortHandler)
			}
			p := problemOf(r.Context(), errs.Internal)
			writeJSON(w, p.ContentType(""), p.Status, p)
		}()
		next.ServeHTTP(watched, r)
	})
}

// logPanic logs where a panic came from. Only the runtime's own panics are
// quoted: any other may quote what the caller sent.
func (s *Server) logPanic(r *http.Request, v any) {
	attrs := []any{"method", r.Method, "request_id", requestID(r.Context()), "stack", string(debug.Stack())}
	if e, ok := v.(runtime.Error); ok {
		attrs = append(attrs, "err", e)
	}
	s.Log.ErrorContext(r.Context(), "a request panicked", attrs...)
}

// A watchedWriter knows whether the answer has begun.
type watchedWriter struct {
	http.ResponseWriter
	begun bool
}

// Unwrap lets http.ResponseController reach Flush and the deadlines.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer.
func (w *watchedWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer, if nothing has.
func (w *watchedWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// nothingHere answers requests for paths that are not there.
func (s *Server) nothingHere(w http.ResponseWriter, r *http.Request) {
	s.writeProblem(w, r, errs.New(errs.NotFound, "there is nothing at %s %s", r.Method, r.URL.Path).
		Named("no-such-route").Fix("see /openapi.json for what there is"))
}

// methodNotAllowed answers 405 with what is offered instead.
func (s *Server) methodNotAllowed(mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allow, pattern := offered(mux, r.URL.Path)
		// A path that is spelled out is here, whatever it begins with.
		if problem := absent(r.URL.Path); problem != nil && pattern != r.URL.Path {
			s.writeProblem(w, r, problem)
			return
		}
		refuseMethod(w, r, allow...)
	}
}

// offered returns the methods of the most specific route at the path, and its
// pattern. Where a word is spelled out, routes that would take it for an id offer
// nothing.
func offered(mux *chi.Mux, path string) (allow []string, best string) {
	for _, method := range []string{"GET", "POST", "PATCH", "PUT", "DELETE"} {
		pattern := mux.Find(chi.NewRouteContext(), method, path)
		switch {
		case pattern == "" || best != "" && strings.Count(pattern, "{") > strings.Count(best, "{"):
			continue
		case strings.Count(pattern, "{") < strings.Count(best, "{"):
			allow = nil
		}
		best = pattern
		if allow = append(allow, method); method == "GET" {
			allow = append(allow, "HEAD")
		}
	}
	return allow, best
}

// refuseMethod answers 405 with what is offered.
func refuseMethod(w http.ResponseWriter, r *http.Request, allow ...string) {
	offered := strings.Join(allow, ", ")
	w.Header().Set("Allow", offered)
	p := newProblem(http.StatusMethodNotAllowed, r.Method+" is not offered here; offered: "+offered, nil)
	p.Type, p.RequestID = "method-not-allowed", requestID(r.Context())
	writeJSON(w, p.ContentType(""), p.Status, p)
}

func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r.Context(), err)
	report(r.Context(), s.Log, p, err)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	writeJSON(w, p.ContentType(""), p.Status, p)
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	// An error here means that the caller has gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
