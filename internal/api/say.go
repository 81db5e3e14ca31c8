package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/explore"
)

// sayRows is how many rows of a result a conversation keeps; fewer if they are long.
const sayRows = 200

// A SayInput is what somebody says in a conversation.
type SayInput struct {
	IDInput
	NoReply  bool `query:"no_reply" doc:"Only keep what was said"`
	NoReply2 bool `query:"noReply" doc:"The same as no_reply"`
	Body     struct {
		_              struct{} `json:"-" additionalProperties:"true"`
		ConversationID string   `json:"conversation_id,omitempty" doc:"The path says it"`
		ProjectID      string   `json:"project_id,omitempty" doc:"The conversation knows it"`
		Content        string   `json:"content,omitempty" doc:"A question, in plain English" example:"How many orders are there per month?"`
		AuthorRole     string   `json:"author_role,omitempty" doc:"user; whoever it says, a person is asking"`
		QueryProgramID string   `json:"queryprogram_id,omitempty" doc:"A program that is asked first"`
	}
}

// A ToolCall names a program and its arguments, in a message of the type function-call.
type ToolCall struct {
	Type      string         `json:"type" enum:"function-call"`
	Name      string         `json:"name" doc:"What tools call it"`
	Endpoint  string         `json:"endpoint" doc:"Where it is called; empty unless it is published"`
	Arguments map[string]any `json:"arguments"`
	Match     Match          `json:"match" doc:"Why it was chosen"`
}

func (s *Server) says(a huma.API) {
	message := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Message](), true, "")
	content := map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString,
		Description: "Events messages, whose data are as in " + message.Ref + ": the question, the call (function-call) and at last its result (function-response); or error"}}}
	for path, summary := range map[string]string{"/v1/run/{id}": "Say something in a conversation, and be answered", "/v1/explore/{id}": "Say something in a conversation, and be answered (the older route)"} {
		op := answers(describe("POST "+path, "explore", summary), "Server-sent events, of which the last is the answer", content)
		op.Description = "The question goes to the program that the conversation is about, to a published one, or to one that is written for it and not kept; if none fits, the answer says what could be asked."
		register(s, a, op, s.say)
	}
	op := answers(describe("POST /live/{tool}", "explore", "Call a published program by its name, in the form of a conversation"), "Server-sent events, of which the last is the answer", content)
	register(s, a, op, s.sayToTool)
}

func (s *Server) say(ctx context.Context, in *SayInput) (*huma.StreamResponse, error) {
	c, err := s.ownConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	q := &inquiry{s: s, project: c.ProjectID, question: in.Body.Content, rows: sayRows, program: c.ProgramID, write: true}
	if in.Body.QueryProgramID != "" {
		r, err := s.program(ctx, in.Body.QueryProgramID)
		if err == nil && r.ProjectID != c.ProjectID {
			err = errs.New(errs.NotFound, "no such query program")
		}
		if err != nil {
			return nil, pointAt(err, "/queryprogram_id")
		}
		q.program = r.ID
	}
	asked, err := s.Explore.Add(ctx, c.ID, s.spoken(ctx, in.Body.Content))
	if err != nil {
		return nil, err
	}
	if in.NoReply || in.NoReply2 {
		return eventStream([]event{{"messages", messageWire(asked[0])}}), nil
	}
	return s.reply(asked[0], q, func(ctx context.Context, messages ...explore.Message) ([]explore.Message, error) {
		return s.Explore.Add(ctx, c.ID, messages...)
	}), nil
}

// spoken is what the caller says.
func (s *Server) spoken(ctx context.Context, content string) explore.Message {
	who := caller(ctx).User
	return explore.Message{Role: explore.User, UserID: who.ID, Name: who.Name, Type: explore.Text, Content: content, Status: explore.Finished, Recipient: "all"}
}

// reply streams the question, then, when they are known, the call and its result.
// Keep stores what is said, and returns it as it is stored.
func (s *Server) reply(asked explore.Message, q *inquiry, keep func(context.Context, ...explore.Message) ([]explore.Message, error)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Accel-Buffering", "no")
		w.WriteHeader(http.StatusOK)
		out := &teller{w: w, flush: http.NewResponseController(w)}
		out.tell("messages", messageWire(asked))
		answer, err := q.answer(hc.Context())
		if err == nil {
			var said []explore.Message
			if said, err = keep(hc.Context(), replies(asked, answer)...); err == nil {
				for _, m := range said {
					out.tell("messages", messageWire(m))
				}
				return
			}
		}
		p := problemOf(hc.Context(), err)
		report(hc.Context(), s.Log, p, err)
		out.tell("error", map[string]any{"status": p.Status, "code": p.Type, "message": p.Detail, "request_id": p.RequestID, "details": map[string]any{"fixes": orEmpty(p.Fixes)}})
	}}
}

// A teller writes events one by one, each at once.
type teller struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	n     int
}

func (t *teller) tell(name string, data any) {
	t.n++
	e := event{name, data}
	// An error of either means that the reader has gone; there is nobody to tell.
	_ = t.flush.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := t.w.Write(e.encode(t.n, e.json())); err == nil {
		_ = t.flush.Flush()
	}
}

// replies are the messages of an answer.
func replies(asked explore.Message, a answered) []explore.Message {
	var list []explore.Message
	if a.Matched {
		call := ToolCall{Type: explore.Call, Name: a.Name, Endpoint: a.Endpoint, Arguments: a.Values, Match: a.Match}
		list = append(list, explore.Message{Turn: asked.Turn, Role: explore.Assistant, Name: "Millwright", Type: explore.Call, Content: jsonText(call), Status: explore.Finished, Recipient: a.Name})
	}
	status := explore.Finished
	if !a.ok {
		status = explore.Failed
	}
	content := strings.TrimSpace(string(a.content))
	if len(content) > explore.MaxContent {
		content = shorten(content)
	}
	return append(list, explore.Message{Turn: asked.Turn, Role: explore.Tool, Name: "Millwright", Type: explore.Response, Content: content, Status: status, Recipient: "all"})
}

// shorten leaves out rows of a result until it can be kept.
func shorten(content string) string {
	var r struct {
		Items map[string]struct {
			ItemT string `json:"item_t"`
			Item  struct {
				Attribution map[string]string  `json:"attribution"`
				Title       *string            `json:"title"`
				Description string             `json:"description"`
				DataSchema  []ResultItemColumn `json:"data_schema"`
				Rows        []json.RawMessage  `json:"rows"`
			} `json:"item"`
		} `json:"items"`
		rest map[string]json.RawMessage
		Data []json.RawMessage `json:"data"`
		Rows []json.RawMessage `json:"rows"`
	}
	if json.Unmarshal([]byte(content), &r) != nil || json.Unmarshal([]byte(content), &r.rest) != nil {
		return jsonText(NoAnswer{ResultCode: 1, Error: "the result is too long to be kept", Code: "result-too-long", Items: map[string]ResultStore{}})
	}
	for keep := len(r.Rows) / 2; ; keep /= 2 {
		main := r.Items["MAIN"]
		main.Item.Rows = main.Item.Rows[:min(keep, len(main.Item.Rows))]
		r.Items["MAIN"] = main
		for name, value := range map[string]any{"items": r.Items, "rows": r.Rows[:keep], "data": r.Data[:min(keep, len(r.Data))], "row_count": keep, "truncated": true} {
			r.rest[name] = json.RawMessage(jsonText(value))
		}
		if text := jsonText(r.rest); len(text) <= explore.MaxContent || keep == 0 {
			return text
		}
	}
}

// unkept gives messages that are not stored what stored ones have.
func (s *Server) unkept(_ context.Context, messages ...explore.Message) ([]explore.Message, error) {
	for i := range messages {
		m := &messages[i]
		if m.ID, m.Place, m.CreatedAt = uuid.NewString(), int64(i)+1, s.Now().UTC(); m.Turn == "" {
			m.Turn = m.ID
		}
	}
	return messages, nil
}

// A ToolTalk is a call in the form of a message.
type ToolTalk struct {
	Tool    string `path:"tool" doc:"The name of a published program"`
	NoReply bool   `query:"noReply" doc:"Accepted and left alone: a call is always answered"`
	Body    struct {
		_              struct{} `json:"-" additionalProperties:"true"`
		ConversationID string   `json:"conversation_id,omitempty" doc:"A conversation to keep it in; none if absent"`
		ProjectID      string   `json:"project_id,omitempty" doc:"Whose program it is, unless the conversation says that"`
		Content        string   `json:"content,omitempty" doc:"The arguments as JSON, or a question that holds them"`
	}
}

func (s *Server) sayToTool(ctx context.Context, in *ToolTalk) (*huma.StreamResponse, error) {
	b := in.Body
	project := b.ProjectID
	keep := s.unkept
	if b.ConversationID != "" {
		c, err := s.ownConversation(ctx, b.ConversationID)
		if err != nil {
			return nil, pointAt(err, "/conversation_id")
		}
		project = c.ProjectID
		keep = func(ctx context.Context, messages ...explore.Message) ([]explore.Message, error) {
			return s.Explore.Add(ctx, c.ID, messages...)
		}
	}
	if project == "" {
		return nil, missing("project_id")
	}
	if _, err := s.project(ctx, project); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	name, err := url.PathUnescape(in.Tool)
	if err != nil {
		name = in.Tool
	}
	content := b.Content
	if content == "" {
		content = "{}"
	}
	asked, err := keep(ctx, s.spoken(ctx, content))
	if err != nil {
		return nil, err
	}
	q := &inquiry{s: s, project: project, question: content, rows: sayRows, tool: name}
	if strings.HasPrefix(strings.TrimSpace(content), "{") {
		if err := decodeExact([]byte(content), &q.values); err != nil {
			return nil, errs.New(errs.Invalid, "the content is not JSON").Named("arguments-invalid").At("/content").Because(err)
		}
	}
	return s.reply(asked[0], q, keep), nil
}
