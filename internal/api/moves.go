package api

import (
	"context"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/project"
	"millwright/internal/source"
	"millwright/internal/table"
)

// A ProjectMove says which team a project goes to.
type ProjectMove struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	NewTeamID string   `json:"new_team_id,omitempty" doc:"The team that it goes to, in which the caller must be too"`
}

// A DatasourceClone says where the copy of a datasource goes.
type DatasourceClone struct {
	_            struct{} `json:"-" additionalProperties:"true"`
	NewProjectID string   `json:"new_project_id,omitempty" doc:"The project that it goes to; the same one if absent"`
}

func (s *Server) moves(a huma.API) {
	route(s, a, "POST /v1/projects/{id}/move", "projects", "Move a project to another team, with all that is in it", s.moveProject)
	route(s, a, "POST /v1/datasources/{id}/clone", "datasources", "Copy a datasource with its request, secrets and credentials, but without its data", s.cloneDatasource)
	route(s, a, "GET /v1/datasources/{id}/ontology_mapping", "datasources", "A datasource, its datasets and their columns as a graph", s.ontologyMapping)
}

func (s *Server) moveProject(ctx context.Context, in *struct {
	IDInput
	Body ProjectMove
}) (*out[Project], error) {
	if err := s.mayChangeProject(ctx, in.ID); err != nil {
		return nil, err
	}
	team := in.Body.NewTeamID
	if team == "" {
		return nil, missing("new_team_id")
	}
	if !slices.Contains(caller(ctx).TeamIDs, team) {
		return nil, errs.New(errs.NotFound, "no such team").At("/new_team_id")
	}
	if err := caller(ctx).MayChange(team); err != nil {
		return nil, err
	}
	p, err := s.Projects.Update(ctx, caller(ctx).TeamIDs, in.ID, project.Change{TeamID: &team})
	return ok(projectWire(p)), err
}

// cloneDatasource copies the request with its secrets: they stay bound to the
// origins that they were saved for, and the caller may change both projects.
func (s *Server) cloneDatasource(ctx context.Context, in *struct {
	IDInput
	Body DatasourceClone
}) (*out[Datasource], error) {
	d, err := s.changeableDatasource(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	to := in.Body.NewProjectID
	if to == "" {
		to = d.ProjectID
	}
	if _, err := s.changeable(ctx, to); err != nil {
		return nil, pointAt(err, "/new_project_id")
	}
	spec, err := s.Sources.Spec(ctx, d.ID)
	hasSpec := err == nil
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	message := "a copy of " + d.Name + ", without data: run it to fetch some"
	if !hasSpec {
		message = "a copy of " + d.Name + ", without data: load a file into it"
	}
	twin, err := s.Sources.Create(ctx, caller(ctx).TeamIDs, source.Datasource{ProjectID: to, Name: d.Name, Type: d.Type, URI: d.URI, Status: source.Created,
		Message: message, Description: d.Description, CredentialsID: d.CredentialsID, Metadata: d.Metadata})
	if err == nil && hasSpec {
		err = s.Sources.SaveSpec(ctx, twin.ID, spec)
	}
	return ok(datasourceWire(twin)), err
}

// A Mapping is a graph as a known client draws it.
type Mapping struct {
	Nodes []MappingNode `json:"nodes"`
	Edges []MappingEdge `json:"edges"`
}

// A MappingNode is a thing in a Mapping.
type MappingNode struct {
	ID   string          `json:"id"`
	Type string          `json:"type" enum:"datasource,dataline,column"`
	Data MappingNodeData `json:"data"`
}

// MappingNodeData says what a node shows.
type MappingNodeData struct {
	Label    string `json:"label"`
	NodeType string `json:"nodeType"`
}

// A MappingEdge leads from what holds to what is held.
type MappingEdge struct {
	ID     string         `json:"id"`
	Source string         `json:"source"`
	Target string         `json:"target"`
	Type   string         `json:"type"`
	Data   map[string]any `json:"data"`
}

func (s *Server) ontologyMapping(ctx context.Context, in *IDInput) (*out[Mapping], error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Datasets.ByDatasource(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	m := Mapping{Nodes: []MappingNode{{d.ID, "datasource", MappingNodeData{d.Name, d.Type}}}, Edges: []MappingEdge{}}
	add := func(from, id, kind, label, what string, data map[string]any) {
		m.Nodes = append(m.Nodes, MappingNode{id, kind, MappingNodeData{label, what}})
		m.Edges = append(m.Edges, MappingEdge{ID: from + "->" + id, Source: from, Target: id, Type: "has", Data: data})
	}
	for _, set := range list {
		add(d.ID, set.ID, "dataline", set.TableName, "dataline", map[string]any{"version": set.Version, "rows": set.Rows})
		for _, c := range set.Schema.Columns {
			add(set.ID, set.ID+"."+c.Name, "column", c.Name, modelType(c.Type), columnData(c))
		}
	}
	return ok(m), nil
}

func columnData(c table.Column) map[string]any {
	return map[string]any{"type": c.Type.String(), "key": c.Key}
}
