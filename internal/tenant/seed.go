package tenant

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// Seed makes the first organisation, team and user if there is no user yet, so
// that a client finds at least one of each, and a key for the user.
//
// apiKey is the key the operator configured; it may be empty. If it is not, it
// works from now on, and a key configured at an earlier start stops working. If
// it is, the first start generates a key; only then is created not nil, so that
// it can be shown once.
func (s *Store) Seed(ctx context.Context, apiKey secret.String) (created *NewKey, err error) {
	defer errs.Wrap(&err, "tenant.Seed")
	if !apiKey.Empty() {
		if err := checkConfigured(apiKey.Reveal()); err != nil {
			return nil, err
		}
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		owner, found, err := meta.One(ctx, tx, scanUser, selectUser+`WHERE u.deleted_at IS NULL ORDER BY u.created_at, u.id LIMIT 1`)
		if err != nil {
			return err
		}
		if !found {
			if owner, err = s.seedOwner(ctx, tx); err != nil {
				return err
			}
		}
		switch {
		case !apiKey.Empty():
			return s.configureKey(ctx, tx, owner.ID, apiKey.Reveal())
		case !found:
			key, err := s.addKey(ctx, tx, APIKey{UserID: owner.ID, Name: "First key", Grant: full()}, generateKey(), false)
			created = &key
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

// seedOwner makes the first rows. Their names are short and without brackets,
// because a known client prints them through a markup renderer that wraps long
// lines and swallows brackets.
func (s *Store) seedOwner(ctx context.Context, tx meta.Querier) (User, error) {
	now := s.now()
	org := Organization{ID: newID(), Name: "My organization", CreatedAt: now, UpdatedAt: now}
	if err := insertOrganization(ctx, tx, org); err != nil {
		return User{}, err
	}
	team := Team{ID: newID(), OrganizationID: org.ID, Name: "My team", CreatedAt: now, UpdatedAt: now}
	if err := insertTeam(ctx, tx, team); err != nil {
		return User{}, err
	}
	user := User{ID: newID(), OrganizationID: org.ID, Email: "owner@millwright.local", Name: "Owner", Role: Admin,
		Metadata: []byte("{}"), CreatedAt: now, UpdatedAt: now}
	if err := insertUser(ctx, tx, user); err != nil {
		return User{}, err
	}
	return user, putMembership(ctx, tx, Membership{UserID: user.ID, TeamID: team.ID, Role: Admin, CreatedAt: now, UpdatedAt: now})
}

// configureKey makes key the only configured key. One that somebody disabled
// stays disabled.
func (s *Store) configureKey(ctx context.Context, tx meta.Querier, userID ID, key string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM api_keys WHERE configured = 1 AND hash <> ?`, hashKey(key)); err != nil {
		return err
	}
	var known int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE hash = ?`, hashKey(key)).Scan(&known); err != nil || known > 0 {
		return err
	}
	_, err := s.addKey(ctx, tx, APIKey{UserID: userID, Name: "Configured key", Grant: full()}, key, true)
	return err
}
