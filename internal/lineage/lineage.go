// Package lineage keeps what was made from what: one edge for each step that
// turned a data object into another. An edge without upstream marks an object
// that came from outside.
package lineage

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An Edge says that a transformation made the downstream object, from the
// upstream object or from nothing we keep.
type Edge struct {
	ID             string          `json:"id"`
	ProjectID      string          `json:"project_id"`
	UpstreamID     *string         `json:"upstream_id"` // nil for what came from outside
	DownstreamID   string          `json:"downstream_id"`
	Transformation string          `json:"transformation"` // "convert_to_parquet"
	Metadata       json.RawMessage `json:"metadata"`       // empty: {}; no secrets
	CreatedAt      time.Time       `json:"created_at"`
}

// A Store keeps edges. Whether a caller may see them is for the caller to check,
// by project.
type Store struct {
	DB  *meta.DB
	Now func() time.Time
}

// AddTx stores an edge in the caller's transaction. A zero CreatedAt becomes now.
// It fails with errs.NotFound if an object does not exist.
func (s *Store) AddTx(ctx context.Context, tx meta.Querier, e Edge) (err error) {
	defer errs.Wrap(&err, "lineage.Add(%s)", e.Transformation)
	if e.ID == "" || e.Transformation == "" {
		return errs.New(errs.Internal, "an edge needs an id and a transformation")
	}
	if e.UpstreamID != nil && *e.UpstreamID == e.DownstreamID {
		return errs.New(errs.Internal, "nothing is made from itself")
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = s.Now()
	}
	metadata := "{}"
	if len(e.Metadata) > 0 {
		metadata = string(e.Metadata)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO lineage (id, project_id, upstream_id, downstream_id, transformation, metadata, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.ProjectID, e.UpstreamID, e.DownstreamID, e.Transformation, metadata, meta.Micros(e.CreatedAt))
	switch {
	case meta.IsDuplicate(err):
		return errs.New(errs.Conflict, "there is an edge with this id already").Because(err)
	case meta.IsDangling(err):
		return errs.New(errs.NotFound, "no such project or data object").Because(err)
	}
	return err
}

const columns = `id, project_id, upstream_id, downstream_id, transformation, metadata, created_at`

func scan(row meta.Row) (e Edge, err error) {
	var upstream sql.NullString
	var metadata string
	var created int64
	err = row.Scan(&e.ID, &e.ProjectID, &upstream, &e.DownstreamID, &e.Transformation, &metadata, &created)
	if upstream.Valid {
		e.UpstreamID = &upstream.String
	}
	e.Metadata, e.CreatedAt = json.RawMessage(metadata), meta.Time(created)
	return e, err
}

// ByProject returns a project's edges, the oldest first.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.ByProject(%s)", projectID)
	return meta.All(ctx, s.DB.Read(), scan, `SELECT `+columns+` FROM lineage WHERE project_id = ? ORDER BY created_at, id`, projectID)
}

// Up returns the edges that lead to an object: those that made it first, then
// those that made what it was made from, up to depth steps; 0 means all. An
// edge appears once. An object that nobody knows has none.
func (s *Store) Up(ctx context.Context, objectID string, depth int) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.Up(%s)", objectID)
	return s.walk(ctx, objectID, depth, `downstream_id`, func(e Edge) string {
		if e.UpstreamID == nil {
			return ""
		}
		return *e.UpstreamID
	})
}

// Down returns the edges that lead away from an object, in the manner of Up.
func (s *Store) Down(ctx context.Context, objectID string, depth int) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.Down(%s)", objectID)
	return s.walk(ctx, objectID, depth, `upstream_id`, func(e Edge) string { return e.DownstreamID })
}

// atOnce bounds the objects that one query asks about.
const atOnce = 500

// walk follows edges from an object, level by level; column is the end of an
// edge that it comes from, next gives the other. Visited objects are not visited
// again, so a cycle, which only a damaged database has, ends.
func (s *Store) walk(ctx context.Context, from string, depth int, column string, next func(Edge) string) ([]Edge, error) {
	all := []Edge{}
	visited := map[string]bool{from: true, "": true}
	for level := []string{from}; len(level) > 0; {
		var following []string
		for start := 0; start < len(level); start += atOnce {
			in, args := meta.In(level[start:min(start+atOnce, len(level))])
			edges, err := meta.All(ctx, s.DB.Read(), scan,
				`SELECT `+columns+` FROM lineage WHERE `+column+` IN `+in+` ORDER BY created_at, id`, args...)
			if err != nil {
				return nil, err
			}
			all = append(all, edges...)
			for _, e := range edges {
				if id := next(e); !visited[id] {
					visited[id] = true
					following = append(following, id)
				}
			}
		}
		if depth--; depth == 0 {
			break
		}
		level = following
	}
	return all, nil
}
