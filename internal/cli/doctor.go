package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/errs"
	"millwright/internal/upkeep"
)

func (c *commands) doctorCommand() *cobra.Command {
	var asJSON, collect, dry bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine a data folder: metadata, every stored file, jobs, secrets, sandbox",
		Long: `Examines a data folder and says what is wrong, why it matters and what to do.
A server may have the folder open. Nothing is changed, except with --collect,
which removes stored files that no dataset names any more.

Exits with 0 if nothing is broken and with 1 if something is.`,
		Example: `  millwright doctor
  millwright doctor --data /var/lib/millwright --json
  millwright doctor --collect --dry-run`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := c.folder()
			if err != nil {
				return err
			}
			if dry && !collect {
				return usage("--dry-run says what --collect would remove").Fix("add --collect")
			}
			if collect {
				return c.collect(cmd.Context(), config, dry, asJSON)
			}
			return c.examine(cmd.Context(), config, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().BoolVar(&collect, "collect", false, "remove stored files that no dataset names and that are older than a day; the server must be stopped")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "with --collect: only say what would be removed")
	return cmd
}

// folder returns the data folder that a command works on without a server.
func (c *commands) folder() (app.Config, error) {
	if c.server != "" {
		return app.Config{}, usage("this command opens the data folder itself; --server names a server").Fix("name the folder with --data, on the machine that has it")
	}
	return app.Config{Data: or(or(c.data, c.env.Getenv("MILLWRIGHT_DATA")), defaultData)}, nil
}

// watch shows the progress of work that this process does itself, until it ends.
func (c *commands) watch(title string) (_ upkeep.Progress, end func(error)) {
	show := c.progress(title)
	began := time.Now()
	end = func(err error) {
		if err == nil {
			show.update(jobState{Status: "completed"}, fmt.Sprintf("done in %.1f s", time.Since(began).Seconds()))
		}
		show.close()
	}
	return func(step string, done, total int64) {
		if total > 0 {
			show.update(jobState{Status: "running", Progress: float64(done) * 100 / float64(total)}, fmt.Sprintf("%s, %d %%", step, done*100/total))
			return
		}
		show.update(jobState{Status: "running"}, step)
	}, end
}

func (c *commands) examine(ctx context.Context, config app.Config, asJSON bool) error {
	progress, end := c.watch("doctor")
	report, err := app.Examine(ctx, config, progress)
	end(err)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(c.env.Stdout, report)
	} else {
		err = writeReport(c.env.Stdout, report)
	}
	if err != nil || report.Healthy {
		return err
	}
	broken := 0
	for _, f := range report.Findings {
		if f.State == upkeep.Problem {
			broken++
		}
	}
	return errs.New(errs.Conflict, "the data folder %s is not in order: %s", config.Data, plural(int64(broken), "problem")).Named("unhealthy")
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// writeReport writes the findings for people.
func writeReport(w io.Writer, r upkeep.Report) error {
	words := map[upkeep.State]string{upkeep.Fine: "ok", upkeep.Note: "note", upkeep.Problem: "PROBLEM"}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-8s %-11s %s\n", words[f.State], f.Check, printable(f.What)); err != nil {
			return err
		}
		if f.State == upkeep.Fine {
			continue
		}
		for _, item := range f.Items {
			fmt.Fprintf(w, "           - %s\n", printable(item))
		}
		if more := f.Count - len(f.Items); more > 0 && len(f.Items) > 0 {
			fmt.Fprintf(w, "           - and %d more\n", more)
		}
		if f.Why != "" {
			fmt.Fprintf(w, "           Why it matters: %s.\n", printable(f.Why))
		}
		for _, fix := range f.Fixes {
			fmt.Fprintf(w, "           Try: %s\n", printable(fix))
		}
	}
	if r.Healthy {
		_, err := fmt.Fprintf(w, "\nNothing is broken: %s, %s.\n", plural(int64(r.Objects), "stored file"), bytesText(r.Bytes))
		return err
	}
	return nil
}

func (c *commands) collect(ctx context.Context, config app.Config, dry, asJSON bool) error {
	progress, end := c.watch("collect")
	done, err := app.CollectOrphans(ctx, config, dry, progress)
	end(err)
	if err != nil {
		return inUse(err)
	}
	if asJSON {
		return writeJSON(c.env.Stdout, done)
	}
	verb := "Removed"
	if dry {
		verb = "Would remove"
	}
	_, err = fmt.Fprintf(c.env.Stdout, "%s %s (%s) of %s that no dataset names; the others are too young.\n", verb,
		plural(int64(done.Removed), "file"), bytesText(done.RemovedBytes), count(int64(done.Orphans)))
	if err == nil && done.Held {
		return errs.New(errs.Unavailable, "a backup or an examination needs the stored files at the moment").Named("objects-held").Fix("try again when it has ended")
	}
	return err
}
