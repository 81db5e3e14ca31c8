package tenant

import (
	"context"
	"maps"
	"slices"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Authenticate returns who the API key belongs to. It fails with errs.Anonymous
// for a key that is missing, malformed, unknown or disabled, or whose user is
// gone. The token comes without "Bearer". The key's time of last use is written
// at most once a minute.
func (s *Store) Authenticate(ctx context.Context, token string) (_ Identity, err error) {
	defer errs.Wrap(&err, "tenant.Authenticate")
	if token == "" {
		return Identity{}, refuse("this request carries no API key")
	}
	if !wellFormed(token) {
		return Identity{}, refuse("this is not an API key of this server, or it was not copied whole")
	}
	hash := hashKey(token)
	k, err := s.keys.Get(s.DB, hash, func() (knownKey, error) { return s.lookUp(ctx, hash) })
	if err != nil {
		return Identity{}, err
	}
	s.touch(ctx, k.key)
	return k.who.clone(), nil
}

// A knownKey is a key that is good, and who has it.
type knownKey struct {
	key APIKey
	who Identity
}

func (s *Store) lookUp(ctx context.Context, hash string) (knownKey, error) {
	key, found, err := meta.One(ctx, s.DB.Read(), scanKey, selectKey+`WHERE hash = ?`, hash)
	if err != nil {
		return knownKey{}, err
	}
	if !found {
		return knownKey{}, refuse("this server does not know this API key")
	}
	if !key.Enabled {
		return knownKey{}, refuse("this API key is disabled")
	}
	who, err := s.identity(ctx, key.UserID)
	if errs.KindOf(err) == errs.NotFound {
		return knownKey{}, refuse("the user of this API key was removed")
	}
	if err == nil && key.ProjectID != "" {
		err = s.confine(ctx, &who, key.ProjectID)
	}
	who.KeyID, who.Grant = key.ID, key.Grant
	return knownKey{key, who}, err
}

// confine leaves the identity only the team of the project, if it is in it.
func (s *Store) confine(ctx context.Context, who *Identity, projectID ID) error {
	team, found, err := meta.One(ctx, s.DB.Read(), scanID, `SELECT team_id FROM projects WHERE id = ?`, projectID)
	if err != nil {
		return err
	}
	role, in := who.Roles[team]
	who.TeamIDs, who.Roles = nil, map[ID]string{}
	if found && in {
		who.TeamIDs, who.Roles = []ID{team}, map[ID]string{team: role}
	}
	return nil
}

func scanID(r meta.Row) (id ID, err error) { return id, r.Scan(&id) }

// clone returns a copy that shares nothing with who.
func (who Identity) clone() Identity {
	who.TeamIDs, who.Roles, who.Scopes = slices.Clone(who.TeamIDs), maps.Clone(who.Roles), slices.Clone(who.Scopes)
	return who
}

// First returns the oldest user, whom Seed made: for the command line and for
// setting up the first project. It fails with errs.NotFound before Seed.
func (s *Store) First(ctx context.Context) (_ Identity, err error) {
	defer errs.Wrap(&err, "tenant.First")
	user, found, err := meta.One(ctx, s.DB.Read(), scanUser,
		selectUser+`WHERE u.deleted_at IS NULL ORDER BY u.created_at, u.id LIMIT 1`)
	if err != nil {
		return Identity{}, err
	}
	if !found {
		return Identity{}, noSuch("user")
	}
	return s.identity(ctx, user.ID)
}

func (s *Store) identity(ctx context.Context, userID ID) (Identity, error) {
	user, err := userByID(ctx, s.DB.Read(), userID)
	if err != nil {
		return Identity{}, err
	}
	members, err := meta.All(ctx, s.DB.Read(), scanMembership, selectMembership+`
		JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
		WHERE m.user_id = ? AND t.deleted_at IS NULL AND o.deleted_at IS NULL ORDER BY t.created_at, t.id`, userID)
	if err != nil {
		return Identity{}, err
	}
	who := Identity{User: user, OrganizationID: user.OrganizationID, TeamIDs: make([]ID, len(members)), Roles: map[ID]string{}, Grant: full()}
	for i, m := range members {
		who.TeamIDs[i], who.Roles[m.TeamID] = m.TeamID, m.Role
	}
	return who, nil
}

// touch notes that the key was used. It gives up quickly and silently: a busy
// or full disk must not lock people out.
func (s *Store) touch(ctx context.Context, key APIKey) {
	now := s.now()
	if key.LastUsed != nil && now.Sub(*key.LastUsed) < time.Minute {
		return
	}
	// One of those who find it due is enough.
	if !s.touching.CompareAndSwap(false, true) {
		return
	}
	defer s.touching.Store(false)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = s.DB.Write().ExecContext(ctx, `UPDATE api_keys SET last_used = ? WHERE id = ?`, meta.Micros(now), key.ID)
}

func refuse(why string) error {
	return errs.New(errs.Anonymous, "%s", why).Named("bad-api-key").
		Fix("send a valid key as \"Authorization: Bearer KEY\"", "or make a new key with: millwright keys create")
}
