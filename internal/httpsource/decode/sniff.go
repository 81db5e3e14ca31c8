package decode

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"

	"millwright/internal/errs"
)

// Sniff looks at the beginning of a body and reports an error, with what to try,
// if it is in no format that can be read. whole says that head is the whole body.
// It knows nothing of the pages before: what could be one record of a CSV, or an
// empty page of one, is left to [Propose] and [Split].
func Sniff(head []byte, contentType string, whole bool) error {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 && IsCSV(contentType) {
		return nil
	}
	// Whichever kind of JSON this is, it can be read; telling costs a look at all of it.
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return nil
	}
	_, _, err := recognize(Hint{Head: head, ContentType: contentType, Whole: whole})
	if e, ok := errs.Find(err); ok && e.Type == "not-json" && text[0] != '<' && binary(text) == "" {
		line, _, _ := bytes.Cut(text[:min(len(text), sniffBytes)], []byte("\n"))
		if IsCSV(contentType) || bytes.ContainsAny(line, ",;\t|") {
			return nil
		}
	}
	return err
}

// unknown is the error for a body in no known format.
func unknown(text []byte, contentType string) error {
	e := errs.New(errs.Upstream, "the answer is not JSON, XML or CSV: it begins with %q", clip(string(text[:min(len(text), 40)]))).Named("not-json")
	if what := binary(text); what != "" {
		e = errs.New(errs.Upstream, "the answer is not JSON, XML or CSV: it is %s", what).Named("not-json")
	}
	if contentType != "" {
		e.Msg += " (declared as " + clip(contentType) + ")"
	}
	return e.Fix("check that the address is the one of the API", "set the header Accept: application/json")
}

func binary(text []byte) string {
	for _, k := range [][2]string{
		{"PAR1", "a Parquet file"}, {"%PDF", "a PDF document"}, {"\x89PNG", "an image"}, {"\xff\xd8\xff", "an image"}, {"GIF8", "an image"}, {"SQLite format", "a SQLite database"},
	} {
		if bytes.HasPrefix(text, []byte(k[0])) {
			return k[1]
		}
	}
	return ""
}

// page is the error for an HTML page; it is nil for XML.
func page(text []byte) error {
	text = text[:min(len(text), 16<<10)]
	if !bytes.HasPrefix(bytes.ToLower(text[:min(len(text), 14)]), []byte("<!doctype html")) && !slices.Contains(pageElements(), firstElement(text)) {
		return nil
	}
	title := ""
	// A match is no parse: it only gives a person a hint.
	if m := regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`).FindSubmatch(text); m != nil {
		title = ` with the title "` + clip(strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")) + `"`
	}
	return errs.New(errs.Upstream, "the answer is an HTML page%s, not data", title).Named("not-json").
		Fix("check that the address is the one of the API and not of its website",
			"check the credentials: a login page is sent to callers who are not known",
			"set the header Accept: application/json")
}

// pageElements are what a page that leaves the rest out may begin with.
func pageElements() []string {
	return []string{"html", "head", "body", "title", "meta", "script", "style", "div", "p", "h1", "center", "pre"}
}

// firstElement returns the name of the first element in lower case, behind
// declarations and comments.
func firstElement(text []byte) string {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 || i+1 >= len(text) {
			return ""
		}
		text = text[i+1:]
		end := ">"
		switch {
		case bytes.HasPrefix(text, []byte("!--")):
			end = "-->"
		case text[0] != '!' && text[0] != '?':
			if n := bytes.IndexAny(text, " \t\r\n/>"); n >= 0 {
				return strings.ToLower(string(text[:n]))
			}
			return ""
		}
		_, rest, ok := bytes.Cut(text, []byte(end))
		if !ok {
			return ""
		}
		text = rest
	}
}

// StartsWithLines reports whether head begins with a whole JSON object, or with
// any a whole array, that another value follows.
func StartsWithLines(head []byte, any bool) bool {
	dec := newTokens(&leash{r: bytes.NewBuffer(head), limit: int64(len(head))})
	if kind := dec.PeekKind(); kind != '{' && (!any || kind != '[') {
		return false
	}
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	next := dec.PeekKind()
	return next == '{' || any && next == '['
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
