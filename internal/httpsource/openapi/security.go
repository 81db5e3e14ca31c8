package openapi

import (
	"strings"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// security takes over how a caller proves who it is: the first of the document's
// alternatives that is supported, or none if that is one of them.
func (o *operation) security() {
	alternatives := o.op.get("security")
	if alternatives.kind != list {
		alternatives = o.root.get("security")
	}
	schemes := o.root.get("components").get("securitySchemes")
	var best []*node
	rank := 0
	for _, requirement := range alternatives.elements() {
		if len(requirement.names) == 0 {
			o.say("no credentials are needed, by the document")
			return
		}
		var parts []*node
		worth := 10
		for _, name := range requirement.names {
			scheme := o.resolve(schemes.get(name))
			parts = append(parts, scheme)
			worth = min(worth, supported(scheme))
		}
		if worth > rank || best == nil {
			best, rank = parts, worth
		}
	}
	for _, scheme := range best {
		o.scheme(scheme)
	}
}

// supported ranks a scheme: the simpler to fill in, the higher; 0 is unsupported.
func supported(scheme *node) int {
	switch scheme.get("type").string() {
	case "apiKey":
		return 5
	case "http":
		switch strings.ToLower(scheme.get("scheme").string()) {
		case "bearer":
			return 5
		case "basic":
			return 4
		}
	case "oauth2":
		return 3
	case "openIdConnect":
		return 2
	}
	return 0
}

func (o *operation) scheme(s *node) {
	about := s.get("description").string()
	switch kind := s.get("type").string(); kind {
	case "apiKey":
		o.apiKey(s)
	case "http":
		switch scheme := strings.ToLower(s.get("scheme").string()); scheme {
		case "bearer":
			o.bearer(about)
		case "basic":
			o.Spec.Auth.Kind = auth.Basic
			o.need(Hole{Name: "username", In: "auth", Pointer: "/auth/basicAuth/username", Description: about})
			o.need(Hole{Name: "password", In: "auth", Pointer: "/auth/basicAuth/password", Description: about})
		default:
			o.unsupported("HTTP authentication " + clip(scheme, 40))
		}
	case "oauth2":
		if token := s.get("flows").get("clientCredentials").get("tokenUrl").string(); token != "" {
			o.say("it takes an OAuth 2.0 token by client credentials from %s", clip(token, 200))
			o.bearer("an access token, by OAuth 2.0 client credentials from " + token)
			return
		}
		o.say("it takes an OAuth 2.0 token that a person has to grant")
		o.bearer(or(about, "an OAuth 2.0 access token"))
	case "openIdConnect":
		o.bearer(or(about, "an OpenID Connect access token"))
	default:
		o.unsupported(or(clip(kind, 40), "a security scheme that the document does not define"))
	}
}

func (o *operation) unsupported(what string) {
	o.Score -= 20
	o.say("it demands %s, which cannot be taken over from a document", what)
	o.need(Hole{Name: "credentials", In: "auth", Pointer: "/auth", Description: what})
}

func (o *operation) bearer(about string) {
	if o.Spec.Auth.Kind == auth.Bearer {
		return
	}
	o.Spec.Auth = auth.Credentials{Kind: auth.Bearer}
	o.need(Hole{Name: "token", In: "auth", Pointer: "/auth/bearerToken", Description: about})
}

// apiKey makes the first key the credential and puts further ones beside it.
func (o *operation) apiKey(s *node) {
	name, in := s.get("name").string(), s.get("in").string()
	hole := Hole{Name: clip(name, 100), In: "auth", Pointer: "/auth/apiKey/value", Description: s.get("description").string()}
	// A document may list the key among the parameters too.
	if in == "query" {
		o.Spec.Parameters = without(o.Spec.Parameters, name)
		o.fill("query", name)
	}
	switch {
	case o.Spec.Auth.Kind == "":
		o.Spec.Auth = auth.Credentials{Kind: auth.APIKey, APIKey: auth.Key{Name: name, Location: auth.Location(in)}}
	case in == "query":
		hole.Pointer = "/parameters/" + escaped(name)
		o.Spec.Parameters = append(o.Spec.Parameters, httpsource.Param{Name: name, Required: true})
	case in == "cookie":
		hole.Pointer = "/headers/Cookie"
		o.cookie(name + "=")
	default:
		hole.Pointer = "/headers/" + escaped(name)
		o.Spec.Headers = append(o.Spec.Headers, httpsource.Pair{Name: name, Value: secret.New("")})
	}
	o.need(hole)
}

func without(params []httpsource.Param, name string) []httpsource.Param {
	var kept []httpsource.Param
	for _, p := range params {
		if p.Name != name {
			kept = append(kept, p)
		}
	}
	return kept
}

// fill removes a value from what has to be filled in.
func (o *operation) fill(in, name string) {
	var kept []Hole
	for _, h := range o.Required {
		if h.In != in || h.Name != name {
			kept = append(kept, h)
		}
	}
	o.Required = kept
}
