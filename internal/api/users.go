package api

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

type userFields struct {
	_              struct{} `json:"-" additionalProperties:"true"`
	Email          *string  `json:"email,omitempty" doc:"Unique" example:"ada@example.org"`
	Name           *string  `json:"name,omitempty" doc:"For people" example:"Ada"`
	Role           *string  `json:"role,omitempty" enum:"admin,member,viewer" doc:"In the organisation; member if absent"`
	OrganizationID *string  `json:"organization_id,omitempty" doc:"Whose user it is: of the caller's own organisation if absent"`
	Metadata       Object   `json:"metadata,omitempty" doc:"An object of the caller's own"`
}

func (s *Server) users(a huma.API) {
	route(s, a, "GET /v1/users", "tenants", "The users of an organisation, oldest first", func(ctx context.Context, in *struct {
		OrganizationID string `query:"organization_id" doc:"Of which organisation; the caller's own if absent"`
	}) (*out[[]User], error) {
		list, err := s.Tenants.Users(ctx, caller(ctx), in.OrganizationID)
		return okList(each(list, userWire)), err
	})
	route(s, a, "GET /v1/users/get_teams_with_organizations_and_projects", "tenants", "The teams of a user that the key sees too, with their projects", s.teamsOfUser)
	route(s, a, "GET /v1/users/{id}", "tenants", "One user", func(ctx context.Context, in *IDInput) (*out[User], error) {
		u, err := s.Tenants.User(ctx, caller(ctx), in.ID)
		return ok(userWire(u)), err
	})
	route(s, a, "POST /v1/users", "tenants", "Create a user, who is in no team yet", func(ctx context.Context, in *struct{ Body userFields }) (*out[User], error) {
		b := in.Body
		u, err := s.Tenants.CreateUser(ctx, caller(ctx), tenant.User{Email: text(b.Email), Name: text(b.Name), Role: text(b.Role), OrganizationID: text(b.OrganizationID), Metadata: json.RawMessage(b.Metadata)})
		return ok(userWire(u)), err
	})
	route(s, a, "PATCH /v1/users/{id}", "tenants", "Change a user; everybody may change their own email, name and metadata", func(ctx context.Context, in *struct {
		IDInput
		Body userFields
	}) (*out[User], error) {
		b := in.Body
		u, err := s.Tenants.UpdateUser(ctx, caller(ctx), in.ID, tenant.UserChange{Email: b.Email, Name: b.Name, Role: b.Role, OrganizationID: b.OrganizationID, Metadata: json.RawMessage(b.Metadata)})
		return ok(userWire(u)), err
	})
	route(s, a, "DELETE /v1/users/{id}", "tenants", "Delete a user; its keys stop working", func(ctx context.Context, in *IDInput) (*out[User], error) {
		u, err := s.Tenants.DeleteUser(ctx, caller(ctx), in.ID)
		return ok(userWire(u)), err
	})
	route(s, a, "POST /v1/users/{id}/move", "tenants", "Move a user to another organisation", func(ctx context.Context, in *struct {
		IDInput
		Body Move
	}) (*out[User], error) {
		to, err := in.Body.to()
		if err != nil {
			return nil, err
		}
		u, err := s.Tenants.UpdateUser(ctx, caller(ctx), in.ID, tenant.UserChange{OrganizationID: to})
		return ok(userWire(u)), err
	})
	s.userRoles(a)
}

// A Role is what a user may do in its organisation. There are three, and a user
// has one of them.
type Role struct {
	ID          string `json:"id" enum:"admin,member,viewer"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func roleWire(role string) Role {
	return Role{ID: role, Name: role, Description: map[string]string{
		tenant.Admin: "may do everything, and manage people", tenant.Member: "may read and change", tenant.Viewer: "may read"}[role]}
}

// A RoleInput names a role of a user in the path.
type RoleInput struct {
	IDInput
	Role string `path:"role_id" enum:"admin,member,viewer" doc:"Which role"`
}

func (s *Server) userRoles(a huma.API) {
	route(s, a, "GET /v1/users/{id}/roles", "tenants", "The role of a user in its organisation: a list of one", func(ctx context.Context, in *IDInput) (*out[[]Role], error) {
		u, err := s.Tenants.User(ctx, caller(ctx), in.ID)
		return okList([]Role{roleWire(u.Role)}), err
	})
	route(s, a, "POST /v1/users/{id}/roles/{role_id}", "tenants", "Give a user this role in place of the one it has", func(ctx context.Context, in *struct {
		RoleInput
		Body struct {
			_ struct{} `json:"-" additionalProperties:"true"`
		}
	}) (*out[[]Role], error) {
		u, err := s.Tenants.UpdateUser(ctx, caller(ctx), in.ID, tenant.UserChange{Role: &in.Role})
		return okList([]Role{roleWire(u.Role)}), err
	})
	route(s, a, "DELETE /v1/users/{id}/roles/{role_id}", "tenants", "Take a role from a user, who is a viewer then", func(ctx context.Context, in *RoleInput) (*out[[]Role], error) {
		u, err := s.Tenants.User(ctx, caller(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		if u.Role != in.Role {
			return nil, errs.New(errs.NotFound, "the user does not have this role")
		}
		least := tenant.Viewer
		u, err = s.Tenants.UpdateUser(ctx, caller(ctx), in.ID, tenant.UserChange{Role: &least})
		return okList([]Role{roleWire(u.Role)}), err
	})
}

// UserTeams are teams of a user, as older clients ask for them at the sign-in.
type UserTeams struct {
	Teams []TeamWithProjects `json:"teams"`
}

// A TeamWithProjects is a team with what is above and below it.
type TeamWithProjects struct {
	Team
	Projects      []Project    `json:"projects"`
	Organizations Organization `json:"organizations"`
}

func (s *Server) teamsOfUser(ctx context.Context, in *struct {
	UserID      string `query:"user_id" doc:"Whose teams; the caller's if nothing is sent"`
	Email       string `query:"email" doc:"The same by address"`
	ClerkUserID string `query:"clerk_user_id" doc:"There are no such ids here: only the caller's own teams can be meant"`
}) (*out[UserTeams], error) {
	who := caller(ctx)
	u, err := who.User, error(nil)
	switch {
	case in.UserID != "":
		u, err = s.Tenants.User(ctx, who, in.UserID)
	case in.Email != "":
		u, err = s.Tenants.UserByEmail(ctx, who, in.Email)
	}
	if err != nil {
		return nil, err
	}
	teams, err := s.Tenants.Teams(ctx, who, "")
	if err != nil {
		return nil, err
	}
	found := UserTeams{Teams: []TeamWithProjects{}}
	for _, t := range teams {
		members, err := s.Tenants.Memberships(ctx, who, t.ID)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(members, func(m tenant.Membership) bool { return m.UserID == u.ID }) {
			continue
		}
		o, err := s.Tenants.Organization(ctx, who, t.OrganizationID)
		if err != nil {
			return nil, err
		}
		projects, err := s.Projects.List(ctx, who.TeamIDs, t.ID, false)
		if err != nil {
			return nil, err
		}
		found.Teams = append(found.Teams, TeamWithProjects{Team: teamWire(t), Projects: each(projects, projectWire), Organizations: organizationWire(o)})
	}
	return ok(found), nil
}
