package publish

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"millwright/internal/evaluate"
	"millwright/internal/meta"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/table"
)

// An ID names a version of an API, or an endpoint: a UUIDv7 in text.
type ID = string

// The states of a version of an API, and of an endpoint.
const (
	Draft      = "draft"      // an API that has no endpoint yet
	Published  = "published"  // an API that is offered
	Live       = "live"       // an endpoint that is offered
	Deprecated = "deprecated" // still answers, and says that it will not for ever
	Removed    = "removed"    // answers 410
)

// An API is one version of what a project offers.
type API struct {
	ID           ID // of this version
	ProjectID    string
	Slug         string // in URLs; unique on the server, and the same for all versions
	Version      string // "v1", "v2", …
	Number       int    // 1, 2, …
	Newest       string // the newest version of the API, which may be this one
	Name         string
	Description  string
	Status       string // Draft, Published, Deprecated or Removed
	Reason       string // why this version was opened, a line for each thing that broke the one before; "" for the first
	Tags         []string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	DeprecatedAt *time.Time // nil unless it is deprecated
	Sunset       *time.Time // when a deprecated version may be removed; nil if nobody said
	Endpoints    []Endpoint // oldest first; those that are removed too, so that their paths can say so
}

// Live returns the endpoints that answer.
func (a API) Live() []Endpoint {
	live := []Endpoint{}
	for _, e := range a.Endpoints {
		if e.Status != Removed {
			live = append(live, e)
		}
	}
	return live
}

// Path returns where the API is served: "/live/{slug}/{version}".
func (a API) Path() string { return "/live/" + a.Slug + "/" + a.Version }

// An Endpoint is a program as it was published.
type Endpoint struct {
	ID             ID
	APIID          ID // of the version of the API
	ProjectID      string
	ProgramID      string
	Name           string // snake_case, at most 64 bytes, unique in the version: what tools call it
	Path           string // one segment without a slash, unique in the version
	Method         string // GET (which POST may stand in for) or POST
	Description    string
	ProgramVersion int64           // the version of the program that was frozen
	Program        program.Program // as it was then: question, SQL, slots
	Columns        []table.Column  // of the result with the defaults, as the engine described them
	Example        json.RawMessage // [{column: value}, …], at most three rows of a run with the defaults; nil if none came
	Status         string          // Live, Deprecated or Removed
	Tags           []string
	DeprecatedAt   *time.Time // nil unless it is deprecated; its API's counts too
	Sunset         *time.Time // its API's counts too
	CreatedAt      time.Time
	UpdatedAt      time.Time
	PublishedBy    string // the user; "" if it was no user
}

// The parameters of a call beside the slots. A slot of the same name wins; then the
// parameter is written with an underscore in front, as it always may be: no slot's
// name begins with one. See [Endpoint.Control].
const (
	ControlFormat   = "format"              // json (default), csv, ndjson, parquet or arrow; files are always the whole result
	ControlLimit    = "limit"               // rows of a page of JSON; 10,000 if absent
	ControlAfter    = "after"               // next of the page before
	ControlAsOf     = "as_of"               // table:version, …: versions of datasets to read instead of the current ones
	ControlCount    = "count"               // true: count the rows that are left out
	ControlFormulas = "neutralize_formulas" // true: in CSV, keep spreadsheets from computing cells
)

// Controls lists the parameters beside the slots.
func Controls() []string {
	return []string{ControlFormat, ControlLimit, ControlAfter, ControlAsOf, ControlCount, ControlFormulas}
}

// Control returns the name that the parameter has in calls of this endpoint.
func (e Endpoint) Control(name string) string {
	for _, s := range e.Program.Slots {
		if s.Name == name {
			return "_" + name
		}
	}
	return name
}

// A Service publishes programs and answers calls. The exported fields must be set.
// It is safe for concurrent use.
type Service struct {
	DB        *meta.DB
	Programs  *store.Store
	Evaluator *evaluate.Evaluator
	Now       func() time.Time // the clock

	apis  meta.Memo[apiKey, API]
	keys  meta.Memo[string, string] // what a call is named -> what its answer is kept under
	usage usage
}

// An apiKey names a version of an API.
type apiKey struct{ slug, version string }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func newID() ID { return uuid.Must(uuid.NewV7()).String() }
