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
	Scopes       []string   `json:"scopes" doc:"What it may be used for: read, run, write, admin"`
	ProjectID    *string    `json:"project_id" doc:"The only project that it sees; null for all of its user's"`
	RatePerMin   int        `json:"rate_per_minute" doc:"How many requests a minute; 0 for the server's default"`
	LastUsed     *time.Time `json:"last_used"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DeletedAt    *time.Time `json:"deleted_at"`
}

func keyWire(k tenant.APIKey) Key {
	return Key{ID: k.ID, Name: k.Name, UserID: k.UserID, DisplayValue: k.Display, Enabled: k.Enabled,
		Scopes: k.Scopes, ProjectID: orNull(k.ProjectID), RatePerMin: k.RatePerMinute,
		LastUsed: k.LastUsed, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt}
}

type keyFields struct {
	_    struct{} `json:"-" additionalProperties:"true"`
	Name string   `json:"name" doc:"What the key is for" example:"dashboard"`
}

type newKeyFields struct {
	_          struct{} `json:"-" additionalProperties:"true"`
	Name       string   `json:"name" doc:"What the key is for" example:"dashboard"`
	Scopes     []string `json:"scopes,omitempty" nullable:"true" doc:"What it may be used for: read (look), run (programs, SQL, what is published), write (change, connect), admin (keys and people); all that the caller's own key may if absent"`
	ProjectID  *string  `json:"project_id,omitempty" nullable:"true" doc:"The only project that it sees; all of the user's if absent"`
	RatePerMin int      `json:"rate_per_minute,omitempty" doc:"How many requests a minute; 0 for the server's default"`
}

// createKey answers with the pair that existing clients read.
func (s *Server) createKey(ctx context.Context, in *struct{ Body newKeyFields }) (*out[[]any], error) {
	b := in.Body
	g := tenant.Grant{Scopes: b.Scopes, ProjectID: text(b.ProjectID), RatePerMinute: b.RatePerMin}
	if g.ProjectID != "" {
		if _, err := s.project(ctx, g.ProjectID); err != nil {
			return nil, pointAt(err, "/project_id")
		}
	}
	k, err := s.Tenants.GrantKey(ctx, caller(ctx), b.Name, g)
	return ok([]any{keyWire(k.APIKey), k.Secret.Reveal()}), err
}

func (s *Server) keys(a huma.API) {
	route(s, a, "GET /v1/authentication/api-keys", "keys", "The caller's keys, oldest first", func(ctx context.Context, _ *struct{}) (*out[[]Key], error) {
		keys, err := s.Tenants.Keys(ctx, caller(ctx).User.ID)
		return okList(each(keys, keyWire)), err
	})
	route(s, a, "POST /v1/authentication/api-key", "keys", "Create a key: [key, secret]; the secret is shown only here", s.createKey)
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
