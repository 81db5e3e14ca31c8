// Package dataset keeps datasets as immutable versions of stored files.
//
// A version becomes visible all at once, when the transaction of
// [Store.CommitTx] commits. Files are never changed: a new version adds files
// and ends old ones, so whoever reads version v keeps reading v. Which files
// belong to v is decided by the manifest: those added at or before v and not
// removed at or before v. Versions expire by a dataset's settings, but never the
// current one, nor one that somebody pinned.
package dataset

import (
	"encoding/json"
	"time"

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
	ETag         string          `json:"etag"`      // changes with the content
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
	ObjectID     ID     // the first file that the current version added
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

// The kinds of version.
const (
	Append  Kind = "append"  // adds files
	Replace Kind = "replace" // adds files and ends all others
	Merge   Kind = "merge"   // adds files whose rows win over older ones of the same key
	Compact Kind = "compact" // the same rows in fewer files
	Retype  Kind = "retype"  // the same records with other types: adds files and ends all others
	Restore Kind = "restore" // the files of an older version again
)

// A Version is an immutable state of a dataset.
type Version struct {
	DatasetID ID
	Version   int64 // counts from 1
	RunID     string
	Kind      Kind
	Base      int64    // the version that it was made from, as the committer said; of Restore, the one restored; 0 if none
	Key       []string // column keys by which only the newest row counts; nil: all rows count
	ObjectID  ID       // the first file that it added
	Rows      int64    // as read
	Bytes     int64    // of all its files
	Schema    table.Schema
	Verdict   json.RawMessage // how complete the run was, with its evidence
	Report    json.RawMessage // what typing saw in each column and why it chose the type
	CreatedAt time.Time
	ExpiredAt *time.Time // since when it cannot be read any more; nil if it can

	SchemaVersion int64 // the first of the versions in a row that have exactly its schema
}

// A File is a stored file as part of a dataset.
type File struct {
	DatasetID      ID
	ObjectID       ID
	ObjectKey      string
	Bytes          int64
	Rows           int64
	Stats          json.RawMessage // {field id: {min, max, nulls}} where known; {} otherwise
	AddedVersion   int64
	RemovedVersion *int64 // nil while it belongs to the current version
	SchemaVersion  int64  // a version that has the schema with which it was written
	Sequence       int64  // orders the files of a version: of two rows with one key, that in the later file is newer
	Raws           []ID   // the objects with the raw pages that it was made from; nil if unknown
}

// A NewVersion is what CommitTx commits.
type NewVersion struct {
	ProjectID    string
	DatasourceID string
	Name         string // for people
	TableName    string // names the dataset in its project; see Store.CommitTx
	RunID        string
	Kind         Kind
	Base         int64        // the version that the caller read and built on; 0 does not check; see Store.CommitTx
	Key          []string     // Merge: the keys of the columns that name a row; empty otherwise
	Schema       table.Schema // with field ids
	LastFieldID  int          // the highest field id ever used, nested ones included
	Files        []NewFile    // at least one; an empty table has a file without rows
	Ends         []ID         // Append, Merge and Compact: the objects of earlier files that the new ones stand for
	Rows         int64        // as read, of all files, which Merge must say; 0 means their sum
	Verdict      json.RawMessage
	Report       json.RawMessage
	Facts        json.RawMessage // what typing knows of all rows of the version, for later appends; may be empty
}

// A NewFile is a file of a new version. Its object was added before.
type NewFile struct {
	ObjectID      ID
	ObjectKey     string
	Bytes         int64
	Rows          int64
	Stats         json.RawMessage // {field id: {min, max, nulls}}; empty: {}
	SchemaVersion int64           // a version that has the schema with which it was written; 0 means this one
	Sequence      int64           // that of the file in Ends whose rows it holds; 0 means the newest
	Raws          []ID            // the objects with the raw pages that it was made from
}

// A Store keeps data objects and datasets. Whether a caller may see what it
// returns is for the caller to check, by project.
type Store struct {
	DB  *meta.DB
	Now func() time.Time
}

// orEmpty returns the JSON, or {} if there is none.
func orEmpty(j json.RawMessage) string {
	if len(j) == 0 {
		return "{}"
	}
	return string(j)
}
