package api

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// A CursorValue is a JSON string or number, or null.
type CursorValue json.RawMessage

// MarshalJSON returns the text.
func (v CursorValue) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// Schema describes the value.
func (CursorValue) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[string](), true, ""), r.Schema(reflect.TypeFor[float64](), true, ""), {Type: "null"}}}
}

// A Cursor is what the runs of a datasource remember from one to the next.
type Cursor struct {
	DatasourceID string      `json:"datasource_id"`
	Field        string      `json:"field" doc:"Of the records; empty if neither the request sets a cursor nor anything is remembered"`
	Param        string      `json:"param" doc:"Where the value is sent; empty if the request sets no cursor"`
	In           string      `json:"in" doc:"query, header or body; empty if the request sets no cursor"`
	Value        CursorValue `json:"value" doc:"The greatest value that was landed, as the source spells it; null if nothing is remembered"`
	Order        string      `json:"order" doc:"How values compare: number, text, date, time with an offset, time without an offset; empty if nothing is remembered"`
	Next         CursorValue `json:"next" doc:"What the next run will send; null if nothing"`
	Version      *int64      `json:"version" doc:"The version whose run left the value"`
	Records      int         `json:"records" doc:"Records that are remembered, because the next run will bring them again"`
	UpdatedAt    *time.Time  `json:"updated_at"`
}

func (s *Server) getCursor(ctx context.Context, in *IDInput) (*out[Cursor], error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.cursorWire(ctx, d.ID)
	return ok(w), err
}

func (s *Server) deleteCursor(ctx context.Context, in *IDInput) (*out[Cursor], error) {
	d, err := s.changeableDatasource(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Ingest.ResetCursor(ctx, s.Jobs, d.ID); err != nil {
		return nil, err
	}
	w, err := s.cursorWire(ctx, d.ID)
	return ok(w), err
}

func (s *Server) cursorWire(ctx context.Context, datasource string) (Cursor, error) {
	w := Cursor{DatasourceID: datasource}
	spec, err := s.Sources.Spec(ctx, datasource)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return w, err
	}
	var setting httpsource.Cursor
	if err == nil {
		setting = spec.Options.Run.Cursor
	}
	if !setting.IsZero() {
		w.Field, w.Param, w.In = setting.Field, setting.Param, "query"
		if setting.In != "" {
			w.In = setting.In
		}
	}
	r, err := s.Ingest.Cursor(ctx, datasource, setting)
	if err != nil {
		return w, err
	}
	if w.Next = CursorValue(r.Next); r.Value == nil {
		return w, nil
	}
	w.Field, w.Value, w.Order, w.Version, w.Records, w.UpdatedAt = r.Field, CursorValue(r.Value), r.Order, &r.Version, r.Records, &r.UpdatedAt
	return w, nil
}
