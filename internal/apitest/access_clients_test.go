package apitest_test

// clientUses are the operations that existing clients need beside the others.
var clientUses = []use{
	{operation: "POST /v1/authentication/session", access: login, body: `{"api_key":"mw_wrong"}`},
	{operation: "GET /v1/authentication/session", access: login},
	{operation: "DELETE /v1/authentication/session", access: login},
	{operation: "POST /v1/orgs", access: act, body: `{"name":"n"}`},
	{operation: "PATCH /v1/orgs/{id}", access: change, thing: "org", body: `{"name":"n"}`, org: true},
	{operation: "DELETE /v1/orgs/{id}", access: change, thing: "org", org: true},
	{operation: "POST /v1/orgs/{id}/move", access: change, thing: "org", body: `{"new_platform_id":"{platform}"}`, org: true},
	{operation: "POST /v1/teams", access: act, body: `{"name":"n"}`},
	{operation: "PATCH /v1/teams/{id}", access: change, thing: "team", body: `{"name":"n"}`},
	{operation: "DELETE /v1/teams/{id}", access: change, thing: "team"},
	{operation: "POST /v1/teams/{id}/move", access: change, thing: "team", body: `{"new_organization_id":"{org}"}`},
	{operation: "GET /v1/team-memberships/team/{id}", access: look, thing: "team"},
	{operation: "POST /v1/team-memberships", access: change, body: `{"team_id":"{team}","user_id":"{user}","role":"viewer"}`},
	{operation: "PATCH /v1/team-memberships/{user_id}/{team_id}", access: change, target: "/v1/team-memberships/{user}/{team}", body: `{"role":"viewer"}`},
	{operation: "DELETE /v1/team-memberships/{user_id}/{team_id}", access: change, target: "/v1/team-memberships/{user}/{team}"},
	{operation: "GET /v1/users", access: list, org: true},
	{operation: "GET /v1/users", access: look, target: "/v1/users?organization_id={org}", org: true},
	{operation: "GET /v1/users/get_teams_with_organizations_and_projects", access: list},
	{operation: "GET /v1/users/get_teams_with_organizations_and_projects", access: look, target: "/v1/users/get_teams_with_organizations_and_projects?user_id={user}", org: true},
	{operation: "GET /v1/users/{id}", access: look, thing: "user", org: true},
	{operation: "POST /v1/users", access: act, body: `{"email":"somebody@example.com"}`},
	{operation: "PATCH /v1/users/{id}", access: change, thing: "user", body: `{"name":"n"}`, org: true},
	{operation: "DELETE /v1/users/{id}", access: change, thing: "user", org: true},
	{operation: "POST /v1/users/{id}/move", access: change, thing: "user", body: `{"new_organization_id":"{org}"}`, org: true},
	{operation: "GET /v1/users/{id}/roles", access: look, thing: "user", org: true},
	{operation: "POST /v1/users/{id}/roles/{role_id}", access: change, target: "/v1/users/{user}/roles/viewer", body: `{}`, org: true},
	{operation: "DELETE /v1/users/{id}/roles/{role_id}", access: change, target: "/v1/users/{user}/roles/admin", org: true},
	{operation: "GET /v1/platforms", access: list},
	{operation: "GET /v1/platforms/{id}", access: own, thing: "platform"},
	{operation: "POST /v1/platforms", access: act, body: `{"name":"n"}`},
	{operation: "PATCH /v1/platforms/{id}", access: own, thing: "platform", body: `{"name":"n"}`},
	{operation: "DELETE /v1/platforms/{id}", access: own, thing: "platform"},

	{operation: "POST /v1/projects/{id}/move", access: change, thing: "project", body: `{"new_team_id":"{team}"}`},
	{operation: "POST /v1/projects/{id}/move", access: change, target: "/v1/projects/{mine}/move", body: `{"new_team_id":"{team}"}`},
	{operation: "GET /v1/projects/{id}/lineage", access: look, target: "/v1/projects/{project}/lineage?format=openlineage"},
	{operation: "GET /v1/datasources/{id}/lineage", access: look, target: "/v1/datasources/{datasource}/lineage?format=openlineage"},
	{operation: "POST /v1/datasources/{id}/clone", access: change, thing: "datasource", body: `{}`},
	{operation: "POST /v1/datasources/{id}/clone", access: change, thing: "datasource", body: `{"new_project_id":"{mine}"}`},
	{operation: "GET /v1/datasources/{id}/ontology_mapping", access: look, thing: "datasource"},
	{operation: "POST /v1/datalines", access: change, body: `{"project_id":"{project}","name":"n","dataobject_id":"{object}"}`},
	{operation: "POST /v1/datalines", access: change, body: `{"project_id":"{mine}","name":"n","dataobject_id":"{object}"}`},
	{operation: "PATCH /v1/datalines/{id}", access: change, thing: "dataline", body: `{"name":"n"}`},
	{operation: "PATCH /v1/datalines/{id}/schema", access: change, thing: "dataline", body: `"class A: pass"`},
	{operation: "DELETE /v1/datalines/{id}", access: change, thing: "dataline"},
	{operation: "POST /v1/queryprograms/{id}/create-model", access: change, thing: "program", body: `{}`},
	{operation: "POST /v1/actions/generate/queryprogram", access: change, body: `{"project_id":"{project}","natural_language_query":"How many orders are there per city?"}`},
	{operation: "POST /v1/actions/generate/queryprogram", access: change, body: `{"query_program_id":"{program}","error_description":"wrong"}`},

	{operation: "POST /v1/run/{id}/chat/completions", access: look, thing: "project", body: `{"messages":[{"role":"user","content":"How many orders?"}]}`},
	{operation: "POST /v1/integrations/chat/{id}/chat/completions", access: look, thing: "project", body: `{"messages":[{"role":"user","content":"How many orders?"}]}`},
	{operation: "POST /v1/query", access: look, body: `{"project_id":"{project}","question":"How many orders?"}`},
	{operation: "GET /v1/integrations/chat/{id}/models", access: look, thing: "project"},
	{operation: "GET /v1/integrations/chat/{id}/tools.json", access: look, thing: "project"},
	{operation: "GET /v1/integrations/chat/{id}/tools.py", access: look, thing: "project"},
	{operation: "GET /v1/integrations/chat/{id}/open-webui-tools.json", access: look, thing: "project"},
	{operation: "GET /v1/integrations/chat/{id}/schema", access: look, thing: "project"},
	{operation: "POST /v1/integrations/chat/{id}/call/{tool}", access: look, target: "/v1/integrations/chat/{project}/call/{tool}", body: `{}`},
	{operation: "POST /live/{tool}", access: look, target: "/live/{tool}", body: `{"project_id":"{project}","content":"{}"}`},

	{operation: "GET /v1/explore", access: look, target: "/v1/explore?project_id={project}"},
	{operation: "POST /v1/explore", access: look, body: `{"project_id":"{project}"}`},
	{operation: "POST /v1/explore", access: look, body: `{"project_id":"{mine}","queryprogram_id":"{program}"}`},
	{operation: "GET /v1/explore/{id}", access: look, thing: "conversation"},
	{operation: "PATCH /v1/explore/{id}", access: change, thing: "conversation", body: `{"title":"t"}`},
	{operation: "PATCH /v1/explore/{id}/archive", access: change, thing: "conversation"},
	{operation: "DELETE /v1/explore/{id}", access: change, thing: "conversation"},
	{operation: "GET /v1/explore/{id}/messages", access: look, thing: "conversation"},
	{operation: "GET /v1/explore/{id}/graph", access: look, thing: "conversation"},
	{operation: "POST /v1/run/{id}", access: change, thing: "conversation", body: `{"content":"How many orders?"}`},
	{operation: "POST /v1/explore/{id}", access: change, thing: "conversation", body: `{"content":"How many orders?"}`},
}

// furnishClients makes what clientUses speaks of.
func (w *world) furnishClients(c *client) {
	w.ids["user"] = w.owner.userID
	w.ids["platform"] = c.object("POST", "/v1/platforms", map[string]any{"name": "Owned"}).text("id")
	w.ids["conversation"] = c.object("POST", "/v1/explore", map[string]any{"project_id": w.ids["project"], "title": "About orders"}).text("id")
	w.ids["tool"] = c.object("GET", "/v1/apis/endpoints/api/"+w.ids["api"], nil).at(0).text("name")
}
