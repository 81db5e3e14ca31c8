package evaluate_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine"
	"millwright/internal/engine/enginefake"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/table"
)

// project is one with the tables orders and orders__items.
type project struct{}

func (project) TableNames(context.Context, string) ([]string, error) {
	return []string{"orders", "orders__items"}, nil
}

func (project) Tables(_ context.Context, id string, names []string, _ map[string]int64) (evaluate.Tables, error) {
	t := evaluate.Tables{Dir: "/objects/" + id, Versions: map[string]int64{}, Roles: map[string]string{"id": "key", "Day": "event_time"}}
	for _, name := range names {
		t.Tables = append(t.Tables, engine.Table{Name: name})
		t.Versions[name] = 3
	}
	return t, nil
}

type history struct {
	mu   sync.Mutex
	runs []store.Run
}

func (h *history) AddRun(ctx context.Context, r store.Run) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() == nil {
		h.runs = append(h.runs, r)
	}
	return ctx.Err()
}

type stager struct{ dir string }

func (s stager) Stage(context.Context) (string, func(), error) {
	dir, err := os.MkdirTemp(s.dir, "stage")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

func fake(t *testing.T, schema table.Schema, arrowSchema *arrow.Schema, batches ...string) *enginefake.Engine {
	t.Helper()
	e := &enginefake.Engine{Schema: schema}
	for _, b := range batches {
		batch, err := enginefake.Batch(arrowSchema, b)
		if err != nil {
			t.Fatal(err)
		}
		e.Batches = append(e.Batches, batch)
	}
	t.Cleanup(func() {
		if n := e.Open(); n != 0 {
			t.Errorf("%d results were not closed", n)
		}
	})
	return e
}

// numbers answers with the given counts of rows {"n": i, "s": "text i"}.
func numbers(t *testing.T, counts ...int) *enginefake.Engine {
	t.Helper()
	var batches []string
	n := 0
	for _, count := range counts {
		var rows []string
		for range count {
			rows = append(rows, fmt.Sprintf(`{"n":%d,"s":"text %d"}`, n, n))
			n++
		}
		batches = append(batches, "["+strings.Join(rows, ",")+"]")
	}
	return fake(t, columns("n", table.BigInt, "s", table.Varchar),
		arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String}}, nil), batches...)
}

func columns(pairs ...any) table.Schema {
	var s table.Schema
	for i := 0; i < len(pairs); i += 2 {
		s.Columns = append(s.Columns, table.Column{Name: pairs[i].(string), Key: pairs[i].(string), Type: table.Type{Kind: pairs[i+1].(table.Kind)}})
	}
	return s
}

func request(sql string, slots ...program.Slot) evaluate.Request {
	return evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: sql, Slots: slots}, ProgramID: "q1", Version: 2}
}

func TestRunGivesTheEngineOnlyWhatTheSQLNames(t *testing.T) {
	t.Parallel()
	e, h := numbers(t, 2), &history{}
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}, History: h}
	req := request("SELECT n, s FROM Orders WHERE n > $least", program.Slot{Name: "least", Type: program.Integer, Default: 1})
	req.Values = map[string]any{"least": "5"}
	r, err := ev.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Query{{
		Scope: "p1", Dir: "/objects/p1", Tables: []engine.Table{{Name: "orders"}},
		SQL: "SELECT n, s FROM Orders WHERE n > CAST($least AS BIGINT)", Args: map[string]any{"least": int64(5)},
		MaxRows: 10_000, MaxBytes: 32 << 20, Timeout: 30 * time.Second,
	}}
	if diff := cmp.Diff(e.Queries(), want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	if r.RowCount != 2 || r.Truncated || *r.TotalRows != 2 || r.DatasetVersions["orders"] != 3 || r.Values["least"] != int64(5) {
		t.Errorf("got %+v", r)
	}
	if got := string(r.RowsJSON()); got != `[[0,"text 0"],[1,"text 1"]]` {
		t.Errorf("rows are %s", got)
	}
	if got := string(r.ObjectsJSON()); got != `[{"n":0,"s":"text 0"},{"n":1,"s":"text 1"}]` {
		t.Errorf("objects are %s", got)
	}
	if len(h.runs) != 1 || !h.runs[0].Success || h.runs[0].Rows != 2 || h.runs[0].Version != 2 || h.runs[0].DatasetVersions["orders"] != 3 {
		t.Errorf("the history is %+v", h.runs)
	}
}

func TestRunReportsWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits  evaluate.Limits
		maxRows int64
		rows    int64
		cut     bool
	}{
		"no limit is reached":             {evaluate.Limits{}, 0, 7, false},
		"exactly the limit is not cut":    {evaluate.Limits{Rows: 7}, 0, 7, false},
		"the default number of rows":      {evaluate.Limits{Rows: 4}, 0, 4, true},
		"the number asked for":            {evaluate.Limits{}, 5, 5, true},
		"more than allowed is not given":  {evaluate.Limits{MaxRows: 6}, 1000, 6, true},
		"bytes of JSON":                   {evaluate.Limits{Bytes: 30}, 0, 3, true},
		"a row that alone is over":        {evaluate.Limits{Bytes: 3}, 0, 0, true},
		"a smaller number than asked for": {evaluate.Limits{}, 7, 7, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev := evaluate.Evaluator{Engine: numbers(t, 3, 4), Datasets: project{}, Limits: c.limits}
			req := request("SELECT n, s FROM orders")
			req.MaxRows = c.maxRows
			r, err := ev.Run(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			var seen int64
			r.Each(func(row []jsontext.Value) bool {
				if string(row[0]) != fmt.Sprint(seen) {
					t.Errorf("row %d begins with %s", seen, row[0])
				}
				seen++
				return true
			})
			if r.RowCount != c.rows || seen != c.rows || r.Truncated != c.cut || (r.TotalRows == nil) != c.cut {
				t.Errorf("%d rows (%d seen), truncated %v, total %v", r.RowCount, seen, r.Truncated, r.TotalRows)
			}
		})
	}
}

func TestRunCountsOnRequest(t *testing.T) {
	t.Parallel()
	e := numbers(t, 3)
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}}
	req := request("SELECT n FROM orders -- all")
	req.MaxRows, req.CountRows = 2, true
	r, err := ev.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Queries()[1].SQL; got != "SELECT count(*) AS n FROM (\nSELECT n FROM orders\n) AS q" {
		t.Errorf("counted with %s", got)
	}
	req.Timeout = 1 // a nanosecond: nothing of it is left for counting
	if r, err := ev.Run(t.Context(), req); err != nil || r.TotalRows != nil || len(e.Queries()) != 3 {
		t.Errorf("without time: %v, %v", r, err)
	}
	if r.TotalRows == nil || *r.TotalRows != 0 { // the first number of the canned answer
		t.Errorf("total is %v", r.TotalRows)
	}
}

func TestRunExplainsWhatCannotRun(t *testing.T) {
	t.Parallel()
	slot := program.Slot{Name: "n", Type: program.Integer, Default: 1}
	for name, c := range map[string]struct {
		req     evaluate.Request
		typ     string
		pointer string
		msg     string
	}{
		"a Python class": {request("class AnswerQueryProgram(QueryProgram):\n    pass"), "code-not-sql", "/code",
			`this code is not SQL and cannot run here: it begins with "class AnswerQueryProgram(QueryProgram):" and looks like Python; it is kept as it was saved (replace the code with one SELECT statement over the project's tables)`},
		"a table that is not there": {request("SELECT *\nFROM ordrs"), "sql-invalid", "/code",
			`line 2, column 6: there is no table "ordrs" in this project (did you mean orders?; use one of: orders, orders__items)`},
		"a file": {request("SELECT * FROM 'a.parquet'"), "sql-invalid", "/code",
			`line 1, column 15: a text stands where a table belongs; files cannot be read (name a table of the project)`},
		"a wrong value": {evaluate.Request{Program: program.Program{SQL: "SELECT $n", Slots: []program.Slot{slot}}, Values: map[string]any{"n": "x"}},
			"slot-invalid", "/slots/n", `slot "n" is "x", which is not a whole number (use a whole number such as 10)`},
		"another dialect": {evaluate.Request{Program: program.Program{SQL: "SELECT 1", Dialect: "trino"}}, "dialect-unknown", "/dialect",
			`the program is written in the SQL dialect "trino", and this server runs duckdb (rewrite it for DuckDB and set the dialect to duckdb)`},
	} {
		e, h := numbers(t), &history{}
		c.req.ProgramID = "q1"
		ev := evaluate.Evaluator{Engine: e, Datasets: project{}, History: h}
		_, err := ev.Run(t.Context(), c.req)
		got, ok := errs.Find(err)
		if !ok || got.Kind != errs.Invalid || got.Type != c.typ || len(got.Fields) == 0 || got.Fields[0].Pointer != c.pointer || got.Public() != c.msg {
			t.Errorf("%s: got %v", name, errs.Public(err))
		}
		if len(e.Queries()) != 0 {
			t.Errorf("%s: the engine was asked", name)
		}
		if len(h.runs) != 1 || h.runs[0].Success || h.runs[0].Error != c.msg {
			t.Errorf("%s: the history is %+v", name, h.runs)
		}
	}
}

// The engine has seen the bound SQL; the author reads the program's.
func TestEngineErrorsPointToTheProgram(t *testing.T) {
	t.Parallel()
	e := numbers(t)
	e.Err = errs.New(errs.Invalid, "line 1, column 28: column \"wrong\" not found").Named("sql-invalid")
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}}
	req := request("SELECT $n, wrong FROM orders", program.Slot{Name: "n", Type: program.Integer, Default: 1})
	for name, err := range map[string]error{
		"Run":      second(ev.Run(t.Context(), req)),
		"Validate": second(ev.Validate(t.Context(), "p1", req.Program)),
		"Download": second(ev.Download(t.Context(), req, evaluate.File{Format: evaluate.CSV}, &bytes.Buffer{})),
		"Explain":  second(ev.Explain(t.Context(), req)),
	} {
		got, ok := errs.Find(err)
		if !ok || got.Msg != `line 1, column 12: column "wrong" not found` || got.Fields[0].Pointer != "/code" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRunStopsWhenTheCallerGoes(t *testing.T) {
	t.Parallel()
	e, h := numbers(t, 1, 1), &history{}
	e.Block = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		e.Block <- struct{}{} // the first batch has arrived
		cancel()
	}()
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}, History: h}
	_, err := ev.Run(ctx, request("SELECT n FROM orders"))
	if errs.KindOf(err) != errs.Canceled {
		t.Errorf("got %v", err)
	}
	if len(h.runs) != 1 || h.runs[0].Success {
		t.Errorf("the history is %+v", h.runs)
	}
}

func TestRunFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	e := numbers(t, 2, 2)
	e.FailAt, e.RowsErr = 1, errs.New(errs.TooLarge, "too slow").Named("query-timeout")
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}}
	if _, err := ev.Run(t.Context(), request("SELECT n FROM orders")); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("Run: %v", err)
	}
	var out bytes.Buffer
	d, err := ev.Download(t.Context(), request("SELECT n FROM orders"), evaluate.File{Format: evaluate.NDJSON}, &out)
	if errs.KindOf(err) != errs.TooLarge || d.Bytes != 0 || out.Len() != 0 {
		t.Errorf("Download: %v after %d bytes", err, out.Len())
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	e := numbers(t)
	e.Schema = table.Schema{Columns: []table.Column{{Name: "ID", Type: table.Type{Kind: table.BigInt}}, {Name: "day", Type: table.Type{Kind: table.Date}}, {Name: "total", Type: table.Type{Kind: table.Double}}}}
	ev := evaluate.Evaluator{Engine: e, Datasets: project{}}
	v, err := ev.Validate(t.Context(), "p1", program.Program{SQL: "SELECT id FROM orders WHERE id = $id", Slots: []program.Slot{{Name: "id", Type: program.Integer, Required: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range v.Columns {
		got = append(got, c.Name+" "+c.Role+" "+c.Kind)
	}
	if diff := cmp.Diff(got, []string{"ID key dimension", "day event_time time", "total measure measure"}); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	if diff := cmp.Diff(v.Tables, []string{"orders"}); diff != "" {
		t.Errorf("tables (-got +want)\n%s", diff)
	}
	if args := e.Queries()[0].Args; args["id"] == nil {
		t.Error("a required slot was left empty")
	}
}

func download(t *testing.T, ev *evaluate.Evaluator, file evaluate.File) (string, evaluate.Download) {
	t.Helper()
	var out bytes.Buffer
	d, err := ev.Download(t.Context(), request("SELECT * FROM orders"), file, &out)
	if err != nil {
		t.Fatal(err)
	}
	if d.Bytes != int64(out.Len()) {
		t.Errorf("%d bytes are reported, %d were written", d.Bytes, out.Len())
	}
	return out.String(), d
}

// A download is the whole result, whatever limits an answer has.
func TestDownloadsAreWhole(t *testing.T) {
	t.Parallel()
	ev := &evaluate.Evaluator{Engine: numbers(t, 2000, 0, 3000), Datasets: project{}, Limits: evaluate.Limits{Rows: 10, MaxRows: 10, Bytes: 100}}
	text, d := download(t, ev, evaluate.File{Format: evaluate.CSV})
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 5001 || d.Rows != 5000 || !slices.Equal(records[5000], []string{"4999", "text 4999"}) {
		t.Errorf("CSV: %d records, %v", len(records), err)
	}
	text, _ = download(t, ev, evaluate.File{Format: evaluate.NDJSON})
	lines := strings.SplitAfter(text, "\n")
	if len(lines) != 5001 || lines[4999] != "{\"n\":4999,\"s\":\"text 4999\"}\n" || lines[5000] != "" {
		t.Errorf("NDJSON: %d lines", len(lines))
	}
	text, _ = download(t, ev, evaluate.File{Format: evaluate.Arrow})
	r, err := ipc.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var rows int64
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if rows != 5000 || r.Err() != nil {
		t.Errorf("Arrow: %d rows, %v", rows, r.Err())
	}
}

func TestParquetIsStagedAndCopied(t *testing.T) {
	t.Parallel()
	e, dir := numbers(t), t.TempDir()
	e.Write = func(_ engine.Query, output string) (int64, error) {
		return 7, os.WriteFile(output, []byte("PAR1…"), 0o600)
	}
	ev := &evaluate.Evaluator{Engine: e, Datasets: project{}, Stager: stager{dir}}
	text, d := download(t, ev, evaluate.File{Format: evaluate.Parquet})
	if text != "PAR1…" || d.Rows != 7 {
		t.Errorf("got %q, %+v", text, d)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("the staged folder is left: %v", left)
	}
	// Larger than one write, so that nothing of it may have gone before the limit is met.
	e.Write = func(_ engine.Query, output string) (int64, error) {
		return 7, os.WriteFile(output, make([]byte, 100_000), 0o600)
	}
	ev.Limits.DownloadBytes = 60_000
	var out bytes.Buffer
	_, err := ev.Download(t.Context(), request("SELECT * FROM orders"), evaluate.File{Format: evaluate.Parquet}, &out)
	if errs.KindOf(err) != errs.TooLarge || out.Len() != 0 {
		t.Errorf("over the limit: %v after %d bytes", err, out.Len())
	}
}

func TestDownloadLimitIsReported(t *testing.T) {
	t.Parallel()
	for _, f := range []evaluate.Format{evaluate.CSV, evaluate.NDJSON, evaluate.Arrow} {
		ev := &evaluate.Evaluator{Engine: numbers(t, 9000), Datasets: project{}, Limits: evaluate.Limits{DownloadBytes: 1000}}
		var out bytes.Buffer
		d, err := ev.Download(t.Context(), request("SELECT * FROM orders"), evaluate.File{Format: f}, &out)
		if e, ok := errs.Find(err); !ok || e.Type != "result-too-large" {
			t.Errorf("%s: %v", f, err)
		}
		if int64(out.Len()) != d.Bytes || d.Bytes > 1000 {
			t.Errorf("%s: %d bytes were written, %d are reported", f, out.Len(), d.Bytes)
		}
	}
}

func TestCSVTellsEmptyFromNull(t *testing.T) {
	t.Parallel()
	e := fake(t, columns("a,b", table.Varchar, "n", table.BigInt, "c", table.Varchar), arrow.NewSchema([]arrow.Field{
		{Name: "a,b", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "c", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil), `[{"a,b":"x","n":-1,"c":"=1+1"},{"a,b":"","n":null,"c":null},{"a,b":"say \"hi\"\nthere","n":2,"c":"-"}]`)
	ev := &evaluate.Evaluator{Engine: e, Datasets: project{}}
	got, _ := download(t, ev, evaluate.File{Format: evaluate.CSV})
	if want := "\"a,b\",n,c\r\nx,-1,=1+1\r\n\"\",,\r\n\"say \"\"hi\"\"\nthere\",2,-\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got, _ = download(t, ev, evaluate.File{Format: evaluate.CSV, SafeCSV: true})
	if want := "\"a,b\",n,c\r\nx,-1,'=1+1\r\n\"\",,\r\n\"say \"\"hi\"\"\nthere\",2,'-\r\n"; got != want {
		t.Errorf("safe: got %q, want %q", got, want)
	}
}

func TestAnEmptyResultHasItsHeader(t *testing.T) {
	t.Parallel()
	ev := &evaluate.Evaluator{Engine: numbers(t), Datasets: project{}}
	if got, _ := download(t, ev, evaluate.File{Format: evaluate.CSV}); got != "n,s\r\n" {
		t.Errorf("CSV is %q", got)
	}
	r, err := ev.Run(t.Context(), request("SELECT n, s FROM orders"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.RowsJSON()) + string(r.ObjectsJSON()); got != "[][]" || len(r.Columns) != 2 {
		t.Errorf("JSON is %s", got)
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for _, f := range evaluate.Formats() {
		if got, err := evaluate.ParseFormat(strings.ToUpper(string(f))); got != f || err != nil || f.ContentType() == "" {
			t.Errorf("%s: %v", f, err)
		}
	}
	if _, err := evaluate.ParseFormat("xlsx"); !errors.Is(err, errs.Invalid) {
		t.Errorf("xlsx: %v", err)
	}
}

// one runs a result of one column and row through JSON and CSV.
func one(t *testing.T, arr arrow.Array, typ table.Type) (asJSON, asCSV string) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arr.DataType(), Nullable: true}}, nil)
	e := &enginefake.Engine{
		Schema:  table.Schema{Columns: []table.Column{{Name: "v", Type: typ}}},
		Batches: []arrow.RecordBatch{array.NewRecordBatch(schema, []arrow.Array{arr}, int64(arr.Len()))},
	}
	ev := &evaluate.Evaluator{Engine: e, Datasets: project{}}
	r, err := ev.Run(t.Context(), request("SELECT * FROM orders"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(r.ObjectsJSON()) {
		t.Errorf("no JSON: %s", r.ObjectsJSON())
	}
	text, _ := download(t, ev, evaluate.File{Format: evaluate.CSV})
	return strings.TrimSuffix(strings.TrimPrefix(string(r.RowsJSON()), "[["), "]]"), strings.TrimSuffix(strings.TrimPrefix(text, "v\r\n"), "\r\n")
}

func build(t *testing.T, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader("["+text+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}

func TestValuesStayExact(t *testing.T) {
	t.Parallel()
	us := &arrow.TimestampType{Unit: arrow.Microsecond}
	utc := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	str := arrow.BinaryTypes.String
	point := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "a\"b", Type: str, Nullable: true})
	jsonType := table.Type{Kind: table.JSON}
	for name, c := range map[string]struct {
		arr       arrow.Array
		typ       table.Type
		json, csv string
	}{
		"null":                          {build(t, str, `null`), table.Type{}, `null`, `""`}, // alone in its line
		"a column of nulls":             {array.NewNull(1), table.Type{}, `null`, `""`},
		"true":                          {build(t, arrow.FixedWidthTypes.Boolean, `true`), table.Type{}, `true`, `true`},
		"a small integer":               {build(t, arrow.PrimitiveTypes.Int64, `-42`), table.Type{}, `-42`, `-42`},
		"the largest safe integer":      {build(t, arrow.PrimitiveTypes.Int64, `9007199254740991`), table.Type{}, `9007199254740991`, `9007199254740991`},
		"an integer beyond":             {build(t, arrow.PrimitiveTypes.Int64, `9007199254740993`), table.Type{}, `"9007199254740993"`, `9007199254740993`},
		"the least integer":             {build(t, arrow.PrimitiveTypes.Int64, `-9223372036854775808`), table.Type{}, `"-9223372036854775808"`, `-9223372036854775808`},
		"an unsigned integer":           {build(t, arrow.PrimitiveTypes.Uint64, `18446744073709551615`), table.Type{}, `"18446744073709551615"`, `18446744073709551615`},
		"a decimal":                     {build(t, &arrow.Decimal128Type{Precision: 18, Scale: 2}, `"12.50"`), table.Type{}, `"12.50"`, `12.50`},
		"a negative decimal below one":  {build(t, &arrow.Decimal128Type{Precision: 18, Scale: 3}, `"-0.005"`), table.Type{}, `"-0.005"`, `-0.005`},
		"a sum of integers":             {build(t, &arrow.Decimal128Type{Precision: 38}, `"45"`), table.Type{}, `45`, `45`},
		"a sum beyond":                  {build(t, &arrow.Decimal128Type{Precision: 38}, `"99999999999999999999999999999999999999"`), table.Type{}, `"99999999999999999999999999999999999999"`, `99999999999999999999999999999999999999`},
		"0.1":                           {build(t, arrow.PrimitiveTypes.Float64, `0.1`), table.Type{}, `0.1`, `0.1`},
		"a tiny number":                 {build(t, arrow.PrimitiveTypes.Float64, `5e-324`), table.Type{}, `5e-324`, `5e-324`},
		"a single-precision number":     {build(t, arrow.PrimitiveTypes.Float32, `0.1`), table.Type{}, `0.1`, `0.1`},
		"NaN":                           {float(math.NaN()), table.Type{}, `"NaN"`, `NaN`},
		"minus infinity":                {float(math.Inf(-1)), table.Type{}, `"-Infinity"`, `-Infinity`},
		"minus zero":                    {float(math.Copysign(0, -1)), table.Type{}, `-0`, `-0`},
		"a text":                        {build(t, str, `"é \"q\" \n\u0000 \u2028"`), table.Type{}, `"é \"q\" \n\u0000 ` + "\u2028" + `"`, "\"é \"\"q\"\" \n\x00 \u2028\""},
		"an empty text":                 {build(t, str, `""`), table.Type{}, `""`, `""`},
		"bytes":                         {build(t, arrow.BinaryTypes.Binary, `"AP8="`), table.Type{}, `"AP8="`, `AP8=`},
		"a date":                        {build(t, arrow.FixedWidthTypes.Date32, `"2026-02-28"`), table.Type{}, `"2026-02-28"`, `2026-02-28`},
		"a date in ancient times":       {days(-800_000), table.Type{}, `"-0221-09-04"`, `-0221-09-04`},
		"a date far ahead":              {days(3_000_000), table.Type{}, `"+10183-09-21"`, `+10183-09-21`},
		"a date at infinity":            {days(math.MaxInt32), table.Type{}, `"infinity"`, `infinity`},
		"a timestamp":                   {build(t, us, `"2026-02-28 01:02:03.000450"`), table.Type{}, `"2026-02-28T01:02:03.00045"`, `2026-02-28T01:02:03.00045`},
		"an instant":                    {build(t, utc, `"2026-02-28T01:02:03Z"`), table.Type{}, `"2026-02-28T01:02:03Z"`, `2026-02-28T01:02:03Z`},
		"a time before 1970":            {build(t, us, `"1969-12-31 23:59:59.999999"`), table.Type{}, `"1969-12-31T23:59:59.999999"`, `1969-12-31T23:59:59.999999`},
		"a list":                        {build(t, arrow.ListOf(arrow.PrimitiveTypes.Int64), `[1,null,9007199254740993]`), table.Type{}, `[1,null,"9007199254740993"]`, `"[1,null,""9007199254740993""]"`},
		"an empty list":                 {build(t, arrow.ListOf(str), `[]`), table.Type{}, `[]`, `[]`},
		"a struct":                      {build(t, point, `{"x":1,"a\"b":"y"}`), table.Type{}, `{"x":1,"a\"b":"y"}`, `"{""x"":1,""a\""b"":""y""}"`},
		"a list of structs":             {build(t, arrow.ListOf(point), `[{"x":1},{"x":2,"a\"b":""}]`), table.Type{}, `[{"x":1,"a\"b":null},{"x":2,"a\"b":""}]`, `"[{""x"":1,""a\""b"":null},{""x"":2,""a\""b"":""""}]"`},
		"a map":                         {build(t, arrow.MapOf(str, arrow.PrimitiveTypes.Int64), `[{"key":"a","value":1},{"key":"","value":null}]`), table.Type{}, `{"a":1,"":null}`, `"{""a"":1,"""":null}"`},
		"JSON":                          {build(t, str, `"{\"a\": [1,\n 2.50] }"`), jsonType, `{"a":[1,2.50]}`, `"{""a"":[1,2.50]}"`},
		"JSON that is a text":           {build(t, str, `"\"x\""`), jsonType, `"x"`, `"""x"""`},
		"JSON that is none":             {build(t, str, `"{oops"`), jsonType, `"{oops"`, `{oops`},
		"JSON inside a list":            {build(t, arrow.ListOf(str), `["{\"a\":1}",null]`), table.Type{Kind: table.List, Elem: &jsonType}, `[{"a":1},null]`, `"[{""a"":1},null]"`},
		"an interval":                   {intervals(arrow.MonthDayNanoInterval{Months: 14, Days: 3, Nanoseconds: 4_500_000_000}), table.Type{}, `"P14M3DT4.5S"`, `P14M3DT4.5S`},
		"an interval of nothing":        {intervals(arrow.MonthDayNanoInterval{}), table.Type{}, `"PT0S"`, `PT0S`},
		"an interval backwards":         {intervals(arrow.MonthDayNanoInterval{Nanoseconds: -1_000_001_000}), table.Type{}, `"PT-1.000001S"`, `PT-1.000001S`},
		"a value of an enumerated type": {dictionary(t), table.Type{}, `"b"`, `b`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gotJSON, gotCSV := one(t, c.arr, c.typ)
			if gotJSON != c.json {
				t.Errorf("JSON: got %s, want %s", gotJSON, c.json)
			}
			if gotCSV != c.csv {
				t.Errorf("CSV: got %q, want %q", gotCSV, c.csv)
			}
		})
	}
}

func float(v float64) arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.Append(v)
	return b.NewArray()
}

func days(v int32) arrow.Array {
	b := array.NewDate32Builder(memory.DefaultAllocator)
	b.Append(arrow.Date32(v))
	return b.NewArray()
}

func intervals(v arrow.MonthDayNanoInterval) arrow.Array {
	b := array.NewMonthDayNanoIntervalBuilder(memory.DefaultAllocator)
	b.Append(v)
	return b.NewArray()
}

func dictionary(t *testing.T) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	if err := errors.Join(b.AppendString("a"), b.AppendString("b")); err != nil {
		t.Fatal(err)
	}
	return array.NewSlice(b.NewArray(), 1, 2)
}

// A batch may be a window into a larger one, with parts that are not.
func TestSlicesAreReadFromTheirStart(t *testing.T) {
	t.Parallel()
	dt := arrow.StructOf(arrow.Field{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true}, arrow.Field{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true})
	all := build(t, dt, `{"l":[1],"s":"a"},{"l":[2,3],"s":"b"},{"l":[],"s":"c"}`)
	got, _ := one(t, array.NewSlice(all, 1, 2), table.Type{})
	if want := `{"l":[2,3],"s":"b"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestObjectsKeepColumnsOfTheSameName(t *testing.T) {
	t.Parallel()
	i64 := arrow.PrimitiveTypes.Int64
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: i64}, {Name: "a", Type: i64}, {Name: "a_1", Type: i64}}, nil)
	var parts []arrow.Array
	for _, v := range []string{"1", "2", "3"} {
		parts = append(parts, build(t, i64, v))
	}
	e := &enginefake.Engine{Schema: columns("a", table.BigInt, "a", table.BigInt, "a_1", table.BigInt), Batches: []arrow.RecordBatch{array.NewRecordBatch(schema, parts, 1)}}
	ev := &evaluate.Evaluator{Engine: e, Datasets: project{}}
	r, err := ev.Run(t.Context(), request("SELECT * FROM orders"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.ObjectsJSON()); got != `[{"a":1,"a_1":2,"a_1_1":3}]` {
		t.Errorf("got %s", got)
	}
}
