package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/api/mcp"
)

func (c *commands) mcpCommand() *cobra.Command {
	var g grant
	var write bool
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve the tools for agents on standard input and output (MCP)",
		Long: `Serves the Model Context Protocol on standard input and output, for agents that
start their tools as programs. It talks to a running server, or opens the data
folder itself if none runs. A server also offers it over HTTP, at /mcp.

Agents look and run, and see one project, whatever the key may do; --write lets
them change things too. For the time of the session it makes a key of its own that
may do no more, where the key that it was given may make one.`,
		Example: `  millwright mcp
  millwright mcp --project Shop --write
  millwright mcp --data ./mine`,
		Args: args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			g.agent, g.scopes = true, agentScopes()
			if write {
				g.scopes = append(g.scopes, "write")
			}
			return c.bridge(ctx, s, g)
		}),
	}
	cmd.Flags().StringVar(&g.project, "project", "", "the only `project` that agents see, by id or name; the first one by default")
	cmd.Flags().BoolVar(&write, "write", false, "let agents connect APIs, fetch again, and write and publish programs")
	return cmd
}

// bridge lets an agent on the pipes talk to the session's server.
func (c *commands) bridge(ctx context.Context, s *session, g grant) (err error) {
	p, err := s.findNamedProject(ctx, or(g.project, s.project))
	if err != nil {
		return err
	}
	g.project = p.ID
	key, drop := s.agentKey(ctx, g)
	defer func() { err = errors.Join(err, drop()) }()
	narrow := url.Values{"scopes": {strings.Join(g.scopes, ",")}, "project_id": {g.project}}
	b := &mcp.Bridge{Endpoint: s.base + mcp.Path + "?" + narrow.Encode(), Key: key, Client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}
	in, ok := c.env.Stdin.(io.ReadCloser)
	if !ok {
		in = io.NopCloser(c.env.Stdin)
	}
	return b.Run(ctx, in, c.env.Stdout)
}

// agentKeyName names the keys of sessions on pipes.
const agentKeyName = "Agent on a pipe"

// agentKey makes a key for the session that may do what g says, and the function
// that revokes it. Those that killed sessions left behind are revoked when they are
// a day old. If the session's own key can make none, it is used, and the server is
// told to take it for less.
func (s *session) agentKey(ctx context.Context, g grant) (key string, drop func() error) {
	var keys []keyLine
	if err := s.call(ctx, "GET", "/v1/authentication/api-keys", nil, nil, &keys); err != nil {
		return s.key.Reveal(), func() error { return nil }
	}
	old := slices.DeleteFunc(keys, func(k keyLine) bool {
		made, err := time.Parse(time.RFC3339, k.Created)
		return k.Name != agentKeyName || err != nil || time.Since(made) < 24*time.Hour
	})
	for _, k := range old {
		// It may be gone by now, and if not, there is a next time.
		_ = s.revoke(ctx, k.ID)
	}
	key, id, err := s.createKey(ctx, agentKeyName, g)
	if err != nil {
		return s.key.Reveal(), func() error { return nil }
	}
	return key, func() error {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return s.revoke(late, id)
	}
}

func (s *session) revoke(ctx context.Context, id string) error {
	return s.call(ctx, "DELETE", "/v1/authentication/api-key/"+url.PathEscape(id), nil, nil, nil)
}
