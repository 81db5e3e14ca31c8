package api

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/lineage"
)

// A DataObject is a stored file, as clients see it. What it holds never changes; raw pages
// may be packed later, and have another key, size and hash then.
type DataObject struct {
	ID           string     `json:"id"`
	ProjectID    string     `json:"project_id"`
	DatasourceID string     `json:"datasource_id"`
	JobID        string     `json:"job_id" doc:"The run that made it"`
	Bucket       string     `json:"bucket"`
	Key          string     `json:"key"`
	FileType     string     `json:"file_type" enum:"json,ndjson,parquet,csv,tsv,xml"`
	FileRole     string     `json:"file_role" example:"data/uploaded"`
	FileSize     int64      `json:"file_size" doc:"Bytes"`
	Rows         int64      `json:"rows"`
	ETag         string     `json:"etag" doc:"Changes with the content"`
	SHA256       string     `json:"sha256"`
	MimeType     string     `json:"mime_type"`
	Metadata     Object     `json:"metadata"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DeletedAt    *time.Time `json:"deleted_at"`
}

func objectWire(o dataset.Object) DataObject {
	return DataObject{ID: o.ID, ProjectID: o.ProjectID, DatasourceID: o.DatasourceID, JobID: o.RunID, Bucket: o.Bucket, Key: o.Key,
		FileType: o.FileType, FileRole: o.FileRole, FileSize: o.FileSize, Rows: o.Rows, ETag: o.ETag, SHA256: o.SHA256, MimeType: o.MimeType,
		Metadata: Object(o.Metadata), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

// A Lineage says what was made from what.
type Lineage struct {
	ID             string    `json:"id"`
	UpstreamID     *string   `json:"upstream_id" doc:"null for what came from outside"`
	DownstreamID   string    `json:"downstream_id"`
	Transformation string    `json:"transformation" example:"convert_to_parquet" doc:"Such as upload_http_request, upload_file, fetch_pages, read_records, convert_to_parquet"`
	Metadata       Object    `json:"metadata"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

func lineageWire(e lineage.Edge) Lineage {
	return Lineage{ID: e.ID, UpstreamID: e.UpstreamID, DownstreamID: e.DownstreamID, Transformation: e.Transformation, Metadata: Object(e.Metadata),
		CreatedAt: e.CreatedAt, UpdatedAt: e.CreatedAt}
}

// object returns a data object of a project that the caller sees.
func (s *Server) object(ctx context.Context, id string) (dataset.Object, error) {
	o, err := s.Datasets.Object(ctx, id)
	if err != nil {
		return o, err
	}
	if _, err := s.project(ctx, o.ProjectID); err != nil {
		return dataset.Object{}, errs.New(errs.NotFound, "no such data object")
	}
	return o, nil
}

func (s *Server) objects(a huma.API) {
	route(s, a, "GET /v1/dataobjects/{id}", "dataobjects", "One data object", func(ctx context.Context, in *IDInput) (*out[DataObject], error) {
		o, err := s.object(ctx, in.ID)
		return ok(objectWire(o)), err
	})
	content := describe("GET /v1/dataobjects/{id}/content", "dataobjects", "The bytes of a data object; ranges and ETags are honoured")
	for status, when := range map[int]string{http.StatusPartialContent: "The range that was asked for", http.StatusNotModified: "The caller has it already"} {
		content.Responses[strconv.Itoa(status)] = &huma.Response{Description: when}
	}
	register(s, a, answers(content, "The file", binary("application/json", "application/zstd", "application/vnd.apache.parquet", "application/octet-stream")), s.objectContent)
	route(s, a, "GET /v1/dataobjects/{id}/lineage", "lineage", "What a data object was made from", func(ctx context.Context, in *IDInput) (*out[[]Lineage], error) {
		o, err := s.object(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		edges, err := s.Lineage.Up(ctx, o.ID, 0)
		return okList(each(edges, lineageWire)), err
	})
	s.lineages(a)
}

// binary documents an answer that is a file of one of the types.
func binary(types ...string) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for _, t := range types {
		content[t] = &huma.MediaType{}
	}
	return content
}

// objectContent streams the file. An object never changes, so it may be cached
// for good by whoever may see it.
func (s *Server) objectContent(ctx context.Context, in *IDInput) (*huma.StreamResponse, error) {
	o, err := s.object(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	content, err := s.Blobs.Open(ctx, o.Key)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer content.Close()
		r, w := humachi.Unwrap(hc)
		name := path.Base(o.FileRole) + "." + o.FileType
		w.Header().Set("Content-Type", o.MimeType)
		w.Header().Set("ETag", `"`+o.ETag+`"`)
		w.Header().Set("Cache-Control", "private, immutable, max-age=31536000")
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		http.ServeContent(w, r, name, o.CreatedAt, content)
	}}, nil
}
