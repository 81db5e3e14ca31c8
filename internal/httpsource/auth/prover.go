package auth

import (
	"context"
	"net/http"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// A Prover adds proof of who is asking to requests. It remembers what it got, a
// token or a challenge, and is safe for concurrent use.
type Prover interface {
	// Prove adds the proof to req. It may first ask for a token through via.
	Prove(ctx context.Context, via http.RoundTripper, req *http.Request) error

	// Refused is told that the source answered 401 to a request that Prove had
	// prepared. It reports whether the same request with new proof may succeed.
	Refused(ctx context.Context, via http.RoundTripper, req *http.Request, answer http.Header) (again bool, err error)

	// Secrets returns the values to hide that were not in the credentials: tokens.
	Secrets() []secret.String
}

// New returns what proves c. Everything that it sends by itself goes through the
// via of its methods, to the addresses in c and to no other; it follows no redirect.
func New(c Credentials) Prover {
	switch c.Kind {
	case OAuth2:
		return &grantProver{grant: c.OAuth2}
	case Digest:
		return &digestProver{login: c.Digest}
	case Session:
		return &sessionProver{login: c.Session}
	}
	return fixed{c}
}

// fixed is proof that is the same for every request.
type fixed struct{ Credentials }

func (f fixed) Prove(_ context.Context, _ http.RoundTripper, req *http.Request) error {
	f.Apply(req)
	return nil
}

func (fixed) Refused(context.Context, http.RoundTripper, *http.Request, http.Header) (bool, error) {
	return false, nil
}

func (fixed) Secrets() []secret.String { return nil }

// A token is what a source gave, and what was done to get it: all of it secret.
type token struct {
	value secret.String
	used  []secret.String // every value that was current at some time
}

func (t *token) set(value string) {
	t.value = secret.New(value)
	// A run sees few tokens; the last ones may still be echoed.
	if t.used = append(t.used, t.value); len(t.used) > 16 {
		t.used = t.used[1:]
	}
}

// oneLine refuses a token that would end a header and begin another.
func oneLine(value string) error {
	for _, r := range value {
		if r < ' ' || r == 0x7f {
			return errs.New(errs.Upstream, "the token that was given holds a control character").Named("token-failed").
				Fix("report it to the source")
		}
	}
	return nil
}

// wholeBody bounds the answer of a token or login address.
const wholeBody = 1 << 20
