// Package dataset keeps datasets as immutable versions of stored files.
//
// A version becomes visible all at once, when the transaction of
// [Store.ReplaceTx] commits. Files are never changed: a new version adds files
// and ends old ones, so whoever reads version v keeps reading v. Which files
// belong to v is decided by the manifest: those added at or before v and not
// removed at or before v.
package dataset

import (
	"encoding/json"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// ID identifies a dataset or a data object: a UUIDv7 in text form.
type ID = string

// An Object is one use of stored bytes: a file that a run read or made. Two
// objects may share a key, because equal bytes are stored once.
type Object struct {
	ID           ID              `json:"id"`
	ProjectID    string          `json:"project_id"`
	DatasourceID string          `json:"datasource_id"`
	RunID        string          `json:"run_id"` // the job that made it
	Bucket       string          `json:"bucket"` // "local"
	Key          string          `json:"key"`    // in the blob store
	FileType     string          `json:"file_type"`
	FileRole     string          `json:"file_role"`
	MimeType     string          `json:"mime_type"`
	FileSize     int64           `json:"file_size"` // bytes
	Rows         int64           `json:"rows"`      // 0 for what has none
	ETag         string          `json:"etag"`      // MD5 in hex
	SHA256       string          `json:"sha256"`
	Metadata     json.RawMessage `json:"metadata"` // empty: {}; no secrets
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
	DeletedAt    *time.Time      `json:"deleted_at"`
}

// A Dataset is a queryable table, called dataline in the API. Its schema, rows
// and bytes are those of its current version.
type Dataset struct {
	ID           ID
	ProjectID    string
	DatasourceID string
	ObjectID     ID     // the first file of the current version
	Name         string // for people
	TableName    string // in SQL; unique in the project regardless of case
	Schema       table.Schema
	LastFieldID  int // the highest field id ever used; a new column gets a higher one
	Version      int64
	Rows         int64
	Bytes        int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
	DeletedAt    *time.Time
}

// A Kind says how a version came from the one before.
type Kind string

// The kinds of version. Only Replace is made so far.
const (
	Append  Kind = "append"  // adds files
	Replace Kind = "replace" // adds files and ends all others
	Merge   Kind = "merge"   // adds rows that win over older ones by key
	Compact Kind = "compact" // the same rows in fewer files
)

// A Version is an immutable state of a dataset.
type Version struct {
	DatasetID ID
	Version   int64 // counts from 1
	RunID     string
	Kind      Kind
	ObjectID  ID // its first file
	Rows      int64
	Bytes     int64
	Schema    table.Schema
	Verdict   json.RawMessage // how complete the run was, with its evidence
	Report    json.RawMessage // what typing saw in each column and why it chose the type
	CreatedAt time.Time
}

// A File is a stored file as part of a dataset.
type File struct {
	DatasetID      ID
	ObjectID       ID
	ObjectKey      string
	Bytes          int64
	Rows           int64
	Stats          json.RawMessage // {column: {min, max, nulls}} where known; {} otherwise
	AddedVersion   int64
	RemovedVersion *int64 // nil while it belongs to the current version
}

// A NewVersion is what ReplaceTx commits.
type NewVersion struct {
	ProjectID    string
	DatasourceID string
	Name         string // for people
	TableName    string // names the dataset in its project; see Store.ReplaceTx
	RunID        string
	Kind         Kind
	Schema       table.Schema // with field ids
	LastFieldID  int          // the highest field id ever used, nested ones included
	Files        []NewFile    // at least one; an empty table has a file without rows
	Verdict      json.RawMessage
	Report       json.RawMessage
}

// A NewFile is a file of a new version. Its object was added before.
type NewFile struct {
	ObjectID  ID
	ObjectKey string
	Bytes     int64
	Rows      int64
	Stats     json.RawMessage // empty: {}
}

// A Store keeps data objects and datasets. Whether a caller may see what it
// returns is for the caller to check, by project.
type Store struct {
	DB  *meta.DB
	Now func() time.Time
}

// checkSchema refuses a schema whose field ids would make old files unreadable:
// an id names the same key for ever.
func checkSchema(n NewVersion, before Dataset) error {
	old := map[int]string{}
	for _, c := range before.Schema.Columns {
		old[c.ID] = c.Key
	}
	seen := map[int]bool{}
	for _, c := range n.Schema.Columns {
		key, known := old[c.ID]
		switch {
		case c.ID < 1 || seen[c.ID]:
			return errs.New(errs.Internal, "column %q has no field id of its own", c.Name)
		case known && key != c.Key:
			return errs.New(errs.Internal, "the field id of %q was given to %q", key, c.Name)
		case !known && c.ID <= before.LastFieldID:
			return errs.New(errs.Internal, "column %q got a field id that was used before", c.Name)
		}
		seen[c.ID] = true
	}
	return nil
}

// orEmpty returns the JSON, or {} if there is none.
func orEmpty(j json.RawMessage) string {
	if len(j) == 0 {
		return "{}"
	}
	return string(j)
}
