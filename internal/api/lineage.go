package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/lineage/openlineage"
)

// A LineageFormat says in which words lineage is told.
type LineageFormat struct {
	Format string `query:"format" enum:"json,openlineage" doc:"json: edges between data objects; openlineage: events of runs, as the standard OpenLineage has them"`
	Take   int    `query:"take" minimum:"0" maximum:"1000" doc:"With openlineage, of at most so many runs, the newest; 0 means 100"`
}

func (s *Server) lineages(a huma.API) {
	edges := &huma.Schema{Type: huma.TypeArray, Items: a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Lineage](), true, "")}
	object, text := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, &huma.Schema{Type: huma.TypeString}
	things := &huma.Schema{Type: huma.TypeArray, Items: object}
	events := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
		Description: "A RunEvent of OpenLineage; schemaURL says of which version",
		Properties: map[string]*huma.Schema{"eventTime": {Type: huma.TypeString, Format: "date-time"}, "eventType": text, "producer": text, "schemaURL": text,
			"run": object, "job": object, "inputs": things, "outputs": things},
		Required: []string{"eventTime", "eventType", "producer", "schemaURL", "run", "job", "inputs", "outputs"}}}
	content := map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{AnyOf: []*huma.Schema{edges, events}}}}
	register(s, a, answers(describe("GET /v1/datasources/{id}/lineage", "lineage", "What a datasource's objects were made from"), "Edges, or events", content), s.datasourceLineage)
	register(s, a, answers(describe("GET /v1/projects/{id}/lineage", "lineage", "What a project's objects were made from"), "Edges, or events", content), s.projectLineage)
}

func (s *Server) projectLineage(ctx context.Context, in *struct {
	IDInput
	LineageFormat
}) (*huma.StreamResponse, error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	if in.Format == "openlineage" {
		return s.tellRuns(ctx, job.Filter{ProjectIDs: []string{in.ID}, Take: in.Take})
	}
	edges, err := s.Lineage.ByProject(ctx, in.ID)
	return sendJSON(each(edges, lineageWire)), err
}

func (s *Server) datasourceLineage(ctx context.Context, in *struct {
	IDInput
	LineageFormat
	Depth int `query:"depth" minimum:"0" doc:"How far to walk; 0 means all the way"`
}) (*huma.StreamResponse, error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Format == "openlineage" {
		return s.tellRuns(ctx, job.Filter{ProjectIDs: []string{d.ProjectID}, Source: "datasource", SourceID: d.ID, Take: in.Take})
	}
	objects, err := s.Datasets.ObjectsByDatasource(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	seen, all := map[string]bool{}, []lineage.Edge{}
	for _, o := range objects {
		edges, err := s.Lineage.Up(ctx, o.ID, in.Depth)
		if err != nil {
			return nil, err
		}
		for _, e := range edges {
			if !seen[e.ID] {
				seen[e.ID] = true
				all = append(all, e)
			}
		}
	}
	return sendJSON(each(all, lineageWire)), nil
}

// tellRuns tells of the newest runs in the order in which they began.
func (s *Server) tellRuns(ctx context.Context, f job.Filter) (*huma.StreamResponse, error) {
	f.Types = openlineage.TypeNames()
	jobs, err := s.Jobs.List(ctx, f)
	if err != nil {
		return nil, err
	}
	events := []openlineage.Event{}
	for i := len(jobs) - 1; i >= 0; i-- {
		told, err := s.Teller.Tell(ctx, jobs[i])
		if err != nil {
			return nil, err
		}
		events = append(events, told...)
	}
	return sendJSON(events), nil
}

func sendJSON(body any) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		writeJSON(w, "application/json", http.StatusOK, body)
	}}
}
