package dataset

import (
	"context"
	"database/sql"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// AddObjectTx stores an object in the caller's transaction. A zero CreatedAt
// becomes now. It fails with errs.Conflict if the id is taken, and with
// errs.NotFound if project or datasource do not exist.
func (s *Store) AddObjectTx(ctx context.Context, tx meta.Querier, o Object) (err error) {
	defer errs.Wrap(&err, "dataset.AddObject(%s)", o.ID)
	if o.ID == "" || o.Key == "" || o.Bucket == "" {
		return errs.New(errs.Internal, "a data object needs an id, a bucket and a key")
	}
	if o.CreatedAt.IsZero() {
		o.CreatedAt = s.Now()
	}
	at := meta.Micros(o.CreatedAt)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO data_objects (id, project_id, datasource_id, run_id, bucket, key, file_type, file_role, mime_type,
			file_size, row_count, etag, sha256, metadata, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.ProjectID, meta.NullText(o.DatasourceID), o.RunID, o.Bucket, o.Key, o.FileType, o.FileRole, o.MimeType,
		o.FileSize, o.Rows, o.ETag, o.SHA256, orEmpty(o.Metadata), at, at)
	switch {
	case meta.IsDuplicate(err):
		return errs.New(errs.Conflict, "there is a data object with this id already").Because(err)
	case meta.IsDangling(err):
		return errs.New(errs.NotFound, "no such project or datasource").Because(err)
	}
	return err
}

// RewrittenTx makes known that the bytes of an object were written again in another
// form: it has the key, size, hashes and metadata of o from now on. It changes nothing
// if the object is gone or its key is not was any more.
func (s *Store) RewrittenTx(ctx context.Context, tx meta.Querier, o Object, was string) (err error) {
	defer errs.Wrap(&err, "dataset.Rewritten(%s)", o.ID)
	_, err = tx.ExecContext(ctx, `
		UPDATE data_objects SET key = ?, file_size = ?, etag = ?, sha256 = ?, metadata = ?, updated_at = ?
		WHERE id = ? AND key = ? AND deleted_at IS NULL`,
		o.Key, o.FileSize, o.ETag, o.SHA256, orEmpty(o.Metadata), meta.Micros(s.Now()), o.ID, was)
	return err
}

const objectColumns = `id, project_id, coalesce(datasource_id, ''), run_id, bucket, key, file_type, file_role, mime_type,
	file_size, row_count, etag, sha256, metadata, created_at, updated_at, deleted_at`

func scanObject(row meta.Row) (o Object, err error) {
	var metadata string
	var created, updated int64
	var deleted sql.NullInt64
	err = row.Scan(&o.ID, &o.ProjectID, &o.DatasourceID, &o.RunID, &o.Bucket, &o.Key, &o.FileType, &o.FileRole, &o.MimeType,
		&o.FileSize, &o.Rows, &o.ETag, &o.SHA256, &metadata, &created, &updated, &deleted)
	o.Metadata = json.RawMessage(metadata)
	o.CreatedAt, o.UpdatedAt, o.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return o, err
}

// Object returns a data object; errs.NotFound if there is none.
func (s *Store) Object(ctx context.Context, id ID) (_ Object, err error) {
	defer errs.Wrap(&err, "dataset.Object(%s)", id)
	o, ok, err := meta.One(ctx, s.DB.Read(), scanObject,
		`SELECT `+objectColumns+` FROM data_objects WHERE id = ? AND deleted_at IS NULL`, id)
	if err == nil && !ok {
		err = errs.New(errs.NotFound, "no such data object")
	}
	return o, err
}

// ObjectsByDatasource returns a datasource's objects, the oldest first.
func (s *Store) ObjectsByDatasource(ctx context.Context, datasourceID string) (_ []Object, err error) {
	defer errs.Wrap(&err, "dataset.ObjectsByDatasource(%s)", datasourceID)
	return meta.All(ctx, s.DB.Read(), scanObject,
		`SELECT `+objectColumns+` FROM data_objects WHERE datasource_id = ? AND deleted_at IS NULL ORDER BY created_at, id`, datasourceID)
}

// ObjectsByRun returns what a run stored, the oldest first.
func (s *Store) ObjectsByRun(ctx context.Context, datasourceID, runID string) (_ []Object, err error) {
	defer errs.Wrap(&err, "dataset.ObjectsByRun(%s)", runID)
	return meta.All(ctx, s.DB.Read(), scanObject, `SELECT `+objectColumns+` FROM data_objects
		WHERE datasource_id = ? AND run_id = ? AND deleted_at IS NULL ORDER BY created_at, id`, datasourceID, runID)
}
