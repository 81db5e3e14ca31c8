// Package transfer takes a project out of a server as one file, and into another.
//
// The file is the JSON that Infactory's API documents: what a project is made of, and
// the bytes of its datasets in base64. It holds no secret: requests are written as
// people see them, and credentials as names without content. It is written and read
// as a stream.
//
// Nothing in a file that comes in is trusted. Every id is replaced by one of ours, so
// that a file can name nothing that is here already; Parquet is opened by the engine's
// confined workers only, and what is stored is what they wrote; SQL is checked like
// that of any edit, and runs where a person's runs.
package transfer

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"millwright/internal/blob"
	"millwright/internal/catalog"
	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/meta"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/source"
	"millwright/internal/table"
)

// FormatVersion is the version of the file that is written, and read.
const FormatVersion = "1.1"

// The limits of a file that comes in.
const (
	maxElement = 32 << 20  // bytes of one thing in it, without the content of files
	maxText    = 256 << 20 // bytes of it without the content of files
	maxThings  = 20_000    // things of one kind
	maxFiles   = 2_000     // files with content
)

// A Service writes and reads projects. All fields but APIs must be set.
type Service struct {
	DB       *meta.DB
	Projects *project.Store
	Sources  *source.Store
	Datasets *dataset.Store
	Lineage  *lineage.Store
	Programs *store.Store
	Catalog  *catalog.Catalog
	Blobs    blob.Store
	Engine   engine.Engine
	Jobs     *job.Runner
	Log      *slog.Logger
	Now      func() time.Time

	// Check says what is wrong with a program in a project, without running it.
	Check func(ctx context.Context, projectID string, p program.Program) error

	// APIs returns the published APIs of a project, as its file shows them; nil: none.
	APIs func(ctx context.Context, projectID string) ([]json.RawMessage, error)

	AfterImport []string // job types that follow, in order, for every datasource that has a dataset
}

// The things in a file. What existing files do not have is ours, and may be missing.
type (
	fileMetadata struct {
		CreatedAt       time.Time `json:"created_at"`
		SourceProjectID string    `json:"source_project_id"`
		SourceTeamID    string    `json:"source_team_id"`
	}
	fileProject struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		TeamID      string          `json:"team_id"` // a placeholder
		Metadata    json.RawMessage `json:"metadata,omitempty"`
	}
	fileDatasource struct {
		ID          string          `json:"id"`
		Name        string          `json:"name"`
		Type        string          `json:"type"`
		URI         string          `json:"uri"`
		Status      string          `json:"status"`
		Description string          `json:"description,omitempty"`
		TableName   string          `json:"table_name,omitempty"`
		ConnectSpec json.RawMessage `json:"connect_spec,omitempty"` // without secrets
	}
	fileObject struct {
		ID           string          `json:"id"`
		ProjectID    string          `json:"project_id"`
		DatasourceID string          `json:"datasource_id"`
		Bucket       string          `json:"bucket"`
		Key          string          `json:"key"` // for people: nothing is ever opened by it
		FileType     string          `json:"file_type"`
		FileRole     string          `json:"file_role"`
		MimeType     string          `json:"mime_type"`
		FileSize     int64           `json:"file_size"`
		Rows         int64           `json:"rows,omitempty"`
		ETag         string          `json:"etag"`
		SHA256       string          `json:"sha256,omitempty"`
		Metadata     json.RawMessage `json:"metadata,omitempty"`
		CreatedAt    time.Time       `json:"created_at"`
	}
	fileDataline struct {
		ID           string          `json:"id"`
		Name         string          `json:"name"`
		DataModel    json.RawMessage `json:"data_model"` // a JSON string
		SchemaCode   string          `json:"schema_code"`
		ObjectID     string          `json:"dataobject_id"`
		DatasourceID string          `json:"datasource_id,omitempty"`
		TableName    string          `json:"table_name,omitempty"`
		Schema       *table.Schema   `json:"schema,omitempty"`
		LastFieldID  int             `json:"last_field_id,omitempty"`
		Rows         int64           `json:"rows,omitempty"`
		Verdict      json.RawMessage `json:"verdict,omitempty"`
		Report       json.RawMessage `json:"report,omitempty"`
	}
	fileEdge struct {
		ID             string          `json:"id"`
		UpstreamID     *string         `json:"upstream_id"`
		DownstreamID   string          `json:"downstream_id"`
		Transformation string          `json:"transformation"`
		Metadata       json.RawMessage `json:"metadata"`
	}
	fileProgram struct {
		ID           string           `json:"id"`
		Name         string           `json:"name"`
		Query        string           `json:"query"`
		QueryProgram string           `json:"query_program"`
		Steps        *string          `json:"steps"`
		Slots        *string          `json:"slots"`
		Stores       *string          `json:"stores"`
		Published    bool             `json:"published"`
		Reason       string           `json:"reason"`
		PrevID       *string          `json:"prev_id"`
		DatalineID   string           `json:"dataline_id,omitempty"`
		Origin       string           `json:"origin,omitempty"`
		Program      *program.Program `json:"program,omitempty"`
	}
	fileCredential struct {
		ID           string          `json:"id"`
		Name         string          `json:"name"`
		Type         string          `json:"type"`
		Description  string          `json:"description"`
		Metadata     json.RawMessage `json:"metadata"` // always empty
		DatasourceID string          `json:"datasource_id"`
	}
	fileReferences struct {
		Credentials []fileCredential `json:"credentials"`
	}
)
