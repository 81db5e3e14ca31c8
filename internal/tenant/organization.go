package tenant

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// visible is true of the organisations o that a user sees: its own, those it
// made, and those of its teams. It takes the user's id three times.
const visible = `(o.id = (SELECT organization_id FROM users WHERE id = ?) OR o.created_by = ? OR o.id IN
	(SELECT t.organization_id FROM memberships m JOIN teams t ON t.id = m.team_id WHERE m.user_id = ? AND t.deleted_at IS NULL))
	AND o.deleted_at IS NULL`

// Organizations returns the organisations that the caller sees, oldest first.
func (s *Store) Organizations(ctx context.Context, who Identity) (_ []Organization, err error) {
	defer errs.Wrap(&err, "tenant.Organizations")
	me := who.User.ID
	return meta.All(ctx, s.DB.Read(), scanOrganization, selectOrganization+`WHERE `+visible+` ORDER BY o.created_at, o.id`, me, me, me)
}

// Organization returns one organisation; errs.NotFound if the caller does not see it.
func (s *Store) Organization(ctx context.Context, who Identity, id ID) (_ Organization, err error) {
	defer errs.Wrap(&err, "tenant.Organization")
	return organizationOf(ctx, s.DB.Read(), who, id)
}

// CreateOrganization makes an organisation with the name, description and platform
// given. The caller must be an admin of its own, and sees the new one.
func (s *Store) CreateOrganization(ctx context.Context, who Identity, o Organization) (_ Organization, err error) {
	defer errs.Wrap(&err, "tenant.CreateOrganization")
	if err := who.MayManage(); err != nil {
		return Organization{}, err
	}
	name, err := checkName(o.Name, "/name")
	if err != nil {
		return Organization{}, err
	}
	if o.PlatformID != "" {
		if _, err := platformOf(ctx, s.DB.Read(), who, o.PlatformID); err != nil {
			return Organization{}, err
		}
	}
	now := s.now()
	o = Organization{ID: newID(), Name: name, Description: o.Description, PlatformID: o.PlatformID, CreatedBy: who.User.ID, CreatedAt: now, UpdatedAt: now}
	return o, insertOrganization(ctx, s.DB.Write(), o)
}

// An OrganizationChange says what to change; nil leaves a field as it is.
type OrganizationChange struct {
	Name        *string
	Description *string
	PlatformID  *ID // moves the organisation; "" takes it out of its platform
}

// UpdateOrganization changes an organisation that the caller sees and manages.
func (s *Store) UpdateOrganization(ctx context.Context, who Identity, id ID, c OrganizationChange) (_ Organization, err error) {
	defer errs.Wrap(&err, "tenant.UpdateOrganization")
	return s.changeOrganization(ctx, who, id, func(tx *sql.Tx, o *Organization) (err error) {
		if c.Description != nil {
			o.Description = *c.Description
		}
		if c.PlatformID != nil {
			if o.PlatformID = *c.PlatformID; o.PlatformID != "" {
				if _, err := platformOf(ctx, tx, who, o.PlatformID); err != nil {
					return err
				}
			}
		}
		if c.Name != nil {
			o.Name, err = checkName(*c.Name, "/name")
		}
		return err
	})
}

// DeleteOrganization hides an organisation and its teams, and returns it. The
// caller's own cannot be deleted: errs.Conflict.
func (s *Store) DeleteOrganization(ctx context.Context, who Identity, id ID) (_ Organization, err error) {
	defer errs.Wrap(&err, "tenant.DeleteOrganization")
	return s.changeOrganization(ctx, who, id, func(_ *sql.Tx, o *Organization) error {
		if id == who.OrganizationID {
			return errs.New(errs.Conflict, "this is your own organisation: deleting it would lock you out").
				Fix("rename it instead", "or ask an admin of another organisation")
		}
		now := s.now()
		o.DeletedAt = &now
		return nil
	})
}

func (s *Store) changeOrganization(ctx context.Context, who Identity, id ID, change func(*sql.Tx, *Organization) error) (o Organization, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if o, err = managedOf(ctx, tx, who, id); err != nil {
			return err
		}
		if err := change(tx, &o); err != nil {
			return err
		}
		o.UpdatedAt = s.now()
		_, err = tx.ExecContext(ctx, `UPDATE organizations SET name = ?, description = ?, platform_id = ?, updated_at = ?, deleted_at = ? WHERE id = ?`,
			o.Name, o.Description, meta.NullText(o.PlatformID), meta.Micros(o.UpdatedAt), meta.NullMicros(o.DeletedAt), id)
		return err
	})
	if err != nil {
		return Organization{}, err
	}
	return o, nil
}

func organizationOf(ctx context.Context, q meta.Querier, who Identity, id ID) (Organization, error) {
	me := who.User.ID
	o, found, err := meta.One(ctx, q, scanOrganization, selectOrganization+`WHERE o.id = ? AND `+visible, id, me, me, me)
	if err == nil && !found {
		err = noSuch("organization")
	}
	return o, err
}

// managedOf returns an organisation that the caller may manage: as an admin, its
// own and those it made. To see another one, as a guest in one of its teams, is
// not enough: errs.Denied.
func managedOf(ctx context.Context, q meta.Querier, who Identity, id ID) (Organization, error) {
	o, err := organizationOf(ctx, q, who, id)
	if err != nil {
		return Organization{}, err
	}
	if o.ID != who.OrganizationID && o.CreatedBy != who.User.ID {
		return Organization{}, errs.New(errs.Denied, "you are a guest in this organisation").Fix("ask one of its admins")
	}
	return o, who.MayManage()
}

func insertOrganization(ctx context.Context, q meta.Querier, o Organization) error {
	_, err := q.ExecContext(ctx, `INSERT INTO organizations (id, name, description, platform_id, created_by, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.Name, o.Description, meta.NullText(o.PlatformID), o.CreatedBy, meta.Micros(o.CreatedAt), meta.Micros(o.UpdatedAt))
	return err
}

const selectOrganization = `SELECT o.id, o.name, o.description, coalesce(o.platform_id, ''), o.created_by, o.created_at, o.updated_at, o.deleted_at FROM organizations o `

func scanOrganization(r meta.Row) (o Organization, err error) {
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&o.ID, &o.Name, &o.Description, &o.PlatformID, &o.CreatedBy, &created, &updated, &deleted)
	o.CreatedAt, o.UpdatedAt, o.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return o, err
}
