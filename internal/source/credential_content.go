package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// A content is the part of a credential that is sealed.
type content struct {
	Metadata json.RawMessage
	Config   json.RawMessage
}

// A sealedContent is a content as it is sealed: in bytes, so that it comes back
// as the client spelled it.
type sealedContent struct {
	Metadata []byte `json:"metadata"`
	Config   []byte `json:"config"`
}

// newContent checks what a client sent.
func newContent(metadata, config json.RawMessage) (c content, err error) {
	if c.Metadata, err = object(metadata, "/metadata"); err != nil {
		return content{}, err
	}
	if c.Config, err = object(config, "/config"); err != nil {
		return content{}, err
	}
	_, leaves, err := c.masked()
	if err != nil {
		return content{}, err
	}
	return c, refusePlaceholder(leaves)
}

// change replaces the halves that are given. See [Store.UpdateCredential] for
// what happens to the other.
func (c content) change(metadata, config json.RawMessage) (content, error) {
	next := c
	if metadata != nil {
		next.Metadata = metadata
	}
	if config != nil {
		next.Config = config
	}
	if metadata == nil && config == nil {
		return c, nil
	}
	// The new half decides: the old one would only repeat the old origin.
	given, err := newContent(metadata, config)
	if err != nil {
		return content{}, err
	}
	if given.origin() != c.origin() {
		return given, nil
	}
	return newContent(next.Metadata, next.Config)
}

// origin returns where the credential may be sent: of the url in the config, or
// else in the metadata; "" if neither names one.
func (c content) origin() string {
	for _, half := range []json.RawMessage{c.Config, c.Metadata} {
		var named struct {
			URL json.RawMessage `json:"url"`
		}
		if json.Unmarshal(half, &named) != nil || named.URL == nil {
			continue
		}
		if origin, err := originOf(named.URL); err == nil {
			return origin
		}
	}
	return ""
}

// masked returns the content as it is shown, and what that hides.
func (c content) masked() (public content, leaves []leaf, err error) {
	metadata, inMetadata, err := conceal(c.Metadata, "/metadata")
	if err != nil {
		return content{}, nil, err
	}
	config, inConfig, err := conceal(c.Config, "/config")
	if err != nil {
		return content{}, nil, err
	}
	leaves = append(inMetadata, inConfig...)
	var values []secret.String
	for _, l := range leaves {
		if l.secret {
			values = append(values, secret.New(l.text))
		}
	}
	known := secret.NewRedactor(values...)
	if public.Metadata, err = write(redactAll(metadata, known)); err != nil {
		return content{}, nil, err
	}
	public.Config, err = write(redactAll(config, known))
	return public, leaves, err
}

// write returns value as JSON without the escapes that only HTML needs.
func write(value any) (json.RawMessage, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

func credentialPlace(c Credential) string { return c.OrganizationID + "|" + c.ID + "|credential" }

// putCredential seals and stores the content, and sets what c shows of it.
func (s *Store) putCredential(ctx context.Context, q meta.Querier, c *Credential, full content) error {
	public, _, err := full.masked()
	if err != nil {
		return err
	}
	plain, err := json.Marshal(sealedContent{full.Metadata, full.Config})
	if err != nil {
		return fmt.Errorf("write the credential: %w", err)
	}
	sealed, err := s.Vault.Seal(plain, credentialPlace(*c))
	if err != nil {
		return err
	}
	c.Metadata, c.Config, c.Origin = public.Metadata, public.Config, full.origin()
	_, err = q.ExecContext(ctx, `INSERT INTO credentials (id, organization_id, team_id, datasource_id, infrastructure_id, name, type,
		description, origin, public_metadata, public_config, sealed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET team_id = excluded.team_id, datasource_id = excluded.datasource_id,
		infrastructure_id = excluded.infrastructure_id, name = excluded.name, type = excluded.type, description = excluded.description,
		origin = excluded.origin, public_metadata = excluded.public_metadata, public_config = excluded.public_config,
		sealed = excluded.sealed, updated_at = excluded.updated_at`,
		c.ID, c.OrganizationID, meta.NullText(c.TeamID), meta.NullText(c.DatasourceID), c.InfrastructureID, c.Name, c.Type,
		c.Description, c.Origin, string(c.Metadata), string(c.Config), sealed, meta.Micros(c.CreatedAt), meta.Micros(c.UpdatedAt))
	return err
}

func (s *Store) openContent(ctx context.Context, q meta.Querier, c Credential) (content, error) {
	var sealed []byte
	if err := q.QueryRowContext(ctx, `SELECT sealed FROM credentials WHERE id = ?`, c.ID).Scan(&sealed); err != nil {
		return content{}, err
	}
	plain, err := s.Vault.Open(sealed, credentialPlace(c))
	if err != nil {
		return content{}, err
	}
	var full sealedContent
	if err := json.Unmarshal(plain, &full); err != nil {
		// The parser's error could quote a secret, so it is dropped.
		return content{}, errs.New(errs.Internal, "a stored credential is not what was sealed")
	}
	return content{full.Metadata, full.Config}, nil
}
