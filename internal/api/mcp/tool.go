package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

// A tool is something that an agent may ask for.
type tool struct {
	name        string
	title       string
	description string
	scope       string // that the key must have; "" if any key will do
	changes     bool   // whether it changes anything, here or elsewhere
	outside     bool   // whether it makes requests to other APIs
	in, out     *jsonschema.Schema
	run         func(ctx context.Context, c *call, arguments json.RawMessage) (any, error)
}

// define describes a tool by the types of its arguments and its result.
func define[In, Out any](t tool, do func(context.Context, *call, In) (Out, error)) tool {
	t.in, t.out = schemaFor[In](), schemaFor[Out]()
	resolved, err := t.in.Resolve(nil)
	if err != nil {
		panic(err) // a programmer's mistake
	}
	t.run = func(ctx context.Context, c *call, arguments json.RawMessage) (any, error) {
		in, err := parse[In](resolved, arguments)
		if err != nil {
			return nil, err
		}
		return do(ctx, c, in)
	}
	return t
}

func schemaFor[T any]() *jsonschema.Schema {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[json.RawMessage](): {Type: "object"},
	}})
	if err != nil {
		panic(err) // a programmer's mistake
	}
	return neverNull(s)
}

// neverNull takes null out of the types of lists: ours are empty instead.
func neverNull(s *jsonschema.Schema) *jsonschema.Schema {
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	if s.Items != nil {
		neverNull(s.Items)
	}
	for _, p := range s.Properties {
		neverNull(p)
	}
	return s
}

// parse reads arguments that fit the schema. Numbers keep all their digits.
func parse[In any](schema *jsonschema.Resolved, arguments json.RawMessage) (in In, err error) {
	if len(bytes.TrimSpace(arguments)) == 0 || string(arguments) == "null" {
		arguments = json.RawMessage("{}")
	}
	var plain any
	if err = json.Unmarshal(arguments, &plain); err == nil {
		err = schema.Validate(plain)
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(arguments))
		d.UseNumber()
		err = d.Decode(&in)
	}
	if err != nil {
		return in, errs.New(errs.Invalid, "the arguments do not fit the tool's input schema: %s", strings.TrimPrefix(err.Error(), "validating root: ")).
			Named("arguments-invalid").Fix("send what the input schema describes")
	}
	return in, nil
}

// described returns the tool as agents see it.
func (t tool) described() *sdk.Tool {
	no := false
	return &sdk.Tool{Name: t.name, Title: t.title, Description: t.description, InputSchema: t.in, OutputSchema: t.out,
		Annotations: &sdk.ToolAnnotations{Title: t.title, ReadOnlyHint: !t.changes, IdempotentHint: !t.changes, DestructiveHint: &no, OpenWorldHint: &t.outside}}
}

// catalogue returns the tools that there are whatever is published.
func catalogue() []tool {
	return []tool{
		define(tool{name: "list_projects", title: "List projects", scope: tenant.ScopeRead,
			description: "The projects that you may look at. Other tools take one of their ids, or names."}, listProjects),
		define(tool{name: "list_datasets", title: "List datasets", scope: tenant.ScopeRead,
			description: "The datasets of a project: the tables that SQL can read, with how many rows they have and how complete they are."}, listDatasets),
		define(tool{name: "describe_dataset", title: "Describe a dataset", scope: tenant.ScopeRead,
			description: "What is known of each column of a dataset: type, role, unit, nulls, distinct values, range, most frequent values. Call it before writing SQL."}, describeDataset),
		define(tool{name: "sample_rows", title: "Sample rows", scope: tenant.ScopeRead,
			description: "The first rows of a dataset, to see what they look like. For answers use a program or query_sql."}, sampleRows),
		define(tool{name: "dataset_lineage", title: "Lineage of a dataset", scope: tenant.ScopeRead,
			description: "What a dataset was made from, step by step: the request, its pages, and the files."}, datasetLineage),
		define(tool{name: "list_programs", title: "List programs", scope: tenant.ScopeRead,
			description: "The questions that have an answer in SQL, published or not, with their slots. Run one with run_program."}, listPrograms),
		define(tool{name: "job_status", title: "Status of a job", scope: tenant.ScopeRead,
			description: "How far a job is, such as a run that start_run began, and why it failed if it did."}, jobStatus),

		define(tool{name: "run_program", title: "Run a program", scope: tenant.ScopeRun,
			description: "Runs a program of list_programs with values for its slots. Slots that are left out have their defaults."}, runProgram),
		define(tool{name: "query_sql", title: "Query with SQL", scope: tenant.ScopeRun,
			description: "Runs one SELECT in DuckDB's SQL on the tables of a project and returns its rows. It can change nothing. Aggregate in SQL instead of fetching rows."}, querySQL),

		define(tool{name: "test_connection", title: "Test a connection", scope: tenant.ScopeWrite, changes: true, outside: true,
			description: "Makes a request to another API, up to a limit, and says what came: status, where the records are, how it is paged. Stores nothing."}, testConnection),
		define(tool{name: "connect_api", title: "Connect an API", scope: tenant.ScopeWrite, changes: true, outside: true,
			description: "Connects another API: tests the request, saves it, fetches every page into a dataset, looks at what the columns mean, and writes questions. Takes seconds to minutes. If a step fails nothing half-made is kept."}, connectAPI),
		define(tool{name: "start_run", title: "Fetch a datasource again", scope: tenant.ScopeWrite, changes: true, outside: true,
			description: "Makes the stored request of a dataset again and makes a new version of it. Older versions stay."}, startRun),
		define(tool{name: "generate_questions", title: "Write more questions", scope: tenant.ScopeWrite, changes: true,
			description: "Writes more programs about the datasets of a project, each tried before it is kept."}, generateQuestions),
		define(tool{name: "create_program", title: "Create a program", scope: tenant.ScopeWrite, changes: true,
			description: "Keeps a question with its SQL as a program; or, if no SQL is given, writes the SQL for the question."}, createProgram),
		define(tool{name: "publish_program", title: "Publish a program", scope: tenant.ScopeWrite, changes: true,
			description: "Publishes a program: it becomes an HTTP endpoint, and a tool of its own for agents."}, publishProgram),
		define(tool{name: "unpublish_program", title: "Unpublish a program", scope: tenant.ScopeWrite, changes: true,
			description: "Takes a published program back: its endpoint and its tool are gone."}, unpublishProgram),
	}
}

// A call is one use of a tool.
type call struct {
	server *Server
	caller Caller
	req    *sdk.CallToolRequest
	sent   float64 // the progress that the agent was told of last
}

// operate makes an operation of the API as the caller.
func (c *call) operate(ctx context.Context, method, path string, query map[string][]string, body, out any) error {
	return c.server.operate(c.caller.enter(ctx), method, path, query, body, out)
}

// progress tells the agent, if it wants to know, how far its call is. It only grows.
func (c *call) progress(ctx context.Context, done, total float64, message string) {
	token := c.req.Params.GetProgressToken()
	if token == nil {
		return
	}
	c.sent = max(done, c.sent+0.001)
	// An agent that cannot be told has gone, and its call ends with it.
	_ = c.req.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: c.sent, Total: total, Message: message})
}

// handle answers calls of the tool.
func (one *session) handle(t tool) sdk.ToolHandler {
	return func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		caller, ok := callerOf(req)
		if !ok {
			return failed(errs.New(errs.Anonymous, "the message carries no API key")), nil // unreachable: admit came before
		}
		c := &call{server: one.server, caller: caller, req: req}
		out, err := t.run(ctx, c, req.Params.Arguments)
		if err != nil {
			one.server.report(ctx, t.name, err)
			return failed(err), nil
		}
		return one.server.marked(out)
	}
}

// failed tells an agent why its call did not do what it should, and what to try.
func failed(err error) *sdk.CallToolResult {
	text := "internal error"
	if errors.Is(err, context.Canceled) {
		text = "the call was canceled"
	}
	if e, ok := errs.Find(err); ok && e.Kind != errs.Internal {
		text = e.Msg
		for _, f := range e.Fields {
			if f.Msg != "" && f.Msg != e.Msg {
				text += "\n" + strings.TrimPrefix(f.Pointer+": ", "/") + f.Msg
			}
		}
		for _, fix := range e.Fixes {
			text += "\nTry: " + fix
		}
		if e.Kind == errs.Upstream || e.Kind == errs.Unavailable || e.Kind == errs.Busy {
			text += "\nTrying again later may help."
		}
		if e.Type != "" {
			text += "\n(" + e.Type + ")"
		}
	}
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

// report logs what the agent is not told.
func (s *Server) report(ctx context.Context, tool string, err error) {
	if s.Log == nil || errors.Is(err, context.Canceled) {
		return
	}
	if errs.KindOf(err) == errs.Internal {
		s.Log.ErrorContext(ctx, "a tool failed", "tool", tool, "err", err)
		return
	}
	s.Log.DebugContext(ctx, "a tool refused", "tool", tool, "err", err)
}
