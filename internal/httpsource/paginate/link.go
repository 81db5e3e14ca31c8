package paginate

import (
	"net/http"
	"strings"
)

// linkStyle follows the Link header of RFC 8288.
type linkStyle struct{}

func (linkStyle) Next(a Answer) Step {
	links := ParseLinks(a.Header)
	for _, l := range links {
		if l.Rel("next") {
			return Step{URL: l.URL}
		}
	}
	// A source that names other pages but no next one says that it ends.
	return Step{Done: "no-next-link", Sure: len(links) > 0 || a.Number > 1}
}

// A WebLink is one link of a Link header.
type WebLink struct {
	URL  string   // as written; may be relative
	Rels []string // in lower case
}

// Rel reports whether the link has that relation.
func (l WebLink) Rel(name string) bool {
	for _, r := range l.Rels {
		if r == name {
			return true
		}
	}
	return false
}

// ParseLinks reads all Link headers. What is malformed is left out; what
// follows it is still read.
func ParseLinks(h http.Header) []WebLink {
	var out []WebLink
	for _, value := range h.Values("Link") {
		for value != "" {
			var l WebLink
			var ok bool
			l, value, ok = nextLink(value)
			if ok {
				out = append(out, l)
			}
		}
	}
	return out
}

// nextLink reads one link and returns what follows it.
func nextLink(s string) (WebLink, string, bool) {
	start := strings.IndexByte(s, '<')
	if start < 0 {
		return WebLink{}, "", false
	}
	end := strings.IndexByte(s[start:], '>')
	if end < 0 {
		return WebLink{}, "", false
	}
	l := WebLink{URL: strings.TrimSpace(s[start+1 : start+end])}
	s = s[start+end+1:]
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			break
		}
		var name, value string
		name, value, s = linkParam(s[1:])
		// Only the first rel counts.
		if name == "rel" && l.Rels == nil {
			l.Rels = strings.Fields(strings.ToLower(value))
		}
	}
	if comma := strings.IndexByte(s, ','); comma >= 0 {
		return l, s[comma+1:], true
	}
	return l, "", true
}

// linkParam reads name=value or name="quoted value" and returns what follows.
func linkParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t")
	end := strings.IndexAny(s, "=;,")
	if end < 0 {
		return strings.ToLower(strings.TrimSpace(s)), "", ""
	}
	name = strings.ToLower(strings.TrimSpace(s[:end]))
	if s[end] != '=' {
		return name, "", s[end:]
	}
	s = strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		if end = strings.IndexAny(s, ";,"); end < 0 {
			end = len(s)
		}
		return name, strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return name, b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return name, b.String(), ""
}
