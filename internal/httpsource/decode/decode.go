// Package decode turns the bytes of an answer into records.
//
// Bytes pass through a row of readers that never hold a body: decompression
// with limits, conversion to UTF-8, a strict JSON tokenizer. Records are given
// one by one; what stands beside them (next links, totals) is collected within
// bounds as the [Envelope]. CSV and XML stream the same way into the same rows.
package decode

// A Finding is where the records were found and why there.
type Finding struct {
	Path     string   `json:"path"` // in the form that a Spec accepts
	Shape    Shape    `json:"shape"`
	Evidence string   `json:"evidence"`          // for a person
	Given    bool     `json:"given"`             // a person set the path
	Others   []string `json:"others,omitempty"`  // paths of other arrays that could have been meant
	Columns  []string `json:"columns,omitempty"` // of a CSV: the names that its header gives
}

// Content is what the bytes turned out to be.
type Content struct {
	Format    Format   `json:"format"`
	Charset   string   `json:"charset"`             // what it was converted from: "utf-8", "utf-16le"
	Encodings []string `json:"encodings,omitempty"` // layers of compression, outermost first
	Evidence  string   `json:"evidence,omitempty"`  // where the bytes and the header disagree
}
