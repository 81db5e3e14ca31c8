package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// A connection is what connect is told to connect.
type connection struct {
	url     string
	name    string
	method  string
	headers []string
	params  []string
	path    string
	auth    string
	body    string
}

func (c *commands) connectCommand() *cobra.Command {
	var conn connection
	cmd := &cobra.Command{
		Use:   "connect URL",
		Short: "Connect an API: test it, fetch every page, and write questions about it",
		Example: `  millwright connect https://api.example.com/v1/orders
  millwright connect https://api.example.com/v1/orders --path data.items --auth bearer=env:SHOP_TOKEN
  millwright connect https://api.example.com/search -X POST -d '{"q":"lamp"}' -H 'Accept: application/json'`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			conn.url = list[0]
			fields, err := c.fields(conn)
			if err != nil {
				return err
			}
			s, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			return c.connect(cmd.Context(), s, nameOf(conn), fields)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&conn.method, "request", "X", "", "HTTP `method`; GET, or POST when there is a body")
	flags.StringArrayVarP(&conn.headers, "header", "H", nil, "`header` as 'Name: value'; repeatable; env:VARIABLE or file:PATH as the value for a secret")
	flags.StringArrayVarP(&conn.params, "param", "p", nil, "query `parameter` as name=value; repeatable")
	flags.StringVar(&conn.path, "path", "", "response `path` to the records, such as data.items or $.rows[*]; found by looking if absent")
	flags.StringVar(&conn.auth, "auth", "", "bearer=env:VAR, basic=USER,env:VAR or api-key=NAME,env:VAR; file:PATH in place of env:VAR")
	flags.StringVarP(&conn.body, "data-raw", "d", "", "request `body`, sent as application/json")
	flags.StringVar(&conn.name, "name", "", "`name` of the datasource; by default made of the URL")
	return c.outputFlag(cmd)
}

// fields returns the connection as the API's fields.
func (c *commands) fields(conn connection) (map[string]any, error) {
	fields, err := c.authFields(conn.auth)
	if err != nil {
		return nil, err
	}
	headers, err := c.headers(conn.headers)
	if err != nil {
		return nil, err
	}
	params := map[string]string{}
	for _, p := range conn.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return nil, usage("--param takes name=value, not %q", p)
		}
		params[name] = value
	}
	fields["url"], fields["headers"], fields["parameters"] = conn.url, headers, params
	fields["method"] = strings.ToUpper(or(conn.method, "GET"))
	if conn.body != "" {
		fields["method"] = strings.ToUpper(or(conn.method, "POST"))
		fields["body"] = map[string]any{"type": "raw", "contentType": "application/json", "content": conn.body}
	}
	if conn.path != "" {
		fields["responsePathExtractor"] = conn.path
	}
	return fields, nil
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

// failure returns what the API said is wrong; nil if nothing is.
func (t tested) failure() error {
	if t.Success {
		return nil
	}
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(t.Data, &said) != nil || said.Message == "" {
		said.Message = string(t.Data)
	}
	return fmt.Errorf("%w: %s", errUpstream, printable(said.Message))
}

// connect does the four steps: test, datasource, credentials, run; then shows
// the questions.
func (c *commands) connect(ctx context.Context, s *session, name string, fields map[string]any) error {
	var t tested
	c.say("1/4 test the connection")
	if err := s.call(ctx, "POST", "/v1/http/test-connection", nil, fields, &t); err != nil {
		return err
	}
	if err := t.failure(); err != nil {
		return err
	}
	c.say("    %d · %d ms · %s · %s", t.Status, t.ResponseTime, bytesText(t.Size), t.ContentType)
	if why := t.Detected.ResponsePath.Evidence; why != "" {
		c.say("    records: %s", printable(why))
	}
	if why := t.Detected.Pagination.Evidence; why != "" {
		c.say("    paging: %s", printable(why))
	}
	var created struct {
		ID string `json:"id"`
	}
	c.say("2/4 save the datasource %q", name)
	datasource := map[string]any{"name": name, "project_id": s.project, "type": "http-requests", "uri": fields["url"], "status": "transformation_started"}
	if err := s.call(ctx, "POST", "/v1/datasources", nil, datasource, &created); err != nil {
		return err
	}
	c.say("3/4 save the credentials, encrypted")
	config := map[string]any{"url": fields["url"], "method": fields["method"], "headers": fields["headers"], "auth": fields["auth"]}
	credentials := map[string]any{"name": "Credentials for " + name, "type": "api", "datasource_id": created.ID, "metadata": config, "config": config}
	if err := s.call(ctx, "POST", "/v1/credentials", nil, credentials, nil); err != nil {
		return err
	}
	c.say("4/4 run it")
	return c.execute(ctx, s, created.ID, name, fields)
}

// execute runs the connection and follows its jobs to the questions.
func (c *commands) execute(ctx context.Context, s *session, datasource, name string, fields map[string]any) error {
	request := map[string]any{"project_id": s.project, "datasource_id": datasource,
		"connect_spec": map[string]any{"name": name, "id": "http-requests", "config": fields}}
	for key, value := range fields {
		request[key] = value
	}
	var started struct {
		Jobs []jobState `json:"jobs"`
	}
	if err := s.call(ctx, "POST", "/v1/http/execute-request", nil, request, &started); err != nil {
		return err
	}
	titles := map[string]string{"http_request": "    fetch", "analyze_dataset": "    analyse", "generate_queries": "    questions"}
	for _, j := range started.Jobs {
		if _, err := c.follow(ctx, s, j.ID, or(titles[j.Type], "    "+j.Type)); err != nil {
			return err
		}
	}
	return c.questions(ctx, s, datasource)
}

// questions prints the dataset and the programs that were written about it.
func (c *commands) questions(ctx context.Context, s *session, datasource string) error {
	var d struct {
		Datalines []struct {
			ID        string `json:"id"`
			TableName string `json:"table_name"`
			Rows      int64  `json:"rows"`
			Verdict   struct {
				State  string `json:"state"`
				Reason string `json:"reason"`
			} `json:"verdict"`
		} `json:"datalines"`
	}
	if err := s.call(ctx, "GET", "/v1/datasources/"+datasource+"/with_datalines", nil, nil, &d); err != nil {
		return err
	}
	for _, line := range d.Datalines {
		c.say("\n%s: %s rows, %s (%s)", line.TableName, count(line.Rows), line.Verdict.State, printable(line.Verdict.Reason))
		programs, err := s.programs(ctx, line.ID)
		if err != nil {
			return err
		}
		if err := listPrograms(programs).print(c.env.Stdout, c.output); err != nil {
			return err
		}
	}
	return nil
}
