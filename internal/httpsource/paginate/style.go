package paginate

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Field is a scalar beside the records of an answer.
type Field struct {
	Path string // keys joined by dots: "meta.next"
	Raw  []byte // JSON
}

// An Answer is what a style may look at.
type Answer struct {
	Number  int      // of the page, from 1
	URL     *url.URL // asked for, redirects not counted
	Header  http.Header
	Fields  []Field
	Records int64  // on this page
	Seen    int64  // on all pages so far, this one included
	Last    []byte // the last record, if the way of paging may need it
	Body    []byte // of the request, if that was a JSON object
}

// A Step is the way to the next page, or the reason why there is none.
type Step struct {
	// Done says why the data ends here: "no-next-link", "null-token". Empty
	// means that there is a next page.
	Done string
	// Sure says that the source itself said so.
	Sure bool

	URL   string // the next page, relative to Answer.URL; or else:
	Param string // the parameter to set
	Value string // and its value
	In    string // "query" or "body"
	Text  bool   // in a JSON body the value is a string

	// Size is set once more on every page, if SizeParam is not empty.
	SizeParam, Size string
}

// Token identifies the next page among those seen.
func (s Step) Token() string {
	if s.URL != "" {
		return s.URL
	}
	return s.Param + "=" + s.Value
}

// A Style finds the way from one page to the next. A Style holds no state: all
// it needs is in the Answer, so that a run can go on from any page.
type Style interface {
	Next(Answer) Step
}

// New returns the style of a setting. Auto and None give one that never goes on.
func New(s Setting) Style {
	switch s.Kind {
	case Link:
		return linkStyle{}
	case URL:
		return urlStyle{s}
	case Cursor:
		return cursorStyle{s}
	case Page:
		return pageStyle{s}
	case Offset:
		return offsetStyle{s}
	case LastRow:
		return lastRowStyle{s}
	}
	return noStyle{}
}

type noStyle struct{}

func (noStyle) Next(Answer) Step { return Step{Done: "one-answer"} }

// First returns what the first request has to carry beside the person's own
// parameters: the page size, if one is set.
func First(s Setting) (param, value, in string, ok bool) {
	if s.SizeParam == "" || s.Size == 0 {
		return "", "", "", false
	}
	return s.SizeParam, strconv.Itoa(s.Size), s.In, true
}

// lookup returns the field at a path. "links[rel=next].href" finds the element
// of links whose rel is next.
func (a Answer) lookup(path string) ([]byte, bool) {
	if before, rest, ok := strings.Cut(path, "["); ok {
		if cond, after, ok := strings.Cut(rest, "]"); ok {
			if key, want, ok := strings.Cut(cond, "="); ok {
				return a.lookupWhere(before, key, want, after)
			}
		}
	}
	for _, f := range a.Fields {
		if f.Path == path {
			return f.Raw, true
		}
	}
	return nil, false
}

func (a Answer) lookupWhere(before, key, want, after string) ([]byte, bool) {
	for _, f := range a.Fields {
		index, ok := strings.CutPrefix(f.Path, before+"[")
		if !ok {
			continue
		}
		if index, ok = strings.CutSuffix(index, "]."+key); ok && text(f.Raw) == want {
			return a.lookup(before + "[" + index + "]" + after)
		}
	}
	return nil, false
}

// text returns the text of a JSON scalar; "" for null.
func text(raw []byte) string {
	switch jsontext.Value(raw).Kind() {
	case '"':
		out, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return ""
		}
		return string(out)
	case 'n':
		return ""
	}
	return string(raw)
}

// number returns a whole number of at least 0, also when it is spelled as text.
func number(raw []byte) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text(raw)), 10, 64)
	return n, err == nil && n >= 0
}

// more reports what the source says about whether there is more.
func (a Answer) more(path string) (more, known bool) {
	for _, f := range a.Fields {
		kind := jsontext.Value(f.Raw).Kind()
		if kind != 't' && kind != 'f' || path != "" && f.Path != path {
			continue
		}
		switch plain(lastKey(f.Path)) {
		case "hasmore", "hasnext", "hasnextpage", "more", "moreavailable", "morerecords", "istruncated", "truncated", "hasmoreitems", "hasmoreresults", "nextpageexists":
			return kind == 't', true
		case "islast", "last", "islastpage", "lastpage", "isend":
			return kind == 'f', true
		}
		if path != "" {
			return kind == 't', true
		}
	}
	return false, false
}

// More reports whether the source says that there is more, and whether it says
// anything about it.
func (a Answer) More() (more, known bool) { return a.more("") }

func lastKey(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[i+1:]
	}
	return path
}

// plain is a name in lower case without punctuation.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
