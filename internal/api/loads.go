package api

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest"
	"millwright/internal/source"
	"millwright/internal/upload"
)

// A LoadResult says where a file goes and which jobs take it there.
type LoadResult struct {
	Success      bool   `json:"success"`
	DatasourceID string `json:"datasource_id"`
	Message      string `json:"message"`
	RedirectTo   string `json:"redirect_to" doc:"Where the datasource is shown"`
	JobID        string `json:"job_id" doc:"The job that lands the file"`
	Jobs         []Job  `json:"jobs" doc:"That job, and those that follow it"`
	DataObjectID string `json:"data_object_id" doc:"The Parquet file, once the job is completed"`
	UploadID     string `json:"upload_id" doc:"The file, until it has landed; empty for one that is fetched"`
}

// A LoadRequest says what is loaded where, and how. Each field may be a query
// parameter or a field of the form.
type LoadRequest struct {
	DatasourceID   string `query:"datasource_id" doc:"Where it goes; a new datasource, named after the file, if absent"`
	JobID          string `query:"job_id" doc:"A job from jobs/submit that becomes this load's; questions are then written, too"`
	SourceURL      string `query:"source_url" doc:"Fetch the file from there instead: a run like any other"`
	Name           string `query:"name" doc:"Of the file, if it is sent as the body" example:"orders.csv"`
	DatasourceName string `query:"datasource_name" doc:"Of a new datasource; else it is that of the file"`
	FileType       string `query:"file_type" doc:"What it is read as; found by looking if absent: csv, tsv, ndjson, json, xml, parquet" example:"csv"`
	Mode           string `query:"mode" doc:"What becomes of the rows that are there: replace (by default), append or merge"`
	Key            string `query:"key" doc:"Of merge: the fields that together name a row, parted by commas" example:"id"`
	OnRagged       string `query:"on_ragged" doc:"Of a CSV whose rows have not as many fields as its first: fail (by default), pad or skip"`
	Delimiter      string `query:"delimiter" doc:"Of a CSV: comma, semicolon, tab, pipe, or the character; found by looking if absent"`
	Header         string `query:"header" doc:"Of a CSV: present or absent; found by looking if absent"`
	Quote          string `query:"quote" doc:"Of a CSV: double or none"`
	Charset        string `query:"charset" doc:"Of text, if it is not UTF-8 and does not say what it is" example:"windows-1252"`
	ResponsePath   string `query:"response_path" doc:"Where the records of a JSON or XML file are; found by looking if absent"`
	Questions      string `query:"questions" doc:"true or false: whether questions are written when it has landed; by default, with a job_id" example:"true"`
}

// fields returns pointers to the fields by their names.
func (r *LoadRequest) fields() map[string]*string {
	return map[string]*string{"datasource_id": &r.DatasourceID, "job_id": &r.JobID, "source_url": &r.SourceURL, "name": &r.Name, "datasource_name": &r.DatasourceName, "file_type": &r.FileType,
		"mode": &r.Mode, "key": &r.Key, "on_ragged": &r.OnRagged, "delimiter": &r.Delimiter, "header": &r.Header, "quote": &r.Quote, "charset": &r.Charset,
		"response_path": &r.ResponsePath, "questions": &r.Questions}
}

// options returns how the file is read and landed.
func (r *LoadRequest) options() (ingest.LoadOptions, error) {
	o := ingest.LoadOptions{FileType: ingest.FileType(strings.ToLower(r.FileType)), Path: r.ResponsePath, Delimiter: r.Delimiter, Header: r.Header, Quote: r.Quote,
		Charset: r.Charset, OnRagged: r.OnRagged}
	if r.Mode != "" || r.Key != "" {
		run := httpsource.RunSetting{Mode: httpsource.Mode(strings.ToLower(r.Mode))}
		for name := range strings.SplitSeq(r.Key, ",") {
			if name = strings.TrimSpace(name); name != "" {
				run.Key = append(run.Key, name)
			}
		}
		o.Run = run.JSON()
	}
	return o, o.Check()
}

// then returns the jobs that follow the load.
func (s *Server) then(r *LoadRequest) []string {
	if r.Questions == "true" || r.Questions != "false" && r.JobID != "" {
		return s.AfterRun
	}
	return s.AfterLoad
}

// A loadInput is a request whose body is read as it comes.
type loadInput struct {
	ProjectID string `path:"project_id" doc:"Where it is loaded"`
	LoadRequest
	streamed
}

// streamed gives an operation its request.
type streamed struct {
	request *http.Request
	writer  http.ResponseWriter
}

// Resolve keeps the request; huma calls it.
func (s *streamed) Resolve(ctx huma.Context) []error {
	s.request, s.writer = humachi.Unwrap(ctx)
	return nil
}

func (s *Server) loads(a huma.API) {
	op := describe("POST /v1/actions/load/{project_id}", "loads", "Load a file: CSV, NDJSON, JSON, XML or Parquet, text also compressed with gzip or zstd. It is sent as the part file of a form, or as the body, or fetched from source_url")
	register(s, a, op, s.load)
	a.OpenAPI().Paths[op.Path].Post.RequestBody = takes("The file", map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			"file": {Type: huma.TypeString, Format: "binary", Description: "The file; every query parameter may be a field of the form, too"}}}},
		"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}, "application/x-ndjson": {}, "application/json": {}, "application/vnd.apache.parquet": {}, "application/octet-stream": {},
	})
}

// takes documents a body that the operation reads itself. It is put in when the
// operation is registered: huma would read a body that it knows of.
func takes(what string, content map[string]*huma.MediaType) *huma.RequestBody {
	return &huma.RequestBody{Description: what, Content: content}
}

// load takes a file in, and starts the job that lands it.
func (s *Server) load(ctx context.Context, in *loadInput) (*out[LoadResult], error) {
	if _, err := s.changeable(ctx, in.ProjectID); err != nil {
		return nil, err
	}
	if err := s.Uploads.Sweep(ctx); err != nil {
		return nil, err
	}
	if in.DatasourceID != "" { // said before the file was sent for nothing
		if _, err := s.datasourceIn(ctx, in.ProjectID, in.DatasourceID); err != nil {
			return nil, pointAt(err, "datasource_id")
		}
	}
	if _, err := in.options(); err != nil {
		return nil, err
	}
	came, err := s.receive(in)
	if err != nil {
		return nil, err
	}
	r, err := s.begin(ctx, in.ProjectID, &in.LoadRequest, came)
	if err != nil && came.id != "" {
		if drop := s.Uploads.Drop(came.id); drop != nil {
			s.Log.Warn("a file that is not loaded was not removed", "upload", came.id, "err", drop)
		}
	}
	return ok(r), err
}

// A received file is on disk; without an id there is none.
type received struct {
	id          upload.ID
	name        string
	contentType string
	known       bool // it has a row already
}

// begin starts the job that lands what came.
func (s *Server) begin(ctx context.Context, projectID string, r *LoadRequest, came received) (LoadResult, error) {
	options, err := r.options()
	if err != nil {
		return LoadResult{}, err
	}
	if r.SourceURL != "" && came.id != "" {
		return LoadResult{}, errs.New(errs.Invalid, "a file came, and source_url names another").Named("load-twice").At("source_url").Fix("leave one of them out")
	}
	var spec httpsource.Spec
	if r.SourceURL != "" {
		if spec, came, err = s.fetched(ctx, projectID, r, options); err != nil {
			return LoadResult{}, err
		}
	}
	d, err := s.target(ctx, projectID, r, came)
	if err != nil {
		return LoadResult{}, err
	}
	l := ingest.Load{Datasource: d, Teams: caller(ctx).TeamIDs, UploadID: came.id, Known: came.known, Name: came.name, ContentType: came.contentType, Options: options,
		JobID: r.JobID, UserID: caller(ctx).User.ID, Then: s.then(r)}
	var started ingest.Started
	if r.SourceURL != "" {
		started, err = s.Ingest.StartURL(ctx, s.Jobs, l, spec)
	} else {
		started, err = s.Ingest.StartLoad(ctx, s.Jobs, l)
	}
	if err != nil {
		return LoadResult{}, err
	}
	return loadWire(started.Datasource, came, started), nil
}

func loadWire(d source.Datasource, came received, started ingest.Started) LoadResult {
	return LoadResult{Success: true, DatasourceID: d.ID, Message: came.name + " is being loaded into " + d.Name, RedirectTo: "/projects/" + d.ProjectID + "/datasources/" + d.ID,
		JobID: started.Jobs[0].ID, Jobs: each(started.Jobs, jobWire), DataObjectID: started.ObjectID, UploadID: came.id}
}

// fetched describes the file at source_url as a request, which is all that it is.
func (s *Server) fetched(ctx context.Context, projectID string, r *LoadRequest, o ingest.LoadOptions) (httpsource.Spec, received, error) {
	options := map[string]any{}
	if len(o.Run) > 0 {
		options["run"] = o.Run
	}
	shape, err := o.Shape()
	if err != nil {
		return httpsource.Spec{}, received{}, err
	}
	if shape != "" {
		options["shape"] = shape
	}
	text, err := json.Marshal(map[string]any{"url": r.SourceURL, "method": "GET", "responsePathExtractor": o.Path, "options": options})
	if err != nil {
		return httpsource.Spec{}, received{}, err
	}
	spec, err := httpsource.ParseSpec(text)
	if err == nil {
		err = s.Sources.CheckSecrets(ctx, projectID, spec)
	}
	if err != nil {
		return spec, received{}, pointAt(err, "source_url")
	}
	name := "file"
	if u := spec.Origin(); u != "" {
		clean, _, _ := strings.Cut(r.SourceURL, "?")
		name = path.Base(strings.TrimSuffix(clean, "/"))
	}
	return spec, received{name: name}, nil
}

// target returns the datasource that the file goes into: the one that was named, or
// what a new one will be.
func (s *Server) target(ctx context.Context, projectID string, r *LoadRequest, came received) (d source.Datasource, err error) {
	id := r.DatasourceID
	if id == "" && r.JobID != "" {
		j, err := s.job(ctx, r.JobID)
		if err != nil {
			return d, pointAt(err, "job_id")
		}
		if j.ProjectID == projectID && j.Source == "datasource" {
			id = j.SourceID
		}
	}
	if id != "" {
		d, err = s.datasourceIn(ctx, projectID, id)
		return d, pointAt(err, "datasource_id")
	}
	kind := strings.TrimPrefix(path.Ext(strings.ToLower(came.name)), ".")
	return source.Datasource{ProjectID: projectID, Name: datasourceName(r.DatasourceName, came.name), Type: orText(kind, "file")}, nil
}

func orText(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// datasourceIn returns a datasource of the project.
func (s *Server) datasourceIn(ctx context.Context, projectID, id string) (source.Datasource, error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, id)
	if err == nil && d.ProjectID != projectID {
		err = errs.New(errs.NotFound, "no such datasource")
	}
	return d, err
}

// datasourceName makes a name of that of a file, which may be anything.
func datasourceName(chosen, file string) string {
	name := chosen
	if name == "" {
		name = file
		for range 2 { // orders.csv.gz
			if ext := path.Ext(name); len(ext) > 1 && len(ext) < 9 && len(ext) < len(name) {
				name = strings.TrimSuffix(name, ext)
			}
		}
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, " ")))
	if runes := []rune(name); len(runes) > 200 {
		name = string(runes[:200])
	}
	return orText(name, "file")
}
