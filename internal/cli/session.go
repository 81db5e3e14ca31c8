package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"millwright/internal/app"
	"millwright/internal/errs"
	"millwright/internal/secret"
)

const (
	defaultURL  = "http://127.0.0.1:7400"
	defaultData = "./millwright-data"
)

// A session is a server to talk to and the project to talk about.
type session struct {
	*client
	project  string
	embedded bool // the server is our own and lives as long as the session
	close    func() error
}

// open finds the server: the one that was named, else our own over the data
// folder that was named, else the one that answers at the default address, else
// our own over the default folder. The caller must call close.
//
// allow are private ranges that connections of a server of our own may reach.
func (c *commands) open(ctx context.Context, allow []string) (*session, error) {
	base, data := or(c.server, c.env.Getenv("MILLWRIGHT_URL")), or(c.data, c.env.Getenv("MILLWRIGHT_DATA"))
	switch {
	case c.server != "" && c.data != "":
		return nil, usage("--server and --data are two places to look; there can be one").Fix("leave one of them out")
	case c.data != "":
		base = ""
	case base == "" && data == "" && alive(ctx, defaultURL):
		base = defaultURL
	}
	if base == "" {
		return c.embed(ctx, app.Config{Addr: "127.0.0.1:0", Data: or(data, defaultData), AllowCIDRs: allow, Passing: true})
	}
	if len(allow) > 0 {
		return nil, usage("the server at %s decides which private addresses it reaches", base).
			Fix("start it with --allow-cidr " + strings.Join(allow, " --allow-cidr "))
	}
	key, err := c.apiKey(base)
	if err != nil {
		return nil, err
	}
	s := &session{client: newClient(base, key), close: func() error { return nil }}
	return s, s.findProject(ctx)
}

// apiKey reads the key from the file that was named, else from the environment.
func (c *commands) apiKey(base string) (secret.String, error) {
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
	return secret.String{}, errs.New(errs.Anonymous, "the server at %s needs an API key", base).
		Fix("set MILLWRIGHT_API_KEY, or name a file that holds the key with --key-file", "or open a data folder directly with --data")
}

// embed starts a server of our own, with a key that lives as long as the
// session. Its log is dropped: what a person needs to know comes as answers.
func (c *commands) embed(ctx context.Context, config app.Config) (*session, error) {
	if config.AllowCIDRs == nil {
		config.AllowCIDRs = splitList(c.env.Getenv("MILLWRIGHT_ALLOW_CIDR"))
	}
	a, err := app.Build(ctx, config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return nil, inUse(err)
	}
	if first := a.FirstKey(); !first.Empty() {
		c.say("The data folder %s is new. Its API key, shown once: %s", config.Data, first.Reveal())
	}
	key, dropKey, err := a.TemporaryKey(ctx)
	if err != nil {
		return nil, errors.Join(err, a.Close())
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
		return errors.Join(group.Wait(), dropped)
	}
	select {
	case on := <-addr:
		s := &session{client: newClient("http://"+on.String(), key), embedded: true, close: closing}
		if err := s.findProject(ctx); err != nil {
			return nil, errors.Join(err, closing())
		}
		return s, nil
	case <-run.Done():
		stop()
		return nil, group.Wait()
	}
}

// inUse adds, to the error of a data folder that another process has open, that
// this process could be talked to.
func inUse(err error) error {
	e, ok := errs.Find(err)
	if !ok || e.Type != "data-folder-in-use" {
		return err
	}
	more := *e
	more.Fixes = append([]string{"if it is a server, talk to it: set MILLWRIGHT_URL and MILLWRIGHT_API_KEY"}, e.Fixes...)
	return &more
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
		return errs.New(errs.NotFound, "the key sees no project").Fix("make one with POST /v1/projects")
	}
	s.project = projects[0].ID
	return nil
}

// useProject chooses another project, by its name or id; the empty name keeps the
// one that was found.
func (s *session) useProject(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	var projects []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := s.call(ctx, "GET", "/v1/projects", nil, nil, &projects); err != nil {
		return err
	}
	for _, p := range projects {
		if p.ID == name || strings.EqualFold(p.Name, name) {
			s.project = p.ID
			return nil
		}
	}
	return errs.New(errs.NotFound, "there is no project %q", name).Fix("see which there are with GET /v1/projects")
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
