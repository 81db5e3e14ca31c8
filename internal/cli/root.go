// Package cli is what a person types: serve, demo, connect, run, load, query, publish,
// versions, retype, schedule, secrets, keys, mcp, doctor, backup, restore.
//
// Standard output carries data, standard error carries messages and progress.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Env is what surrounds a command.
type Env struct {
	Getenv func(string) string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// commands holds what every command shares.
type commands struct {
	env    Env
	server string
	key    string // path of a file that holds the API key
	data   string
	output format
	quiet  bool
	show   func(url string, body any) // shows a POST before it is made; may be nil
}

// Run carries out the command line and returns the exit code. When ctx ends, the
// command stops what it started and Run returns 130.
func Run(ctx context.Context, env Env, args []string) int {
	root := Command(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch code {
	case exitOK:
	case exitInterrupted:
		fmt.Fprintln(env.Stderr, "Interrupted.")
	default:
		explain(env.Stderr, err)
	}
	return code
}

// Command returns the command line as cobra knows it, for its help and its
// documentation; [Run] carries it out.
func Command(env Env) *cobra.Command {
	c := &commands{env: env, output: "table"}
	root := group(&cobra.Command{
		Use:   "millwright",
		Short: "Turn any HTTP API into a Parquet dataset with ready-made queries",
		Long: `Millwright turns any HTTP API into a Parquet dataset with ready-made queries.

Results go to standard output, messages and progress to standard error.

Exit codes: 0 ok, 1 failed, 2 bad usage, 3 not found, 4 not allowed,
5 the other API failed, 7 no server answers, 130 interrupted.`,
		Example: `  millwright demo
  millwright serve
  millwright connect https://api.example.com/v1/orders --path data --auth bearer=env:SHOP_TOKEN
  millwright query list
  millwright query run top-customers -o csv
  millwright run orders
  millwright load orders.csv`,
	})
	root.SilenceUsage, root.SilenceErrors = true, true
	flags := root.PersistentFlags()
	flags.StringVar(&c.server, "server", "", "`URL` of a running server (MILLWRIGHT_URL); by default http://127.0.0.1:7400 if one answers there, else the data folder is opened directly")
	flags.StringVar(&c.key, "key-file", "", "`file` that holds the API key; by default MILLWRIGHT_API_KEY is read")
	flags.StringVar(&c.data, "data", "", "data `folder` (MILLWRIGHT_DATA), opened directly even while a server runs elsewhere; by default ./millwright-data")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "no progress, only results and errors")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v", err).Fix(fmt.Sprintf("see '%s --help'", cmd.CommandPath())).Because(err)
	})
	// Flags are explained in lines that a terminal can hold.
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", ".LocalFlags.FlagUsagesWrapped 100",
		".InheritedFlags.FlagUsages", ".InheritedFlags.FlagUsagesWrapped 100").Replace(root.UsageTemplate()))
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.AddCommand(c.serveCommand(), c.demoCommand(), c.connectCommand(), c.runCommand(), c.loadCommand(), c.queryCommand(), c.publishCommand(), c.unpublishCommand(), c.apisCommand(), c.versionsCommand(), c.retypeCommand(), c.scheduleCommand(), c.secretsCommand(), c.keysCommand(), c.mcpCommand(),
		c.doctorCommand(), c.backupCommand(), c.restoreCommand(), c.exportCommand(), c.importCommand())
	return root
}

// group makes cmd a command that only holds others: alone it shows its help, and
// an unknown word after it is a usage error with the nearest name.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, list []string) error {
		if len(list) == 0 {
			return nil
		}
		err := usage("%s has no command %q", cmd.CommandPath(), list[0])
		if near := cmd.SuggestionsFor(list[0]); len(near) > 0 {
			return err.Fix(cmd.CommandPath() + " " + near[0])
		}
		return err.Fix(fmt.Sprintf("see '%s --help'", cmd.CommandPath()))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// outputFlag adds -o to a command that prints rows.
func (c *commands) outputFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().VarP(&c.output, "output", "o", "`format`: table, json or csv")
	return cmd
}

// args wraps cobra's argument checks so that they count as usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return usage("%s: %v", cmd.CommandPath(), err).Fix(fmt.Sprintf("see '%s --help'", cmd.CommandPath())).Because(err)
		}
		return nil
	}
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// drawable reports whether w is a terminal that has room for a bar; the ones that
// some tools make have no size.
func drawable(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

// say writes a message for a person.
func (c *commands) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.env.Stderr, format+"\n", args...)
	}
}
