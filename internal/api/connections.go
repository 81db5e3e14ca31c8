package api

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// A Connection describes a request. Its fields may be spelled in camelCase or
// snake_case; it is parsed by [httpsource.ParseSpec], which names each wrong
// field, so the body is taken as it comes.
type Connection struct{ json.RawMessage }

// UnmarshalJSON keeps the text: header and parameter names are the caller's own.
func (c *Connection) UnmarshalJSON(text []byte) error {
	c.RawMessage = append(c.RawMessage[:0], text...)
	return nil
}

// Schema describes the request's fields in the guide's spelling.
func (Connection) Schema(r huma.Registry) *huma.Schema {
	texts := func(doc string) *huma.Schema {
		return &huma.Schema{Type: "object", AdditionalProperties: true, Description: doc}
	}
	word := func(doc string, example any) *huma.Schema {
		s := &huma.Schema{Type: "string", Description: doc}
		if example != nil {
			s.Examples = []any{example}
		}
		return s
	}
	return &huma.Schema{
		Type: "object", AdditionalProperties: true,
		Description: "A request. Every field may also be spelled in snake_case.",
		Properties: map[string]*huma.Schema{
			"url":                   word("Where to; its query is sent as it is", "https://api.example.com/v1/orders"),
			"method":                word("GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS", "GET"),
			"headers":               texts("Header names and values; a value may be {secret: NAME}"),
			"parameters":            texts("Query parameters: a value, or {value, required}; a value may be {secret: NAME}"),
			"parameterGroups":       {Type: "array", Items: texts("{required, parameters: [{key, value}]}"), Description: "Alternatives: of each group the first parameter with a value is sent"},
			"authType":              word("None, API Key, Bearer Token, Basic Auth, OAuth 2.0, Digest Auth, Session Login or mTLS", "Bearer Token"),
			"auth":                  texts("apiKey {name, value, location}, bearerToken, basicAuth or digestAuth {username, password}, oauth2 {tokenUrl, clientId, clientSecret, refreshToken, scopes, params, style}, or sessionLogin {url, method, headers, body, token {in, path}, send {location, name, prefix}}; a secret may be {secret: NAME} in place of its value"),
			"body":                  texts("{type: raw | form-data | x-www-form-urlencoded, contentType, content, parameters}"),
			"responsePathExtractor": word("Where the records are, such as data.items or $.rows[*]; found by looking if absent", "data.orders"),
			"options":               texts("pagination, limits, retry, rate, parallel, tls {ca, cert, key}, on_partial"),
			"project_id":            word("execute-request: whose data; test-connection: whose secrets, those of all the caller's teams if absent", nil),
			"datasource_id":         word("execute-request: which connection", nil),
			"connect_spec":          texts("execute-request: {name, id, config}; config fills what is absent above"),
		},
	}
}

// A TestResult is what a test of a connection found.
type TestResult struct {
	Success      bool              `json:"success" doc:"Whether records came"`
	Status       int               `json:"status" doc:"HTTP status of the API; 0 if it did not answer"`
	ResponseTime int64             `json:"response_time" doc:"Milliseconds until the answer began"`
	ContentType  string            `json:"content_type"`
	Size         int64             `json:"size" doc:"Bytes received"`
	Data         any               `json:"data" doc:"What the response path selects (its beginning); on failure {message, type, fixes}"`
	Headers      map[string]string `json:"headers"`
	Records      int64             `json:"records" doc:"Records seen by the test"`
	Pages        int64             `json:"pages" doc:"Pages fetched by the test"`
	Detected     *Detected         `json:"detected,omitempty"`
	Verdict      *Verdict          `json:"verdict,omitempty"`
	Suggestions  []string          `json:"suggestions"`
	RawSample    string            `json:"raw_sample" doc:"The beginning of the body"`
	RawSampleCut bool              `json:"raw_sample_cut" doc:"Whether the body is longer"`
}

// A Failure explains why a connection does not work.
type Failure struct {
	Message string   `json:"message"`
	Type    string   `json:"type"`
	Fixes   []string `json:"fixes"`
}

// Started says which jobs an execution consists of.
type Started struct {
	Jobs         []Job  `json:"jobs"`
	DataObjectID string `json:"data_object_id" doc:"The Parquet file, once the first job is completed"`
}

func (s *Server) connections(a huma.API) {
	route(s, a, "POST /v1/http/test-connection", "http", "Make the request once, up to a limit; stores nothing", s.testConnection)
	route(s, a, "POST /v1/http/execute-request", "http", "Fetch every page, land them as Parquet, and write questions", s.executeRequest)
}

func (s *Server) testConnection(ctx context.Context, in *struct{ Body Connection }) (*out[TestResult], error) {
	// A test stores nothing, but it makes this machine send what the caller says.
	if err := s.mayChangeSomewhere(ctx, ""); err != nil {
		return nil, err
	}
	spec, err := httpsource.ParseSpec(in.Body.RawMessage)
	if err != nil {
		return nil, err
	}
	secrets, err := s.secretsFor(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	outcome, err := s.Ingest.Test(ctx, spec, secrets)
	// A refusal of ours (a private address) is the caller's error. Once the API has
	// answered, or should have, what is wrong is the test's result: the caller wants
	// to see the answer next to the explanation.
	if err != nil && outcome.Status == 0 && errs.KindOf(err) != errs.Upstream && errs.KindOf(err) != errs.TooLarge {
		return nil, err
	}
	return ok(testResult(outcome, err)), nil
}

func testResult(o httpsource.Outcome, err error) TestResult {
	w := TestResult{Success: err == nil, Status: o.Status, ResponseTime: o.Latency.Milliseconds(), ContentType: o.ContentType, Size: o.Bytes,
		Headers: map[string]string{}, Records: o.Records, Pages: o.Pages, Suggestions: orEmpty(o.Suggestions), RawSample: string(o.Head), RawSampleCut: o.HeadCut}
	for name, values := range o.Header {
		w.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	if err != nil {
		f := Failure{Message: errs.Public(err), Type: "upstream", Fixes: []string{}}
		if e, found := errs.Find(err); found {
			f.Type, f.Fixes = e.Type, append(f.Fixes, e.Fixes...)
		}
		w.Data = f
		return w
	}
	w.Detected, w.Verdict = detectedWire(o.Detected), verdictWire(o.Verdict)
	w.Data = o.Sample
	if o.Sample == nil {
		w.Data = []json.RawMessage{}
	}
	return w
}

// An execution names what execute-request needs besides the request.
type execution struct {
	ProjectID     string `json:"project_id"`
	ProjectID2    string `json:"projectId"`
	DatasourceID  string `json:"datasource_id"`
	DatasourceID2 string `json:"datasourceId"`
}

func (c Connection) execution() (e execution, err error) {
	if err := json.Unmarshal(c.RawMessage, &e); err != nil {
		return e, errs.New(errs.Invalid, "project_id and datasource_id are not text").Because(err)
	}
	for _, f := range []struct{ to, from *string }{{&e.ProjectID, &e.ProjectID2}, {&e.DatasourceID, &e.DatasourceID2}} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	return e, nil
}

// secretsFor returns a lookup in the secrets that a test may use: those of the
// project that it names, or else of the teams in which the caller may change
// something.
func (s *Server) secretsFor(ctx context.Context, c Connection) (httpsource.Lookup, error) {
	e, err := c.execution()
	if err != nil {
		return nil, err
	}
	if e.ProjectID != "" {
		return s.Sources.SecretsOfProject(e.ProjectID), s.mayAddTo(ctx, e.ProjectID)
	}
	var teams []string
	for _, team := range caller(ctx).TeamIDs {
		if caller(ctx).MayChange(team) == nil {
			teams = append(teams, team)
		}
	}
	return s.Sources.SecretsOfTeams(teams), nil
}

func (s *Server) executeRequest(ctx context.Context, in *struct{ Body Connection }) (*out[Started], error) {
	e, err := in.Body.execution()
	if err != nil {
		return nil, err
	}
	if err := s.mayAddTo(ctx, e.ProjectID); err != nil {
		return nil, err
	}
	if e.DatasourceID == "" {
		return nil, errs.New(errs.Invalid, "datasource_id is missing").Named("field-missing").At("/datasource_id")
	}
	d, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, e.DatasourceID)
	if err == nil && d.ProjectID != e.ProjectID {
		err = errs.New(errs.NotFound, "no such datasource")
	}
	if err != nil {
		return nil, pointAt(err, "/datasource_id")
	}
	spec, err := httpsource.ParseExecute(in.Body.RawMessage)
	if err != nil {
		return nil, err
	}
	return s.start(ctx, d, spec, nil)
}

// pointAt adds the field to an error that another package made, if it names none.
func pointAt(err error, pointer string) error {
	e, found := errs.Find(err)
	if !found || len(e.Fields) > 0 {
		return err
	}
	pointed := *e
	pointed.Fields = []errs.Field{{Pointer: pointer}}
	return &pointed
}

// publicSpec returns the request that a datasource makes, or null.
func (s *Server) publicSpec(ctx context.Context, datasource string) (Object, error) {
	spec, err := s.Sources.PublicSpec(ctx, datasource)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	return Object(spec), err
}
