package paginate

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// cursorStyle sends back a token that the source gave.
type cursorStyle struct{ Setting }

func (s cursorStyle) Next(a Answer) Step {
	if more, known := a.more(s.HasMore); known && !more {
		return Step{Done: "has-more-false", Sure: true}
	}
	var token string
	var there, quoted bool
	if s.In == "header" {
		token = a.Header.Get(s.Path)
		there = len(a.Header.Values(s.Path)) > 0
	} else {
		var raw []byte
		raw, there = a.lookup(s.Path)
		token, quoted = text(raw), len(raw) > 0 && raw[0] == '"'
	}
	switch {
	case !there:
		return Step{Done: "no-token", Sure: a.Number > 1}
	case token == "" || token == "false":
		return Step{Done: "null-token", Sure: true}
	}
	in := s.In
	if in != "body" {
		in = "query"
	}
	return Step{Param: s.Param, Value: token, In: in, Text: quoted}
}

// cursorParams lists, for a token's name without punctuation, the parameters
// that usually take it back.
func cursorParams() map[string][]string {
	return map[string][]string{
		"nextcursor": {"cursor", "next_cursor"}, "nextpagecursor": {"cursor", "page_cursor"}, "cursornext": {"cursor"}, "cursor": {"cursor"},
		"nextpagetoken": {"page_token", "pageToken"}, "pagetoken": {"page_token", "pageToken"}, "nexttoken": {"next_token", "nextToken", "token", "pagination_token"},
		"continuationtoken": {"continuation_token", "continuationToken"}, "continuation": {"continuation"}, "continue": {"continue"},
		"nextmarker": {"marker"}, "marker": {"marker"}, "bookmark": {"bookmark"}, "endcursor": {"after", "cursor"}, "after": {"after"}, "cursorsafter": {"after"},
		"nextid": {"after_id", "since_id", "start_id"}, "nextoffset": {"offset"}, "offset": {"offset"}, "nextpageid": {"page_id"}, "nextcursormark": {"cursorMark"},
		"nextpage": {"page"}, "next": {"cursor", "next", "page"}, "nextstart": {"start"}, "nextskip": {"skip"}, "nextstartkey": {"start_key", "startKey"},
		"lastevaluatedkey": {"exclusive_start_key"}, "nextpagenumber": {"page"}, "scrollid": {"scroll_id"},
	}
}

// proposeCursor looks for a token under a usual name, and guesses the parameter
// that takes it back. A guess is checked by fetching the second page.
func proposeCursor(a Answer) []Finding {
	known := cursorParams()
	for _, f := range a.Fields {
		value, numeric := text(f.Raw), f.Raw[0] != '"'
		name := plain(lastKey(f.Path))
		if strings.HasSuffix(f.Path, "cursors.after") {
			name = "cursorsafter"
		}
		params := known[name]
		if value == "" || params == nil || f.Raw[0] == 't' || f.Raw[0] == 'f' || !numeric && looksLikeURL(value) {
			continue
		}
		// A number without "next" in its name is a count or a position, not a token.
		if numeric && !strings.HasPrefix(name, "next") {
			continue
		}
		if numeric && name == "next" {
			params = []string{"page", "cursor", "offset"}
		}
		return cursorFindings(a, params, f.Path, "")
	}
	return proposeHeader(a)
}

// proposeHeader looks for a token in a header.
func proposeHeader(a Answer) []Finding {
	known := map[string][]string{
		"X-Next-Cursor": {"cursor", "next_cursor"}, "Next-Cursor": {"cursor"}, "X-Next-Token": {"next_token", "token"}, "X-Next-Page-Token": {"page_token"},
		"X-Ms-Continuationtoken": {"continuationToken"}, "X-Continuation-Token": {"continuation_token", "continuationToken"}, "X-Next-Page": {"page"},
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if a.Header.Get(name) != "" {
			return cursorFindings(a, known[name], name, "header")
		}
	}
	return nil
}

// cursorFindings proposes each parameter that may take a token back. A token in
// a header goes into the query.
func cursorFindings(a Answer, params []string, path, in string) []Finding {
	where := "at " + path
	if in == "header" {
		where = "in the header " + path
	} else if in = a.place(); in == "body" {
		if name, found := given(a, params); name != "" {
			params, in = []string{name}, found
		}
	}
	var out []Finding
	for _, p := range preferred(params, a.URL, path) {
		out = append(out, Finding{Setting: Setting{Kind: Cursor, Path: path, Param: p, In: in},
			Evidence: "the answer has a token " + where + "; it goes back as " + p})
	}
	return out
}

// preferred puts a parameter that the request has already first, spelled as
// there, and then the spelling that follows the answer's own style.
func preferred(params []string, u *url.URL, path string) []string {
	var out []string
	have := u.Query()
	for name := range have {
		if slices.ContainsFunc(params, func(p string) bool { return plain(p) == plain(name) }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	camel := strings.ToLower(lastKey(path)) != lastKey(path)
	for _, p := range params {
		if isCamel := strings.ToLower(p) != p; isCamel == camel && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, p := range params {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out[:min(len(out), 4)]
}
