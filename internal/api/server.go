// Package api is what the program offers over HTTP: operations and their wire
// types, one file a noun. Wire types are converted by hand to the concepts'
// types, so a rename there stops here.
package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"millwright/internal/api/compat"
	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/ingest"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/source"
	"millwright/internal/tenant"
)

// Version is the version of the API's contract, as its OpenAPI document says.
const Version = "1.0.0"

// A Server is the HTTP API. All fields must be set.
type Server struct {
	Tenants   *tenant.Store
	Projects  *project.Store
	Sources   *source.Store
	Datasets  *dataset.Store
	Lineage   *lineage.Store
	Programs  *store.Store
	Jobs      *job.Runner
	Blobs     blob.Store
	Ingest    *ingest.Service
	Evaluator *evaluate.Evaluator
	AfterRun  []string // job types that follow a run, in order
	Log       *slog.Logger
	Now       func() time.Time
	Ready     func(context.Context) error // why the server cannot work now; nil when it can
}

// Handler returns the API with all its tolerances.
func (s *Server) Handler() http.Handler {
	installProblems()
	mux := chi.NewMux()
	config := huma.DefaultConfig("Millwright", Version)
	config.Info.Description = "Turns any HTTP API into a Parquet dataset with ready-made queries."
	// The built-in documentation page loads scripts from outside.
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	// A query parameter that we do not know may be a slot value or a client's habit.
	config.RejectUnknownQueryParameters = false
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key. Also accepted without the word Bearer, and as X-API-Key."},
	}
	a := humachi.New(mux, config)
	a.UseMiddleware(s.authenticate(a))
	s.register(a)
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.writeProblem(w, r, errs.New(errs.NotFound, "there is nothing at %s %s", r.Method, r.URL.Path).
			Named("no-such-route").Fix("see /openapi.json for what there is"))
	})
	mux.MethodNotAllowed(s.methodNotAllowed(mux))
	return s.identify(compat.Handler(mux))
}

func (s *Server) register(a huma.API) {
	s.health(a)
	s.tenants(a)
	s.keys(a)
	s.projects(a)
	s.datasources(a)
	s.credentials(a)
	s.connections(a)
	s.jobs(a)
	s.objects(a)
	s.datalines(a)
	s.programs(a)
	s.runs(a)
}

// open marks operations that need no key.
const open = "open"

// route registers an operation: a method and path ("GET /v1/projects/{id}"), a
// tag, what it does, and the function that does it.
func route[I, O any](s *Server, a huma.API, pattern, tag, summary string, do func(context.Context, *I) (*O, error), options ...string) {
	method, path, _ := strings.Cut(pattern, " ")
	op := huma.Operation{
		OperationID:   operationID(method, path),
		Method:        method,
		Path:          path,
		Tags:          []string{tag},
		Summary:       summary,
		DefaultStatus: http.StatusOK,
		Security:      []map[string][]string{{"key": {}}},
		Errors:        []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound},
		MaxBodyBytes:  16 << 20,
	}
	if len(options) > 0 {
		op.Security = []map[string][]string{}
		op.Errors = nil
	}
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			p := problemOf(ctx, err)
			report(ctx, s.Log, p, err)
			return nil, p
		}
		return out, nil
	})
}

// operationID names an operation after its method and path: get-v1-projects-id.
func operationID(method, path string) string {
	clean := strings.NewReplacer("/", "-", "{", "", "}", "", "_", "-", ".", "-").Replace(path)
	return strings.ToLower(method) + clean
}

// An out is an answer with a JSON body.
type out[T any] struct{ Body T }

func ok[T any](body T) *out[T] { return &out[T]{Body: body} }

// A list is an answer that is a plain array, never null.
func okList[T any](items []T) *out[[]T] {
	if items == nil {
		items = []T{}
	}
	return &out[[]T]{Body: items}
}

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

// methodNotAllowed answers 405 with what is offered instead.
func (s *Server) methodNotAllowed(mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, method := range []string{"GET", "POST", "PATCH", "PUT", "DELETE"} {
			if mux.Match(chi.NewRouteContext(), method, r.URL.Path) {
				allow = append(allow, method)
			}
		}
		offered := strings.Join(allow, ", ")
		w.Header().Set("Allow", offered)
		writeJSON(w, "application/problem+json", http.StatusMethodNotAllowed, &Problem{
			Type: "method-not-allowed", Title: "invalid", Status: http.StatusMethodNotAllowed, RequestID: requestID(r.Context()),
			Detail: r.Method + " is not offered here; offered: " + offered,
		})
	}
}

func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r.Context(), err)
	report(r.Context(), s.Log, p, err)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	writeJSON(w, "application/problem+json", p.Status, p)
}
