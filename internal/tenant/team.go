package tenant

import (
	"context"
	"database/sql"
	"slices"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Teams returns the teams of the organisation that the caller is a member of,
// oldest first; of every organisation if the id is empty.
func (s *Store) Teams(ctx context.Context, who Identity, organizationID ID) (_ []Team, err error) {
	defer errs.Wrap(&err, "tenant.Teams")
	list, args := meta.In(who.TeamIDs)
	return meta.All(ctx, s.DB.Read(), scanTeam, selectTeam+`
		WHERE t.deleted_at IS NULL AND t.id IN `+list+` AND (? = '' OR t.organization_id = ?) ORDER BY t.created_at, t.id`,
		append(args, organizationID, organizationID)...)
}

// Team returns one team; errs.NotFound if the caller is no member of it.
func (s *Store) Team(ctx context.Context, who Identity, id ID) (_ Team, err error) {
	defer errs.Wrap(&err, "tenant.Team")
	return teamOf(ctx, s.DB.Read(), who, id)
}

// CreateTeam makes a team with the caller as its admin, in an organisation that
// the caller sees and manages; in the caller's own if the id is empty. The new
// team is in the caller's identity from the next Authenticate on.
func (s *Store) CreateTeam(ctx context.Context, who Identity, t Team) (_ Team, err error) {
	defer errs.Wrap(&err, "tenant.CreateTeam")
	if err := who.MayManage(); err != nil {
		return Team{}, err
	}
	name, err := checkName(t.Name, "/name")
	if err != nil {
		return Team{}, err
	}
	if t.OrganizationID == "" {
		t.OrganizationID = who.OrganizationID
	}
	now := s.now()
	t = Team{ID: newID(), OrganizationID: t.OrganizationID, Name: name, CreatedAt: now, UpdatedAt: now}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := managedOf(ctx, tx, who, t.OrganizationID); err != nil {
			return err
		}
		if err := insertTeam(ctx, tx, t); err != nil {
			return err
		}
		return putMembership(ctx, tx, Membership{UserID: who.User.ID, TeamID: t.ID, Role: Admin, CreatedAt: now, UpdatedAt: now})
	})
	if err != nil {
		return Team{}, err
	}
	return t, nil
}

// A TeamChange says what to change; nil leaves a field as it is.
type TeamChange struct {
	Name           *string
	OrganizationID *ID // moves the team
}

// UpdateTeam changes or moves a team that the caller is an admin of.
func (s *Store) UpdateTeam(ctx context.Context, who Identity, id ID, c TeamChange) (_ Team, err error) {
	defer errs.Wrap(&err, "tenant.UpdateTeam")
	return s.changeTeam(ctx, who, id, func(tx *sql.Tx, t *Team) (err error) {
		if c.Name != nil {
			if t.Name, err = checkName(*c.Name, "/name"); err != nil {
				return err
			}
		}
		if c.OrganizationID != nil {
			if _, err := managedOf(ctx, tx, who, *c.OrganizationID); err != nil {
				return err
			}
			t.OrganizationID = *c.OrganizationID
		}
		return nil
	})
}

// DeleteTeam hides a team, and with it its projects, and returns it. The
// caller's only team cannot be deleted: errs.Conflict.
func (s *Store) DeleteTeam(ctx context.Context, who Identity, id ID) (_ Team, err error) {
	defer errs.Wrap(&err, "tenant.DeleteTeam")
	return s.changeTeam(ctx, who, id, func(_ *sql.Tx, t *Team) error {
		if len(who.TeamIDs) == 1 {
			return errs.New(errs.Conflict, "this is your only team: deleting it would lock you out").
				Fix("make another team first")
		}
		now := s.now()
		t.DeletedAt = &now
		return nil
	})
}

func (s *Store) changeTeam(ctx context.Context, who Identity, id ID, change func(*sql.Tx, *Team) error) (t Team, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if t, err = teamOf(ctx, tx, who, id); err != nil {
			return err
		}
		if err := who.mayManageTeam(id); err != nil {
			return err
		}
		if err := change(tx, &t); err != nil {
			return err
		}
		t.UpdatedAt = s.now()
		_, err = tx.ExecContext(ctx, `UPDATE teams SET organization_id = ?, name = ?, updated_at = ?, deleted_at = ? WHERE id = ?`,
			t.OrganizationID, t.Name, meta.Micros(t.UpdatedAt), meta.NullMicros(t.DeletedAt), id)
		return err
	})
	if err != nil {
		return Team{}, err
	}
	return t, nil
}

func (who Identity) mayManageTeam(id ID) error {
	if who.Roles[id] == Admin && who.ProjectID == "" {
		return nil
	}
	return errs.New(errs.Denied, "only an admin of the team may do this").Fix("ask an admin of the team")
}

func teamOf(ctx context.Context, q meta.Querier, who Identity, id ID) (Team, error) {
	if !slices.Contains(who.TeamIDs, id) {
		return Team{}, noSuch("team")
	}
	t, found, err := meta.One(ctx, q, scanTeam, selectTeam+`WHERE t.id = ? AND t.deleted_at IS NULL`, id)
	if err == nil && !found {
		err = noSuch("team")
	}
	return t, err
}

func insertTeam(ctx context.Context, q meta.Querier, t Team) error {
	_, err := q.ExecContext(ctx, `INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?)`,
		t.ID, t.OrganizationID, t.Name, meta.Micros(t.CreatedAt), meta.Micros(t.UpdatedAt))
	return err
}

const selectTeam = `SELECT t.id, t.organization_id, t.name, t.created_at, t.updated_at, t.deleted_at FROM teams t `

func scanTeam(r meta.Row) (t Team, err error) {
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&t.ID, &t.OrganizationID, &t.Name, &created, &updated, &deleted)
	t.CreatedAt, t.UpdatedAt, t.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return t, err
}
