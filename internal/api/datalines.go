package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/errs"
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
	SchemaCode   string       `json:"schema_code" doc:"The columns as SQL, or what a client has put there"`
	DataModel    string       `json:"data_model" doc:"The columns as older clients read them, or what a client has put there: JSON text"`
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
	n, err := s.Datasets.Notes(ctx, d.ID)
	w.Name, w.SchemaCode, w.DataModel = *first(n.Name, &w.Name), *first(n.Code, &w.SchemaCode), *first(n.Model, &w.DataModel)
	return w, err
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
	s.retypes(a)
	s.columns(a)
	route(s, a, "GET /v1/datalines/{id}/profile", "datalines", "What is known of each column: the inferred type, from how many values, what was unusual, its role; and facts about the table", s.datalineProfile)
	route(s, a, "GET /v1/datalines/{id}/rows", "datalines", "The rows of a dataset, in order, page by page", s.datalineRows)
	s.datalineExports(a)
	s.datalineVersions(a)
	s.datalineEdits(a)
}

func (s *Server) projectDatalines(ctx context.Context, project string) ([]Dataline, error) {
	list, err := s.Datasets.ByProject(ctx, project)
	if err != nil {
		return nil, err
	}
	return s.datalineList(ctx, list)
}
