package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/generate/ask"
	"millwright/internal/program"
	"millwright/internal/publish"
)

// A Match says which published program answers a question, and why it was chosen.
type Match struct {
	Matched    bool           `json:"matched"`
	Source     string         `json:"source" enum:"published,program,written,none" doc:"A published program; the program that the conversation is about; one that was written for this question and is not kept; nothing"`
	Name       string         `json:"name" doc:"What tools call it"`
	Endpoint   string         `json:"endpoint" doc:"Where it is called: /live/…; empty unless it is published"`
	ProgramID  *string        `json:"queryprogram_id"`
	Question   string         `json:"question" doc:"Which question the program answers"`
	Certainty  float64        `json:"certainty" doc:"0 to 1"`
	Understood []string       `json:"understood" doc:"Which words were taken for what"`
	Unknown    []string       `json:"unknown" doc:"Words that were taken for nothing"`
	Values     map[string]any `json:"values" doc:"Slot values that the words gave"`
}

// A Question is one that could be asked.
type Question struct {
	Question   string          `json:"question"`
	Name       string          `json:"name" doc:"What tools call it"`
	Endpoint   string          `json:"endpoint" doc:"Where it is called"`
	Parameters []QuestionSlot  `json:"parameters"`
	Certainty  OrNull[float64] `json:"certainty" doc:"That it was meant; null if it was not compared"`
}

// A QuestionSlot is what a question leaves open.
type QuestionSlot struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Default  any      `json:"default"`
	Values   []string `json:"values,omitempty" doc:"What it may be, as far as that is a list"`
}

// A NoAnswer says, to people and to programs, why there is none and what could be asked.
type NoAnswer struct {
	Items      map[string]ResultStore `json:"items" doc:"Empty"`
	ResultCode int                    `json:"result_code" doc:"1: there is no result"`
	Error      string                 `json:"error"`
	Code       string                 `json:"code" doc:"Stable name of the problem: no-match, nothing-published, or as in problem documents"`
	Fixes      []string               `json:"fixes"`
	Unknown    []string               `json:"unknown" doc:"Words that mean nothing here"`
	CouldAsk   []Question             `json:"could_ask" doc:"The likeliest first"`
	Data       []any                  `json:"data" doc:"Empty"`
	RowCount   int                    `json:"row_count" doc:"0"`
}

// An answered is what became of a question.
type answered struct {
	Match
	content []byte // a Result or a NoAnswer, as JSON
	ok      bool
}

// A candidate is a program that may answer, where it is served.
type candidate struct {
	source   string
	endpoint publish.Endpoint
	path     string
}

// An inquiry finds the answer to a question about a project.
type inquiry struct {
	s        *Server
	project  string
	question string
	rows     int64          // of the answer; 0 means 10,000
	tool     string         // only the published program of that name, if it is not empty
	program  string         // first, the program of that id, published or not
	write    bool           // if nothing fits, a program may be written for the question
	values   map[string]any // of the tool's slots, in place of what the words give; nil if the words do

	offers  map[string]candidate // by what ask calls them
	tables  []ask.Table
	choices []ask.Choice
}

// published returns what the project offers: the newest version of its API.
func (s *Server) published(ctx context.Context, project string) (publish.API, bool, error) {
	apis, err := s.Publish.APIs(ctx, project)
	if err != nil || len(apis) == 0 {
		return publish.API{}, false, err
	}
	return apis[0], true, nil
}

// choose finds out which program is meant; choices are empty if none is near.
func (q *inquiry) choose(ctx context.Context) (err error) {
	q.offers = map[string]candidate{}
	if q.tables, err = q.s.Asker.Tables(ctx, q.project); err != nil {
		return err
	}
	if q.program != "" {
		r, err := q.s.program(ctx, q.program)
		if err != nil {
			return err
		}
		q.offers["own"] = candidate{source: "program", endpoint: publish.Endpoint{ProjectID: r.ProjectID, ProgramID: r.ID, ProgramVersion: r.Version, Name: r.Program.Name, Program: r.Program}}
		if q.choices = q.weigh(); len(q.choices) > 0 && q.choices[0].Certainty >= ask.Certain {
			return nil
		}
	}
	a, has, err := q.s.published(ctx, q.project)
	if err != nil || !has {
		return err
	}
	for _, e := range a.Live() {
		if q.tool == "" || e.Name == q.tool {
			q.offers[e.ID] = candidate{source: "published", endpoint: e, path: a.Path() + "/" + e.Path}
		}
	}
	q.choices = q.weigh()
	return nil
}

func (q *inquiry) weigh() []ask.Choice {
	var offers []ask.Offer
	for _, id := range sortedKeys(q.offers) {
		e := q.offers[id].endpoint
		o := ask.Offer{ID: id, Description: e.Description, Program: e.Program}
		for _, c := range e.Columns {
			o.Columns = append(o.Columns, c.Name)
		}
		offers = append(offers, o)
	}
	return ask.Choose(q.question, offers, q.tables)
}

// meant returns the choice that is sure enough, if there is one. A tool that was
// asked for by name is meant, whatever the words say.
func (q *inquiry) meant() (ask.Choice, candidate, bool) {
	if q.tool != "" && len(q.offers) == 1 {
		for id, c := range q.offers {
			if len(q.choices) > 0 {
				return q.choices[0], c, true
			}
			return ask.Choice{Offer: ask.Offer{ID: id, Program: c.endpoint.Program}, Certainty: 1}, c, true
		}
	}
	if len(q.choices) == 0 || q.choices[0].Certainty < ask.Certain {
		return ask.Choice{}, candidate{}, false
	}
	return q.choices[0], q.offers[q.choices[0].Offer.ID], true
}

// match describes the choice.
func (q *inquiry) match(c ask.Choice, with candidate) Match {
	return Match{Matched: true, Source: with.source, Name: with.endpoint.Name, Endpoint: with.path, ProgramID: orNull(with.endpoint.ProgramID), Question: c.Offer.Program.Cue,
		Certainty: c.Certainty, Understood: orEmpty(c.Understood), Unknown: orEmpty(c.Unknown), Values: c.Values}
}

// run answers with the choice. What goes wrong is part of the answer, unless it is
// that we are busy, or that the caller has gone.
func (q *inquiry) run(ctx context.Context, c ask.Choice, with candidate) (answered, error) {
	body, err := q.s.call(ctx, with, c.Values, q.rows)
	if err != nil {
		return q.failed(ctx, q.match(c, with), err)
	}
	return answered{Match: q.match(c, with), content: body, ok: true}, nil
}

// call runs a published program, and counts that; or one that is not published.
func (s *Server) call(ctx context.Context, with candidate, values map[string]any, rows int64) ([]byte, error) {
	e := with.endpoint
	if with.source != "published" {
		a, err := s.Evaluator.Answer(ctx, evaluate.Request{ProjectID: e.ProjectID, Program: e.Program, Values: values, MaxRows: rows, ProgramID: e.ProgramID, Version: e.ProgramVersion},
			evaluate.Asking{Form: "json", Encode: encodeResult})
		return a.Body, err
	}
	began := time.Now()
	a, err := s.Publish.Call(ctx, e, values, publish.CallOptions{Form: "chat", Limit: rows,
		Encode: func(r *evaluate.Result, _ string) ([]byte, error) { return encodeResult(r) }})
	who := caller(ctx)
	use := publish.Use{EndpointID: e.ID, UserID: who.User.ID, KeyID: who.KeyID, Via: "chat", Status: http.StatusOK, Took: time.Since(began), Rows: a.Rows, Cached: a.Cached}
	if err != nil {
		p := problemOf(ctx, err)
		use.Status, use.ErrorType = p.Status, p.Type
	}
	s.Publish.Used(use)
	return a.Body, err
}

// failed makes an answer of an error that the caller can do something about.
func (q *inquiry) failed(ctx context.Context, m Match, err error) (answered, error) {
	if impatient(err) || errs.KindOf(err) == errs.Internal {
		return answered{}, err
	}
	p := problemOf(ctx, err)
	return q.none(m, NoAnswer{Error: p.Detail, Code: p.Type, Fixes: orEmpty(p.Fixes), Unknown: m.Unknown})
}

// impatient reports errors that say nothing about the question: another time it may
// be answered.
func impatient(err error) bool {
	switch errs.KindOf(err) {
	case errs.Busy, errs.Unavailable, errs.Canceled:
		return true
	}
	return errors.Is(err, context.Canceled)
}

// nothing says that no program fits, and what could be asked instead.
func (q *inquiry) nothing() (answered, error) {
	n := NoAnswer{Code: "no-match", Error: "no published program answers this question", Unknown: []string{}, Fixes: []string{"ask one of could_ask, in these or other words"}}
	switch {
	case len(q.offers) == 0 && q.tool != "":
		n.Code, n.Error, n.Fixes = "tool-unknown", "there is no published program called "+q.tool, []string{"name one of could_ask"}
	case len(q.offers) == 0:
		n.Code, n.Error = "nothing-published", "the project has no published program, so there is nothing to ask"
		n.Fixes = []string{"publish a program with PATCH /v1/queryprograms/{id}/publish"}
	case len(q.choices) > 0:
		n.Unknown = orEmpty(q.choices[0].Unknown)
	}
	return q.none(Match{Source: "none", Understood: []string{}, Unknown: n.Unknown, Values: map[string]any{}}, n)
}

func (q *inquiry) none(m Match, n NoAnswer) (answered, error) {
	m.Matched = m.Matched && m.Source != "none"
	n.Items, n.Data, n.ResultCode = map[string]ResultStore{}, []any{}, 1
	n.CouldAsk = q.questions()
	text, err := json.Marshal(n)
	return answered{Match: m, content: text}, err
}

// questions returns what could be asked, the likeliest first.
func (q *inquiry) questions() []Question {
	all := []Question{}
	seen := map[string]bool{}
	for _, c := range q.choices {
		w := questionWire(q.offers[c.Offer.ID])
		w.Certainty.Value = &c.Certainty
		seen[c.Offer.ID] = true
		all = append(all, w)
	}
	for _, id := range sortedKeys(q.offers) {
		if !seen[id] {
			all = append(all, questionWire(q.offers[id]))
		}
	}
	return all[:min(len(all), 20)]
}

func questionWire(c candidate) Question {
	w := Question{Question: c.endpoint.Program.Cue, Name: c.endpoint.Name, Endpoint: c.path, Parameters: []QuestionSlot{}}
	for _, s := range c.endpoint.Program.Slots {
		w.Parameters = append(w.Parameters, slotWire(s))
	}
	return w
}

func slotWire(s program.Slot) QuestionSlot {
	w := QuestionSlot{Name: s.Name, Type: string(s.Type), Required: s.Required, Default: s.Default, Values: s.Choices()}
	w.Values = w.Values[:min(len(w.Values), 50)]
	return w
}

// improvise answers with a program that is made for the question and not kept: for
// conversations, where a person looks at what is said.
func (q *inquiry) improvise(ctx context.Context) (answered, bool, error) {
	for i, a := range ask.Match(q.question, q.tables) {
		if i == 3 || a.Problem != "" || a.Certainty < ask.Certain {
			break
		}
		with := candidate{source: "written", endpoint: publish.Endpoint{ProjectID: q.project, Name: a.Program.Name, Program: a.Program}}
		body, err := q.s.call(ctx, with, nil, q.rows)
		if err != nil && impatient(err) {
			return answered{}, false, err
		}
		if err != nil {
			continue
		}
		m := q.match(ask.Choice{Offer: ask.Offer{Program: a.Program}, Certainty: a.Certainty, Understood: a.Understood, Unknown: a.Unknown, Values: map[string]any{}}, with)
		return answered{Match: m, content: body, ok: true}, true, nil
	}
	return answered{}, false, nil
}

// answer does all of it.
func (q *inquiry) answer(ctx context.Context) (answered, error) {
	if err := q.choose(ctx); err != nil {
		return answered{}, err
	}
	if c, with, ok := q.meant(); ok {
		if q.values != nil {
			c.Values = q.values
		}
		return q.run(ctx, c, with)
	}
	if q.write {
		if a, ok, err := q.improvise(ctx); ok || err != nil {
			return a, err
		}
	}
	return q.nothing()
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
