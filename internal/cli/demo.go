package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

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
		Long: `Starts a sample API of a furniture shop on this machine and connects it in four
steps, each shown as the call that it is. Then prints the questions and one
answer, and leaves the server running. Nothing leaves this machine.`,
		Example: `  millwright demo
  millwright demo --once
  millwright demo --addr 127.0.0.1:7401`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			data := or(or(c.data, c.env.Getenv("MILLWRIGHT_DATA")), defaultData+"/demo")
			if orders < 1 {
				return usage("--orders must be at least 1")
			}
			return c.demo(cmd.Context(), app.Config{Addr: addr, Data: data, AllowCIDRs: []string{"127.0.0.1/32"}}, orders, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the answer instead of leaving the server running")
	cmd.Flags().StringVar(&addr, "addr", app.DefaultAddr, "`host:port` to serve on")
	cmd.Flags().IntVar(&orders, "orders", 50_000, "`number` of orders the sample API has")
	return c.outputFlag(cmd)
}

func (c *commands) demo(ctx context.Context, config app.Config, orders int, once bool) (err error) {
	token := rand.Text()
	shop, err := startShop(ctx, demo.Server{Orders: orders, Token: token})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.stop()) }()
	s, err := c.embed(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c.say("Millwright and a sample shop answer on this machine. The shop has %s, paged, behind a\nbearer token. For other terminals, until this ends:\n", plural(int64(orders), "order"))
	c.say("    export MILLWRIGHT_URL=%s MILLWRIGHT_API_KEY=%s\n    export SHOP=%s/orders SHOP_TOKEN=%s\n", s.base, s.key.Reveal(), shop.url, token)
	c.show = func(url string, body any) { c.say("%s", curl(url, body, token)) }
	programs, err := c.connect(ctx, s, "orders", request{
		URL: shop.url + "/orders", Method: "GET", Parameters: map[string]any{"per_page": "1000"},
		AuthType: "Bearer Token", Auth: &authentication{BearerToken: token}, Path: "data.orders",
	})
	c.show = nil
	if err != nil {
		return err
	}
	program, err := c.showOne(ctx, s, programs)
	if err != nil || once {
		return err
	}
	c.say("\nMillwright keeps running at %s. To ask it the same, in another terminal:\n", s.base)
	c.say("    curl -s '%s%s?format=csv' -H 'Authorization: Bearer %s' \\\n      -d '{\"project_id\":\"%s\",\"queryprogram_id\":\"%s\"}'\n",
		s.base, runPath, s.key.Reveal(), s.project, program)
	c.say("Ctrl-C stops it.")
	<-ctx.Done()
	c.say("\nStopping. What was made stays in %s; 'millwright serve --data %s' serves it again.", config.Data, config.Data)
	return nil
}

// curl returns the call as a person would type it. The session's key and the
// shop's token stand as variables.
func curl(url string, body any, token string) string {
	text, err := encode(body)
	if err != nil {
		text = []byte("{}") // unreachable: it is sent as JSON next
	}
	quoted := strings.ReplaceAll(string(text), "'", `'\''`)
	quoted = strings.ReplaceAll(quoted, token, `'$SHOP_TOKEN'`)
	return fmt.Sprintf("    curl -s %s -H \"Authorization: Bearer $MILLWRIGHT_API_KEY\" \\\n      -d '%s'", url, quoted)
}

// showOne prints the first answer of the programs that is worth a look, and returns
// the id of its program.
func (c *commands) showOne(ctx context.Context, s *session, programs []programLine) (string, error) {
	for _, kind := range []string{"aggregation", "ranking", "time_series", ""} {
		for _, p := range programs {
			if kind != "" && p.Kind != kind {
				continue
			}
			a, err := s.answer(ctx, p.ID, url.Values{})
			if err != nil {
				return "", err
			}
			if kind != "" && !a.interesting() {
				continue
			}
			g, err := a.grid()
			if err != nil {
				return "", err
			}
			c.say("\n%s\n$ millwright query run %s\n", printable(p.Cue), p.typed)
			return p.ID, c.print(g)
		}
	}
	return "", errors.New("no question was written about the sample shop")
}

// interesting reports whether the answer is a small table with names and numbers.
func (a answer) interesting() bool {
	var numbers, names int
	for i := range a.Columns {
		if a.numeric(i) {
			numbers++
		} else {
			names++
		}
	}
	return a.RowCount > 2 && a.RowCount <= 20 && names > 0 && numbers > 0 && numbers+names <= 6
}

// A shop is a running sample API.
type shop struct {
	url  string
	stop func() error
}

// startShop serves the sample API on a free port of this machine.
func startShop(ctx context.Context, server demo.Server) (shop, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return shop{}, fmt.Errorf("the sample API cannot start: %w", err)
	}
	srv := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	var group errgroup.Group
	group.Go(func() error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	stop := func() error { return errors.Join(srv.Close(), group.Wait()) }
	return shop{"http://" + ln.Addr().String(), stop}, nil
}
