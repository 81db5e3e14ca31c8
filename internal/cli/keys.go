package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// A keyLine is an API key in a listing; its secret is never in one.
type keyLine struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Display  string  `json:"display_value"`
	Enabled  bool    `json:"enabled"`
	Created  string  `json:"created_at"`
	LastUsed *string `json:"last_used"`
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
			g := grid{Columns: []string{"id", "name", "key", "enabled", "created", "last_used"}}
			for _, k := range keys {
				if s.embedded && s.shownAs(k.Display) {
					continue // it lives only as long as this command
				}
				last := any(nil)
				if k.LastUsed != nil {
					last = *k.LastUsed
				}
				g.Rows = append(g.Rows, []any{k.ID, k.Name, k.Display, k.Enabled, k.Created, last})
			}
			return c.print(g)
		}),
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Create a key and print it, once", Args: args(cobra.ExactArgs(1)),
		Example: "  millwright keys create dashboard > dashboard.key",
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			var pair [2]any
			if err := s.call(ctx, "POST", "/v1/authentication/api-key", nil, map[string]any{"name": names[0]}, &pair); err != nil {
				return err
			}
			c.say("This key is shown once:")
			_, err := fmt.Fprintln(c.env.Stdout, pair[1])
			return err
		}),
	}
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Revoke a key, from its next request on", Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, ids []string) error {
			if err := s.call(ctx, "DELETE", "/v1/authentication/api-key/"+url.PathEscape(ids[0]), nil, nil, nil); err != nil {
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
