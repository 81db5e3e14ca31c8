// Package dataset keeps datasets as immutable versions of Parquet files, and the
// data objects that hold those and other files.
//
// A version becomes visible all at once, when the transaction of [Store.ReplaceTx]
// commits. It never changes afterwards: a new version adds files and ends old ones,
// and reading at version v gives the files that were there at v.
package dataset

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// An ID names a dataset or a data object: a UUIDv7 in text.
type ID = string

// A Kind says how a version came to be.
type Kind string

// The kinds of version.
const (
	Replace Kind = "replace" // the files of the version before are gone from it
	Append  Kind = "append"  // files were added
	Merge   Kind = "merge"   // rows were added that replace older ones with the same key
	Compact Kind = "compact" // the same rows in other files
)

// An Object is an immutable stored file.
type Object struct {
	ID           ID              `json:"id"`
	ProjectID    string          `json:"project_id"`
	DatasourceID string          `json:"datasource_id"` // "" for none
	RunID        string          `json:"run_id"`        // the job that made it; "" for none
	Bucket       string          `json:"bucket"`        // "local"
	Key          string          `json:"key"`           // in the blob store
	FileType     string          `json:"file_type"`     // json, ndjson, parquet
	FileRole     string          `json:"file_role"`     // connect/http, data/raw_pages, data/uploaded
	MimeType     string          `json:"mime_type"`
	FileSize     int64           `json:"file_size"` // bytes
	Rows         int64           `json:"rows"`      // 0 if it has none
	ETag         string          `json:"etag"`      // MD5 of the content, in hex
	SHA256       string          `json:"sha256"`    // of the content, in hex
	Metadata     json.RawMessage `json:"metadata"`  // a JSON object; nil on input means {}
	CreatedAt    time.Time       `json:"created_at"`
}

// A Dataset is a queryable table with versions; the API calls it dataline.
type Dataset struct {
	ID           ID
	ProjectID    string
	DatasourceID string
	ObjectID     ID // the newest file of the current version
	Name         string
	TableName    string       // how SQL calls it; unique in the project
	Version      int64        // the current one, from 1
	Schema       table.Schema // of the current version
	LastFieldID  int          // the highest field id ever used
	CreatedAt    time.Time
	UpdatedAt    time.Time
	DeletedAt    *time.Time // when its datasource was hidden; nil while it lives
}

// A Version is one state of a dataset.
type Version struct {
	DatasetID ID
	Version   int64
	RunID     string // the job that made it
	Kind      Kind
	Rows      int64
	Bytes     int64 // of its files
	Schema    table.Schema
	Verdict   json.RawMessage // how complete it is
	Report    json.RawMessage // what typing saw and decided
	CreatedAt time.Time
}

// A File is a Parquet file of a version.
type File struct {
	ObjectID       ID
	ObjectKey      string
	Bytes          int64
	Rows           int64
	AddedVersion   int64
	RemovedVersion *int64 // the first version without it; nil while it is current
}

// A NewFile is a file that a new version adds.
type NewFile struct {
	ObjectID  ID
	ObjectKey string
	Bytes     int64
	Rows      int64
}

// A NewVersion is what a run commits.
type NewVersion struct {
	ProjectID    string
	DatasourceID string // the dataset is this datasource's; made with its first version
	Name         string
	TableName    string
	RunID        string
	Kind         Kind
	Schema       table.Schema
	LastFieldID  int
	Files        []NewFile
	Verdict      json.RawMessage // nil means null
	Report       json.RawMessage // nil means null
}

// A Store keeps datasets and data objects in the metadata database.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func newID() ID { return uuid.Must(uuid.NewV7()).String() }

func noSuch(what string) error { return errs.New(errs.NotFound, "no such %s", what) }

// orJSON returns raw, or the given JSON if it is empty.
func orJSON(raw json.RawMessage, otherwise string) string {
	if len(raw) == 0 {
		return otherwise
	}
	return string(raw)
}
