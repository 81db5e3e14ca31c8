package api

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/httpsource/curl"
	"millwright/internal/httpsource/openapi"
)

// A CurlCommand is a command to read.
type CurlCommand struct {
	Command string `json:"command" doc:"A curl command as a shell or the Windows prompt takes it; nothing is run" example:"curl -H 'Accept: application/json' https://api.example.com/v1/orders"`
}

// A CurlRequest is the request that a command makes.
type CurlRequest struct {
	Spec  Connection `json:"spec" doc:"As test-connection takes it, with the secrets of the command; it is not stored"`
	Notes []SpecNote `json:"notes" doc:"What was not taken over as it stands"`
}

// A SpecNote says what became of a part of a description.
type SpecNote struct {
	Kind string `json:"kind" enum:"ignored,changed,missing" doc:"missing: a value has to be put in before the request works"`
	Text string `json:"text"`
}

// An APIDescription is an OpenAPI document to read.
type APIDescription struct {
	_        struct{}     `json:"-" additionalProperties:"true"`
	Document DocumentText `json:"document"`
	URL      string       `json:"url,omitempty" doc:"Where the document came from, for servers that are relative to it; it is not fetched"`
}

// A DocumentText is an OpenAPI 3.x document: its text in JSON or YAML, or the
// object itself.
type DocumentText struct{ text []byte }

// UnmarshalJSON takes the text of a string, and anything else as JSON.
func (d *DocumentText) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		var text string
		err := json.Unmarshal(raw, &text)
		d.text = []byte(text)
		return err
	}
	d.text = bytes.Clone(raw)
	return nil
}

// Schema describes both forms.
func (DocumentText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "An OpenAPI 3.x document: its text in JSON or YAML, or the object itself. References out of it are not followed",
		OneOf:       []*huma.Schema{{Type: "string"}, {Type: "object", AdditionalProperties: true}},
	}
}

// Candidates are the connections that a document promises.
type Candidates struct {
	Title      string      `json:"title"`
	Candidates []Candidate `json:"candidates" doc:"Lists that can be read without further ado come first"`
	Notes      []string    `json:"notes" doc:"What was left out and why"`
}

// A Candidate is a connection that still has to pass test-connection.
type Candidate struct {
	Name         string           `json:"name" doc:"The operation's id, or its method and path"`
	Summary      string           `json:"summary"`
	Spec         Connection       `json:"spec" doc:"As test-connection takes it, once what is required is put in"`
	ResponsePath string           `json:"response_path" doc:"Where the records are likely to be; empty if the document does not say"`
	Pagination   *CandidatePaging `json:"pagination,omitempty" doc:"How pages are likely to follow each other; the test finds and verifies it"`
	Required     []CandidateValue `json:"required" doc:"What has to be put in"`
	Evidence     []string         `json:"evidence" doc:"Why each of the above"`
}

// CandidatePaging is how a document says that pages follow each other.
type CandidatePaging struct {
	Kind      string `json:"kind" example:"page"`
	Path      string `json:"path,omitempty" doc:"Where the answer holds the next address or token"`
	Param     string `json:"param,omitempty" doc:"The parameter that takes the token or number"`
	SizeParam string `json:"size_param,omitempty" doc:"The parameter that takes the number of records a page"`
}

// A CandidateValue is a value that a document cannot give.
type CandidateValue struct {
	Name        string `json:"name"`
	In          string `json:"in" enum:"path,query,header,cookie,body,server,auth"`
	Pointer     string `json:"pointer" doc:"The field of spec; in /url the name stands in braces" example:"/auth/bearerToken"`
	Description string `json:"description"`
	Example     string `json:"example"`
}

func (s *Server) descriptions(a huma.API) {
	route(s, a, "POST /v1/http/from-curl", "http", "Read a curl command as a request; sends and stores nothing", s.fromCurl)
	op := describe("POST /v1/http/from-openapi", "http", "Read an OpenAPI document as candidates for connections; sends and stores nothing")
	// Checking the document against a schema would hold it in memory twice.
	op.SkipValidateBody = true
	// A large document takes a good part of the memory: one at a time.
	turn := make(chan struct{}, 1)
	register(s, a, op, func(ctx context.Context, in *struct{ Body APIDescription }) (*out[Candidates], error) {
		if err := s.mayChangeSomewhere(ctx, ""); err != nil {
			return nil, err
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-turn }()
		return fromOpenAPI(in.Body)
	})
}

func (s *Server) fromCurl(ctx context.Context, in *struct{ Body CurlCommand }) (*out[CurlRequest], error) {
	// Who may make no connection has no use for a description of one.
	if err := s.mayChangeSomewhere(ctx, ""); err != nil {
		return nil, err
	}
	spec, notes, err := curl.Parse(in.Body.Command)
	if err != nil {
		return nil, err
	}
	sealed, err := spec.Sealed()
	if err != nil {
		return nil, err
	}
	return ok(CurlRequest{Connection{sealed}, each(notes, func(n curl.Note) SpecNote { return SpecNote{string(n.Kind), n.Text} })}), nil
}

func fromOpenAPI(in APIDescription) (*out[Candidates], error) {
	if len(in.Document.text) == 0 || string(in.Document.text) == "null" {
		return nil, errs.New(errs.Invalid, "document is missing").Named("field-missing").At("/document")
	}
	d, err := openapi.Parse(in.Document.text, in.URL)
	if err != nil {
		return nil, err
	}
	w := Candidates{Title: d.Title, Candidates: []Candidate{}, Notes: orEmpty(d.Notes)}
	for _, c := range d.Candidates {
		sealed, err := c.Spec.Sealed()
		if err != nil {
			return nil, err
		}
		w.Candidates = append(w.Candidates, Candidate{Name: c.Name, Summary: c.Summary, Spec: Connection{sealed}, ResponsePath: c.ResponsePath,
			Pagination: candidatePaging(c), Required: each(c.Required, candidateValue), Evidence: orEmpty(c.Evidence)})
	}
	return ok(w), nil
}

func candidatePaging(c openapi.Candidate) *CandidatePaging {
	p := c.Pagination
	if p.Kind == "" {
		return nil
	}
	return &CandidatePaging{Kind: string(p.Kind), Path: p.Path, Param: p.Param, SizeParam: p.SizeParam}
}

func candidateValue(h openapi.Hole) CandidateValue { return CandidateValue(h) }
