package httpsource

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// parseGrant reads auth.oauth2. Its fields may also stand in auth itself.
func parseGrant(s *Spec, details object) error {
	o := details
	if m, ok := details.get("oauth2", "o_auth2", "oauth", "o_auth"); ok {
		var err error
		if o, err = readObject(m.value, m.pointer); err != nil {
			return err
		}
	} else {
		o.pointer = details.at("oauth2")
	}
	g := &s.Auth.OAuth2
	var err error
	if g.TokenURL, err = o.address("tokenUrl", "token_url", "token_u_r_l", "token_endpoint"); err != nil {
		return err
	}
	if g.ClientID, err = o.text("client_id", "client_i_d"); err != nil {
		return err
	}
	if g.ClientSecret, err = o.secret("client_secret"); err != nil {
		return err
	}
	if g.RefreshToken, err = o.secret("refresh_token"); err != nil {
		return err
	}
	if g.Scopes, err = o.words("scopes", "scope"); err != nil {
		return err
	}
	if g.Params, err = o.pairs("params", "parameters", "endpoint_params"); err != nil {
		return err
	}
	style, err := o.text("style", "auth_style")
	if err != nil {
		return err
	}
	return checkGrant(g, o, strings.ToLower(style))
}

func checkGrant(g *auth.Grant, o object, style string) error {
	kind, err := o.text("grant_type")
	if err != nil {
		return err
	}
	switch kind = strings.ToLower(kind); {
	case kind != "" && kind != "client_credentials" && kind != "refresh_token":
		return wrong(o.at("grantType"), "is %q, which is not supported", clip(kind, 40)).Named("oauth-grant-unknown").
			Fix("use one of: client_credentials, refresh_token")
	case kind == "refresh_token" && g.RefreshToken.Empty():
		return wrong(o.at("refreshToken"), "is missing").Named("oauth-token-missing").Fix("give the refresh token")
	case kind == "client_credentials" && !g.RefreshToken.Empty():
		return wrong(o.at("refreshToken"), "does not belong to client credentials").Named("oauth-grant-unknown").
			Fix(`remove it, or set grantType to "refresh_token"`)
	case g.ClientID == "":
		return wrong(o.at("clientId"), "is missing").Named("oauth-client-missing").Fix("give the client's id")
	case g.ClientSecret.Empty() && g.RefreshToken.Empty():
		return wrong(o.at("clientSecret"), "is missing").Named("oauth-client-missing").Fix("give the client's secret, or a refresh token")
	}
	for _, p := range g.Params {
		if slices.Contains([]string{"grant_type", "client_id", "client_secret", "refresh_token", "scope"}, p.Name) {
			return wrong(o.at("params")+"/"+escapePointer(p.Name), "has a field of its own").Named("oauth-param-reserved").Fix("give it there")
		}
	}
	switch g.Style = auth.Style(style); g.Style {
	case auth.AnyStyle, auth.HeaderStyle, auth.BodyStyle:
		return nil
	}
	return wrong(o.at("style"), "is %q", clip(style, 40)).Named("oauth-style-unknown").Fix("use header or body, or leave it out")
}

// parseSession reads auth.sessionLogin: {url, method, headers, body, token: {in,
// path}, send: {location, name, prefix}}.
func parseSession(s *Spec, details object) error {
	m, ok := details.get("session_login", "session", "login")
	if !ok {
		return wrong(details.at("sessionLogin"), "is missing").Named("login-missing").
			Fix("give the login's url, its body, and where its answer holds the token")
	}
	o, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	l := &s.Auth.Session
	if l.URL, err = o.address("url", "url"); err != nil {
		return err
	}
	if err := parseLoginMethod(l, o); err != nil {
		return err
	}
	if l.Headers, err = o.pairs("headers"); err != nil {
		return err
	}
	for _, h := range l.Headers {
		at := o.at("headers") + "/" + escapePointer(h.Name)
		if err := checkHeader(at, at, h.Name, h.Value.Reveal()); err != nil {
			return err
		}
	}
	if err := parseLoginBody(l, o); err != nil {
		return err
	}
	if err := parseLoginToken(l, o); err != nil {
		return err
	}
	return parseLoginSend(l, o)
}

func parseLoginMethod(l *auth.LoginRequest, o object) error {
	method, err := o.text("method")
	if err != nil {
		return err
	}
	l.Method = strings.ToUpper(strings.TrimSpace(method))
	if l.Method == "" {
		l.Method = "POST"
	}
	if l.Method != "POST" && l.Method != "GET" && l.Method != "PUT" {
		return wrong(o.at("method"), "is %q, with which nobody logs in", clip(method, 40)).Named("method-unknown").Fix("use one of: POST, GET, PUT")
	}
	return nil
}

// parseLoginBody reads the body like that of a request, and {"type": "json",
// "parameters": {...}}, which is written as an object of strings.
func parseLoginBody(l *auth.LoginRequest, o object) error {
	m, ok := o.get("body")
	if !ok || isBlank(m.value) {
		return nil
	}
	b, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if l.Form, err = b.pairs("parameters"); err != nil {
		return err
	}
	typ, err := b.text("type")
	if err != nil {
		return err
	}
	if len(l.Form) > 0 {
		if l.Type = "application/x-www-form-urlencoded"; strings.Contains(strings.ToLower(typ), "json") {
			l.Type = "application/json"
		}
		return nil
	}
	var raw Spec
	if err := parseRaw(&raw, b); err != nil {
		return err
	}
	l.Type, l.Body = raw.Body.ContentType, raw.Body.Content
	return nil
}

func parseLoginToken(l *auth.LoginRequest, o object) error {
	m, _ := o.get("token")
	if m.pointer == "" {
		m.pointer = o.at("token")
	}
	t, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	from, err := t.text("in", "from", "location")
	if err != nil {
		return err
	}
	if l.Path, err = t.text("path", "name"); err != nil {
		return err
	}
	switch l.From = auth.Location(strings.ToLower(from)); l.From {
	case "":
		l.From = auth.Body
	case auth.Body, auth.Header, auth.Cookie:
	default:
		return wrong(t.at("in"), "is %q", clip(from, 40)).Named("login-token-unknown").Fix("use one of: body, header, cookie")
	}
	if l.Path == "" && l.From != auth.Body {
		return wrong(t.at("path"), "is missing").Named("login-token-unknown").Fix("name the header or cookie of the login's answer that holds the token")
	}
	return nil
}

func parseLoginSend(l *auth.LoginRequest, o object) error {
	m, ok := o.get("send")
	if !ok {
		m.pointer = o.at("send")
	}
	t, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	location, err := t.text("location", "in")
	if err != nil {
		return err
	}
	if l.Name, err = t.text("name"); err != nil {
		return err
	}
	prefix, ok := t.get("prefix")
	if l.Prefix, err = prefix.scalarOr(""); err != nil {
		return err
	}
	switch l.Send = auth.Location(strings.ToLower(location)); l.Send {
	case "":
		if l.Send = auth.Header; l.From == auth.Cookie {
			l.Send = auth.Cookie
		}
	case auth.Header, auth.Query, auth.Cookie:
	default:
		return wrong(t.at("location"), "is %q", clip(location, 40)).Named("login-token-unknown").Fix("use one of: header, query, cookie")
	}
	if l.Name == "" && l.Send == auth.Cookie && l.From == auth.Cookie {
		l.Name = l.Path
	}
	if l.Name == "" && l.Send == auth.Header {
		if l.Name = "Authorization"; !ok {
			l.Prefix = "Bearer "
		}
	}
	if l.Name == "" {
		return wrong(t.at("name"), "is missing").Named("login-token-unknown").Fix("name the query parameter or cookie that carries the token")
	}
	if l.Send == auth.Header || l.Send == auth.Cookie && !httpguts.ValidHeaderFieldName(l.Name) {
		return checkHeader(t.at("name"), t.at("prefix"), l.Name, l.Prefix)
	}
	return nil
}

// address reads the absolute http or https URL of a place that is not the source.
func (o object) address(spelled string, names ...string) (secret.String, error) {
	text, err := o.text(names...)
	if err != nil {
		return secret.String{}, err
	}
	at := o.at(spelled)
	if m, ok := o.get(names...); ok {
		at = m.pointer
	}
	if text = strings.TrimSpace(text); text == "" {
		return secret.String{}, wrong(at, "is missing").Named("url-missing").Fix("give its whole address")
	}
	u, perr := url.Parse(text)
	if perr == nil {
		if scheme := strings.ToLower(u.Scheme); scheme != "" && scheme != "http" && scheme != "https" {
			return secret.String{}, wrong(at, "has the scheme %q; only http and https can be fetched", clip(scheme, 20)).
				Named("scheme-not-supported").Fix("use an https:// or http:// address")
		}
	}
	if perr != nil || u.Scheme == "" || u.Hostname() == "" || u.Opaque != "" || !hasPort(u) {
		return secret.String{}, wrong(at, "is not a valid address").Named("url-invalid").Fix("write the address as https://host/path")
	}
	return secret.New(text), nil
}

// pairs reads an optional object of scalars and references.
func (o object) pairs(names ...string) ([]auth.Pair, error) {
	m, ok := o.get(names...)
	if !ok {
		return nil, nil
	}
	fields, err := readObject(m.value, m.pointer)
	if err != nil {
		return nil, err
	}
	var out []auth.Pair
	for _, f := range fields.members {
		v, err := f.secret()
		if err != nil {
			return nil, err
		}
		out = append(out, auth.Pair{Name: f.name, Value: v})
	}
	return out, nil
}

// words reads an optional list of words, or one string of them.
func (o object) words(names ...string) ([]string, error) {
	m, ok := o.get(names...)
	if !ok {
		return nil, nil
	}
	list := []member{m}
	if m.value.Kind() == '[' {
		var err error
		if list, err = readArray(m); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, e := range list {
		text, err := e.scalar()
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Fields(text)...)
	}
	return out, nil
}
