package httpsource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"sync"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// A sideDoor sends the requests by which a token is got: through the guarded
// dialer, within limits, with errors that are classified and point at the address
// they are about.
type sideDoor struct {
	asker *asker
	at    string // pointer of the address
}

func (a *asker) sideDoor() sideDoor {
	at := "/auth/oauth2/tokenUrl"
	if a.spec.Auth.Kind == auth.Session {
		at = "/auth/sessionLogin/url"
	}
	return sideDoor{a, at}
}

// longestToken bounds one request for a token.
const longestToken = time.Minute

// RoundTrip implements http.RoundTripper.
func (d sideDoor) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	limits := d.asker.limits
	limits.Total = min(limits.Total, longestToken)
	limits.WireBytes = 1 << 20
	total := time.AfterFunc(limits.Total, func() { cancel(errTotal) })
	req = req.Clone(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", d.asker.client.cfg.UserAgent)
	}
	resp, err := exchange(d.asker.doors.of(call{own: originOf(req.URL) == d.asker.origin}), req, limits)
	if err != nil {
		total.Stop()
		err = d.here(classify(ctx, err, req.URL.Hostname(), limits))
		cancel(nil)
		return nil, err
	}
	resp.Body = &wire{body: resp.Body, limits: limits, ctx: ctx, cancel: cancel, total: total, host: req.URL.Hostname()}
	return resp, nil
}

// here makes an error point at the address of the token.
func (d sideDoor) here(err error) error {
	e, ok := errs.Find(err)
	if !ok {
		return err
	}
	c := *e
	c.Fields = []errs.Field{{Pointer: d.at}}
	return &c
}

// provers are those that remember something, by what they prove: a token is
// asked for once, not once for each run.
type provers struct {
	mu    sync.Mutex
	known map[string]auth.Prover
}

// maxProvers bounds the tokens that are remembered.
const maxProvers = 1024

func (p *provers) get(key string, c auth.Credentials) auth.Prover {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.known[key]; ok {
		return found
	}
	if len(p.known) >= maxProvers {
		clear(p.known) // they are asked for again
	}
	made := auth.New(c)
	p.known[key] = made
	return made
}

// caller tells apart those who ask a source: by origin and credentials.
func (s Spec) caller() string {
	only := Spec{URL: secret.New(s.Origin()), Auth: s.Auth}
	only.Options.TLS = s.Options.TLS
	s.each(func(_, name string, v *secret.String) {
		if secret.LooksSecret(name) {
			only.Headers = append(only.Headers, Pair{name, *v})
		}
	})
	text, err := only.Sealed()
	if u, uerr := url.Parse(s.URL.Reveal()); uerr == nil && u.User != nil {
		text = append(text, u.User.String()...)
	}
	if err != nil {
		return "" // unreachable: sealing writes to memory
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
