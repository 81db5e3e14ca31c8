package api

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/lineage"
	"millwright/internal/source"
	"millwright/internal/table"
)

// A DatalineEdit creates a dataset from a stored file, or says something of one.
type DatalineEdit struct {
	_            struct{}  `json:"-" additionalProperties:"true"`
	Name         *string   `json:"name,omitempty" doc:"Shown for it; at creation SQL's name is made from it"`
	ProjectID    *string   `json:"project_id,omitempty" doc:"Where it is created; it stays there"`
	DataobjectID *string   `json:"dataobject_id,omitempty" doc:"The Parquet file that it shows; it stays"`
	SchemaCode   *string   `json:"schema_code,omitempty" doc:"Any text; kept as it is, and shown instead of the columns as SQL"`
	DataModel    modelText `json:"data_model,omitempty" doc:"An object, or the same as JSON text; kept, and shown instead of our own"`

	// One client sends the model as the body itself.
	ColumnT json.RawMessage `json:"column_t,omitempty" doc:"Part of a model that is the body itself"`
	SchemaT json.RawMessage `json:"schema_t,omitempty" doc:"Part of a model that is the body itself"`
}

// A modelText is a model of older clients, an object or JSON text of one.
type modelText json.RawMessage

// UnmarshalJSON keeps the object's text.
func (m *modelText) UnmarshalJSON(text []byte) error {
	var inner string
	if json.Unmarshal(text, &inner) == nil {
		text = []byte(inner)
	}
	*m = append((*m)[:0], text...)
	return nil
}

// MarshalJSON returns the text.
func (m modelText) MarshalJSON() ([]byte, error) { return json.RawMessage(m).MarshalJSON() }

// Schema describes an object, or text.
func (modelText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeObject, AdditionalProperties: true}, {Type: huma.TypeString}, {Type: "null"}}}
}

// model returns the model as text; nil if none was sent.
func (e DatalineEdit) model() (*string, error) {
	parts := map[string]json.RawMessage{}
	switch {
	case len(e.DataModel) > 0 && string(e.DataModel) != "null" && string(e.DataModel) != `""`:
		if err := json.Unmarshal(e.DataModel, &parts); err != nil {
			return nil, errs.New(errs.Invalid, "data_model is neither a JSON object nor the text of one").Named("model-invalid").At("/data_model")
		}
	case e.ColumnT != nil || e.SchemaT != nil:
		parts["column_t"], parts["schema_t"] = e.ColumnT, e.SchemaT
	default:
		return nil, nil
	}
	// The TypeScript client writes every key in snake_case on its way out.
	for sent, name := range map[string]string{"column_t": "columnT", "schema_t": "schemaT"} {
		if value, ok := parts[sent]; ok {
			delete(parts, sent)
			if value != nil {
				parts[name] = value
			}
		}
	}
	text, err := json.Marshal(parts)
	model := string(text)
	return &model, err
}

// notes returns what the edit says of a dataset.
func (e DatalineEdit) notes() (dataset.Notes, error) {
	model, err := e.model()
	if e.Name != nil && strings.TrimSpace(*e.Name) == "" {
		return dataset.Notes{}, errs.New(errs.Invalid, "the name is empty").Named("bad-name").At("/name")
	}
	return dataset.Notes{Name: e.Name, Code: e.SchemaCode, Model: model}, err
}

// A SchemaCode is the text of a schema: a JSON string, or an object with it.
type SchemaCode string

// UnmarshalJSON reads both forms.
func (c *SchemaCode) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		*c = SchemaCode(plain)
		return nil
	}
	var object struct {
		Code *string `json:"schema_code"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	if object.Code == nil {
		return missing("schema_code")
	}
	*c = SchemaCode(*object.Code)
	return nil
}

// Schema describes both forms.
func (SchemaCode) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{AnyOf: []*huma.Schema{text, {Type: huma.TypeObject, Properties: map[string]*huma.Schema{"schema_code": text},
		Required: []string{"schema_code"}, AdditionalProperties: true}}}
}

func (s *Server) datalineEdits(a huma.API) {
	route(s, a, "POST /v1/datalines", "datalines", "Make a dataset of its own from a stored Parquet file", s.createDataline)
	route(s, a, "PATCH /v1/datalines/{id}", "datalines", "Change what is said of a dataset; its data change with runs", s.updateDataline)
	route(s, a, "PATCH /v1/datalines/{id}/schema", "datalines", "Change the text that is shown as a dataset's schema", func(ctx context.Context, in *struct {
		IDInput
		Body SchemaCode
	}) (*out[Dataline], error) {
		code := string(in.Body)
		return s.annotate(ctx, in.ID, dataset.Notes{Code: &code})
	})
	route(s, a, "DELETE /v1/datalines/{id}", "datalines", "Delete a dataset; its source stays, and its next run makes a new one", s.deleteDataline)
}

func (s *Server) annotate(ctx context.Context, id string, n dataset.Notes) (*out[Dataline], error) {
	d, err := s.changeableDataset(ctx, id)
	if err == nil {
		err = s.Datasets.SaveNotes(ctx, id, n)
	}
	if err != nil {
		return nil, err
	}
	w, err := s.datalineWire(ctx, d)
	return ok(w), err
}

func (s *Server) updateDataline(ctx context.Context, in *struct {
	IDInput
	Body DatalineEdit
}) (*out[Dataline], error) {
	d, err := s.changeableDataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if to := in.Body.DataobjectID; to != nil && *to != d.ObjectID {
		return nil, errs.New(errs.Invalid, "the data of a dataset cannot be exchanged for another file").Named("dataobject-fixed").At("/dataobject_id").
			Fix("run or load the datasource", "or restore a version", "or make another dataset with POST /v1/datalines")
	}
	n, err := in.Body.notes()
	if err != nil {
		return nil, err
	}
	return s.annotate(ctx, in.ID, n)
}

func (s *Server) deleteDataline(ctx context.Context, in *DeleteInput) (*out[Dataline], error) {
	d, err := s.changeableDataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.datalineWire(ctx, d)
	if err != nil {
		return nil, err
	}
	from, err := s.Sources.Lookup(ctx, d.DatasourceID)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	d, err = s.Datasets.Delete(ctx, in.ID, in.Permanent)
	if err == nil && in.Permanent {
		err = s.Programs.RemoveOf(ctx, in.ID)
	}
	if err == nil && from.Type == fileSource {
		_, err = s.Sources.Delete(ctx, caller(ctx).TeamIDs, from.ID, in.Permanent)
	}
	w.DeletedAt = d.DeletedAt
	return ok(w), err
}

// fileSource is the type of a datasource that only holds a dataset of a stored file.
const fileSource = "dataline"

// createDataline makes a dataset of a file that another run made. The bytes are
// shared: equal bytes are stored once.
func (s *Server) createDataline(ctx context.Context, in *struct{ Body DatalineEdit }) (*out[Dataline], error) {
	b := in.Body
	if err := s.mayAddTo(ctx, text(b.ProjectID)); err != nil {
		return nil, err
	}
	n, err := b.notes()
	if err != nil {
		return nil, err
	}
	if text(b.DataobjectID) == "" {
		return nil, errs.New(errs.Invalid, "dataobject_id is missing: a dataset shows a stored file").Named("field-missing").At("/dataobject_id").
			Fix("send the id of a Parquet file of the project", "or connect a source, or load a file: each makes its own dataset")
	}
	file, err := s.object(ctx, *b.DataobjectID)
	if err == nil && file.ProjectID != *b.ProjectID {
		err = errs.New(errs.NotFound, "no such data object")
	}
	if err != nil {
		return nil, pointAt(err, "/dataobject_id")
	}
	var schema table.Schema
	if file.FileType != "parquet" || json.Unmarshal(file.Metadata, &schema) != nil || len(schema.Columns) == 0 {
		return nil, errs.New(errs.Invalid, "the data object is not a Parquet file with known columns").Named("not-parquet").At("/dataobject_id")
	}
	d, err := s.Sources.Create(ctx, caller(ctx).TeamIDs, source.Datasource{ProjectID: *b.ProjectID, Name: text(first(b.Name, &file.ID)), Type: fileSource,
		Status: source.Ready, Phase: "transformation_completed", Message: "made from the data object " + file.ID})
	if err != nil {
		return nil, err
	}
	v, err := s.commitFile(ctx, d, file, schema)
	if err != nil {
		return nil, err
	}
	n.Name = nil // the dataset has it
	return s.annotate(ctx, v.DatasetID, n)
}

func (s *Server) commitFile(ctx context.Context, d source.Datasource, file dataset.Object, schema table.Schema) (v dataset.Version, err error) {
	twin := file
	twin.ID, twin.DatasourceID, twin.RunID, twin.FileRole = uuid.Must(uuid.NewV7()).String(), d.ID, "", "data/transformed"
	twin.CreatedAt = s.Now()
	err = s.Datasets.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Datasets.AddObjectTx(ctx, tx, twin); err != nil {
			return err
		}
		edge := lineage.Edge{ID: uuid.Must(uuid.NewV7()).String(), ProjectID: d.ProjectID, UpstreamID: &file.ID, DownstreamID: twin.ID, Transformation: "dataline"}
		if err := s.Lineage.AddTx(ctx, tx, edge); err != nil {
			return err
		}
		v, err = s.Datasets.CommitTx(ctx, tx, dataset.NewVersion{ProjectID: d.ProjectID, DatasourceID: d.ID, Name: d.Name, TableName: d.TableName,
			Kind: dataset.Replace, Schema: schema, Verdict: json.RawMessage(`{"state":"complete","reason":"stored-file","message":"the whole of a stored file"}`),
			Files: []dataset.NewFile{{ObjectID: twin.ID, ObjectKey: twin.Key, Bytes: twin.FileSize, Rows: twin.Rows}}})
		if err != nil {
			return err
		}
		_, err = s.analyseAgainTx(ctx, tx, dataset.Dataset{ProjectID: d.ProjectID, DatasourceID: d.ID})
		return err
	})
	return v, err
}
