package source

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// A Secret is a value of a team that requests refer to by name, in place of the
// value itself. It does not hold the value, which only a lookup for a request
// gives; see [Store.SecretsOfProject].
type Secret struct {
	ID            ID
	TeamID        string
	Name          string // unique in the team
	Type          string // the caller's own word: "api_key"
	Description   string
	CredentialsID ID       // what it belongs to, for people; "" if nothing
	Origins       []string // every scheme://host:port that it may be sent to; empty means the first that it will be sent to
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// maxSecret is how long a value may be: a private key with its chain fits in.
const maxSecret = 64 << 10

// CreateSecret seals and stores a secret of one of the teams, all of whose projects
// may use it. Origins may be any
// URLs there. It fails with errs.Conflict if the team has one of that name, and
// with errs.Invalid if the value is what is shown in place of one.
func (s *Store) CreateSecret(ctx context.Context, teams []string, v Secret, value secret.String) (_ Secret, err error) {
	defer errs.Wrap(&err, "source.CreateSecret")
	if err := meta.MayReachOut(ctx); err != nil {
		return Secret{}, err
	}
	v.ID, v.CreatedAt = newID(), s.now()
	v.UpdatedAt = v.CreatedAt
	if !slices.Contains(teams, v.TeamID) {
		return Secret{}, noSuch("team")
	}
	if v.Name, err = checkSecretName(v.Name); err != nil {
		return Secret{}, err
	}
	if v.Origins, err = readOrigins(v.Origins); err != nil {
		return Secret{}, err
	}
	sealed, err := s.sealValue(v, value)
	if err != nil {
		return Secret{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := credentialFits(ctx, tx, teams, v.CredentialsID); err != nil {
			return err
		}
		if err := nameIsFree(ctx, tx, v); err != nil {
			return err
		}
		return insertSecret(ctx, tx, v, sealed)
	})
	if err != nil {
		return Secret{}, err
	}
	return v, nil
}

// Secret returns the secret of the team that key names: its id, or its name. It
// fails with errs.NotFound if the team is none of teams.
func (s *Store) Secret(ctx context.Context, teams []string, team, key string) (_ Secret, err error) {
	defer errs.Wrap(&err, "source.Secret")
	return secretOf(ctx, s.DB.Read(), teams, team, key)
}

// Secrets returns the secrets of the teams, oldest first; only those of the type
// unless it is empty.
func (s *Store) Secrets(ctx context.Context, teams []string, typ string) (_ []Secret, err error) {
	defer errs.Wrap(&err, "source.Secrets")
	list, args := meta.In(teams)
	return meta.All(ctx, s.DB.Read(), scanPlain, selectSecret+`WHERE team_id IN `+list+` AND (? = '' OR type = ?) ORDER BY created_at, id`,
		append(args, typ, typ)...)
}

// A SecretChange says what to change; nil leaves a field as it is.
type SecretChange struct {
	Name          *string
	Type          *string
	Description   *string
	CredentialsID *ID
	Origins       []string // replaces the list; not nil and empty means the first that it will be sent to
	Value         *secret.String
}

// UpdateSecret changes the secret of the team that key names. A new value stays
// bound to the origins of the old one unless it comes with others. Origins alone
// can only become fewer: whoever wants the secret sent elsewhere has to know it.
func (s *Store) UpdateSecret(ctx context.Context, teams []string, team, key string, change SecretChange) (v Secret, err error) {
	defer errs.Wrap(&err, "source.UpdateSecret")
	if err := meta.MayReachOut(ctx); err != nil {
		return Secret{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if v, err = secretOf(ctx, tx, teams, team, key); err != nil {
			return err
		}
		if err := v.apply(change); err != nil {
			return err
		}
		if err := credentialFits(ctx, tx, teams, v.CredentialsID); err != nil {
			return err
		}
		if err := nameIsFree(ctx, tx, v); err != nil {
			return err
		}
		v.UpdatedAt = s.now()
		if change.Value == nil {
			return updateSecret(ctx, tx, v, nil)
		}
		sealed, err := s.sealValue(v, *change.Value)
		if err != nil {
			return err
		}
		return updateSecret(ctx, tx, v, sealed)
	})
	if err != nil {
		return Secret{}, err
	}
	return v, nil
}

func (v *Secret) apply(c SecretChange) (err error) {
	for _, f := range []struct{ from, to *string }{
		{c.Name, &v.Name}, {c.Type, &v.Type}, {c.Description, &v.Description}, {c.CredentialsID, &v.CredentialsID},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if v.Name, err = checkSecretName(v.Name); err != nil || c.Origins == nil {
		return err
	}
	next, err := readOrigins(c.Origins)
	if err != nil {
		return err
	}
	if c.Value == nil && !within(next, v.Origins) {
		return errs.New(errs.Invalid, "a stored secret is not sent to other origins than it was stored for").
			Named("secret-origin-change").At("/origins").Fix("send its value again together with the new origins", "or name only origins that it has")
	}
	v.Origins = next
	return nil
}

// within reports whether origins are no wider than before, where none means any.
func within(origins, before []string) bool {
	if len(before) == 0 {
		return true
	}
	return len(origins) > 0 && !slices.ContainsFunc(origins, func(o string) bool { return !slices.Contains(before, o) })
}

// DeleteSecret removes the secret of the team that key names, for good, and
// returns what it was. Requests that refer to it fail from then on.
func (s *Store) DeleteSecret(ctx context.Context, teams []string, team, key string) (v Secret, err error) {
	defer errs.Wrap(&err, "source.DeleteSecret")
	if err := meta.MayReachOut(ctx); err != nil {
		return Secret{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if v, err = secretOf(ctx, tx, teams, team, key); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM secrets WHERE id = ?`, v.ID)
		return err
	})
	if err != nil {
		return Secret{}, err
	}
	return v, nil
}

// checkSecretName returns the name without the space around it. Names stand in
// paths, so there is no slash in them.
func checkSecretName(name string) (string, error) {
	name = strings.TrimSpace(name)
	strange := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-. ", r)
	}
	if n := utf8.RuneCountInString(name); n == 0 || n > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, strange) || strings.Trim(name, ".") == "" {
		return "", errs.New(errs.Invalid, "the name of a secret is empty, too long, or holds characters that names do not have").
			Named("bad-name").At("/name").Fix("send a name of 1 to 100 letters, digits, spaces, dots, dashes and underscores, such as SHOP_TOKEN")
	}
	return name, nil
}

// checkValue refuses values that are none: what is shown in place of one is not
// what a person wants to store.
func checkValue(value secret.String) error {
	text := value.Reveal()
	switch {
	case text == "":
		return errs.New(errs.Invalid, "the secret has no value").Named("field-missing").At("/value").Fix("send the secret itself")
	case len(text) > maxSecret:
		return errs.New(errs.Invalid, "the secret is longer than %d bytes", maxSecret).Named("secret-too-long").At("/value").
			Fix("check that it is a secret and not a file of data")
	case strings.Contains(text, secret.Hidden), strings.Trim(text, "*•●…. ") == "":
		return errs.New(errs.Invalid, "the value is what stands for a hidden secret, not a secret").Named("placeholder-sent").At("/value").
			Fix("send the secret itself", "or leave value out to keep the stored one")
	}
	return nil
}
