package cli

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/secret"
)

func (c *commands) serveCommand() *cobra.Command {
	var config app.Config
	var cidrs []string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until it is interrupted, then lets running work finish for a while.

The first start makes a user, a team and a project and prints one API key, once.
Every flag can also be set as MILLWRIGHT_ADDR, MILLWRIGHT_DATA, MILLWRIGHT_ALLOW_CIDR.`,
		Example: `  millwright serve
  millwright serve --addr 127.0.0.1:8080 --data /var/lib/millwright
  MILLWRIGHT_API_KEY=$(cat key) millwright serve --allow-cidr 10.0.0.0/8`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.Data = c.data
			config.AllowCIDRs = cidrs
			config.APIKey = secret.New(c.env.Getenv("MILLWRIGHT_API_KEY"))
			level := slog.LevelInfo
			if verbose {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(c.env.Stderr, &slog.HandlerOptions{Level: level}))
			a, err := app.Build(cmd.Context(), config, log)
			if err != nil {
				return err
			}
			if key := a.FirstKey(); !key.Empty() {
				fmt.Fprintf(c.env.Stdout, "API key (shown once): %s\n", key.Reveal())
			}
			return a.Run(cmd.Context(), func(on net.Addr) {
				log.Info("serving", "url", "http://"+on.String(), "data", config.Data, "sandbox", a.Sandbox())
			})
		},
	}
	cmd.Flags().StringVar(&config.Addr, "addr", or(c.env.Getenv("MILLWRIGHT_ADDR"), app.DefaultAddr), "`host:port` to serve on (MILLWRIGHT_ADDR)")
	cmd.Flags().StringSliceVar(&cidrs, "allow-cidr", splitList(c.env.Getenv("MILLWRIGHT_ALLOW_CIDR")), "private `range` that connections may reach; repeatable (MILLWRIGHT_ALLOW_CIDR)")
	cmd.Flags().BoolVar(&verbose, "verbose", c.env.Getenv("MILLWRIGHT_VERBOSE") != "", "log at debug level (MILLWRIGHT_VERBOSE)")
	return cmd
}
