package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

// A Platform as clients see it: organisations that belong together.
type Platform struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Metadata    Object     `json:"metadata"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
}

func platformWire(p tenant.Platform) Platform {
	return Platform{ID: p.ID, Name: p.Name, Description: p.Description, Metadata: Object(p.Metadata), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt}
}

type platformFields struct {
	_           struct{} `json:"-" additionalProperties:"true"`
	Name        *string  `json:"name,omitempty" doc:"1 to 200 characters on one line" example:"Europe"`
	Description *string  `json:"description,omitempty" doc:"For people"`
	Metadata    Object   `json:"metadata,omitempty" doc:"An object of the caller's own"`
}

func (s *Server) platforms(a huma.API) {
	route(s, a, "GET /v1/platforms", "tenants", "The platforms that the key sees, oldest first", func(ctx context.Context, _ *struct{}) (*out[[]Platform], error) {
		list, err := s.Tenants.Platforms(ctx, caller(ctx))
		return okList(each(list, platformWire)), err
	})
	route(s, a, "GET /v1/platforms/{id}", "tenants", "One platform", func(ctx context.Context, in *IDInput) (*out[Platform], error) {
		p, err := s.Tenants.Platform(ctx, caller(ctx), in.ID)
		return ok(platformWire(p)), err
	})
	route(s, a, "POST /v1/platforms", "tenants", "Create a platform", func(ctx context.Context, in *struct{ Body platformFields }) (*out[Platform], error) {
		p, err := s.Tenants.CreatePlatform(ctx, caller(ctx), tenant.Platform{Name: text(in.Body.Name), Description: text(in.Body.Description), Metadata: json.RawMessage(in.Body.Metadata)})
		return ok(platformWire(p)), err
	})
	route(s, a, "PATCH /v1/platforms/{id}", "tenants", "Change a platform", func(ctx context.Context, in *struct {
		IDInput
		Body platformFields
	}) (*out[Platform], error) {
		p, err := s.Tenants.UpdatePlatform(ctx, caller(ctx), in.ID, tenant.PlatformChange{Name: in.Body.Name, Description: in.Body.Description, Metadata: json.RawMessage(in.Body.Metadata)})
		return ok(platformWire(p)), err
	})
	route(s, a, "DELETE /v1/platforms/{id}", "tenants", "Delete a platform; its organisations stay", func(ctx context.Context, in *IDInput) (*out[Platform], error) {
		p, err := s.Tenants.DeletePlatform(ctx, caller(ctx), in.ID)
		return ok(platformWire(p)), err
	})
}
