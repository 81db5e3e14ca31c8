package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/errs"
	"millwright/internal/generate/ask"
)

func (s *Server) builds(a huma.API) {
	route(s, a, "POST /v1/build/cues", "build", "Write more programs for a project: exactly as many as asked for", s.buildCues)
	op := answers(describe("POST /v1/build/query_program", "build", "Write the program that answers a question in plain English"),
		"Server-sent events: QueryProgram with the stored program, then complete with the same; or error, with what is nearest",
		map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString,
			Description: "The data of QueryProgram and of complete is an AskedProgram; that of error has status, code, message, request_id and details (unknown, nearest)"}}})
	register(s, a, op, s.buildProgram)
	route(s, a, "POST /v1/actions/generate/questions", "build", "Questions that could be asked of a project; nothing is stored", s.suggestQuestions)
}

// A CuesInput asks for programs.
type CuesInput struct {
	Body struct {
		_                 struct{} `json:"-" additionalProperties:"true"`
		ProjectID         string   `json:"project_id" doc:"Whose data are asked about"`
		PreviousQuestions []string `json:"previous_questions,omitempty" doc:"Questions that are not to be asked again"`
		Count             *int     `json:"count,omitempty" minimum:"1" maximum:"50" doc:"How many; 2 if absent"`
		Guidance          string   `json:"guidance,omitempty" maxLength:"2000" doc:"Words that steer the choice: columns, values, kinds of question"`
	}
}

func (s *Server) buildCues(ctx context.Context, in *CuesInput) (*out[[]QueryProgram], error) {
	b := in.Body
	if _, err := s.changeable(ctx, b.ProjectID); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	count := 2
	if b.Count != nil {
		count = *b.Count
	}
	list, err := s.Asker.Cues(ctx, b.ProjectID, count, b.Guidance, b.PreviousQuestions)
	if err != nil {
		return nil, err
	}
	return okList(each(list, programWire)), nil
}

// A QuestionInput is a question under whichever name it came.
type QuestionInput struct {
	Body struct {
		_         struct{} `json:"-" additionalProperties:"true"`
		ProjectID string   `json:"project_id" doc:"Whose data are asked about"`
		Question  string   `json:"question,omitempty" maxLength:"2000" doc:"In plain English" example:"What is the average amount per month?"`
		Natural   string   `json:"natural_language_query,omitempty" maxLength:"2000" doc:"The same as question"`
		Cue       string   `json:"cue,omitempty" maxLength:"2000" doc:"The same as question"`
	}
}

// An AskedProgram is a program that answers a question, with how sure that is.
type AskedProgram struct {
	QueryProgram
	Certainty  float64   `json:"certainty" doc:"0 to 1"`
	Understood []string  `json:"understood" doc:"Which words were taken for what"`
	Others     []Nearest `json:"others" doc:"What else may have been meant"`
}

// A Nearest is what comes near to a question.
type Nearest struct {
	ID        *string `json:"id" doc:"Of a stored program; null for a reading of the question"`
	Cue       string  `json:"cue"`
	Certainty float64 `json:"certainty" doc:"0 to 1; of stored programs, the share of words in common"`
	Why       string  `json:"why"`
}

func nearWire(n ask.Near) Nearest {
	return Nearest{ID: orNull(n.ID), Cue: n.Cue, Certainty: n.Certainty, Why: n.Why}
}

func (s *Server) buildProgram(ctx context.Context, in *QuestionInput) (*huma.StreamResponse, error) {
	b := in.Body
	if _, err := s.changeable(ctx, b.ProjectID); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	question := *first(orNull(b.Question), orNull(b.Natural), orNull(b.Cue), new(string))
	r, err := s.Asker.Answer(ctx, b.ProjectID, question)
	var none *ask.NoMatch
	switch {
	case errors.As(err, &none):
		return s.noProgram(ctx, none), nil
	case err != nil:
		return nil, err
	}
	answer := AskedProgram{QueryProgram: programWire(r.Record), Certainty: r.Certainty, Understood: orEmpty(r.Understood), Others: orEmpty(each(r.Others, nearWire))}
	return eventStream([]event{{"QueryProgram", answer}, {"complete", answer}}), nil
}

// noProgram tells, in the form that clients of streams know, that there is none.
func (s *Server) noProgram(ctx context.Context, none *ask.NoMatch) *huma.StreamResponse {
	type details struct {
		Unknown []string  `json:"unknown"`
		Nearest []Nearest `json:"nearest"`
	}
	return eventStream([]event{{"error", map[string]any{"status": http.StatusNotFound, "code": "no-match", "message": errs.Public(none), "request_id": requestID(ctx),
		"details": details{orEmpty(none.Unknown), orEmpty(each(none.Nearest, nearWire))}}}})
}

// An event is one of a stream that is known from the start.
type event struct {
	name string
	data any
}

// eventStream sends all events at once: each in one line of data, with an id of its
// own, and a name if it has one.
func eventStream(list []event) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		var text bytes.Buffer
		for i, e := range list {
			data := e.json()
			text.Write(e.encode(i+1, data))
		}
		w.WriteHeader(http.StatusOK)
		// An error here means that the caller has gone; there is nobody to tell.
		_, _ = w.Write(text.Bytes())
	}}
}

// verbatim are data of an event that are no JSON.
type verbatim string

// json returns the event's data on one line.
func (e event) json() []byte {
	if text, ok := e.data.(verbatim); ok {
		return []byte(text)
	}
	data, err := json.Marshal(e.data)
	if err != nil { // unreachable unless a wire type cannot be written
		panic(http.ErrAbortHandler)
	}
	return data
}

// encode returns the event as it is sent, with its data as JSON on one line.
func (e event) encode(id int, data []byte) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "id: %d\n", id)
	if e.name != "" {
		fmt.Fprintf(&text, "event: %s\n", e.name)
	}
	fmt.Fprintf(&text, "data: %s\n\n", data)
	return text.Bytes()
}

// Suggested are questions that could be asked.
type Suggested struct {
	Questions []string `json:"questions"`
}

func (s *Server) suggestQuestions(ctx context.Context, in *CuesInput) (*out[Suggested], error) {
	b := in.Body
	if _, err := s.project(ctx, b.ProjectID); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	count := 5
	if b.Count != nil {
		count = *b.Count
	}
	list, err := s.Asker.Suggest(ctx, b.ProjectID, count, b.Guidance, b.PreviousQuestions)
	return ok(Suggested{Questions: orEmpty(list)}), err
}
