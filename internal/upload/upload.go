// Package upload keeps files that are on their way in, until they are landed.
//
// A file arrives in parts, in order: each is added at the offset that the file has
// by then. What was acknowledged is durable, so a sender that was cut off asks for
// the offset and goes on from there. Nothing of a file is ever held in memory.
package upload

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An ID names an upload: a UUIDv7 in text.
type ID = string

// DefaultMax is the size of the largest file, unless the Store says otherwise.
const DefaultMax = 16 << 30

// Abandoned is how long an upload may rest before it is removed.
const Abandoned = 3 * 24 * time.Hour

// An Upload is a file on its way in.
type Upload struct {
	ID           ID
	ProjectID    string
	UserID       string
	Name         string          // of the file, as its sender calls it; never a path of ours
	ContentType  string          // as declared
	Length       *int64          // bytes in all, if the sender has said so
	Offset       int64           // bytes that are here
	Options      json.RawMessage // how it is to be loaded
	DatasourceID string          // where it goes; may be empty until it is complete
	JobID        string          // the job that loads it; may be empty until it is complete
	Complete     bool            // nothing is added any more
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// A Store keeps uploads: their rows in the metadata database, their bytes in a
// folder. Whether a caller may see one is for the caller to check, by project.
type Store struct {
	DB  *meta.DB
	Dir string // the folder, made if it is missing
	Max int64  // bytes of the largest file; 0 means DefaultMax
	Now func() time.Time

	mu      sync.Mutex
	writers map[ID]*writer // who adds to a file now
}

// Limit returns how many bytes a file may have.
func (s *Store) Limit() int64 {
	if s.Max > 0 {
		return s.Max
	}
	return DefaultMax
}

// Path returns where the bytes of an upload are, or would be. The id must be one of
// ours: it is checked to be a UUID, so that it can name nothing else.
func (s *Store) Path(id ID) (string, error) {
	if u, err := uuid.Parse(id); err != nil || u.String() != id {
		return "", notFound()
	}
	return filepath.Join(s.Dir, id), nil
}

func notFound() error { return errs.New(errs.NotFound, "no such upload") }

// NewID returns an id for an upload.
func NewID() ID { return uuid.Must(uuid.NewV7()).String() }

// CreateTx makes an upload known. It uses all fields of u but the times and the
// offset. It fails with errs.TooLarge if a file of that length is not taken.
func (s *Store) CreateTx(ctx context.Context, tx meta.Querier, u Upload) (_ Upload, err error) {
	defer errs.Wrap(&err, "upload.Create")
	if u.ID == "" {
		u.ID = NewID()
	}
	if u.Length != nil {
		if err := s.fits(*u.Length); err != nil {
			return Upload{}, err
		}
	}
	if len(u.Options) == 0 {
		u.Options = json.RawMessage("{}")
	}
	now := s.Now().UTC().Truncate(time.Microsecond)
	u.CreatedAt, u.UpdatedAt = now, now
	length := sql.NullInt64{}
	if u.Length != nil {
		length = sql.NullInt64{Int64: *u.Length, Valid: true}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO uploads (id, project_id, user_id, name, content_type, length, options, datasource_id, job_id, complete, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.ProjectID, u.UserID, u.Name, u.ContentType, length, string(u.Options), u.DatasourceID, u.JobID, u.Complete, meta.Micros(now), meta.Micros(now))
	return u, err
}

// Create is CreateTx in a transaction of its own.
func (s *Store) Create(ctx context.Context, u Upload) (Upload, error) {
	return s.CreateTx(ctx, s.DB.Write(), u)
}

func (s *Store) fits(length int64) error {
	if length <= s.Limit() {
		return nil
	}
	return s.TooLarge()
}

// TooLarge is the error for a file that is larger than Limit.
func (s *Store) TooLarge() error {
	return errs.New(errs.TooLarge, "the file is larger than %s, the largest that is taken", size(s.Limit())).Named("upload-too-large").
		Fix("compress it with gzip or zstd, or split it and load the parts with mode append", "or start the server with a larger --max-upload")
}

// size writes a number of bytes for a person.
func size(n int64) string {
	for _, u := range []struct {
		unit int64
		name string
	}{{1 << 30, " GB"}, {1 << 20, " MB"}, {1 << 10, " KB"}} {
		if n >= u.unit && n%u.unit == 0 {
			return strconv.FormatInt(n/u.unit, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// Get returns an upload with the offset that it has now; errs.NotFound if there is
// none.
func (s *Store) Get(ctx context.Context, id ID) (u Upload, err error) {
	defer errs.Wrap(&err, "upload.Get")
	u, found, err := meta.One(ctx, s.DB.Read(), scan, `SELECT id, project_id, user_id, name, content_type, length, options, datasource_id, job_id, complete, created_at, updated_at
		FROM uploads WHERE id = ?`, id)
	if err == nil && !found {
		err = notFound()
	}
	if err != nil {
		return Upload{}, err
	}
	path, err := s.Path(u.ID)
	if err != nil {
		return Upload{}, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return u, nil
	case err != nil:
		return Upload{}, err
	}
	u.Offset = info.Size()
	return u, nil
}

func scan(row meta.Row) (u Upload, err error) {
	var length sql.NullInt64
	var options string
	var created, updated int64
	if err := row.Scan(&u.ID, &u.ProjectID, &u.UserID, &u.Name, &u.ContentType, &length, &options, &u.DatasourceID, &u.JobID, &u.Complete, &created, &updated); err != nil {
		return Upload{}, err
	}
	if length.Valid {
		u.Length = &length.Int64
	}
	u.Options, u.CreatedAt, u.UpdatedAt = json.RawMessage(options), meta.Time(created), meta.Time(updated)
	return u, nil
}

// CompleteTx says that a file is whole, where it goes, and which job loads it. It
// fails with errs.Conflict if that was said before.
func (s *Store) CompleteTx(ctx context.Context, tx meta.Querier, id ID, datasourceID, jobID string) (err error) {
	defer errs.Wrap(&err, "upload.Complete")
	res, err := tx.ExecContext(ctx, `UPDATE uploads SET complete = 1, datasource_id = ?, job_id = ?, updated_at = ? WHERE id = ? AND complete = 0`,
		datasourceID, jobID, meta.Micros(s.Now()), id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		if err == nil {
			err = errs.New(errs.Conflict, "the upload is complete already, or gone").Named("upload-complete")
		}
		return err
	}
	return nil
}

// RemoveTx forgets an upload. Its bytes stay until Drop.
func (s *Store) RemoveTx(ctx context.Context, tx meta.Querier, id ID) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE id = ?`, id)
	return err
}

// Remove forgets an upload and its bytes, and stops who adds to it.
func (s *Store) Remove(ctx context.Context, id ID) (err error) {
	defer errs.Wrap(&err, "upload.Remove")
	release := s.takeOver(id)
	defer release()
	if err := s.RemoveTx(ctx, s.DB.Write(), id); err != nil {
		return err
	}
	return s.Drop(id)
}

// Drop removes the bytes of an upload; there may be none.
func (s *Store) Drop(id ID) error {
	path, err := s.Path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes uploads that nobody has added to for long, and files that belong to
// none. What a job still loads stays.
func (s *Store) Sweep(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "upload.Sweep")
	before := s.Now().Add(-Abandoned)
	ids, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (id ID, err error) { return id, row.Scan(&id) },
		`SELECT id FROM uploads WHERE updated_at < ? AND (complete = 0 OR NOT EXISTS (
			SELECT 1 FROM jobs WHERE jobs.id = uploads.job_id AND jobs.status IN ('pending', 'running')))`, meta.Micros(before))
	if err != nil {
		return err
	}
	for _, id := range ids {
		// The row may be old while bytes still come.
		path, err := s.Path(id)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err == nil && info.ModTime().After(before) {
			continue
		}
		if err := s.Remove(ctx, id); err != nil {
			return err
		}
	}
	return s.sweepFiles(ctx, before)
}

func (s *Store) sweepFiles(ctx context.Context, before time.Time) error {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(before) {
			continue // gone a moment ago, or young
		}
		if _, err := s.Get(ctx, e.Name()); errs.KindOf(err) != errs.NotFound {
			continue
		}
		if err := os.Remove(filepath.Join(s.Dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
