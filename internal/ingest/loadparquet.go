package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/table"
)

// parquetTime is how long one pass over a Parquet file may take.
const parquetTime = 6 * time.Hour

// bringParquet reads a Parquet file into a sink. The file is opened by a confined
// worker of the engine only, which spells each row as a JSON object: what the server
// reads of it is text. The types that the file names are kept.
func (l *landing) bringParquet(ctx context.Context) (*sink, error) {
	q := engine.Query{Scope: "load-" + l.run.Job.ID, Dir: filepath.Dir(l.file.path), SQL: `SELECT * FROM file`, Timeout: parquetTime,
		Tables: []engine.Table{{Name: "file", Files: []string{l.file.path}}}}
	about, err := l.Engine.Describe(ctx, q)
	if err != nil {
		return nil, ofParquet(err)
	}
	l.declare(about.Columns)
	total, err := l.surveyParquet(ctx, q, about.Columns)
	if err != nil {
		return nil, ofParquet(err)
	}
	to, _, err := l.desk(ctx, nil, false)
	if err != nil {
		return nil, err
	}
	defer to.spill.Close()
	to.read = &progress{total: l.file.landed.Bytes}
	if err := l.readParquet(ctx, q, about.Columns, total, to); err != nil {
		return nil, err
	}
	if l.pages, err = to.spill.Finish(); err != nil {
		return nil, err
	}
	l.outcome.Pages, l.outcome.Records, l.outcome.Bytes, l.outcome.ContentType = 1, to.records, l.file.landed.Bytes, parquetMedia
	l.outcome.Detected.Content.Format = "parquet"
	if to.records != total {
		return nil, errs.New(errs.Internal, "the file has %d rows and %d were read; nothing is kept", total, to.records)
	}
	l.fileVerdict()
	return to, nil
}

// declare notes the types that the file names for its columns. Of rows that stay the
// types are kept: there, the values of both decide.
func (l *landing) declare(columns []table.Column) {
	l.file.declared = map[string]table.Type{}
	chosen := map[string]table.Type{}
	for _, c := range columns {
		t := c.Type
		if t.Kind == table.JSON {
			t = table.Type{Kind: table.Varchar}
		}
		if t.IsNested() || t.Kind == table.Other {
			continue
		}
		l.file.declared[c.Name] = t
		before, there := l.base.dataset.Schema.Column(c.Name)
		if !t.IsTemporal() && (replaces(l.setting.Mode) || !there || before.Type.String() == t.String()) {
			chosen[c.Name] = t
		}
	}
	for key, t := range l.base.chosen {
		chosen[key] = t
	}
	l.base.chosen = chosen
}

// surveyParquet returns how many rows the file has, and notes values that JSON does
// not have.
func (l *landing) surveyParquet(ctx context.Context, q engine.Query, columns []table.Column) (int64, error) {
	list, doubles := []string{"count(*) AS n"}, []string{}
	for _, c := range columns {
		if c.Type.Kind == table.Double {
			list = append(list, fmt.Sprintf("count(*) FILTER (WHERE NOT isfinite(%s)) AS n%d", table.Quote(c.Name), len(list)))
			doubles = append(doubles, c.Name)
		}
		if c.Type.Kind == table.Other && c.Type.Text == "BLOB" {
			l.report.Notes = append(l.report.Notes, fmt.Sprintf("column %q holds bytes: they are spelled in hex", clip(c.Name)))
		}
	}
	var total int64
	err := l.parquetRows(ctx, q, "SELECT "+strings.Join(list, ", ")+" FROM file", func(batch arrow.RecordBatch) error {
		for i, column := range batch.Columns() {
			counts, ok := column.(*array.Int64)
			if !ok || counts.Len() != 1 || i > len(doubles) {
				return errs.New(errs.Invalid, "the engine answers something else than it was asked")
			}
			switch n := counts.Value(0); {
			case i == 0:
				total = n
			case n > 0:
				l.report.Notes = append(l.report.Notes, fmt.Sprintf(
					"%d values of column %q are NaN or infinite, which no JSON number is: they are null", n, clip(doubles[i-1])))
			}
		}
		return nil
	})
	return total, err
}

// readParquet gives each row to the sink, as a JSON object.
func (l *landing) readParquet(ctx context.Context, q engine.Query, columns []table.Column, total int64, to *sink) error {
	if err := to.BeginPage(httpsource.Page{Number: 1, URL: (&url.URL{Scheme: "file", Path: l.file.landed.Name}).String()}); err != nil {
		return err
	}
	fields := make([]string, len(columns))
	for i, c := range columns {
		fields[i] = table.Quote(c.Name) + " := " + asJSON(c)
	}
	err := l.parquetRows(ctx, q, "SELECT CAST(to_json(struct_pack("+strings.Join(fields, ", ")+")) AS VARCHAR) AS r FROM file", func(batch arrow.RecordBatch) error {
		for _, column := range batch.Columns() {
			rows, ok := column.(array.StringLike)
			if !ok {
				return errs.New(errs.Invalid, "the engine answers something else than it was asked")
			}
			for i := range rows.Len() {
				if err := to.Record([]byte(rows.Value(i))); err != nil {
					return fromLanding{err}
				}
			}
		}
		to.read.bytes.Store(int64(float64(to.records) / float64(max(total, 1)) * float64(to.read.total)))
		return nil
	})
	var own fromLanding
	if errors.As(err, &own) {
		return own.error
	}
	if err != nil {
		return ofParquet(err)
	}
	return to.EndPage(httpsource.PageEnd{Number: 1, Records: to.records, Bytes: l.file.landed.Bytes})
}

// fromLanding marks an error that says nothing of the file.
type fromLanding struct{ error }

// parquetRows gives the batches of our own SELECT over the file. It is a view, since
// a table of thousands of columns makes it longer than a caller's may be.
func (l *landing) parquetRows(ctx context.Context, q engine.Query, sql string, give func(arrow.RecordBatch) error) error {
	q.Tables = append(q.Tables[:1:1], engine.Table{Name: "answer", View: sql})
	q.SQL = `SELECT * FROM answer`
	rows, err := l.Engine.Run(ctx, q)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := give(rows.Batch()); err != nil {
			return err
		}
	}
	if rows.Truncated() {
		return fromLanding{errs.New(errs.Internal, "the engine cut its answer")}
	}
	return rows.Err()
}

// asJSON spells a column so that its JSON loses nothing: what JSON has no numbers or
// words for is text, which the types that were declared turn back.
func asJSON(c table.Column) string {
	name := table.Quote(c.Name)
	switch c.Type.Kind {
	case table.Boolean, table.BigInt:
		return "CAST(" + name + " AS " + c.Type.String() + ")"
	case table.Double:
		return "CASE WHEN isfinite(" + name + ") THEN CAST(" + name + " AS DOUBLE) END"
	case table.TimestampTZ:
		return "CASE WHEN isfinite(" + name + ") THEN CAST(make_timestamp(epoch_us(" + name + ")) AS VARCHAR) || 'Z' ELSE CAST(" + name + " AS VARCHAR) END"
	case table.Struct, table.List, table.Map:
		return name
	case table.Other:
		if c.Type.Text == "BLOB" {
			return "lower(hex(" + name + "))"
		}
	}
	return "CAST(" + name + " AS VARCHAR)"
}

// ofParquet says of the file what the engine says of a query over it. A worker that
// the file brought down is the file's fault.
func ofParquet(err error) error {
	// What the engine cannot name it says of a file that is not as it says itself.
	if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.Internal || asDiskFull(err) != nil {
		return err
	}
	bad := errs.New(errs.Invalid, "the file cannot be read as Parquet").Named("not-parquet").
		Fix("write it again, for example with DuckDB or pyarrow", "or load it as CSV or NDJSON").Because(err)
	if e, ok := errs.Find(err); ok && e.Type == "query-crashed" {
		bad.Msg = "the file cannot be read as Parquet: whatever reads it breaks down"
	}
	return bad
}
