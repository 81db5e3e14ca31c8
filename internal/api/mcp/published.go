package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"millwright/internal/errs"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
)

// Bounds of what a published program says about itself: an agent reads all of it
// before it does anything.
const (
	maxTools       = 200
	maxDescription = 1500 // characters
	maxChoices     = 100  // of a slot, beyond which it is described as a text
)

// A publishedTool is a published program as a tool.
type publishedTool struct {
	name     string
	endpoint publish.Endpoint
	path     string // where it is called
}

// published returns the tools of what is published where the caller looks, by name.
func (s *Server) published(ctx context.Context) (map[string]publishedTool, error) {
	apis, err := s.Published(ctx, "")
	if err != nil {
		return nil, err
	}
	tools := map[string]publishedTool{}
	for _, a := range apis {
		for _, e := range a.Live() {
			if len(tools) == maxTools {
				return tools, nil
			}
			name := s.freeName(e.Name, tools)
			tools[name] = publishedTool{name, e, a.Path() + "/" + e.Path}
		}
	}
	return tools, nil
}

// freeName returns the name, or one like it, that no other tool has.
func (s *Server) freeName(wanted string, taken map[string]publishedTool) string {
	name := wanted
	for n := 2; ; n++ {
		_, is := taken[name]
		if !is && !slices.ContainsFunc(s.tools, func(t tool) bool { return t.name == name }) {
			return name
		}
		suffix := "_" + strconv.Itoa(n)
		name = wanted[:min(len(wanted), 64-len(suffix))] + suffix
	}
}

// described returns the tool as agents see it.
func (t publishedTool) described() *sdk.Tool {
	no := false
	return &sdk.Tool{Name: t.name, Title: t.title(), Description: t.description(), InputSchema: t.input(), OutputSchema: t.output(),
		Annotations: &sdk.ToolAnnotations{Title: t.title(), ReadOnlyHint: true, IdempotentHint: true, DestructiveHint: &no, OpenWorldHint: &no}}
}

func (t publishedTool) title() string { return cut(t.endpoint.Program.Name, 100) }

// description says what the program answers, from what, and why it was written.
func (t publishedTool) description() string {
	p := t.endpoint.Program
	parts := []string{p.Cue}
	if d := t.endpoint.Description; d != "" && d != p.Cue {
		parts = append(parts, d)
	}
	if len(p.Tables) > 0 {
		parts = append(parts, "Reads "+strings.Join(p.Tables, ", ")+".")
	}
	var columns []string
	for _, c := range t.endpoint.Columns {
		columns = append(columns, c.Name)
	}
	parts = append(parts, "Returns the columns "+strings.Join(columns, ", ")+".")
	if len(p.Reason) > 0 {
		parts = append(parts, "Why it was written: "+strings.Join(p.Reason, "; "))
	}
	if t.endpoint.Status == publish.Deprecated {
		parts = append(parts, "It is deprecated and will be taken back.")
	}
	return cut(strings.Join(parts, "\n"), maxDescription)
}

// input is the schema of the slots. Long lists of choices are left to the answer
// that a wrong one gets.
func (t publishedTool) input() json.RawMessage {
	raw := document.InputSchema(t.endpoint)
	var schema struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
		Additional bool                       `json:"additionalProperties"`
	}
	if json.Unmarshal(raw, &schema) != nil {
		return raw
	}
	changed := false
	for name, property := range schema.Properties {
		var p map[string]any
		if json.Unmarshal(property, &p) != nil {
			continue
		}
		choices, _ := p["enum"].([]any)
		choices = slices.DeleteFunc(choices, func(c any) bool { return c == nil })
		if len(choices) <= maxChoices {
			continue
		}
		delete(p, "enum")
		p["description"] = strings.TrimSpace(fmt.Sprintf("%v One of %d values, such as %v", or(p["description"]), len(choices), choices[0]))
		if text, err := json.Marshal(p); err == nil {
			schema.Properties[name], changed = text, true
		}
	}
	if text, err := json.Marshal(schema); err == nil && changed {
		return text
	}
	return raw
}

func or(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// output is the schema of the rows, from the columns that the engine described.
func (t publishedTool) output() json.RawMessage {
	var whole struct {
		Properties struct {
			Data struct {
				Items json.RawMessage `json:"items"`
			} `json:"data"`
		} `json:"properties"`
	}
	rows := schemaFor[Rows]()
	text, err := json.Marshal(rows)
	if err != nil || json.Unmarshal(document.OutputSchema(t.endpoint), &whole) != nil || len(whole.Properties.Data.Items) == 0 {
		return text
	}
	var schema map[string]any
	if json.Unmarshal(text, &schema) != nil {
		return text
	}
	properties, ok := schema["properties"].(map[string]any)
	list, isList := properties["rows"].(map[string]any)
	if !ok || !isList {
		return text
	}
	list["items"] = whole.Properties.Data.Items
	if exact, err := json.Marshal(schema); err == nil {
		return exact
	}
	return text
}

// handlePublished answers calls of the program: the arguments are its slots.
func (one *session) handlePublished(t publishedTool) sdk.ToolHandler {
	return func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		caller, ok := callerOf(req)
		if !ok {
			return failed(errs.New(errs.Anonymous, "the message carries no API key")), nil // unreachable: admit came before
		}
		rows, err := one.server.callPublished(caller.enter(ctx), t, req.Params.Arguments)
		if err != nil {
			one.server.report(ctx, t.name, err)
			return failed(err), nil
		}
		return one.server.marked(rows)
	}
}

func (s *Server) callPublished(ctx context.Context, t publishedTool, arguments json.RawMessage) (Rows, error) {
	if len(arguments) == 0 || string(arguments) == "null" {
		arguments = json.RawMessage("{}")
	}
	var slots map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &slots); err != nil {
		return Rows{}, errs.New(errs.Invalid, "the arguments are not an object").Named("arguments-invalid").Fix("send what the input schema describes")
	}
	query := url.Values{t.endpoint.Control(publish.ControlLimit): {strconv.Itoa(defaultRows)}}
	var r apiResult
	if err := s.operate(ctx, "POST", t.path, query, map[string]any{"slots": slots}, &r); err != nil {
		return Rows{}, err
	}
	return r.bounded(defaultRows, narrowing(t.endpoint.Program.Slots)), nil
}
