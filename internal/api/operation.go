package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describe begins the description of an operation: a method and path
// ("GET /v1/projects/{id}"), a tag, and what it does.
func describe(pattern, tag, summary string) huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	return huma.Operation{
		OperationID:   operationID(method, path),
		Method:        method,
		Path:          path,
		Tags:          []string{tag},
		Summary:       summary,
		DefaultStatus: http.StatusOK,
		Security:      []map[string][]string{{"key": {}}, {"header": {}}, {"query": {}}},
		Responses:     map[string]*huma.Response{},
		// Bodies were read before, with a limit and a deadline. huma's own deadline
		// is never taken back: when it passes, net/http ends the request's context,
		// and with it whatever the operation still does.
		MaxBodyBytes:    -1,
		BodyReadTimeout: -1,
	}
}

// describeOpen is describe for an operation that needs no key.
func describeOpen(pattern, tag, summary string) huma.Operation {
	op := describe(pattern, tag, summary)
	op.Security = []map[string][]string{}
	return op
}

// keySchemes describes the places where a key may be sent.
func keySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		"key":    {Type: "http", Scheme: "bearer", Description: "An API key; the word Bearer may be left out"},
		"header": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key"},
		"query":  {Type: "apiKey", In: "query", Name: "nf_api_key", Description: "An API key, for clients that cannot send headers"},
	}
}

// route registers an operation that needs no more description than this.
func route[I, O any](s *Server, a huma.API, pattern, tag, summary string, do func(context.Context, *I) (*O, error)) {
	register(s, a, describe(pattern, tag, summary), do)
}

// register offers an operation: it may refuse with a problem document.
func register[I, O any](s *Server, a huma.API, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	describeRefusals(a, op)
	sayScope(&op)
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			p := problemOf(ctx, err)
			report(ctx, s.Log, p, err)
			return nil, p
		}
		return out, nil
	})
}

// describeRefusals documents how the operation may refuse.
func describeRefusals(a huma.API, op huma.Operation) {
	c := a.OpenAPI().Components
	if c.Responses == nil {
		c.Responses = map[string]*huma.Response{}
	}
	content := map[string]*huma.MediaType{(&Problem{}).ContentType(""): {Schema: c.Schemas.Schema(reflect.TypeFor[Problem](), true, "")}}
	refuse := func(status, name, when string) {
		c.Responses[name] = &huma.Response{Description: when, Content: content}
		op.Responses[status] = &huma.Response{Ref: "#/components/responses/" + name}
	}
	refuse("400", "Invalid", "The request is wrong; errors names the fields")
	refuse("default", "Refusal", "Any other refusal; title says of which kind")
	if len(op.Security) == 0 {
		return
	}
	refuse("401", "Anonymous", "The key is missing, unknown, or switched off")
	refuse("404", "NotFound", "There is no such thing, or not for the key's user")
	refuse("403", "Denied", "The key lacks the scope, or the role of its user does not allow it")
	refuse("429", "Busy", "The key has made too many requests, or too many queries wait, in all or of the project; Retry-After says when to try again")
	if op.Method == http.MethodPost || op.Method == http.MethodPut || op.Method == http.MethodPatch {
		refuse("413", "TooLarge", "The body, or what it asks for, is over a limit")
	}
}

// answers documents an answer that the operation writes itself.
func answers(op huma.Operation, description string, content map[string]*huma.MediaType) huma.Operation {
	op.Responses[strconv.Itoa(http.StatusOK)] = &huma.Response{Description: description, Content: content}
	return op
}

// operationID names an operation after its method and path: get-v1-projects-id.
func operationID(method, path string) string {
	clean := strings.NewReplacer("/", "-", "{", "", "}", "", "_", "-", ".", "-").Replace(path)
	return strings.ToLower(method) + clean
}

// An out is an answer with a JSON body.
type out[T any] struct{ Body T }

func ok[T any](body T) *out[T] { return &out[T]{Body: body} }

// A list is an answer that is a plain array, never null.
func okList[T any](items []T) *out[[]T] { return ok(orEmpty(items)) }
