package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"millwright/internal/app"
	"millwright/internal/secret"
)

const defaultURL = "http://127.0.0.1:7400"

// A session is a server to talk to and the project to talk about.
type session struct {
	*client
	project string
	close   func() error
}

// open finds the server: the one that was named, else the one that answers at
// the default address, else one of our own over the data folder. The caller
// must call close.
func (c *commands) open(ctx context.Context) (*session, error) {
	base := c.server
	if base == "" && alive(ctx, defaultURL) {
		base = defaultURL
	}
	if base == "" {
		return c.embed(ctx, app.Config{Data: c.data})
	}
	key, err := c.apiKey()
	if err != nil {
		return nil, err
	}
	s := &session{client: newClient(base, key), close: func() error { return nil }}
	return s, s.findProject(ctx)
}

// apiKey reads the key from the file that was named, else from the environment.
func (c *commands) apiKey() (secret.String, error) {
	if c.key != "" {
		text, err := os.ReadFile(c.key)
		if err != nil {
			return secret.String{}, usage("the key file cannot be read: %v", err)
		}
		return secret.New(strings.TrimSpace(string(text))), nil
	}
	if key := c.env.Getenv("MILLWRIGHT_API_KEY"); key != "" {
		return secret.New(key), nil
	}
	return secret.String{}, usage("a server is running, and it needs an API key: set MILLWRIGHT_API_KEY, or name a file with --key-file")
}

// embed starts a server of our own on a free port, with a key that lives as
// long as the session.
func (c *commands) embed(ctx context.Context, config app.Config) (*session, error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if config.Addr == "" {
		config.Addr = "127.0.0.1:0"
	}
	if config.AllowCIDRs == nil {
		config.AllowCIDRs = splitList(c.env.Getenv("MILLWRIGHT_ALLOW_CIDR"))
	}
	a, err := app.Build(ctx, config, log)
	if err != nil {
		return nil, err
	}
	key, dropKey, err := a.TemporaryKey(ctx)
	if err != nil {
		a.Close()
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	group, run := errgroup.WithContext(run)
	addr := make(chan net.Addr, 1)
	group.Go(func() error { return a.Run(run, func(on net.Addr) { addr <- on }) })
	closing := func() error {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		dropped := dropKey(late)
		stop()
		if err := group.Wait(); err != nil {
			return err
		}
		return dropped
	}
	select {
	case on := <-addr:
		s := &session{client: newClient("http://"+on.String(), key), close: closing}
		if err := s.findProject(ctx); err != nil {
			closing()
			return nil, err
		}
		return s, nil
	case <-run.Done():
		stop()
		return nil, group.Wait()
	}
}

// findProject chooses the oldest project, the one that the first start made.
func (s *session) findProject(ctx context.Context) error {
	var projects []struct {
		ID string `json:"id"`
	}
	if err := s.call(ctx, "GET", "/v1/projects", nil, nil, &projects); err != nil {
		return err
	}
	if len(projects) == 0 {
		return usage("the key sees no project; make one with POST /v1/projects")
	}
	s.project = projects[0].ID
	return nil
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
