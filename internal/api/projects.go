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
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	TeamID      string     `json:"team_id"`
	Description string     `json:"description"`
	Metadata    Object     `json:"metadata"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
}

func projectWire(p project.Project) Project {
	return Project{ID: p.ID, Name: p.Name, TeamID: p.TeamID, Description: p.Description, Metadata: Object(p.Metadata),
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
	Name        *string         `json:"name,omitempty" doc:"1 to 200 characters on one line" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"a text on one line" example:"Shop"`
	Description *string         `json:"description,omitempty" doc:"For people"`
	TeamID      *string         `json:"team_id,omitempty" doc:"Whose it is: the caller's first team if absent; another one moves it"`
	Metadata    Object          `json:"metadata,omitempty" doc:"An object of the caller's own"`
	DeletedAt   json.RawMessage `json:"deleted_at,omitempty" doc:"In a change: null brings a deleted project back, a time deletes it"`
}

// newProject are the same for a project that is created.
type newProject projectFields

// TransformSchema says what cannot be left out.
func (newProject) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return requiring(s, "name")
}

// A DeleteInput names a thing to delete.
type DeleteInput struct {
	IDInput
	Permanent bool `query:"permanent" doc:"Remove it for good instead of hiding it"`
}

func (s *Server) projects(a huma.API) {
	route(s, a, "GET /v1/projects", "projects", "The projects that the key sees, oldest first", func(ctx context.Context, in *struct {
		TeamID         string `query:"team_id" doc:"Only projects of this team"`
		IncludeDeleted bool   `query:"include_deleted" doc:"Deleted ones too"`
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
		if err := s.mayChangeProject(ctx, in.ID); err != nil {
			return nil, err
		}
		p, err := s.Projects.Delete(ctx, caller(ctx).TeamIDs, in.ID, in.Permanent)
		return ok(projectWire(p)), err
	})
}

// mayChangeProject checks the caller's role for a project that may be deleted:
// such a one can be brought back, or removed for good.
func (s *Server) mayChangeProject(ctx context.Context, id string) error {
	list, err := s.Projects.List(ctx, caller(ctx).TeamIDs, "", true)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(list, func(p project.Project) bool { return p.ID == id }); i >= 0 {
		return caller(ctx).MayChange(list[i].TeamID)
	}
	return errs.New(errs.NotFound, "no such project")
}

// mayAddTo checks that the caller may put things into the project that the body
// names.
func (s *Server) mayAddTo(ctx context.Context, id string) error {
	if id == "" {
		return errs.New(errs.Invalid, "project_id is missing").Named("field-missing").At("/project_id")
	}
	_, err := s.changeable(ctx, id)
	return pointAt(err, "/project_id")
}

// mayUseTeam checks that the caller may put things into the team.
func mayUseTeam(ctx context.Context, team string) error {
	if !slices.Contains(caller(ctx).TeamIDs, team) {
		return errs.New(errs.NotFound, "no such team").At("/team_id")
	}
	return caller(ctx).MayChange(team)
}

func (s *Server) createProject(ctx context.Context, in *struct{ Body newProject }) (*out[Project], error) {
	who := caller(ctx)
	if in.Body.TeamID == nil || *in.Body.TeamID == "" {
		if len(who.TeamIDs) == 0 {
			return nil, errs.New(errs.Denied, "the key's user is in no team, and a project needs one").Fix("ask an admin to add the user to a team")
		}
		in.Body.TeamID = &who.TeamIDs[0]
	}
	if err := mayUseTeam(ctx, *in.Body.TeamID); err != nil {
		return nil, err
	}
	p, err := s.Projects.Create(ctx, project.Project{TeamID: *in.Body.TeamID, Name: text(in.Body.Name), Description: text(in.Body.Description), Metadata: json.RawMessage(in.Body.Metadata)})
	return ok(projectWire(p)), err
}

func (s *Server) updateProject(ctx context.Context, in *struct {
	IDInput
	Body projectFields
}) (*out[Project], error) {
	if err := s.mayChangeProject(ctx, in.ID); err != nil {
		return nil, err
	}
	c := project.Change{Name: in.Body.Name, Description: in.Body.Description, Metadata: json.RawMessage(in.Body.Metadata), TeamID: in.Body.TeamID}
	if c.TeamID != nil {
		if err := mayUseTeam(ctx, *c.TeamID); err != nil {
			return nil, err
		}
	}
	if in.Body.DeletedAt != nil {
		deleted := string(in.Body.DeletedAt) != "null"
		c.Deleted = &deleted
	}
	p, err := s.Projects.Update(ctx, caller(ctx).TeamIDs, in.ID, c)
	return ok(projectWire(p)), err
}

// text returns *p, or "" if p is nil.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
