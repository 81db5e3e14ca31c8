package source

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"millwright/internal/meta"
)

const selectDatasource = `SELECT d.id, d.project_id, d.name, d.type, d.uri, d.status, d.phase, d.message, d.description, d.table_name,
	d.metadata, d.credentials_id, d.created_at, d.updated_at, d.deleted_at FROM datasources d `

func scan(r meta.Row) (d Datasource, err error) {
	var metadata string
	var credentials sql.NullString
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&d.ID, &d.ProjectID, &d.Name, &d.Type, &d.URI, &d.Status, &d.Phase, &d.Message, &d.Description, &d.TableName,
		&metadata, &credentials, &created, &updated, &deleted)
	d.Metadata, d.CredentialsID = json.RawMessage(metadata), credentials.String
	d.CreatedAt, d.UpdatedAt, d.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return d, err
}

func get(ctx context.Context, q meta.Querier, teams []string, id ID, includeDeleted bool) (Datasource, error) {
	list, args := meta.In(teams)
	within, only := meta.Within(ctx, "p.id")
	query := selectDatasource + `JOIN projects p ON p.id = d.project_id WHERE p.deleted_at IS NULL AND p.team_id IN ` + list + ` AND d.id = ? AND ` + within
	if !includeDeleted {
		query += ` AND d.deleted_at IS NULL`
	}
	d, found, err := meta.One(ctx, q, scan, query, slices.Concat(args, []any{id}, only)...)
	if err == nil && !found {
		err = noSuch("datasource")
	}
	return d, err
}

func insert(ctx context.Context, q meta.Querier, d Datasource) error {
	_, err := q.ExecContext(ctx, `INSERT INTO datasources (id, project_id, name, type, uri, status, phase, message, description, table_name,
		metadata, credentials_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.ProjectID, d.Name, d.Type, d.URI, string(d.Status), d.Phase, d.Message, d.Description, d.TableName,
		string(d.Metadata), meta.NullText(d.CredentialsID), meta.Micros(d.CreatedAt), meta.Micros(d.UpdatedAt))
	return err
}

func update(ctx context.Context, q meta.Querier, d Datasource) error {
	_, err := q.ExecContext(ctx, `UPDATE datasources SET name = ?, type = ?, uri = ?, status = ?, phase = ?, message = ?, description = ?,
		metadata = ?, credentials_id = ?, updated_at = ?, deleted_at = ? WHERE id = ?`,
		d.Name, d.Type, d.URI, string(d.Status), d.Phase, d.Message, d.Description,
		string(d.Metadata), meta.NullText(d.CredentialsID), meta.Micros(d.UpdatedAt), meta.NullMicros(d.DeletedAt), d.ID)
	return err
}

func scanText(r meta.Row) (text string, err error) { return text, r.Scan(&text) }
