package apitest_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const sampleDocument = `openapi: 3.1.0
info: {title: Sample, version: 1}
servers: [{url: /}]
security: [{token: []}]
paths:
  /orders/{id}: {get: {operationId: order, responses: {}}}
  /orders:
    get:
      operationId: listOrders
      parameters: [{name: page, in: query, schema: {type: integer}}]
      responses:
        '200':
          description: rows
          headers: {Link: {schema: {type: string}}}
          content: {application/json: {schema: {type: array, items: {type: object, properties: {userId: {type: integer}}}}}}
components: {securitySchemes: {token: {type: http, scheme: bearer}}}
`

// What a description gives is what test-connection takes, also from a client
// that changes the case of names.
func TestADescribedRequestPassesItsTest(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	passes := func(spec any) {
		t.Helper()
		if tested := c.object("POST", "/v1/http/test-connection", spec); tested.get("success").value != true || tested.get("records").number() < 1 {
			t.Errorf("the test says %.300s", tested)
		}
	}

	read := c.object("POST", "/v1/http/from-curl", map[string]string{"command": "curl -sk '" + shared.upstream + "/orders' \\\n -H 'Authorization: Bearer " + secretToken + "'"})
	if notes := read.get("notes").list(); len(notes) != 1 || notes[0].text("kind") != "ignored" {
		t.Errorf("notes %v, want one about -k", notes)
	}
	passes(read.get("spec").value)

	var asObject map[string]any
	d := c.object("POST", "/v1/http/from-openapi", map[string]string{"document": sampleDocument, "url": shared.upstream + "/openapi.yaml"})
	best := d.get("candidates").at(0)
	if best.text("name") != "listOrders" || best.text("response_path") != "$" || best.text("pagination", "kind") != "link_header" || best.get("required").at(0).text("pointer") != "/auth/bearerToken" {
		t.Fatalf("the best candidate is %s", best)
	}
	spec, _ := best.get("spec").value.(map[string]any)
	spec["auth"] = map[string]string{"bearerToken": secretToken}
	passes(spec)

	document := `{"openapi":"3.1.0","info":{"title":"T","version":"1"},"servers":[{"url":"https://a.example.com"}],"paths":{"/u/{userId}":{"get":{"operationId":"getUser",
		"responses":{"200":{"description":"","content":{"application/json":{"schema":{"type":"object","properties":{"items":{"type":"array","items":{"type":"object"}}}}}}}}}}}}`
	if err := json.Unmarshal([]byte(document), &asObject); err != nil {
		t.Fatal(err)
	}
	text := c.object("POST", "/v1/http/from-openapi", map[string]any{"document": document})
	object := c.object("POST", "/v1/http/from-openapi", map[string]any{"document": asObject})
	if text.String() != object.String() || object.get("candidates").at(0).text("response_path") != "items" {
		t.Errorf("as text %s\nas an object %s", text, object)
	}
}

func TestDescriptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	for _, refused := range []struct {
		path, body string
		status     int
		pointer    string
	}{
		{"/v1/http/from-curl", `{"command":"curl -H 'Authorization: Bearer ` + secretToken + `"}`, 400, "/command"},
		{"/v1/http/from-curl", `{}`, 400, "/command"},
		{"/v1/http/from-curl", `{"command":7}`, 400, "/command"},
		{"/v1/http/from-openapi", `{"document":"openapi: [` + secretToken + `"}`, 400, "/document"},
		{"/v1/http/from-openapi", `{}`, 400, "/document"},
		{"/v1/http/from-openapi", `{"document":null}`, 400, "/document"},
		{"/v1/http/from-openapi", `{"document":7}`, 400, "/document"},
		{"/v1/http/from-openapi", `{"document":[]}`, 400, "/document"},
		{"/v1/http/from-openapi", `{"document":"` + strings.Repeat("[", 1000) + `"}`, 400, "/document"},
		{"/v1/http/from-openapi", `{"document":` + strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300) + `}`, 413, "/document"},
	} {
		a := c.send("POST", refused.path, refused.body)
		if a.status != refused.status || a.json().get("errors").at(0).text("pointer") != refused.pointer {
			t.Errorf("%s %.80s: %s, want %d at %s", refused.path, refused.body, a, refused.status, refused.pointer)
		}
		if strings.Contains(a.String(), secretToken) {
			t.Errorf("%s repeats the secret: %s", refused.path, a)
		}
	}
}
