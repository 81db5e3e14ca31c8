package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A ResultColumn is a column of an answer.
type ResultColumn struct {
	Name string `json:"name"`
	Type string `json:"type" example:"BIGINT"`
	Role string `json:"role" example:"measure"`
}

func columnWire(c evaluate.Column) ResultColumn {
	return ResultColumn{Name: c.Name, Type: c.Type.String(), Role: c.Role}
}

// A Result is the answer to a program: items for the clients that know stores,
// columns and rows for the rest, and data for those that print tables.
type Result struct {
	Items           map[string]ResultStore `json:"items" doc:"The answer as stores; there is one, MAIN"`
	Request         map[string]any         `json:"request" doc:"The slot values, defaults included"`
	Timestamp       time.Time              `json:"timestamp"`
	ResultCode      int                    `json:"result_code" doc:"0: ok"`
	Error           *string                `json:"error"`
	ProgramTrace    string                 `json:"program_trace" doc:"The SQL that ran"`
	Columns         []ResultColumn         `json:"columns"`
	Rows            Rows                   `json:"rows" doc:"[[v, …], …] in the order of columns; integers beyond 2^53 and decimals are text"`
	Data            Records                `json:"data" doc:"[{column: v}, …]"`
	RowCount        int64                  `json:"row_count"`
	Truncated       bool                   `json:"truncated" doc:"Whether a limit left rows out"`
	TotalRows       *int64                 `json:"total_rows" doc:"How many rows there are; null if rows were left out and not counted"`
	ElapsedMS       float64                `json:"elapsed_ms"`
	DatasetVersions map[string]int64       `json:"dataset_versions" doc:"The version of each table that was read"`
}

// A ResultStore is one table of an answer.
type ResultStore struct {
	ItemT string     `json:"item_t" example:"nf:item/dataframe"`
	Item  ResultItem `json:"item"`
}

// A ResultItem is the content of a store.
type ResultItem struct {
	Attribution map[string]string  `json:"attribution"`
	Title       *string            `json:"title"`
	Description string             `json:"description"`
	DataSchema  []ResultItemColumn `json:"data_schema"`
	Rows        Rows               `json:"rows"`
}

// A ResultItemColumn describes a column to clients that know stores.
type ResultItemColumn struct {
	ColumnName  string   `json:"column_name"`
	TypeT       string   `json:"type_t"`
	ColKindT    string   `json:"col_kind_t"`
	ColT        string   `json:"col_t"`
	Aliases     []string `json:"aliases"`
	Description string   `json:"description"`
}

func resultWire(r *evaluate.Result) Result {
	rows := Rows(r.RowsJSON())
	item := ResultItem{Title: orNull(r.Program.Name), Description: r.Program.Cue, Rows: rows, DataSchema: []ResultItemColumn{},
		Attribution: map[string]string{"title": r.Program.Name, "description": r.Program.Cue, "sourceURL": ""}}
	for _, c := range r.Columns {
		item.DataSchema = append(item.DataSchema, ResultItemColumn{ColumnName: c.Name, TypeT: modelType(c.Type), ColKindT: "nf:col_kind_t/" + c.Kind,
			ColT: c.Name, Aliases: []string{}, Description: c.Type.String()})
	}
	return Result{Items: map[string]ResultStore{"MAIN": {ItemT: "nf:item/dataframe", Item: item}}, Request: r.Values, Timestamp: r.At,
		ProgramTrace: r.SQL, Columns: each(r.Columns, columnWire), Rows: rows, Data: Records(r.ObjectsJSON()), RowCount: r.RowCount,
		Truncated: r.Truncated, TotalRows: r.TotalRows, ElapsedMS: float64(r.Elapsed.Microseconds()) / 1000, DatasetVersions: r.DatasetVersions}
}

// A runInput names a program to run.
type runInput struct {
	Format string `query:"format" enum:"json,csv,ndjson,parquet,arrow" doc:"Files are always the full result; json holds at most max_rows"`
	Max    int64  `query:"max_rows" minimum:"0" doc:"Rows of a JSON answer; 0 means 10,000"`
	Count  bool   `query:"count" doc:"Count the rows that are left out"`
	Safe   bool   `query:"neutralize_formulas" doc:"In CSV, keep spreadsheets from computing cells that begin with = + - @"`
	Caching
	query url.Values
	Body  runFields
}

// A getRunInput is the same in a URL.
type getRunInput struct {
	ProjectID      string `query:"project_id" required:"true" doc:"Whose program it is"`
	QueryProgramID string `query:"queryprogram_id" required:"true" doc:"Which program to run"`
	Stream         bool   `query:"stream" doc:"Answer as server-sent events, the last of which, complete, carries the result"`
	Format         string `query:"format" enum:"json,csv,ndjson,parquet,arrow" doc:"Files are always the full result; json holds at most max_rows"`
	Max            int64  `query:"max_rows" minimum:"0" doc:"Rows of a JSON answer; 0 means 10,000"`
	Count          bool   `query:"count" doc:"Count the rows that are left out"`
	Safe           bool   `query:"neutralize_formulas" doc:"In CSV, keep spreadsheets from computing cells that begin with = + - @"`
	Caching
	query url.Values
}

// Resolve keeps the query parameters, of which any may be a slot.
func (in *getRunInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query = u.Query()
	in.query.Del("project_id")
	in.query.Del("queryprogram_id")
	return nil
}

type runFields struct {
	_              struct{}       `json:"-" additionalProperties:"true"`
	ProjectID      string         `json:"project_id" doc:"Whose program it is"`
	QueryProgramID string         `json:"queryprogram_id,omitempty" doc:"Which program to run"`
	QueryProgram2  string         `json:"query_program_id,omitempty" doc:"The same as queryprogram_id"`
	Stream         bool           `json:"stream,omitempty" doc:"Answer as server-sent events, the last of which, complete, carries the result"`
	Slots          map[string]any `json:"slots,omitempty" doc:"Slot values"`
	beside         map[string]any // every field; one client sends slot values beside the ids
}

// UnmarshalJSON reads the fields that every program has, and keeps the others.
func (f *runFields) UnmarshalJSON(text []byte) error {
	type plain runFields
	if err := decodeExact(text, (*plain)(f)); err != nil {
		return err
	}
	return decodeExact(text, &f.beside)
}

// decodeExact reads numbers of any size without rounding them.
func decodeExact(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// Resolve keeps the query parameters, of which any may be a slot.
func (in *runInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query = u.Query()
	return nil
}

func (s *Server) runs(a huma.API) {
	result := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Result](), true, "")
	content := map[string]*huma.MediaType{
		"application/json":  {Schema: result},
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: "One event, complete, whose data are as in " + result.Ref}},
	}
	for _, format := range evaluate.Formats() {
		content[format.ContentType()] = &huma.MediaType{}
	}
	for path, summary := range map[string]string{"/v1/run/queryprogram": "Run a program", "/v1/actions/evaluate/queryprogram": "Run a program (the older route)"} {
		op := runOperation("POST "+path, summary, content)
		op.Description = "Slot values are query parameters of any name, or the object slots of the body, or fields beside the ids. " + nullText + cachingText
		register(s, a, op, s.runProgram)
	}
	op := runOperation("GET /v1/run/queryprogram", "Run a program", content)
	op.Description = "Slot values are query parameters of any name. " + nullText + cachingText
	register(s, a, op, s.getProgramRun)
}

const nullText = `An optional slot that is null, or absent, does not filter. In a body null is JSON's; ` +
	`in a query it is the word null, or nothing, and a slot of texts takes "null" and "", in quotes, for these texts themselves.`

const cachingText = " The answer is kept as long as the program, the values and the versions of the datasets stay the same, unless the SQL asks for the time or for chance: " +
	"send its ETag as If-None-Match to get 304 instead, without a run, or Cache-Control: no-cache for a new run."

func runOperation(pattern, summary string, content map[string]*huma.MediaType) huma.Operation {
	op := answers(describe(pattern, "run", summary), "The answer, in the form that was asked for", content)
	text := &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
	op.Responses["200"].Headers = map[string]*huma.Param{"ETag": text, "Cache-Control": text, "Cache-Status": text}
	op.Responses["304"] = &huma.Response{Description: "The answer is the one whose ETag was sent", Headers: map[string]*huma.Param{"ETag": text}}
	return op
}

// Caching is what a request says about answers that are known.
type Caching struct {
	IfNoneMatch  string `header:"If-None-Match" doc:"ETags of answers that the caller has"`
	CacheControl string `header:"Cache-Control" doc:"no-cache for a new run"`
}

func (c Caching) asking() evaluate.Asking {
	ask := evaluate.Asking{Form: "json", Encode: encodeResult}
	for tag := range strings.SplitSeq(c.IfNoneMatch, ",") {
		ask.Known = append(ask.Known, strings.TrimSpace(tag))
	}
	for directive := range strings.SplitSeq(strings.ToLower(c.CacheControl), ",") {
		switch strings.TrimSpace(directive) {
		case "no-cache", "no-store", "max-age=0":
			ask.Fresh = true
		}
	}
	return ask
}

// values returns the slot values of the request: fields of the body that are
// slots of the program, then slots, then the query parameters that are not ours.
func (in *runInput) values(slots []program.Slot) map[string]any {
	values := map[string]any{}
	for _, slot := range slots {
		switch slot.Name {
		case "project_id", "queryprogram_id", "query_program_id", "dataline_id", "stream", "slots":
			continue
		}
		if value, ok := in.Body.beside[slot.Name]; ok {
			values[slot.Name] = value
		}
	}
	for name, value := range in.Body.Slots {
		values[name] = value
	}
	for name, list := range in.query {
		switch name {
		case "format", "max_rows", "count", "neutralize_formulas", "stream":
			continue
		}
		values[name] = program.Untyped(list[0])
		if len(list) > 1 {
			all := make([]any, len(list))
			for i, v := range list {
				all[i] = program.Untyped(v)
			}
			values[name] = all
		}
	}
	return values
}

func (s *Server) getProgramRun(ctx context.Context, in *getRunInput) (*huma.StreamResponse, error) {
	return s.runProgram(ctx, &runInput{Format: in.Format, Max: in.Max, Count: in.Count, Safe: in.Safe, Caching: in.Caching, query: in.query,
		Body: runFields{ProjectID: in.ProjectID, QueryProgramID: in.QueryProgramID, Stream: in.Stream}})
}

func (s *Server) runProgram(ctx context.Context, in *runInput) (*huma.StreamResponse, error) {
	id := in.Body.QueryProgramID
	if id == "" {
		id = in.Body.QueryProgram2
	}
	if id == "" {
		return nil, errs.New(errs.Invalid, "queryprogram_id is missing").Named("field-missing").At("/queryprogram_id")
	}
	r, err := s.runnable(ctx, in.Body.ProjectID, id)
	if err != nil {
		return nil, err
	}
	req := evaluate.Request{ProjectID: r.ProjectID, Program: r.Program, Values: in.values(r.Program.Slots), MaxRows: in.Max, CountRows: in.Count, ProgramID: r.ID, Version: r.Version}
	if in.Format != "" && in.Format != "json" {
		return s.stream(ctx, in.Format, in.Safe, "result", req, in.asking())
	}
	ask := in.asking()
	if in.Body.Stream {
		ask.Known = nil // an event has no ETag
	}
	a, err := s.Evaluator.Answer(ctx, req, ask)
	if err != nil {
		return nil, err
	}
	return s.answer(a, in.Body.Stream), nil
}

// A runKey is who wants to run what.
type runKey struct{ reach, project, program string }

// runnable returns a program that the caller may run. It is asked for each time a
// program runs, so it remembers.
func (s *Server) runnable(ctx context.Context, projectID, id string) (store.Record, error) {
	key := runKey{caller(ctx).Reach(), projectID, id}
	return s.runnables.Get(s.Programs.DB, key, func() (store.Record, error) {
		if _, err := s.project(ctx, projectID); err != nil {
			return store.Record{}, pointAt(err, "/project_id")
		}
		r, err := s.program(ctx, id)
		if err == nil && (r.ProjectID != projectID || r.DeletedAt != nil) {
			err = errs.New(errs.NotFound, "no such query program")
		}
		if err != nil {
			return store.Record{}, pointAt(err, "/queryprogram_id")
		}
		return r, nil
	})
}

func encodeResult(r *evaluate.Result) ([]byte, error) {
	var text bytes.Buffer
	err := json.NewEncoder(&text).Encode(resultWire(r))
	return text.Bytes(), err
}

// describeCaching sets what a cache on the way, or the caller's own, has to know.
func describeCaching(h http.Header, a evaluate.Answer) {
	h.Set("Vary", "Authorization")
	if a.ETag == "" {
		h.Set("Cache-Control", "no-store")
		return
	}
	h.Set("ETag", a.ETag)
	// Whoever keeps it has to ask each time whether the data are still the same.
	h.Set("Cache-Control", "private, no-cache")
	status := "millwright; fwd=miss"
	if a.Cached {
		status = "millwright; hit"
	}
	h.Set("Cache-Status", status)
}

// answer sends the result as JSON, or as the one event of a stream.
func (s *Server) answer(a evaluate.Answer, stream bool) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		body := a.Body
		if stream {
			a.ETag = ""
			body = slices.Concat([]byte("id: 1\nevent: complete\ndata: "), bytes.TrimSpace(a.Body), []byte("\n\n"))
		}
		describeCaching(w.Header(), a)
		switch {
		case a.NotModified:
			w.WriteHeader(http.StatusNotModified)
			return
		case stream:
			w.Header().Set("Content-Type", "text/event-stream")
		default:
			w.Header().Set("Content-Type", "application/json")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusOK)
		// An error here means that the caller has gone; there is nobody to tell.
		_, _ = w.Write(body)
	}}
}

// stream sends a whole result as a file of that name. An error after the first
// byte breaks the connection, so that half a file never passes for a whole one.
func (s *Server) stream(ctx context.Context, formatName string, safe bool, name string, req evaluate.Request, ask evaluate.Asking) (*huma.StreamResponse, error) {
	format, err := evaluate.ParseFormat(formatName)
	if err != nil {
		return nil, err
	}
	file, err := s.Evaluator.Open(ctx, req, evaluate.File{Format: format, SafeCSV: safe}, ask)
	if err != nil {
		return nil, err
	}
	return s.file(file, format, name, func(context.Context, evaluate.Download, error) {}), nil
}

// file sends a file under that name, and says at the end what was sent.
func (s *Server) file(file evaluate.Opened, format evaluate.Format, name string, sent func(context.Context, evaluate.Download, error)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		request, w := humachi.Unwrap(hc)
		describeCaching(w.Header(), file.Answer)
		if file.NotModified {
			sent(hc.Context(), evaluate.Download{}, nil)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", format.ContentType())
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.`+string(format)+`"`)
		d, err := file.Write(hc.Context(), w)
		sent(hc.Context(), d, err)
		switch {
		case err == nil:
		case d.Bytes == 0:
			for _, name := range []string{"Content-Disposition", "ETag", "Cache-Control", "Cache-Status"} {
				w.Header().Del(name)
			}
			s.writeProblem(w, request, err)
		default:
			report(hc.Context(), s.Log, problemOf(hc.Context(), err), err)
			panic(http.ErrAbortHandler)
		}
	}}
}
