package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

// A Key is an API key as clients see it; never with its secret.
type Key struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	UserID       string     `json:"user_id"`
	DisplayValue string     `json:"display_value" example:"mw_abcd…wxyz"`
	Enabled      bool       `json:"enabled"`
	LastUsed     *time.Time `json:"last_used"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DeletedAt    *time.Time `json:"deleted_at"`
}

func keyWire(k tenant.APIKey) Key {
	return Key{ID: k.ID, Name: k.Name, UserID: k.UserID, DisplayValue: k.Display, Enabled: k.Enabled,
		LastUsed: k.LastUsed, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt}
}

type keyFields struct {
	_    struct{} `json:"-" additionalProperties:"true"`
	Name string   `json:"name" doc:"What the key is for" example:"dashboard"`
}

func (s *Server) keys(a huma.API) {
	route(s, a, "GET /v1/authentication/api-keys", "keys", "The caller's keys, oldest first", func(ctx context.Context, _ *struct{}) (*out[[]Key], error) {
		keys, err := s.Tenants.Keys(ctx, caller(ctx).User.ID)
		return okList(each(keys, keyWire)), err
	})
	// The pair is what existing clients read.
	route(s, a, "POST /v1/authentication/api-key", "keys", "Create a key: [key, secret]; the secret is shown only here", func(ctx context.Context, in *struct{ Body keyFields }) (*out[[]any], error) {
		k, err := s.Tenants.CreateKey(ctx, caller(ctx).User.ID, in.Body.Name)
		return ok([]any{keyWire(k.APIKey), k.Secret.Reveal()}), err
	})
	route(s, a, "PATCH /v1/authentication/api-key/{id}", "keys", "Rename a key", func(ctx context.Context, in *struct {
		IDInput
		Body keyFields
	}) (*out[Key], error) {
		k, err := s.Tenants.RenameKey(ctx, caller(ctx).User.ID, in.ID, in.Body.Name)
		return ok(keyWire(k)), err
	})
	for verb, enabled := range map[string]bool{"enable": true, "disable": false} {
		route(s, a, "PATCH /v1/authentication/api-key/{id}/"+verb, "keys", "Switch a key on or off, from its next request on", func(ctx context.Context, in *IDInput) (*out[Key], error) {
			k, err := s.Tenants.EnableKey(ctx, caller(ctx).User.ID, in.ID, enabled)
			return ok(keyWire(k)), err
		})
	}
	route(s, a, "DELETE /v1/authentication/api-key/{id}", "keys", "Revoke a key, from its next request on", func(ctx context.Context, in *IDInput) (*out[Key], error) {
		k, err := s.Tenants.DeleteKey(ctx, caller(ctx).User.ID, in.ID)
		return ok(keyWire(k)), err
	})
}
