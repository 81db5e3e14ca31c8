package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A versionLine is a version of a dataset as the server shows it.
type versionLine struct {
	Version   int64      `json:"version"`
	Base      *int64     `json:"base"`
	Kind      string     `json:"kind"`
	Key       []string   `json:"key"`
	Rows      int64      `json:"rows"`
	Bytes     int64      `json:"bytes"`
	Pins      []string   `json:"pins"`
	JobID     string     `json:"job_id"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiredAt *time.Time `json:"expired_at"`
}

// A keepSetting changes what is kept of a dataset.
type keepSetting struct {
	Versions *int64  `json:"keep_versions,omitempty"`
	Days     *int64  `json:"keep_days,omitempty"`
	RawPages *string `json:"raw_pages,omitempty"`
}

func (c *commands) versionsCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "versions", Short: "List, compare, restore and keep the versions of a dataset"})
	cmd.Long = `Lists, compares, restores and keeps the versions of a dataset. Each run that brings
something makes one, and none changes afterwards.

DATASET is the name of its table, its own name, or its id.`
	list := &cobra.Command{
		Use: "list DATASET", Short: "List the versions, newest first", Args: args(cobra.ExactArgs(1)),
		RunE: c.inSession(func(ctx context.Context, s *session, names []string) error {
			d, err := s.dataset(ctx, names[0])
			if err != nil {
				return err
			}
			var lines []versionLine
			if err := s.call(ctx, "GET", d.path()+"/versions", nil, nil, &lines); err != nil {
				return err
			}
			return c.print(listVersions(lines, d.Version))
		}),
	}
	diff := &cobra.Command{
		Use: "diff DATASET [FROM [TO]]", Short: "Show what changed from one version to another", Args: args(cobra.RangeArgs(1, 3)),
		Long: `Shows what changed from one version to another: rows, columns, types, the merge key.
TO is the current version if it is left out, and FROM the one before TO.`,
		Example: `  millwright versions diff orders
  millwright versions diff orders 3
  millwright versions diff orders 3 5 -o json`,
		RunE: c.inSession(func(ctx context.Context, s *session, list []string) error {
			numbers, err := versionNumbers(list[1:])
			if err != nil {
				return err
			}
			d, err := s.dataset(ctx, list[0])
			if err != nil {
				return err
			}
			from, to := max(1, d.Version-1), d.Version
			if len(numbers) > 0 {
				from = numbers[0]
			}
			if len(numbers) > 1 {
				to = numbers[1]
			}
			return c.printDiff(ctx, s, d, from, to)
		}),
	}
	cmd.AddCommand(c.outputFlag(list), c.outputFlag(diff),
		c.versionVerb("restore", "Make a new version that is what an older one was", "POST", "/restore"),
		c.versionVerb("pin", "Keep a version from expiring", "POST", "/pin"),
		c.versionVerb("unpin", "Let a version expire again", "DELETE", "/pin"),
		c.keepVersions())
	return cmd
}

// versionVerb is a command that does one thing to a version.
func (c *commands) versionVerb(name, short, method, path string) *cobra.Command {
	return &cobra.Command{
		Use: name + " DATASET VERSION", Short: short, Args: args(cobra.ExactArgs(2)),
		Example: "  millwright versions " + name + " orders 3",
		RunE: c.inSession(func(ctx context.Context, s *session, list []string) error {
			numbers, err := versionNumbers(list[1:])
			if err != nil {
				return err
			}
			d, err := s.dataset(ctx, list[0])
			if err != nil {
				return err
			}
			var line versionLine
			if err := s.call(ctx, method, fmt.Sprintf("%s/versions/%d%s", d.path(), numbers[0], path), nil, nil, &line); err != nil {
				return err
			}
			switch name {
			case "restore":
				c.say("Restored. Version %d is what version %d was: %s.", line.Version, numbers[0], plural(line.Rows, "row"))
			case "pin":
				c.say("Pinned. Version %d does not expire until it is unpinned.", line.Version)
			default:
				c.say("Unpinned.")
				if len(line.Pins) > 0 {
					c.say("It is still kept by %s.", printable(strings.Join(line.Pins, ", ")))
				}
			}
			return nil
		}),
	}
}

func (c *commands) keepVersions() *cobra.Command {
	var versions, days int64
	var raw string
	cmd := &cobra.Command{
		Use: "keep DATASET", Short: "Show or change what is kept of a dataset", Args: args(cobra.ExactArgs(1)),
		Long: `Shows or changes what is kept of a dataset. The current version and pinned ones always
are. Without the pages that a version was made of, its types cannot be changed later.
A change takes effect after the next run.`,
		Example: `  millwright versions keep orders
  millwright versions keep orders --versions 50 --days 30
  millwright versions keep orders --raw-pages last`,
	}
	flags := cmd.Flags()
	flags.Int64Var(&versions, "versions", 0, "keep the newest `number` of versions")
	flags.Int64Var(&days, "days", 0, "keep the versions of so many `days` too; with both 0, all are kept")
	flags.StringVar(&raw, "raw-pages", "", "`which` pages of the API to keep: keep (those of kept versions), last (those of the current one) or none")
	cmd.RunE = c.inSession(func(ctx context.Context, s *session, names []string) error {
		d, err := s.dataset(ctx, names[0])
		if err != nil {
			return err
		}
		method, body := "GET", any(nil)
		var change keepSetting
		if flags.Changed("versions") {
			change.Versions = &versions
		}
		if flags.Changed("days") {
			change.Days = &days
		}
		if flags.Changed("raw-pages") {
			change.RawPages = &raw
		}
		if change != (keepSetting{}) {
			method, body = "PATCH", change
		}
		var now struct {
			Versions int64  `json:"keep_versions"`
			Days     int64  `json:"keep_days"`
			RawPages string `json:"raw_pages"`
		}
		if err := s.call(ctx, method, d.path()+"/settings", nil, body, &now); err != nil {
			return err
		}
		return c.print(grid{Columns: []string{"dataset", "versions", "days", "raw_pages"}, Numeric: map[int]bool{1: true, 2: true}, Typed: 1,
			Rows: [][]any{{d.TableName, now.Versions, now.Days, now.RawPages}}})
	})
	return c.outputFlag(cmd)
}

// versionNumbers reads numbers of versions.
func versionNumbers(list []string) ([]int64, error) {
	var numbers []int64
	for _, text := range list {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return nil, usage("%q is no number of a version", text).Fix("take one that 'millwright versions list' shows")
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// A versionDiff is how two versions differ.
type versionDiff struct {
	From    int64 `json:"from"`
	To      int64 `json:"to"`
	Columns []struct {
		Column string `json:"column"`
		Kind   string `json:"kind"`
		From   string `json:"from"`
		To     string `json:"to"`
	} `json:"columns"`
	KeyBefore     []string `json:"key_before"`
	KeyAfter      []string `json:"key_after"`
	RowsBefore    int64    `json:"rows_before"`
	RowsAfter     int64    `json:"rows_after"`
	VerdictBefore string   `json:"verdict_before"`
	VerdictAfter  string   `json:"verdict_after"`
}

// printDiff prints what changed from one version to another.
func (c *commands) printDiff(ctx context.Context, s *session, d datasetLine, from, to int64) error {
	var diff versionDiff
	query := url.Values{"from": {fmt.Sprint(from)}}
	if err := s.call(ctx, "GET", fmt.Sprintf("%s/versions/%d/diff", d.path(), to), query, nil, &diff); err != nil {
		return err
	}
	return c.print(diff.grid())
}

func (v versionDiff) grid() grid {
	g := grid{Columns: []string{"what", "change", "from", "to"}, Typed: 1, Footer: fmt.Sprintf("From version %d to %d.", v.From, v.To)}
	change := func(what string, before, after any) {
		how := "changed"
		if before == after {
			how = "same"
		}
		g.Rows = append(g.Rows, []any{what, how, before, after})
	}
	change("rows", v.RowsBefore, v.RowsAfter)
	if before, after := strings.Join(v.KeyBefore, ", "), strings.Join(v.KeyAfter, ", "); before != after {
		change("merge key", before, after)
	}
	if v.VerdictBefore != v.VerdictAfter {
		change("verdict", v.VerdictBefore, v.VerdictAfter)
	}
	for _, col := range v.Columns {
		g.Rows = append(g.Rows, []any{"column " + col.Column, col.Kind, col.From, col.To})
	}
	return g
}

// listVersions returns versions as a listing.
func listVersions(lines []versionLine, current int64) grid {
	g := grid{Columns: []string{"version", "kind", "rows", "size", "made", "state", "key", "base", "bytes", "job_id"},
		Numeric: map[int]bool{0: true, 2: true, 3: true, 8: true}, Brief: 7}
	for _, v := range lines {
		state := "kept"
		switch {
		case v.Version == current:
			state = "current"
		case v.ExpiredAt != nil:
			state = "expired"
		}
		if len(v.Pins) > 0 {
			state += ", pinned by " + strings.Join(v.Pins, ", ")
		}
		base := any(nil)
		if v.Base != nil {
			base = *v.Base
		}
		g.Rows = append(g.Rows, []any{v.Version, v.Kind, v.Rows, bytesText(v.Bytes), showTime(v.CreatedAt), state, strings.Join(v.Key, ", "), base, v.Bytes, v.JobID})
	}
	return g
}
