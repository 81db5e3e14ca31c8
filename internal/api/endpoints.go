package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
	"millwright/internal/table"
)

// An APIEndpoint is a published program as clients see it.
type APIEndpoint struct {
	ID             string           `json:"id"`
	APIID          string           `json:"api_id" doc:"The version of the API that it is of"`
	Name           string           `json:"name" doc:"What tools call it"`
	EndpointName   string           `json:"endpoint_name" doc:"The same as name"`
	OperationID    string           `json:"operation_id" doc:"The same as name, in documents"`
	Path           string           `json:"path" doc:"After the slug and the version; without a slash" example:"orders-by-status"`
	URL            string           `json:"url" example:"/live/shop/v1/orders-by-status"`
	HTTPMethod     string           `json:"http_method" enum:"GET,POST" doc:"What is called by GET may be called by POST too"`
	Description    string           `json:"description"`
	Tags           []string         `json:"tags"`
	QueryProgramID string           `json:"queryprogram_id"`
	ProgramVersion int64            `json:"program_version" doc:"The version of the program that was frozen"`
	SlotList       []program.Slot   `json:"slot_list" doc:"Its parameters"`
	Columns        []ResultColumn   `json:"columns" doc:"Of its result"`
	RequestSchema  Object           `json:"request_schema" doc:"JSON Schema of the parameters"`
	ResponseSchema Object           `json:"response_schema" doc:"JSON Schema of the answer"`
	Example        Records          `json:"example" doc:"The first rows, as they were when it was published"`
	Snippets       []RequestSnippet `json:"snippets" doc:"Programs that call it"`
	Status         string           `json:"status" enum:"live,deprecated,removed"`
	DeprecatedAt   *time.Time       `json:"deprecated_at"`
	Sunset         *time.Time       `json:"sunset" doc:"When it may be removed"`
	CreatedAt      time.Time        `json:"created_at"`
	UpdatedAt      time.Time        `json:"updated_at"`
}

// A RequestSnippet is a program that calls an endpoint.
type RequestSnippet struct {
	Language string `json:"language" enum:"curl,python,javascript"`
	Label    string `json:"label"`
	Code     string `json:"code" doc:"Put your server in place of http://127.0.0.1:7400; the key is taken from the environment"`
}

// exampleServer is where a server is that nobody has moved.
const exampleServer = "http://127.0.0.1:7400"

func endpointWire(a publish.API, e publish.Endpoint) APIEndpoint {
	w := APIEndpoint{ID: e.ID, APIID: e.APIID, Name: e.Name, EndpointName: e.Name, OperationID: e.Name, Path: e.Path, URL: a.Path() + "/" + e.Path,
		HTTPMethod: e.Method, Description: e.Description, Tags: orEmpty(e.Tags), QueryProgramID: e.ProgramID, ProgramVersion: e.ProgramVersion,
		SlotList: orEmpty(e.Program.Slots), RequestSchema: Object(document.InputSchema(e)), ResponseSchema: Object(document.OutputSchema(e)),
		Columns: each(e.Columns, func(c table.Column) ResultColumn { return ResultColumn{Name: c.Name, Type: c.Type.String()} }),
		Example: Records("[]"), Status: e.Status, DeprecatedAt: e.DeprecatedAt, Sunset: e.Sunset, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
		Snippets: each(document.Snippets(a, e, exampleServer, nil), func(s document.Snippet) RequestSnippet { return RequestSnippet(s) })}
	if e.Example != nil {
		w.Example = Records(e.Example)
	}
	return w
}

func (s *Server) endpoints(a huma.API) {
	route(s, a, "GET /v1/apis/endpoints/api/{id}", "apis", "The endpoints of an API", func(ctx context.Context, in *APIInput) (*out[[]APIEndpoint], error) {
		found, err := s.api(ctx, in.ID)
		return okList(apiWire(found).Endpoints), err
	})
	route(s, a, "GET /v1/apis/endpoints/{id}", "apis", "One endpoint", func(ctx context.Context, in *IDInput) (*out[APIEndpoint], error) {
		found, e, err := s.endpoint(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return ok(endpointWire(found, e)), nil
	})
	route(s, a, "POST /v1/apis/endpoints", "apis", "Publish a program under a path and name of one's own", s.createEndpoint)
	route(s, a, "PATCH /v1/apis/endpoints/{id}", "apis", "Change where an endpoint is, what is said of it, and how long it answers", s.updateEndpoint)
	route(s, a, "DELETE /v1/apis/endpoints/{id}", "apis", "Remove an endpoint for good, with its usage", s.deleteEndpoint)
}

// endpoint returns an endpoint of a project that the caller sees.
func (s *Server) endpoint(ctx context.Context, id string) (publish.API, publish.Endpoint, error) {
	a, e, err := s.Publish.Endpoint(ctx, id)
	if err != nil {
		return a, e, err
	}
	if _, err := s.project(ctx, a.ProjectID); err != nil {
		if errs.KindOf(err) == errs.NotFound {
			err = errs.New(errs.NotFound, "no such endpoint").Named("endpoint-unknown")
		}
		return publish.API{}, publish.Endpoint{}, err
	}
	return a, e, nil
}

// EndpointFields are what creates or changes an endpoint.
type EndpointFields struct {
	_           struct{}   `json:"-" additionalProperties:"true"`
	Name        *string    `json:"endpoint_name,omitempty" minLength:"1" maxLength:"64" pattern:"^[a-z][a-z0-9_]*$" doc:"What tools call it: snake_case; after the path if absent"`
	Name2       *string    `json:"name,omitempty" minLength:"1" maxLength:"64" pattern:"^[a-z][a-z0-9_]*$" doc:"The same as endpoint_name"`
	HTTPMethod  *string    `json:"http_method,omitempty" enum:"GET,POST" doc:"GET, or POST for one that must not be called by GET"`
	Path        *string    `json:"path,omitempty" maxLength:"64" pattern:"^/?[A-Za-z0-9][A-Za-z0-9._~-]*/?$" doc:"After the slug and the version; after the program's name if absent"`
	Description *string    `json:"description,omitempty" maxLength:"10000" doc:"For people, and for tools to choose by; the question if absent"`
	Tags        Texts      `json:"tags,omitempty" doc:"A list of texts, or the same as JSON text"`
	Status      *string    `json:"status,omitempty" enum:"live,published,deprecated" doc:"In a change: deprecated, or live to take that back"`
	Sunset      *time.Time `json:"sunset,omitempty" doc:"In a change: when it may be removed, which makes it deprecated"`
}

func (f EndpointFields) wish() (publish.Wish, error) {
	w := publish.Wish{Name: first(f.Name, f.Name2), Method: f.HTTPMethod, Path: f.Path, Description: f.Description, Deprecated: deprecation(f.Status), Sunset: f.Sunset}
	if w.Path != nil {
		path := strings.Trim(*w.Path, "/")
		w.Path = &path
	}
	var err error
	w.Tags, err = f.Tags.list("/tags")
	return w, err
}

func (s *Server) createEndpoint(ctx context.Context, in *struct {
	Body struct {
		EndpointFields
		APIID          string `json:"api_id" doc:"The API, or its slug, that the program's project has"`
		QueryProgramID string `json:"queryprogram_id" doc:"Which program to publish"`
	}
}) (*out[APIEndpoint], error) {
	r, err := s.changeableProgram(ctx, in.Body.QueryProgramID)
	if err != nil {
		return nil, pointAt(err, "/queryprogram_id")
	}
	a, err := s.changeableAPI(ctx, in.Body.APIID)
	if err == nil && a.ProjectID != r.ProjectID {
		err = errs.New(errs.Invalid, "the program belongs to another project than the API").Named("project-differs").At("/queryprogram_id").
			Fix("name the API of the program's project")
	}
	if err != nil {
		return nil, pointAt(err, "/api_id")
	}
	wish, err := in.Body.wish()
	if err != nil {
		return nil, err
	}
	a, e, err := s.Publish.PublishAs(ctx, r.ProjectID, r.ID, caller(ctx).User.ID, wish)
	if err != nil {
		return nil, err
	}
	return ok(endpointWire(a, e)), nil
}

func (s *Server) updateEndpoint(ctx context.Context, in *struct {
	IDInput
	Body EndpointFields
}) (*out[APIEndpoint], error) {
	if err := s.mayChangeEndpoint(ctx, in.ID); err != nil {
		return nil, err
	}
	wish, err := in.Body.wish()
	if err != nil {
		return nil, err
	}
	a, e, err := s.Publish.ChangeEndpoint(ctx, in.ID, wish)
	if err != nil {
		return nil, err
	}
	return ok(endpointWire(a, e)), nil
}

func (s *Server) deleteEndpoint(ctx context.Context, in *IDInput) (*out[APIEndpoint], error) {
	if err := s.mayChangeEndpoint(ctx, in.ID); err != nil {
		return nil, err
	}
	a, e, err := s.Publish.DeleteEndpoint(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(endpointWire(a, e)), nil
}

func (s *Server) mayChangeEndpoint(ctx context.Context, id string) error {
	a, _, err := s.endpoint(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.changeable(ctx, a.ProjectID)
	return err
}
