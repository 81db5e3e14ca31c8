package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
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
	query  url.Values
	Body   runFields
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
		op := answers(describe("POST "+path, "run", summary), "The answer, in the form that was asked for", content)
		op.Description = "Slot values are query parameters of any name, or the object slots of the body, or fields beside the ids."
		register(s, a, op, s.runProgram)
	}
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
		values[name] = list[0]
		if len(list) > 1 {
			all := make([]any, len(list))
			for i, v := range list {
				all[i] = v
			}
			values[name] = all
		}
	}
	return values
}

func (s *Server) runProgram(ctx context.Context, in *runInput) (*huma.StreamResponse, error) {
	id := in.Body.QueryProgramID
	if id == "" {
		id = in.Body.QueryProgram2
	}
	if id == "" {
		return nil, errs.New(errs.Invalid, "queryprogram_id is missing").Named("field-missing").At("/queryprogram_id")
	}
	if _, err := s.project(ctx, in.Body.ProjectID); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	r, err := s.program(ctx, id)
	if err == nil && (r.ProjectID != in.Body.ProjectID || r.DeletedAt != nil) {
		err = errs.New(errs.NotFound, "no such query program")
	}
	if err != nil {
		return nil, pointAt(err, "/queryprogram_id")
	}
	req := evaluate.Request{ProjectID: r.ProjectID, Program: r.Program, Values: in.values(r.Program.Slots), MaxRows: in.Max, CountRows: in.Count, ProgramID: r.ID, Version: r.Version}
	if in.Format != "" && in.Format != "json" {
		return s.download(in, r, req)
	}
	result, err := s.Evaluator.Run(ctx, req)
	if err != nil {
		return nil, err
	}
	return s.answer(resultWire(result), in.Body.Stream), nil
}

// answer sends the result as JSON, or as the one event of a stream.
func (s *Server) answer(result Result, stream bool) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		if !stream {
			writeJSON(w, "application/json", http.StatusOK, result)
			return
		}
		text, err := json.Marshal(result)
		if err != nil {
			return // unreachable: every part is JSON already
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		event := append([]byte("id: 1\nevent: complete\ndata: "), text...)
		// An error here means that the caller has gone; there is nobody to tell.
		_, _ = w.Write(append(event, '\n', '\n'))
	}}
}

// download streams the whole result as a file. An error after the first byte
// breaks the connection, so that half a file never passes for a whole one.
func (s *Server) download(in *runInput, r store.Record, req evaluate.Request) (*huma.StreamResponse, error) {
	format, err := evaluate.ParseFormat(in.Format)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		request, w := humachi.Unwrap(hc)
		w.Header().Set("Content-Type", format.ContentType())
		w.Header().Set("Content-Disposition", `attachment; filename="result.`+string(format)+`"`)
		d, err := s.Evaluator.Download(hc.Context(), req, evaluate.File{Format: format, SafeCSV: in.Safe}, w)
		switch {
		case err == nil:
		case d.Bytes == 0:
			w.Header().Del("Content-Disposition")
			s.writeProblem(w, request, err)
		default:
			report(hc.Context(), s.Log, problemOf(hc.Context(), err), err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}
