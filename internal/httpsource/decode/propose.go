package decode

import (
	"bytes"

	"millwright/internal/errs"
)

// A Format is what a body turned out to be written in.
type Format string

// The formats.
const (
	JSON   Format = "json"
	NDJSON Format = "ndjson" // JSON values one after the other
	Table  Format = "csv"    // CSV or TSV
	Markup Format = "xml"
	Empty  Format = "empty"
)

// A Hint is what is known of a body before it is read.
type Hint struct {
	Head        []byte // its beginning, as UTF-8
	Whole       bool   // Head is all of it
	ContentType string // as declared
	Path        string // set by a person; empty means: find the rows
	Shape       Shape  // set by a person; empty means: see the bytes
}

// Propose tells the format of a body and where its rows are. It reports false if
// that takes a look at the whole body, which is what Inspect is for.
func Propose(h Hint) (Finding, Format, bool, error) {
	format, table, err := recognize(h)
	if err != nil {
		return Finding{}, "", false, err
	}
	f := Finding{Path: h.Path, Shape: h.Shape, Evidence: "set for this connection", Given: h.Path != "" || h.Shape != ""}
	if f.Path == "" {
		f.Path = "$"
	}
	switch {
	case format == Table && (h.Shape == "" || h.Shape.Base() == CSV):
		f.Shape, f.Columns = table.shape(h.Shape), table.columns
		f.Evidence = table.why
		return f, format, true, nil
	case h.Shape.Base() == CSV:
		return f, "", false, errs.New(errs.Upstream, "the body is no CSV, which the shape set for this connection asks for").Named("not-csv").
			Fix("remove options.shape to have the shape found")
	case format == Markup && h.Shape == "":
		return f, format, false, nil
	case f.Given:
		return f, format, true, nil
	case format == NDJSON:
		f.Shape, f.Evidence = Lines, "the answer is one JSON value after the other"
		return f, format, true, nil
	case bytes.HasPrefix(bytes.TrimLeft(h.Head, " \t\r\n"), []byte("[")):
		f.Evidence = "the answer is an array"
		return f, format, true, nil
	}
	return f, format, false, nil
}

// recognize tells the format. The declared type is a hint: it decides only where
// the bytes could be two things.
func recognize(h Hint) (Format, dialect, error) {
	text := bytes.TrimLeft(h.Head, " \t\r\n")
	if len(text) == 0 {
		if h.Whole {
			return Empty, dialect{}, empty()
		}
		return JSON, dialect{}, nil
	}
	switch text[0] {
	case '<':
		return Markup, dialect{}, page(text)
	case '{', '[':
		if h.Shape.Base() == CSV {
			break
		}
		// One array under a type of lines is one array.
		if StartsWithLines(h.Head, IsLines(h.ContentType)) || text[0] == '{' && IsLines(h.ContentType) {
			return NDJSON, dialect{}, nil
		}
		return JSON, dialect{}, nil
	}
	if !IsLines(h.ContentType) && binary(text) == "" {
		if d, ok := sniffCSV(h.Head, h.ContentType, h.Whole, h.Shape); ok {
			return Table, d, nil
		}
	}
	switch c := text[0]; {
	case IsLines(h.ContentType):
		return NDJSON, dialect{}, nil
	case c == '"', c == '-', c >= '0' && c <= '9', c == 't', c == 'f', c == 'n', c == '{', c == '[':
		return JSON, dialect{}, nil
	}
	return "", dialect{}, unknown(text, h.ContentType)
}
