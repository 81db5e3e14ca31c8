package openapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"millwright/internal/httpsource"
	"millwright/internal/secret"
)

// An operation is one method of one path while a candidate is made of it.
type operation struct {
	*reader
	Candidate
	path   string
	method string
	item   *node // the path item
	op     *node
	params []*node // resolved; the operation's own first
}

// operations makes candidates of everything that reads data.
func (d *reader) operations() []Candidate {
	var out []Candidate
	paths := d.root.get("paths")
	for i, path := range paths.names {
		if !strings.HasPrefix(path, "/") {
			continue // an extension
		}
		d.task = maxPerTask
		item := d.resolve(paths.items[i])
		for j, method := range item.names {
			method = strings.ToUpper(method)
			if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) {
				continue
			}
			if len(out) >= maxOperations {
				d.cut = true
				return out
			}
			d.task = maxPerTask
			o := &operation{reader: d, path: path, method: method, item: item, op: item.items[j]}
			switch {
			case o.op.kind != object:
				d.skipped++
			case method != "GET" && !o.reads():
				d.writes++
			default:
				o.describe()
				out = append(out, o.Candidate)
			}
		}
	}
	return out
}

// reads reports whether a POST asks a question, as far as its names say.
func (o *operation) reads() bool {
	if o.method != "POST" {
		return false
	}
	last := o.path[strings.LastIndexByte(o.path, '/')+1:]
	verb := regexp.MustCompile(`(?i)^(_?m?search|query|list|find|filter|lookup|report|graphql|export|fetch|aggregate|select|read|scan)`)
	word := regexp.MustCompile(`(?i)(search|query|report|graphql)(es|s|ies)?$`)
	return verb.MatchString(last) || word.MatchString(last) || verb.MatchString(o.op.get("operationId").string())
}

func (o *operation) say(format string, args ...any) {
	o.Evidence = append(o.Evidence, fmt.Sprintf(format, args...))
}

// need adds a value that a person has to fill in.
func (o *operation) need(h Hole) {
	h.Description = clip(h.Description, 200)
	o.Required = append(o.Required, h)
}

func (o *operation) describe() {
	o.Name = clip(o.op.get("operationId").string(), 100)
	if o.Name == "" {
		o.Name = o.method + " " + clip(o.path, 100)
	}
	if o.Summary = clip(o.op.get("summary").string(), 200); o.Summary == "" {
		o.Summary = clip(o.op.get("description").string(), 200)
	}
	o.Spec.Method = o.method
	o.Score = 50
	if o.method != "GET" {
		o.Score = 20
		o.say("it is a POST; its name says that it reads")
	}
	if o.op.get("deprecated").bool() {
		o.Score -= 20
		o.say("the document calls it deprecated")
	}
	o.collect()
	o.address()
	for _, p := range o.params {
		o.parameter(p)
	}
	o.body()
	o.security()
	answer := o.answer()
	o.paging(answer)
	o.Score -= 5 * len(o.Required)
}

// collect gathers the parameters of the operation and of its path; the
// operation's replace the path's of the same name and place.
func (o *operation) collect() {
	seen := map[string]bool{}
	for _, from := range []*node{o.op.get("parameters"), o.item.get("parameters")} {
		for _, p := range from.elements() {
			p = o.resolve(p)
			name, in := p.get("name").string(), p.get("in").string()
			if name == "" || seen[in+" "+name] || len(o.params) >= 200 {
				continue
			}
			seen[in+" "+name] = true
			o.params = append(o.params, p)
		}
	}
}

// address puts the server and the path together. What is in braces has to be
// filled in.
func (o *operation) address() {
	full := o.server() + o.path
	for _, hole := range regexp.MustCompile(`\{([^{}/]+)\}`).FindAllStringSubmatch(full, 20) {
		h := Hole{Name: hole[1], In: "path", Pointer: "/url"}
		if slices.ContainsFunc(o.Required, func(have Hole) bool { return have.Name == h.Name }) {
			continue
		}
		if !strings.Contains(o.path, hole[0]) {
			h.In, h.Description = "server", "a part of the server's address"
		}
		for _, p := range o.params {
			if p.get("in").string() == "path" && p.get("name").string() == h.Name {
				h.Description, h.Example = p.get("description").string(), strings.Join(o.example(p), ",")
			}
		}
		o.Score -= 10 // a list that needs an id is seldom the one wanted first
		o.need(h)
	}
	if !strings.Contains(full, "://") {
		o.need(Hole{Name: "server", In: "server", Pointer: "/url", Description: "the document names no server: put the API's address before the path"})
	}
	o.Spec.URL = secret.New(full)
}

// parameter takes over one parameter.
func (o *operation) parameter(p *node) {
	name, in, required := p.get("name").string(), p.get("in").string(), p.get("required").bool()
	var values []string
	if required {
		if values = o.example(p); len(values) > 0 && in != "path" {
			o.say("%s is required; its value is the document's example", clip(name, 60))
		}
	}
	hole := Hole{Name: clip(name, 100), In: in, Description: p.get("description").string()}
	switch in {
	case "query":
		hole.Pointer = "/parameters/" + escaped(name)
		if len(values) == 0 {
			values = []string{""}
		}
		for _, v := range values {
			o.Spec.Parameters = append(o.Spec.Parameters, httpsource.Param{Name: name, Value: secret.New(v), Required: required})
		}
	case "header":
		// The specification takes these three from elsewhere.
		if lower := strings.ToLower(name); !required || lower == "accept" || lower == "content-type" || lower == "authorization" {
			return
		}
		hole.Pointer = "/headers/" + escaped(name)
		o.Spec.Headers = append(o.Spec.Headers, httpsource.Pair{Name: name, Value: secret.New(strings.Join(values, ","))})
	case "cookie":
		if !required {
			return
		}
		hole.Pointer = "/headers/Cookie"
		o.cookie(name + "=" + strings.Join(values, ","))
	default:
		return
	}
	if required && strings.Join(values, "") == "" {
		o.need(hole)
	}
}

func (o *operation) cookie(pair string) {
	for i, h := range o.Spec.Headers {
		if h.Name == "Cookie" {
			o.Spec.Headers[i].Value = secret.New(h.Value.Reveal() + "; " + pair)
			return
		}
	}
	o.Spec.Headers = append(o.Spec.Headers, httpsource.Pair{Name: "Cookie", Value: secret.New(pair)})
}

func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// example returns the values that a parameter could have, by the document: more
// than one if it is sent several times.
func (o *operation) example(p *node) []string {
	schema := o.resolve(p.get("schema"))
	if content := p.get("content"); len(content.items) > 0 {
		if text, ok := o.exampleOf(content.items[0], o.resolve(content.items[0].get("schema"))).json(); ok && text != "null" {
			return []string{text}
		}
		return nil
	}
	value := o.exampleOf(p, schema)
	switch value.kind {
	case scalar:
		return []string{value.text}
	case list:
		var texts []string
		for _, e := range value.items {
			if e.kind == scalar {
				texts = append(texts, e.text)
			}
		}
		style, explode := p.get("style").string(), p.get("explode")
		if p.get("in").string() == "query" && (style == "" || style == "form") && (explode.kind == null || explode.bool()) {
			return texts
		}
		separator := map[string]string{"spaceDelimited": " ", "pipeDelimited": "|"}[style]
		if separator == "" {
			separator = ","
		}
		return []string{strings.Join(texts, separator)}
	}
	return nil
}

// exampleOf returns the example of a parameter or body, or of its schema.
func (o *operation) exampleOf(holder, schema *node) *node {
	if e := holder.get("example"); e.kind != null {
		return e
	}
	for _, e := range holder.get("examples").items {
		if v := o.resolve(e).get("value"); v.kind != null {
			return v
		}
	}
	for _, name := range []string{"example", "default", "const"} {
		if e := schema.get(name); e.kind != null {
			return e
		}
	}
	for _, name := range []string{"examples", "enum"} {
		for _, e := range schema.get(name).elements() {
			if e.kind != null {
				return e
			}
		}
	}
	return &node{}
}
