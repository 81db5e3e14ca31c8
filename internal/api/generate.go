package api

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/program/store"
	"millwright/internal/table"
)

// A ProgramRequest asks for a program, or for another one in place of one that does
// not do what it should.
type ProgramRequest struct {
	Body struct {
		_            struct{} `json:"-" additionalProperties:"true"`
		ProjectID    string   `json:"project_id,omitempty" doc:"Whose data are asked about; that of the program if absent"`
		Natural      string   `json:"natural_language_query,omitempty" maxLength:"2000" doc:"The question, in plain English" example:"What is the average amount per month?"`
		Question     string   `json:"question,omitempty" maxLength:"2000" doc:"The same as natural_language_query"`
		ProgramID    string   `json:"query_program_id,omitempty" doc:"A program whose question is to be answered again, from the data as they are now"`
		ProgramID2   string   `json:"queryprogram_id,omitempty" doc:"The same as query_program_id"`
		Error        string   `json:"error_description,omitempty" maxLength:"2000" doc:"What was wrong with it, for people; it is not read"`
		Instructions string   `json:"additional_instructions,omitempty" maxLength:"2000" doc:"Words that are added to the question"`
	}
}

func (s *Server) generates(a huma.API) {
	route(s, a, "POST /v1/actions/generate/queryprogram", "build", "Write the program that answers a question, or answer the question of a program again", s.generateProgram)
	route(s, a, "POST /v1/queryprograms/{id}/create-model", "queryprograms", "Describe a program's result the way older clients read datasets, and keep that in its metadata", s.createModel)
}

func (s *Server) generateProgram(ctx context.Context, in *ProgramRequest) (*out[AskedProgram], error) {
	b := in.Body
	question, project := *first(orNull(b.Natural), orNull(b.Question), new(string)), b.ProjectID
	if id := *first(orNull(b.ProgramID), orNull(b.ProgramID2), new(string)); id != "" {
		r, err := s.changeableProgram(ctx, id)
		if err != nil {
			return nil, pointAt(err, "/query_program_id")
		}
		if project == "" {
			project = r.ProjectID
		}
		if question == "" {
			question = r.Program.Cue
		}
	}
	if _, err := s.changeable(ctx, project); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	r, err := s.Asker.Answer(ctx, project, strings.TrimSpace(question+" "+b.Instructions))
	if err != nil {
		return nil, err
	}
	return ok(AskedProgram{QueryProgram: programWire(r.Record), Certainty: r.Certainty, Understood: orEmpty(r.Understood), Others: orEmpty(each(r.Others, nearWire))}), nil
}

func (s *Server) createModel(ctx context.Context, in *IDInput) (*out[QueryProgram], error) {
	r, err := s.changeableProgram(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	described, err := s.Evaluator.Validate(ctx, r.ProjectID, r.Program)
	if err != nil {
		return nil, err
	}
	result := dataset.Dataset{Name: r.Program.Name, TableName: "program"}
	for _, c := range described.Columns {
		result.Schema.Columns = append(result.Schema.Columns, table.Column{Name: c.Name, Key: c.Name, Type: c.Type})
	}
	metadata := map[string]json.RawMessage{}
	if len(r.Metadata) > 0 {
		if err := json.Unmarshal(r.Metadata, &metadata); err != nil {
			return nil, errs.New(errs.Internal, "the program's metadata cannot be read").Because(err)
		}
	}
	if metadata["data_model"], err = json.Marshal(dataModel(result)); err != nil {
		return nil, err
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	r, err = s.Programs.Update(ctx, r.ID, store.Change{Metadata: text, IfVersion: r.Version})
	return ok(programWire(r)), err
}
