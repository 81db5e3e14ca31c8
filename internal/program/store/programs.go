package store

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Create stores a new program and returns it. It uses what r says of the program
// itself and of its project and dataset; ids, version and times are ours. An empty
// origin is Custom. It fails with errs.NotFound if the project does not exist.
func (s *Store) Create(ctx context.Context, r Record) (_ Record, err error) {
	defer errs.Wrap(&err, "program.Create")
	now := s.now()
	r.ID, r.VersionID, r.PrevID, r.Version = newID(), newID(), "", 1
	r.CreatedAt, r.UpdatedAt, r.DeletedAt = now, now, nil
	if r.Origin == "" {
		r.Origin = Custom
	}
	if err := r.normalize(); err != nil {
		return Record{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, r, "", 0); err != nil {
			return err
		}
		return addVersion(ctx, tx, r)
	})
	if meta.IsDangling(err) {
		return Record{}, errs.New(errs.NotFound, "no such project").At("/project_id")
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// Get returns a program, also one that was deleted (its DeletedAt is set). It
// fails with errs.NotFound if there is none.
func (s *Store) Get(ctx context.Context, id ID) (_ Record, err error) {
	defer errs.Wrap(&err, "program.Get")
	return get(ctx, s.DB.Read(), id)
}

// A Filter says which programs to list. Zero values do not filter.
type Filter struct {
	ProjectID      string
	DatasetID      string
	PublishedOnly  bool
	IncludeDeleted bool
	Sort           string // created_at (default), updated_at, name or score; a leading "-" turns it round
	Skip           int
	Limit          int // 0 means all
}

// Whatever else decides, equals stay in the order in which they were made.
var sorts = map[string]string{
	"":            "created_at, place, id",
	"created_at":  "created_at, place, id",
	"-created_at": "created_at DESC, place DESC, id DESC",
	"updated_at":  "updated_at, place, id",
	"-updated_at": "updated_at DESC, place, id",
	"name":        "name, created_at, place, id",
	"-name":       "name DESC, created_at, place, id",
	"score":       "score, created_at, place, id",
	"-score":      "score DESC, created_at, place, id",
}

// List returns the programs that the filter selects, always in the same order.
// Those of a dataset that is hidden, by itself or with its datasource, are left
// out: they could not run.
func (s *Store) List(ctx context.Context, f Filter) (_ []Record, err error) {
	defer errs.Wrap(&err, "program.List")
	order, ok := sorts[f.Sort]
	if !ok {
		return nil, errs.New(errs.Invalid, "programs cannot be sorted by %q", f.Sort).At("/sort").
			Fix("use created_at, updated_at, name or score, with a - before it for the reverse order")
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 1 << 30
	}
	return meta.All(ctx, s.DB.Read(), scan, `SELECT `+columns+` FROM queryprograms
		WHERE (? = '' OR project_id = ?) AND (? = '' OR dataset_id = ?) AND (? = 0 OR published = 1) AND (? = 1 OR deleted_at IS NULL)
		AND NOT EXISTS (SELECT 1 FROM datasets d LEFT JOIN datasources s ON s.id = d.datasource_id
			WHERE d.id = dataset_id AND (d.deleted_at IS NOT NULL OR s.deleted_at IS NOT NULL))
		ORDER BY `+order+` LIMIT ? OFFSET ?`,
		f.ProjectID, f.ProjectID, f.DatasetID, f.DatasetID, f.PublishedOnly, f.IncludeDeleted, limit, max(0, f.Skip))
}

// Update changes a program and returns it. A change of what it is makes a new
// version, and of a generated program an edited one; the same content again makes
// none. It fails with errs.NotFound if it was deleted, unless the change brings it
// back, and with errs.Conflict if IfVersion is not the current version.
func (s *Store) Update(ctx context.Context, id ID, c Change) (_ Record, err error) {
	defer errs.Wrap(&err, "program.Update")
	var r Record
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if r, err = get(ctx, tx, id); err != nil {
			return err
		}
		if r.DeletedAt != nil && (c.Deleted == nil || *c.Deleted) {
			return notFound()
		}
		if c.IfVersion != 0 && c.IfVersion != r.Version {
			return errs.New(errs.Conflict, "the program is at version %d, and the change was made to version %d", r.Version, c.IfVersion).
				Named("program-changed").Fix("read the program again and repeat the change")
		}
		return s.change(ctx, tx, &r, c)
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// change applies c to r and stores both r and, if it became another, its version.
func (s *Store) change(ctx context.Context, tx meta.Querier, r *Record, c Change) error {
	before := r.content()
	r.apply(c)
	r.UpdatedAt = s.now()
	if c.Deleted != nil {
		r.DeletedAt = nil
		if *c.Deleted {
			r.DeletedAt = &r.UpdatedAt
		}
	}
	if err := r.normalize(); err != nil {
		return err
	}
	if before != r.content() {
		if err := r.advance(ctx, tx); err != nil {
			return err
		}
	}
	return save(ctx, tx, *r)
}

// advance makes what r is now a new version, written by somebody.
func (r *Record) advance(ctx context.Context, tx meta.Querier) error {
	if r.Origin == Generated {
		r.Origin = Edited
	}
	r.Version, r.PrevID, r.VersionID = r.Version+1, r.VersionID, newID()
	return addVersion(ctx, tx, *r)
}

func (r *Record) apply(c Change) {
	set(&r.Program.Name, c.Name)
	set(&r.Program.Cue, c.Cue)
	set(&r.Program.SQL, c.SQL)
	set(&r.Program.Slots, c.Slots)
	set(&r.Program.Tables, c.Tables)
	set(&r.Program.Kind, c.Kind)
	set(&r.Program.Reason, c.Reason)
	set(&r.Public, c.Public)
	if c.Chart != nil {
		r.Program.Chart = c.Chart
	}
	for _, f := range []struct{ to, from **string }{{&r.SlotsText, &c.SlotsText}, {&r.Steps, &c.Steps}, {&r.Stores, &c.Stores}} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	// Slots that run take the place of those that a client only stored.
	if c.Slots != nil && c.SlotsText == nil {
		r.SlotsText = nil
	}
	if c.Metadata != nil {
		r.Metadata = c.Metadata
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Delete hides a program, or, if permanent, removes it with its versions and
// history, and returns what it was. A hidden program can still be removed; hiding
// it again is errs.NotFound.
func (s *Store) Delete(ctx context.Context, id ID, permanent bool) (_ Record, err error) {
	if !permanent {
		gone := true
		return s.Update(ctx, id, Change{Deleted: &gone})
	}
	defer errs.Wrap(&err, "program.Delete")
	var r Record
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if r, err = get(ctx, tx, id); err != nil {
			return err
		}
		if r.DeletedAt == nil {
			now := s.now()
			r.DeletedAt = &now
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM queryprograms WHERE id = ?`, id)
		return err
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// SetPublished marks a program as published or not and returns it. It makes no
// new version, and a published program is never replaced by a generated one.
func (s *Store) SetPublished(ctx context.Context, id ID, published bool) (_ Record, err error) {
	defer errs.Wrap(&err, "program.SetPublished")
	var r Record
	err = s.DB.Tx(ctx, func(tx *sql.Tx) (err error) {
		r, err = s.SetPublishedTx(ctx, tx, id, published)
		return err
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// SetPublishedTx is SetPublished in a transaction of the caller's.
func (s *Store) SetPublishedTx(ctx context.Context, tx meta.Querier, id ID, published bool) (Record, error) {
	r, err := get(ctx, tx, id)
	if err != nil {
		return Record{}, err
	}
	if r.DeletedAt != nil {
		return Record{}, notFound()
	}
	if r.Published != published {
		r.Published, r.UpdatedAt = published, s.now()
		return r, save(ctx, tx, r)
	}
	return r, nil
}

// RemoveOf removes the programs of a dataset for good, with their versions and
// history: for a dataset that was removed for good.
func (s *Store) RemoveOf(ctx context.Context, datasetID string) (err error) {
	defer errs.Wrap(&err, "program.RemoveOf(%s)", datasetID)
	_, err = s.DB.Write().ExecContext(ctx, `DELETE FROM queryprograms WHERE dataset_id = ?`, datasetID)
	return err
}
