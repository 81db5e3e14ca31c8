// Package api is what the program offers over HTTP: operations and their wire
// types, one file a noun. Wire types are converted by hand to the concepts'
// types, so a rename there stops here.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"millwright/internal/api/compat"
	"millwright/internal/api/mcp"
	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/evaluate"
	"millwright/internal/explore"
	"millwright/internal/generate/ask"
	"millwright/internal/generate/link"
	"millwright/internal/ingest"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/lineage/openlineage"
	"millwright/internal/meta"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/publish"
	"millwright/internal/schedule"
	"millwright/internal/source"
	"millwright/internal/tenant"
	"millwright/internal/transfer"
	"millwright/internal/upload"
)

// Version is the version of the API's contract, as its OpenAPI document says.
const Version = "1.3.0"

// A Server is the HTTP API. All fields must be set, except where they say otherwise.
type Server struct {
	Tenants   *tenant.Store
	Projects  *project.Store
	Sources   *source.Store
	Datasets  *dataset.Store
	Lineage   *lineage.Store
	Programs  *store.Store
	Schedules *schedule.Store
	Jobs      *job.Runner
	Blobs     blob.Store
	Ingest    *ingest.Service
	Evaluator *evaluate.Evaluator
	Asker     *ask.Service
	Links     *link.Store
	Publish   *publish.Service
	Explore   *explore.Store
	Teller    *openlineage.Teller
	AfterRun  []string // job types that follow a run, in order
	AfterLoad []string // job types that follow a load without questions, in order
	Uploads   *upload.Store
	Transfer  *transfer.Service
	Log       *slog.Logger
	Now       func() time.Time
	Ready     func(context.Context) error // why the server cannot work now; nil when it can

	RatePerMinute int      // requests of a key that has no rate of its own; 0 for any number
	Origins       []string // of web pages that may talk to it as agents, beside this machine's; may be empty

	limits    limiter
	talks     *mcp.Server
	runnables meta.Memo[runKey, store.Record]
	seen      meta.Memo[seenKey, project.Project]
	offers    meta.Memo[string, []publish.API] // by project
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
	config.Components.SecuritySchemes = keySchemes()
	mux.Use(middleware.GetHead)
	a := humachi.New(mux, config)
	a.UseMiddleware(s.authenticate(a))
	s.register(a)
	mux.NotFound(s.notOffered(s.nothingHere))
	mux.MethodNotAllowed(s.methodNotAllowed(mux))
	operations := s.guard(s.signedIn(mux))
	return s.identify(s.withAgents(s.identify(operations), compat.Handler(operations, s.writeProblem)))
}

func (s *Server) register(a huma.API) {
	s.health(a)
	s.tenants(a)
	s.keys(a)
	s.sessions(a)
	s.projects(a)
	s.datasources(a)
	s.datasourceRuns(a)
	s.schedules(a)
	s.credentials(a)
	s.secrets(a)
	s.connections(a)
	s.descriptions(a)
	s.jobs(a)
	s.loads(a)
	s.uploads(a)
	s.transfers(a)
	s.objects(a)
	s.datalines(a)
	s.programs(a)
	s.runs(a)
	s.builds(a)
	s.publishing(a)
	s.moves(a)
	s.generates(a)
	s.chats(a)
	s.explorations(a)
	illustrate(a)
}
