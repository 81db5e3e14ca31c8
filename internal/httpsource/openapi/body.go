package openapi

import (
	"strings"

	"millwright/internal/httpsource"
	"millwright/internal/secret"
)

// body takes over the request body of a POST: its example, or what the schema's
// required properties have as examples.
func (o *operation) body() {
	if o.method == "GET" {
		return
	}
	request := o.resolve(o.op.get("requestBody"))
	content := request.get("content")
	for i, name := range content.names {
		if !strings.Contains(name, "json") {
			continue
		}
		media := content.items[i]
		schema := o.resolve(media.get("schema"))
		value, whole := o.exampleOf(media, schema), true
		if value.kind == null {
			value, whole = o.sample(schema, 0)
		}
		text, ok := value.json()
		if !ok {
			text, whole = "{}", false
		}
		o.Spec.Body = httpsource.Body{Type: httpsource.RawBody, ContentType: "application/json", Content: secret.New(text)}
		if whole {
			o.say("the body is the document's example")
		} else {
			o.need(Hole{Name: "body", In: "body", Pointer: "/body/content", Description: or(request.get("description").string(), "what to ask for")})
		}
		return
	}
	for i, name := range content.names {
		if kind := map[string]httpsource.BodyType{"application/x-www-form-urlencoded": httpsource.FormURL, "multipart/form-data": httpsource.FormData}[name]; kind != "" {
			o.form(kind, o.resolve(content.items[i].get("schema")))
			return
		}
	}
	if request.get("required").bool() {
		o.need(Hole{Name: "body", In: "body", Pointer: "/body", Description: request.get("description").string()})
	}
}

func (o *operation) form(kind httpsource.BodyType, schema *node) {
	o.Spec.Body.Type = kind
	for _, r := range schema.get("required").elements() {
		name := r.string()
		value := o.exampleOf(&node{}, o.resolve(schema.get("properties").get(name))).string()
		o.Spec.Body.Parameters = append(o.Spec.Body.Parameters, httpsource.Pair{Name: name, Value: secret.New(value)})
		if value == "" {
			o.need(Hole{Name: clip(name, 100), In: "body", Pointer: "/body/parameters/" + escaped(name)})
		}
	}
}

// sample makes a value of a schema's required properties. It reports whether
// each has an example.
func (o *operation) sample(schema *node, depth int) (*node, bool) {
	out, whole := &node{kind: object}, true
	for _, r := range schema.get("required").elements() {
		if depth > 3 || len(out.names) > 50 || !o.step() {
			return out, false
		}
		property := o.resolve(schema.get("properties").get(r.string()))
		value := o.exampleOf(&node{}, property)
		if value.kind == null {
			if property.get("properties").kind != object {
				whole = false
				continue
			}
			var ok bool
			value, ok = o.sample(property, depth+1)
			whole = whole && ok
		}
		out.set(r.string(), value)
	}
	return out, whole
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
