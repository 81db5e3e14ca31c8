package tenant

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/mail"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Users returns the users of an organisation that the caller sees, oldest
// first; of the caller's own if the id is empty.
func (s *Store) Users(ctx context.Context, who Identity, organizationID ID) (_ []User, err error) {
	defer errs.Wrap(&err, "tenant.Users")
	if organizationID == "" {
		organizationID = who.OrganizationID
	}
	if _, err := organizationOf(ctx, s.DB.Read(), who, organizationID); err != nil {
		return nil, err
	}
	// People are above projects: a key that is bound to one sees its own user.
	return meta.All(ctx, s.DB.Read(), scanUser,
		selectUser+`WHERE u.organization_id = ? AND u.deleted_at IS NULL AND (? = '' OR u.id = ?) ORDER BY u.created_at, u.id`,
		organizationID, who.ProjectID, who.User.ID)
}

// User returns one user; errs.NotFound if the caller does not see its organisation.
func (s *Store) User(ctx context.Context, who Identity, id ID) (_ User, err error) {
	defer errs.Wrap(&err, "tenant.User")
	return userOf(ctx, s.DB.Read(), who, id)
}

// UserByEmail is User for the one who has the address.
func (s *Store) UserByEmail(ctx context.Context, who Identity, email string) (_ User, err error) {
	defer errs.Wrap(&err, "tenant.UserByEmail")
	u, found, err := meta.One(ctx, s.DB.Read(), scanUser, selectUser+`WHERE u.email = ?`, email)
	if err != nil {
		return User{}, err
	}
	if !found {
		return User{}, noSuch("user")
	}
	return userOf(ctx, s.DB.Read(), who, u.ID)
}

// CreateUser makes a user in an organisation that the caller sees and manages;
// in the caller's own if the id is empty. The user is in no team yet.
func (s *Store) CreateUser(ctx context.Context, who Identity, u User) (_ User, err error) {
	defer errs.Wrap(&err, "tenant.CreateUser")
	if err := who.MayManage(); err != nil {
		return User{}, err
	}
	if u.OrganizationID == "" {
		u.OrganizationID = who.OrganizationID
	}
	if u.Role == "" {
		u.Role = Member
	}
	now := s.now()
	u = User{ID: newID(), OrganizationID: u.OrganizationID, Email: u.Email, Name: u.Name, Role: u.Role,
		Metadata: u.Metadata, CreatedAt: now, UpdatedAt: now}
	if err := checkUser(&u); err != nil {
		return User{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := managedOf(ctx, tx, who, u.OrganizationID); err != nil {
			return err
		}
		return emailTaken(insertUser(ctx, tx, u))
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// A UserChange says what to change; nil leaves a field as it is.
type UserChange struct {
	Email          *string
	Name           *string
	Role           *string
	Metadata       json.RawMessage
	OrganizationID *ID // moves the user
}

// UpdateUser changes a user that the caller sees. Everybody may change their
// own email, name and metadata; all else takes an admin of the organisation, whose
// last admin stays one: errs.Conflict.
func (s *Store) UpdateUser(ctx context.Context, who Identity, id ID, c UserChange) (_ User, err error) {
	defer errs.Wrap(&err, "tenant.UpdateUser")
	privileged := id != who.User.ID || c.Role != nil || c.OrganizationID != nil
	return s.changeUser(ctx, who, id, privileged, func(tx *sql.Tx, u *User) error {
		was := *u
		if c.OrganizationID != nil {
			if _, err := managedOf(ctx, tx, who, *c.OrganizationID); err != nil {
				return err
			}
		}
		for _, f := range []struct {
			from *string
			to   *string
		}{{c.Email, &u.Email}, {c.Name, &u.Name}, {c.Role, &u.Role}, {c.OrganizationID, &u.OrganizationID}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if c.Metadata != nil {
			u.Metadata = c.Metadata
		}
		if err := checkUser(u); err != nil {
			return err
		}
		return keepsAdmin(ctx, tx, was, *u)
	})
}

// keepsAdmin fails with errs.Conflict if the change leaves an organisation without
// an admin.
func keepsAdmin(ctx context.Context, tx meta.Querier, was, is User) error {
	if was.Role != Admin || is.Role == Admin && is.OrganizationID == was.OrganizationID {
		return nil
	}
	var others int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM users WHERE organization_id = ? AND role = ? AND id <> ? AND deleted_at IS NULL`,
		was.OrganizationID, Admin, was.ID).Scan(&others)
	if err == nil && others == 0 {
		return errs.New(errs.Conflict, "the organisation would be left without an admin").Fix("make somebody else an admin first")
	}
	return err
}

// DeleteUser hides a user that the caller sees and manages, and returns it: its
// keys stop working. Nobody can delete themselves: errs.Conflict.
func (s *Store) DeleteUser(ctx context.Context, who Identity, id ID) (_ User, err error) {
	defer errs.Wrap(&err, "tenant.DeleteUser")
	return s.changeUser(ctx, who, id, true, func(_ *sql.Tx, u *User) error {
		if id == who.User.ID {
			return errs.New(errs.Conflict, "this is you: deleting yourself would lock you out").Fix("ask another admin")
		}
		now := s.now()
		u.DeletedAt = &now
		return nil
	})
}

func (s *Store) changeUser(ctx context.Context, who Identity, id ID, privileged bool, change func(*sql.Tx, *User) error) (u User, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if u, err = userOf(ctx, tx, who, id); err != nil {
			return err
		}
		if err := who.mayReachPeople(); err != nil {
			return err
		}
		if privileged {
			if _, err := managedOf(ctx, tx, who, u.OrganizationID); err != nil {
				return err
			}
		}
		if err := change(tx, &u); err != nil {
			return err
		}
		u.UpdatedAt = s.now()
		_, err = tx.ExecContext(ctx, `UPDATE users SET organization_id = ?, email = ?, name = ?, role = ?, metadata = ?,
			updated_at = ?, deleted_at = ? WHERE id = ?`, u.OrganizationID, u.Email, u.Name, u.Role, string(u.Metadata),
			meta.Micros(u.UpdatedAt), meta.NullMicros(u.DeletedAt), id)
		return emailTaken(err)
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

func checkUser(u *User) error {
	if a, err := mail.ParseAddress(u.Email); err != nil || a.Address != u.Email {
		return errs.New(errs.Invalid, "%q is not an email address", u.Email).At("/email").Fix("send an address such as ada@example.org")
	}
	if u.Metadata == nil {
		u.Metadata = json.RawMessage("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(u.Metadata, &object) != nil || object == nil {
		return errs.New(errs.Invalid, "the metadata is not a JSON object").At("/metadata")
	}
	return checkRole(u.Role)
}

func emailTaken(err error) error {
	if meta.IsDuplicate(err) {
		return errs.New(errs.Conflict, "another user has this email address").At("/email").Because(err)
	}
	return err
}

func userOf(ctx context.Context, q meta.Querier, who Identity, id ID) (User, error) {
	u, err := userByID(ctx, q, id)
	if err != nil {
		return User{}, err
	}
	_, err = organizationOf(ctx, q, who, u.OrganizationID)
	if errs.KindOf(err) == errs.NotFound || who.ProjectID != "" && id != who.User.ID {
		return User{}, noSuch("user")
	}
	return u, err
}

func userByID(ctx context.Context, q meta.Querier, id ID) (User, error) {
	u, found, err := meta.One(ctx, q, scanUser, selectUser+`WHERE u.id = ? AND u.deleted_at IS NULL`, id)
	if err == nil && !found {
		err = noSuch("user")
	}
	return u, err
}

func insertUser(ctx context.Context, q meta.Querier, u User) error {
	_, err := q.ExecContext(ctx, `INSERT INTO users (id, organization_id, email, name, role, metadata, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, u.ID, u.OrganizationID, u.Email, u.Name, u.Role, string(u.Metadata),
		meta.Micros(u.CreatedAt), meta.Micros(u.UpdatedAt))
	return err
}

const selectUser = `SELECT u.id, u.organization_id, u.email, u.name, u.role, u.metadata, u.created_at, u.updated_at, u.deleted_at FROM users u `

func scanUser(r meta.Row) (u User, err error) {
	var metadata string
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&u.ID, &u.OrganizationID, &u.Email, &u.Name, &u.Role, &metadata, &created, &updated, &deleted)
	u.Metadata, u.CreatedAt, u.UpdatedAt, u.DeletedAt = json.RawMessage(metadata), meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return u, err
}
