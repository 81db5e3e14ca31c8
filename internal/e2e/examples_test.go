package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// An illustrated operation is what of the document its example is made of.
type illustrated struct {
	Parameters []struct {
		Name, In string
		Required bool
		Example  json.RawMessage
	}
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Example json.RawMessage }
	} `json:"requestBody"`
}

// A sample is an operation's example as a request.
type sample struct {
	operation, target, body, contentType string

	header map[string]string
}

// examples reads the examples of the served document, first those that change
// nothing, and last those that delete.
func (s *server) examples() []sample {
	s.t.Helper()
	var doc struct {
		Paths map[string]map[string]illustrated
	}
	s.call("GET", "/openapi.json", nil, &doc)
	list := []sample{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			list = append(list, s.sample(strings.ToUpper(method)+" "+path, op))
		}
	}
	order := map[string]int{"GET": 0, "PUT": 1, "POST": 1, "PATCH": 1, "DELETE": 2}
	slices.SortFunc(list, func(a, b sample) int {
		am, ap, _ := strings.Cut(a.operation, " ")
		bm, bp, _ := strings.Cut(b.operation, " ")
		if order[am] != order[bm] {
			return order[am] - order[bm]
		}
		return strings.Compare(ap+am, bp+bm)
	})
	return list
}

func (s *server) sample(operation string, op illustrated) sample {
	s.t.Helper()
	_, target, _ := strings.Cut(operation, " ")
	query, header := url.Values{}, map[string]string{}
	for _, p := range op.Parameters {
		text := strings.Trim(string(p.Example), `"`)
		switch {
		case text == "" && p.Required:
			s.t.Errorf("%s: %s is required and has no example", operation, p.Name)
		case text == "":
		case p.In == "path":
			target = strings.ReplaceAll(target, "{"+p.Name+"}", text)
		case p.In == "query":
			query.Set(p.Name, text)
		case p.In == "header":
			header[p.Name] = text
		case p.In == "cookie":
			header["Cookie"] = p.Name + "=" + text
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	out := sample{operation: operation, target: target, header: header}
	if op.RequestBody == nil {
		return out
	}
	for _, contentType := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
		example := op.RequestBody.Content[contentType].Example
		if len(example) == 0 {
			continue
		}
		out.body, out.contentType = string(example), contentType
		if !strings.HasSuffix(contentType, "json") {
			out.body = texts(example)[0]
		}
	}
	if out.body == "" {
		s.t.Errorf("%s takes a body and has no example", operation)
	}
	return out
}

// TestEveryExampleOfTheDocumentWorks sends the example of each operation to a server
// that has one of everything. The document cannot know ids: in its examples words
// in capitals stand for them, and https://api.example.com for the source; here the
// things of the gallery take their places. What is deleted, switched off or
// cancelled is made for that request alone.
func TestEveryExampleOfTheDocumentWorks(t *testing.T) {
	g := openGallery(t)
	list := g.examples()
	for _, e := range list {
		things := g.thingsFor(e.operation)
		e.target, e.body = fill(e.target, things), fill(strings.ReplaceAll(e.body, exampleSource, g.upstream), things)
		for name, value := range e.header {
			e.header[name] = fill(value, things)
		}
		status, text := g.sendSample(e)
		if status < 200 || status > 299 || bytes.Contains(text, []byte("event: error")) {
			t.Errorf("%s: %s %s: %d %s", e.operation, e.target, e.body, status, text)
			continue
		}
		g.settle(text)
	}
	t.Logf("%d operations, each with an example that works", len(list))
}

// sendSample sends the request and returns status and body.
func (s *server) sendSample(e sample) (int, []byte) {
	s.t.Helper()
	method, _, _ := strings.Cut(e.operation, " ")
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+e.target, strings.NewReader(e.body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	if e.contentType != "" {
		r.Header.Set("Content-Type", e.contentType)
	}
	for name, value := range e.header {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", e.operation, err, s.log)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", e.operation, err, s.log)
	}
	return resp.StatusCode, text
}

// consumed says which things an operation uses up, beside what DELETE takes by {id}:
// it deletes them, switches them off, or works only once.
var consumed = map[string][]string{
	"PATCH /v1/authentication/api-key/{id}/disable":   {"KEY_ID"},
	"DELETE /v1/secrets/{team_id}/{key}":              {"SHOP_TOKEN"},
	"POST /v1/apis":                                   {"PROJECT_ID"},
	"POST /v1/apis/endpoints":                         {"QUERYPROGRAM_ID"},
	"PATCH /v1/queryprograms/{id}/unpublish":          {"QUERYPROGRAM_ID"},
	"POST /v1/team-memberships":                       {"USER_ID"},
	"PATCH /v1/team-memberships/{user_id}/{team_id}":  {"USER_ID"},
	"DELETE /v1/team-memberships/{user_id}/{team_id}": {"USER_ID"},
	"POST /v1/users/{id}/move":                        {"USER_ID"},
	"POST /v1/users/{id}/roles/{role_id}":             {"USER_ID"},
	"DELETE /v1/users/{id}/roles/{role_id}":           {"USER_ID"},
	"POST /v1/teams/{id}/move":                        {"TEAM_ID"},
	"POST /v1/orgs/{id}/move":                         {"ORGANIZATION_ID"},
	"PATCH /v1/uploads/{id}":                          {"UPLOAD_ID"},
	"DELETE /v1/authentication/session":               {"SESSION_TOKEN"},
}

// deleted says what {id} is in the path of a DELETE.
var deleted = map[string]string{
	"/v1/apis/{id}": "API_ID", "/v1/apis/endpoints/{id}": "ENDPOINT_ID", "/v1/authentication/api-key/{id}": "KEY_ID", "/v1/credentials/{id}": "CREDENTIAL_ID",
	"/v1/datalines/{id}": "DATALINE_ID", "/v1/datasources/{id}": "DATASOURCE_ID", "/v1/explore/{id}": "CONVERSATION_ID", "/v1/orgs/{id}": "ORGANIZATION_ID",
	"/v1/platforms/{id}": "PLATFORM_ID", "/v1/projects/{id}": "PROJECT_ID", "/v1/queryprograms/{id}": "QUERYPROGRAM_ID", "/v1/teams/{id}": "TEAM_ID",
	"/v1/uploads/{id}": "UPLOAD_ID", "/v1/users/{id}": "USER_ID",
}

// thingsFor returns the things that the example of the operation works on.
func (g *gallery) thingsFor(operation string) map[string]string {
	g.t.Helper()
	things := maps.Clone(g.things)
	if strings.HasSuffix(operation, "/cancel") {
		things["DATASOURCE_ID"], things["JOB_ID"] = g.hanging()
	}
	names := consumed[operation]
	if path, ok := strings.CutPrefix(operation, "DELETE "); ok && deleted[path] != "" {
		names = append(names, deleted[path])
	}
	for _, name := range names {
		things[name] = makers()[name](g)
	}
	if strings.HasSuffix(operation, "/team-memberships/{user_id}/{team_id}") {
		g.call("POST", "/v1/team-memberships", map[string]any{"team_id": things["TEAM_ID"], "user_id": things["USER_ID"]}, nil)
	}
	return things
}

// settle waits for the jobs that an answer names: what comes next may need what
// they make.
func (g *gallery) settle(text []byte) {
	g.t.Helper()
	var started struct{ Jobs []jobWire }
	if json.Unmarshal(text, &started) != nil {
		return
	}
	for _, j := range started.Jobs {
		if got := g.wait(j.ID); got.Status != "completed" {
			g.t.Errorf("%s: %s", j.ID, fmt.Sprintf("%+v %+v", got, got.Error))
		}
	}
}
