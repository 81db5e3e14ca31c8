package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

// An Organization as clients see it.
type Organization struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	PlatformID  *string    `json:"platform_id"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
}

// A Team as clients see it.
type Team struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	OrganizationID string     `json:"organization_id"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	DeletedAt      *time.Time `json:"deleted_at"`
}

// A User as clients see it.
type User struct {
	ID             string     `json:"id"`
	Email          string     `json:"email"`
	Name           string     `json:"name"`
	OrganizationID string     `json:"organization_id"`
	Role           string     `json:"role"`
	Metadata       Object     `json:"metadata"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	DeletedAt      *time.Time `json:"deleted_at"`
}

// A UserTeam is a team that a user is in.
type UserTeam struct {
	UserID    string     `json:"user_id"`
	TeamID    string     `json:"team_id"`
	Role      string     `json:"role"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at"`
}

// Me is the caller, with the teams that it sees, oldest first.
type Me struct {
	User
	UserTeams    []UserTeam   `json:"user_teams"`
	Organization Organization `json:"organization"`
}

func organizationWire(o tenant.Organization) Organization {
	return Organization{ID: o.ID, Name: o.Name, Description: o.Description, PlatformID: orNull(o.PlatformID), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, DeletedAt: o.DeletedAt}
}

func teamWire(t tenant.Team) Team {
	return Team{ID: t.ID, Name: t.Name, OrganizationID: t.OrganizationID, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, DeletedAt: t.DeletedAt}
}

func userWire(u tenant.User) User {
	return User{ID: u.ID, Email: u.Email, Name: u.Name, OrganizationID: u.OrganizationID, Role: u.Role, Metadata: Object(u.Metadata),
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, DeletedAt: u.DeletedAt}
}

// An IDInput names one thing in the path.
type IDInput struct {
	ID string `path:"id" doc:"Id of the thing"`
}

func (s *Server) tenants(a huma.API) {
	route(s, a, "GET /v1/authentication/me", "tenants", "Who the key belongs to, and its teams", s.me)
	route(s, a, "GET /v1/orgs", "tenants", "The organisations that the key sees", func(ctx context.Context, _ *struct{}) (*out[[]Organization], error) {
		orgs, err := s.Tenants.Organizations(ctx, caller(ctx))
		return okList(each(orgs, organizationWire)), err
	})
	route(s, a, "GET /v1/orgs/{id}", "tenants", "One organisation", func(ctx context.Context, in *IDInput) (*out[Organization], error) {
		o, err := s.Tenants.Organization(ctx, caller(ctx), in.ID)
		return ok(organizationWire(o)), err
	})
	route(s, a, "GET /v1/teams", "tenants", "The teams that the key sees, oldest first", func(ctx context.Context, in *struct {
		OrganizationID string `query:"organization_id" doc:"Only teams of this organisation"`
	}) (*out[[]Team], error) {
		teams, err := s.Tenants.Teams(ctx, caller(ctx), in.OrganizationID)
		return okList(each(teams, teamWire)), err
	})
	route(s, a, "GET /v1/teams/{id}", "tenants", "One team", func(ctx context.Context, in *IDInput) (*out[Team], error) {
		t, err := s.Tenants.Team(ctx, caller(ctx), in.ID)
		return ok(teamWire(t)), err
	})
	s.organizations(a)
	s.teams(a)
	s.memberships(a)
	s.users(a)
	s.platforms(a)
}

func (s *Server) me(ctx context.Context, _ *struct{}) (*out[Me], error) {
	who := caller(ctx)
	o, err := s.Tenants.Organization(ctx, who, who.OrganizationID)
	if err != nil {
		return nil, err
	}
	memberships, err := s.Tenants.UserMemberships(ctx, who)
	if err != nil {
		return nil, err
	}
	me := Me{User: userWire(who.User), UserTeams: []UserTeam{}, Organization: organizationWire(o)}
	for _, m := range memberships {
		me.UserTeams = append(me.UserTeams, UserTeam{UserID: m.UserID, TeamID: m.TeamID, Role: m.Role, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt})
	}
	return ok(me), nil
}

// each converts a list to its wire form.
func each[From, To any](list []From, wire func(From) To) []To {
	all := make([]To, len(list))
	for i, item := range list {
		all[i] = wire(item)
	}
	return all
}
