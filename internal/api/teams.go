package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

type teamFields struct {
	_              struct{} `json:"-" additionalProperties:"true"`
	Name           *string  `json:"name,omitempty" doc:"1 to 200 characters on one line" example:"Analysts"`
	OrganizationID *string  `json:"organization_id,omitempty" doc:"Whose it is: the caller's own organisation if absent"`
}

// A Move says which organisation a team or a user goes to.
type Move struct {
	_                 struct{} `json:"-" additionalProperties:"true"`
	NewOrganizationID *string  `json:"new_organization_id,omitempty" doc:"The organisation that it goes to"`
	OrganizationID    *string  `json:"organization_id,omitempty" doc:"The same as new_organization_id"`
}

// to returns where to move, under whichever name it came.
func (m Move) to() (*string, error) {
	to := first(m.NewOrganizationID, m.OrganizationID)
	if text(to) == "" {
		return nil, missing("new_organization_id")
	}
	return to, nil
}

func (s *Server) teams(a huma.API) {
	route(s, a, "POST /v1/teams", "tenants", "Create a team, with the caller as its admin", func(ctx context.Context, in *struct{ Body teamFields }) (*out[Team], error) {
		t, err := s.Tenants.CreateTeam(ctx, caller(ctx), tenant.Team{Name: text(in.Body.Name), OrganizationID: text(in.Body.OrganizationID)})
		return ok(teamWire(t)), err
	})
	route(s, a, "PATCH /v1/teams/{id}", "tenants", "Change a team", func(ctx context.Context, in *struct {
		IDInput
		Body teamFields
	}) (*out[Team], error) {
		t, err := s.Tenants.UpdateTeam(ctx, caller(ctx), in.ID, tenant.TeamChange{Name: in.Body.Name, OrganizationID: in.Body.OrganizationID})
		return ok(teamWire(t)), err
	})
	route(s, a, "DELETE /v1/teams/{id}", "tenants", "Delete a team with its projects; never the caller's only one", func(ctx context.Context, in *IDInput) (*out[Team], error) {
		t, err := s.Tenants.DeleteTeam(ctx, caller(ctx), in.ID)
		return ok(teamWire(t)), err
	})
	route(s, a, "POST /v1/teams/{id}/move", "tenants", "Move a team to another organisation", func(ctx context.Context, in *struct {
		IDInput
		Body Move
	}) (*out[Team], error) {
		to, err := in.Body.to()
		if err != nil {
			return nil, err
		}
		t, err := s.Tenants.UpdateTeam(ctx, caller(ctx), in.ID, tenant.TeamChange{OrganizationID: to})
		return ok(teamWire(t)), err
	})
}
