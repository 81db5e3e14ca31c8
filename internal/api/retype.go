package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/ingest"
)

// A RetypeInput says which columns get which types, and where the records are.
type RetypeInput struct {
	IDInput
	Body struct {
		_            struct{}           `json:"-" additionalProperties:"true"`
		Columns      map[string]*string `json:"columns,omitempty" doc:"Column name to type: BOOLEAN, BIGINT, DOUBLE, DECIMAL(p,s), VARCHAR, DATE, TIMESTAMP, TIMESTAMPTZ or JSON; null lets the values decide again. Later runs respect it"`
		ResponsePath *string            `json:"response_path,omitempty" doc:"Where the records are instead, such as data.items; empty: found by looking" example:"data.items"`
	}
}

func (s *Server) retypes(a huma.API) {
	route(s, a, "POST /v1/datalines/{id}/retype", "datalines", "Build a dataset again from its stored raw pages, with other types or another response path; the source is not asked", s.retype)
}

func (s *Server) retype(ctx context.Context, in *RetypeInput) (*out[Started], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	datasource, err := s.changeableDatasource(ctx, d.DatasourceID)
	if err != nil {
		return nil, err
	}
	started, err := s.Ingest.StartRetype(ctx, s.Jobs, ingest.Retype{Datasource: datasource, Dataset: d, Columns: in.Body.Columns, Path: in.Body.ResponsePath,
		UserID: caller(ctx).User.ID, Then: s.AfterRun})
	if err != nil {
		return nil, err
	}
	return ok(Started{Jobs: each(started.Jobs, jobWire), DataObjectID: started.ObjectID}), nil
}
