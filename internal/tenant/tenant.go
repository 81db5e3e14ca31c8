// Package tenant knows who there is and who may do what: organisations, teams,
// users, their memberships, and API keys.
//
// A caller sees the teams it is a member of and the organisations above them.
// Asking for anything else answers exactly what asking for something that does
// not exist answers.
package tenant

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An ID names an organisation, a team, a user or a key: a UUIDv7 in text.
type ID = string

// The roles of a membership, and of a user in its organisation.
const (
	Admin  = "admin"  // may do everything, and manage people
	Member = "member" // may read and change
	Viewer = "viewer" // may read
)

// An Organization holds teams and users.
type Organization struct {
	ID          ID
	Name        string
	Description string
	PlatformID  ID // the platform it is on; "" for none
	CreatedBy   ID // the user who made it and so sees it; "" for the first one
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeletedAt   *time.Time // nil while it lives
}

// A Platform groups organisations. It decides nothing about who may do what.
type Platform struct {
	ID          ID
	Name        string
	Description string
	Metadata    json.RawMessage // a JSON object; never nil on read
	CreatedBy   ID              // the user who made it, and who alone may change it
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeletedAt   *time.Time // nil while it lives
}

// A Team holds projects.
type Team struct {
	ID             ID
	OrganizationID ID
	Name           string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      *time.Time // nil while it lives
}

// A User is a person or a program that calls us.
type User struct {
	ID             ID
	OrganizationID ID
	Email          string // unique
	Name           string
	Role           string          // in the organisation: Admin, Member or Viewer
	Metadata       json.RawMessage // a JSON object; never nil on read
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      *time.Time // nil while it lives
}

// A Membership puts a user into a team.
type Membership struct {
	UserID    ID
	TeamID    ID
	Role      string // Admin, Member or Viewer
	CreatedAt time.Time
	UpdatedAt time.Time
}

// An Identity is who a request is made by.
type Identity struct {
	User           User
	KeyID          ID            // the API key used; "" if none was
	OrganizationID ID            // of the user
	TeamIDs        []ID          // the teams it sees, oldest first: the first is its default team
	Roles          map[ID]string // its role in each of TeamIDs
	Grant                        // of the key; all of it if none was used
}

// Reach names everything that decides what the identity sees: who have the same
// see the same, so that what was looked up for one may serve the other.
func (who Identity) Reach() string { return strings.Join(who.TeamIDs, " ") + "/" + who.ProjectID }

// MayChange fails with errs.Denied unless the identity may change things of the
// team. Call it after the thing was found to be in one of TeamIDs.
func (who Identity) MayChange(teamID ID) error {
	if role := who.Roles[teamID]; role == Admin || role == Member {
		return nil
	}
	return errs.New(errs.Denied, "your role in this team does not allow changes").
		Fix("ask an admin of the team for the role member")
}

// MayManage fails with errs.Denied unless the identity may manage the people of
// its organisation.
func (who Identity) MayManage() error {
	if err := who.mayReachPeople(); err != nil {
		return err
	}
	if who.User.Role == Admin {
		return nil
	}
	return errs.New(errs.Denied, "only an admin of the organisation may do this").
		Fix("ask an admin of the organisation")
}

// mayReachPeople fails with errs.Denied for a key that is bound to a project.
func (who Identity) mayReachPeople() error {
	if who.ProjectID == "" {
		return nil
	}
	return errs.New(errs.Denied, "this key is bound to one project, and people are above projects").Named("key-bound").
		Fix("use a key that is not bound to a project")
}

// A Store keeps all of it in the metadata database.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock

	keys     meta.Memo[string, knownKey] // by hash; good ones only
	touching atomic.Bool                 // a time of last use is being written
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// newID returns a new id; later ids sort after earlier ones.
func newID() ID { return uuid.Must(uuid.NewV7()).String() }

func noSuch(what string) error { return errs.New(errs.NotFound, "no such %s", what) }

// checkName returns the name without the space around it.
func checkName(name, pointer string) (string, error) {
	const most = 200
	name = strings.TrimSpace(name)
	bad := func(why string) error {
		return errs.New(errs.Invalid, "the name %s", why).Named("bad-name").At(pointer).
			Fix("send a name of 1 to 200 characters on one line")
	}
	switch {
	case name == "":
		return "", bad("is empty")
	case utf8.RuneCountInString(name) > most:
		return "", bad("is longer than 200 characters")
	case !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return "", bad("holds characters that cannot be shown")
	}
	return name, nil
}

func checkRole(role string) error {
	switch role {
	case Admin, Member, Viewer:
		return nil
	}
	return errs.New(errs.Invalid, "unknown role %q", role).At("/role").Fix("use admin, member or viewer")
}
