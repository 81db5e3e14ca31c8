// Package decode turns the bytes of an answer into records.
//
// Bytes pass through a row of readers that never hold a body: decompression
// with limits, conversion to UTF-8, a strict JSON tokenizer. Records are given
// one by one; what stands beside them (next links, totals) is collected within
// bounds as the [Envelope].
package decode

// A Shape says how the selected value becomes rows.
type Shape string

// The shapes.
const (
	Rows       Shape = "rows"       // an array gives its elements, an object is one row
	Lines      Shape = "lines"      // many JSON values, one after the other; each is a row
	Columns    Shape = "columns"    // an object of arrays of equal length; each array is a column
	Prometheus Shape = "prometheus" // series with labels and samples; each sample is a row
)

// Shapes lists every shape, for messages.
func Shapes() []Shape { return []Shape{Rows, Lines, Columns, Prometheus} }

// A Finding is where the records were found and why there.
type Finding struct {
	Path     string   `json:"path"` // in the form that a Spec accepts
	Shape    Shape    `json:"shape"`
	Evidence string   `json:"evidence"`         // for a person
	Given    bool     `json:"given"`            // a person set the path
	Others   []string `json:"others,omitempty"` // paths of other arrays that could have been meant
}

// Content is what the bytes turned out to be.
type Content struct {
	Format    string   `json:"format"`              // "json", "ndjson", "empty"
	Charset   string   `json:"charset"`             // what it was converted from: "utf-8", "utf-16le"
	Encodings []string `json:"encodings,omitempty"` // layers of compression, outermost first
	Evidence  string   `json:"evidence,omitempty"`  // where the bytes and the header disagree
}
