package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (c *commands) retypeCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "retype DATASET COLUMN=TYPE...",
		Short: "Give columns other types; the API is not asked again",
		Long: `Builds a dataset again from its stored pages, with other types for some columns, or
with the records found elsewhere. The API is not asked. Later runs respect the types.

TYPE is BOOLEAN, BIGINT, DOUBLE, DECIMAL(p,s), VARCHAR, DATE, TIMESTAMP, TIMESTAMPTZ
or JSON; auto lets the values decide again. A value that the type cannot hold exactly
is named, and nothing changes.`,
		Example: `  millwright retype orders order_no=VARCHAR 'amount=DECIMAL(18,2)'
  millwright retype orders order_no=auto
  millwright retype orders --path data.orders[*].items[*]`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, list []string) error {
			body := map[string]any{}
			columns, err := columnTypes(list[1:])
			if err != nil {
				return err
			}
			if len(columns) > 0 {
				body["columns"] = columns
			}
			if path != "" {
				body["response_path"] = path
			}
			if len(body) == 0 {
				return usage("nothing says what is to change").Fix("name a column and its type, such as amount=DECIMAL(18,2)", "--path data.items")
			}
			d, err := s.dataset(ctx, list[0])
			if err != nil {
				return err
			}
			var started startedJobs
			if err := s.call(ctx, "POST", d.path()+"/retype", nil, body, &started); err != nil {
				return err
			}
			if err := started.follow(ctx, c, s, "the questions"); err != nil {
				return err
			}
			now, err := s.dataset(ctx, d.ID)
			if err != nil {
				return err
			}
			return c.printDiff(ctx, s, d, d.Version, now.Version)
		}),
	}
	cmd.Flags().StringVar(&path, "path", "", "response `path` to the records from now on, such as data.items")
	return c.outputFlag(cmd)
}

// columnTypes reads COLUMN=TYPE; a nil type lets the values decide.
func columnTypes(list []string) (map[string]*string, error) {
	columns := map[string]*string{}
	for _, text := range list {
		// Names may hold an equals sign, types do not.
		at := strings.LastIndex(text, "=")
		if at <= 0 || at == len(text)-1 {
			return nil, usage("%q is not COLUMN=TYPE", text).Fix("amount=DECIMAL(18,2)", "amount=auto")
		}
		name, kind := text[:at], text[at+1:]
		if _, twice := columns[name]; twice {
			return nil, usage("%q is given two types", name)
		}
		columns[name] = &kind
		if strings.EqualFold(kind, "auto") {
			columns[name] = nil
		}
	}
	return columns, nil
}
