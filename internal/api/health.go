package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
)

// Health says that the server runs.
type Health struct {
	Status  string `json:"status" example:"ok"`
	Version string `json:"version" doc:"Version of the API"`
}

func (s *Server) health(a huma.API) {
	healthy := ok(Health{Status: "ok", Version: Version})
	register(s, a, describeOpen("GET /healthz", "health", "Whether the process runs"), func(context.Context, *struct{}) (*out[Health], error) {
		return healthy, nil
	})
	register(s, a, describeOpen("GET /readyz", "health", "Whether requests can be served"), func(ctx context.Context, _ *struct{}) (*out[Health], error) {
		if err := s.Ready(ctx); err != nil {
			return nil, errs.New(errs.Unavailable, "the server is not ready").Because(err)
		}
		return healthy, nil
	})
}
