package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"millwright/internal/demo"
)

// exampleSource is where the examples of the document fetch from; a test puts the
// sample API in its place.
const exampleSource = "https://api.example.com"

// exampleToken is the bearer token in the examples of the document.
const exampleToken = "a-long-random-text"

// A gallery is a server that has one of everything, filled from the sample API, so
// that a request to any operation has something to work on.
type gallery struct {
	*server
	upstream string
	things   map[string]string // what stands for a thing in examples ("PROJECT_ID") -> its id
	made     int               // makes names different
}

// openGallery starts a server and makes one of everything. The connection "Orders"
// fetches the demo shop's orders, so there is a table of that name.
func openGallery(t *testing.T, flags ...string) *gallery {
	t.Helper()
	shop := demo.Server{Orders: 600, Token: exampleToken}
	source := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		shop.ServeHTTP(w, r)
	}))
	g := &gallery{server: startIn(t, t.TempDir(), append([]string{"--allow-cidr", "127.0.0.0/8"}, flags...)...), upstream: source, things: map[string]string{}}
	d := g.land("Orders", g.request("/orders?per_page=200"))
	g.things["DATALINE_ID"], g.things["DATAOBJECT_ID"], g.things["PROJECT_ID"] = d.ID, d.DataobjectID, g.project()
	var me struct {
		ID             string
		OrganizationID string `json:"organization_id"`
		UserTeams      []struct {
			Team string `json:"team_id"`
		} `json:"user_teams"`
	}
	g.call("GET", "/v1/authentication/me", nil, &me)
	g.things["USER_ID"], g.things["ORGANIZATION_ID"], g.things["TEAM_ID"] = me.ID, me.OrganizationID, me.UserTeams[0].Team
	g.things["DATASOURCE_ID"] = g.first("/v1/datasources/project/" + g.project())
	g.things["JOB_ID"] = g.first("/v1/datasources/" + g.things["DATASOURCE_ID"] + "/runs")
	g.things["QUERYPROGRAM_ID"] = g.first("/v1/queryprograms/dataline/" + d.ID)
	g.things["API_KEY"] = testKey
	e := g.publish(g.things["QUERYPROGRAM_ID"])
	g.things["API_ID"], g.things["ENDPOINT_ID"], g.things["ENDPOINT_NAME"], g.things["ENDPOINT_PATH"] = e.APIID, e.ID, e.Name, e.Path
	for _, name := range slices.Sorted(maps.Keys(makers())) {
		if g.things[name] == "" {
			g.things[name] = makers()[name](g)
		}
	}
	g.call("PUT", "/v1/datasources/"+g.things["DATASOURCE_ID"]+"/schedule", map[string]any{"every": "24h", "paused": true}, nil)
	return g
}

// request is a connection to a path of the sample API.
func (g *gallery) request(path string) map[string]any {
	return map[string]any{"url": g.upstream + path, "method": "GET", "authType": "Bearer Token", "auth": map[string]any{"bearerToken": exampleToken},
		"responsePathExtractor": "data.orders"}
}

// first returns the id of the first thing in a list.
func (g *gallery) first(path string) string {
	g.t.Helper()
	var list []struct{ ID string }
	g.call("GET", path, nil, &list)
	if len(list) == 0 {
		g.t.Fatalf("%s: nothing is there", path)
	}
	return list[0].ID
}

// create makes a thing and returns its id.
func (g *gallery) create(path string, body map[string]any) string {
	g.t.Helper()
	var made struct{ ID string }
	g.call("POST", path, body, &made)
	return made.ID
}

// makers make another thing of a kind, for requests that delete it or end it.
func makers() map[string]func(*gallery) string {
	return map[string]func(*gallery) string{
		"PROJECT_ID": func(g *gallery) string { return g.create("/v1/projects", map[string]any{"name": "Disposable"}) },
		"DATASOURCE_ID": func(g *gallery) string {
			return g.create("/v1/datasources", map[string]any{"name": "Disposable", "project_id": g.things["PROJECT_ID"]})
		},
		"CREDENTIAL_ID": func(g *gallery) string {
			return g.create("/v1/credentials", map[string]any{"name": "Disposable", "type": "api", "team_id": g.things["TEAM_ID"], "config": map[string]any{"token": "x"}})
		},
		"QUERYPROGRAM_ID": func(g *gallery) string {
			return g.create("/v1/queryprograms", map[string]any{"project_id": g.things["PROJECT_ID"], "cue": "Disposable?", "code": "SELECT 1 AS one"})
		},
		"SHOP_TOKEN": func(g *gallery) string {
			name := fmt.Sprint("TOKEN_", g.count())
			g.call("POST", "/v1/secrets/"+g.things["TEAM_ID"], map[string]any{"name": name, "type": "api_key", "value": exampleToken, "origins": []string{g.upstream}}, nil)
			return name
		},
		"KEY_ID": func(g *gallery) string {
			var made []json.RawMessage
			g.call("POST", "/v1/authentication/api-key", map[string]any{"name": "Disposable"}, &made)
			var key struct{ ID string }
			if err := json.Unmarshal(made[0], &key); err != nil {
				g.t.Fatal(err)
			}
			return key.ID
		},
		"SESSION_TOKEN": func(g *gallery) string { return g.signIn() },
		"USER_ID": func(g *gallery) string {
			return g.create("/v1/users", map[string]any{"email": fmt.Sprintf("user%d@example.org", g.count()), "name": "Disposable"})
		},
		"TEAM_ID":         func(g *gallery) string { return g.create("/v1/teams", map[string]any{"name": "Disposable"}) },
		"ORGANIZATION_ID": func(g *gallery) string { return g.create("/v1/orgs", map[string]any{"name": "Disposable"}) },
		"PLATFORM_ID":     func(g *gallery) string { return g.create("/v1/platforms", map[string]any{"name": "Disposable"}) },
		"CONVERSATION_ID": func(g *gallery) string {
			return g.create("/v1/explore", map[string]any{"project_id": g.things["PROJECT_ID"], "title": "Disposable"})
		},
		"UPLOAD_ID": func(g *gallery) string {
			return g.create("/v1/uploads/"+g.things["PROJECT_ID"], map[string]any{"name": "cities.csv", "length": 22})
		},
		"API_ID": func(g *gallery) string {
			return g.create("/v1/apis", map[string]any{"project_id": makers()["PROJECT_ID"](g), "name": "Disposable"})
		},
		"ENDPOINT_ID": func(g *gallery) string { return g.publish(makers()["QUERYPROGRAM_ID"](g)).ID },
		"DATALINE_ID": func(g *gallery) string {
			return g.create("/v1/datalines", map[string]any{"project_id": g.things["PROJECT_ID"], "dataobject_id": g.things["DATAOBJECT_ID"], "name": fmt.Sprint("Disposable ", g.count())})
		},
	}
}

// signIn opens a session as a browser does, and returns what its cookie holds.
func (g *gallery) signIn() string {
	g.t.Helper()
	resp, err := http.Post(g.url+"/v1/authentication/session", "application/json", strings.NewReader(`{"api_key":"`+testKey+`"}`))
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, cookie := range resp.Cookies() {
		return cookie.Value
	}
	g.t.Fatalf("signing in sets no cookie: %s", resp.Status)
	return ""
}

// An endpoint is a published program, as a list of them has it.
type endpoint struct {
	ID, Name, Path string
	APIID          string `json:"api_id"`
	ProgramID      string `json:"queryprogram_id"`
}

// publish publishes a program and returns its endpoint.
func (g *gallery) publish(program string) endpoint {
	g.t.Helper()
	g.call("PATCH", "/v1/queryprograms/"+program+"/publish", map[string]any{}, nil)
	var api struct {
		Slug      string
		Endpoints []endpoint
	}
	g.call("GET", "/v1/apis/queryprogram/"+program, nil, &api)
	for _, e := range api.Endpoints {
		if e.ProgramID == program {
			g.things["API_SLUG"] = api.Slug
			return e
		}
	}
	g.t.Fatalf("%+v has no endpoint for the program", api)
	return endpoint{}
}

// count is different each time.
func (g *gallery) count() int {
	g.made++
	return g.made
}

// hanging starts a run that does not end and returns its datasource and its job.
func (g *gallery) hanging() (datasource, job string) {
	g.t.Helper()
	datasource, jobs := g.connect(fmt.Sprint("Hanging ", g.count()), g.request("/hang"))
	return datasource, jobs[0].ID
}

// fill puts ids in the places of what stands for them.
func fill(text string, things map[string]string) string {
	pairs := []string{}
	for _, name := range slices.Sorted(maps.Keys(things)) {
		pairs = append(pairs, name, things[name])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
