// Package source keeps datasources, the request each one makes (its connect
// spec), credentials, and secrets that requests refer to by name.
//
// Secrets are sealed before they are stored and never shown again. They are
// bound to the origin (scheme, host and port) they were typed in for: pointing a
// saved request at another origin drops them, and a placeholder that stands for
// one in what we show is refused when it is sent back. A named secret is bound to
// the origins that it was stored with, or else to the first that it is sent to.
//
// Methods for callers take the ids of the caller's teams. What belongs to
// another team, or to a project that the context is confined not to see, and what
// does not exist give the same answer.
package source

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// An ID names a datasource, a credential or a secret: a UUIDv7 in text.
type ID = string

// A Datasource is a configured connection.
type Datasource struct {
	ID            ID
	ProjectID     string
	Name          string
	Type          string // "http-requests", "csv", ...
	URI           string // for people; passwords and keys in it are hidden when it is stored
	Status        Status
	Phase         string // what it is doing, or did last: "transformation_started"
	Message       string
	Description   string
	TableName     string          // how SQL calls its dataset; unique in the project, and kept when Name changes
	Metadata      json.RawMessage // a JSON object; nil on input means {}
	CredentialsID ID              // "" if none
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     *time.Time // nil while it lives
}

// A Store keeps it all in the metadata database, with secrets sealed by the vault.
type Store struct {
	DB    *meta.DB
	Vault *secret.Vault
	Now   func() time.Time // the clock
}

// CheckVault opens one stored secret of each kind, so that a data folder whose
// key file is missing or another one is noticed at the start and not by the
// first job at night. No stored secrets is fine.
func (s *Store) CheckVault(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "source.CheckVault")
	for _, query := range sealedValues {
		row, found, err := meta.One(ctx, s.DB.Read(), scanSealed, query+` ORDER BY 4 DESC LIMIT 1`)
		if err != nil || !found {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := s.Vault.Open(row.bytes, row.place); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func newID() ID { return uuid.Must(uuid.NewV7()).String() }

func noSuch(what string) *errs.Error { return errs.New(errs.NotFound, "no such %s", what) }

// projectOf fails with errs.NotFound unless the project lives and is of the teams.
func projectOf(ctx context.Context, q meta.Querier, teams []string, id string) error {
	list, args := meta.In(teams)
	within, only := meta.Within(ctx, "id")
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM projects WHERE deleted_at IS NULL AND team_id IN `+list+` AND id = ? AND `+within,
		slices.Concat(args, []any{id}, only)...).Scan(&n)
	if err == nil && n == 0 {
		err = noSuch("project").At("/project_id")
	}
	return err
}

// checkName returns the name without the space around it.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > 200 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", errs.New(errs.Invalid, "the name is empty, too long, or holds characters that cannot be shown").
			Named("bad-name").At("/name").Fix("send a name of 1 to 200 characters on one line")
	}
	return name, nil
}

// object returns the JSON object in raw, {} for nil and null, or fails and
// points at the field.
func object(raw json.RawMessage, pointer string) (json.RawMessage, error) {
	if text := strings.TrimSpace(string(raw)); text == "" || text == "null" {
		return json.RawMessage("{}"), nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil, errs.New(errs.Invalid, "%s is not a JSON object", strings.TrimPrefix(pointer, "/")).At(pointer)
	}
	return raw, nil
}
