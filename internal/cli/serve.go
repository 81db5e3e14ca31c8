package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/secret"
)

func (c *commands) serveCommand() *cobra.Command {
	var config app.Config
	var verbose bool
	var profile string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until it is interrupted, then lets running work finish for a while.

The first start makes a user, a team and a project and prints one API key, once.
MILLWRIGHT_API_KEY sets that key instead. While the server is stopped,
'millwright keys create NAME' makes another.`,
		Example: `  millwright serve
  millwright serve --addr 127.0.0.1:8080 --data /var/lib/millwright
  MILLWRIGHT_API_KEY=$(cat key) millwright serve --allow-cidr 10.0.0.0/8`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.server != "" {
				return usage("serve starts a server; --server names one that runs already")
			}
			config.Data = or(or(c.data, c.env.Getenv("MILLWRIGHT_DATA")), defaultData)
			config.Addr = or(or(config.Addr, c.env.Getenv("MILLWRIGHT_ADDR")), app.DefaultAddr)
			if config.AllowCIDRs == nil {
				config.AllowCIDRs = splitList(c.env.Getenv("MILLWRIGHT_ALLOW_CIDR"))
			}
			if config.Origins == nil {
				config.Origins = splitList(c.env.Getenv("MILLWRIGHT_ORIGIN"))
			}
			if text := c.env.Getenv("MILLWRIGHT_RATE_LIMIT"); text != "" && !cmd.Flags().Changed("rate-limit") {
				var err error
				if config.RatePerMinute, err = strconv.Atoi(text); err != nil {
					return usage("MILLWRIGHT_RATE_LIMIT is not a number of requests a minute").Fix("export MILLWRIGHT_RATE_LIMIT=600")
				}
			}
			config.APIKey = secret.New(c.env.Getenv("MILLWRIGHT_API_KEY"))
			config.ProviderURL = or(config.ProviderURL, c.env.Getenv("MILLWRIGHT_PROVIDER_URL"))
			config.ProviderModel = or(config.ProviderModel, c.env.Getenv("MILLWRIGHT_PROVIDER_MODEL"))
			config.ProviderKey = secret.New(c.env.Getenv("MILLWRIGHT_PROVIDER_KEY"))
			config.OpenLineageURL = or(config.OpenLineageURL, c.env.Getenv("MILLWRIGHT_OPENLINEAGE_URL"))
			config.OpenLineageKey = secret.New(c.env.Getenv("MILLWRIGHT_OPENLINEAGE_API_KEY"))
			level := slog.LevelInfo
			if verbose || c.env.Getenv("MILLWRIGHT_VERBOSE") != "" {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(c.env.Stderr, &slog.HandlerOptions{Level: level}))
			if profile != "" {
				stop, err := profileCPU(profile)
				if err != nil {
					return err
				}
				defer stop()
			}
			a, err := app.Build(cmd.Context(), config, log)
			if err != nil {
				return inUse(err)
			}
			if key := a.FirstKey(); !key.Empty() {
				fmt.Fprintf(c.env.Stdout, "API key (shown once): %s\n", key.Reveal())
			} else if config.APIKey.Empty() {
				log.Info("use the API key that you have; if you have none, stop this and make one with 'millwright keys create NAME'")
			}
			return a.Run(cmd.Context(), func(on net.Addr) {
				log.Info("serving", "url", "http://"+on.String(), "data", config.Data, "sandbox", a.Sandbox())
			})
		},
	}
	cmd.Flags().StringVar(&config.Addr, "addr", "", "`host:port` to serve on (MILLWRIGHT_ADDR); by default "+app.DefaultAddr)
	cmd.Flags().StringSliceVar(&config.AllowCIDRs, "allow-cidr", nil, "private `range` that connections may reach, such as 10.0.0.0/8; repeatable (MILLWRIGHT_ALLOW_CIDR); none by default")
	cmd.Flags().DurationVar(&config.OrphanGrace, "orphan-grace", 0, "how `long` a stored file stays that no dataset names any more; 24h by default, at least 1h")
	cmd.Flags().DurationVar(&config.QueryTimeout, "query-timeout", 0, "how `long` a query may run; 30s by default")
	cmd.Flags().DurationVar(&config.DownloadTimeout, "download-timeout", 0, "how `long` a query may run whose rows become a file; 10m by default")
	cmd.Flags().Int64Var(&config.CacheBytes, "cache-bytes", 0, "`bytes` of answers to keep in memory; 64 MiB by default, -1 for none")
	cmd.Flags().Int64Var(&config.MaxUpload, "max-upload", 0, "`bytes` of the largest file that is loaded; 16 GB by default")
	cmd.Flags().Int64Var(&config.SliceBytes, "slice-bytes", 0, "`bytes` of records that make one Parquet file of a dataset, converted while more arrive; 64 MB by default")
	cmd.Flags().StringVar(&config.ProviderURL, "provider-url", "", "`address` of an OpenAI-compatible API, up to /v1, whose model may reword and reorder questions and propose SQL (MILLWRIGHT_PROVIDER_URL; its key in MILLWRIGHT_PROVIDER_KEY); none by default")
	cmd.Flags().StringVar(&config.ProviderModel, "provider-model", "", "`name` of that model (MILLWRIGHT_PROVIDER_MODEL)")
	cmd.Flags().BoolVar(&config.ProviderValues, "provider-values", false, "tell that model frequent values of columns too, not only names, types and counts")
	cmd.Flags().StringVar(&profile, "cpu-profile", "", "`file` for what the server spends processor time on until it stops, for 'go tool pprof'")
	cmd.Flags().IntVar(&config.RatePerMinute, "rate-limit", 0, "`requests` a minute that an API key may make which has no rate of its own (MILLWRIGHT_RATE_LIMIT); 0, any number, by default")
	cmd.Flags().StringSliceVar(&config.Origins, "origin", nil, "web `origin` whose pages may call /mcp, such as https://chat.example.com; repeatable (MILLWRIGHT_ORIGIN); by default only this machine's")
	cmd.Flags().StringVar(&config.OpenLineageURL, "openlineage-url", "", "`URL` to which the lineage of every run is posted as OpenLineage events (MILLWRIGHT_OPENLINEAGE_URL; with MILLWRIGHT_OPENLINEAGE_API_KEY as its token); none by default")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "log at debug level (MILLWRIGHT_VERBOSE)")
	return cmd
}

// profileCPU begins to write a profile to a new file, until stop is called.
func profileCPU(path string) (stop func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, usage("the profile cannot be written: %v", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // there is nobody to tell
	}, nil
}
