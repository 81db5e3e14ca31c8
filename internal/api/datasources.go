package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/source"
)

// A Datasource as clients see it.
type Datasource struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	ProjectID     string     `json:"project_id"`
	Type          string     `json:"type" example:"http-requests"`
	URI           string     `json:"uri"`
	Status        string     `json:"status" enum:"created,working,ready,failed"`
	Phase         string     `json:"phase" example:"sync_completed"`
	Message       string     `json:"message" doc:"Why it failed, or how complete its data are"`
	Description   string     `json:"description"`
	TableName     string     `json:"table_name" doc:"How SQL calls its dataset"`
	CredentialsID *string    `json:"credentials_id"`
	Metadata      Object     `json:"metadata"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	DeletedAt     *time.Time `json:"deleted_at"`
}

func datasourceWire(d source.Datasource) Datasource {
	w := Datasource{ID: d.ID, Name: d.Name, ProjectID: d.ProjectID, Type: d.Type, URI: d.URI, Status: string(d.Status), Phase: d.Phase,
		Message: d.Message, Description: d.Description, TableName: d.TableName, Metadata: Object(d.Metadata),
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, DeletedAt: d.DeletedAt}
	if d.CredentialsID != "" {
		w.CredentialsID = &d.CredentialsID
	}
	return w
}

// A DatasourceDetail is a datasource with all that hangs on it.
type DatasourceDetail struct {
	Datasource
	ConnectSpec Object       `json:"connect_spec" doc:"The request it makes, secrets hidden; null if it was never run"`
	Credentials []Credential `json:"credentials"`
	Dataobjects []DataObject `json:"dataobjects"`
	Datalines   []Dataline   `json:"datalines"`
	Projects    Project      `json:"projects"`
}

type datasourceFields struct {
	_                struct{} `json:"-" additionalProperties:"true"`
	Name             *string  `json:"name,omitempty" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"a text on one line" doc:"1 to 200 characters; at creation SQL's name for the dataset is made from it" example:"Orders"`
	ProjectID        *string  `json:"project_id,omitempty" doc:"Where it is created; it stays there"`
	Type             *string  `json:"type,omitempty" doc:"What kind of source it is" example:"http-requests"`
	URI              *string  `json:"uri,omitempty" doc:"For people; secrets in it are hidden"`
	Status           *string  `json:"status,omitempty" doc:"created, working, ready, failed, or the name of a phase"`
	Phase            *string  `json:"phase,omitempty" doc:"What it is doing, or did last"`
	Message          *string  `json:"message,omitempty" doc:"For people"`
	Description      *string  `json:"description,omitempty" doc:"For people"`
	CredentialsID    *string  `json:"credentials_id,omitempty" doc:"Stored credentials that it uses; empty for none"`
	Metadata         Object   `json:"metadata,omitempty" doc:"An object of the caller's own"`
	DataSourceConfig Object   `json:"data_source_config,omitempty" doc:"Accepted as metadata"`
}

// TransformSchema says which statuses there are. It is not checked here, because
// those of older clients come in any case.
func (datasourceFields) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return suggesting(s, "status", `^(created|working|ready|failed|completed|error|started|in_progress|sync_waiting|(upload|sync|convert|generate_schema|transformation)_(started|in_progress|completed)|[a-z_]+_error)?$`)
}

// newDatasource are the same for a datasource that is created.
type newDatasource datasourceFields

// TransformSchema says what cannot be left out.
func (newDatasource) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return requiring(datasourceFields{}.TransformSchema(nil, s), "name", "project_id")
}

// metadata returns the metadata under whichever name they came.
func (f datasourceFields) metadata() json.RawMessage {
	if f.Metadata == nil {
		return json.RawMessage(f.DataSourceConfig)
	}
	return json.RawMessage(f.Metadata)
}

func (s *Server) datasources(a huma.API) {
	route(s, a, "POST /v1/datasources", "datasources", "Create a datasource", s.createDatasource)
	route(s, a, "GET /v1/datasources/project/{id}", "datasources", "The datasources of a project, oldest first", func(ctx context.Context, in *IDInput) (*out[[]Datasource], error) {
		list, err := s.Sources.ListByProject(ctx, caller(ctx).TeamIDs, in.ID, false)
		return okList(each(list, datasourceWire)), err
	})
	route(s, a, "GET /v1/datasources/{id}", "datasources", "One datasource", func(ctx context.Context, in *IDInput) (*out[Datasource], error) {
		d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
		return ok(datasourceWire(d)), err
	})
	route(s, a, "GET /v1/datasources/{id}/with_datalines", "datasources", "One datasource with its datasets, objects and credentials", s.datasourceDetail)
	route(s, a, "PATCH /v1/datasources/{id}", "datasources", "Change a datasource", func(ctx context.Context, in *struct {
		IDInput
		Body datasourceFields
	}) (*out[Datasource], error) {
		if _, err := s.changeableDatasource(ctx, in.ID); err != nil {
			return nil, err
		}
		b := in.Body
		d, err := s.Sources.Update(ctx, caller(ctx).TeamIDs, in.ID, source.Change{Name: b.Name, Type: b.Type, URI: b.URI, Status: b.Status,
			Phase: b.Phase, Message: b.Message, Description: b.Description, CredentialsID: b.CredentialsID, Metadata: b.metadata()})
		return ok(datasourceWire(d)), err
	})
	route(s, a, "DELETE /v1/datasources/{id}", "datasources", "Delete a datasource", func(ctx context.Context, in *DeleteInput) (*out[Datasource], error) {
		if err := s.mayDelete(ctx, in); err != nil {
			return nil, err
		}
		d, err := s.deleteDatasource(ctx, in)
		return ok(datasourceWire(d)), err
	})
}

// deleteDatasource hides a datasource, or removes it with its dataset and the
// programs about that.
func (s *Server) deleteDatasource(ctx context.Context, in *DeleteInput) (source.Datasource, error) {
	datasets, err := s.Datasets.ByDatasource(ctx, in.ID)
	if err != nil {
		return source.Datasource{}, err
	}
	d, err := s.Sources.Delete(ctx, caller(ctx).TeamIDs, in.ID, in.Permanent)
	if err == nil {
		err = s.Schedules.Remove(ctx, in.ID)
	}
	if err != nil || !in.Permanent {
		return d, err
	}
	for _, gone := range datasets {
		if err := s.Programs.RemoveOf(ctx, gone.ID); err != nil {
			return d, err
		}
	}
	return d, nil
}

// mayDelete checks the caller's role. A hidden datasource can be removed only
// for good, so it is looked up whether it is hidden or not.
func (s *Server) mayDelete(ctx context.Context, in *DeleteInput) error {
	d, err := s.Sources.Lookup(ctx, in.ID)
	if err != nil {
		return err
	}
	_, err = s.changeable(ctx, d.ProjectID)
	if errs.KindOf(err) == errs.NotFound {
		// What belongs to others is answered like what does not exist.
		return errs.New(errs.NotFound, "no such datasource")
	}
	return err
}

// changeableDatasource returns a datasource that the caller may change.
func (s *Server) changeableDatasource(ctx context.Context, id string) (source.Datasource, error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, id)
	if err != nil {
		return d, err
	}
	_, err = s.changeable(ctx, d.ProjectID)
	return d, err
}

func (s *Server) createDatasource(ctx context.Context, in *struct{ Body newDatasource }) (*out[Datasource], error) {
	b := datasourceFields(in.Body)
	if err := s.mayAddTo(ctx, text(b.ProjectID)); err != nil {
		return nil, err
	}
	status, phase, err := source.ParseState(text(b.Status), text(b.Phase))
	if err != nil {
		return nil, err
	}
	d, err := s.Sources.Create(ctx, caller(ctx).TeamIDs, source.Datasource{ProjectID: text(b.ProjectID), Name: text(b.Name), Type: text(b.Type), URI: text(b.URI),
		Status: status, Phase: phase, Message: text(b.Message), Description: text(b.Description), CredentialsID: text(b.CredentialsID), Metadata: b.metadata()})
	return ok(datasourceWire(d)), err
}

func (s *Server) datasourceDetail(ctx context.Context, in *IDInput) (*out[DatasourceDetail], error) {
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	p, err := s.project(ctx, d.ProjectID)
	if err != nil {
		return nil, err
	}
	w := DatasourceDetail{Datasource: datasourceWire(d), Projects: projectWire(p)}
	if w.ConnectSpec, err = s.publicSpec(ctx, d.ID); err != nil {
		return nil, err
	}
	credentials, err := s.Sources.Credentials(ctx, caller(ctx).TeamIDs, source.CredentialFilter{DatasourceID: d.ID})
	if err != nil {
		return nil, err
	}
	w.Credentials = each(credentials, credentialWire)
	objects, err := s.Datasets.ObjectsByDatasource(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	w.Dataobjects = each(objects, objectWire)
	w.Datalines, err = s.datalinesOf(ctx, d.ID)
	return ok(w), err
}
