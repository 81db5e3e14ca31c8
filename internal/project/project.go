// Package project keeps projects: what holds datasources, datasets and query
// programs together, and the boundary that a query never crosses.
//
// Methods for callers take the ids of the caller's teams. A project of another
// team, one that the context is confined not to see, and one that does not exist
// give the same answer.
package project

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An ID names a project: a UUIDv7 in text.
type ID = string

// A Project belongs to a team.
type Project struct {
	ID          ID
	TeamID      string
	Name        string
	Description string
	Metadata    json.RawMessage // a JSON object; nil on input means {}
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeletedAt   *time.Time // nil while it lives
}

// A Change says what to change; nil leaves a field as it is.
type Change struct {
	Name        *string
	Description *string
	Metadata    json.RawMessage // replaces the whole object
	TeamID      *string         // moves the project; the caller must be in that team too
	Deleted     *bool           // false brings a deleted project back
}

// A Store keeps projects in the metadata database.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock
}

// Create makes a project in p.TeamID, which must be one of the caller's teams;
// the caller checks that. It uses p's name, description and metadata.
func (s *Store) Create(ctx context.Context, p Project) (_ Project, err error) {
	defer errs.Wrap(&err, "project.Create")
	if err := meta.MayReachOut(ctx); err != nil {
		return Project{}, err
	}
	now := s.now()
	p = Project{ID: uuid.Must(uuid.NewV7()).String(), TeamID: p.TeamID, Name: p.Name, Description: p.Description,
		Metadata: p.Metadata, CreatedAt: now, UpdatedAt: now}
	if err := check(&p); err != nil {
		return Project{}, err
	}
	_, err = s.DB.Write().ExecContext(ctx, `INSERT INTO projects (id, team_id, name, description, metadata, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, p.ID, p.TeamID, p.Name, p.Description, string(p.Metadata), meta.Micros(now), meta.Micros(now))
	if meta.IsDangling(err) {
		return Project{}, errs.New(errs.NotFound, "no such team").At("/team_id")
	}
	if err != nil {
		return Project{}, err
	}
	return p, nil
}

// Get returns a project of one of the teams. It fails with errs.NotFound if
// there is none, or it was deleted.
func (s *Store) Get(ctx context.Context, teams []string, id ID) (_ Project, err error) {
	defer errs.Wrap(&err, "project.Get")
	return get(ctx, s.DB.Read(), teams, id, false)
}

// Lookup returns a project whoever owns it, deleted or not: for work that runs
// on behalf of nobody, such as a job.
func (s *Store) Lookup(ctx context.Context, id ID) (_ Project, err error) {
	defer errs.Wrap(&err, "project.Lookup")
	p, found, err := meta.One(ctx, s.DB.Read(), scan, selectProject+`WHERE id = ?`, id)
	if err == nil && !found {
		err = notFound()
	}
	return p, err
}

// List returns the projects of the teams, oldest first; of one of them if
// teamID is not empty. A team that is none of teams has no projects.
func (s *Store) List(ctx context.Context, teams []string, teamID string, includeDeleted bool) (_ []Project, err error) {
	defer errs.Wrap(&err, "project.List")
	list, args := meta.In(teams)
	within, only := meta.Within(ctx, "id")
	return meta.All(ctx, s.DB.Read(), scan, selectProject+`WHERE team_id IN `+list+alive(includeDeleted)+`
		AND (? = '' OR team_id = ?) AND `+within+` ORDER BY created_at, id`, slices.Concat(args, []any{teamID, teamID}, only)...)
}

// Update changes a project of one of the teams, moves it, or brings a deleted
// one back, and returns it.
func (s *Store) Update(ctx context.Context, teams []string, id ID, c Change) (p Project, err error) {
	defer errs.Wrap(&err, "project.Update")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		restore := c.Deleted != nil && !*c.Deleted
		var err error
		if p, err = get(ctx, tx, teams, id, restore); err != nil {
			return err
		}
		if c.TeamID != nil && !slices.Contains(teams, *c.TeamID) {
			return errs.New(errs.NotFound, "no such team").At("/new_team_id")
		}
		s.apply(&p, c)
		if err := check(&p); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE projects SET team_id = ?, name = ?, description = ?, metadata = ?, updated_at = ?, deleted_at = ?
			WHERE id = ?`, p.TeamID, p.Name, p.Description, string(p.Metadata), meta.Micros(p.UpdatedAt), meta.NullMicros(p.DeletedAt), id)
		return err
	})
	if err != nil {
		return Project{}, err
	}
	return p, nil
}

func (s *Store) apply(p *Project, c Change) {
	p.UpdatedAt = s.now()
	for _, f := range []struct{ from, to *string }{{c.Name, &p.Name}, {c.Description, &p.Description}, {c.TeamID, &p.TeamID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if c.Metadata != nil {
		p.Metadata = c.Metadata
	}
	switch {
	case c.Deleted == nil:
	case !*c.Deleted:
		p.DeletedAt = nil
	case p.DeletedAt == nil:
		now := s.now()
		p.DeletedAt = &now
	}
}

// Delete hides a project of one of the teams, or, if permanent, removes it with
// everything the metadata database holds about it, and returns what it was. A
// hidden project can still be removed; hiding it again is errs.NotFound. Files
// of its datasets are left to the collector of unreferenced objects.
func (s *Store) Delete(ctx context.Context, teams []string, id ID, permanent bool) (p Project, err error) {
	if !permanent {
		gone := true
		return s.Update(ctx, teams, id, Change{Deleted: &gone})
	}
	defer errs.Wrap(&err, "project.Delete")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if p, err = get(ctx, tx, teams, id, true); err != nil {
			return err
		}
		if p.DeletedAt == nil {
			now := s.now()
			p.DeletedAt = &now
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM projects WHERE id = ?`, id)
		return err
	})
	if err != nil {
		return Project{}, err
	}
	return p, nil
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func notFound() error { return errs.New(errs.NotFound, "no such project") }

func check(p *Project) error {
	p.Name = strings.TrimSpace(p.Name)
	if n := utf8.RuneCountInString(p.Name); n == 0 || n > 200 || !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl) {
		return errs.New(errs.Invalid, "the project's name is empty, too long, or holds characters that cannot be shown").
			Named("bad-name").At("/name").Fix("send a name of 1 to 200 characters on one line")
	}
	if p.Metadata == nil {
		p.Metadata = json.RawMessage("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(p.Metadata, &object) != nil || object == nil {
		return errs.New(errs.Invalid, "the metadata is not a JSON object").At("/metadata")
	}
	return nil
}

func get(ctx context.Context, q meta.Querier, teams []string, id ID, includeDeleted bool) (Project, error) {
	list, args := meta.In(teams)
	within, only := meta.Within(ctx, "id")
	p, found, err := meta.One(ctx, q, scan,
		selectProject+`WHERE team_id IN `+list+alive(includeDeleted)+` AND id = ? AND `+within, slices.Concat(args, []any{id}, only)...)
	if err == nil && !found {
		err = notFound()
	}
	return p, err
}

func alive(includeDeleted bool) string {
	if includeDeleted {
		return ""
	}
	return " AND deleted_at IS NULL"
}

const selectProject = `SELECT id, team_id, name, description, metadata, created_at, updated_at, deleted_at FROM projects `

func scan(r meta.Row) (p Project, err error) {
	var metadata string
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&p.ID, &p.TeamID, &p.Name, &p.Description, &metadata, &created, &updated, &deleted)
	p.Metadata, p.CreatedAt, p.UpdatedAt, p.DeletedAt = json.RawMessage(metadata), meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return p, err
}
