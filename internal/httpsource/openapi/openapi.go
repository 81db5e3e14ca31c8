// Package openapi turns an OpenAPI document into connections that it promises.
//
// A document describes what an API should do, so everything taken from it is a
// proposal with its evidence: a [Candidate] still has to pass a test against the
// API itself. Documents are foreign: nothing they point at is fetched, their
// size, depth and references are bounded, and a part that makes no sense costs
// that part and not the document.
package openapi

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/paginate"
)

// Bounds of a document. The largest published ones stay below them.
const (
	maxBytes      = 16 << 20
	maxDepth      = 200     // of nesting
	maxNodes      = 1 << 20 // values
	maxMerged     = 1 << 18 // members that YAML merges add
	maxMarks      = 3 << 18 // signs that begin a value in YAML, whose reader needs 200 bytes for each
	maxOperations = 5000
	maxSteps      = 3 << 20 // references and schemas looked at in all
	maxPerTask    = 2000    // and for one operation
)

// A Document is what a description offers.
type Document struct {
	Title      string
	Version    string // of OpenAPI
	Candidates []Candidate
	Notes      []string // what was left out and why
}

// A Candidate is a connection that the document promises.
type Candidate struct {
	Name         string // the operation's id, or its method and path
	Summary      string
	Spec         httpsource.Spec  // not checked yet: the values in Required are absent
	ResponsePath string           // where the records are likely to be; "" means: look at the answer
	Pagination   paginate.Setting // likely; the Spec leaves it to the test to find and verify it
	Required     []Hole
	Evidence     []string // why each of the above, for a person
	Score        int      // the higher, the likelier it gives a table without further ado
}

// A Hole is a value that has to be filled in before the Spec can be sent.
type Hole struct {
	Name        string
	In          string // path, query, header, cookie, body, server or auth
	Pointer     string // of the field in the Spec's JSON, such as /auth/bearerToken
	Description string
	Example     string // from the document; may be empty
}

// Parse reads an OpenAPI 3.x document in JSON or YAML. from is the address the
// document came from, against which relative servers are resolved; it may be
// empty and is not fetched. Lists that can be read without further ado come
// first. Errors are errs.Invalid or errs.TooLarge and point at /document.
func Parse(document []byte, from string) (Document, error) {
	base, err := baseURL(from)
	if err != nil {
		return Document{}, err
	}
	root, err := read(document)
	if err != nil {
		return Document{}, err
	}
	d := &reader{root: root, base: base, steps: maxSteps}
	out := Document{Title: root.get("info").get("title").string(), Version: root.get("openapi").string()}
	if err := d.version(); err != nil {
		return Document{}, err
	}
	out.Candidates = d.operations()
	// Sorting keeps the document's order among equals.
	slices.SortStableFunc(out.Candidates, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	if out.Notes = d.summary(); len(out.Candidates) == 0 {
		return out, wrong("openapi-no-operations", "the document describes no operation that reads data").
			Fix("check that the document has paths with GET operations")
	}
	return out, nil
}

func baseURL(from string) (*url.URL, error) {
	if from == "" {
		return nil, nil
	}
	u, err := url.Parse(from)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errs.New(errs.Invalid, "the document's own address is not a valid http address").Named("url-invalid").At("/url").
			Fix("give the address the document was loaded from, or leave it out")
	}
	u.User = nil
	return u, nil
}

// version accepts OpenAPI 3.x.
func (d *reader) version() error {
	switch v := d.root.get("openapi").string(); {
	case strings.HasPrefix(v, "3.") || v == "3":
		if d.root.get("paths").kind != object {
			return wrong("openapi-no-operations", "the document has no paths").Fix("paste the whole document")
		}
		return nil
	case d.root.get("swagger").string() != "":
		return wrong("openapi-version", "the document is Swagger 2; OpenAPI 3.x is needed").Fix("convert it, for example with the Swagger editor")
	case v != "":
		return wrong("openapi-version", "the document's version of OpenAPI is not known; 3.x is needed").Fix("convert it to OpenAPI 3.x")
	}
	return wrong("openapi-version", "the document is not OpenAPI: the field openapi is missing").Fix(`paste a document that begins with openapi: 3.x`)
}

// A reader walks one document.
type reader struct {
	root    *node
	base    *url.URL // nil if unknown
	steps   int      // left for the document
	task    int      // left for the operation
	remote  int      // references that lead out of the document
	dead    int      // references that lead nowhere
	writes  int      // operations that change data
	cut     bool     // there were more operations than maxOperations
	tired   bool     // steps ran out
	skipped int      // operations that make no sense
}

func (d *reader) summary() []string {
	var notes []string
	add := func(n int, format string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(format, n))
		}
	}
	add(d.writes, "%d operations are left out because they change data")
	add(d.remote, "%d references lead out of the document and were not followed")
	add(d.dead, "%d references lead nowhere")
	add(d.skipped, "%d operations are left out because they are not written as operations")
	if d.cut {
		add(maxOperations, "only the first %d operations were read")
	}
	if d.tired {
		notes = append(notes, "the document's schemas are so intricate that some were not looked at")
	}
	return notes
}

// step counts work and reports whether there may be more of it.
func (d *reader) step() bool {
	d.steps--
	d.task--
	if d.steps < 0 || d.task < 0 {
		d.tired = true
		return false
	}
	return true
}

func wrong(typ, format string, args ...any) *errs.Error {
	return errs.New(errs.Invalid, format, args...).Named(typ).At("/document")
}

func tooLarge(typ, format string, args ...any) *errs.Error {
	return errs.New(errs.TooLarge, format, args...).Named(typ).At("/document").Fix("cut the document down to the operations you need")
}

// clip shortens the document's own text.
func clip(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}
