package api

import (
	"net/http"
	"strings"

	"millwright/internal/errs"
)

// An absence is a part of the workflow that other servers have and this one does
// not: paths that begin with one of prefixes, or are one of exactly.
type absence struct {
	what, why string
	prefixes  []string
	exactly   []string
	fixes     []string
}

// absences says it of every route that existing clients know and that is not here on
// purpose. 404 comes back to them as an error that they can show; 501 would be thrown.
func absences() []absence {
	const hosted = "it belongs to the hosted service, not to a server that people run themselves"
	return []absence{
		{what: "billing", why: hosted, prefixes: []string{"/v1/billing/"}},
		{what: "sign-in with Clerk", why: hosted, prefixes: []string{"/v1/orgs/clerk/"}, exactly: []string{"/v1/users/get_or_create_user_team_organization"},
			fixes: []string{"create people with POST /v1/users and POST /v1/team-memberships", "sign in with an API key"}},
		{what: "Fivetran", why: hosted, prefixes: []string{"/v1/integrations/fivetran/"}, fixes: []string{"connect the API itself with POST /v1/http/execute-request"}},
		{what: "Merge", why: hosted, prefixes: []string{"/v1/connect/merge/"}, fixes: []string{"connect the API itself with POST /v1/http/execute-request"}},
		{what: "Cosmos DB", why: "this server connects HTTP APIs and files", prefixes: []string{"/v1/cosmos/"}, fixes: []string{"load an export with POST /v1/actions/load/{project_id}"}},
		{what: "direct connections to databases", why: "this server connects HTTP APIs and files", prefixes: []string{"/v1/database/"},
			fixes: []string{"load an export with POST /v1/actions/load/{project_id}", "or put an HTTP API in front of the database and connect that"}},
		{what: "writing texts and code with a language model", why: "no language model is configured here",
			prefixes: []string{"/v1/actions/generate/"},
			fixes:    []string{"write programs with POST /v1/build/cues, POST /v1/build/query_program or POST /v1/actions/generate/queryprogram"}},
		{what: "ontologies and knowledge graphs", why: "current clients have no use for them",
			prefixes: []string{"/v1/ontologies", "/v1/ontology", "/v1/knowledge", "/v1/knowledge-graph", "/v1/graph"},
			fixes:    []string{"see a datasource as a graph with GET /v1/datasources/{id}/ontology_mapping"}},
		{what: "tasks, events, infrastructure and rbac", why: "current clients have no use for them",
			prefixes: []string{"/v1/tasks", "/v1/events", "/v1/infrastructure", "/v1/infrastructures", "/v1/rbac"},
			fixes:    []string{"see /v1/jobs for work, and /v1/users/{id}/roles for roles"}},
	}
}

// absent returns why there is nothing at the path, if that is on purpose.
func absent(path string) *errs.Error {
	for _, a := range absences() {
		for _, p := range a.prefixes {
			if strings.HasPrefix(path+"/", strings.TrimSuffix(p, "/")+"/") {
				return a.problem()
			}
		}
		for _, p := range a.exactly {
			if path == p {
				return a.problem()
			}
		}
	}
	return nil
}

func (a absence) problem() *errs.Error {
	return errs.New(errs.NotFound, "%s is not offered here: %s", a.what, a.why).Named("out-of-scope").Fix(a.fixes...)
}

// notOffered answers requests for what is not here on purpose, which a client may
// ask for with any method, and passes on the rest.
func (s *Server) notOffered(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if problem := absent(r.URL.Path); problem != nil {
			s.writeProblem(w, r, problem)
			return
		}
		next(w, r)
	}
}
