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
	var best *node
	rank := 0
	for _, requirement := range alternatives.elements() {
		if len(requirement.names) == 0 {
			o.say("no credentials are needed, by the document")
			return
		}
		worth := 10
		for _, name := range requirement.names {
			worth = min(worth, supported(o.resolve(schemes.get(name))))
		}
		if worth > rank || best == nil {
			best, rank = requirement, worth
		}
	}
	if best == nil {
		return
	}
	for i, name := range best.names {
		o.scheme(o.resolve(schemes.get(name)), best.items[i])
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
		case "basic", "digest":
			return 4
		}
	case "mutualTLS":
		return 1
	case "oauth2":
		return 3
	case "openIdConnect":
		return 2
	}
	return 0
}

// scheme takes over one scheme with the scopes that the operation needs.
func (o *operation) scheme(s, scopes *node) {
	about := s.get("description").string()
	switch kind := s.get("type").string(); kind {
	case "apiKey":
		o.apiKey(s)
	case "http":
		switch scheme := strings.ToLower(s.get("scheme").string()); scheme {
		case "bearer":
			o.bearer(about)
		case "basic":
			o.login(auth.Basic, "/auth/basicAuth", about)
		case "digest":
			o.login(auth.Digest, "/auth/digestAuth", about)
		default:
			o.unsupported("HTTP authentication " + clip(scheme, 40))
		}
	case "oauth2":
		token := o.absolute(s.get("flows").get("clientCredentials").get("tokenUrl").string())
		if strings.Contains(token, "://") && o.Spec.Auth.Kind == "" {
			o.grant(token, scopes, about)
			return
		}
		o.say("it takes an OAuth 2.0 token that a person has to grant")
		o.bearer(or(about, "an OAuth 2.0 access token"))
	case "mutualTLS":
		if o.Spec.Auth.Kind == "" {
			o.Spec.Auth.Kind = auth.MTLS
		}
		o.need(Hole{Name: "client certificate", In: "auth", Pointer: "/options/tls", Description: about})
	case "openIdConnect":
		o.bearer(or(about, "an OpenID Connect access token"))
	default:
		o.unsupported(or(clip(kind, 40), "a security scheme that the document does not define"))
	}
}

func (o *operation) login(kind auth.Kind, pointer, about string) {
	o.Spec.Auth = auth.Credentials{Kind: kind}
	o.need(Hole{Name: "username", In: "auth", Pointer: pointer + "/username", Description: about})
	o.need(Hole{Name: "password", In: "auth", Pointer: pointer + "/password", Description: about})
}

// grant takes over OAuth 2.0 client credentials.
func (o *operation) grant(token string, scopes *node, about string) {
	g := auth.Grant{TokenURL: secret.New(token)}
	for _, s := range scopes.elements() {
		g.Scopes = append(g.Scopes, s.string())
	}
	o.Spec.Auth = auth.Credentials{Kind: auth.OAuth2, OAuth2: g}
	o.say("it takes an OAuth 2.0 token by client credentials from %s", clip(token, 200))
	o.need(Hole{Name: "client id", In: "auth", Pointer: "/auth/oauth2/clientId", Description: about})
	o.need(Hole{Name: "client secret", In: "auth", Pointer: "/auth/oauth2/clientSecret", Description: about})
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
