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

func (c *commands) queryCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "query", Short: "List and run the questions"})
	list := &cobra.Command{
		Use:   "list",
		Short: "List the questions of the project",
		Args:  args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			programs, err := s.programs(ctx)
			if err != nil {
				return err
			}
			return c.print(listPrograms(programs))
		}),
	}
	var slots []string
	run := &cobra.Command{
		Use:   "run NAME",
		Short: "Run a question and print its answer",
		Long: `Runs a question and prints its answer. NAME is what 'millwright query list' shows,
the question's title, or its id.

A table or JSON holds at most 10,000 rows and says so if there are more; CSV is
always all of them.`,
		Example: `  millwright query run orders-by-status
  millwright query run orders-by-status --slot limit=5 -o csv`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			values, err := slotValues(slots)
			if err != nil {
				return err
			}
			return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error {
				programs, err := s.programs(ctx)
				if err != nil {
					return err
				}
				p, err := find(programs, list[0], "query run")
				if err != nil {
					return err
				}
				return c.run(ctx, s, p.ID, values)
			})
		},
	}
	run.Flags().StringArrayVar(&slots, "slot", nil, "slot value as `name=value`; repeatable")
	cmd.AddCommand(c.outputFlag(list), c.outputFlag(run))
	return cmd
}

// inSession is withSession for commands that need nothing else.
func (c *commands) inSession(do func(context.Context, *session, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) error {
		return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error { return do(ctx, s, list) })
	}
}

// withSession opens the session around a command.
func (c *commands) withSession(ctx context.Context, allow []string, do func(context.Context, *session) error) (err error) {
	s, err := c.open(ctx, allow)
	if err != nil {
		return err
	}
	defer func() {
		if closed := s.close(); err == nil {
			err = closed
		}
	}()
	return do(ctx, s)
}

func slotValues(flags []string) (url.Values, error) {
	values := url.Values{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok || name == "" {
			return nil, usage("--slot takes name=value, not %q", flag)
		}
		values.Add(name, value)
	}
	return values, nil
}

// run prints a program's answer. CSV is the full result, streamed; the other
// formats hold what the server shows at once and say so if there is more.
func (c *commands) run(ctx context.Context, s *session, program string, values url.Values) error {
	if c.output == "csv" {
		values.Set("format", "csv")
		resp, err := s.do(ctx, "POST", runPath, values, runBody(s, program))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(c.env.Stdout, resp.Body); err != nil {
			return fmt.Errorf("the answer broke off: %w", err)
		}
		return nil
	}
	a, err := s.answer(ctx, program, values)
	if err != nil {
		return err
	}
	g, err := a.grid()
	if err != nil {
		return err
	}
	if a.Truncated && c.output == "json" {
		c.say("%s", g.Footer)
	}
	return c.print(g)
}

const runPath = "/v1/run/queryprogram"

func runBody(s *session, program string) map[string]string {
	return map[string]string{"project_id": s.project, "queryprogram_id": program}
}

// An answer is what a program came to.
type answer struct {
	Columns []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"columns"`
	Rows      []json.RawMessage `json:"rows"`
	RowCount  int64             `json:"row_count"`
	Truncated bool              `json:"truncated"`
	Elapsed   float64           `json:"elapsed_ms"`
}

// answer runs the program.
func (s *session) answer(ctx context.Context, program string, values url.Values) (answer, error) {
	var a answer
	return a, s.call(ctx, "POST", runPath, values, runBody(s, program), &a)
}

// numeric reports whether column i holds numbers.
func (a answer) numeric(i int) bool {
	t := a.Columns[i].Type
	return t == "BIGINT" || t == "DOUBLE" || strings.HasPrefix(t, "DECIMAL")
}

func (a answer) grid() (grid, error) {
	g := grid{Numeric: map[int]bool{}, Footer: fmt.Sprintf("%s in %.0f ms", plural(a.RowCount, "row"), a.Elapsed)}
	if a.Truncated {
		g.Footer = fmt.Sprintf("the first %s; there are more: use -o csv for all", plural(a.RowCount, "row"))
	}
	for i, col := range a.Columns {
		g.Columns = append(g.Columns, col.Name)
		g.Numeric[i] = a.numeric(i)
	}
	for _, raw := range a.Rows {
		row, err := exact(raw)
		if err != nil {
			return g, err
		}
		g.Rows = append(g.Rows, row)
	}
	return g, nil
}

// exact decodes a row without touching its numbers.
func exact(raw json.RawMessage) ([]any, error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var row []any
	return row, dec.Decode(&row)
}
