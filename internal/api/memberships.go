package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

func membershipWire(m tenant.Membership) UserTeam {
	return UserTeam{UserID: m.UserID, TeamID: m.TeamID, Role: m.Role, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
}

type membershipFields struct {
	_      struct{} `json:"-" additionalProperties:"true"`
	TeamID string   `json:"team_id,omitempty" doc:"Which team; in a change the path says it"`
	UserID string   `json:"user_id,omitempty" doc:"Who; in a change the path says it"`
	Role   string   `json:"role,omitempty" enum:"admin,member,viewer" doc:"member if absent" example:"member"`
}

// A MembershipInput names a membership in the path.
type MembershipInput struct {
	UserID string `path:"user_id" doc:"Id of the user"`
	TeamID string `path:"team_id" doc:"Id of the team"`
}

func (s *Server) memberships(a huma.API) {
	route(s, a, "GET /v1/team-memberships/team/{id}", "tenants", "Who is in a team, oldest first", func(ctx context.Context, in *IDInput) (*out[[]UserTeam], error) {
		list, err := s.Tenants.Memberships(ctx, caller(ctx), in.ID)
		return okList(each(list, membershipWire)), err
	})
	route(s, a, "POST /v1/team-memberships", "tenants", "Put a user into a team", func(ctx context.Context, in *struct{ Body membershipFields }) (*out[UserTeam], error) {
		for name, value := range map[string]string{"team_id": in.Body.TeamID, "user_id": in.Body.UserID} {
			if value == "" {
				return nil, missing(name)
			}
		}
		return s.setMembership(ctx, in.Body.UserID, in.Body.TeamID, in.Body.Role)
	})
	route(s, a, "PATCH /v1/team-memberships/{user_id}/{team_id}", "tenants", "Change a user's role in a team", func(ctx context.Context, in *struct {
		MembershipInput
		Body membershipFields
	}) (*out[UserTeam], error) {
		return s.setMembership(ctx, in.UserID, in.TeamID, in.Body.Role)
	})
	route(s, a, "DELETE /v1/team-memberships/{user_id}/{team_id}", "tenants", "Take a user out of a team; never its last admin", func(ctx context.Context, in *MembershipInput) (*out[UserTeam], error) {
		m, err := s.Tenants.DeleteMembership(ctx, caller(ctx), in.TeamID, in.UserID)
		return ok(membershipWire(m)), err
	})
}

func (s *Server) setMembership(ctx context.Context, user, team, role string) (*out[UserTeam], error) {
	if role == "" {
		role = tenant.Member
	}
	m, err := s.Tenants.SetMembership(ctx, caller(ctx), tenant.Membership{UserID: user, TeamID: team, Role: role})
	return ok(membershipWire(m)), err
}
