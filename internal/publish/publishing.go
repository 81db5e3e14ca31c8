package publish

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// notice is how long a version that was replaced says that it will answer.
const notice = 180 * 24 * time.Hour

// A Wish says how an endpoint is to be; nil leaves it to us, or as it is.
type Wish struct {
	Name        *string // of the tool
	Path        *string
	Method      *string
	Description *string
	Tags        *[]string
	Deprecated  *bool
	Sunset      *time.Time // of one that is deprecated
}

// Publish freezes the program as an endpoint of the project's API, which it makes if
// there is none, and returns both as they are then. By is the user.
//
// It can be repeated: what has not changed stays as it is. A program that changed
// since takes the place of what was frozen, or, if that would break calls, opens the
// next version of the API. A program that was unpublished comes back.
//
// It fails with errs.NotFound if the project has no such program, with errs.Invalid
// if it does not run, and with errs.Conflict if it is being changed.
func (s *Service) Publish(ctx context.Context, projectID, programID, by string) (API, Endpoint, error) {
	return s.PublishAs(ctx, projectID, programID, by, Wish{})
}

// PublishAs is Publish with wishes.
func (s *Service) PublishAs(ctx context.Context, projectID, programID, by string, wish Wish) (_ API, _ Endpoint, err error) {
	defer errs.Wrap(&err, "publish.Publish")
	next, err := s.freeze(ctx, projectID, programID)
	if err != nil {
		return API{}, Endpoint{}, err
	}
	next.PublishedBy = by
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		r, err := s.Programs.SetPublishedTx(ctx, tx, programID, true)
		if err != nil {
			return err
		}
		if r.Version != next.ProgramVersion {
			return errs.New(errs.Conflict, "the program was changed while it was being published").Named("program-changed").Fix("publish it again")
		}
		v, err := s.newest(ctx, tx, projectID)
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, v, next, wish); err != nil {
			return err
		}
		// What Unpublish took away comes back in older versions too.
		_, err = tx.ExecContext(ctx, `UPDATE api_endpoints SET removed_at = NULL WHERE program_id = ? AND removed_at IS NOT NULL`, programID)
		return err
	})
	if err != nil {
		return API{}, Endpoint{}, err
	}
	return s.published(ctx, s.DB.Read(), projectID, programID)
}

// published returns the newest version of the project's API and the program's
// endpoint there.
func (s *Service) published(ctx context.Context, q meta.Querier, projectID, programID string) (API, Endpoint, error) {
	versions, err := load(ctx, q, `WHERE a.project_id = ? ORDER BY v.number DESC LIMIT 1`, projectID)
	if err != nil {
		return API{}, Endpoint{}, err
	}
	for _, v := range versions {
		for _, e := range v.Endpoints {
			if e.ProgramID == programID {
				return v.API, e, nil
			}
		}
	}
	return API{}, Endpoint{}, errs.New(errs.NotFound, "the program is not published").Named("not-published").Fix("publish it")
}

// newest returns the newest version of the project's API, which it makes if there
// is none.
func (s *Service) newest(ctx context.Context, tx meta.Querier, projectID string) (versionRow, error) {
	find := func() ([]versionRow, error) {
		return load(ctx, tx, `WHERE a.project_id = ? ORDER BY v.number DESC LIMIT 1`, projectID)
	}
	versions, err := find()
	if err != nil {
		return versionRow{}, err
	}
	if len(versions) == 0 {
		if err := s.open(ctx, tx, projectID, Change{}); err != nil {
			return versionRow{}, err
		}
		if versions, err = find(); err != nil {
			return versionRow{}, err
		}
	}
	if len(versions) == 0 {
		return versionRow{}, errs.New(errs.NotFound, "no such project")
	}
	return versions[0], nil
}

// open makes the API of a project, at its first version.
func (s *Service) open(ctx context.Context, tx meta.Querier, projectID string, c Change) error {
	name, found, err := meta.One(ctx, tx, scanText, `SELECT name FROM projects WHERE id = ? AND deleted_at IS NULL`, projectID)
	if err == nil && !found {
		err = errs.New(errs.NotFound, "no such project").At("/project_id")
	}
	if err != nil {
		return err
	}
	a := API{Name: name, Tags: []string{}}
	c.applyTo(&a)
	if a.Slug == "" {
		if a.Slug, err = freeSlug(ctx, tx, name); err != nil {
			return err
		}
	}
	if err := checkSlug(a.Slug); err != nil {
		return err
	}
	tags, err := json.Marshal(orEmpty(a.Tags))
	if err != nil {
		return err
	}
	id, now := newID(), meta.Micros(s.now())
	_, err = tx.ExecContext(ctx, `INSERT INTO apis (id, project_id, slug, name, description, tags, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		id, projectID, a.Slug, a.Name, a.Description, string(tags), now, now)
	if meta.IsDuplicate(err) {
		return errs.New(errs.Conflict, "the project has an API already, or another API has this slug").Named("api-exists").At("/slug").
			Fix("change the API that is there", "or choose another slug")
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO api_versions (id, api_id, number, created_at, updated_at) VALUES (?, ?, 1, ?, ?)`, newID(), id, now, now)
	return err
}

// put makes next the program's endpoint in the newest version, or opens another one.
func (s *Service) put(ctx context.Context, tx meta.Querier, v versionRow, next Endpoint, wish Wish) error {
	at := slices.IndexFunc(v.Endpoints, func(e Endpoint) bool { return e.ProgramID == next.ProgramID })
	now := s.now()
	if at < 0 {
		next.ID, next.APIID, next.CreatedAt, next.UpdatedAt, next.Status, next.Tags = newID(), v.ID, now, now, Live, []string{}
		next.place(v.Endpoints)
		if err := wish.applyTo(&next, now); err != nil {
			return err
		}
		return insertEndpoint(ctx, tx, next)
	}
	was, err := storedEndpoint(ctx, tx, v.Endpoints[at].ID)
	if err != nil {
		return err
	}
	is := was.with(next)
	if err := wish.applyTo(&is, now); err != nil {
		return err
	}
	if broken := was.breaks(next); broken != nil {
		return s.advance(ctx, tx, v, is, broken)
	}
	return refresh(ctx, tx, was, is, now)
}

// with returns the endpoint with what next has frozen. Its place, and what people
// said of it, stay.
func (e Endpoint) with(next Endpoint) Endpoint {
	if e.Description == e.Program.Cue {
		e.Description = next.Description
	}
	if e.Status == Removed {
		e.Status = Live
	}
	e.Program, e.ProgramVersion, e.Columns, e.Example, e.PublishedBy = next.Program, next.ProgramVersion, next.Columns, next.Example, next.PublishedBy
	return e
}

// refresh stores what an endpoint has become, if it has become something else.
func refresh(ctx context.Context, tx meta.Querier, was, is Endpoint, now time.Time) error {
	if sameJSON(kept(was), kept(is)) {
		return nil
	}
	is.UpdatedAt = now
	return saveEndpoint(ctx, tx, is)
}

// kept is the endpoint without what a repetition may change and nobody relies on:
// its example, and who published it.
func kept(e Endpoint) Endpoint {
	e.Example, e.PublishedBy = nil, ""
	return e
}

// advance opens the next version of the API: the endpoint as it is to be, and all
// others as they are. The version before is deprecated.
func (s *Service) advance(ctx context.Context, tx meta.Querier, v versionRow, changed Endpoint, broken []string) error {
	now := s.now()
	stamp, id := meta.Micros(now), newID()
	if _, err := tx.ExecContext(ctx, `INSERT INTO api_versions (id, api_id, number, reason, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`,
		id, v.api, v.Number+1, changed.Name+": "+strings.Join(broken, "\n"+changed.Name+": "), stamp, stamp); err != nil {
		return err
	}
	for _, e := range v.Endpoints {
		if e.ProgramID == changed.ProgramID {
			e = changed
			e.UpdatedAt, e.DeprecatedAt, e.Sunset = now, nil, nil
		} else if e.Status == Removed {
			continue
		}
		e.ID, e.APIID = newID(), id
		if err := insertEndpoint(ctx, tx, e); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE api_versions SET deprecated_at = COALESCE(deprecated_at, ?), sunset = COALESCE(sunset, ?), updated_at = ? WHERE id = ?`,
		stamp, meta.Micros(now.Add(notice)), stamp, v.ID)
	return err
}

// Unpublish takes the program's endpoints away, in every version of the API: calls
// are told so. It can be repeated. It fails with errs.NotFound if the project has no
// such program.
func (s *Service) Unpublish(ctx context.Context, projectID, programID string) (err error) {
	defer errs.Wrap(&err, "publish.Unpublish")
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		r, err := s.Programs.SetPublishedTx(ctx, tx, programID, false)
		if err != nil {
			return err
		}
		if r.ProjectID != projectID {
			return errs.New(errs.NotFound, "no such query program")
		}
		_, err = tx.ExecContext(ctx, `UPDATE api_endpoints SET removed_at = ? WHERE program_id = ? AND removed_at IS NULL`, meta.Micros(s.now()), programID)
		return err
	})
}
