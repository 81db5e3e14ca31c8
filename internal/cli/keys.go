package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// A keyLine is an API key in a listing; its secret is never in one.
type keyLine struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Display  string   `json:"display_value"`
	Enabled  bool     `json:"enabled"`
	Scopes   []string `json:"scopes"`
	Project  *string  `json:"project_id"`
	Rate     int      `json:"rate_per_minute"`
	Created  string   `json:"created_at"`
	LastUsed *string  `json:"last_used"`
}

// A grant is what a new key may be used for.
type grant struct {
	scopes  []string
	project string // id, or name
	rate    int
	agent   bool // what an agent needs: look and run, in one project
}

// agentScopes are what an agent may do unless a person says more.
func agentScopes() []string { return []string{"read", "run"} }

func (c *commands) createKeyCommand() *cobra.Command {
	var g grant
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a key and print it, once", Args: args(cobra.ExactArgs(1)),
		Long: `Creates a key and prints it, once. By default it may do all that its maker may.

Scopes narrow that: read looks, run runs programs and SQL and calls what is
published, write changes things and makes requests to other APIs, admin manages
keys and people. --project leaves it one project. --for-agent makes a key that
reads and runs in one project.`,
		Example: `  millwright keys create dashboard > dashboard.key
  millwright keys create assistant --for-agent > agent.key
  millwright keys create website --scope run --project Shop --rate 600`,
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			key, _, err := s.createKey(ctx, names[0], g)
			if err != nil {
				return err
			}
			c.say("This key is shown once:")
			_, err = fmt.Fprintln(c.env.Stdout, key)
			return err
		}),
	}
	cmd.Flags().StringSliceVar(&g.scopes, "scope", nil, "what it may be used for: `read`, run, write or admin; repeatable; all by default")
	cmd.Flags().StringVar(&g.project, "project", "", "the only `project` that it sees, by id or name; all by default")
	cmd.Flags().IntVar(&g.rate, "rate", 0, "how many `requests` a minute it may make; the server's --rate-limit by default")
	cmd.Flags().BoolVar(&g.agent, "for-agent", false, "a key for an agent: it reads and runs, and sees only the first project, or --project")
	return cmd
}

// createKey makes a key and returns it with its id.
func (s *session) createKey(ctx context.Context, name string, g grant) (key, id string, err error) {
	body := map[string]any{"name": name}
	if g.agent && g.scopes == nil {
		g.scopes = agentScopes()
	}
	if g.agent && g.project == "" {
		g.project = s.project
	}
	if len(g.scopes) > 0 {
		body["scopes"] = g.scopes
	}
	if g.rate != 0 {
		body["rate_per_minute"] = g.rate
	}
	if g.project != "" {
		p, err := s.findNamedProject(ctx, g.project)
		if err != nil {
			return "", "", err
		}
		body["project_id"] = p.ID
	}
	var pair [2]json.RawMessage
	if err := s.call(ctx, "POST", "/v1/authentication/api-key", nil, body, &pair); err != nil {
		return "", "", err
	}
	var made keyLine
	err = errors.Join(json.Unmarshal(pair[0], &made), json.Unmarshal(pair[1], &key))
	return key, made.ID, err
}

// A projectLine is a project as the server shows it.
type projectLine struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (p projectLine) names() (id, name, table string) { return p.ID, p.Name, p.ID }

// findNamedProject returns the project that name means, by its id or its name.
func (s *session) findNamedProject(ctx context.Context, name string) (projectLine, error) {
	var all []projectLine
	if err := s.call(ctx, "GET", "/v1/projects", nil, nil, &all); err != nil {
		return projectLine{}, err
	}
	return choose(all, "project", name)
}

func orNull(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

func (c *commands) keysCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "keys", Short: "List, create and revoke API keys"})
	list := &cobra.Command{
		Use: "list", Short: "List the keys", Args: args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			var keys []keyLine
			if err := s.call(ctx, "GET", "/v1/authentication/api-keys", nil, nil, &keys); err != nil {
				return err
			}
			g := grid{Columns: []string{"id", "name", "key", "enabled", "created", "last_used", "scopes", "project", "rate"}}
			for _, k := range keys {
				if s.embedded && s.shownAs(k.Display) {
					continue // it lives only as long as this command
				}
				last := any(nil)
				if k.LastUsed != nil {
					last = *k.LastUsed
				}
				g.Rows = append(g.Rows, []any{k.ID, k.Name, k.Display, k.Enabled, k.Created, last, strings.Join(k.Scopes, " "), orNull(k.Project), k.Rate})
			}
			return c.print(g)
		}),
	}
	create := c.createKeyCommand()
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Revoke a key, from its next request on", Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, ids []string) error {
			if err := s.revoke(ctx, ids[0]); err != nil {
				return err
			}
			c.say("Revoked.")
			return nil
		}),
	}
	cmd.AddCommand(c.outputFlag(list), create, revoke)
	return cmd
}

// shownAs reports whether the session's own key is the one that is shown as
// display: its beginning and its end.
func (s *session) shownAs(display string) bool {
	begin, end, ok := strings.Cut(display, "…")
	key := s.key.Reveal()
	return ok && strings.HasPrefix(key, begin) && strings.HasSuffix(key, end)
}
