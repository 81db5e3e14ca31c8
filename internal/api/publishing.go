package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/program/store"
	"millwright/internal/publish"
)

// An API as clients see it: one version of what a project offers.
type API struct {
	ID            string        `json:"id" doc:"Of this version"`
	ProjectID     string        `json:"project_id"`
	Name          string        `json:"name"`
	Description   string        `json:"description"`
	Slug          string        `json:"slug" doc:"In the URLs of its endpoints"`
	BasePath      string        `json:"base_path" doc:"The same as slug"`
	Version       string        `json:"version" example:"v1"`
	Status        string        `json:"status" enum:"draft,published,deprecated,removed" doc:"draft: it has no endpoint yet"`
	Tags          []string      `json:"tags"`
	Specification Object        `json:"specification" doc:"Always null: the document is at openapi_url"`
	Endpoints     []APIEndpoint `json:"endpoints" doc:"Those that answer"`
	URL           string        `json:"url" doc:"Its page for people" example:"/live/shop/v1"`
	OpenAPIURL    string        `json:"openapi_url" example:"/live/shop/v1/openapi.json"`
	ToolsURL      string        `json:"tools_url" example:"/live/shop/v1/tools.json"`
	Newest        string        `json:"newest_version" doc:"The version that took its place, if it is another" example:"v2"`
	Reason        *string       `json:"reason" doc:"Why this version was opened: what broke the one before"`
	DeprecatedAt  *time.Time    `json:"deprecated_at"`
	Sunset        *time.Time    `json:"sunset" doc:"When a deprecated version may be removed"`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

func apiWire(a publish.API) API {
	w := API{ID: a.ID, ProjectID: a.ProjectID, Name: a.Name, Description: a.Description, Slug: a.Slug, BasePath: a.Slug, Version: a.Version, Status: a.Status,
		Tags: orEmpty(a.Tags), Endpoints: []APIEndpoint{}, URL: a.Path(), OpenAPIURL: a.Path() + "/openapi.json", ToolsURL: a.Path() + "/tools.json",
		Newest: a.Newest, Reason: orNull(a.Reason), DeprecatedAt: a.DeprecatedAt, Sunset: a.Sunset, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	for _, e := range a.Live() {
		w.Endpoints = append(w.Endpoints, endpointWire(a, e))
	}
	return w
}

// api returns an API of a project that the caller sees; who does not, learns nothing.
func (s *Server) api(ctx context.Context, slugOrID string) (publish.API, error) {
	a, err := s.Publish.API(ctx, slugOrID)
	if err != nil {
		return a, err
	}
	if _, err := s.project(ctx, a.ProjectID); err != nil {
		return publish.API{}, noAPI(err)
	}
	return a, nil
}

// noAPI hides that the project is there, and nothing else.
func noAPI(err error) error {
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	return errs.New(errs.NotFound, "no such API").Named("api-unknown")
}

// changeableAPI returns an API that the caller may change.
func (s *Server) changeableAPI(ctx context.Context, slugOrID string) (publish.API, error) {
	a, err := s.api(ctx, slugOrID)
	if err != nil {
		return a, err
	}
	_, err = s.changeable(ctx, a.ProjectID)
	return a, err
}

// An APIInput names an API.
type APIInput struct {
	ID string `path:"id" doc:"Its slug, for the newest version, or the id of a version" example:"shop"`
}

// APIFields are what creates or changes an API.
type APIFields struct {
	_           struct{}   `json:"-" additionalProperties:"true"`
	Slug        *string    `json:"slug,omitempty" minLength:"1" maxLength:"64" pattern:"^[a-z0-9]+(-[a-z0-9]+)*$" doc:"In the URLs of its endpoints; after the project's name if absent"`
	BasePath    *string    `json:"base_path,omitempty" minLength:"1" maxLength:"64" pattern:"^/?[a-z0-9]+(-[a-z0-9]+)*/?$" doc:"The same as slug, in older clients"`
	Name        *string    `json:"name,omitempty" maxLength:"200" doc:"For people; the project's name if absent"`
	Description *string    `json:"description,omitempty" maxLength:"10000" doc:"For people"`
	Tags        Texts      `json:"tags,omitempty" doc:"A list of texts, or the same as JSON text"`
	Status      *string    `json:"status,omitempty" enum:"draft,published,deprecated" doc:"In a change: deprecated, or published to take that back; anything else follows from what is published"`
	Sunset      *time.Time `json:"sunset,omitempty" doc:"In a change: when the version may be removed, which makes it deprecated"`
}

func (f APIFields) change() (publish.Change, error) {
	c := publish.Change{Slug: f.Slug, Name: f.Name, Description: f.Description, Deprecated: deprecation(f.Status), Sunset: f.Sunset}
	if c.Slug == nil && f.BasePath != nil {
		slug := strings.Trim(*f.BasePath, "/")
		c.Slug = &slug
	}
	var err error
	c.Tags, err = f.Tags.list("/tags")
	return c, err
}

// deprecation returns what a status says of that; nil for nothing.
func deprecation(status *string) *bool {
	if status == nil {
		return nil
	}
	is := *status == publish.Deprecated
	if !is && *status != publish.Published && *status != publish.Live {
		return nil
	}
	return &is
}

func (s *Server) publishing(a huma.API) {
	route(s, a, "PATCH /v1/queryprograms/{id}/publish", "apis", "Publish a program as an endpoint of its project's API, or publish what it has become", s.publishProgram)
	route(s, a, "PATCH /v1/queryprograms/{id}/unpublish", "apis", "Take the endpoints of a program away", s.unpublishProgram)
	route(s, a, "GET /v1/apis/project/{id}", "apis", "The API of a project, in its newest version", s.projectAPIs)
	route(s, a, "GET /v1/apis/project/{id}/versions", "apis", "All versions of the API of a project, newest first", s.apiVersions)
	route(s, a, "GET /v1/apis/project/{id}/published-programs", "apis", "The programs of a project that are published", s.publishedPrograms)
	route(s, a, "GET /v1/apis/queryprogram/{id}", "apis", "The API that offers a program", s.programAPI)
	route(s, a, "GET /v1/apis/{id}", "apis", "One API", func(ctx context.Context, in *APIInput) (*out[API], error) {
		found, err := s.api(ctx, in.ID)
		return ok(apiWire(found)), err
	})
	route(s, a, "POST /v1/apis", "apis", "Make the API of a project before anything is published there", s.createAPI)
	route(s, a, "PATCH /v1/apis/{id}", "apis", "Change an API: its slug and texts, of all versions, and how long this one answers", s.updateAPI)
	route(s, a, "DELETE /v1/apis/{id}", "apis", "Remove an old version of an API; of the newest, or by its slug, the whole API, for good", s.deleteAPI)
	s.endpoints(a)
	s.usages(a)
	s.live(a)
}

// A PublishInput names a program to publish.
type PublishInput struct {
	IDInput
	Body struct {
		_          struct{} `json:"-" additionalProperties:"true"`
		GroupSlots bool     `json:"group_slots,omitempty" doc:"Of older clients; each slot is a parameter of its own"`
	}
}

func (s *Server) publishProgram(ctx context.Context, in *PublishInput) (*out[QueryProgram], error) {
	r, err := s.changeableProgram(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.Publish.Publish(ctx, r.ProjectID, r.ID, caller(ctx).User.ID); err != nil {
		return nil, err
	}
	r, err = s.Programs.Get(ctx, r.ID)
	return ok(programWire(r)), err
}

func (s *Server) unpublishProgram(ctx context.Context, in *PublishInput) (*out[QueryProgram], error) {
	r, err := s.changeableProgram(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Publish.Unpublish(ctx, r.ProjectID, r.ID); err != nil {
		return nil, err
	}
	r, err = s.Programs.Get(ctx, r.ID)
	return ok(programWire(r)), err
}

func (s *Server) projectAPIs(ctx context.Context, in *IDInput) (*out[[]API], error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Publish.APIs(ctx, in.ID)
	return okList(each(list, apiWire)), err
}

func (s *Server) apiVersions(ctx context.Context, in *IDInput) (*out[[]API], error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Publish.Versions(ctx, in.ID)
	return okList(each(list, apiWire)), err
}

func (s *Server) publishedPrograms(ctx context.Context, in *IDInput) (*out[[]QueryProgram], error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Programs.List(ctx, store.Filter{ProjectID: in.ID, PublishedOnly: true})
	return okList(each(list, programWire)), err
}

func (s *Server) programAPI(ctx context.Context, in *IDInput) (*out[API], error) {
	r, err := s.program(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, _, err := s.Publish.OfProgram(ctx, r.ProjectID, r.ID)
	return ok(apiWire(found)), err
}

func (s *Server) createAPI(ctx context.Context, in *struct {
	Body struct {
		APIFields
		ProjectID string  `json:"project_id" doc:"Whose API it is; a project has one"`
		Version   *string `json:"version,omitempty" doc:"Of older clients; an API begins at v1, and breaking changes raise it"`
	}
}) (*out[API], error) {
	if err := s.mayAddTo(ctx, in.Body.ProjectID); err != nil {
		return nil, err
	}
	c, err := in.Body.change()
	if err != nil {
		return nil, err
	}
	made, err := s.Publish.Create(ctx, in.Body.ProjectID, c)
	return ok(apiWire(made)), err
}

func (s *Server) updateAPI(ctx context.Context, in *struct {
	APIInput
	Body APIFields
}) (*out[API], error) {
	if _, err := s.changeableAPI(ctx, in.ID); err != nil {
		return nil, err
	}
	c, err := in.Body.change()
	if err != nil {
		return nil, err
	}
	changed, err := s.Publish.Change(ctx, in.ID, c)
	return ok(apiWire(changed)), err
}

func (s *Server) deleteAPI(ctx context.Context, in *APIInput) (*out[API], error) {
	if _, err := s.changeableAPI(ctx, in.ID); err != nil {
		return nil, err
	}
	gone, err := s.Publish.Delete(ctx, in.ID)
	return ok(apiWire(gone)), err
}
