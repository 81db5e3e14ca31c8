package openapi

import (
	"slices"
	"strings"
)

// An answer is what the document says of a successful response.
type answer struct {
	headers []string // lower case
	fields  []field  // scalars outside the records
}

// A field is a scalar of the answer.
type field struct {
	path   []string
	schema *node
}

// answer finds the successful response, and in its schema the records.
func (o *operation) answer() answer {
	response := o.success()
	var a answer
	for _, name := range response.get("headers").names {
		a.headers = append(a.headers, strings.ToLower(name))
	}
	media, kind := o.media(response)
	switch {
	case kind == "":
		return a
	case strings.Contains(kind, "csv") || strings.Contains(kind, "tab-separated") || strings.Contains(kind, "xml") && !strings.Contains(kind, "html"):
		o.say("it answers %s", clip(kind, 60))
		return a
	case !strings.Contains(kind, "json") && kind != "*/*":
		o.Score -= 40
		o.say("it answers %s, which holds no records", clip(kind, 60))
		return a
	}
	schema := o.resolve(media.get("schema"))
	if schema.kind == null {
		schema = shapeOf(o.exampleOf(media, schema), 0)
	}
	o.records(schema, &a)
	return a
}

// success returns the response with the lowest 2xx status, or the default one.
func (o *operation) success() *node {
	responses := o.op.get("responses")
	best := ""
	for _, status := range responses.names {
		if strings.HasPrefix(status, "2") && (best == "" || status < best) {
			best = status
		}
	}
	return o.resolve(responses.get(or(best, "default")))
}

// media returns the content that is likeliest to hold records.
func (o *operation) media(response *node) (*node, string) {
	content := response.get("content")
	best, rank := -1, 0
	for i, name := range content.names {
		worth := 1
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, "application/json"):
			worth = 5
		case strings.Contains(lower, "json"):
			worth = 4
		case strings.Contains(lower, "csv"):
			worth = 3
		case lower == "*/*" || strings.HasSuffix(lower, "/xml") || strings.HasSuffix(lower, "+xml"):
			worth = 2
		}
		if worth > rank {
			best, rank = i, worth
		}
	}
	if best < 0 {
		return &node{}, ""
	}
	return content.items[best], strings.ToLower(content.names[best])
}

// shapeOf makes a schema of an example, as far as it matters here.
func shapeOf(example *node, depth int) *node {
	s := &node{kind: object}
	word := func(text string) *node { return &node{kind: scalar, text: text, plain: true} }
	if depth > 5 {
		return s
	}
	switch example.kind {
	case list:
		s.set("type", word("array"))
		if len(example.items) > 0 {
			s.set("items", shapeOf(example.items[0], depth+1))
		}
	case object:
		properties := &node{kind: object}
		for i, name := range example.names[:min(len(example.names), 100)] {
			properties.set(name, shapeOf(example.items[i], depth+1))
		}
		s.set("type", word("object"))
		s.set("properties", properties)
	case scalar:
		s.set("type", word("string"))
	}
	return s
}

// A shape is a schema with its parts put together.
type shape struct {
	kind  string // array, object, string, integer...; "" if the schema does not say
	items *node
	names []string
	props map[string]*node
	open  bool // additionalProperties has a schema: keys are data
}

// shape puts a schema together: references, allOf, and the first alternative of
// oneOf and anyOf that is not null.
func (o *operation) shape(schema *node, depth int) shape {
	s := shape{props: map[string]*node{}}
	o.gather(&s, schema, depth)
	if s.kind == "" {
		switch {
		case s.items != nil:
			s.kind = "array"
		case len(s.names) > 0 || s.open:
			s.kind = "object"
		}
	}
	return s
}

func (o *operation) gather(s *shape, schema *node, depth int) {
	if schema = o.resolve(schema); depth > 8 || !o.step() {
		return
	}
	kind := schema.get("type")
	if s.kind == "" {
		s.kind = kind.string()
	}
	for _, k := range kind.elements() { // 3.1: ["array", "null"]
		if s.kind == "" && k.string() != "null" {
			s.kind = k.string()
		}
	}
	if items := schema.get("items"); items.kind == object && s.items == nil {
		s.items = items
	}
	properties := schema.get("properties")
	for i, name := range properties.names {
		if _, ok := s.props[name]; !ok && len(s.names) < 500 {
			s.names = append(s.names, name)
			s.props[name] = properties.items[i]
		}
	}
	s.open = s.open || schema.get("additionalProperties").kind == object
	for _, part := range schema.get("allOf").elements() {
		o.gather(s, part, depth+1)
	}
	for _, choice := range []string{"oneOf", "anyOf"} {
		for _, part := range schema.get(choice).elements() {
			if part = o.resolve(part); part.get("type").string() != "null" {
				o.gather(s, part, depth+1)
				break
			}
		}
	}
}

// A find is an array that may be the records.
type find struct {
	path  []string
	score int
	why   string
}

// records finds the records in a schema and says why they are.
func (o *operation) records(schema *node, a *answer) {
	top := o.shape(schema, 0)
	switch top.kind {
	case "array":
		o.Score += 30
		o.ResponsePath = "$"
		o.say("it answers an array%s", o.kindOfItems(top.items))
		return
	case "":
		o.say("the document does not say what it answers")
		return
	case "object":
	default:
		o.Score -= 20
		o.say("it answers a single %s", clip(top.kind, 20))
		return
	}
	var finds []find
	o.search(top, nil, a, &finds)
	slices.SortStableFunc(finds, func(x, y find) int { return y.score - x.score })
	if len(finds) > 0 && finds[0].score >= 100 && (!o.single(top) || finds[0].score >= 125) {
		o.Score += 30
		o.ResponsePath = dotted(finds[0].path)
		o.say("the records are at %s: %s", clip(o.ResponsePath, 100), finds[0].why)
		return
	}
	if top.open && len(top.names) == 0 {
		o.say("it answers a map of key to value")
		return
	}
	o.say("it answers a single object")
}

func (o *operation) kindOfItems(items *node) string {
	if items == nil {
		return ""
	}
	switch s := o.shape(items, 0); s.kind {
	case "object":
		return " of objects"
	case "":
		return ""
	default:
		return " of " + clip(s.kind, 20) + "s"
	}
}

// single reports whether an object looks like one record and not like an
// envelope: it has fields of its own that have nothing to do with paging.
func (o *operation) single(s shape) bool {
	own := 0
	for _, name := range s.names {
		kind := o.shape(s.props[name], 6).kind
		if kind != "array" && kind != "object" && !slices.Contains(pagingWords(), plain(name)) {
			own++
		}
	}
	return own > 2
}

func pagingWords() []string {
	return []string{"total", "totalcount", "count", "totalitems", "totalresults", "totalpages", "pages", "page", "pagenumber", "currentpage", "perpage", "pagesize", "size", "limit", "offset", "skip",
		"start", "next", "previous", "prev", "first", "last", "hasmore", "more", "hasnext", "nextcursor", "cursor", "nextpagetoken", "nextlink", "nextpage", "prevpage", "status", "success", "ok", "code", "message",
		"error", "object", "url", "kind", "etag", "took", "timedout", "incompleteresults", "odatacontext", "odatanextlink", "odatacount", "requestid", "version", "numberofelements", "lastpage", "isfinal"}
}

// search collects arrays and scalars down to three levels.
func (o *operation) search(s shape, path []string, a *answer, finds *[]find) {
	for _, name := range s.names {
		if len(*finds) > 200 || len(a.fields) > 500 {
			return
		}
		at := append(slices.Clone(path), name)
		schema := o.resolve(s.props[name])
		switch sub := o.shape(schema, 1); {
		case sub.kind == "array":
			*finds = append(*finds, o.rate(at, sub))
		case sub.kind == "object" && len(path) < 2:
			o.search(sub, at, a, finds)
		case sub.kind != "object":
			a.fields = append(a.fields, field{at, schema})
		}
	}
}

// rate says how likely an array is to be the records.
func (o *operation) rate(path []string, s shape) find {
	f := find{path: path, score: 60, why: "an array"}
	if s.items != nil {
		switch item := o.shape(s.items, 1); item.kind {
		case "object":
			f.score, f.why = 100, "an array of objects"
		case "":
		default:
			f.score, f.why = 20, "an array of values"
		}
	}
	name := plain(path[len(path)-1])
	f.score -= 5 * (len(path) - 1)
	switch {
	case slices.Contains([]string{"errors", "warnings", "messages", "links", "included", "facets", "aggregations", "permissions", "sort", "actions"}, name):
		f.score -= 60
	case name == plain(o.noun()) || name+"s" == plain(o.noun()):
		f.score += 40
		f.why += " with the name of the resource"
	case slices.Contains([]string{"data", "items", "results", "result", "records", "rows", "value", "values", "list", "entries", "content", "hits", "nodes", "elements", "documents", "objects", "members", "edges", "features", "response"}, name):
		f.score += 30
		f.why += " under a usual name"
	}
	return f
}

// noun is the last word of the path that is no placeholder.
func (o *operation) noun() string {
	for _, word := range slices.Backward(strings.Split(o.path, "/")) {
		if word != "" && !strings.Contains(word, "{") {
			return strings.TrimSuffix(word, ".json")
		}
	}
	return ""
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

// dotted writes a response path; keys with other signs are quoted.
func dotted(path []string) string {
	parts := make([]string, len(path))
	for i, key := range path {
		parts[i] = key
		if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			parts[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		}
	}
	return strings.Join(parts, ".")
}
