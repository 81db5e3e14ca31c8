package api

import (
	"context"
	"net/http"
	"strings"

	"millwright/internal/api/mcp"
	"millwright/internal/evaluate"
	"millwright/internal/job"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/publish"
	"millwright/internal/tenant"
)

// agents returns the server that agents talk to. Its tools make operations.
func (s *Server) agents(operations http.Handler) *mcp.Server {
	return &mcp.Server{
		Version: Version, Operations: operations, Admit: s.admitAgent, Published: s.publishedIn, Query: s.queryTables, Events: s.jobEvents,
		Refuse: s.writeProblem, Generation: func() uint64 { return s.Programs.DB.Generation() }, Origins: s.Origins, Log: s.Log,
	}
}

// WatchAgents tells agents when they have other tools than before, until ctx is
// done. Handler comes first.
func (s *Server) WatchAgents(ctx context.Context) error { return s.talks.Run(ctx) }

// withAgents takes the requests of agents out of the others: their messages are no
// operations, and are left as they are.
func (s *Server) withAgents(operations, others http.Handler) http.Handler {
	s.talks = s.agents(operations)
	talks := s.guard(s.talks.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.TrimSuffix(r.URL.Path, "/") == mcp.Path {
			talks.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

func (s *Server) admitAgent(ctx context.Context, header string, setHeader func(name, value string)) (mcp.Caller, error) {
	who, err := s.admit(ctx, header, setHeader)
	return mcp.Caller{Grant: who.Grant, KeyID: who.KeyID, As: func(ctx context.Context, g tenant.Grant) context.Context {
		narrowed := who
		narrowed.Grant = g
		return as(context.WithValue(ctx, viaKey{}, "mcp"), narrowed)
	}}, err
}

type viaKey struct{}

// via says how a request came: "mcp" if a tool makes it, else "http".
func via(ctx context.Context) string {
	if way, ok := ctx.Value(viaKey{}).(string); ok {
		return way
	}
	return "http"
}

// publishedIn returns what is published in a project that the caller sees; in all of
// them if the id is empty.
func (s *Server) publishedIn(ctx context.Context, projectID string) ([]publish.API, error) {
	ids, err := s.projectIDs(ctx, projectID)
	if err != nil {
		return nil, err
	}
	var all []publish.API
	for _, id := range ids {
		apis, err := s.offered(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, apis...)
	}
	return all, nil
}

// offered returns what is published in a project, each program with why it was
// written.
func (s *Server) offered(ctx context.Context, projectID string) ([]publish.API, error) {
	return s.offers.Get(s.Programs.DB, projectID, func() ([]publish.API, error) {
		apis, err := s.Publish.APIs(ctx, projectID)
		if err != nil || len(apis) == 0 {
			return nil, err
		}
		list, err := s.Programs.List(ctx, store.Filter{ProjectID: projectID})
		if err != nil {
			return nil, err
		}
		// What is frozen leaves out why the program was written; an agent has to choose.
		why := map[string][]string{}
		for _, r := range list {
			why[r.ID] = r.Program.Reason
		}
		for _, a := range apis {
			for i := range a.Endpoints {
				a.Endpoints[i].Program.Reason = why[a.Endpoints[i].ProgramID]
			}
		}
		return apis, nil
	})
}

// queryTables runs SQL on the tables of a project that the caller sees.
func (s *Server) queryTables(ctx context.Context, projectID, sql string, rows int64) ([]byte, error) {
	if _, err := s.project(ctx, projectID); err != nil {
		return nil, err
	}
	r, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: projectID, Program: program.Program{SQL: sql}, MaxRows: rows})
	if err != nil {
		return nil, err
	}
	return encodeResult(r)
}

// jobEvents returns the events of a job that the caller sees.
func (s *Server) jobEvents(ctx context.Context, id string) (<-chan job.Event, error) {
	j, err := s.job(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.Jobs.Subscribe(ctx, j.ID, 0)
}
