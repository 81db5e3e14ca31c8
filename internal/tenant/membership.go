package tenant

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Memberships returns who is in a team that the caller is a member of, oldest first.
func (s *Store) Memberships(ctx context.Context, who Identity, teamID ID) (_ []Membership, err error) {
	defer errs.Wrap(&err, "tenant.Memberships")
	if _, err := teamOf(ctx, s.DB.Read(), who, teamID); err != nil {
		return nil, err
	}
	return meta.All(ctx, s.DB.Read(), scanMembership,
		selectMembership+`WHERE m.team_id = ? ORDER BY m.created_at, m.user_id`, teamID)
}

// UserMemberships returns the teams the caller is in, oldest team first.
func (s *Store) UserMemberships(ctx context.Context, who Identity) (_ []Membership, err error) {
	defer errs.Wrap(&err, "tenant.UserMemberships")
	list, args := meta.In(who.TeamIDs)
	return meta.All(ctx, s.DB.Read(), scanMembership, selectMembership+`
		JOIN teams t ON t.id = m.team_id WHERE m.user_id = ? AND m.team_id IN `+list+` ORDER BY t.created_at, t.id`,
		append([]any{who.User.ID}, args...)...)
}

// SetMembership puts a user that the caller sees into a team that the caller is
// an admin of, or changes the user's role there. It does not take the last
// admin away: errs.Conflict.
func (s *Store) SetMembership(ctx context.Context, who Identity, m Membership) (_ Membership, err error) {
	defer errs.Wrap(&err, "tenant.SetMembership")
	if err := checkRole(m.Role); err != nil {
		return Membership{}, err
	}
	m.CreatedAt = s.now()
	m.UpdatedAt = m.CreatedAt
	err = s.changeMembership(ctx, who, m.TeamID, func(tx *sql.Tx) error {
		if _, err := userOf(ctx, tx, who, m.UserID); err != nil {
			return err
		}
		if err := putMembership(ctx, tx, m); err != nil {
			return err
		}
		m, _, err = membershipOf(ctx, tx, m.TeamID, m.UserID)
		return err
	})
	if err != nil {
		return Membership{}, err
	}
	return m, nil
}

// DeleteMembership takes a user out of a team that the caller is an admin of,
// and returns what the membership was. It does not take the last admin away.
func (s *Store) DeleteMembership(ctx context.Context, who Identity, teamID, userID ID) (old Membership, err error) {
	defer errs.Wrap(&err, "tenant.DeleteMembership")
	err = s.changeMembership(ctx, who, teamID, func(tx *sql.Tx) error {
		var found bool
		var err error
		if old, found, err = membershipOf(ctx, tx, teamID, userID); err != nil {
			return err
		}
		if !found {
			return noSuch("membership")
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM memberships WHERE team_id = ? AND user_id = ?`, teamID, userID)
		return err
	})
	if err != nil {
		return Membership{}, err
	}
	return old, nil
}

func (s *Store) changeMembership(ctx context.Context, who Identity, teamID ID, change func(*sql.Tx) error) error {
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := teamOf(ctx, tx, who, teamID); err != nil {
			return err
		}
		if err := who.mayManageTeam(teamID); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		var admins int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM memberships WHERE team_id = ? AND role = 'admin'`, teamID).Scan(&admins)
		if err == nil && admins == 0 {
			return errs.New(errs.Conflict, "the team would be left without an admin").Fix("make somebody else an admin first")
		}
		return err
	})
}

func membershipOf(ctx context.Context, q meta.Querier, teamID, userID ID) (Membership, bool, error) {
	return meta.One(ctx, q, scanMembership, selectMembership+`WHERE m.team_id = ? AND m.user_id = ?`, teamID, userID)
}

func putMembership(ctx context.Context, q meta.Querier, m Membership) error {
	_, err := q.ExecContext(ctx, `INSERT INTO memberships (user_id, team_id, role, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (user_id, team_id) DO UPDATE SET role = excluded.role, updated_at = excluded.updated_at`,
		m.UserID, m.TeamID, m.Role, meta.Micros(m.CreatedAt), meta.Micros(m.UpdatedAt))
	return err
}

const selectMembership = `SELECT m.user_id, m.team_id, m.role, m.created_at, m.updated_at FROM memberships m `

func scanMembership(r meta.Row) (m Membership, err error) {
	var created, updated int64
	err = r.Scan(&m.UserID, &m.TeamID, &m.Role, &created, &updated)
	m.CreatedAt, m.UpdatedAt = meta.Time(created), meta.Time(updated)
	return m, err
}
