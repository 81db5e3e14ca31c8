// Package mcp offers what the API offers to agents, as tools of the Model Context
// Protocol: every published program as a tool of its own, tools that look, and,
// for keys that may, tools that change.
//
// A tool makes operations of the API as the caller whose key came with the request,
// so nothing can be done here that the same key could not do there. An agent sees
// the tools that its key has the scope for; the others refuse when they are called
// by name. What comes out of a tool is marked as data: it was written by whoever
// runs the API that it came from, and an agent must not take it for instructions.
package mcp

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"millwright/internal/job"
	"millwright/internal/publish"
	"millwright/internal/tenant"
)

// Path is where the server is mounted.
const Path = "/mcp"

const (
	maxSessions = 1000      // open at once; each holds its list of tools
	maxOfKey    = 200       // of them with one key
	maxBody     = 4 << 20   // bytes of a message
	idle        = time.Hour // after which a session without messages ends
)

// A Caller is who sends messages, and what their key may be used for.
type Caller struct {
	tenant.Grant
	KeyID string

	// As returns a context in which operations are made by the caller, who may do
	// there what the grant says.
	As func(context.Context, tenant.Grant) context.Context
}

func (c Caller) enter(ctx context.Context) context.Context { return c.As(ctx, c.Grant) }

// A Server answers agents. The exported fields must be set, except where they say
// otherwise. Run keeps it.
type Server struct {
	Version    string       // of the API
	Operations http.Handler // the API, for requests whose context says who makes them

	// Admit returns who sends the request, if they may send another.
	Admit func(ctx context.Context, header string, setHeader func(name, value string)) (Caller, error)
	// Published returns what is published in a project, if the caller sees it; in all
	// that the caller sees, oldest first, if the id is empty.
	Published func(ctx context.Context, projectID string) ([]publish.API, error)
	// Query runs a statement on the tables of a project, if the caller sees it, and
	// returns at most so many rows in the form of a program's answer.
	Query func(ctx context.Context, projectID, sql string, rows int64) ([]byte, error)
	// Events returns what happens to a job, if the caller sees it, until it ends.
	Events func(ctx context.Context, jobID string) (<-chan job.Event, error)
	// Refuse answers a request that goes no further.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// Generation is another number after anything was changed.
	Generation func() uint64

	Origins  []string      // of web pages that may call, beside those of this machine; may be empty
	Boundary func() string // a word that nobody can guess, for the ends of data; nil for a random one
	Log      *slog.Logger

	tools  []tool      // that there are whatever is published
	blank  *sdk.Server // for messages of sessions that there are
	offers offers

	mu       sync.Mutex // guards the field below
	sessions map[*session]bool
}

// Handler serves the protocol over streamable HTTP.
func (s *Server) Handler() http.Handler {
	s.tools, s.blank = catalogue(), sdk.NewServer(s.implementation(), nil)
	streamable := sdk.NewStreamableHTTPHandler(s.open, &sdk.StreamableHTTPOptions{
		SessionTimeout: idle, MaxRequestBodyBytes: maxBody,
		// Who may come from where is decided in admit, for every address.
		DisableLocalhostProtection: true,
	})
	// The SDK gives tools what it finds here, and keeps a session to one key.
	verify := func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		caller, ok := ctx.Value(callerKey{}).(Caller)
		if !ok {
			return nil, auth.ErrInvalidToken // unreachable: admit came before
		}
		return &auth.TokenInfo{UserID: caller.KeyID, Scopes: caller.Scopes, Extra: map[string]any{"caller": caller}}, nil
	}
	return s.admit(auth.RequireBearerToken(verify, &auth.RequireBearerTokenOptions{AllowMissingExpiration: true})(streamable))
}

type callerKey struct{}

// open returns the server for a request: a new one for the first of a session. The
// SDK asks for one with every request, and uses only that of the first.
func (s *Server) open(r *http.Request) *sdk.Server {
	if r.Method != http.MethodPost || r.Header.Get(sessionHeader) != "" {
		return s.blank
	}
	if session, ok := r.Context().Value(sessionKey{}).(*session); ok {
		return session.mcp
	}
	return nil // unreachable: admit made one
}

func (s *Server) implementation() *sdk.Implementation {
	return &sdk.Implementation{Name: "millwright", Title: "Millwright", Version: s.Version}
}

func (s *Server) boundary() string {
	if s.Boundary != nil {
		return s.Boundary()
	}
	return strings.ToLower(rand.Text()[:16])
}
