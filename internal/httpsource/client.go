// Package httpsource turns a described HTTP request into records.
//
// [Client.Fetch] is the one way in: a test is a run with a limit. It asks for
// pages through the guarded dialer (guard), proves who is asking (auth), turns
// bytes into records without holding a body (decode), finds the next page
// (paginate), and ends with a [Verdict] that says how complete the records are.
// No error, header or sample that leaves this package holds a secret of the
// request.
package httpsource

import (
	"encoding/json"
	"net/http"
	"time"

	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A Page is an answer whose records are about to be delivered.
type Page struct {
	Number int    // from 1
	URL    string // without secrets
}

// A PageEnd closes a page.
type PageEnd struct {
	Number  int
	Records int64 // on this page
	Bytes   int64 // received for this page, before decompression

	// Next is where to go on after this page: a later Fetch of the same Spec takes
	// it as Options.Resume. It holds no secret of the Spec. Empty means that there is
	// no such place: this is the last page, or it is not yet known how the source pages.
	Next string
}

// A Sink takes what a Fetch delivers, in order and from one goroutine. An error
// from it ends the Fetch and is returned as it is.
type Sink interface {
	BeginPage(Page) error

	// Record takes one JSON value, always an object. raw is valid only during
	// the call.
	Record(raw []byte) error

	EndPage(PageEnd) error

	// Waiting tells why nothing happens: "429 Too Many Requests; Retry-After".
	Waiting(reason string, until time.Time)
}

// Options bound one Fetch. Zero fields mean no bound.
type Options struct {
	MaxPages    int64 // stop after so many pages
	MaxRecords  int64 // stop after so many records
	Look        bool  // read the first page to its end and prove how the source pages, even when that page alone reaches MaxRecords
	Attempts    int   // requests for one page; 0 means what the spec says
	HeadBytes   int   // keep this much of the first body in Outcome.Head; at most 64 KB
	SampleBytes int   // keep records in Outcome.Sample until they are this long

	// Resume is the Next of a PageEnd: the Fetch goes on behind that page, and its
	// Outcome and its page numbers count what came before.
	Resume string

	// Secrets finds the secrets that the Spec refers to by name; nil knows none.
	Secrets Lookup
}

// An Outcome is what a Fetch did. After an error it holds what was known by then.
type Outcome struct {
	Status       int               // of the last answer; 0 if there was none
	Header       http.Header       // of the first answer, without secrets
	ContentType  string            // of the first answer
	Bytes        int64             // received in all, before decompression
	DecodedBytes int64             // after decompression
	Duration     time.Duration     // of the whole Fetch
	Latency      time.Duration     // until the first answer's header
	Pages        int64             // answers that gave records or proved that there are none
	Records      int64             // delivered to the Sink
	Requests     int64             // sent in all: pages, redirects, retries
	ResponsePath string            // the path used, given or found
	Detected     Detected          // what was found and why
	Verdict      Verdict           // how complete the records are
	Head         []byte            // the beginning of the first body as UTF-8, without secrets
	HeadCut      bool              // the body is longer than Head
	Sample       []json.RawMessage // the first records, without secrets
	Suggestions  []string          // what a person could look at or try, and why

	// Rotated is a refresh token that replaced the one of the Spec, which the source
	// may accept no more. Settle puts it in.
	Rotated secret.String `json:"-"`
}

// Detected says what the first answer turned out to be.
type Detected struct {
	ResponsePath decode.Finding   `json:"response_path"`
	Pagination   paginate.Finding `json:"pagination"`
	Content      decode.Content   `json:"content"`
}

// Settle returns spec with everything that was detected as explicit settings, so
// that a later run does not guess again.
func (o Outcome) Settle(spec Spec) Spec {
	if o.Detected.ResponsePath.Path != "" {
		spec.ResponsePath = o.Detected.ResponsePath.Path
		spec.Options.Shape = o.Detected.ResponsePath.Shape
	}
	if o.Detected.Pagination.Verified {
		cross := spec.Options.Pagination.CrossOrigin
		spec.Options.Pagination = o.Detected.Pagination.Setting
		spec.Options.Pagination.CrossOrigin = cross
	}
	if !o.Rotated.Empty() && spec.Auth.OAuth2.RefreshToken.Name() == "" {
		spec.Auth.OAuth2.RefreshToken = o.Rotated
	}
	return spec
}

// A State says how complete records are.
type State string

// The states of a verdict.
const (
	Complete           State = "complete"            // a total matched, or the source said that it ended
	CompleteUnverified State = "complete_unverified" // ended by convention; no total to compare
	Limited            State = "limited"             // stopped at a person's limit
	Incomplete         State = "incomplete"          // records are missing; Reason says which and why
)

// A Verdict says how complete the records of a Fetch are, with its evidence.
type Verdict struct {
	State         State    `json:"state"`
	Reason        string   `json:"reason"`          // stable, kebab-case: "total-matched", "repeated-token"
	Message       string   `json:"message"`         // the same for a person, with numbers and what to try
	Fixes         []string `json:"fixes,omitempty"` // what a person could try, if incomplete
	Pages         int64    `json:"pages"`
	Records       int64    `json:"records"`
	TotalClaimed  *int64   `json:"total_claimed,omitempty"` // nil if the source named none
	TotalFrom     string   `json:"total_from,omitempty"`    // where it said so: "meta.total", "X-Total-Count"
	EmptyPages    int64    `json:"empty_pages,omitempty"`
	ShortPages    int64    `json:"short_pages,omitempty"`    // shorter than the longest before, and not the last
	RepeatedPages int64    `json:"repeated_pages,omitempty"` // with the records of an earlier page
	Alarms        []string `json:"alarms,omitempty"`         // things a person should look at

	Ragged *decode.Ragged `json:"ragged,omitempty"` // of the first page that has some: records of another length
}
