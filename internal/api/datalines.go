package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/table"
)

// A Dataline is a dataset as clients see it.
type Dataline struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	ProjectID    string       `json:"project_id"`
	DatasourceID string       `json:"datasource_id"`
	DataobjectID string       `json:"dataobject_id" doc:"The Parquet file of the current version"`
	TableName    string       `json:"table_name" doc:"How SQL calls it"`
	Schema       table.Schema `json:"schema"`
	Version      int64        `json:"version"`
	Rows         int64        `json:"rows"`
	Bytes        int64        `json:"bytes"`
	Verdict      Object       `json:"verdict" doc:"How complete the current version is, with evidence"`
	SchemaCode   string       `json:"schema_code" doc:"The columns as SQL"`
	DataModel    string       `json:"data_model" doc:"The columns as older clients read them: JSON text"`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
	DeletedAt    *time.Time   `json:"deleted_at"`
}

// datalineWire describes a dataset with its current version.
func (s *Server) datalineWire(ctx context.Context, d dataset.Dataset) (Dataline, error) {
	w := Dataline{ID: d.ID, Name: d.Name, ProjectID: d.ProjectID, DatasourceID: d.DatasourceID, DataobjectID: d.ObjectID, TableName: d.TableName,
		Schema: d.Schema, Version: d.Version, SchemaCode: createTable(d), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, DeletedAt: d.DeletedAt}
	model, err := json.Marshal(dataModel(d))
	if err != nil {
		return w, err
	}
	w.DataModel = string(model)
	v, err := s.Datasets.Version(ctx, d.ID, d.Version)
	if err != nil {
		return w, err
	}
	w.Rows, w.Bytes, w.Verdict = v.Rows, v.Bytes, Object(v.Verdict)
	return w, nil
}

// createTable spells the columns as a CREATE TABLE statement, for people.
func createTable(d dataset.Dataset) string {
	text := "CREATE TABLE " + table.Quote(d.TableName) + " ("
	for i, c := range d.Schema.Columns {
		if i > 0 {
			text += ","
		}
		text += "\n  " + table.Quote(c.Name) + " " + c.Type.String()
	}
	return text + "\n)"
}

// dataset returns a dataset of a project that the caller sees.
func (s *Server) dataset(ctx context.Context, id string) (dataset.Dataset, error) {
	d, err := s.Datasets.Dataset(ctx, id)
	if err != nil {
		return d, err
	}
	if _, err := s.project(ctx, d.ProjectID); err != nil {
		return dataset.Dataset{}, errs.New(errs.NotFound, "no such dataset")
	}
	return d, nil
}

func (s *Server) datalinesOf(ctx context.Context, datasource string) ([]Dataline, error) {
	list, err := s.Datasets.ByDatasource(ctx, datasource)
	if err != nil {
		return nil, err
	}
	return s.datalineList(ctx, list)
}

func (s *Server) datalineList(ctx context.Context, list []dataset.Dataset) ([]Dataline, error) {
	all := []Dataline{}
	for _, d := range list {
		w, err := s.datalineWire(ctx, d)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func (s *Server) datalines(a huma.API) {
	route(s, a, "GET /v1/datalines", "datalines", "The datasets that the key sees", func(ctx context.Context, in *struct {
		DatasourceID string `query:"datasource_id" doc:"Only those of this datasource"`
	}) (*out[[]Dataline], error) {
		if in.DatasourceID != "" {
			if _, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.DatasourceID); err != nil {
				return nil, err
			}
			list, err := s.datalinesOf(ctx, in.DatasourceID)
			return okList(list), err
		}
		ids, err := s.projectIDs(ctx, "")
		if err != nil {
			return nil, err
		}
		all := []Dataline{}
		for _, id := range ids {
			list, err := s.projectDatalines(ctx, id)
			if err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
		return okList(all), nil
	})
	route(s, a, "GET /v1/datalines/project/{id}", "datalines", "The datasets of a project", func(ctx context.Context, in *IDInput) (*out[[]Dataline], error) {
		if _, err := s.project(ctx, in.ID); err != nil {
			return nil, err
		}
		list, err := s.projectDatalines(ctx, in.ID)
		return okList(list), err
	})
	route(s, a, "GET /v1/datalines/{id}", "datalines", "One dataset", func(ctx context.Context, in *IDInput) (*out[Dataline], error) {
		d, err := s.dataset(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		w, err := s.datalineWire(ctx, d)
		return ok(w), err
	})
	route(s, a, "GET /v1/datalines/{id}/versions", "datalines", "The versions of a dataset, newest first", s.datalineVersions)
	route(s, a, "GET /v1/datalines/{id}/profile", "datalines", "What analysis found: columns, roles, facts, with the numbers behind them", s.datalineProfile)
	route(s, a, "GET /v1/datalines/{id}/rows", "datalines", "The rows of a dataset, in order, page by page", s.datalineRows)
}

func (s *Server) projectDatalines(ctx context.Context, project string) ([]Dataline, error) {
	list, err := s.Datasets.ByProject(ctx, project)
	if err != nil {
		return nil, err
	}
	return s.datalineList(ctx, list)
}

// A DatalineVersion is an immutable version of a dataset.
type DatalineVersion struct {
	Version   int64        `json:"version"`
	JobID     string       `json:"job_id"`
	Kind      string       `json:"kind" enum:"replace,append,merge,compact"`
	Rows      int64        `json:"rows"`
	Bytes     int64        `json:"bytes"`
	Schema    table.Schema `json:"schema"`
	Verdict   Object       `json:"verdict"`
	CreatedAt time.Time    `json:"created_at"`
}

func (s *Server) datalineVersions(ctx context.Context, in *IDInput) (*out[[]DatalineVersion], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	versions, err := s.Datasets.Versions(ctx, d.ID)
	return okList(each(versions, func(v dataset.Version) DatalineVersion {
		return DatalineVersion{Version: v.Version, JobID: v.RunID, Kind: string(v.Kind), Rows: v.Rows, Bytes: v.Bytes, Schema: v.Schema, Verdict: Object(v.Verdict), CreatedAt: v.CreatedAt}
	})), err
}

// A DatalineProfile is what is known of a dataset version.
type DatalineProfile struct {
	Version int64           `json:"version"`
	Profile Object          `json:"profile" doc:"Columns with statistics, roles and evidence; facts about the table; null until analysed"`
	Typing  json.RawMessage `json:"typing" doc:"For each place in the records: what was seen and which type it got"`
}

func (s *Server) datalineProfile(ctx context.Context, in *IDInput) (*out[DatalineProfile], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	w := DatalineProfile{Version: d.Version}
	v, err := s.Datasets.Version(ctx, d.ID, d.Version)
	if err != nil {
		return nil, err
	}
	w.Typing = v.Report
	found, err := s.Datasets.Profile(ctx, d.ID, d.Version)
	switch {
	case err == nil:
		w.Profile = Object(found)
	case errs.KindOf(err) != errs.NotFound:
		return nil, err
	}
	return ok(w), nil
}

// A RowPage is a page of a dataset's rows.
type RowPage struct {
	Columns   []ResultColumn `json:"columns"`
	Rows      Rows           `json:"rows" doc:"[[v, …], …]"`
	TotalRows int64          `json:"total_rows"`
	Version   int64          `json:"version"`
	Next      *string        `json:"next" doc:"Send as after for the next page; null at the end"`
}

func (s *Server) datalineRows(ctx context.Context, in *struct {
	IDInput
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"10000" doc:"At most so many rows"`
	After string `query:"after" doc:"next of the page before"`
}) (*out[RowPage], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	offset, err := parseAfter(in.After, d.Version)
	if err != nil {
		return nil, err
	}
	v, err := s.Datasets.Version(ctx, d.ID, d.Version)
	if err != nil {
		return nil, err
	}
	// Parquet keeps the order of arrival, so an offset is a stable place in a version.
	p := program.Program{SQL: fmt.Sprintf("SELECT * FROM %s LIMIT %d OFFSET %d", table.Quote(d.TableName), in.Limit, offset), Tables: []string{d.TableName}}
	result, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: d.ProjectID, Program: p, MaxRows: int64(in.Limit)})
	if err != nil {
		return nil, err
	}
	w := RowPage{Columns: each(result.Columns, columnWire), Rows: Rows(result.RowsJSON()), TotalRows: v.Rows, Version: d.Version}
	if end := offset + result.RowCount; end < v.Rows && result.RowCount > 0 {
		next := fmt.Sprintf("%d.%d", d.Version, end)
		w.Next = &next
	}
	return ok(w), nil
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
