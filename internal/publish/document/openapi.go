// Package document describes a published API to those who call it: as an OpenAPI
// document, as tools for function calling, as a page for people, and as programs
// that call it. It is pure: equal arguments give equal text.
//
// What it says of answers is what [millwright/internal/evaluate] writes, with the
// columns that the endpoint had when it was published. Where a slot decides about
// columns or types, the schema says only what holds for every choice.
package document

import (
	"cmp"
	"encoding/json"
	"strings"

	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/publish"
)

// OpenAPI returns the OpenAPI 3.1 document of a published API as it is served
// below baseURL. Equal arguments give equal text.
func OpenAPI(api publish.API, baseURL string) ([]byte, error) {
	paths, schemas := object{}, object{{"Problem", problemSchema()}}
	for _, ep := range api.Live() {
		columns := resultColumns(ep.Program, ep.Columns)
		schemas = schemas.
			with(ep.Name+"_record", recordSchema(columns)).
			with(ep.Name+"_row", rowSchema(columns)).
			with(ep.Name+"_result", resultSchema(columns, ref("schemas", ep.Name+"_row"), ref("schemas", ep.Name+"_record")))
		paths = paths.with("/"+ep.Path, object{{strings.ToLower(method(ep)), operation(api, ep)}})
	}
	doc := object{
		{"openapi", "3.1.0"},
		{"info", info(api)},
		{"servers", []object{{{"url", Root(api, baseURL)}}}},
		{"security", []object{{{"key", []string{}}}, {{"header", []string{}}}, {{"query", []string{}}}}},
	}
	if len(api.Tags) > 0 {
		tags := make([]object, len(api.Tags))
		for i, tag := range api.Tags {
			tags[i] = object{{"name", tag}}
		}
		doc = doc.with("tags", tags)
	}
	doc = doc.with("paths", paths).with("components", object{
		{"schemas", schemas}, {"parameters", commonParameters()}, {"headers", commonHeaders()},
		{"responses", refusals()}, {"securitySchemes", securitySchemes()}})
	return json.MarshalIndent(doc, "", "  ")
}

// Root returns where the endpoints of an API are served.
func Root(api publish.API, baseURL string) string {
	return strings.TrimSuffix(baseURL, "/") + api.Path()
}

func method(ep publish.Endpoint) string { return cmp.Or(ep.Method, "GET") }

// isDeprecated reports whether the endpoint will go away, with its API or alone.
func isDeprecated(api publish.API, ep publish.Endpoint) bool {
	return api.Status == publish.Deprecated || ep.Status == publish.Deprecated
}

func info(api publish.API) object {
	text := api.Description
	if api.Status == publish.Deprecated {
		text = strings.TrimSpace(text + "\n\n" + deprecation(api))
	}
	o := object{{"title", title(api)}, {"version", api.Version}}
	if text != "" {
		o = o.with("description", text)
	}
	return o
}

func title(api publish.API) string { return cmp.Or(api.Name, api.Slug) }

func deprecation(api publish.API) string {
	if api.Sunset == nil {
		return "This version is deprecated: a newer one takes its place."
	}
	return "This version is deprecated and will be removed after " + api.Sunset.UTC().Format("2006-01-02") + ": a newer one takes its place."
}

func operation(api publish.API, ep publish.Endpoint) object {
	o := object{{"operationId", ep.Name}, {"summary", summary(ep)}}
	if ep.Description != "" && ep.Description != summary(ep) {
		o = o.with("description", ep.Description)
	}
	if len(ep.Tags) > 0 {
		o = o.with("tags", ep.Tags)
	}
	if isDeprecated(api, ep) {
		o = o.with("deprecated", true)
	}
	return o.with("parameters", parameters(ep)).with("responses", responses(ep))
}

// summary returns the question that the endpoint answers.
func summary(ep publish.Endpoint) string {
	return cmp.Or(ep.Program.Cue, ep.Program.Name, ep.Description, ep.Name)
}

// parameters describes the slots, and then what every endpoint takes.
func parameters(ep publish.Endpoint) []object {
	list := []object{}
	preset, example := defaults(ep.Program), examples(ep.Program, ep.Example)
	for _, s := range ep.Program.Slots {
		schema := slotSchema(s)
		if v, ok := preset[s.Name]; ok {
			schema = schema.with("default", v)
		}
		p := object{{"name", s.Name}, {"in", "query"}}
		if text := explain(s); text != "" {
			p = p.with("description", text)
		}
		if s.Required {
			p = p.with("required", true)
		}
		if s.Type != program.String {
			p = p.with("allowEmptyValue", true) // which is taken for none
		}
		if s.Type == program.ValueList {
			p = p.with("style", "form").with("explode", true)
		}
		p = p.with("schema", schema)
		if v, ok := example[s.Name]; ok {
			p = p.with("example", v)
		}
		list = append(list, p)
	}
	for _, c := range controls() {
		if name := ep.Control(c.name); name != c.name {
			list = append(list, c.parameter(name))
			continue
		}
		list = append(list, ref("parameters", c.name))
	}
	return append(list, ref("parameters", "If-None-Match"))
}

// A control is a parameter that every endpoint takes besides its slots.
type control struct {
	name, text string
	schema     object
}

// parameter describes the control under a name.
func (c control) parameter(name string) object {
	return object{{"name", name}, {"in", "query"}, {"description", c.text}, {"allowEmptyValue", true}, {"schema", c.schema}}
}

func controls() []control {
	formats := []string{"json"}
	for _, f := range evaluate.Formats() {
		formats = append(formats, string(f))
	}
	return []control{
		{publish.ControlFormat, "The form of the answer; a file always holds every row", typed("string").with("enum", formats).with("default", "json")},
		{publish.ControlLimit, "Rows of a page of JSON", typed("integer").with("minimum", 1).with("maximum", 100_000)},
		{publish.ControlAfter, "next of the page before", typed("string")},
		{publish.ControlAsOf, "Versions of datasets to read instead of the current ones, as table:version, separated by commas", typed("string")},
		{publish.ControlCount, "Count the rows that are left out", typed("boolean")},
		{publish.ControlFormulas, "In CSV, keep spreadsheets from computing cells that begin with = + - @", typed("boolean")},
	}
}

func commonParameters() object {
	var list object
	for _, c := range controls() {
		list = list.with(c.name, c.parameter(c.name))
	}
	return list.with("If-None-Match", object{{"name", "If-None-Match"}, {"in", "header"},
		{"description", "The ETag of an answer that the caller has: if nothing has changed since, 304 is sent instead of it"}, {"schema", typed("string")}})
}

func responses(ep publish.Endpoint) object {
	content := object{{"application/json", object{{"schema", ref("schemas", ep.Name+"_result")}}}}
	for _, f := range evaluate.Formats() {
		schema := anything
		if f == evaluate.CSV || f == evaluate.NDJSON {
			schema = typed("string")
		}
		content = content.with(f.ContentType(), object{{"schema", schema}})
	}
	headers := object{}
	for _, h := range commonHeaders() {
		headers = headers.with(h.name, ref("headers", h.name))
	}
	return object{
		{"200", object{{"description", "The answer, in the form that was asked for"}, {"headers", headers}, {"content", content}}},
		{"304", object{{"description", "The answer is the one whose ETag was sent"}, {"headers", object{{"ETag", ref("headers", "ETag")}}}}},
		{"400", ref("responses", "Invalid")},
		{"401", ref("responses", "Anonymous")},
		{"403", ref("responses", "Denied")},
		{"404", ref("responses", "NotFound")},
		{"410", ref("responses", "Gone")},
		{"413", ref("responses", "TooLarge")},
		{"429", ref("responses", "Busy")},
		{"default", ref("responses", "Refusal")},
	}
}

func commonHeaders() object {
	header := func(name, text string) member {
		return member{name, object{{"description", text}, {"schema", typed("string")}}}
	}
	return object{
		header("ETag", "Names this answer, for If-None-Match"),
		header("Cache-Control", "Who may keep the answer, and for how long"),
		header("Cache-Status", "Whether the answer was kept from before"),
		header("Deprecation", "Since when the endpoint is deprecated (RFC 9745); absent while it is not"),
		header("Sunset", "When the endpoint will be removed (RFC 8594); absent while that is not known"),
		header("Link", "rel=next: the next page; of a deprecated endpoint, rel=successor-version: the newest version"),
	}
}

func refusals() object {
	refuse := func(name, when string) member {
		return member{name, object{{"description", when}, {"content", object{{"application/problem+json", object{{"schema", ref("schemas", "Problem")}}}}}}}
	}
	return object{
		refuse("Invalid", "A parameter is wrong; errors names it"),
		refuse("Anonymous", "The key is missing, unknown, or switched off"),
		refuse("Denied", "The key may not call this"),
		refuse("NotFound", "There is no such endpoint, or not for this key"),
		refuse("Gone", "The endpoint is published no more"),
		refuse("TooLarge", "The query takes more time or memory than a query may"),
		refuse("Busy", "Too many requests; Retry-After says when to try again"),
		refuse("Refusal", "Any other refusal; title says of which kind"),
	}
}

func securitySchemes() object {
	return object{
		{"key", object{{"type", "http"}, {"scheme", "bearer"}, {"description", "An API key"}}},
		{"header", object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}},
		{"query", object{{"type", "apiKey"}, {"in", "query"}, {"name", "nf_api_key"}, {"description", "For clients that cannot send headers"}}},
	}
}
