package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/upload"
)

// An Upload is a file that is sent in parts. The words are those of the IETF's
// resumable uploads (draft-ietf-httpbis-resumable-upload): a part is a PATCH whose
// Upload-Offset is where it begins; after an interruption a HEAD tells where to go on.
type Upload struct {
	ID           string             `json:"id"`
	ProjectID    string             `json:"project_id"`
	Name         string             `json:"name"`
	Offset       int64              `json:"offset" doc:"Bytes that are here and will not be lost"`
	Length       *int64             `json:"length" doc:"Bytes in all, if that was said"`
	Complete     bool               `json:"complete"`
	MaxLength    int64              `json:"max_length" doc:"Bytes of the largest file that is taken"`
	DatasourceID string             `json:"datasource_id" doc:"Where it goes; empty until it is complete, unless it was chosen"`
	JobID        string             `json:"job_id" doc:"The job that lands it; empty until it is complete"`
	CreatedAt    time.Time          `json:"created_at"`
	UpdatedAt    time.Time          `json:"updated_at"`
	Load         OrNull[LoadResult] `json:"load" doc:"The answer of actions/load, once the last part is here"`
}

// An uploadAnswer says in its headers what it says in its body.
type uploadAnswer struct {
	Offset   string `header:"Upload-Offset" doc:"Bytes that are here and will not be lost"`
	Complete string `header:"Upload-Complete" doc:"?1 if nothing is missing, else ?0"`
	Limit    string `header:"Upload-Limit" doc:"max-size of a file"`
	Length   string `header:"Upload-Length" doc:"Bytes in all, if that was said"`
	Location string `header:"Location" doc:"Where the parts go"`
	Cache    string `header:"Cache-Control"`
	Body     Upload
}

func (s *Server) uploadWire(u upload.Upload) *uploadAnswer {
	a := &uploadAnswer{Offset: strconv.FormatInt(u.Offset, 10), Complete: "?0", Limit: "max-size=" + strconv.FormatInt(s.Uploads.Limit(), 10),
		Location: "/v1/uploads/" + u.ID, Cache: "no-store"}
	a.Body = Upload{ID: u.ID, ProjectID: u.ProjectID, Name: u.Name, Offset: u.Offset, Length: u.Length, Complete: u.Complete, MaxLength: s.Uploads.Limit(),
		DatasourceID: u.DatasourceID, JobID: u.JobID, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
	if u.Complete {
		a.Complete = "?1"
	}
	if u.Length != nil {
		a.Length = strconv.FormatInt(*u.Length, 10)
	}
	return a
}

// An uploadFields says what will be sent: the parameters of actions/load, as fields.
type uploadFields struct {
	_              struct{} `json:"-" additionalProperties:"true"`
	Name           *string  `json:"name,omitempty" doc:"Of the file" example:"orders.csv"`
	ContentType    *string  `json:"content_type,omitempty" doc:"Of the file" example:"text/csv"`
	Length         *int64   `json:"length,omitempty" minimum:"0" doc:"Bytes in all, if that is known"`
	DatasourceID   *string  `json:"datasource_id,omitempty" doc:"Where it goes; a new datasource, named after the file, if absent"`
	JobID          *string  `json:"job_id,omitempty" doc:"A job from jobs/submit that becomes this load's"`
	DatasourceName *string  `json:"datasource_name,omitempty" doc:"Of a new datasource; else it is that of the file"`
	FileType       *string  `json:"file_type,omitempty" doc:"csv, tsv, ndjson, json, xml or parquet; found by looking if absent"`
	Mode           *string  `json:"mode,omitempty" doc:"replace (by default), append or merge"`
	Key            *string  `json:"key,omitempty" doc:"Of merge: the fields that together name a row, parted by commas"`
	OnRagged       *string  `json:"on_ragged,omitempty" doc:"fail (by default), pad or skip"`
	Delimiter      *string  `json:"delimiter,omitempty" doc:"comma, semicolon, tab, pipe, or the character"`
	Header         *string  `json:"header,omitempty" doc:"present or absent"`
	Quote          *string  `json:"quote,omitempty" doc:"double or none"`
	Charset        *string  `json:"charset,omitempty" doc:"Of text that is not UTF-8"`
	ResponsePath   *string  `json:"response_path,omitempty" doc:"Where the records of a JSON or XML file are"`
	Questions      *string  `json:"questions,omitempty" doc:"true or false: whether questions are written when it has landed"`
}

func (f uploadFields) request() LoadRequest {
	return LoadRequest{DatasourceID: text(f.DatasourceID), JobID: text(f.JobID), DatasourceName: text(f.DatasourceName), FileType: text(f.FileType), Mode: text(f.Mode), Key: text(f.Key),
		OnRagged: text(f.OnRagged), Delimiter: text(f.Delimiter), Header: text(f.Header), Quote: text(f.Quote), Charset: text(f.Charset),
		ResponsePath: text(f.ResponsePath), Questions: text(f.Questions)}
}

// A partInput is a part of a file.
type partInput struct {
	IDInput
	Offset   string `header:"Upload-Offset" doc:"Where the part begins: how much is there already"`
	Complete string `header:"Upload-Complete" doc:"?1 if it is the last part"`
	streamed
}

func (s *Server) uploads(a huma.API) {
	route(s, a, "POST /v1/uploads/{id}", "loads", "Announce a file that is sent in parts, and can go on after an interruption", s.createUpload)
	// A HEAD of the same asks for the headers alone.
	route(s, a, "GET /v1/uploads/{id}", "loads", "How much of a file is here; whoever still sends to it is stopped", func(ctx context.Context, in *IDInput) (*uploadAnswer, error) {
		if _, err := s.upload(ctx, in.ID); err != nil {
			return nil, err
		}
		u, err := s.Uploads.Settled(ctx, in.ID)
		return s.uploadWire(u), err
	})
	op := describe("PATCH /v1/uploads/{id}", "loads", "Send a part of a file; with the last, marked by Upload-Complete: ?1, it is loaded")
	register(s, a, op, s.patchUpload)
	a.OpenAPI().Paths[op.Path].Patch.RequestBody = takes("The bytes from Upload-Offset on", map[string]*huma.MediaType{"application/partial-upload": {}, "application/octet-stream": {}})
	route(s, a, "DELETE /v1/uploads/{id}", "loads", "Give an upload up; a load that runs already is not stopped", func(ctx context.Context, in *IDInput) (*out[Upload], error) {
		u, err := s.upload(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if u.Complete {
			return nil, errs.New(errs.Conflict, "the upload is complete, and its job %s loads it", u.JobID).Named("upload-complete").
				Fix("cancel the job with POST /v1/jobs/" + u.JobID + "/cancel")
		}
		return ok(s.uploadWire(u).Body), s.Uploads.Remove(ctx, u.ID)
	})
}

// upload returns an upload into a project that the caller may change.
func (s *Server) upload(ctx context.Context, id string) (upload.Upload, error) {
	u, err := s.Uploads.Get(ctx, id)
	if err != nil {
		return u, err
	}
	if _, err := s.project(ctx, u.ProjectID); err != nil {
		return upload.Upload{}, errs.New(errs.NotFound, "no such upload")
	}
	_, err = s.changeable(ctx, u.ProjectID)
	return u, err
}

func (s *Server) createUpload(ctx context.Context, in *struct {
	ProjectID string `path:"id" doc:"Where it will be loaded"`
	Body      uploadFields
}) (*uploadAnswer, error) {
	if _, err := s.changeable(ctx, in.ProjectID); err != nil {
		return nil, err
	}
	if err := s.Uploads.Sweep(ctx); err != nil {
		return nil, err
	}
	r := in.Body.request()
	if _, err := r.options(); err != nil {
		return nil, err
	}
	if r.DatasourceID != "" {
		if _, err := s.datasourceIn(ctx, in.ProjectID, r.DatasourceID); err != nil {
			return nil, pointAt(err, "/datasource_id")
		}
	}
	options, err := json.Marshal(in.Body)
	if err != nil {
		return nil, err
	}
	u, err := s.Uploads.Create(ctx, upload.Upload{ProjectID: in.ProjectID, UserID: caller(ctx).User.ID, Name: orText(text(in.Body.Name), "file"),
		ContentType: text(in.Body.ContentType), Length: in.Body.Length, Options: options, DatasourceID: r.DatasourceID})
	if err != nil {
		return nil, pointAt(err, "/length")
	}
	return s.uploadWire(u), nil
}

func (s *Server) patchUpload(ctx context.Context, in *partInput) (*uploadAnswer, error) {
	if _, err := s.upload(ctx, in.ID); err != nil {
		return nil, err
	}
	offset, err := strconv.ParseInt(strings.TrimSpace(in.Offset), 10, 64)
	if err != nil || offset < 0 {
		return nil, errs.New(errs.Invalid, "Upload-Offset is missing, or no number of bytes").Named("upload-offset-missing").At("Upload-Offset").
			Fix("send 0 with the first part; later the Upload-Offset that a HEAD answers")
	}
	body := &patient{body: in.request.Body, control: http.NewResponseController(in.writer)}
	defer body.end()
	u, err := s.Uploads.Append(ctx, in.ID, upload.Part{Offset: offset, Body: body, Stop: body.stop})
	if err != nil {
		return nil, ofPart(err)
	}
	answer := s.uploadWire(u)
	if strings.TrimSpace(in.Complete) != "?1" {
		return answer, nil
	}
	return s.completeUpload(ctx, u)
}

// completeUpload loads a file whose last part is here.
func (s *Server) completeUpload(ctx context.Context, u upload.Upload) (*uploadAnswer, error) {
	if u.Length != nil && *u.Length != u.Offset {
		return nil, errs.New(errs.Invalid, "the file is said to be complete with %d bytes, and %d were announced", u.Offset, *u.Length).Named("upload-length").
			Fix("send the rest, and Upload-Complete: ?1 with the last part")
	}
	if u.Offset == 0 {
		return nil, emptyUpload()
	}
	var fields uploadFields
	if err := json.Unmarshal(u.Options, &fields); err != nil {
		return nil, err
	}
	r := fields.request()
	started, err := s.begin(ctx, u.ProjectID, &r, received{id: u.ID, name: u.Name, contentType: u.ContentType, known: true})
	if err != nil {
		return nil, err
	}
	u.Complete, u.DatasourceID, u.JobID = true, started.DatasourceID, started.JobID
	answer := s.uploadWire(u)
	answer.Body.Load.Value = &started
	return answer, nil
}

// ofPart names why a part did not come whole: what came stays.
func ofPart(err error) error {
	if _, ok := errs.Find(err); ok {
		return err
	}
	return errs.New(errs.Invalid, "the part did not come whole; what came is kept").Named("body-incomplete").
		Fix("ask for the offset with HEAD, and send the rest from there").Because(err)
}
