// Package paginate finds the way from one page of an answer to the next.
//
// A way of paging is a [Style]; each lives in a file of its own. [Auto] looks at
// the first answer and proposes styles with their evidence; the caller follows
// the best one and lets the second page prove or disprove it.
package paginate

// A Kind names a way of paging.
type Kind string

// The kinds of paging.
const (
	Auto   Kind = "auto"        // decide from the first answer; the zero Setting means this too
	None   Kind = "none"        // one answer is everything
	Link   Kind = "link_header" // RFC 8288 Link header with rel=next
	URL    Kind = "next_url"    // a URL in the body
	Cursor Kind = "cursor"      // a token in the body or a header, sent back as a parameter
	Page   Kind = "page"        // a page number
	Offset Kind = "offset"      // a number of records to skip

	LastRow Kind = "last_row" // a value of the last record, sent back as a parameter: "starting_after"
)

// Kinds lists every kind, for messages.
func Kinds() []Kind { return []Kind{Auto, None, Link, URL, Cursor, Page, Offset, LastRow} }

// Numbered reports whether pages are asked for by a number that does not stand
// in the page before.
func (k Kind) Numbered() bool { return k == Page || k == Offset }

// A Setting is how one connection pages. Its JSON is stored with the connection.
type Setting struct {
	Kind Kind `json:"kind"`

	// Path is where the answer holds the next URL or token, as keys joined by
	// dots: "links.next", "meta.next_cursor". For a token in a header it is the
	// header's name with In = "header". For a last record it is the place in the
	// record: "id".
	Path string `json:"path,omitempty"`

	// Param is the query parameter (or, with In = "body", the key of the JSON
	// body) that takes the token, the page number or the offset.
	Param string `json:"param,omitempty"`

	// In is where Param goes: "query" (default) or "body".
	In string `json:"in,omitempty"`

	// SizeParam and Size ask for so many records a page; 0 leaves it to the source.
	SizeParam string `json:"size_param,omitempty"`
	Size      int    `json:"size,omitempty"`

	// Start is the number of the first page: usually 1, for some APIs 0.
	Start *int `json:"start,omitempty"`

	// TotalPages is where the answer holds the number of pages, if it does.
	TotalPages string `json:"total_pages,omitempty"`

	// HasMore is where the answer says whether there is more, if it does.
	HasMore string `json:"has_more,omitempty"`

	// CrossOrigin allows a next URL on another host, scheme or port. It is then
	// followed without credentials.
	CrossOrigin bool `json:"cross_origin,omitempty"`
}

// A Finding is the way of paging that was used and why.
type Finding struct {
	Setting  Setting `json:"setting"`
	Evidence string  `json:"evidence"`
	Verified bool    `json:"verified"` // a second page was fetched and differed from the first, or a person set it
	Given    bool    `json:"given"`    // a person set it
}
