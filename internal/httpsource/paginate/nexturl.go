package paginate

import "strings"

// urlStyle follows a URL in the body.
type urlStyle struct{ Setting }

func (s urlStyle) Next(a Answer) Step {
	if more, known := a.more(s.HasMore); known && !more {
		return Step{Done: "has-more-false", Sure: true}
	}
	raw, there := a.lookup(s.Path)
	next := strings.TrimSpace(text(raw))
	switch {
	case !there:
		// Gone after it was there: that is how OData and many others end.
		return Step{Done: "no-next-url", Sure: a.Number > 1}
	case next == "" || next == "false":
		return Step{Done: "null-next-url", Sure: true}
	}
	return Step{URL: next}
}

// proposeURL looks for a URL under a name that means the next page.
func proposeURL(a Answer) []Finding {
	for _, f := range a.Fields {
		value := text(f.Raw)
		if f.Raw[0] != '"' || !looksLikeURL(value) || !namesNext(f.Path) {
			continue
		}
		return []Finding{{Setting: Setting{Kind: URL, Path: f.Path}, Evidence: "the answer has a URL at " + f.Path}}
	}
	for _, f := range a.Fields {
		// [{"rel": "next", "href": "..."}]
		list, ok := strings.CutSuffix(f.Path, ".rel")
		if !ok || text(f.Raw) != "next" || !strings.HasSuffix(list, "]") {
			continue
		}
		list = list[:strings.LastIndexByte(list, '[')]
		for _, key := range []string{"href", "url", "uri"} {
			path := list + "[rel=next]." + key
			if raw, ok := a.lookup(path); ok && text(raw) != "" {
				return []Finding{{Setting: Setting{Kind: URL, Path: path}, Evidence: "the answer has a link with rel next in " + list}}
			}
		}
	}
	return nil
}

func looksLikeURL(s string) bool {
	lower := strings.ToLower(s[:min(len(s), len("https://"))])
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "?")
}

func namesNext(path string) bool {
	switch plain(lastKey(path)) {
	case "next", "nexturl", "nextlink", "nexthref", "nexturi", "nextpage", "nextpageurl", "nextpagelink", "nextpageuri", "nextresults", "nextrecordsurl":
		return true
	case "href", "url", "uri":
		before, _, _ := strings.Cut(path, "."+lastKey(path))
		return plain(lastKey(before)) == "next"
	}
	// "@odata.nextLink" has a dot in its key.
	return strings.HasSuffix(strings.ToLower(path), "odata.nextlink")
}
