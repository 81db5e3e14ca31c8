// Package store keeps query programs in the metadata database: what each is now,
// every version it had, and the history of its runs.
//
// A program's code is kept byte for byte, whatever it is; whether it can run is
// not this package's question. What a person changed is never overwritten: a
// change of a generated program makes it an edited one, and [Store.SaveGeneratedTx]
// replaces only what is still as it was generated.
package store

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// An ID names a program, a version of one, or a run: a UUIDv7 in text.
type ID = string

// An Origin says who wrote a program.
type Origin string

// The origins.
const (
	Generated Origin = "generated" // by analysis, untouched
	Edited    Origin = "edited"    // by analysis, then changed by somebody
	Custom    Origin = "custom"    // by somebody
)

// A Record is a stored program.
type Record struct {
	ID             ID
	ProjectID      string
	DatasetID      string // the dataset it was made for; may be empty
	DatasetVersion int64  // the version it was generated from; 0 if it was not
	Program        program.Program
	Origin         Origin
	Published      bool
	Public         bool
	SlotsText      *string         // slots as an older client wrote them, if they are not ours; nil if none
	Steps          *string         // a client's own text; nil if none
	Stores         *string         // a client's own text; nil if none
	Metadata       json.RawMessage // a JSON object; nil on input means {}
	Version        int64           // 1, 2, …: counts the changes of what it is
	VersionID      ID              // of the current version
	PrevID         ID              // of the version before; empty for the first
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      *time.Time // nil while it lives
	RetiredAt      *time.Time // since when it no longer runs or makes sense; nil while it does
	RetiredReason  string     // why, for people
}

// A Version is a program as it once was.
type Version struct {
	ID        ID
	ProgramID ID
	Version   int64
	PrevID    ID // of the version before; empty for the first
	Origin    Origin
	Program   program.Program
	SlotsText *string
	Steps     *string
	Stores    *string
	CreatedAt time.Time
}

// A Change says what to change; nil leaves a field as it is.
type Change struct {
	Name      *string
	Cue       *string
	SQL       *string
	Slots     *[]program.Slot
	Tables    *[]string
	Kind      *string
	Chart     *program.Chart
	Reason    *[]string
	SlotsText *string
	Steps     *string
	Stores    *string
	Public    *bool
	Metadata  json.RawMessage // replaces the whole object
	Deleted   *bool           // false brings a deleted program back
	IfVersion int64           // fail with errs.Conflict unless this is the current version; 0 does not ask
}

// A Store keeps programs.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock

	flushing sync.Mutex   // held while runs are written
	mu       sync.Mutex   // guards the field below
	fresh    map[ID][]Run // by program: runs that are not written yet
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func newID() ID { return uuid.Must(uuid.NewV7()).String() }

func notFound() error { return errs.New(errs.NotFound, "no such query program") }

// normalize fills what the columns need and reports metadata that is no object.
func (r *Record) normalize() error {
	if r.Metadata == nil {
		r.Metadata = json.RawMessage("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(r.Metadata, &object) != nil || object == nil {
		return errs.New(errs.Invalid, "the metadata is not a JSON object").At("/metadata")
	}
	p := &r.Program
	if p.Slots == nil {
		p.Slots = []program.Slot{}
	}
	if p.Tables == nil {
		p.Tables = []string{}
	}
	if p.Reason == nil {
		p.Reason = []string{}
	}
	if p.Dialect == "" {
		p.Dialect = "duckdb"
	}
	if p.Kind == "" {
		p.Kind = "custom"
	}
	return nil
}
