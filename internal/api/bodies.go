package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

// A demand is what a handler asks of a body beyond what the types of its fields say,
// for the document. The handlers judge it themselves: they know what an older client
// means.
type demand struct {
	required []string   // fields that cannot be left out
	oneOf    []string   // fields of which one cannot be left out
	email    []string   // fields that are addresses
	line     []string   // fields that are 1 to 200 characters on one line
	title    []string   // fields that are up to 200 characters on one line
	filled   []string   // texts that are not empty
	enums    [][]string // a field and the values that it, or each of its items, takes

	ranges map[string][2]float64 // the numbers that a field takes, from and to
}

// demands are those of each operation.
var demands = map[string]demand{
	"POST /v1/authentication/api-key": {line: []string{"name"}, enums: [][]string{append([]string{"scopes"}, tenant.Scopes()...)},
		ranges: map[string][2]float64{"rate_per_minute": {0, 1_000_000}}},
	"PATCH /v1/authentication/api-key/{id}":  {line: []string{"name"}},
	"POST /v1/orgs":                          {required: []string{"name"}, line: []string{"name"}},
	"PATCH /v1/orgs/{id}":                    {line: []string{"name"}},
	"POST /v1/orgs/{id}/move":                {required: []string{"new_platform_id"}},
	"POST /v1/platforms":                     {required: []string{"name"}, line: []string{"name"}},
	"PATCH /v1/platforms/{id}":               {line: []string{"name"}},
	"POST /v1/teams":                         {required: []string{"name"}, line: []string{"name"}},
	"PATCH /v1/teams/{id}":                   {line: []string{"name"}},
	"POST /v1/teams/{id}/move":               {oneOf: []string{"new_organization_id", "organization_id"}},
	"POST /v1/team-memberships":              {required: []string{"team_id", "user_id"}},
	"POST /v1/users":                         {required: []string{"email"}, email: []string{"email"}},
	"PATCH /v1/users/{id}":                   {email: []string{"email"}},
	"POST /v1/users/{id}/move":               {oneOf: []string{"new_organization_id", "organization_id"}},
	"POST /v1/projects/{id}/move":            {required: []string{"new_team_id"}},
	"POST /v1/explore/{id}":                  {required: []string{"content"}, filled: []string{"content"}},
	"POST /v1/run/{id}":                      {required: []string{"content"}, filled: []string{"content"}},
	"POST /v1/explore":                       {required: []string{"project_id"}, title: []string{"title"}},
	"PATCH /v1/explore/{id}":                 {title: []string{"title"}},
	"POST /v1/datalines":                     {required: []string{"project_id", "dataobject_id"}},
	"POST /v1/jobs":                          {required: []string{"project_id", "job_type"}, enums: [][]string{{"job_type", "upload"}}},
	"POST /v1/jobs/submit":                   {required: []string{"project_id", "job_type"}, enums: [][]string{{"job_type", "upload"}}},
	"POST /v1/query":                         {required: []string{"project_id", "question"}, filled: []string{"question"}},
	"POST /v1/build/query_program":           {required: []string{"question"}, filled: []string{"question"}},
	"POST /v1/run/queryprogram":              {required: []string{"queryprogram_id"}},
	"POST /v1/actions/evaluate/queryprogram": {required: []string{"queryprogram_id"}},
	"POST /v1/http/test-connection":          {required: []string{"url"}, filled: []string{"url"}},
	"POST /v1/http/execute-request":          {required: []string{"url", "project_id", "datasource_id"}, filled: []string{"url"}},
}

// documentBody writes into the document what the handler of the operation demands of
// the body, and what every body may be: a field that can be left out can also be
// null, and a body that demands nothing can be left out whole.
func documentBody(a huma.API, op *huma.Operation) {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return
	}
	content := op.RequestBody.Content["application/json"]
	s := content.Schema
	if s != nil && s.Ref != "" {
		s = a.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || s.Type != huma.TypeObject {
		return
	}
	d := demands[op.Method+" "+op.Path]
	body := *s
	body.Required = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s.Required), d.required...))))
	body.Properties = maps.Clone(s.Properties)
	for name, field := range body.Properties {
		body.Properties[name] = d.field(name, field, slices.Contains(body.Required, name))
	}
	one := 1
	for _, name := range d.oneOf {
		body.AnyOf = append(body.AnyOf, &huma.Schema{Required: []string{name}, Properties: map[string]*huma.Schema{name: {Type: huma.TypeString, MinLength: &one}}})
	}
	content.Schema = &body
	op.RequestBody.Required = len(body.Required)+len(body.AnyOf) > 0
}

// field returns how a field of a body is described.
func (d demand) field(name string, s *huma.Schema, required bool) *huma.Schema {
	if s.Ref != "" {
		if required {
			return s
		}
		return &huma.Schema{AnyOf: []*huma.Schema{s, {Type: "null"}}, Description: s.Description}
	}
	if s.Type == "" {
		return s // anything, null too
	}
	field := *s
	one, most := 1, 200
	if slices.Contains(d.filled, name) || required && strings.HasSuffix(name, "_id") && name != "new_platform_id" {
		field.MinLength = &one
	}
	if slices.Contains(d.email, name) {
		field.Format = "email"
	}
	if slices.Contains(d.line, name) {
		field.MinLength, field.MaxLength, field.Pattern = &one, &most, linePattern
	}
	if slices.Contains(d.title, name) {
		field.MaxLength, field.Pattern = &most, `^[^\x00-\x1f\x7f-\x9f]*$`
	}
	if r, ok := d.ranges[name]; ok {
		field.Minimum, field.Maximum = &r[0], &r[1]
	}
	for _, list := range d.enums {
		if list[0] != name {
			continue
		}
		allowed := make([]any, len(list)-1)
		for i, value := range list[1:] {
			allowed[i] = value
		}
		if field.Type == huma.TypeArray {
			items := *field.Items
			items.Enum, field.Items = allowed, &items
		} else {
			field.Enum = allowed
		}
	}
	if !required && !field.Nullable {
		field.Nullable = true
		if len(field.Enum) > 0 {
			field.Enum = append(slices.Clone(field.Enum), nil)
		}
	}
	return &field
}

// linePattern is that of a text on one line that is not only space.
const linePattern = `^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`

// documentStreams says of answers that are streams of events, in words, what their
// events are: OpenAPI 3.1 has no schema for one event.
func documentStreams(op *huma.Operation) {
	for _, r := range op.Responses {
		content := r.Content["text/event-stream"]
		if content == nil || content.Schema == nil {
			continue
		}
		if text := content.Schema.Description; text != "" {
			r.Description = strings.TrimSuffix(r.Description, ".") + ". " + text
		}
		r.Content = maps.Clone(r.Content)
		r.Content["text/event-stream"] = &huma.MediaType{}
	}
}
