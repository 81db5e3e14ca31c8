package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/evaluate"
	"millwright/internal/project"
	"millwright/internal/publish"
)

// A LiveResult is the answer of an endpoint: that of its program, page by page.
type LiveResult struct {
	Result
	Next *string `json:"next" doc:"Send as after for the next page; null at the end"`
}

func encodeLive(r *evaluate.Result, next string) ([]byte, error) {
	var text bytes.Buffer
	err := json.NewEncoder(&text).Encode(LiveResult{resultWire(r), orNull(next)})
	return text.Bytes(), err
}

// A LivePath names an endpoint.
type LivePath struct {
	LiveVersion
	Path string `path:"path" doc:"Of the endpoint" example:"orders-by-status"`
}

// A LiveVersion names a version of an API.
type LiveVersion struct {
	Slug    string `path:"slug" doc:"Of the API" example:"shop"`
	Version string `path:"version" doc:"Of the API" example:"v1"`
}

// A seenKey is who wants to see what.
type seenKey struct{ reach, project string }

// sees fails with errs.NotFound if the caller does not see the project. It is asked
// at every call, so it remembers.
func (s *Server) sees(ctx context.Context, projectID string) error {
	_, err := s.seen.Get(s.Programs.DB, seenKey{caller(ctx).Reach(), projectID}, func() (project.Project, error) { return s.project(ctx, projectID) })
	return err
}

// liveVersion returns a version of an API that the caller sees.
func (s *Server) liveVersion(ctx context.Context, in LiveVersion) (publish.API, error) {
	a, err := s.Publish.Version(ctx, in.Slug, in.Version)
	return a, s.hide(ctx, a, err)
}

// hide returns what the caller may know: err, of an API that it sees.
func (s *Server) hide(ctx context.Context, a publish.API, err error) error {
	if a.ProjectID != "" {
		if unseen := s.sees(ctx, a.ProjectID); unseen != nil {
			return noAPI(unseen)
		}
	}
	if err == nil {
		return nil
	}
	p := problemOf(ctx, err)
	if publish.Gone(p.Type) {
		p.Status = http.StatusGone
	}
	return p
}

func (s *Server) liveEndpoint(ctx context.Context, in LivePath) (publish.API, publish.Endpoint, error) {
	a, e, err := s.Publish.Resolve(ctx, in.Slug, in.Version, in.Path)
	return a, e, s.hide(ctx, a, err)
}

// A GetLiveInput calls an endpoint in a URL.
type GetLiveInput struct {
	LivePath
	Caching
	request *http.Request
}

// Resolve keeps the request: its query parameters are the slots.
func (in *GetLiveInput) Resolve(ctx huma.Context) []error {
	in.request, _ = humachi.Unwrap(ctx)
	return nil
}

// A postLiveInput calls an endpoint with a body, for values that no URL holds.
type postLiveInput struct {
	GetLiveInput
	Body liveFields
}

type liveFields struct {
	_      struct{}       `json:"-" additionalProperties:"true"`
	Slots  map[string]any `json:"slots,omitempty" doc:"Slot values; they may stand beside it too"`
	Stream bool           `json:"stream,omitempty" doc:"Answer as server-sent events, the last of which, complete, carries the result"`
	beside map[string]any // every field
}

// UnmarshalJSON reads the fields that every endpoint has, and keeps the others.
func (f *liveFields) UnmarshalJSON(text []byte) error {
	type plain liveFields
	if err := decodeExact(text, (*plain)(f)); err != nil {
		return err
	}
	return decodeExact(text, &f.beside)
}

// A liveCall is what a request wants of an endpoint.
type liveCall struct {
	api      publish.API
	endpoint publish.Endpoint
	values   map[string]any
	controls liveControls
	caching  Caching
	stream   bool     // as server-sent events
	url      *url.URL // of a call that has all in its URL; else nil
	method   string
	began    time.Time
}

func (s *Server) getLive(ctx context.Context, in *GetLiveInput) (*huma.StreamResponse, error) {
	return s.callLive(ctx, in, nil)
}

func (s *Server) postLive(ctx context.Context, in *postLiveInput) (*huma.StreamResponse, error) {
	return s.callLive(ctx, &in.GetLiveInput, &in.Body)
}

// callLive finds the endpoint, runs it, and counts the call.
func (s *Server) callLive(ctx context.Context, in *GetLiveInput, body *liveFields) (*huma.StreamResponse, error) {
	c := liveCall{caching: in.Caching, began: s.Now(), method: http.MethodGet}
	var err error
	if c.api, c.endpoint, err = s.liveEndpoint(ctx, in.LivePath); err != nil {
		return nil, err
	}
	if body != nil {
		c.method = http.MethodPost
	} else if c.url = in.request.URL; c.endpoint.Method == http.MethodPost {
		return s.onlyPost(), nil
	}
	if err = c.read(in.request.URL.Query(), body); err == nil {
		var r *huma.StreamResponse
		if r, err = s.runLive(ctx, c); err == nil {
			return r, nil
		}
	}
	p := problemOf(ctx, err)
	s.used(ctx, c, publish.Use{Status: p.Status, ErrorType: p.Type})
	return nil, err
}

func (s *Server) runLive(ctx context.Context, c liveCall) (*huma.StreamResponse, error) {
	ask := c.caching.asking()
	opt := publish.CallOptions{Known: ask.Known, Fresh: ask.Fresh, Form: "live", Encode: encodeLive,
		Limit: c.controls.limit, After: c.controls.after, AsOf: c.controls.asOf, Count: c.controls.count}
	if c.controls.format != "" {
		return s.liveFile(ctx, c, opt)
	}
	if c.stream {
		opt.Known = nil // an event has no ETag
	}
	a, err := s.Publish.Call(ctx, c.endpoint, c.values, opt)
	if err != nil {
		return nil, err
	}
	use := publish.Use{Status: http.StatusOK, Rows: a.Rows, Cached: a.Cached}
	if a.NotModified {
		use.Status = http.StatusNotModified
	}
	s.used(ctx, c, use)
	return withHeaders(s.answer(a.Answer, c.stream), func(h http.Header) { c.announce(h, a.Next) }), nil
}

func (s *Server) liveFile(ctx context.Context, c liveCall, opt publish.CallOptions) (*huma.StreamResponse, error) {
	file, err := s.Publish.Open(ctx, c.endpoint, c.values, evaluate.File{Format: c.controls.format, SafeCSV: c.controls.safe}, opt)
	if err != nil {
		return nil, err
	}
	sent := func(ctx context.Context, d evaluate.Download, err error) {
		use := publish.Use{Status: http.StatusOK, Rows: d.Rows, Cached: file.Cached}
		switch {
		case file.NotModified:
			use.Status = http.StatusNotModified
		case err != nil:
			p := problemOf(ctx, err)
			use.Status, use.ErrorType = p.Status, p.Type
		}
		s.used(ctx, c, use)
	}
	return withHeaders(s.file(file, c.controls.format, c.endpoint.Path, sent), func(h http.Header) { c.announce(h, "") }), nil
}

// used counts the call.
func (s *Server) used(ctx context.Context, c liveCall, u publish.Use) {
	who := caller(ctx)
	u.EndpointID, u.At, u.Took, u.Via, u.UserID, u.KeyID = c.endpoint.ID, c.began, s.Now().Sub(c.began), via(ctx), who.User.ID, who.KeyID
	s.Publish.Used(u)
}

// withHeaders is the response with more headers.
func withHeaders(r *huma.StreamResponse, set func(http.Header)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		set(w.Header())
		r.Body(hc)
	}}
}

// onlyPost refuses a GET of an endpoint that takes none.
func (s *Server) onlyPost() *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		refuseMethod(w, r, http.MethodPost)
	}}
}

// announce says where the next page is, and how long the endpoint will answer
// (RFC 9745, RFC 8594).
func (c liveCall) announce(h http.Header, next string) {
	if next != "" && c.url != nil {
		query := c.url.Query()
		after := c.endpoint.Control(publish.ControlAfter)
		query.Del("_" + publish.ControlAfter)
		query.Set(after, next)
		h.Add("Link", "<"+c.url.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	}
	if c.endpoint.DeprecatedAt == nil {
		return
	}
	h.Set("Deprecation", "@"+strconv.FormatInt(c.endpoint.DeprecatedAt.Unix(), 10))
	if c.endpoint.Sunset != nil {
		h.Set("Sunset", c.endpoint.Sunset.UTC().Format(http.TimeFormat))
	}
	if c.api.Newest != c.api.Version {
		h.Add("Link", "</live/"+c.api.Slug+"/"+c.api.Newest+`>; rel="successor-version"`)
	}
}

// chatFields are what chats send with every call, and mean nothing here.
var chatFields = []string{"request_id", "conversation_id", "message_id", "author_user_id", "project_id", "node_id", "channel"}
