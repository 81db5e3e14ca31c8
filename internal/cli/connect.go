package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/errs"
)

// A connection is what connect is told to connect.
type connection struct {
	url      string
	name     string
	method   string
	headers  []string
	params   []string
	path     string
	auth     string
	body     string
	curl     string
	curlFile string

	openapi   string // where the document is
	operation string // of the document

	landing landingChoice // of its runs
}

func (c *commands) connectCommand() *cobra.Command {
	var conn connection
	var allow []string
	cmd := &cobra.Command{
		Use:   "connect URL",
		Short: "Connect an API: test it, fetch every page, and write questions about it",
		Long: `Connects an API in four steps: tests the request, saves it as a datasource, saves
its credentials encrypted, and runs it. Then prints the questions that were
written about its records. If a step fails, or Ctrl-C stops it, nothing half-made
is kept.

Secrets are named, never typed: env:VARIABLE or file:PATH, or secret:NAME for one
that 'millwright secrets set' stored. A curl command that is
typed after --curl is visible to ps and kept in the shell's history with all its
secrets: read it from a file or from standard input instead.`,
		Example: `  millwright connect https://api.example.com/v1/orders
  millwright connect https://api.example.com/v1/orders --path data.items --auth bearer=env:SHOP_TOKEN
  millwright connect https://api.example.com/v1/orders -p status=open -H 'X-Shop-Key: file:/run/secrets/shop'
  millwright connect https://api.example.com/search -X POST -d '{"q":"lamp"}'
  millwright connect --curl 'curl https://api.example.com/v1/orders -H "Accept: application/json"'
  millwright connect --curl-file request.txt --path data.items
  millwright connect --openapi https://api.example.com/openapi.json
  millwright connect --openapi shop.yaml --operation listOrders --auth bearer=env:SHOP_TOKEN
  millwright connect https://api.example.com/v1/orders --mode merge --key id --cursor updated_at=since --lookback 1h
  millwright connect http://10.1.2.3/orders --allow-cidr 10.1.2.0/24`,
		RunE: func(cmd *cobra.Command, list []string) error {
			if _, err := conn.landing.setting(); err != nil {
				return err
			}
			if conn.openapi != "" || conn.operation != "" {
				return c.fromDocument(cmd, conn, allow, list)
			}
			command, err := c.pasted(cmd, conn, list)
			if err != nil {
				return err
			}
			var r request
			if command == "" {
				conn.url = list[0]
				if r, err = c.request(conn); err != nil {
					return err
				}
			}
			return c.withSession(cmd.Context(), allow, func(ctx context.Context, s *session) error {
				if command != "" {
					if r, err = c.read(ctx, s, command, conn); err != nil {
						return err
					}
					conn.url = r.URL
				}
				_, err := c.connectTo(ctx, s, conn, r)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&conn.method, "request", "X", "", "HTTP `method`; by default GET, or POST when there is a body")
	flags.StringArrayVarP(&conn.headers, "header", "H", nil, "`header` as 'Name: value', where value may be env:VARIABLE, file:PATH or secret:NAME; repeatable")
	flags.StringArrayVarP(&conn.params, "param", "p", nil, "query `parameter` as name=value, where value may be env:VARIABLE, file:PATH or secret:NAME; repeatable")
	flags.StringVar(&conn.path, "path", "", "response `path` to the records, such as data.items or $.rows[*]; found by looking if absent")
	flags.StringVar(&conn.auth, "auth", "", "`how` to sign in: bearer=env:VAR, basic=USER,env:VAR or api-key=HEADER,env:VAR (query.NAME, cookie.NAME); file:PATH or secret:NAME in place of env:VAR")
	flags.StringVarP(&conn.body, "data-raw", "d", "", "request `body`, sent as application/json; @FILE reads it, @- from standard input")
	flags.StringVar(&conn.curl, "curl", "", "the request as a curl `command`; - reads it from standard input, where ps does not see its secrets")
	flags.StringVar(&conn.curlFile, "curl-file", "", "`file` that holds the request as a curl command")
	flags.StringVar(&conn.openapi, "openapi", "", "`document` of OpenAPI 3 that describes the API, a file or an address: lists the operations that can be connected")
	flags.StringVar(&conn.operation, "operation", "", "`name` of the operation of the document to connect; what it needs is given by --param, -H, -d and --auth")
	flags.StringVar(&conn.name, "name", "", "`name` of the datasource; by default made of the URL")
	conn.landing.flags(cmd)
	c.allowFlag(cmd, &allow)
	return c.outputFlag(cmd)
}

// A request is a request to the other API as ours spells it.
type request struct {
	ProjectID    string          `json:"project_id,omitempty"`
	DatasourceID string          `json:"datasource_id,omitempty"`
	URL          string          `json:"url"`
	Method       string          `json:"method"`
	Headers      map[string]any  `json:"headers,omitempty"`
	Parameters   map[string]any  `json:"parameters,omitempty"`
	AuthType     string          `json:"authType"`
	Auth         *authentication `json:"auth,omitempty"`
	Body         *requestBody    `json:"body,omitempty"`
	Path         string          `json:"responsePathExtractor,omitempty"`
	Options      *requestOptions `json:"options,omitempty"`
}

type requestOptions struct {
	Run *runSetting `json:"run,omitempty"`
}

type requestBody struct {
	Type        string `json:"type"`
	ContentType string `json:"contentType,omitempty"`
	Content     string `json:"content,omitempty"`

	// Parameters are the fields of a form, in their order.
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// request returns the request that the flags describe, its secrets read.
func (c *commands) request(conn connection) (request, error) {
	r := request{URL: conn.url, Method: strings.ToUpper(or(conn.method, "GET")), Path: conn.path}
	err := checkURL(conn.url)
	if err != nil {
		return r, err
	}
	if err := c.authenticate(&r, conn.auth); err != nil {
		return r, err
	}
	if r.Headers, err = c.pairs("-H", ":", "'Name: value'", conn.headers); err != nil {
		return r, err
	}
	if r.Parameters, err = c.pairs("--param", "=", "name=value", conn.params); err != nil {
		return r, err
	}
	if conn.body == "" {
		return r, nil
	}
	r.Method = strings.ToUpper(or(conn.method, "POST"))
	content, err := c.content(conn.body)
	r.Body = &requestBody{Type: "raw", ContentType: "application/json", Content: content}
	return r, err
}

// nameOf makes a short name of the URL: its last path element, else its host.
func nameOf(conn connection) string {
	if conn.name != "" {
		return conn.name
	}
	u, err := url.Parse(conn.url)
	if err != nil {
		return "connection"
	}
	parts := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	if len(parts) == 0 {
		return or(u.Hostname(), "connection")
	}
	last := parts[len(parts)-1]
	return or(strings.TrimSuffix(last, ".json"), last)
}

// A tested is the answer of test-connection.
type tested struct {
	Success      bool            `json:"success"`
	Status       int             `json:"status"`
	ResponseTime int64           `json:"response_time"`
	ContentType  string          `json:"content_type"`
	Size         int64           `json:"size"`
	Data         json.RawMessage `json:"data"`
	Detected     struct {
		ResponsePath struct {
			Path     string `json:"path"`
			Evidence string `json:"evidence"`
		} `json:"response_path"`
		Pagination struct {
			Kind     string `json:"kind"`
			Evidence string `json:"evidence"`
		} `json:"pagination"`
	} `json:"detected"`
}

// failure returns what the API did wrong with r; nil if nothing.
func (t tested) failure(r request) error {
	if t.Success {
		return nil
	}
	var said struct {
		Message string   `json:"message"`
		Type    string   `json:"type"`
		Fixes   []string `json:"fixes"`
	}
	if err := json.Unmarshal(t.Data, &said); err != nil || said.Message == "" {
		return errs.New(errs.Upstream, "the test failed: %s", t.Data)
	}
	if t.Status == http.StatusUnauthorized && r.Auth == nil {
		said.Message = withoutFixes(said.Message, said.Fixes)
		said.Fixes = []string{"--auth bearer=env:VARIABLE, or what else 'millwright connect --help' shows"}
	}
	return errs.New(errs.Upstream, "%s", withoutFixes(said.Message, said.Fixes)).Named(said.Type).Fix(said.Fixes...)
}

func (c *commands) showTest(t tested) {
	c.say("    %d in %d ms, %s of %s", t.Status, t.ResponseTime, bytesText(t.Size), printable(t.ContentType))
	path := t.Detected.ResponsePath
	c.say("    records: %s: %s", printable(or(path.Path, "the whole answer")), printable(path.Evidence))
	if paging := t.Detected.Pagination; paging.Evidence != "" {
		c.say("    paging: %s", printable(paging.Evidence))
	}
}

// connectTo is connect for what the flags say.
func (c *commands) connectTo(ctx context.Context, s *session, conn connection, r request) ([]programLine, error) {
	run, err := conn.landing.setting()
	if err != nil {
		return nil, err
	}
	if run != nil {
		r.Options = &requestOptions{Run: run}
	}
	return c.connect(ctx, s, nameOf(conn), r)
}

// connect does the four steps: test, datasource, credentials, run; then shows
// the questions, and returns them.
func (c *commands) connect(ctx context.Context, s *session, name string, r request) ([]programLine, error) {
	var t tested
	if err := c.step(ctx, s, "1/4 test the connection", "/v1/http/test-connection", r, &t); err != nil {
		return nil, err
	}
	if err := t.failure(r); err != nil {
		return nil, err
	}
	c.showTest(t)
	var created struct {
		ID string `json:"id"`
	}
	datasource := map[string]string{"name": name, "project_id": s.project, "type": "http-requests", "uri": r.URL}
	if err := c.step(ctx, s, fmt.Sprintf("2/4 save the datasource %q", name), "/v1/datasources", datasource, &created); err != nil {
		return nil, err
	}
	if err := c.fill(ctx, s, created.ID, name, r); err != nil {
		return nil, c.discard(ctx, s, created.ID, err)
	}
	return c.questions(ctx, s, created.ID)
}

// fill saves the credentials of a new datasource and runs it.
func (c *commands) fill(ctx context.Context, s *session, datasource, name string, r request) error {
	type config struct {
		URL     string          `json:"url"`
		Method  string          `json:"method"`
		Headers map[string]any  `json:"headers,omitempty"`
		Auth    *authentication `json:"auth,omitempty"`
	}
	credentials := struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		Datasource string `json:"datasource_id"`
		Config     config `json:"config"`
	}{"Credentials for " + name, "api", datasource, config{r.URL, r.Method, r.Headers, r.Auth}}
	if err := c.step(ctx, s, "3/4 save its credentials, encrypted", "/v1/credentials", credentials, nil); err != nil {
		return err
	}
	r.ProjectID, r.DatasourceID = s.project, datasource
	var started startedJobs
	if err := c.step(ctx, s, "4/4 run it", "/v1/http/execute-request", r, &started); err != nil {
		return err
	}
	return started.follow(ctx, c, s, "the questions")
}

// step makes one call of the four, and shows it if the session is in the open.
func (c *commands) step(ctx context.Context, s *session, title, path string, body, out any) error {
	c.say("%s", printable(title))
	if c.show != nil {
		c.show(s.base+path, body)
	}
	return s.call(ctx, "POST", path, nil, body, out)
}

// discard removes a datasource that never got its data, and returns why. Data
// that landed before a later step failed are kept.
func (c *commands) discard(ctx context.Context, s *session, datasource string, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	lines, err := s.datalines(ctx, datasource)
	if err == nil && len(lines) > 0 {
		c.say("%s: what came is kept, %s.", lines[0].TableName, plural(lines[0].Rows, "row"))
		return why
	}
	if err == nil {
		err = s.call(ctx, "DELETE", "/v1/datasources/"+datasource, url.Values{"permanent": {"true"}}, nil, nil)
	}
	if err != nil {
		c.say("The datasource %s is still there: it could not be removed (%v).", datasource, err)
		return why
	}
	c.say("Nothing was kept.")
	return why
}

// A dataline is a dataset as the server shows it.
type dataline struct {
	ID        string `json:"id"`
	TableName string `json:"table_name"`
	Version   int64  `json:"version"`
	Rows      int64  `json:"rows"`
	Verdict   struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	} `json:"verdict"`
}

// datalines returns the datasets of a datasource.
func (s *session) datalines(ctx context.Context, datasource string) ([]dataline, error) {
	var d struct {
		Datalines []dataline `json:"datalines"`
	}
	err := s.call(ctx, "GET", "/v1/datasources/"+datasource+"/with_datalines", nil, nil, &d)
	return d.Datalines, err
}

// questions prints the dataset and the programs that were written about it, and
// returns those.
func (c *commands) questions(ctx context.Context, s *session, datasource string) ([]programLine, error) {
	lines, err := s.datalines(ctx, datasource)
	if err != nil {
		return nil, err
	}
	programs, err := s.programs(ctx)
	if err != nil {
		return nil, err
	}
	programs = slices.DeleteFunc(programs, func(p programLine) bool {
		return !slices.ContainsFunc(lines, func(l dataline) bool { return l.ID == p.DatalineID })
	})
	for _, line := range lines {
		c.say("\n%s: %s, %s (%s)\n", line.TableName, plural(line.Rows, "row"), line.Verdict.State, printable(line.Verdict.Reason))
	}
	return programs, c.print(listPrograms(programs))
}
