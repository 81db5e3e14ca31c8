package publish

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Change of an API; nil leaves a field as it is. The first four are the same for
// all versions.
type Change struct {
	Slug        *string
	Name        *string
	Description *string
	Tags        *[]string
	Deprecated  *bool      // of this version
	Sunset      *time.Time // of this version, if it is deprecated
}

func (c Change) applyTo(a *API) {
	set(&a.Slug, c.Slug)
	set(&a.Name, c.Name)
	set(&a.Description, c.Description)
	set(&a.Tags, c.Tags)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Create makes the API of a project before anything is published there. It fails
// with errs.Conflict if it has one, or if another API has the slug.
func (s *Service) Create(ctx context.Context, projectID string, c Change) (a API, err error) {
	defer errs.Wrap(&err, "publish.Create")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.open(ctx, tx, projectID, c); err != nil {
			return err
		}
		v, err := s.newest(ctx, tx, projectID)
		a = v.API
		return err
	})
	return a, err
}

// Change changes an API, which is named by its slug or the id of a version, and
// returns it. Another slug is another URL: the old one is nobody's then.
func (s *Service) Change(ctx context.Context, slugOrID string, c Change) (a API, err error) {
	defer errs.Wrap(&err, "publish.Change")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		v, err := find(ctx, tx, slugOrID)
		if err != nil {
			return err
		}
		c.applyTo(&v.API)
		if err := checkSlug(v.Slug); err != nil {
			return err
		}
		tags, err := json.Marshal(orEmpty(v.Tags))
		if err != nil {
			return err
		}
		now := s.now()
		_, err = tx.ExecContext(ctx, `UPDATE apis SET slug = ?, name = ?, description = ?, tags = ?, updated_at = ? WHERE id = ?`,
			v.Slug, v.Name, v.Description, string(tags), meta.Micros(now), v.api)
		if meta.IsDuplicate(err) {
			return errs.New(errs.Conflict, "another API has this slug").Named("api-exists").At("/slug").Fix("choose another slug")
		}
		if err != nil {
			return err
		}
		v.DeprecatedAt, v.Sunset = deprecate(v.DeprecatedAt, v.Sunset, c.Deprecated, c.Sunset, now)
		if _, err := tx.ExecContext(ctx, `UPDATE api_versions SET deprecated_at = ?, sunset = ?, updated_at = ? WHERE id = ?`,
			meta.NullMicros(v.DeprecatedAt), meta.NullMicros(v.Sunset), meta.Micros(now), v.ID); err != nil {
			return err
		}
		again, err := find(ctx, tx, v.ID)
		a = again.API
		return err
	})
	return a, err
}

// deprecate returns since when, and until when, after what was said of it.
func deprecate(since, until *time.Time, wanted *bool, sunset *time.Time, now time.Time) (*time.Time, *time.Time) {
	switch {
	case wanted != nil && !*wanted:
		return nil, nil
	case (wanted != nil || sunset != nil) && since == nil:
		since = &now
	}
	if sunset != nil {
		until = sunset
	}
	return since, until
}

// Delete removes a version of an API that a newer one has replaced; its URLs say so.
// Of the newest version, or of a slug, it removes the API for good, with all its
// versions and their usage, and unpublishes its programs. It returns what was there.
func (s *Service) Delete(ctx context.Context, slugOrID string) (a API, err error) {
	defer errs.Wrap(&err, "publish.Delete")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		v, err := find(ctx, tx, slugOrID)
		if err != nil {
			return err
		}
		now := meta.Micros(s.now())
		a = v.API
		if v.Number != v.newest {
			_, err := tx.ExecContext(ctx, `UPDATE api_versions SET removed_at = COALESCE(removed_at, ?), updated_at = ? WHERE id = ?`, now, now, v.ID)
			a.Status = Removed
			return err
		}
		for _, e := range v.Endpoints {
			if err := s.unmark(ctx, tx, e.ProgramID); err != nil {
				return err
			}
		}
		a.Status = Removed
		_, err = tx.ExecContext(ctx, `DELETE FROM apis WHERE id = ?`, v.api)
		return err
	})
	return a, err
}

// unmark says of a program that it is not published; one that was deleted has
// nothing more to say.
func (s *Service) unmark(ctx context.Context, tx meta.Querier, programID string) error {
	_, err := s.Programs.SetPublishedTx(ctx, tx, programID, false)
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

var methods = []string{"GET", "POST"}

func (w Wish) applyTo(e *Endpoint, now time.Time) error {
	if w.Path != nil && w.Name == nil && e.Name == toolName(e.Path) {
		name := toolName(*w.Path)
		w.Name = &name
	}
	set(&e.Name, w.Name)
	set(&e.Path, w.Path)
	set(&e.Method, w.Method)
	set(&e.Description, w.Description)
	set(&e.Tags, w.Tags)
	e.DeprecatedAt, e.Sunset = deprecate(e.DeprecatedAt, e.Sunset, w.Deprecated, w.Sunset, now)
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if !slices.Contains(methods, e.Method) {
		return errs.New(errs.Invalid, "an endpoint cannot be called by %q", e.Method).Named("bad-method").At("/http_method").Fix("use GET or POST")
	}
	return checkToolName(e.Name)
}

// ChangeEndpoint changes an endpoint and returns it. Another path is another URL: the
// old one is unknown then. It fails with errs.Conflict if another endpoint is there.
func (s *Service) ChangeEndpoint(ctx context.Context, id string, wish Wish) (_ API, _ Endpoint, err error) {
	defer errs.Wrap(&err, "publish.ChangeEndpoint")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		e, err := storedEndpoint(ctx, tx, id)
		if err != nil {
			return err
		}
		now := s.now()
		if err := wish.applyTo(&e, now); err != nil {
			return err
		}
		e.UpdatedAt = now
		return saveEndpoint(ctx, tx, e)
	})
	if err != nil {
		return API{}, Endpoint{}, err
	}
	return s.Endpoint(ctx, id)
}

// storedEndpoint returns the endpoint as it is stored, without what its version says.
func storedEndpoint(ctx context.Context, tx meta.Querier, id ID) (Endpoint, error) {
	e, found, err := meta.One(ctx, tx, scanEndpoint, selectEndpoint+`WHERE e.id = ?`, id)
	if err == nil && !found {
		err = noEndpoint()
	}
	return e, err
}

// DeleteEndpoint removes an endpoint for good, with its usage, and returns what it
// was. Its program is published no more, unless another version offers it.
func (s *Service) DeleteEndpoint(ctx context.Context, id string) (_ API, e Endpoint, err error) {
	defer errs.Wrap(&err, "publish.DeleteEndpoint")
	a, e, err := s.Endpoint(ctx, id)
	if err != nil {
		return API{}, Endpoint{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM api_endpoints WHERE id = ?`, id); err != nil {
			return err
		}
		_, offered, err := meta.One(ctx, tx, scanText, `SELECT id FROM api_endpoints WHERE program_id = ? AND removed_at IS NULL`, e.ProgramID)
		if err != nil || offered {
			return err
		}
		return s.unmark(ctx, tx, e.ProgramID)
	})
	e.Status = Removed
	return a, e, err
}
