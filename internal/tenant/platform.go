package tenant

import (
	"context"
	"database/sql"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// onPlatform is true of the platforms p that a user sees: those it made, and those
// of the organisations it sees. It takes the user's id four times.
const onPlatform = `(p.created_by = ? OR p.id IN (SELECT o.platform_id FROM organizations o WHERE ` + visible + `)) AND p.deleted_at IS NULL`

// Platforms returns the platforms that the caller sees, oldest first.
func (s *Store) Platforms(ctx context.Context, who Identity) (_ []Platform, err error) {
	defer errs.Wrap(&err, "tenant.Platforms")
	me := who.User.ID
	return meta.All(ctx, s.DB.Read(), scanPlatform, selectPlatform+`WHERE `+onPlatform+` ORDER BY p.created_at, p.id`, me, me, me, me)
}

// Platform returns one platform; errs.NotFound if the caller does not see it.
func (s *Store) Platform(ctx context.Context, who Identity, id ID) (_ Platform, err error) {
	defer errs.Wrap(&err, "tenant.Platform")
	return platformOf(ctx, s.DB.Read(), who, id)
}

// CreatePlatform makes a platform with the name, description and metadata given.
// The caller must be an admin of its organisation.
func (s *Store) CreatePlatform(ctx context.Context, who Identity, p Platform) (_ Platform, err error) {
	defer errs.Wrap(&err, "tenant.CreatePlatform")
	if err := who.MayManage(); err != nil {
		return Platform{}, err
	}
	now := s.now()
	p = Platform{ID: newID(), Name: p.Name, Description: p.Description, Metadata: p.Metadata, CreatedBy: who.User.ID, CreatedAt: now, UpdatedAt: now}
	if err := checkPlatform(&p); err != nil {
		return Platform{}, err
	}
	_, err = s.DB.Write().ExecContext(ctx, `INSERT INTO platforms (id, name, description, metadata, created_by, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, p.ID, p.Name, p.Description, string(p.Metadata), p.CreatedBy, meta.Micros(now), meta.Micros(now))
	return p, err
}

// A PlatformChange says what to change; nil leaves a field as it is.
type PlatformChange struct {
	Name        *string
	Description *string
	Metadata    json.RawMessage // replaces the whole object
}

// UpdatePlatform changes a platform that the caller made.
func (s *Store) UpdatePlatform(ctx context.Context, who Identity, id ID, c PlatformChange) (_ Platform, err error) {
	defer errs.Wrap(&err, "tenant.UpdatePlatform")
	return s.changePlatform(ctx, who, id, func(_ *sql.Tx, p *Platform) error {
		if c.Name != nil {
			p.Name = *c.Name
		}
		if c.Description != nil {
			p.Description = *c.Description
		}
		if c.Metadata != nil {
			p.Metadata = c.Metadata
		}
		return checkPlatform(p)
	})
}

// DeletePlatform hides a platform that the caller made, and returns it. Its
// organisations live on without one.
func (s *Store) DeletePlatform(ctx context.Context, who Identity, id ID) (_ Platform, err error) {
	defer errs.Wrap(&err, "tenant.DeletePlatform")
	return s.changePlatform(ctx, who, id, func(tx *sql.Tx, p *Platform) error {
		now := s.now()
		p.DeletedAt = &now
		_, err := tx.ExecContext(ctx, `UPDATE organizations SET platform_id = NULL WHERE platform_id = ?`, id)
		return err
	})
}

func (s *Store) changePlatform(ctx context.Context, who Identity, id ID, change func(*sql.Tx, *Platform) error) (p Platform, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if p, err = platformOf(ctx, tx, who, id); err != nil {
			return err
		}
		if p.CreatedBy != who.User.ID {
			return errs.New(errs.Denied, "only who made the platform may change it").Fix("ask the admin who made it")
		}
		if err := who.MayManage(); err != nil {
			return err
		}
		if err := change(tx, &p); err != nil {
			return err
		}
		p.UpdatedAt = s.now()
		_, err = tx.ExecContext(ctx, `UPDATE platforms SET name = ?, description = ?, metadata = ?, updated_at = ?, deleted_at = ? WHERE id = ?`,
			p.Name, p.Description, string(p.Metadata), meta.Micros(p.UpdatedAt), meta.NullMicros(p.DeletedAt), id)
		return err
	})
	if err != nil {
		return Platform{}, err
	}
	return p, nil
}

func checkPlatform(p *Platform) (err error) {
	if p.Name, err = checkName(p.Name, "/name"); err != nil {
		return err
	}
	if p.Metadata == nil {
		p.Metadata = json.RawMessage("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(p.Metadata, &object) != nil || object == nil {
		return errs.New(errs.Invalid, "the metadata is not a JSON object").At("/metadata")
	}
	return nil
}

func platformOf(ctx context.Context, q meta.Querier, who Identity, id ID) (Platform, error) {
	me := who.User.ID
	p, found, err := meta.One(ctx, q, scanPlatform, selectPlatform+`WHERE p.id = ? AND `+onPlatform, id, me, me, me, me)
	if err == nil && !found {
		err = noSuch("platform")
	}
	return p, err
}

const selectPlatform = `SELECT p.id, p.name, p.description, p.metadata, p.created_by, p.created_at, p.updated_at, p.deleted_at FROM platforms p `

func scanPlatform(r meta.Row) (p Platform, err error) {
	var metadata string
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&p.ID, &p.Name, &p.Description, &metadata, &p.CreatedBy, &created, &updated, &deleted)
	p.Metadata, p.CreatedAt, p.UpdatedAt, p.DeletedAt = json.RawMessage(metadata), meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return p, err
}
