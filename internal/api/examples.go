package api

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// An example is a request to an operation. It works once the words in capitals
// (PROJECT_ID, and where things are: https://api.example.com) are put in; what the
// path names is in placeholders.
type example struct {
	query   string // query parameters and headers, as in a URL; empty: none is needed
	body    string // JSON, or what content says; empty: the operation takes none
	content string // the body's media type; JSON if empty
}

// placeholder returns the word that stands for a path parameter: what {id} is, the
// path says in the segment before it.
func placeholder(method, path string, p *huma.Param) string {
	switch {
	case method+" "+path == "POST /v1/uploads/{id}":
		return "PROJECT_ID"
	case strings.HasSuffix(path, "/chat/completions") && p.Name == "id":
		return "PROJECT_ID"
	case p.Name == "version" && p.Schema.Type == huma.TypeString:
		return "v1"
	case p.Name != "id":
		return placeholders[p.Name]
	}
	before, _, _ := strings.Cut(path, "/{id}")
	segments := strings.Split(before, "/")
	return placeholders[segments[len(segments)-1]]
}

// placeholders are what stands for things in examples: by the name of a path
// parameter, or by the segment before {id}.
var placeholders = map[string]string{
	"api": "API_ID", "api-key": "KEY_ID", "apis": "API_ID", "chat": "PROJECT_ID", "coverage": "PROJECT_ID", "credentials": "CREDENTIAL_ID",
	"dataline": "DATALINE_ID", "datalines": "DATALINE_ID", "dataobjects": "DATAOBJECT_ID", "datasources": "DATASOURCE_ID", "endpoints": "ENDPOINT_ID",
	"explore": "CONVERSATION_ID", "history": "JOB_ID", "jobs": "JOB_ID", "orgs": "ORGANIZATION_ID", "platforms": "PLATFORM_ID", "project": "PROJECT_ID",
	"projects": "PROJECT_ID", "queryprogram": "QUERYPROGRAM_ID", "queryprograms": "QUERYPROGRAM_ID", "run": "CONVERSATION_ID", "subscribe": "JOB_ID",
	"team": "TEAM_ID", "teams": "TEAM_ID", "uploads": "UPLOAD_ID", "users": "USER_ID",

	"key": "SHOP_TOKEN", "path": "ENDPOINT_PATH", "project_id": "PROJECT_ID", "role_id": "member", "run_id": "JOB_ID", "slug": "API_SLUG",
	"team_id": "TEAM_ID", "tool": "ENDPOINT_NAME", "user_id": "USER_ID", "version": "1",
}

// illustrate completes the descriptions of all operations, with examples.
func illustrate(a huma.API) {
	for _, item := range a.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				documentBody(a, op)
				documentStreams(op)
				exemplify(op)
			}
		}
	}
}

// exemplify puts the example of an operation into its description.
func exemplify(op *huma.Operation) {
	e := examples[op.Method+" "+op.Path]
	query, err := url.ParseQuery(e.query)
	if err != nil {
		panic(op.OperationID + ": the example's query cannot be read")
	}
	for _, p := range op.Parameters {
		// An empty parameter is an absent one.
		p.AllowEmptyValue = p.In == "query" && p.Schema != nil && (p.Schema.Type != huma.TypeString || len(p.Schema.Enum) > 0)
		if p.In == "query" && p.Required && p.Schema.Type == huma.TypeString {
			filled := *p.Schema
			one := 1
			filled.MinLength, p.Schema = &one, &filled
		}
		switch text := query.Get(p.Name); {
		case p.In == "path":
			p.Example = valueOf(p.Schema, placeholder(op.Method, op.Path, p))
		case text != "":
			p.Example = valueOf(p.Schema, text)
		}
	}
	if op.RequestBody == nil || e.body == "" {
		return
	}
	content := op.RequestBody.Content[cmp.Or(e.content, "application/json")]
	switch {
	case content == nil:
		panic(op.OperationID + ": the example is of a type that the operation does not take")
	case e.content == "":
		content.Example = json.RawMessage(e.body)
	default:
		content.Example = e.body
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
