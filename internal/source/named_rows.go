package source

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

func valuePlace(v Secret) string { return v.TeamID + "|" + v.ID + "|value" }

func (s *Store) sealValue(v Secret, value secret.String) ([]byte, error) {
	if err := checkValue(value); err != nil {
		return nil, err
	}
	return s.Vault.Seal([]byte(value.Reveal()), valuePlace(v))
}

// readOrigins returns the origins of the URLs, sorted, each once.
func readOrigins(urls []string) ([]string, error) {
	out := []string{}
	for i, u := range urls {
		text, err := json.Marshal(u)
		if err != nil {
			return nil, err // unreachable: a string always encodes
		}
		origin, err := originOf(text)
		if err != nil {
			return nil, errs.New(errs.Invalid, "an origin is not the address of a host").Named("origin-invalid").At("/origins/" + strconv.Itoa(i)).
				Fix("send scheme and host, such as https://api.example.com").Because(err)
		}
		out = append(out, origin)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func secretOf(ctx context.Context, q meta.Querier, teams []string, team, key string) (Secret, error) {
	if !slices.Contains(teams, team) {
		return Secret{}, noSuch("secret")
	}
	v, found, err := meta.One(ctx, q, scanPlain, selectSecret+`WHERE team_id = ? AND (id = ? OR name = ?) ORDER BY id <> ? LIMIT 1`, team, key, key, key)
	if err == nil && !found {
		err = noSuch("secret")
	}
	return v, err
}

func nameIsFree(ctx context.Context, q meta.Querier, v Secret) error {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM secrets WHERE team_id = ? AND name = ? AND id <> ?`, v.TeamID, v.Name, v.ID).Scan(&n)
	if err == nil && n > 0 {
		err = errs.New(errs.Conflict, "the team has a secret named %q", v.Name).Named("secret-exists").At("/name").
			Fix("change that one", "or choose another name")
	}
	return err
}

func insertSecret(ctx context.Context, q meta.Querier, v Secret, sealed []byte) error {
	origins, err := json.Marshal(v.Origins)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO secrets (id, team_id, name, type, description, credentials_id, origins, sealed, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, v.ID, v.TeamID, v.Name, v.Type, v.Description, meta.NullText(v.CredentialsID), string(origins), sealed,
		meta.Micros(v.CreatedAt), meta.Micros(v.UpdatedAt))
	return err
}

// updateSecret stores v; the value stays if sealed is nil.
func updateSecret(ctx context.Context, q meta.Querier, v Secret, sealed []byte) error {
	origins, err := json.Marshal(v.Origins)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE secrets SET name = ?, type = ?, description = ?, credentials_id = ?, origins = ?, sealed = coalesce(?, sealed),
		updated_at = ? WHERE id = ?`, v.Name, v.Type, v.Description, meta.NullText(v.CredentialsID), string(origins), sealed, meta.Micros(v.UpdatedAt), v.ID)
	return err
}

const selectSecret = `SELECT id, team_id, name, type, description, credentials_id, origins, created_at, updated_at FROM secrets `

func scanPlain(r meta.Row) (Secret, error) { return scanSecret(r) }

// scanSecret reads a row of selectSecret; more takes what is selected besides.
func scanSecret(r meta.Row, more ...any) (v Secret, err error) {
	var credentials sql.NullString
	var origins string
	var created, updated int64
	if err := r.Scan(append([]any{&v.ID, &v.TeamID, &v.Name, &v.Type, &v.Description, &credentials, &origins, &created, &updated}, more...)...); err != nil {
		return v, err
	}
	v.CredentialsID, v.CreatedAt, v.UpdatedAt = credentials.String, meta.Time(created), meta.Time(updated)
	return v, json.Unmarshal([]byte(origins), &v.Origins)
}
