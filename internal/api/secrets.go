package api

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/secret"
	"millwright/internal/source"
)

// A Secret as clients see it: its value is never shown.
type Secret struct {
	ID            string     `json:"id"`
	Name          string     `json:"name" doc:"What a request calls it: {\"secret\": NAME} in place of a value"`
	Key           string     `json:"key" doc:"The name once more, for older clients"`
	TeamID        string     `json:"team_id"`
	Type          string     `json:"type" example:"api_key"`
	Description   string     `json:"description"`
	Value         string     `json:"value" enum:"REDACTED" doc:"Always REDACTED"`
	CredentialsID *string    `json:"credentials_id"`
	Origins       []string   `json:"origins" doc:"Every scheme://host:port that it may be sent to; empty until it is sent for the first time, which binds it" example:"[\"https://api.example.com:443\"]"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	DeletedAt     *time.Time `json:"deleted_at"`
}

func secretWire(v source.Secret) Secret {
	return Secret{ID: v.ID, Name: v.Name, Key: v.Name, TeamID: v.TeamID, Type: v.Type, Description: v.Description, Value: secret.Hidden,
		CredentialsID: orNull(v.CredentialsID), Origins: orEmpty(v.Origins), CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt}
}

type secretFields struct {
	_             struct{}  `json:"-" additionalProperties:"true"`
	Name          *string   `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"1 to 100 letters, digits, spaces, dots, dashes and underscores; unique in the team" example:"SHOP_TOKEN"`
	Key           *string   `json:"key,omitempty" minLength:"1" maxLength:"100" doc:"The name, if name is absent"`
	Value         *string   `json:"value,omitempty" minLength:"1" maxLength:"65536" doc:"The secret itself; sealed, and never shown again" example:"a-long-random-text"`
	Type          *string   `json:"type,omitempty" doc:"The caller's own word" example:"api_key"`
	Description   *string   `json:"description,omitempty" doc:"For people"`
	CredentialsID *string   `json:"credentials_id,omitempty" doc:"Credentials that it belongs to, for people"`
	Origins       *[]string `json:"origins,omitempty" doc:"Where it may be sent, as URLs; if absent or empty, the first origin that it is sent to. In a change they can only become fewer, unless value is sent with them" example:"[\"https://api.example.com\"]"`
}

func (f secretFields) name() *string {
	if text(f.Name) == "" && f.Key != nil {
		return f.Key
	}
	return f.Name
}

func (f secretFields) change() source.SecretChange {
	c := source.SecretChange{Name: f.name(), Type: f.Type, Description: f.Description, CredentialsID: f.CredentialsID}
	if f.Origins != nil {
		c.Origins = orEmpty(*f.Origins)
	}
	if f.Value != nil {
		value := secret.New(*f.Value)
		c.Value = &value
	}
	return c
}

// newSecret are the same for a secret that is created.
type newSecret secretFields

// TransformSchema says what cannot be left out. The name may also come as key.
func (newSecret) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s = requiring(s, "value")
	s.AnyOf = []*huma.Schema{{Type: huma.TypeObject, Required: []string{"name"}}, {Type: huma.TypeObject, Required: []string{"key"}}}
	return s
}

// A SecretInput names a secret of a team.
type SecretInput struct {
	TeamID string `path:"team_id" doc:"Id of the team"`
	Key    string `path:"key" doc:"The secret's id or its name"`
}

// A SecretFilter selects secrets.
type SecretFilter struct {
	Type string `query:"type" doc:"Only those of this type"`
}

func (s *Server) secrets(a huma.API) {
	route(s, a, "GET /v1/secrets", "secrets", "The secrets that the key sees, without their values", func(ctx context.Context, in *SecretFilter) (*out[[]Secret], error) {
		list, err := s.Sources.Secrets(ctx, caller(ctx).TeamIDs, in.Type)
		return okList(each(list, secretWire)), err
	})
	route(s, a, "GET /v1/projects/{id}/secrets", "secrets", "The secrets that a project's requests may refer to: those of its team", func(ctx context.Context, in *struct {
		IDInput
		SecretFilter
	}) (*out[[]Secret], error) {
		p, err := s.project(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		list, err := s.Sources.Secrets(ctx, []string{p.TeamID}, in.Type)
		return okList(each(list, secretWire)), err
	})
	route(s, a, "GET /v1/secrets/{team_id}", "secrets", "The secrets of a team, without their values", func(ctx context.Context, in *struct {
		TeamID string `path:"team_id" doc:"Id of the team"`
		SecretFilter
	}) (*out[[]Secret], error) {
		if err := inTeam(ctx, in.TeamID); err != nil {
			return nil, err
		}
		list, err := s.Sources.Secrets(ctx, []string{in.TeamID}, in.Type)
		return okList(each(list, secretWire)), err
	})
	route(s, a, "POST /v1/secrets/{team_id}", "secrets", "Store a secret that requests refer to by name", s.createSecret)
	route(s, a, "GET /v1/secrets/{team_id}/{key}", "secrets", "One secret, without its value", func(ctx context.Context, in *SecretInput) (*out[Secret], error) {
		v, err := s.Sources.Secret(ctx, caller(ctx).TeamIDs, in.TeamID, in.Key)
		return ok(secretWire(v)), err
	})
	route(s, a, "PATCH /v1/secrets/{team_id}/{key}", "secrets", "Change a secret; a new value takes the place of the old one in the next request", func(ctx context.Context, in *struct {
		SecretInput
		Body secretFields
	}) (*out[Secret], error) {
		if err := s.mayChangeSecret(ctx, in.SecretInput); err != nil {
			return nil, err
		}
		v, err := s.Sources.UpdateSecret(ctx, caller(ctx).TeamIDs, in.TeamID, in.Key, in.Body.change())
		return ok(secretWire(v)), err
	})
	route(s, a, "DELETE /v1/secrets/{team_id}/{key}", "secrets", "Delete a secret; requests that refer to it fail from then on", func(ctx context.Context, in *SecretInput) (*out[Secret], error) {
		if err := s.mayChangeSecret(ctx, *in); err != nil {
			return nil, err
		}
		v, err := s.Sources.DeleteSecret(ctx, caller(ctx).TeamIDs, in.TeamID, in.Key)
		return ok(secretWire(v)), err
	})
}

func (s *Server) createSecret(ctx context.Context, in *struct {
	TeamID string `path:"team_id" doc:"Id of the team"`
	Body   newSecret
}) (*out[Secret], error) {
	if err := inTeam(ctx, in.TeamID); err != nil {
		return nil, err
	}
	if err := caller(ctx).MayChange(in.TeamID); err != nil {
		return nil, err
	}
	b := secretFields(in.Body)
	c := b.change()
	v, err := s.Sources.CreateSecret(ctx, caller(ctx).TeamIDs, source.Secret{TeamID: in.TeamID, Name: text(c.Name), Type: text(b.Type),
		Description: text(b.Description), CredentialsID: text(b.CredentialsID), Origins: c.Origins}, *c.Value)
	return ok(secretWire(v)), err
}

// inTeam fails with errs.NotFound unless the caller is in the team: who manages an
// organisation sees its teams, but not their secrets.
func inTeam(ctx context.Context, team string) error {
	if slices.Contains(caller(ctx).TeamIDs, team) {
		return nil
	}
	return errs.New(errs.NotFound, "no such team")
}

// mayChangeSecret checks the caller's role in the secret's team. It tells nobody
// else whether there is one.
func (s *Server) mayChangeSecret(ctx context.Context, in SecretInput) error {
	v, err := s.Sources.Secret(ctx, caller(ctx).TeamIDs, in.TeamID, in.Key)
	if err != nil {
		return err
	}
	return caller(ctx).MayChange(v.TeamID)
}
