// Package lineage records what was made from what: edges between data objects.
package lineage

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An ID names an edge: a UUIDv7 in text.
type ID = string

// An Edge says that a data object was made, from which, and how.
type Edge struct {
	ID             ID              `json:"id"`
	ProjectID      string          `json:"project_id"`
	UpstreamID     *string         `json:"upstream_id"` // nil: it came from outside
	DownstreamID   string          `json:"downstream_id"`
	Transformation string          `json:"transformation"` // upload_http_request, fetch_pages, convert_to_parquet
	Metadata       json.RawMessage `json:"metadata"`       // a JSON object; nil on input means {}
	CreatedAt      time.Time       `json:"created_at"`
}

// A Store keeps edges in the metadata database.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock
}

// maxDepth ends a walk that would not end by itself.
const maxDepth = 100

// AddTx records an edge in the caller's transaction. An empty ID gets a new one.
func (s *Store) AddTx(ctx context.Context, tx meta.Querier, e Edge) (err error) {
	defer errs.Wrap(&err, "lineage.Add")
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	if len(e.Metadata) == 0 {
		e.Metadata = json.RawMessage("{}")
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO lineage (id, project_id, upstream_id, downstream_id, transformation, metadata, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, e.ID, e.ProjectID, e.UpstreamID, e.DownstreamID, e.Transformation, string(e.Metadata), meta.Micros(s.Now()))
	return err
}

const selectEdge = `SELECT id, project_id, upstream_id, downstream_id, transformation, metadata, created_at FROM lineage `

func scan(r meta.Row) (e Edge, err error) {
	var up sql.NullString
	var metadata string
	var created int64
	err = r.Scan(&e.ID, &e.ProjectID, &up, &e.DownstreamID, &e.Transformation, &metadata, &created)
	if up.Valid {
		e.UpstreamID = &up.String
	}
	e.Metadata, e.CreatedAt = json.RawMessage(metadata), meta.Time(created)
	return e, err
}

// Up returns the edges that lead to an object, nearest first: what it was made
// from, and that from, down to depth edges; 0 means all the way.
func (s *Store) Up(ctx context.Context, objectID string, depth int) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.Up")
	return s.walk(ctx, objectID, depth, `downstream_id`, func(e Edge) string {
		if e.UpstreamID == nil {
			return ""
		}
		return *e.UpstreamID
	})
}

// Down returns the edges that lead away from an object, nearest first: what was
// made from it, and from that, up to depth edges; 0 means all the way.
func (s *Store) Down(ctx context.Context, objectID string, depth int) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.Down")
	return s.walk(ctx, objectID, depth, `upstream_id`, func(e Edge) string { return e.DownstreamID })
}

// walk follows edges breadth first. Each edge comes once, whatever the shape.
func (s *Store) walk(ctx context.Context, from string, depth int, column string, next func(Edge) string) ([]Edge, error) {
	if depth <= 0 || depth > maxDepth {
		depth = maxDepth
	}
	all, seen := []Edge{}, map[string]bool{}
	level := []string{from}
	for ; depth > 0 && len(level) > 0; depth-- {
		list, args := meta.In(level)
		edges, err := meta.All(ctx, s.DB.Read(), scan, selectEdge+`WHERE `+column+` IN `+list+` ORDER BY created_at, id`, args...)
		if err != nil {
			return nil, err
		}
		level = nil
		for _, e := range edges {
			if seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			all = append(all, e)
			if id := next(e); id != "" {
				level = append(level, id)
			}
		}
	}
	return all, nil
}

// ByProject returns all edges of a project, oldest first.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Edge, err error) {
	defer errs.Wrap(&err, "lineage.ByProject")
	return meta.All(ctx, s.DB.Read(), scan, selectEdge+`WHERE project_id = ? ORDER BY created_at, id`, projectID)
}
