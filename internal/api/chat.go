package api

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"

	"millwright/internal/errs"
)

// chatModel is what answers. There is no language model behind it.
const chatModel = "millwright"

// A ChatRequest is a request in the form that clients of language models send. All of
// it that has no meaning here is accepted and left alone.
type ChatRequest struct {
	IDInput
	Body struct {
		_          struct{}        `json:"-" additionalProperties:"true"`
		Model      string          `json:"model,omitempty" doc:"Any; it is named in the answer" example:"millwright"`
		Messages   []ChatTurn      `json:"messages,omitempty" doc:"The last one of a user is the question" example:"[{\"role\": \"user\", \"content\": \"How many orders are there per month?\"}]"`
		Stream     bool            `json:"stream,omitempty" doc:"Answer in chunks, as server-sent events"`
		Tools      json.RawMessage `json:"tools,omitempty" doc:"Functions of the caller's own; they are never called from here"`
		ToolChoice json.RawMessage `json:"tool_choice,omitempty" doc:"If it names a published program, that one answers"`
	}
}

// A ChatTurn is a message of a ChatRequest.
type ChatTurn struct {
	_       struct{}    `json:"-" additionalProperties:"true"`
	Role    string      `json:"role" doc:"user, or another"`
	Content ChatContent `json:"content,omitempty" doc:"Text, or a list of parts of which those of type text are read"`
}

// ChatContent is the text of a message, whichever way it was sent.
type ChatContent string

// UnmarshalJSON reads text, a list of parts, or null.
func (c *ChatContent) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		*c = ChatContent(plain)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	// What is neither says nothing to us.
	_ = json.Unmarshal(text, &parts)
	var all []string
	for _, p := range parts {
		if p.Text != "" {
			all = append(all, p.Text)
		}
	}
	*c = ChatContent(strings.Join(all, " "))
	return nil
}

// Schema describes both forms.
func (ChatContent) Schema(huma.Registry) *huma.Schema {
	part := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{"type": {Type: huma.TypeString}, "text": {Type: huma.TypeString}}}
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: part}, {Type: "null"}}}
}

// A ChatCompletion is an answer in the form that clients of language models read. The
// content is JSON in text: a Result, or a NoAnswer.
type ChatCompletion struct {
	ID         string       `json:"id" example:"chatcmpl-0190f6b2"`
	Object     string       `json:"object" enum:"chat.completion"`
	Created    int64        `json:"created" doc:"Seconds since 1970"`
	Model      string       `json:"model"`
	Choices    []ChatChoice `json:"choices" doc:"One"`
	Usage      ChatUsage    `json:"usage"`
	Millwright Match        `json:"millwright" doc:"Which program answered, and why"`
}

// A ChatChoice is the answer.
type ChatChoice struct {
	Index        int         `json:"index"`
	Message      ChatMessage `json:"message"`
	Logprobs     *string     `json:"logprobs" doc:"Always null"`
	FinishReason string      `json:"finish_reason" enum:"stop"`
}

// A ChatMessage is what is said.
type ChatMessage struct {
	Role    string  `json:"role" enum:"assistant"`
	Content string  `json:"content" doc:"JSON in text: a Result; or a NoAnswer, whose result_code is 1"`
	Refusal *string `json:"refusal" doc:"Always null"`
}

// ChatUsage counts tokens: there is no language model, so none.
type ChatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func (s *Server) chats(a huma.API) {
	schemas := a.OpenAPI().Components.Schemas
	completion := schemas.Schema(reflect.TypeFor[ChatCompletion](), true, "")
	chunk := schemas.Schema(reflect.TypeFor[chatChunk](), true, "")
	content := map[string]*huma.MediaType{"application/json": {Schema: completion}, "text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString,
		Description: "Events \"id: N\\ndata: JSON\\n\\n\", whose data are as in " + chunk.Ref + "; the last data are [DONE]"}}}
	for path, summary := range map[string]string{"/v1/run/{id}/chat/completions": "Answer a question with the published program of a project that fits it",
		"/v1/integrations/chat/{id}/chat/completions": "Answer a question with the published program of a project that fits it (the older route)"} {
		op := answers(describe("POST "+path, "chat", summary), "A completion whose content is JSON in text: the result of the program, or why none fits and what could be asked", content)
		op.Description = "The last message of a user is matched, without a language model, with the questions of the published programs; words give values to their slots. " +
			"millwright in the answer says which program it was, and how sure that is."
		register(s, a, op, s.chatCompletion)
	}
	route(s, a, "POST /v1/query", "chat", "Answer a question with the published program that fits it", s.query)
	s.chatTools(a)
}

// question returns what is asked: the last thing that a user said.
func (in *ChatRequest) question() (string, error) {
	for i := len(in.Body.Messages) - 1; i >= 0; i-- {
		if m := in.Body.Messages[i]; m.Role == "user" && strings.TrimSpace(string(m.Content)) != "" {
			return string(m.Content), nil
		}
	}
	return "", errs.New(errs.Invalid, "messages hold no question of a user").Named("field-missing").At("/messages").
		Fix(`send {"messages": [{"role": "user", "content": "How many orders are there per month?"}]}`)
}

// tool returns the function that the caller insists on, if it does.
func (in *ChatRequest) tool() string {
	var choice struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	// "auto", "none" and "required" are no objects, and name none.
	_ = json.Unmarshal(in.Body.ToolChoice, &choice)
	return choice.Function.Name
}

// owns reports whether the caller brought a function of that name: it is not ours then.
func (in *ChatRequest) owns(name string) bool {
	var tools []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	_ = json.Unmarshal(in.Body.Tools, &tools) // anything else holds no function
	for _, t := range tools {
		if t.Function.Name == name {
			return true
		}
	}
	return false
}

func (s *Server) chatCompletion(ctx context.Context, in *ChatRequest) (*huma.StreamResponse, error) {
	if _, err := s.project(ctx, in.ID); err != nil {
		return nil, err
	}
	question, err := in.question()
	if err != nil {
		return nil, err
	}
	q := &inquiry{s: s, project: in.ID, question: question}
	if name := in.tool(); name != "" {
		a, _, err := s.published(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		for _, e := range a.Live() {
			if e.Name == name {
				q.tool = name
			}
		}
		if q.tool == "" && !in.owns(name) {
			q.tool = name // nothing is called so, and the answer says what is
		}
	}
	answer, err := q.answer(ctx)
	if err != nil {
		return nil, err
	}
	model := in.Body.Model
	if model == "" {
		model = chatModel
	}
	completion := ChatCompletion{ID: "chatcmpl-" + uuid.NewString(), Object: "chat.completion", Created: s.Now().Unix(), Model: model, Millwright: answer.Match,
		Choices: []ChatChoice{{Message: ChatMessage{Role: "assistant", Content: strings.TrimSpace(string(answer.content))}, FinishReason: "stop"}}}
	if in.Body.Stream {
		return chunks(completion), nil
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, "application/json", 200, completion)
	}}, nil
}

// A chatChunk is a part of a ChatCompletion that is sent bit by bit.
type chatChunk struct {
	ID         string            `json:"id"`
	Object     string            `json:"object" enum:"chat.completion.chunk"`
	Created    int64             `json:"created"`
	Model      string            `json:"model"`
	Choices    []chatChunkChoice `json:"choices"`
	Millwright *Match            `json:"millwright,omitempty" doc:"In the first chunk"`
}

type chatChunkChoice struct {
	Index        int       `json:"index"`
	Delta        chatDelta `json:"delta"`
	Logprobs     *string   `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

type chatDelta struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

// chunkBytes is how much of the content a chunk carries at most.
const chunkBytes = 64 << 10

// chunks sends the completion in the form of clients that read streams of language
// models: they know no event names.
func chunks(c ChatCompletion) *huma.StreamResponse {
	stop := c.Choices[0].FinishReason
	chunk := func(d chatDelta, finish *string) chatChunk {
		return chatChunk{ID: c.ID, Object: "chat.completion.chunk", Created: c.Created, Model: c.Model, Choices: []chatChunkChoice{{Delta: d, FinishReason: finish}}}
	}
	first := chunk(chatDelta{Role: "assistant"}, nil)
	first.Millwright = &c.Millwright
	list := []event{{"", first}}
	for text := c.Choices[0].Message.Content; text != ""; {
		n := wholeRunes(text, chunkBytes)
		list = append(list, event{"", chunk(chatDelta{Content: text[:n]}, nil)})
		text = text[n:]
	}
	list = append(list, event{"", chunk(chatDelta{}, &stop)}, event{"", verbatim("[DONE]")})
	return eventStream(list)
}

// wholeRunes returns the length of the longest beginning of text that has at most so
// many bytes and ends with a character; at least one character.
func wholeRunes(text string, most int) int {
	if len(text) <= most {
		return len(text)
	}
	n := most
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	if n == 0 {
		return len(text)
	}
	return n
}

// A QueryInput is a question, about a project or about all that the key sees.
type QueryInput struct {
	Body struct {
		_         struct{} `json:"-" additionalProperties:"true"`
		Question  string   `json:"question,omitempty" maxLength:"2000" doc:"In plain English" example:"How many orders are there per month?"`
		Query     string   `json:"query,omitempty" maxLength:"2000" doc:"The same as question"`
		ProjectID string   `json:"project_id,omitempty" doc:"About whose data; needed if the key sees several projects"`
	}
}

// A QueryAnswer is the answer to a question.
type QueryAnswer struct {
	Question  string    `json:"question"`
	ProjectID string    `json:"project_id"`
	Match     Match     `json:"match"`
	Answer    Object    `json:"answer" doc:"A Result; or a NoAnswer, whose result_code is 1"`
	Timestamp time.Time `json:"timestamp"`
}

func (s *Server) query(ctx context.Context, in *QueryInput) (*out[QueryAnswer], error) {
	b := in.Body
	question := *first(orNull(b.Question), orNull(b.Query), new(string))
	if strings.TrimSpace(question) == "" {
		return nil, errs.New(errs.Invalid, "the question is empty").Named("field-missing").At("/question").Fix(`send {"question": "How many orders are there per month?"}`)
	}
	project := b.ProjectID
	if project == "" {
		ids, err := s.projectIDs(ctx, "")
		if err != nil {
			return nil, err
		}
		if len(ids) != 1 {
			return nil, errs.New(errs.Invalid, "the key sees %d projects, and project_id does not say which one is asked about", len(ids)).Named("field-missing").At("/project_id").
				Fix("send project_id")
		}
		project = ids[0]
	}
	if _, err := s.project(ctx, project); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	a, err := (&inquiry{s: s, project: project, question: question}).answer(ctx)
	return ok(QueryAnswer{Question: question, ProjectID: project, Match: a.Match, Answer: Object(a.content), Timestamp: s.Now().UTC()}), err
}
