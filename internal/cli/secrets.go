package cli

import (
	"context"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright/internal/errs"
)

// A secretLine is a secret in a listing; its value is never in one.
type secretLine struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Origins []string `json:"origins"`
	Changed string   `json:"updated_at"`
}

func (c *commands) secretsCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "secrets", Short: "Store, list and delete secrets that requests refer to by name"})
	list := &cobra.Command{
		Use: "list", Short: "List the secrets that the project's requests may refer to", Args: args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			var secrets []secretLine
			if err := s.call(ctx, "GET", "/v1/projects/"+s.project+"/secrets", nil, nil, &secrets); err != nil {
				return err
			}
			g := grid{Columns: []string{"name", "origins", "changed", "type", "id"}, Brief: 3, Typed: 1}
			for _, v := range secrets {
				g.Rows = append(g.Rows, []any{v.Name, strings.Join(v.Origins, " "), v.Changed, v.Type, v.ID})
			}
			if len(secrets) == 0 {
				g.Footer = "There are no secrets yet; 'millwright secrets set NAME' stores one."
			}
			return c.print(g)
		}),
	}
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a secret; requests that refer to it fail from then on", Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			team, err := s.team(ctx)
			if err != nil {
				return err
			}
			if err := s.call(ctx, "DELETE", "/v1/secrets/"+team+"/"+url.PathEscape(names[0]), nil, nil, nil); err != nil {
				return err
			}
			c.say("Deleted.")
			return nil
		}),
	}
	cmd.AddCommand(c.outputFlag(list), c.setSecret(), remove)
	return cmd
}

func (c *commands) setSecret() *cobra.Command {
	var origins []string
	var from string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Store a secret, or give it a new value", Args: args(cobra.ExactArgs(1)),
		Long: `Stores a secret, encrypted, or gives the one of that name a new value. A request
refers to it as {"secret": "NAME"} in place of a value. The value is typed where
nobody sees it, or comes from standard input or --from; it never stands on the
command line, and nothing shows it again.

It is sent only to the origins that are named; without any, to the first one that
it is used at.`,
		Example: `  millwright secrets set SHOP_TOKEN --origin https://api.example.com
  millwright secrets set SHOP_TOKEN < token.txt
  millwright secrets set SHOP_TOKEN --from env:SHOP_TOKEN`,
		RunE: func(cmd *cobra.Command, names []string) error {
			value, err := c.secretValue(from)
			if err != nil {
				return err
			}
			return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error {
				return c.storeSecret(ctx, s, names[0], value, origins)
			})
		},
	}
	cmd.Flags().StringSliceVar(&origins, "origin", nil, "`URL` of a host that it may be sent to; repeatable")
	cmd.Flags().StringVar(&from, "from", "", "`where` the value is: env:VARIABLE or file:PATH; by default it is asked for, or read from standard input")
	return cmd
}

// secretValue reads a secret without showing it.
func (c *commands) secretValue(from string) (string, error) {
	if from != "" {
		return c.reveal("--from", from)
	}
	var text []byte
	var err error
	if file, ok := c.env.Stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		c.say("The secret (it is not shown):")
		text, err = term.ReadPassword(int(file.Fd()))
	} else {
		text, err = io.ReadAll(io.LimitReader(c.env.Stdin, 1<<20))
	}
	if err != nil {
		return "", usage("the secret cannot be read: %v", err).Because(err)
	}
	// What ends the line is no part of it.
	if value := strings.TrimRight(string(text), "\r\n"); value != "" {
		return value, nil
	}
	return "", usage("there is no secret on standard input").Fix("--from env:VARIABLE", "--from file:PATH")
}

// storeSecret changes the secret of that name, or makes it.
func (c *commands) storeSecret(ctx context.Context, s *session, name, value string, origins []string) error {
	team, err := s.team(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"value": value}
	if len(origins) > 0 {
		body["origins"] = origins
	}
	var stored secretLine
	err = s.call(ctx, "PATCH", "/v1/secrets/"+team+"/"+url.PathEscape(name), nil, body, &stored)
	if errs.KindOf(err) == errs.NotFound {
		body["name"] = name
		err = s.call(ctx, "POST", "/v1/secrets/"+team, nil, body, &stored)
	}
	if err != nil {
		return err
	}
	if len(stored.Origins) == 0 {
		c.say("Stored. It will be sent only to the first origin that it is used at.")
	} else {
		c.say("Stored. It is sent only to %s.", printable(strings.Join(stored.Origins, ", ")))
	}
	return nil
}

// team returns the team of the session's project.
func (s *session) team(ctx context.Context) (string, error) {
	var project struct {
		Team string `json:"team_id"`
	}
	err := s.call(ctx, "GET", "/v1/projects/"+s.project, nil, nil, &project)
	return project.Team, err
}
