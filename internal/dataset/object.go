package dataset

import (
	"context"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

const selectObject = `SELECT id, project_id, coalesce(datasource_id, ''), run_id, bucket, key, file_type, file_role, mime_type,
	file_size, row_count, etag, sha256, metadata, created_at FROM data_objects `

func scanObject(r meta.Row) (o Object, err error) {
	var created int64
	var metadata string
	err = r.Scan(&o.ID, &o.ProjectID, &o.DatasourceID, &o.RunID, &o.Bucket, &o.Key, &o.FileType, &o.FileRole, &o.MimeType,
		&o.FileSize, &o.Rows, &o.ETag, &o.SHA256, &metadata, &created)
	o.Metadata, o.CreatedAt = json.RawMessage(metadata), meta.Time(created)
	return o, err
}

// AddObjectTx records a published file in the caller's transaction. An empty ID
// gets a new one; the object is returned as it is stored.
func (s *Store) AddObjectTx(ctx context.Context, tx meta.Querier, o Object) (_ Object, err error) {
	defer errs.Wrap(&err, "dataset.AddObject")
	if o.ID == "" {
		o.ID = newID()
	}
	o.Metadata = json.RawMessage(orJSON(o.Metadata, "{}"))
	o.CreatedAt = s.now()
	_, err = tx.ExecContext(ctx, `INSERT INTO data_objects (id, project_id, datasource_id, run_id, bucket, key, file_type, file_role,
		mime_type, file_size, row_count, etag, sha256, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.ProjectID, meta.NullText(o.DatasourceID), o.RunID, o.Bucket, o.Key, o.FileType, o.FileRole,
		o.MimeType, o.FileSize, o.Rows, o.ETag, o.SHA256, string(o.Metadata), meta.Micros(o.CreatedAt))
	return o, err
}

// Object returns a data object; errs.NotFound if there is none.
func (s *Store) Object(ctx context.Context, id ID) (_ Object, err error) {
	defer errs.Wrap(&err, "dataset.Object")
	o, found, err := meta.One(ctx, s.DB.Read(), scanObject, selectObject+`WHERE id = ?`, id)
	if err == nil && !found {
		err = noSuch("data object")
	}
	return o, err
}

// ObjectsByDatasource returns the objects of a datasource, oldest first.
func (s *Store) ObjectsByDatasource(ctx context.Context, datasourceID string) (_ []Object, err error) {
	defer errs.Wrap(&err, "dataset.ObjectsByDatasource")
	return meta.All(ctx, s.DB.Read(), scanObject, selectObject+`WHERE datasource_id = ? ORDER BY created_at, id`, datasourceID)
}
