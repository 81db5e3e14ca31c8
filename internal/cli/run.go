package cli

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/errs"
)

func (c *commands) runCommand() *cobra.Command {
	var how landingChoice
	var allow []string
	cmd := &cobra.Command{
		Use:   "run DATASOURCE",
		Short: "Run a datasource again, and bring its questions up to date",
		Long: `Makes the stored request of a datasource again and brings its questions up to date.
DATASOURCE is its name, the name of its table, or its id.

The records land as 'millwright connect' was told, or for this one run as the flags
say. A run that fails changes nothing: the version before stays the current one.`,
		Example: `  millwright run orders
  millwright run orders --mode replace
  millwright run orders --mode merge --key id`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			setting, err := how.setting()
			if err != nil {
				return err
			}
			return c.withSession(cmd.Context(), allow, func(ctx context.Context, s *session) error {
				d, err := s.datasource(ctx, names[0])
				if err != nil {
					return err
				}
				return c.runAgain(ctx, s, d, setting)
			})
		},
	}
	how.flags(cmd)
	c.allowFlag(cmd, &allow)
	return c.outputFlag(cmd)
}

// A startedJobs is the answer of what starts jobs that follow each other.
type startedJobs struct {
	Jobs []jobState `json:"jobs"`
}

// follow shows the jobs until the last has ended, and says how long they took.
func (j startedJobs) follow(ctx context.Context, c *commands, s *session, until string) error {
	titles := map[string]string{"http_request": "fetch", "upload": "load", "retype_dataset": "retype", "analyze_dataset": "analyse", "generate_queries": "questions"}
	var begun, ended time.Time
	for _, j := range j.Jobs {
		last, err := c.follow(ctx, s, j.ID, or(titles[j.Type], j.Type))
		if err != nil {
			return err
		}
		if begun.IsZero() {
			begun = last.CreatedAt
		}
		if last.FinishedAt != nil {
			ended = *last.FinishedAt
		}
	}
	c.say("    %.1f s from the request to %s", ended.Sub(begun).Seconds(), until)
	return nil
}

// runAgain runs a datasource and prints what it came to.
func (c *commands) runAgain(ctx context.Context, s *session, d datasourceLine, setting *runSetting) error {
	if setting == nil {
		setting = &runSetting{}
	}
	path := "/v1/datasources/" + url.PathEscape(d.ID) + "/runs"
	var started startedJobs
	if err := s.call(ctx, "POST", path, nil, setting, &started); err != nil {
		return err
	}
	if err := started.follow(ctx, c, s, "the questions"); err != nil {
		return err
	}
	if len(started.Jobs) == 0 {
		return errs.New(errs.Internal, "the server started no job")
	}
	var run struct {
		Version *int64 `json:"version"`
		Message string `json:"message"`
	}
	if err := s.call(ctx, "GET", path+"/"+started.Jobs[0].ID, nil, nil, &run); err != nil {
		return err
	}
	if run.Version == nil {
		c.say("%s", printable(or(run.Message, "nothing new")))
	}
	lines, err := s.datalines(ctx, d.ID)
	if err != nil {
		return err
	}
	g := grid{Columns: []string{"dataset", "version", "rows", "verdict", "reason", "id"}, Numeric: map[int]bool{1: true, 2: true}, Brief: 5, Typed: 1}
	for _, l := range lines {
		g.Rows = append(g.Rows, []any{l.TableName, l.Version, l.Rows, l.Verdict.State, l.Verdict.Reason, l.ID})
	}
	return c.print(g)
}

// allowFlag adds --allow-cidr to a command that may open the data folder and connect.
func (c *commands) allowFlag(cmd *cobra.Command, allow *[]string) {
	cmd.Flags().StringSliceVar(allow, "allow-cidr", nil, "private `range` that the connection may reach, such as 127.0.0.1/32; repeatable (MILLWRIGHT_ALLOW_CIDR); a running server has its own")
}
