package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

type organizationFields struct {
	_           struct{} `json:"-" additionalProperties:"true"`
	Name        *string  `json:"name,omitempty" doc:"1 to 200 characters on one line" example:"Shop"`
	Description *string  `json:"description,omitempty" doc:"For people"`
	PlatformID  *string  `json:"platform_id,omitempty" doc:"The platform that it is on; empty for none"`
}

// An OrganizationMove says where an organisation goes.
type OrganizationMove struct {
	_             struct{} `json:"-" additionalProperties:"true"`
	NewPlatformID *string  `json:"new_platform_id,omitempty" doc:"The platform that it goes to; empty for none"`
}

func (s *Server) organizations(a huma.API) {
	route(s, a, "POST /v1/orgs", "tenants", "Create an organisation", func(ctx context.Context, in *struct{ Body organizationFields }) (*out[Organization], error) {
		o, err := s.Tenants.CreateOrganization(ctx, caller(ctx), tenant.Organization{Name: text(in.Body.Name), Description: text(in.Body.Description), PlatformID: text(in.Body.PlatformID)})
		return ok(organizationWire(o)), err
	})
	route(s, a, "PATCH /v1/orgs/{id}", "tenants", "Change an organisation", func(ctx context.Context, in *struct {
		IDInput
		Body organizationFields
	}) (*out[Organization], error) {
		o, err := s.Tenants.UpdateOrganization(ctx, caller(ctx), in.ID, tenant.OrganizationChange{Name: in.Body.Name, Description: in.Body.Description, PlatformID: in.Body.PlatformID})
		return ok(organizationWire(o)), err
	})
	route(s, a, "DELETE /v1/orgs/{id}", "tenants", "Delete an organisation with its teams; never the caller's own", func(ctx context.Context, in *IDInput) (*out[Organization], error) {
		o, err := s.Tenants.DeleteOrganization(ctx, caller(ctx), in.ID)
		return ok(organizationWire(o)), err
	})
	route(s, a, "POST /v1/orgs/{id}/move", "tenants", "Move an organisation to another platform", func(ctx context.Context, in *struct {
		IDInput
		Body OrganizationMove
	}) (*out[Organization], error) {
		if in.Body.NewPlatformID == nil {
			return nil, missing("new_platform_id")
		}
		o, err := s.Tenants.UpdateOrganization(ctx, caller(ctx), in.ID, tenant.OrganizationChange{PlatformID: in.Body.NewPlatformID})
		return ok(organizationWire(o)), err
	})
}

// missing says that a field of the body, without which nothing can be done, is not there.
func missing(field string) error {
	return errs.New(errs.Invalid, "%s is missing", field).Named("field-missing").At("/" + field)
}
