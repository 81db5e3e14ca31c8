package source

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Credential holds what a request needs to be let in. Its metadata and config
// are sealed whole; on read every value in them that may be a secret is replaced
// by "REDACTED".
type Credential struct {
	ID               ID
	Name             string
	Type             string // "api", "aws", ...
	Description      string
	OrganizationID   string // whose it is
	TeamID           string // "" for every team of the organisation
	DatasourceID     ID     // what it was made for and is removed with; "" for none
	InfrastructureID string
	Metadata         json.RawMessage // a JSON object; nil on input means {}
	Config           json.RawMessage // a JSON object; nil on input means {}
	Origin           string          // the only scheme://host:port it may be sent to; "" if it names no URL
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// CreateCredential stores a credential for the teams' caller, who must be in
// its team, organisation and datasource as far as they are given; without an
// organisation it belongs to that of the team, else of the datasource, else of
// the caller's first team. The origin is taken from the url in the config, or
// else in the metadata. A "REDACTED" in place of a secret is errs.Invalid.
func (s *Store) CreateCredential(ctx context.Context, teams []string, c Credential) (_ Credential, err error) {
	defer errs.Wrap(&err, "source.CreateCredential")
	c.ID, c.CreatedAt = newID(), s.now()
	c.UpdatedAt = c.CreatedAt
	if c.Name, err = checkName(c.Name); err != nil {
		return Credential{}, err
	}
	content, err := newContent(c.Metadata, c.Config)
	if err != nil {
		return Credential{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := ownerOf(ctx, tx, teams, &c); err != nil {
			return err
		}
		return s.putCredential(ctx, tx, &c, content)
	})
	if err != nil {
		return Credential{}, err
	}
	return c, nil
}

// Credential returns a credential that the teams see, masked.
func (s *Store) Credential(ctx context.Context, teams []string, id ID) (_ Credential, err error) {
	defer errs.Wrap(&err, "source.Credential")
	return credentialOf(ctx, s.DB.Read(), teams, id)
}

// A CredentialFilter selects credentials; empty fields select all.
type CredentialFilter struct {
	OrganizationID   string
	TeamID           string
	ProjectID        string // made for, or used by, one of its datasources
	DatasourceID     ID     // made for it, or used by it
	InfrastructureID string
}

// Credentials returns the credentials that the teams see and the filter
// selects, masked, oldest first.
func (s *Store) Credentials(ctx context.Context, teams []string, f CredentialFilter) (_ []Credential, err error) {
	defer errs.Wrap(&err, "source.Credentials")
	where, args := seen(ctx, teams)
	return meta.All(ctx, s.DB.Read(), scanCredential, selectCredential+`WHERE `+where+`
		AND (? = '' OR c.organization_id = ?) AND (? = '' OR c.team_id = ?) AND (? = '' OR c.infrastructure_id = ?)
		AND (? = '' OR EXISTS (SELECT 1 FROM datasources d WHERE d.id = ? AND (d.id = c.datasource_id OR d.credentials_id = c.id)))
		AND (? = '' OR EXISTS (SELECT 1 FROM datasources d WHERE d.project_id = ? AND (d.id = c.datasource_id OR d.credentials_id = c.id)))
		ORDER BY c.created_at, c.id`,
		append(args, f.OrganizationID, f.OrganizationID, f.TeamID, f.TeamID, f.InfrastructureID, f.InfrastructureID,
			f.DatasourceID, f.DatasourceID, f.ProjectID, f.ProjectID)...)
}

// A CredentialChange says what to change; nil leaves a field as it is.
type CredentialChange struct {
	Name             *string
	Type             *string
	Description      *string
	TeamID           *string
	DatasourceID     *ID
	InfrastructureID *string
	Metadata         json.RawMessage // replaces the whole object, secrets included
	Config           json.RawMessage // replaces the whole object, secrets included
}

// UpdateCredential changes a credential that the teams see and returns it,
// masked. If the new content names another origin, a half that is not replaced
// (metadata or config) is emptied: its secrets were given for the old origin.
func (s *Store) UpdateCredential(ctx context.Context, teams []string, id ID, change CredentialChange) (c Credential, err error) {
	defer errs.Wrap(&err, "source.UpdateCredential")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if c, err = credentialOf(ctx, tx, teams, id); err != nil {
			return err
		}
		for _, f := range []struct{ from, to *string }{
			{change.Name, &c.Name}, {change.Type, &c.Type}, {change.Description, &c.Description},
			{change.TeamID, &c.TeamID}, {change.DatasourceID, &c.DatasourceID}, {change.InfrastructureID, &c.InfrastructureID},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if c.Name, err = checkName(c.Name); err != nil {
			return err
		}
		if err := ownerOf(ctx, tx, teams, &c); err != nil {
			return err
		}
		content, err := s.openContent(ctx, tx, c)
		if err != nil {
			return err
		}
		if content, err = content.change(change.Metadata, change.Config); err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		return s.putCredential(ctx, tx, &c, content)
	})
	if err != nil {
		return Credential{}, err
	}
	return c, nil
}

// DeleteCredential removes a credential that the teams see, for good, and
// returns what it was, masked. Datasources that used it use none from then on.
func (s *Store) DeleteCredential(ctx context.Context, teams []string, id ID) (c Credential, err error) {
	defer errs.Wrap(&err, "source.DeleteCredential")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if c, err = credentialOf(ctx, tx, teams, id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM credentials WHERE id = ?`, id)
		return err
	})
	if err != nil {
		return Credential{}, err
	}
	return c, nil
}

// RevealCredential returns a credential that the teams see with its secrets,
// for a request to origin (scheme://host:port) and nothing else. It fails with
// errs.Denied if the credential was saved for another origin. It is the only way
// in which the secrets of a credential come out.
func (s *Store) RevealCredential(ctx context.Context, teams []string, id ID, origin string) (metadata, config json.RawMessage, err error) {
	defer errs.Wrap(&err, "source.RevealCredential")
	c, err := credentialOf(ctx, s.DB.Read(), teams, id)
	if err != nil {
		return nil, nil, err
	}
	if c.Origin == "" || c.Origin != origin {
		return nil, nil, errs.New(errs.Denied, "this credential was saved for another origin than the one it is wanted for").
			Named("credential-origin").
			Fix("enter the secrets for the new origin", "or use the credential with the host it was made for")
	}
	content, err := s.openContent(ctx, s.DB.Read(), c)
	return content.Metadata, content.Config, err
}
