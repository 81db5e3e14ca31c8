package openapi

import (
	"slices"
	"strings"

	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// paging says how the pages are likely to follow each other. The request asks
// for the first page by its number, so that a test sees the parameter and
// verifies it by fetching the second page; nothing else is set from a document.
func (o *operation) paging(a answer) {
	numbers := o.find("page", "p", "pagenumber", "pageno", "pagenum", "currentpage", "pg", "pageindex")
	offsets := o.find("offset", "skip", "start", "startat", "startindex", "from", "pageoffset", "firstresult")
	for i, f := range a.fields {
		if o.nextURL(f) {
			o.Pagination = paginate.Setting{Kind: paginate.URL, Path: dotted(a.fields[i].path)}
			break
		}
	}
	switch token, param := tokenField(a), o.cursor(); {
	case slices.Contains(a.headers, "link"):
		o.Pagination = paginate.Setting{Kind: paginate.Link}
		o.say("paging: the answer has a Link header")
	case o.Pagination.Kind != "":
		o.say("paging: the answer has the next address at %s", o.Pagination.Path)
	case param != "" && token != "":
		o.Pagination = paginate.Setting{Kind: paginate.Cursor, Param: param, Path: token}
		o.say("paging: the token at %s goes back as %s", token, param)
	case token == "" && o.find("startingafter", "afterid", "sinceid") != nil:
		name := o.find("startingafter", "afterid", "sinceid").get("name").string()
		o.Pagination = paginate.Setting{Kind: paginate.LastRow, Param: name, Path: "id"}
		o.say("paging: the last record's id goes back as %s", clip(name, 60))
	case numbers != nil && o.whole(numbers):
		o.numbered(numbers, paginate.Page, 1)
	case offsets != nil && o.whole(offsets):
		o.numbered(offsets, paginate.Offset, 0)
	case param != "":
		o.Pagination = paginate.Setting{Kind: paginate.Auto}
		o.say("paging: it takes %s; where the answer has it, the document does not say", clip(param, 60))
	}
	if o.Pagination.Kind != "" {
		o.Score += 10
		o.size()
	}
}

// find returns the query parameter with one of the names.
func (o *operation) find(names ...string) *node {
	for _, p := range o.params {
		if p.get("in").string() == "query" && slices.Contains(names, plain(p.get("name").string())) {
			return p
		}
	}
	return nil
}

// whole reports whether a parameter is a whole number, as far as the document
// says: "from" and "start" are often dates.
func (o *operation) whole(p *node) bool {
	kind := o.shape(p.get("schema"), 0).kind
	if kind == "" || kind == "string" {
		name := plain(p.get("name").string())
		return strings.Contains(name, "page") || strings.Contains(name, "offset") || name == "skip"
	}
	return kind == "integer" || kind == "number"
}

func (o *operation) numbered(p *node, kind paginate.Kind, usual int) {
	name := p.get("name").string()
	schema := o.resolve(p.get("schema"))
	first := usual
	if n, ok := schema.get("default").integer(); ok {
		first = n
	} else if n, ok := schema.get("minimum").integer(); ok && n <= 1 {
		first = n
	}
	if first < 0 || first > 1 {
		first = usual
	}
	o.Pagination = paginate.Setting{Kind: kind, Param: name, Start: &first}
	for i, have := range o.Spec.Parameters {
		if have.Name == name {
			o.Spec.Parameters[i].Value = secret.New(string(rune('0' + first)))
		}
	}
	o.fill("query", name)
	o.say("paging: it takes %s", clip(name, 60))
}

func (o *operation) size() {
	p := o.find("limit", "perpage", "pagesize", "size", "count", "maxresults", "top", "rows", "take", "pagelimit", "resultsperpage", "itemsperpage", "numresults")
	if p == nil || !slices.Contains([]string{"integer", "number", ""}, o.shape(p.get("schema"), 0).kind) {
		return
	}
	o.Pagination.SizeParam = p.get("name").string()
	if most, ok := o.resolve(p.get("schema")).get("maximum").integer(); ok && most > 0 {
		o.say("a page holds up to %d records with %s", most, clip(o.Pagination.SizeParam, 60))
	}
}

// cursor returns the query parameter that takes a token.
func (o *operation) cursor() string {
	p := o.find("cursor", "after", "startingafter", "pagetoken", "nexttoken", "continuationtoken", "nextpagetoken", "continuation", "continue", "marker", "bookmark", "scrollid", "nextcursor", "pagecursor",
		"paginationtoken", "startkey", "exclusivestartkey", "pageafter", "next", "nextpage")
	if p == nil {
		return ""
	}
	if format := o.resolve(p.get("schema")).get("format").string(); strings.HasPrefix(format, "date") {
		return ""
	}
	return p.get("name").string()
}

// tokenField returns the path of the token for the next page.
func tokenField(a answer) string {
	for _, f := range a.fields {
		switch name := plain(f.path[len(f.path)-1]); name {
		case "nextcursor", "nextpagetoken", "nexttoken", "continuationtoken", "nextmarker", "endcursor", "nextpagecursor", "cursornext", "scrollid", "nextcontinuationtoken", "lastevaluatedkey", "cursor":
			return dotted(f.path)
		case "after", "next":
			if len(f.path) > 1 && strings.Contains(plain(f.path[len(f.path)-2]), "cursor") {
				return dotted(f.path)
			}
		}
	}
	return ""
}

// nextURL reports whether a field is the address of the next page.
func (o *operation) nextURL(f field) bool {
	name, parent := plain(f.path[len(f.path)-1]), ""
	if len(f.path) > 1 {
		parent = plain(f.path[len(f.path)-2])
	}
	schema := o.resolve(f.schema)
	isURL := strings.HasPrefix(schema.get("format").string(), "ur") || strings.HasPrefix(o.exampleOf(&node{}, schema).string(), "http")
	switch name {
	case "nextlink", "nexturl", "nextpageurl", "odatanextlink", "nextpagelink", "nexthref":
		return true
	case "next", "nextpage":
		return isURL || parent == "links" || parent == "link"
	case "href", "url":
		return parent == "next"
	}
	return false
}
