package source

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// SecretsOfProject returns a lookup in the secrets of the project's team. A
// secret that has no origin yet is bound to the one that it is wanted for, before
// it is given out. One that is bound elsewhere is errs.Denied.
func (s *Store) SecretsOfProject(id string) httpsource.Lookup {
	return func(ctx context.Context, name, origin string) (_ secret.String, err error) {
		defer errs.Wrap(&err, "source.SecretsOfProject(%s)", id)
		team, err := s.teamOf(ctx, id)
		if err != nil {
			return secret.String{}, err
		}
		return s.give(ctx, []string{team}, name, origin)
	}
}

// SecretsOfTeams returns a lookup in the secrets of the teams, for a request that
// belongs to no project; it works like that of [Store.SecretsOfProject]. A name
// that several teams have is errs.Invalid.
func (s *Store) SecretsOfTeams(teams []string) httpsource.Lookup {
	return func(ctx context.Context, name, origin string) (_ secret.String, err error) {
		defer errs.Wrap(&err, "source.SecretsOfTeams")
		if id := meta.Confined(ctx); id != "" {
			return s.SecretsOfProject(id)(ctx, name, origin)
		}
		return s.give(ctx, teams, name, origin)
	}
}

// CheckSecrets fails, and points at the field, if a lookup for a run in the
// project would fail now. It gives and binds nothing.
func (s *Store) CheckSecrets(ctx context.Context, projectID string, spec httpsource.Spec) (err error) {
	defer errs.Wrap(&err, "source.CheckSecrets")
	team, err := s.teamOf(ctx, projectID)
	if err != nil {
		return err
	}
	return spec.CheckSecrets(func(name, origin string) error {
		v, _, err := named(ctx, s.DB.Read(), []string{team}, name)
		if err != nil {
			return err
		}
		if len(v.Origins) == 0 {
			return mayBind(ctx, name)
		}
		return v.mayGo(origin)
	})
}

func (s *Store) teamOf(ctx context.Context, projectID string) (string, error) {
	team, found, err := meta.One(ctx, s.DB.Read(), scanText, `SELECT team_id FROM projects WHERE id = ?`, projectID)
	if err == nil && !found {
		err = noSuch("project")
	}
	return team, err
}

// give returns the value of the secret for origin, and binds it if it is not yet.
// It is the only way in which a value comes out.
func (s *Store) give(ctx context.Context, teams []string, name, origin string) (secret.String, error) {
	v, sealed, err := named(ctx, s.DB.Read(), teams, name)
	if err == nil && len(v.Origins) == 0 {
		if err := mayBind(ctx, name); err != nil {
			return secret.String{}, err
		}
		// The transaction reads again: of two runs at once, one binds it.
		err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
			if v, sealed, err = named(ctx, tx, teams, name); err != nil || len(v.Origins) > 0 {
				return err
			}
			v.Origins, v.UpdatedAt = []string{origin}, s.now()
			return updateSecret(ctx, tx, v, nil)
		})
	}
	if err != nil {
		return secret.String{}, err
	}
	if err := v.mayGo(origin); err != nil {
		return secret.String{}, err
	}
	plain, err := s.Vault.Open(sealed, valuePlace(v))
	return secret.New(string(plain)), err
}

// mayBind fails with errs.Denied where a secret that has no origin yet may not get
// its first: who holds a key of one project, an agent say, and is talked into a
// request to elsewhere, must not take the team's secret there.
func mayBind(ctx context.Context, name string) error {
	if meta.Confined(ctx) == "" {
		return nil
	}
	return errs.New(errs.Denied, "the secret %q may go anywhere so far, and a key that is bound to one project does not decide where", name).
		Named("secret-unbound").Fix("store it with its origin: millwright secrets set "+name+" --origin https://...", "or make the first request with a key that is not bound")
}

// named returns the secret of that name with its sealed value, read at once: the
// value belongs to the origins. Of several teams, only one may have the name.
func named(ctx context.Context, q meta.Querier, teams []string, name string) (v Secret, sealed []byte, err error) {
	list, args := meta.In(teams)
	n := 0
	_, err = meta.All(ctx, q, func(r meta.Row) (struct{}, error) {
		n++
		v, err = scanSecret(r, &sealed)
		return struct{}{}, err
	}, strings.Replace(selectSecret, " FROM", ", sealed FROM", 1)+`WHERE team_id IN `+list+` AND name = ?`, append(args, name)...)
	switch {
	case err != nil:
		return Secret{}, nil, err
	case n == 0:
		return Secret{}, nil, noSuch("secret")
	case n > 1:
		return Secret{}, nil, errs.New(errs.Invalid, "%d of your teams have a secret named %q", n, name).Named("secret-ambiguous").
			Fix("send the project_id whose secrets are meant")
	}
	return v, sealed, nil
}

// mayGo fails with errs.Denied unless the secret may be sent to origin.
func (v Secret) mayGo(origin string) error {
	if slices.Contains(v.Origins, origin) {
		return nil
	}
	return errs.New(errs.Denied, "the secret %q may be sent to %s only, and the request would send it to %s", v.Name, strings.Join(v.Origins, ", "), origin).
		Named("secret-origin").
		Fix("check the request's address", "or store a secret of another name for that origin", "or send the secret's value again with origins that name it")
}
