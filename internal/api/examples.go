package api

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// An example is a request to an operation. It works once the words in capitals
// (PROJECT_ID, and where things are: https://api.example.com) are put in; what the
// path names is in placeholders.
type example struct {
	query string // as in a URL; empty: no parameter is needed
	body  string // JSON; empty: the operation takes none
}

// placeholder returns the word that stands for a path parameter: what {id} is, the
// path says in the segment before it.
func placeholder(path, name string) string {
	if name != "id" {
		return placeholders[name]
	}
	before, _, _ := strings.Cut(path, "/{id}")
	segments := strings.Split(before, "/")
	return placeholders[segments[len(segments)-1]]
}

// placeholders are what stands for things in examples: by the name of a path
// parameter, or by the segment before {id}.
var placeholders = map[string]string{
	"api-key": "KEY_ID", "coverage": "PROJECT_ID", "credentials": "CREDENTIAL_ID", "dataline": "DATALINE_ID", "datalines": "DATALINE_ID",
	"dataobjects": "DATAOBJECT_ID", "datasources": "DATASOURCE_ID", "history": "JOB_ID", "jobs": "JOB_ID", "orgs": "ORGANIZATION_ID",
	"project": "PROJECT_ID", "projects": "PROJECT_ID", "queryprograms": "QUERYPROGRAM_ID", "subscribe": "JOB_ID", "teams": "TEAM_ID",
	"users": "USER_ID", "platforms": "PLATFORM_ID",

	"key": "SHOP_TOKEN", "run_id": "JOB_ID", "team_id": "TEAM_ID", "user_id": "USER_ID", "version": "1",
}

// illustrate puts the example of an operation into its description.
func illustrate(a huma.API, op huma.Operation) {
	registered := operationAt(a.OpenAPI().Paths[op.Path], op.Method)
	if registered == nil {
		return // unreachable: it was registered just now
	}
	e := examples[op.Method+" "+op.Path]
	query, err := url.ParseQuery(e.query)
	if err != nil {
		panic(op.OperationID + ": the example's query cannot be read")
	}
	for _, p := range registered.Parameters {
		switch text := query.Get(p.Name); {
		case p.In == "path":
			p.Example = valueOf(p.Schema, placeholder(op.Path, p.Name))
		case text != "":
			p.Example = valueOf(p.Schema, text)
		}
	}
	if registered.RequestBody == nil || e.body == "" {
		return
	}
	for _, content := range registered.RequestBody.Content {
		content.Example = json.RawMessage(e.body)
	}
}

// valueOf reads text as what the schema wants; nil for none.
func valueOf(s *huma.Schema, text string) any {
	switch {
	case text == "":
		return nil
	case s != nil && s.Type != huma.TypeString:
		return json.RawMessage(text)
	}
	return text
}

func operationAt(item *huma.PathItem, method string) *huma.Operation {
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete}[method]
}
