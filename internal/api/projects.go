package api

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/project"
)

// A Project as clients see it.
type Project struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	TeamID      string          `json:"team_id"`
	Description string          `json:"description"`
	Metadata    json.RawMessage `json:"metadata"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	DeletedAt   *time.Time      `json:"deleted_at"`
}

func projectWire(p project.Project) Project {
	return Project{ID: p.ID, Name: p.Name, TeamID: p.TeamID, Description: p.Description, Metadata: p.Metadata,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt}
}

// project returns a project that the caller sees; errs.NotFound otherwise.
func (s *Server) project(ctx context.Context, id string) (project.Project, error) {
	return s.Projects.Get(ctx, caller(ctx).TeamIDs, id)
}

// changeable returns a project that the caller may change things in.
func (s *Server) changeable(ctx context.Context, id string) (project.Project, error) {
	p, err := s.project(ctx, id)
	if err != nil {
		return p, err
	}
	return p, caller(ctx).MayChange(p.TeamID)
}

type projectFields struct {
	_           struct{}        `json:"-" additionalProperties:"true"`
	Name        *string         `json:"name,omitempty" example:"Shop"`
	Description *string         `json:"description,omitempty"`
	TeamID      *string         `json:"team_id,omitempty" doc:"The caller's first team if absent"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
}

// A DeleteInput names a thing to delete.
type DeleteInput struct {
	IDInput
	Permanent bool `query:"permanent" doc:"Remove it for good instead of hiding it"`
}

func (s *Server) projects(a huma.API) {
	route(s, a, "GET /v1/projects", "projects", "The projects that the key sees, oldest first", func(ctx context.Context, in *struct {
		TeamID         string `query:"team_id"`
		IncludeDeleted bool   `query:"include_deleted"`
	}) (*out[[]Project], error) {
		projects, err := s.Projects.List(ctx, caller(ctx).TeamIDs, in.TeamID, in.IncludeDeleted)
		return okList(each(projects, projectWire)), err
	})
	route(s, a, "GET /v1/projects/{id}", "projects", "One project", func(ctx context.Context, in *IDInput) (*out[Project], error) {
		p, err := s.project(ctx, in.ID)
		return ok(projectWire(p)), err
	})
	route(s, a, "POST /v1/projects", "projects", "Create a project", s.createProject)
	route(s, a, "PATCH /v1/projects/{id}", "projects", "Change a project", s.updateProject)
	route(s, a, "DELETE /v1/projects/{id}", "projects", "Delete a project", func(ctx context.Context, in *DeleteInput) (*out[Project], error) {
		// A hidden project can still be removed for good, so the store looks it up.
		list, err := s.Projects.List(ctx, caller(ctx).TeamIDs, "", true)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(list, func(p project.Project) bool { return p.ID == in.ID }); i >= 0 {
			if err := caller(ctx).MayChange(list[i].TeamID); err != nil {
				return nil, err
			}
		}
		p, err := s.Projects.Delete(ctx, caller(ctx).TeamIDs, in.ID, in.Permanent)
		return ok(projectWire(p)), err
	})
}

func (s *Server) createProject(ctx context.Context, in *struct{ Body projectFields }) (*out[Project], error) {
	who := caller(ctx)
	if in.Body.TeamID == nil || *in.Body.TeamID == "" {
		if len(who.TeamIDs) == 0 {
			return nil, errs.New(errs.Denied, "the key's user is in no team, and a project needs one").Fix("ask an admin to add the user to a team")
		}
		in.Body.TeamID = &who.TeamIDs[0]
	}
	if !slices.Contains(who.TeamIDs, *in.Body.TeamID) {
		return nil, errs.New(errs.NotFound, "no such team").At("/team_id")
	}
	if err := who.MayChange(*in.Body.TeamID); err != nil {
		return nil, err
	}
	p, err := s.Projects.Create(ctx, project.Project{TeamID: *in.Body.TeamID, Name: text(in.Body.Name), Description: text(in.Body.Description), Metadata: in.Body.Metadata})
	return ok(projectWire(p)), err
}

func (s *Server) updateProject(ctx context.Context, in *struct {
	IDInput
	Body projectFields
}) (*out[Project], error) {
	if _, err := s.changeable(ctx, in.ID); err != nil {
		return nil, err
	}
	p, err := s.Projects.Update(ctx, caller(ctx).TeamIDs, in.ID, project.Change{
		Name: in.Body.Name, Description: in.Body.Description, Metadata: in.Body.Metadata, TeamID: in.Body.TeamID})
	return ok(projectWire(p)), err
}

// text returns *p, or "" if p is nil.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
