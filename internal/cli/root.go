// Package cli is what a person types: serve, demo, connect, query, keys.
//
// Standard output carries data, standard error carries messages and progress.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright/internal/errs"
)

// The exit codes, as the help names them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitUpstream    = 5
	exitUnreachable = 7
	exitInterrupted = 130
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
	output string
	quiet  bool
}

// Run carries out the command line and returns the exit code.
func Run(ctx context.Context, env Env, args []string) int {
	c := &commands{env: env}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted {
		fmt.Fprintln(env.Stderr, "interrupted")
		return code
	}
	fmt.Fprintln(env.Stderr, "Error: "+describe(err))
	if code == exitUsage {
		fmt.Fprintln(env.Stderr, "Run 'millwright --help' for what there is.")
	}
	return code
}

func (c *commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "millwright",
		Short: "Turn any HTTP API into a Parquet dataset with ready-made queries",
		Long: `Millwright turns any HTTP API into a Parquet dataset with ready-made queries.

Exit codes: 0 ok, 1 failed, 2 bad usage, 3 not found, 4 not allowed,
5 the other API failed, 7 no server answers, 130 interrupted.`,
		Example: `  millwright demo
  millwright serve
  millwright connect https://api.example.com/v1/orders --path data --auth bearer=env:SHOP_TOKEN
  millwright query list
  millwright query run top-customers -o csv`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.server, "server", c.env.Getenv("MILLWRIGHT_URL"), "`URL` of a running server (MILLWRIGHT_URL); by default http://127.0.0.1:7400 if one answers there, else the data folder is opened directly")
	flags.StringVar(&c.key, "key-file", "", "`file` that holds the API key; by default MILLWRIGHT_API_KEY is read")
	flags.StringVar(&c.data, "data", or(c.env.Getenv("MILLWRIGHT_DATA"), "./millwright-data"), "data `folder` (MILLWRIGHT_DATA)")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "no progress, only results and errors")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	root.AddCommand(c.serveCommand(), c.demoCommand(), c.connectCommand(), c.queryCommand(), c.keysCommand())
	return root
}

// outputFlag adds -o to a command that prints rows.
func (c *commands) outputFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVarP(&c.output, "output", "o", "table", "`format`: table, json or csv")
	return cmd
}

// usageError is a command line that cannot be carried out as typed.
type usageError struct{ msg string }

func (u *usageError) Error() string { return u.msg }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// args wraps cobra's argument checks so that they count as usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return usage("%s: %v", cmd.CommandPath(), err)
		}
		return nil
	}
}

func exitCode(ctx context.Context, err error) int {
	var bad *usageError
	var p *problem
	var gone *unreachable
	switch {
	case errors.Is(err, context.Canceled) || ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &bad):
		return exitUsage
	case errors.As(err, &gone):
		return exitUnreachable
	case errors.Is(err, errUpstream) || errors.Is(err, errs.Upstream):
		return exitUpstream
	case errors.As(err, &p):
		switch p.Status {
		case http.StatusBadRequest:
			return exitUsage
		case http.StatusNotFound:
			return exitNotFound
		case http.StatusUnauthorized, http.StatusForbidden:
			return exitDenied
		case http.StatusBadGateway:
			return exitUpstream
		}
	}
	return exitFailed
}

// describe returns the text a person sees of an error.
func describe(err error) string {
	if e, ok := errs.Find(err); ok && e.Kind != errs.Internal {
		return printable(e.Public())
	}
	return err.Error()
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// isTerminal reports whether w is a terminal, so that a bar can be drawn on it.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// say writes a message for a person.
func (c *commands) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.env.Stderr, format+"\n", args...)
	}
}
