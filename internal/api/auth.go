package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/tenant"
)

type identityKey struct{}

// caller returns who makes the request. Operations that need a key have one.
func caller(ctx context.Context) tenant.Identity {
	who, _ := ctx.Value(identityKey{}).(tenant.Identity)
	return who
}

// as returns a context in which who makes the request, and sees what it may see.
func as(ctx context.Context, who tenant.Identity) context.Context {
	return meta.Confine(context.WithValue(ctx, identityKey{}, who), who.ProjectID)
}

// authenticate lets an operation that needs a key run only with a good one that has
// the scope, and not too often. It runs after routing, so no spelling of a path can
// slip past it.
func (s *Server) authenticate(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		op := ctx.Operation()
		if len(op.Security) == 0 {
			next(ctx)
			return
		}
		who, err := s.admit(ctx.Context(), ctx.Header("Authorization"), ctx.SetHeader)
		if scope := scopeOf(op); err == nil && scope != "" {
			err = who.MayUse(scope)
		}
		if err != nil {
			p := problemOf(ctx.Context(), err)
			report(ctx.Context(), s.Log, p, err)
			sendProblem(a, ctx, p)
			return
		}
		next(huma.WithContext(ctx, as(ctx.Context(), who)))
	}
}

// admit returns who makes the request, if they may make another. A request that a
// tool of ours makes is that of the agent that called it, and was counted as such.
func (s *Server) admit(ctx context.Context, header string, setHeader func(name, value string)) (tenant.Identity, error) {
	if who, known := ctx.Value(identityKey{}).(tenant.Identity); known {
		return who, nil
	}
	who, err := s.whoIs(ctx, header)
	if err != nil {
		setHeader("WWW-Authenticate", `Bearer realm="millwright"`)
		return who, err
	}
	return who, s.limit(who, setHeader)
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
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	// An error here means that the caller has gone; there is nobody to tell.
	_ = a.Marshal(ctx.BodyWriter(), "application/json", p)
}
