package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/table"
)

// A RowPage is a page of a dataset's rows.
type RowPage struct {
	Columns   []ResultColumn `json:"columns"`
	Rows      Rows           `json:"rows" doc:"[[v, …], …]"`
	TotalRows int64          `json:"total_rows"`
	Version   int64          `json:"version"`
	Next      *string        `json:"next" doc:"Send as after for the next page; null at the end"`
}

func (s *Server) datalineRows(ctx context.Context, in *struct {
	VersionQuery
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"10000" doc:"At most so many rows"`
	After string `query:"after" doc:"next of the page before"`
}) (*out[RowPage], error) {
	d, v, err := s.datasetAt(ctx, in.VersionQuery)
	if err != nil {
		return nil, err
	}
	offset, err := parseAfter(in.After, v.Version)
	if err != nil {
		return nil, err
	}
	req := readVersion(d, v, fmt.Sprintf("%s LIMIT %d OFFSET %d", inOrder(v), in.Limit, offset))
	req.MaxRows = int64(in.Limit)
	result, err := s.Evaluator.Run(ctx, req)
	if err != nil {
		return nil, err
	}
	w := RowPage{Columns: each(result.Columns, columnWire), Rows: Rows(result.RowsJSON()), TotalRows: v.Rows, Version: v.Version}
	if end := offset + result.RowCount; end < v.Rows && result.RowCount > 0 {
		next := fmt.Sprintf("%d.%d", v.Version, end)
		w.Next = &next
	}
	return ok(w), nil
}

// A VersionQuery is a dataset, and a version of it.
type VersionQuery struct {
	IDInput
	Version int64 `query:"version" minimum:"0" doc:"Read this version; 0 or absent: the current one"`
}

// datasetAt returns a dataset of a project that the caller sees, and the version
// that was asked for.
func (s *Server) datasetAt(ctx context.Context, in VersionQuery) (dataset.Dataset, dataset.Version, error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return d, dataset.Version{}, err
	}
	if in.Version == 0 {
		in.Version = d.Version
	}
	v, err := s.Datasets.Version(ctx, d.ID, in.Version)
	return d, v, err
}

// readVersion returns a request for all columns of a version. Tail ends the statement.
func readVersion(d dataset.Dataset, v dataset.Version, tail string) evaluate.Request {
	p := program.Program{SQL: "SELECT * FROM " + table.Quote(d.TableName) + tail, Tables: []string{d.TableName}}
	return evaluate.Request{ProjectID: d.ProjectID, Program: p, AsOf: map[string]int64{d.TableName: v.Version}}
}

// inOrder returns the ORDER BY that makes an offset a stable place in a version.
// Files keep the order of arrival; the rows of a merged dataset have no order but
// that of their key.
func inOrder(v dataset.Version) string {
	var columns []string
	for _, key := range v.Key {
		for _, c := range v.Schema.Columns {
			if c.Key == key {
				columns = append(columns, table.Quote(c.Name))
			}
		}
	}
	if len(columns) == 0 {
		return ""
	}
	return " ORDER BY " + strings.Join(columns, ", ")
}

// parseAfter reads a cursor: the version it belongs to, and how many rows were
// seen. A cursor of another version is refused, because rows moved since.
func parseAfter(after string, version int64) (int64, error) {
	if after == "" {
		return 0, nil
	}
	var of, offset int64
	if n, err := fmt.Sscanf(after, "%d.%d", &of, &offset); err != nil || n != 2 || offset < 0 || after != strconv.FormatInt(of, 10)+"."+strconv.FormatInt(offset, 10) {
		return 0, errs.New(errs.Invalid, "the cursor in after is not one of ours").Named("cursor-invalid").At("after").Fix("send next of the page before, as it is")
	}
	if of != version {
		return 0, errs.New(errs.Conflict, "the cursor belongs to version %d, and the dataset is at version %d now", of, version).
			Named("cursor-outdated").Fix("start again without after")
	}
	return offset, nil
}

func (s *Server) datalineExports(a huma.API) {
	content := map[string]*huma.MediaType{}
	for _, format := range evaluate.Formats() {
		content[format.ContentType()] = &huma.MediaType{}
	}
	op := answers(describe("GET /v1/datalines/{id}/export", "datalines", "All rows of a dataset as a file"), "The file", content)
	register(s, a, op, func(ctx context.Context, in *struct {
		VersionQuery
		Format string `query:"format" default:"csv" enum:"csv,ndjson,parquet,arrow" doc:"The form of the file"`
		Safe   bool   `query:"neutralize_formulas" doc:"In CSV, keep spreadsheets from computing cells that begin with = + - @"`
	}) (*huma.StreamResponse, error) {
		d, v, err := s.datasetAt(ctx, in.VersionQuery)
		if err != nil {
			return nil, err
		}
		return s.stream(ctx, in.Format, in.Safe, d.TableName, readVersion(d, v, ""), evaluate.Asking{})
	})
}
