package source

import (
	"context"
	"database/sql"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Create makes a datasource in d.ProjectID, a project of one of the teams. It
// uses d's name, type, URI, status, phase, message, description, metadata and
// credentials; the table name is made from the name. The status may be any word
// that [ParseState] knows.
func (s *Store) Create(ctx context.Context, teams []string, d Datasource) (_ Datasource, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		d, err = s.CreateTx(ctx, tx, teams, d)
		return err
	})
	if err != nil {
		return Datasource{}, err
	}
	return d, nil
}

// CreateTx is Create within the caller's transaction.
func (s *Store) CreateTx(ctx context.Context, tx meta.Querier, teams []string, d Datasource) (_ Datasource, err error) {
	defer errs.Wrap(&err, "source.Create")
	now := s.now()
	d.ID, d.CreatedAt, d.UpdatedAt, d.DeletedAt = newID(), now, now, nil
	if d.Status, d.Phase, err = ParseState(string(d.Status), d.Phase); err != nil {
		return Datasource{}, err
	}
	if err := check(&d); err != nil {
		return Datasource{}, err
	}
	if err := projectOf(ctx, tx, teams, d.ProjectID); err != nil {
		return Datasource{}, err
	}
	if err := credentialFits(ctx, tx, teams, d.CredentialsID); err != nil {
		return Datasource{}, err
	}
	names, err := meta.All(ctx, tx, scanText, `SELECT table_name FROM datasources WHERE project_id = ?`, d.ProjectID)
	if err != nil {
		return Datasource{}, err
	}
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	d.TableName = free(TableName(d.Name), taken)
	return d, insert(ctx, tx, d)
}

// Get returns a datasource of one of the teams' projects. It fails with
// errs.NotFound if there is none, or it or its project was deleted.
func (s *Store) Get(ctx context.Context, teams []string, id ID) (_ Datasource, err error) {
	defer errs.Wrap(&err, "source.Get")
	return get(ctx, s.DB.Read(), teams, id, false)
}

// Lookup returns a datasource whoever owns it, deleted or not: for work that
// runs on behalf of nobody, such as a job.
func (s *Store) Lookup(ctx context.Context, id ID) (_ Datasource, err error) {
	defer errs.Wrap(&err, "source.Lookup")
	d, found, err := meta.One(ctx, s.DB.Read(), scan, selectDatasource+`WHERE d.id = ?`, id)
	if err == nil && !found {
		err = noSuch("datasource")
	}
	return d, err
}

// ListByProject returns the datasources of a project of one of the teams,
// oldest first. It fails with errs.NotFound if there is no such project.
func (s *Store) ListByProject(ctx context.Context, teams []string, projectID string, includeDeleted bool) (_ []Datasource, err error) {
	defer errs.Wrap(&err, "source.ListByProject")
	if err := projectOf(ctx, s.DB.Read(), teams, projectID); err != nil {
		return nil, err
	}
	query := selectDatasource + `WHERE d.project_id = ? AND d.deleted_at IS NULL ORDER BY d.created_at, d.id`
	if includeDeleted {
		query = selectDatasource + `WHERE d.project_id = ? ORDER BY d.created_at, d.id`
	}
	return meta.All(ctx, s.DB.Read(), scan, query, projectID)
}

// A Change says what to change of a datasource; nil leaves a field as it is.
type Change struct {
	Name          *string // the table name stays, so that saved SQL keeps working
	Type          *string
	URI           *string
	Status        *string // any word that ParseState knows
	Phase         *string
	Message       *string
	Description   *string
	CredentialsID *ID             // "" for none
	Metadata      json.RawMessage // replaces the whole object
}

// Update changes a datasource of one of the teams' projects and returns it.
func (s *Store) Update(ctx context.Context, teams []string, id ID, c Change) (d Datasource, err error) {
	defer errs.Wrap(&err, "source.Update")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if d, err = get(ctx, tx, teams, id, false); err != nil {
			return err
		}
		if err := apply(&d, c); err != nil {
			return err
		}
		if c.CredentialsID != nil {
			if err := credentialFits(ctx, tx, teams, d.CredentialsID); err != nil {
				return err
			}
		}
		d.UpdatedAt = s.now()
		return update(ctx, tx, d)
	})
	if err != nil {
		return Datasource{}, err
	}
	return d, nil
}

func apply(d *Datasource, c Change) (err error) {
	for _, f := range []struct{ from, to *string }{
		{c.Name, &d.Name}, {c.Type, &d.Type}, {c.URI, &d.URI}, {c.Phase, &d.Phase},
		{c.Message, &d.Message}, {c.Description, &d.Description}, {c.CredentialsID, &d.CredentialsID},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if c.Status != nil {
		phase := ""
		if c.Phase != nil {
			phase = *c.Phase
		}
		if d.Status, d.Phase, err = ParseState(*c.Status, phase); err != nil {
			return err
		}
	}
	if c.Metadata != nil {
		d.Metadata = c.Metadata
	}
	return check(d)
}

// SetState sets what a datasource is doing. It fails with errs.NotFound if it
// was removed meanwhile.
func (s *Store) SetState(ctx context.Context, id ID, status Status, phase, message string) error {
	return s.SetStateTx(ctx, s.DB.Write(), id, status, phase, message)
}

// SetStateTx is SetState within the caller's transaction.
func (s *Store) SetStateTx(ctx context.Context, tx meta.Querier, id ID, status Status, phase, message string) (err error) {
	defer errs.Wrap(&err, "source.SetState(%s)", id)
	result, err := tx.ExecContext(ctx, `UPDATE datasources SET status = ?, phase = ?, message = ?, updated_at = ? WHERE id = ?`,
		string(status), phase, message, meta.Micros(s.now()), id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		if err == nil {
			err = noSuch("datasource")
		}
		return err
	}
	return nil
}

// Delete hides a datasource of one of the teams' projects, or, if permanent,
// removes it with its connect spec and the credentials made for it, and returns
// what it was. A hidden one can still be removed; hiding it again is
// errs.NotFound. A hidden datasource keeps its table name.
func (s *Store) Delete(ctx context.Context, teams []string, id ID, permanent bool) (d Datasource, err error) {
	defer errs.Wrap(&err, "source.Delete")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if d, err = get(ctx, tx, teams, id, permanent); err != nil {
			return err
		}
		if d.DeletedAt == nil {
			now := s.now()
			d.DeletedAt, d.UpdatedAt = &now, now
		}
		if permanent {
			_, err = tx.ExecContext(ctx, `DELETE FROM datasources WHERE id = ?`, id)
			return err
		}
		return update(ctx, tx, d)
	})
	if err != nil {
		return Datasource{}, err
	}
	return d, nil
}

func check(d *Datasource) (err error) {
	if d.Name, err = checkName(d.Name); err != nil {
		return err
	}
	d.URI = maskURI(d.URI)
	d.Metadata, err = object(d.Metadata, "/metadata")
	return err
}
