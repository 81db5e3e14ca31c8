package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

type identityKey struct{}

// caller returns who makes the request. Operations that need a key have one.
func caller(ctx context.Context) tenant.Identity {
	who, _ := ctx.Value(identityKey{}).(tenant.Identity)
	return who
}

// authenticate lets an operation that needs a key run only with a good one. It
// runs after routing, so no spelling of a path can slip past it.
func (s *Server) authenticate(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if len(ctx.Operation().Security) == 0 {
			next(ctx)
			return
		}
		who, err := s.whoIs(ctx.Context(), ctx.Header("Authorization"))
		if err != nil {
			p := problemOf(ctx.Context(), err)
			report(ctx.Context(), s.Log, p, err)
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="millwright"`)
			sendProblem(a, ctx, p)
			return
		}
		next(huma.WithValue(ctx, identityKey{}, who))
	}
}

func (s *Server) whoIs(ctx context.Context, header string) (tenant.Identity, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return tenant.Identity{}, errs.New(errs.Anonymous, "the request carries no API key").
			Named("key-missing").Fix("send the header Authorization: Bearer <key>")
	}
	return s.Tenants.Authenticate(ctx, token)
}

func sendProblem(a huma.API, ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	// An error here means that the caller has gone; there is nobody to tell.
	_ = a.Marshal(ctx.BodyWriter(), "application/json", p)
}
