package decode

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// Sniff looks at the beginning of a body and reports an error, with what to try,
// if it is no JSON. whole says that head is the whole body.
func Sniff(head []byte, contentType string, whole bool) error {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		if whole {
			return empty()
		}
		return nil
	}
	switch c := text[0]; {
	case c == '<':
		return markup(text)
	case c == '{', c == '[', c == '"', c == '-', c >= '0' && c <= '9', c == 't', c == 'f', c == 'n':
		return nil
	}
	e := errs.New(errs.Upstream, "the answer is not JSON: it begins with %q", clip(string(text[:min(len(text), 40)]))).Named("not-json")
	if what := binary(text); what != "" {
		e = errs.New(errs.Upstream, "the answer is not JSON: it is %s", what).Named("not-json")
	}
	if contentType != "" {
		e.Msg += " (declared as " + clip(contentType) + ")"
	}
	return e.Fix("check that the address is the one of the API", "set the header Accept: application/json")
}

func binary(text []byte) string {
	for _, k := range [][2]string{
		{"PK\x03\x04", "a ZIP archive"}, {"PAR1", "a Parquet file"}, {"%PDF", "a PDF document"}, {"\x89PNG", "an image"}, {"\xff\xd8\xff", "an image"}, {"GIF8", "an image"}, {"SQLite format", "a SQLite database"},
	} {
		if bytes.HasPrefix(text, []byte(k[0])) {
			return k[1]
		}
	}
	return ""
}

// markup tells an HTML page from XML.
func markup(text []byte) error {
	text = text[:min(len(text), 16<<10)]
	lower := bytes.ToLower(text)
	if !bytes.Contains(lower, []byte("<html")) && !bytes.HasPrefix(lower, []byte("<!doctype html")) {
		return errs.New(errs.Upstream, "the answer is XML, not JSON").Named("not-json").
			Fix("set the header Accept: application/json", "ask the API's documentation for its JSON format, often a parameter such as format=json")
	}
	title := ""
	// A match is no parse: it only gives a person a hint.
	if m := regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`).FindSubmatch(text); m != nil {
		title = ` with the title "` + clip(strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")) + `"`
	}
	return errs.New(errs.Upstream, "the answer is an HTML page%s, not JSON", title).Named("not-json").
		Fix("check that the address is the one of the API and not of its website",
			"check the credentials: a login page is sent to callers who are not known",
			"set the header Accept: application/json")
}

// StartsWithLines reports whether head begins with a whole JSON object that
// another one follows.
func StartsWithLines(head []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(head))
	if dec.PeekKind() != '{' {
		return false
	}
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	return dec.PeekKind() == '{'
}

// IsLines reports whether a content type means one JSON value a line.
func IsLines(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch strings.TrimSpace(media) {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl", "application/jsonlines", "application/json-lines",
		"application/x-jsonlines", "application/x-json-stream", "application/stream+json", "text/ndjson", "text/x-ndjson", "text/jsonl":
		return true
	}
	return false
}

// Nothing is the error for a path that led to nothing; it names what exists at
// the deepest point that was reached.
func (r Result) Nothing(path Path) error {
	where := "the answer"
	if r.Reached != "" && r.Reached != "$" {
		where = clip(r.Reached)
	}
	e := errs.New(errs.Invalid, "the response path %s selects nothing", clip(path.String())).
		Named("path-selects-nothing").At("/responsePathExtractor")
	switch {
	case len(r.Keys) > 0:
		keys := r.Keys[:min(len(r.Keys), 20)]
		quoted := make([]string, len(keys))
		for i, k := range keys {
			quoted[i] = dotted([]string{clip(k)})
		}
		e.Msg += ": " + where + " has the keys " + strings.Join(quoted, ", ")
		if len(r.Keys) > len(keys) {
			e.Msg += ", …"
		}
		e.Fix("use one of these keys, or leave the response path empty to have the rows found")
	case r.Hint != "":
		e.Msg += " in " + where + ": " + r.Hint
		e.Fix("correct the path, or leave it empty to have the rows found")
	default:
		e.Msg += ": " + where + " is an object without keys"
		e.Fix("check the parameters of the request, or leave the response path empty to have the rows found")
	}
	return e
}
