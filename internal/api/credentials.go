package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/source"
)

// A Credential as clients see it: what may be a secret in metadata and config is
// replaced by "REDACTED".
type Credential struct {
	ID               string          `json:"id"`
	Name             string          `json:"name"`
	Type             string          `json:"type" example:"api"`
	Description      string          `json:"description"`
	OrganizationID   string          `json:"organization_id"`
	TeamID           *string         `json:"team_id"`
	DatasourceID     *string         `json:"datasource_id"`
	InfrastructureID *string         `json:"infrastructure_id"`
	Metadata         json.RawMessage `json:"metadata"`
	Config           json.RawMessage `json:"config"`
	Origin           string          `json:"origin" doc:"The only scheme://host:port it is sent to" example:"https://api.example.com:443"`
	CreatedAt        time.Time       `json:"created_at"`
	UpdatedAt        time.Time       `json:"updated_at"`
	DeletedAt        *time.Time      `json:"deleted_at"`
}

func credentialWire(c source.Credential) Credential {
	return Credential{ID: c.ID, Name: c.Name, Type: c.Type, Description: c.Description, OrganizationID: c.OrganizationID, TeamID: orNull(c.TeamID),
		DatasourceID: orNull(c.DatasourceID), InfrastructureID: orNull(c.InfrastructureID), Metadata: c.Metadata, Config: c.Config,
		Origin: c.Origin, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
}

// orNull returns nil for "", which clients read as null.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type credentialFields struct {
	_                struct{}        `json:"-" additionalProperties:"true"`
	Name             *string         `json:"name,omitempty" example:"Credentials for Orders"`
	Type             *string         `json:"type,omitempty" example:"api"`
	Description      *string         `json:"description,omitempty"`
	OrganizationID   *string         `json:"organization_id,omitempty"`
	TeamID           *string         `json:"team_id,omitempty"`
	DatasourceID     *string         `json:"datasource_id,omitempty"`
	InfrastructureID *string         `json:"infrastructure_id,omitempty"`
	Metadata         json.RawMessage `json:"metadata,omitempty" doc:"An object; sealed whole"`
	Config           json.RawMessage `json:"config,omitempty" doc:"An object; sealed whole"`
}

func (s *Server) credentials(a huma.API) {
	route(s, a, "POST /v1/credentials", "credentials", "Store credentials, encrypted and bound to their origin", func(ctx context.Context, in *struct{ Body credentialFields }) (*out[Credential], error) {
		if err := s.mayKeepSecrets(ctx); err != nil {
			return nil, err
		}
		b := in.Body
		c, err := s.Sources.CreateCredential(ctx, caller(ctx).TeamIDs, source.Credential{Name: text(b.Name), Type: text(b.Type), Description: text(b.Description),
			OrganizationID: text(b.OrganizationID), TeamID: text(b.TeamID), DatasourceID: text(b.DatasourceID), InfrastructureID: text(b.InfrastructureID),
			Metadata: b.Metadata, Config: b.Config})
		return ok(credentialWire(c)), err
	})
	route(s, a, "GET /v1/credentials", "credentials", "The credentials that the key sees, secrets hidden", func(ctx context.Context, in *struct {
		OrganizationID string `query:"organization_id"`
		TeamID         string `query:"team_id"`
		DatasourceID   string `query:"datasource_id"`
	}) (*out[[]Credential], error) {
		list, err := s.Sources.Credentials(ctx, caller(ctx).TeamIDs, source.CredentialFilter{OrganizationID: in.OrganizationID, TeamID: in.TeamID, DatasourceID: in.DatasourceID})
		return okList(each(list, credentialWire)), err
	})
	route(s, a, "GET /v1/projects/{id}/credentials", "credentials", "The credentials of a project's datasources", func(ctx context.Context, in *IDInput) (*out[[]Credential], error) {
		if _, err := s.project(ctx, in.ID); err != nil {
			return nil, err
		}
		list, err := s.Sources.Credentials(ctx, caller(ctx).TeamIDs, source.CredentialFilter{ProjectID: in.ID})
		return okList(each(list, credentialWire)), err
	})
	route(s, a, "GET /v1/credentials/{id}", "credentials", "One credential, secrets hidden", func(ctx context.Context, in *IDInput) (*out[Credential], error) {
		c, err := s.Sources.Credential(ctx, caller(ctx).TeamIDs, in.ID)
		return ok(credentialWire(c)), err
	})
	route(s, a, "PATCH /v1/credentials/{id}", "credentials", "Change credentials; another origin drops the secrets", func(ctx context.Context, in *struct {
		IDInput
		Body credentialFields
	}) (*out[Credential], error) {
		if err := s.mayKeepSecrets(ctx); err != nil {
			return nil, err
		}
		b := in.Body
		c, err := s.Sources.UpdateCredential(ctx, caller(ctx).TeamIDs, in.ID, source.CredentialChange{Name: b.Name, Type: b.Type, Description: b.Description,
			Metadata: b.Metadata, Config: b.Config})
		return ok(credentialWire(c)), err
	})
	route(s, a, "DELETE /v1/credentials/{id}", "credentials", "Delete credentials", func(ctx context.Context, in *IDInput) (*out[Credential], error) {
		if err := s.mayKeepSecrets(ctx); err != nil {
			return nil, err
		}
		c, err := s.Sources.DeleteCredential(ctx, caller(ctx).TeamIDs, in.ID)
		return ok(credentialWire(c)), err
	})
}

// mayKeepSecrets refuses callers that may change nothing anywhere. Which team's
// credentials they are is the store's question.
func (s *Server) mayKeepSecrets(ctx context.Context) error {
	who := caller(ctx)
	for _, team := range who.TeamIDs {
		if who.MayChange(team) == nil {
			return nil
		}
	}
	return errs.New(errs.Denied, "your role does not allow changes").Fix("ask an admin of the team for the role member")
}
