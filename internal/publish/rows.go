package publish

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A versionRow is a version of an API as it is stored.
type versionRow struct {
	API
	api     ID // of the row that all versions share
	newest  int
	removed *time.Time
}

const selectVersion = `SELECT v.id, a.id, a.project_id, a.slug, v.number, (SELECT MAX(n.number) FROM api_versions n WHERE n.api_id = a.id),
	a.name, a.description, a.tags, v.reason, v.deprecated_at, v.sunset, v.removed_at, v.created_at, v.updated_at, a.updated_at
	FROM api_versions v JOIN apis a ON a.id = v.api_id JOIN projects p ON p.id = a.project_id AND p.deleted_at IS NULL `

func scanVersion(row meta.Row) (v versionRow, err error) {
	var tags string
	var deprecated, sunset, removed sql.NullInt64
	var created, updated, updatedAll int64
	if err := row.Scan(&v.ID, &v.api, &v.ProjectID, &v.Slug, &v.Number, &v.newest, &v.Name, &v.Description, &tags, &v.Reason,
		&deprecated, &sunset, &removed, &created, &updated, &updatedAll); err != nil {
		return v, err
	}
	v.Version, v.Newest = versionName(v.Number), versionName(v.newest)
	v.DeprecatedAt, v.Sunset, v.removed = meta.NullTime(deprecated), meta.NullTime(sunset), meta.NullTime(removed)
	v.CreatedAt, v.UpdatedAt = meta.Time(created), meta.Time(max(updated, updatedAll))
	return v, decode(v.ID, text{tags, &v.Tags})
}

func versionName(number int) string { return "v" + strconv.Itoa(number) }

// load returns the versions that the condition selects, with their endpoints.
func load(ctx context.Context, q meta.Querier, where string, args ...any) ([]versionRow, error) {
	versions, err := meta.All(ctx, q, scanVersion, selectVersion+where, args...)
	if err != nil {
		return nil, err
	}
	for i := range versions {
		v := &versions[i]
		if v.Endpoints, err = meta.All(ctx, q, scanEndpoint, selectEndpoint+`WHERE e.version_id = ? ORDER BY e.created_at, e.id`, v.ID); err != nil {
			return nil, err
		}
		v.settle()
	}
	return versions, nil
}

// settle says what the version is, from what it holds and from what is newer.
func (v *versionRow) settle() {
	live := slices.ContainsFunc(v.Endpoints, func(e Endpoint) bool { return e.Status != Removed })
	switch {
	case v.removed != nil:
		v.Status = Removed
	case v.DeprecatedAt != nil:
		v.Status = Deprecated
	case !live:
		v.Status = Draft
	default:
		v.Status = Published
	}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		e.ProjectID = v.ProjectID
		switch {
		case v.Status == Removed:
			e.Status = Removed
		case v.Status == Deprecated && e.Status == Live:
			e.Status = Deprecated
		}
		if e.DeprecatedAt == nil {
			e.DeprecatedAt = v.DeprecatedAt
		}
		if e.Sunset == nil {
			e.Sunset = v.Sunset
		}
	}
}

const endpointColumns = `e.id, e.version_id, e.program_id, e.name, e.path, e.method, e.description, e.tags, e.program_version,
	e.code, e.program, e.columns, e.example, e.published_by, e.deprecated_at, e.sunset, e.removed_at, e.created_at, e.updated_at`

const selectEndpoint = `SELECT ` + endpointColumns + `, q.deleted_at FROM api_endpoints e JOIN queryprograms q ON q.id = e.program_id `

func scanEndpoint(row meta.Row) (e Endpoint, err error) {
	var tags, code, program, columns, example string
	var deprecated, sunset, removed, deleted sql.NullInt64
	var created, updated int64
	if err := row.Scan(&e.ID, &e.APIID, &e.ProgramID, &e.Name, &e.Path, &e.Method, &e.Description, &tags, &e.ProgramVersion,
		&code, &program, &columns, &example, &e.PublishedBy, &deprecated, &sunset, &removed, &created, &updated, &deleted); err != nil {
		return e, err
	}
	e.DeprecatedAt, e.Sunset = meta.NullTime(deprecated), meta.NullTime(sunset)
	e.CreatedAt, e.UpdatedAt = meta.Time(created), meta.Time(updated)
	if example != "" {
		e.Example = json.RawMessage(example)
	}
	switch {
	case removed.Valid || deleted.Valid:
		e.Status = Removed
	case deprecated.Valid:
		e.Status = Deprecated
	default:
		e.Status = Live
	}
	err = decode(e.ID, text{tags, &e.Tags}, text{program, &e.Program}, text{columns, &e.Columns})
	e.Program.SQL = code
	return e, err
}

// A text is JSON and where it goes.
type text struct {
	from string
	to   any
}

func decode(id ID, texts ...text) error {
	for _, t := range texts {
		if err := json.Unmarshal([]byte(t.from), t.to); err != nil {
			return fmt.Errorf("what is published as %s is damaged: %w", id, err) // unreachable unless the database is corrupt
		}
	}
	return nil
}

// An encoded endpoint is what of it is stored as JSON.
type encoded struct{ program, columns, tags string }

func encode(e Endpoint) (out encoded, err error) {
	p := e.Program
	p.SQL = "" // kept beside, byte for byte
	for _, f := range []struct {
		from any
		to   *string
	}{{p, &out.program}, {orEmpty(e.Columns), &out.columns}, {orEmpty(e.Tags), &out.tags}} {
		data, err := json.Marshal(f.from)
		if err != nil {
			return out, fmt.Errorf("publish %s: %w", e.Name, err)
		}
		*f.to = string(data)
	}
	return out, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func insertEndpoint(ctx context.Context, tx meta.Querier, e Endpoint) error {
	c, err := encode(e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO api_endpoints (id, version_id, program_id, name, path, method, description, tags, program_version,
		code, program, columns, example, published_by, deprecated_at, sunset, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.APIID, e.ProgramID, e.Name, e.Path, e.Method, e.Description, c.tags, e.ProgramVersion,
		e.Program.SQL, c.program, c.columns, string(e.Example), e.PublishedBy, meta.NullMicros(e.DeprecatedAt), meta.NullMicros(e.Sunset), meta.Micros(e.CreatedAt), meta.Micros(e.UpdatedAt))
	if meta.IsDuplicate(err) {
		return errs.New(errs.Conflict, "the API has an endpoint of that name or path already").Named("endpoint-exists").Fix("choose another name and path")
	}
	return err
}

// saveEndpoint writes everything of e that may change; it is removed afterwards
// only if its status says so.
func saveEndpoint(ctx context.Context, tx meta.Querier, e Endpoint) error {
	c, err := encode(e)
	if err != nil {
		return err
	}
	removed := sql.NullInt64{Int64: meta.Micros(e.UpdatedAt), Valid: e.Status == Removed}
	_, err = tx.ExecContext(ctx, `UPDATE api_endpoints SET name = ?, path = ?, method = ?, description = ?, tags = ?, program_version = ?, code = ?, program = ?,
		columns = ?, example = ?, published_by = ?, deprecated_at = ?, sunset = ?, removed_at = ?, updated_at = ? WHERE id = ?`,
		e.Name, e.Path, e.Method, e.Description, c.tags, e.ProgramVersion, e.Program.SQL, c.program,
		c.columns, string(e.Example), e.PublishedBy, meta.NullMicros(e.DeprecatedAt), meta.NullMicros(e.Sunset), removed, meta.Micros(e.UpdatedAt), e.ID)
	if meta.IsDuplicate(err) {
		return errs.New(errs.Conflict, "the API has an endpoint of that name or path already").Named("endpoint-exists").Fix("choose another name and path")
	}
	return err
}
