package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/evaluate"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
)

func (s *Server) live(a huma.API) {
	result := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[LiveResult](), true, "")
	content := map[string]*huma.MediaType{
		"application/json":  {Schema: result},
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: "One event, complete, whose data are as in " + result.Ref}},
	}
	for _, format := range evaluate.Formats() {
		content[format.ContentType()] = &huma.MediaType{}
	}
	const slots = "Its parameters are the slots of the program, as the API's own document says. " + nullText + cachingText
	get := liveOperation("GET /live/{slug}/{version}/{path}", "Call an endpoint", content)
	get.Description = slots
	register(s, a, get, s.getLive)
	post := liveOperation("POST /live/{slug}/{version}/{path}", "Call an endpoint with a body", content)
	post.Description = slots + " They may stand in the query, in the object slots of the body, or beside it. A chat's ids make the answer a stream."
	register(s, a, post, s.postLive)

	page := answers(describe("GET /live/{slug}/{version}", "apis", "A page for people about an API"), "HTML", map[string]*huma.MediaType{"text/html; charset=utf-8": {Schema: &huma.Schema{Type: huma.TypeString}}})
	register(s, a, page, s.livePage)
	anything := map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}
	register(s, a, answers(describe("GET /live/{slug}/{version}/openapi.json", "apis", "The OpenAPI 3.1 document of an API"), "The document", anything), s.liveDocument)
	register(s, a, answers(describe("GET /live/{slug}/{version}/tools.json", "apis", "The endpoints of an API as functions that a language model may call"), "The functions", anything), s.liveTools)
}

// liveOperation describes a call. Parameters beside the slots are read by hand: which
// name they have depends on the slots.
func liveOperation(pattern, summary string, content map[string]*huma.MediaType) huma.Operation {
	op := runOperation(pattern, summary, content)
	op.Tags = []string{"live"}
	text := &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
	for _, name := range []string{"Deprecation", "Sunset", "Link"} {
		op.Responses["200"].Headers[name] = text
	}
	op.Responses["410"] = &huma.Response{Description: "The endpoint, or the version of its API, is published no more", Content: problemContent()}
	query := func(name, doc string, schema huma.Schema) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: doc, Schema: &schema})
	}
	least, most := 1.0, float64(maxPage)
	formats := []any{"json"}
	for _, f := range evaluate.Formats() {
		formats = append(formats, string(f))
	}
	query(publish.ControlFormat, "Files are always the whole result. This and the others are written with an underscore in front if a slot has their name", huma.Schema{Type: huma.TypeString, Enum: formats})
	query(publish.ControlLimit, "Rows of a page of JSON; 10,000 if absent", huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most})
	query(publish.ControlAfter, "next of the page before", huma.Schema{Type: huma.TypeString})
	query(publish.ControlAsOf, "table:version, …: versions of datasets to read instead of the current ones", huma.Schema{Type: huma.TypeString})
	query(publish.ControlCount, "Count the rows that are on other pages", huma.Schema{Type: huma.TypeBoolean})
	query(publish.ControlFormulas, "In CSV, keep spreadsheets from computing cells that begin with = + - @", huma.Schema{Type: huma.TypeBoolean})
	return op
}

func problemContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{(&Problem{}).ContentType(""): {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}
}

// A LiveDocument asks for a document about an API.
type LiveDocument struct {
	LiveVersion
	base string // where the server is, as the caller sees it
}

// Resolve keeps where the server was called.
func (in *LiveDocument) Resolve(ctx huma.Context) []error {
	r, _ := humachi.Unwrap(ctx)
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	in.base = scheme + "://" + r.Host
	return nil
}

func (s *Server) livePage(ctx context.Context, in *LiveDocument) (*huma.StreamResponse, error) {
	return s.liveText(ctx, in, "text/html; charset=utf-8", document.Page)
}

func (s *Server) liveDocument(ctx context.Context, in *LiveDocument) (*huma.StreamResponse, error) {
	return s.liveText(ctx, in, "application/json", document.OpenAPI)
}

func (s *Server) liveTools(ctx context.Context, in *LiveDocument) (*huma.StreamResponse, error) {
	return s.liveText(ctx, in, "application/json", func(a publish.API, _ string) ([]byte, error) { return document.Tools(a) })
}

func (s *Server) liveText(ctx context.Context, in *LiveDocument, contentType string, write func(publish.API, string) ([]byte, error)) (*huma.StreamResponse, error) {
	a, err := s.liveVersion(ctx, in.LiveVersion)
	if err != nil {
		return nil, err
	}
	text, err := write(a, in.base)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		h := w.Header()
		liveCall{api: a, endpoint: publish.Endpoint{DeprecatedAt: a.DeprecatedAt, Sunset: a.Sunset}}.announce(h, "")
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", document.Policy())
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Vary", "Authorization")
		w.WriteHeader(http.StatusOK)
		// An error here means that the caller has gone; there is nobody to tell.
		_, _ = w.Write(text)
	}}, nil
}
