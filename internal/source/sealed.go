package source

import (
	"context"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// sealedValues select every sealed value: its bytes, the place that it was
// sealed for, and what it is to people.
var sealedValues = [...]string{
	`SELECT sealed, d.project_id || '|' || d.id || '|connect_spec', 'connection of datasource ' || d.id, c.updated_at
		FROM connect_specs c JOIN datasources d ON d.id = c.datasource_id`,
	`SELECT sealed, organization_id || '|' || id || '|credential', 'credential ' || id, updated_at FROM credentials`,
	`SELECT sealed, team_id || '|' || id || '|value', 'secret ' || id, updated_at FROM secrets`,
}

type sealedValue struct {
	bytes       []byte
	place, what string
}

func scanSealed(row meta.Row) (v sealedValue, err error) {
	var updated int64
	return v, row.Scan(&v.bytes, &v.place, &v.what, &updated)
}

// OpenAll opens every stored secret and forgets it again. It calls bad for each
// that cannot be opened, and returns how many there are.
func (s *Store) OpenAll(ctx context.Context, bad func(what string, err error)) (n int, err error) {
	defer errs.Wrap(&err, "source.OpenAll")
	for _, query := range sealedValues {
		all, err := meta.All(ctx, s.DB.Read(), scanSealed, query)
		if err != nil {
			return n, err
		}
		for _, v := range all {
			n++
			if _, err := s.Vault.Open(v.bytes, v.place); err != nil {
				bad(v.what, err)
			}
		}
	}
	return n, nil
}

// Count returns how many secrets are stored. It needs no vault.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	defer errs.Wrap(&err, "source.Count")
	for _, query := range sealedValues {
		var some int
		if err := s.DB.Read().QueryRowContext(ctx, `SELECT count(*) FROM (`+query+`)`).Scan(&some); err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}
