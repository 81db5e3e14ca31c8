package duckdb

import (
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2/arrowmapping"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/table"
)

// batchSize returns the bytes of all buffers of the batch.
func batchSize(batch arrow.RecordBatch) int64 {
	var size int64
	var add func(arrow.ArrayData)
	add = func(d arrow.ArrayData) {
		for _, b := range d.Buffers() {
			if b != nil {
				size += int64(b.Len())
			}
		}
		for _, c := range d.Children() {
			add(c)
		}
	}
	for _, c := range batch.Columns() {
		add(c.Data())
	}
	return size
}

// arrowSchemaOf returns the Arrow schema of a result whose columns were cast.
func (d *database) arrowSchemaOf(columns []table.Column) (*arrow.Schema, error) {
	var options arrowmapping.ArrowOptions
	arrowmapping.ConnectionGetArrowOptions(d.conn, &options)
	defer arrowmapping.DestroyArrowOptions(&options)
	names, types := make([]string, len(columns)), make([]mapping.LogicalType, len(columns))
	for i, c := range columns {
		names[i], types[i] = c.Name, duckType(c.Type)
	}
	defer func() {
		for i := range types {
			mapping.DestroyLogicalType(&types[i])
		}
	}()
	schema, failed := arrowmapping.NewArrowSchema(options, types, names)
	return schema, arrowError(failed)
}

func arrowSchema(res *mapping.Result, options arrowmapping.ArrowOptions) (*arrow.Schema, error) {
	n := mapping.ColumnCount(res)
	names, types := make([]string, n), make([]mapping.LogicalType, n)
	for i := range n {
		names[i], types[i] = mapping.ColumnName(res, i), mapping.ColumnLogicalType(res, i)
	}
	defer func() {
		for i := range types {
			mapping.DestroyLogicalType(&types[i])
		}
	}()
	schema, failed := arrowmapping.NewArrowSchema(options, types, names)
	return schema, arrowError(failed)
}

// fetchBatch returns nil at the end.
func fetchBatch(res *mapping.Result, options arrowmapping.ArrowOptions, schema *arrow.Schema) (arrow.RecordBatch, error) {
	chunk := mapping.FetchChunk(*res)
	if chunk.Ptr == nil {
		if msg := mapping.ResultError(res); msg != "" {
			return nil, newDuckError(msg)
		}
		return nil, nil
	}
	defer mapping.DestroyDataChunk(&chunk)
	batch, failed := arrowmapping.DataChunkToArrowArray(options, schema, chunk)
	return batch, arrowError(failed)
}

func arrowError(failed mapping.ErrorData) error {
	defer mapping.DestroyErrorData(&failed)
	if mapping.ErrorDataHasError(failed) {
		return newDuckError(mapping.ErrorDataMessage(failed))
	}
	return nil
}

// fetchText returns a column of all rows as text, joined.
func fetchText(res *mapping.Result, column int) (string, error) {
	options := arrowmapping.ResultGetArrowOptions(res)
	defer arrowmapping.DestroyArrowOptions(&options)
	schema, err := arrowSchema(res, options)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for {
		batch, err := fetchBatch(res, options, schema)
		if err != nil || batch == nil {
			return all.String(), err
		}
		for i := range int(batch.NumRows()) {
			all.WriteString(batch.Column(column).ValueStr(i))
		}
		batch.Release()
	}
}

// A frameWriter sends an IPC stream in frames.
type frameWriter struct{ w io.Writer }

// Write sends p in frames of bounded size.
func (f frameWriter) Write(p []byte) (int, error) {
	for at := 0; at < len(p); at += maxArrowFrame {
		if err := writeFrame(f.w, frameArrow, p[at:min(len(p), at+maxArrowFrame)]); err != nil {
			return at, err
		}
	}
	return len(p), nil
}
