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
	ID               string     `json:"id"`
	Name             string     `json:"name"`
	Type             string     `json:"type" example:"api"`
	Description      string     `json:"description"`
	OrganizationID   string     `json:"organization_id"`
	TeamID           *string    `json:"team_id"`
	DatasourceID     *string    `json:"datasource_id"`
	InfrastructureID *string    `json:"infrastructure_id"`
	Metadata         Object     `json:"metadata"`
	Config           Object     `json:"config"`
	Origin           string     `json:"origin" doc:"The only scheme://host:port it is sent to" example:"https://api.example.com:443"`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
	DeletedAt        *time.Time `json:"deleted_at"`
}

func credentialWire(c source.Credential) Credential {
	return Credential{ID: c.ID, Name: c.Name, Type: c.Type, Description: c.Description, OrganizationID: c.OrganizationID, TeamID: orNull(c.TeamID),
		DatasourceID: orNull(c.DatasourceID), InfrastructureID: orNull(c.InfrastructureID), Metadata: Object(c.Metadata), Config: Object(c.Config),
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
	_                struct{} `json:"-" additionalProperties:"true"`
	Name             *string  `json:"name,omitempty" doc:"1 to 200 characters on one line" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"a text on one line" example:"Credentials for Orders"`
	Type             *string  `json:"type,omitempty" doc:"What kind they are" example:"api"`
	Description      *string  `json:"description,omitempty" doc:"For people"`
	OrganizationID   *string  `json:"organization_id,omitempty" doc:"Whose they are; that of the team or datasource if absent"`
	TeamID           *string  `json:"team_id,omitempty" doc:"Who may use them; every team of the organisation if absent"`
	DatasourceID     *string  `json:"datasource_id,omitempty" doc:"What they were made for and are removed with"`
	InfrastructureID *string  `json:"infrastructure_id,omitempty" doc:"An id of the caller's own"`
	Metadata         Object   `json:"metadata,omitempty" doc:"An object; sealed whole"`
	Config           Object   `json:"config,omitempty" doc:"An object; sealed whole"`
}

// newCredential are the same for a credential that is created.
type newCredential credentialFields

// TransformSchema says what cannot be left out.
func (newCredential) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return requiring(s, "name")
}

func (s *Server) credentials(a huma.API) {
	route(s, a, "POST /v1/credentials", "credentials", "Store credentials, encrypted and bound to their origin", func(ctx context.Context, in *struct{ Body newCredential }) (*out[Credential], error) {
		b := credentialFields(in.Body)
		if err := s.mayAddCredential(ctx, b); err != nil {
			return nil, err
		}
		c, err := s.Sources.CreateCredential(ctx, caller(ctx).TeamIDs, source.Credential{Name: text(b.Name), Type: text(b.Type), Description: text(b.Description),
			OrganizationID: text(b.OrganizationID), TeamID: text(b.TeamID), DatasourceID: text(b.DatasourceID), InfrastructureID: text(b.InfrastructureID),
			Metadata: json.RawMessage(b.Metadata), Config: json.RawMessage(b.Config)})
		return ok(credentialWire(c)), err
	})
	route(s, a, "GET /v1/credentials", "credentials", "The credentials that the key sees, secrets hidden", func(ctx context.Context, in *struct {
		OrganizationID string `query:"organization_id" doc:"Only those of this organisation"`
		TeamID         string `query:"team_id" doc:"Only those of this team"`
		DatasourceID   string `query:"datasource_id" doc:"Only those made for, or used by, this datasource"`
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
		if err := s.mayChangeCredential(ctx, in.ID); err != nil {
			return nil, err
		}
		b := in.Body
		c, err := s.Sources.UpdateCredential(ctx, caller(ctx).TeamIDs, in.ID, source.CredentialChange{Name: b.Name, Type: b.Type, Description: b.Description,
			Metadata: json.RawMessage(b.Metadata), Config: json.RawMessage(b.Config)})
		return ok(credentialWire(c)), err
	})
	route(s, a, "DELETE /v1/credentials/{id}", "credentials", "Delete credentials", func(ctx context.Context, in *IDInput) (*out[Credential], error) {
		if err := s.mayChangeCredential(ctx, in.ID); err != nil {
			return nil, err
		}
		c, err := s.Sources.DeleteCredential(ctx, caller(ctx).TeamIDs, in.ID)
		return ok(credentialWire(c)), err
	})
}

// mayAddCredential checks the caller's role where the credential will belong.
func (s *Server) mayAddCredential(ctx context.Context, b credentialFields) error {
	if id := text(b.DatasourceID); id != "" {
		if _, err := s.changeableDatasource(ctx, id); err != nil {
			return pointAt(err, "/datasource_id")
		}
	}
	if team := text(b.TeamID); team != "" {
		return mayUseTeam(ctx, team)
	}
	return s.mayChangeSomewhere(ctx, text(b.OrganizationID))
}

// mayChangeCredential checks the caller's role where the credential belongs.
func (s *Server) mayChangeCredential(ctx context.Context, id string) error {
	c, err := s.Sources.Credential(ctx, caller(ctx).TeamIDs, id)
	if err != nil {
		return err
	}
	if c.TeamID != "" {
		return caller(ctx).MayChange(c.TeamID)
	}
	return s.mayChangeSomewhere(ctx, c.OrganizationID)
}

// mayChangeSomewhere refuses callers that may only look in every team of the
// organisation; of all organisations if it is empty.
func (s *Server) mayChangeSomewhere(ctx context.Context, organization string) error {
	teams, err := s.Tenants.Teams(ctx, caller(ctx), organization)
	if err != nil {
		return err
	}
	if len(teams) == 0 && organization != "" {
		return errs.New(errs.NotFound, "no such organization").At("/organization_id")
	}
	for _, team := range teams {
		if caller(ctx).MayChange(team.ID) == nil {
			return nil
		}
	}
	return errs.New(errs.Denied, "your role does not allow changes").Fix("ask an admin of the team for the role member")
}
