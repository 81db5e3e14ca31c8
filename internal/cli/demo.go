package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/demo"
)

func (c *commands) demoCommand() *cobra.Command {
	var once bool
	var addr string
	var orders int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Connect a sample API and show what comes of it",
		Long: `Starts a sample API of a furniture shop on this machine, connects it in four
steps, prints the questions and one answer, and leaves the server running.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("data") && c.env.Getenv("MILLWRIGHT_DATA") == "" {
				c.data = "./millwright-data/demo"
			}
			return c.demo(cmd.Context(), addr, orders, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the answer instead of leaving the server running")
	cmd.Flags().StringVar(&addr, "addr", app.DefaultAddr, "`host:port` to serve on")
	cmd.Flags().IntVar(&orders, "orders", 50_000, "`number` of orders the sample API has")
	c.outputFlag(cmd)
	return cmd
}

func (c *commands) demo(ctx context.Context, addr string, orders int, once bool) (err error) {
	token := rand.Text()
	shop, stop, err := startShop(ctx, demo.Server{Orders: orders, Token: token})
	if err != nil {
		return err
	}
	defer stop()
	s, err := c.embed(ctx, app.Config{Addr: addr, Data: c.data, AllowCIDRs: []string{"127.0.0.1/32"}})
	if err != nil {
		return err
	}
	defer func() {
		if closed := s.close(); err == nil {
			err = closed
		}
	}()
	c.say("A sample shop with %s orders answers at %s/orders (paged, behind a bearer token).\n", count(int64(orders)), shop)
	fields := map[string]any{
		"url": shop + "/orders", "method": "GET", "headers": map[string]string{"Accept": "application/json"},
		"parameters": map[string]any{"per_page": "1000"}, "authType": "Bearer Token", "auth": map[string]any{"bearerToken": token},
		"responsePathExtractor": "data.orders",
	}
	if err := c.connect(ctx, s, "orders", fields); err != nil {
		return err
	}
	if err := c.showOne(ctx, s); err != nil {
		return err
	}
	if once {
		return nil
	}
	c.say("\nMillwright is running at %s\nAPI key for as long as it runs: %s\n\n  curl -H 'Authorization: Bearer %s' %s/v1/queryprograms?project_id=%s\n\nCtrl-C stops it.",
		s.base, s.key.Reveal(), s.key.Reveal(), s.base, s.project)
	<-ctx.Done()
	return nil
}

// showOne prints the answer to the first question that has one number per group.
func (c *commands) showOne(ctx context.Context, s *session) error {
	programs, err := s.programs(ctx, "")
	if err != nil || len(programs) == 0 {
		return err
	}
	chosen := programs[0]
	for _, p := range programs {
		if p.Kind == "aggregation" || p.Kind == "ranking" {
			chosen = p
			break
		}
	}
	c.say("\n%s\n", chosen.Cue)
	return c.run(ctx, s, chosen.ID, url.Values{})
}

// startShop serves the sample API on a free port of this machine.
func startShop(ctx context.Context, shop demo.Server) (base string, stop func(), err error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("the sample API cannot start: %w", err)
	}
	srv := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	return "http://" + ln.Addr().String(), func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			fmt.Println(err) // unreachable: Serve ends only by Close
		}
	}, nil
}
