package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
	"millwright/internal/job"
	"millwright/internal/source"
	"millwright/internal/upload"
)

// LoadType is the type of jobs that land a file, which Handle does as well.
const LoadType = "upload"

// loadedFrom is the event that a load follows from.
const loadedFrom = "file_upload"

// A FileType is what a file is read as.
type FileType string

// The types of file. Text may be compressed as well.
const (
	ParquetFile FileType = "parquet"
	CSVFile     FileType = "csv"
	TSVFile     FileType = "tsv"
	NDJSONFile  FileType = "ndjson"
	JSONFile    FileType = "json"
	XMLFile     FileType = "xml"
)

// LoadOptions say how a file is read and landed. Empty fields mean: see the file.
type LoadOptions struct {
	FileType  FileType        `json:"file_type,omitempty"`
	Path      string          `json:"response_path,omitempty"` // where the records of a JSON or XML file are
	Delimiter string          `json:"delimiter,omitempty"`     // of a CSV: comma, semicolon, tab, pipe, or the character
	Header    string          `json:"header,omitempty"`        // of a CSV: present or absent
	Quote     string          `json:"quote,omitempty"`         // of a CSV: double or none
	Charset   string          `json:"charset,omitempty"`       // of text
	OnRagged  string          `json:"on_ragged,omitempty"`     // of a CSV: fail, pad or skip
	Run       json.RawMessage `json:"run,omitempty"`           // mode and key, as of a run
}

// Check refuses options that mean nothing. Errors point at the option.
func (o LoadOptions) Check() error {
	if _, err := o.FileType.contentType(); err != nil {
		return at(err, "/file_type")
	}
	shape, err := o.Shape()
	if err != nil {
		return err
	}
	if shape != "" && o.Path != "" {
		return errs.New(errs.Invalid, "response_path selects in JSON or XML, and the other options are about CSV").Named("path-not-for-csv").At("/response_path").
			Fix("leave one of them out")
	}
	if o.Path != "" {
		if _, err := decode.ParsePath(o.Path); err != nil {
			return at(err, "/response_path")
		}
	}
	run, err := o.setting()
	if err == nil && !run.Cursor.IsZero() {
		err = errs.New(errs.Invalid, "a file has no cursor").Named("run-invalid").At("/cursor").Fix("leave cursor out")
	}
	if err == nil {
		err = run.Check("")
	}
	return err
}

// setting returns how the records land.
func (o LoadOptions) setting() (httpsource.RunSetting, error) {
	if len(o.Run) == 0 {
		return httpsource.RunSetting{}, nil
	}
	return httpsource.ParseRun(o.Run, "")
}

// contentType returns the media type that says it.
func (t FileType) contentType() (string, error) {
	switch t {
	case "":
		return "", nil
	case ParquetFile:
		return parquetMedia, nil
	case CSVFile:
		return "text/csv", nil
	case TSVFile:
		return "text/tab-separated-values", nil
	case NDJSONFile:
		return "application/x-ndjson", nil
	case JSONFile:
		return "application/json", nil
	case XMLFile:
		return "application/xml", nil
	}
	return "", errs.New(errs.Invalid, "%q is no type of file that can be loaded", clip(string(t))).Named("file-type-unknown").
		Fix("use one of: csv, tsv, ndjson, json, xml, parquet; or leave it out, to have the file looked at")
}

const parquetMedia = "application/vnd.apache.parquet"

// Shape returns the shape that the options about CSV say together; "" if there are none.
func (o LoadOptions) Shape() (decode.Shape, error) {
	text := string(decode.CSV)
	for _, p := range []struct {
		name, field, value string
		allowed            []string
	}{
		{"delimiter", "delimiter", delimiterName(o.Delimiter), []string{"comma", "semicolon", "tab", "pipe"}},
		{"header", "header", strings.ToLower(o.Header), []string{"present", "absent"}},
		{"quote", "quote", strings.ToLower(o.Quote), []string{"double", "none"}},
		{"ragged", "on_ragged", strings.ToLower(o.OnRagged), []string{"fail", "pad", "skip"}},
	} {
		if p.value == "" {
			continue
		}
		known := false
		for _, a := range p.allowed {
			known = known || a == p.value
		}
		if !known {
			return "", errs.New(errs.Invalid, "%s is %q", p.field, clip(p.value)).Named("load-option-invalid").At("/" + p.field).
				Fix("use one of: " + strings.Join(p.allowed, ", "))
		}
		text += "; " + p.name + "=" + p.value
	}
	if text == string(decode.CSV) {
		return "", nil
	}
	return decode.ParseShape(text)
}

// delimiterName returns the name of a delimiter that may be the character itself.
func delimiterName(text string) string {
	if name, ok := map[string]string{",": "comma", ";": "semicolon", "\t": "tab", `\t`: "tab", "|": "pipe"}[text]; ok {
		return name
	}
	return strings.ToLower(text)
}

// A Load asks for a file to be landed.
type Load struct {
	Datasource  source.Datasource // without an id, it is created with the job, as one of Teams
	Teams       []string
	UploadID    string
	Known       bool   // the upload has a row
	Name        string // of the file
	ContentType string // as declared
	Options     LoadOptions
	JobID       string // a job that was submitted on hold and becomes the load's; empty for a new one
	UserID      string
	Then        []string // job types that follow one after the other when it has landed
}

// A loadPayload is what a load's job carries.
type loadPayload struct {
	UploadID    string      `json:"upload_id"`
	Name        string      `json:"name"`
	ContentType string      `json:"content_type,omitempty"`
	Options     LoadOptions `json:"options"`
}

// StartLoad submits the job that lands a file, with what follows it, all or nothing.
// It fails with errs.Conflict ("run-in-progress") while another run of the datasource
// has not ended, and with errs.Invalid if the options mean nothing.
func (s *Service) StartLoad(ctx context.Context, jobs *job.Runner, r Load) (started Started, err error) {
	defer errs.Wrap(&err, "ingest.StartLoad")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if r.Datasource, err = s.ensureTx(ctx, tx, r); err != nil {
			return err
		}
		if started, err = s.startLoadTx(ctx, tx, jobs, r); err != nil {
			return err
		}
		if r.Known {
			return s.Uploads.CompleteTx(ctx, tx, r.UploadID, r.Datasource.ID, started.Jobs[0].ID)
		}
		_, err = s.Uploads.CreateTx(ctx, tx, upload.Upload{ID: r.UploadID, ProjectID: r.Datasource.ProjectID, UserID: r.UserID, Name: r.Name,
			ContentType: r.ContentType, DatasourceID: r.Datasource.ID, JobID: started.Jobs[0].ID, Complete: true})
		return err
	})
	started.Datasource = r.Datasource
	return started, err
}

func (s *Service) startLoadTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, r Load) (Started, error) {
	if err := r.Options.Check(); err != nil {
		return Started{}, err
	}
	if err := refuseWhileRunning(ctx, tx, jobs, r.Datasource.ID); err != nil {
		return Started{}, err
	}
	setting, err := r.Options.setting()
	if err != nil {
		return Started{}, err
	}
	if _, _, err := s.readBase(ctx, r.Datasource.ID, setting); err != nil {
		return Started{}, err
	}
	p := payload{DatasourceID: r.Datasource.ID, ObjectID: newID(), Run: setting.JSON(),
		Load: &loadPayload{UploadID: r.UploadID, Name: r.Name, ContentType: r.ContentType, Options: r.Options}}
	return s.submitLoadTx(ctx, tx, jobs, r, p)
}

// StartURL is Start for a file that is fetched: it is a run of a request, in the job
// that was submitted on hold if there is one.
func (s *Service) StartURL(ctx context.Context, jobs *job.Runner, r Load, spec httpsource.Spec) (started Started, err error) {
	defer errs.Wrap(&err, "ingest.StartURL")
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if r.Datasource, err = s.ensureTx(ctx, tx, r); err != nil {
			return err
		}
		started, err = s.startURLTx(ctx, tx, jobs, r, spec)
		return err
	})
	started.Datasource = r.Datasource
	return started, err
}

// ensureTx returns the datasource of a load, which it creates if it is new: a load
// that was not acknowledged leaves none behind.
func (s *Service) ensureTx(ctx context.Context, tx *sql.Tx, r Load) (source.Datasource, error) {
	if r.Datasource.ID != "" {
		return r.Datasource, nil
	}
	return s.Sources.CreateTx(ctx, tx, r.Teams, r.Datasource)
}

func (s *Service) startURLTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, r Load, spec httpsource.Spec) (Started, error) {
	request := Request{Datasource: r.Datasource, Spec: spec, UserID: r.UserID, Then: r.Then}
	if r.JobID == "" {
		return s.StartTx(ctx, tx, jobs, request)
	}
	if err := refuseWhileRunning(ctx, tx, jobs, r.Datasource.ID); err != nil {
		return Started{}, err
	}
	if err := s.checkStart(ctx, request, spec.Options.Run); err != nil {
		return Started{}, err
	}
	if err := s.Sources.SaveSpecTx(ctx, tx, r.Datasource.ID, spec); err != nil {
		return Started{}, err
	}
	return s.submitLoadTx(ctx, tx, jobs, r, payload{DatasourceID: r.Datasource.ID, ObjectID: newID(), Run: spec.Options.Run.JSON()})
}

func (s *Service) submitLoadTx(ctx context.Context, tx *sql.Tx, jobs *job.Runner, r Load, p payload) (Started, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return Started{}, err
	}
	n := job.NewJob{Type: LoadType, ProjectID: r.Datasource.ProjectID, UserID: r.UserID,
		Source: "datasource", SourceID: r.Datasource.ID, SourceEventType: loadedFrom, Payload: text}
	started := Started{ObjectID: p.ObjectID}
	var first job.Job
	if r.JobID != "" {
		first, err = jobs.ReleaseTx(ctx, tx, r.JobID, n)
	} else {
		first, err = jobs.SubmitTx(ctx, tx, n)
	}
	if err != nil {
		return Started{}, err
	}
	started.Jobs = append(started.Jobs, first)
	for _, kind := range r.Then {
		n.ParentID, n.AfterParent, n.Type = started.Jobs[len(started.Jobs)-1].ID, true, kind
		j, err := jobs.SubmitTx(ctx, tx, n)
		if err != nil {
			return Started{}, err
		}
		started.Jobs = append(started.Jobs, j)
	}
	return started, s.Sources.SetStateTx(ctx, tx, r.Datasource.ID, source.Working, syncStarted, "")
}
