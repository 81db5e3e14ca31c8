package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/publish"
)

// An APIUsage says how the endpoints of an API were used.
type APIUsage struct {
	Since     time.Time       `json:"since" doc:"From here on; the hour counts whole"`
	Endpoints []EndpointUsage `json:"endpoints" doc:"Each of them, used or not"`
	Calls     []EndpointCall  `json:"calls" doc:"The newest calls, newest first; the newest thousand of an endpoint are kept, for 30 days"`
}

// An EndpointUsage says how an endpoint was used. Times are at most 5% off.
type EndpointUsage struct {
	EndpointID string     `json:"endpoint_id"`
	Name       string     `json:"name"`
	Path       string     `json:"path"`
	Version    string     `json:"version" example:"v1"`
	Status     string     `json:"status" enum:"live,deprecated,removed"`
	Calls      int64      `json:"calls"`
	Errors     int64      `json:"errors" doc:"Calls that were refused or failed"`
	Cached     int64      `json:"cached" doc:"Calls that were answered without a run"`
	Rows       int64      `json:"rows" doc:"In all answers"`
	P50        float64    `json:"p50_ms" doc:"Half of the calls took no longer"`
	P95        float64    `json:"p95_ms" doc:"19 of 20 calls took no longer"`
	LastCallAt *time.Time `json:"last_call_at"`
}

// An EndpointCall is one call of an endpoint.
type EndpointCall struct {
	At         time.Time `json:"at"`
	EndpointID string    `json:"endpoint_id"`
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	UserID     *string   `json:"user_id"`
	KeyID      *string   `json:"key_id" doc:"The API key that was used"`
	Via        string    `json:"via" enum:"http,mcp,chat"`
	Status     int       `json:"status" doc:"As HTTP says it"`
	ErrorType  *string   `json:"error_type"`
	MS         float64   `json:"ms" doc:"How long it took"`
	Rows       int64     `json:"rows"`
	Cached     bool      `json:"cached"`
}

func (s *Server) usages(a huma.API) {
	route(s, a, "GET /v1/apis/{id}/usage", "apis", "How the endpoints of an API were used: of all versions by its slug, of one by its id", s.apiUsage)
}

func (s *Server) apiUsage(ctx context.Context, in *struct {
	APIInput
	Days  int `query:"days" default:"30" minimum:"1" maximum:"400" doc:"How far back to count"`
	Limit int `query:"limit" default:"100" minimum:"0" maximum:"1000" doc:"How many calls to list"`
}) (*out[APIUsage], error) {
	found, err := s.api(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	versions := []publish.API{found}
	if in.ID == found.Slug {
		if versions, err = s.Publish.Versions(ctx, found.ProjectID); err != nil {
			return nil, err
		}
	}
	w := APIUsage{Since: s.Now().UTC().AddDate(0, 0, -in.Days).Truncate(time.Hour), Endpoints: []EndpointUsage{}}
	ids, named := []string{}, map[string]EndpointUsage{}
	for _, v := range versions {
		for _, e := range v.Endpoints {
			ids = append(ids, e.ID)
			named[e.ID] = EndpointUsage{EndpointID: e.ID, Name: e.Name, Path: e.Path, Version: v.Version, Status: e.Status}
		}
	}
	sums, err := s.Publish.Summary(ctx, ids, w.Since)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		w.Endpoints = append(w.Endpoints, named[id].with(sums[id]))
	}
	calls, err := s.Publish.Calls(ctx, ids, in.Limit)
	w.Calls = each(calls, func(u publish.Use) EndpointCall {
		of := named[u.EndpointID]
		return EndpointCall{At: u.At, EndpointID: u.EndpointID, Name: of.Name, Version: of.Version, UserID: orNull(u.UserID), KeyID: orNull(u.KeyID),
			Via: u.Via, Status: u.Status, ErrorType: orNull(u.ErrorType), MS: inMS(u.Took), Rows: u.Rows, Cached: u.Cached}
	})
	return ok(w), err
}

func (u EndpointUsage) with(s publish.Summary) EndpointUsage {
	u.Calls, u.Errors, u.Cached, u.Rows, u.P50, u.P95, u.LastCallAt = s.Calls, s.Errors, s.Cached, s.Rows, inMS(s.P50), inMS(s.P95), s.Last
	return u
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
