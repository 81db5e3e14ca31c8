package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// A programLine is a query program in a listing.
type programLine struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Cue  string `json:"cue"`
	Kind string `json:"kind"`
}

func (c *commands) queryCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "query", Short: "List and run the questions"}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the questions of the project",
		Args:  args(cobra.NoArgs),
		RunE: c.withSession(func(ctx context.Context, s *session, _ []string) error {
			programs, err := s.programs(ctx, "")
			if err != nil {
				return err
			}
			return listPrograms(programs).print(c.env.Stdout, c.output)
		}),
	}
	var slots []string
	run := &cobra.Command{
		Use:     "run NAME|ID",
		Short:   "Run a question and print its answer",
		Example: "  millwright query run orders-by-status\n  millwright query run orders-by-status --slot limit=5 -o csv",
		Args:    args(cobra.ExactArgs(1)),
		RunE: c.withSession(func(ctx context.Context, s *session, list []string) error {
			values, err := slotValues(slots)
			if err != nil {
				return err
			}
			return c.run(ctx, s, list[0], values)
		}),
	}
	run.Flags().StringArrayVar(&slots, "slot", nil, "slot value as `name=value`; repeatable")
	cmd.AddCommand(c.outputFlag(list), c.outputFlag(run))
	return cmd
}

// withSession opens the session around a command.
func (c *commands) withSession(do func(context.Context, *session, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) (err error) {
		s, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		defer func() {
			if closed := s.close(); err == nil {
				err = closed
			}
		}()
		return do(cmd.Context(), s, list)
	}
}

func slotValues(flags []string) (url.Values, error) {
	values := url.Values{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok {
			return nil, usage("--slot takes name=value, not %q", flag)
		}
		values.Add(name, value)
	}
	return values, nil
}

// programs returns the programs of one dataset, or of the whole project.
func (s *session) programs(ctx context.Context, dataline string) ([]programLine, error) {
	var programs []programLine
	if dataline != "" {
		return programs, s.call(ctx, "GET", "/v1/queryprograms/dataline/"+dataline, nil, nil, &programs)
	}
	query := url.Values{"project_id": {s.project}}
	return programs, s.call(ctx, "GET", "/v1/queryprograms", query, nil, &programs)
}

func listPrograms(programs []programLine) grid {
	g := grid{Columns: []string{"name", "kind", "question"}}
	for _, p := range programs {
		g.Rows = append(g.Rows, []any{p.Name, p.Kind, p.Cue})
	}
	return g
}

// find returns the id of the program of that name or id.
func (s *session) find(ctx context.Context, name string) (programLine, error) {
	programs, err := s.programs(ctx, "")
	if err != nil {
		return programLine{}, err
	}
	for _, p := range programs {
		if p.ID == name || strings.EqualFold(p.Name, name) {
			return p, nil
		}
	}
	return programLine{}, &problem{Status: 404, Detail: fmt.Sprintf("there is no question named %q; see 'millwright query list'", name)}
}

// run prints a program's answer. CSV is the full result, streamed; the other
// formats hold what the server shows at once and say so if there is more.
func (c *commands) run(ctx context.Context, s *session, name string, values url.Values) error {
	p, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	body := map[string]any{"project_id": s.project, "queryprogram_id": p.ID}
	if c.output == "csv" {
		values.Set("format", "csv")
		resp, err := s.do(ctx, "POST", "/v1/run/queryprogram", values, body)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(c.env.Stdout, resp.Body)
		return err
	}
	var answer struct {
		Columns []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"columns"`
		Rows      []json.RawMessage `json:"rows"`
		RowCount  int64             `json:"row_count"`
		Truncated bool              `json:"truncated"`
		TotalRows *int64            `json:"total_rows"`
		Elapsed   float64           `json:"elapsed_ms"`
	}
	if err := s.call(ctx, "POST", "/v1/run/queryprogram", values, body, &answer); err != nil {
		return err
	}
	g := grid{Numeric: map[int]bool{}, Footer: fmt.Sprintf("%s rows in %.0f ms", count(answer.RowCount), answer.Elapsed)}
	if answer.Truncated {
		g.Footer = fmt.Sprintf("the first %s rows; there are more: use -o csv for all", count(answer.RowCount))
	}
	for i, col := range answer.Columns {
		g.Columns = append(g.Columns, col.Name)
		g.Numeric[i] = col.Type == "BIGINT" || col.Type == "DOUBLE" || strings.HasPrefix(col.Type, "DECIMAL")
	}
	for _, raw := range answer.Rows {
		row, err := exact(raw)
		if err != nil {
			return err
		}
		g.Rows = append(g.Rows, row)
	}
	return g.print(c.env.Stdout, c.output)
}

// exact decodes a row without touching its numbers.
func exact(raw json.RawMessage) ([]any, error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var row []any
	return row, dec.Decode(&row)
}
