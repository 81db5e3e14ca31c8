package cli

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// A scheduleLine is a schedule as the server shows it.
type scheduleLine struct {
	DatasourceID string  `json:"datasource_id"`
	Every        string  `json:"every"`
	Cron         string  `json:"cron"`
	TimeZone     string  `json:"time_zone"`
	Jitter       string  `json:"jitter"`
	Overlap      string  `json:"overlap"`
	Paused       bool    `json:"paused"`
	Next         []slot  `json:"next"`
	LastSlot     *string `json:"last_slot"`
	LastRun      *struct {
		Status string `json:"status"`
	} `json:"last_run"`
	Skipped int64  `json:"skipped"`
	Missed  int64  `json:"missed"`
	Message string `json:"message"`
}

type slot struct {
	Slot     time.Time `json:"slot"`
	StartsAt time.Time `json:"starts_at"`
}

// A scheduleChoice is what a person asks for.
type scheduleChoice struct {
	Every    string `json:"every,omitempty"`
	Cron     string `json:"cron,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
	Overlap  string `json:"overlap,omitempty"`
	Jitter   string `json:"jitter,omitempty"`
}

func (c *commands) scheduleCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "schedule", Short: "Run datasources again by themselves"})
	cmd.Long = `Runs datasources again by themselves, while a server runs ('millwright serve').

DATASOURCE is its name, the name of its table, or its id. Times that passed while no
server ran are made up for by one run.`
	var choice scheduleChoice
	set := &cobra.Command{
		Use:   "set DATASOURCE",
		Short: "Give a datasource a schedule, or another one",
		Long: `Gives a datasource a schedule, or another one, and prints the next times.

A time that the clocks jump over in spring is at the moment of the jump; one that they
show twice in autumn is once, at the first.`,
		Example: `  millwright schedule set Orders --every 1h
  millwright schedule set Orders --cron '0 6 * * MON-FRI' --tz Europe/Berlin --overlap queue`,
		Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			if (choice.Every == "") == (choice.Cron == "") {
				return usage("a schedule is an interval or a cron expression").Fix("--every 1h", "--cron '0 6 * * *' --tz Europe/Berlin")
			}
			d, err := s.datasource(ctx, names[0])
			if err != nil {
				return err
			}
			var line scheduleLine
			if err := s.call(ctx, "PUT", d.schedulePath(), nil, choice, &line); err != nil {
				return err
			}
			if s.embedded {
				c.say("Runs start while a server runs: millwright serve")
			}
			return c.print(listSlots(line))
		}),
	}
	flags := set.Flags()
	flags.StringVar(&choice.Every, "every", "", "`interval` such as 15m, 1h30m, 24h or 1w; at least 1m")
	flags.StringVar(&choice.Cron, "cron", "", "cron `expression`: minute, hour, day of the month, month, day of the week; or @daily and the like")
	flags.StringVar(&choice.TimeZone, "tz", "", "`zone` whose clocks --cron means, such as Europe/Berlin; by default UTC")
	flags.StringVar(&choice.Overlap, "overlap", "", "what to do while the run before goes on: `policy` skip (by default) or queue")
	flags.StringVar(&choice.Jitter, "jitter", "", "start up to this `duration` later, each schedule always by the same part of it")
	list := &cobra.Command{
		Use: "list", Short: "List the schedules, the next to run first", Args: args(cobra.NoArgs),
		RunE: c.inSession(func(ctx context.Context, s *session, _ []string) error {
			all, err := s.datasources(ctx)
			if err != nil {
				return err
			}
			var lines []scheduleLine
			if err := s.call(ctx, "GET", "/v1/projects/"+s.project+"/schedules", nil, nil, &lines); err != nil {
				return err
			}
			return c.print(listSchedules(all, lines))
		}),
	}
	cmd.AddCommand(c.outputFlag(set), c.outputFlag(list),
		c.scheduleVerb("pause", "Let a schedule rest; what runs goes on", "POST", "/pause", "Paused."),
		c.scheduleVerb("resume", "Let a schedule go on with its next time", "POST", "/resume", "Goes on."),
		c.scheduleVerb("delete", "Run a datasource no more by itself", "DELETE", "", "Deleted."))
	return cmd
}

// scheduleVerb is a command that does one thing to the schedule of a datasource.
func (c *commands) scheduleVerb(name, short, method, path, done string) *cobra.Command {
	return &cobra.Command{
		Use: name + " DATASOURCE", Short: short, Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			d, err := s.datasource(ctx, names[0])
			if err != nil {
				return err
			}
			var line scheduleLine
			if err := s.call(ctx, method, d.schedulePath()+path, nil, nil, &line); err != nil {
				return err
			}
			if name == "resume" && len(line.Next) > 0 {
				c.say("%s The next run starts at %s.", done, showTime(line.Next[0].StartsAt))
				return nil
			}
			c.say("%s", done)
			return nil
		}),
	}
}

// A datasourceLine is a datasource as the server shows it.
type datasourceLine struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	TableName string `json:"table_name"`
}

func (d datasourceLine) schedulePath() string {
	return "/v1/datasources/" + url.PathEscape(d.ID) + "/schedule"
}

// datasources returns the datasources of the project.
func (s *session) datasources(ctx context.Context) ([]datasourceLine, error) {
	var all []datasourceLine
	return all, s.call(ctx, "GET", "/v1/datasources/project/"+s.project, nil, nil, &all)
}

// datasource returns the one of the project that name means: by its id, the name of
// its table, or its own name in any case.
func (s *session) datasource(ctx context.Context, name string) (datasourceLine, error) {
	all, err := s.datasources(ctx)
	if err != nil {
		return datasourceLine{}, err
	}
	return choose(all, "datasource", name)
}

// showTime shows a time with the offset of its zone, for people.
func showTime(t time.Time) string { return t.Format("Mon 2006-01-02 15:04:05 -07:00") }

// listSlots returns the next times of a schedule as a listing.
func listSlots(line scheduleLine) grid {
	g := grid{Columns: []string{"next", "starts_at"}, Brief: 1, Typed: 1, Footer: "Times of " + line.TimeZone + "."}
	if line.Jitter != "" {
		g.Brief = 2
	}
	for _, s := range line.Next {
		g.Rows = append(g.Rows, []any{showTime(s.Slot), showTime(s.StartsAt)})
	}
	return g
}

// listSchedules returns schedules as a listing.
func listSchedules(all []datasourceLine, lines []scheduleLine) grid {
	g := grid{Columns: []string{"datasource", "when", "next", "last_run", "skipped", "missed", "message", "time_zone", "jitter", "overlap", "last_slot", "id"},
		Numeric: map[int]bool{4: true, 5: true}, Brief: 7, Typed: 1}
	if len(lines) == 0 {
		g.Footer = "There are no schedules yet; make one with 'millwright schedule set DATASOURCE --every 1h'."
	}
	names := map[string]string{}
	for _, d := range all {
		names[d.ID] = d.Name
	}
	for _, l := range lines {
		next, last, slot := any("paused"), any(nil), any(nil)
		if len(l.Next) > 0 {
			next = showTime(l.Next[0].StartsAt)
		}
		if l.LastRun != nil {
			last = l.LastRun.Status
		}
		if l.LastSlot != nil {
			slot = *l.LastSlot
		}
		when := l.Cron
		if l.Every != "" {
			when = "every " + l.Every
		}
		g.Rows = append(g.Rows, []any{or(names[l.DatasourceID], l.DatasourceID), when, next, last, l.Skipped, l.Missed, l.Message, l.TimeZone, l.Jitter, l.Overlap, slot, l.DatasourceID})
	}
	return g
}
