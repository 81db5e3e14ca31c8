package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// An apiLine is an API as the server shows it.
type apiLine struct {
	Name      string         `json:"name"`
	Slug      string         `json:"slug"`
	Version   string         `json:"version"`
	Status    string         `json:"status"`
	URL       string         `json:"url"`
	Newest    string         `json:"newest_version"`
	Reason    string         `json:"reason"`
	Endpoints []endpointLine `json:"endpoints"`
}

// An endpointLine is an endpoint as the server shows it.
type endpointLine struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	Description    string `json:"description"`
	Status         string `json:"status"`
	QueryProgramID string `json:"queryprogram_id"`
	Slots          []struct {
		Name string `json:"name"`
	} `json:"slot_list"`
}

func (c *commands) publishCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish NAME",
		Short: "Publish a question as an endpoint of the project's API",
		Long: `Publishes a question as an endpoint of the project's API and prints its URL. The
question's slots are the endpoint's parameters. NAME is what 'millwright query list' shows.

What is published stays as it is when the question is edited, until it is published
again. If that would break those who call it, the next version of the API opens, and
the one before goes on answering.`,
		Example: `  millwright publish orders-by-status
  millwright apis`,
		Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			p, err := s.programNamed(ctx, names[0], "publish")
			if err != nil {
				return err
			}
			if err := s.call(ctx, "PATCH", "/v1/queryprograms/"+url.PathEscape(p.ID)+"/publish", nil, map[string]any{}, nil); err != nil {
				return err
			}
			var api apiLine
			if err := s.call(ctx, "GET", "/v1/apis/queryprogram/"+url.PathEscape(p.ID), nil, nil, &api); err != nil {
				return err
			}
			return c.print(published(api, p.ID, s.site()))
		}),
	}
	return c.outputFlag(cmd)
}

func (c *commands) unpublishCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unpublish NAME",
		Short: "Take the endpoint of a question away",
		Args:  args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			p, err := s.programNamed(ctx, names[0], "unpublish")
			if err != nil {
				return err
			}
			if err := s.call(ctx, "PATCH", "/v1/queryprograms/"+url.PathEscape(p.ID)+"/unpublish", nil, map[string]any{}, nil); err != nil {
				return err
			}
			c.say("%s is not published any more; whoever calls it is told so.", p.typed)
			return nil
		}),
	}
}

func (c *commands) apisCommand() *cobra.Command {
	return c.outputFlag(&cobra.Command{
		Use:   "apis",
		Short: "List what the project has published, in every version",
		Args:  args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			var versions []apiLine
			if err := s.call(ctx, "GET", "/v1/apis/project/"+s.project+"/versions", nil, nil, &versions); err != nil {
				return err
			}
			return c.print(listAPIs(versions, s.site()))
		}),
	})
}

// site returns where the server is, for URLs that are printed; nothing for one that
// lives only as long as the command.
func (s *session) site() string {
	if s.embedded {
		return ""
	}
	return s.base
}

// programNamed returns the program of the project that name means; see find.
func (s *session) programNamed(ctx context.Context, name, command string) (programLine, error) {
	programs, err := s.programs(ctx)
	if err != nil {
		return programLine{}, err
	}
	return find(programs, name, command)
}

var endpointColumns = []string{"url", "parameters", "status", "question", "name", "version"}

func (e endpointLine) row(base, version string) []any {
	names := []string{}
	for _, slot := range e.Slots {
		names = append(names, slot.Name)
	}
	return []any{base + e.URL, strings.Join(names, " "), e.Status, e.Description, e.Name, version}
}

func published(api apiLine, program, base string) grid {
	g := grid{Columns: endpointColumns, Brief: 4, Typed: 1}
	for _, e := range api.Endpoints {
		if e.QueryProgramID == program {
			g.Rows = append(g.Rows, e.row(base, api.Version))
		}
	}
	g.Footer = fmt.Sprintf("For people: %s%s  For tools: %s%s/tools.json", base, api.URL, base, api.URL)
	if api.Reason != "" {
		g.Footer += fmt.Sprintf("\n%s took the place of the version before: %s.", api.Version, strings.ReplaceAll(api.Reason, "\n", "; "))
	}
	return g
}

func listAPIs(versions []apiLine, base string) grid {
	g := grid{Columns: endpointColumns, Brief: 4, Typed: 1}
	for _, v := range versions {
		for _, e := range v.Endpoints {
			g.Rows = append(g.Rows, e.row(base, v.Version))
		}
	}
	if len(g.Rows) == 0 {
		g.Footer = "Nothing is published yet; 'millwright publish NAME' does it."
		return g
	}
	newest := versions[slices.IndexFunc(versions, func(v apiLine) bool { return v.Version == v.Newest })]
	g.Footer = fmt.Sprintf("For people: %s%s  For tools: %s%s/tools.json", base, newest.URL, base, newest.URL)
	return g
}
