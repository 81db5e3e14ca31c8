package httpsource

import (
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// credentials hides values whatever their name is: an API key named "q" is one.
func credentials(c auth.Credentials, show reveal) ordered {
	switch c.Kind {
	case auth.APIKey:
		return ordered{{"apiKey", ordered{
			{"name", c.APIKey.Name}, {"value", show(anySecret, c.APIKey.Value)}, {"location", string(c.APIKey.Location)},
		}}}
	case auth.Bearer:
		return ordered{{"bearerToken", show(anySecret, c.Bearer)}}
	case auth.Basic:
		return ordered{{"basicAuth", loginFields(c.Basic, show)}}
	case auth.Digest:
		return ordered{{"digestAuth", loginFields(c.Digest, show)}}
	case auth.OAuth2:
		return ordered{{"oauth2", grantFields(c.OAuth2, show)}}
	case auth.Session:
		return ordered{{"sessionLogin", sessionFields(c.Session, show)}}
	}
	return ordered{}
}

func loginFields(l auth.Login, show reveal) ordered {
	return ordered{{"username", l.Username}, {"password", show(anySecret, l.Password)}}
}

func grantFields(g auth.Grant, show reveal) ordered {
	kind := "client_credentials"
	if !g.RefreshToken.Empty() {
		kind = "refresh_token"
	}
	out := ordered{{"grantType", kind}, {"tokenUrl", address(g.TokenURL, show)}, {"clientId", g.ClientID}}
	if !g.ClientSecret.Empty() {
		out = append(out, field{"clientSecret", show(anySecret, g.ClientSecret)})
	}
	if !g.RefreshToken.Empty() {
		out = append(out, field{"refreshToken", show(anySecret, g.RefreshToken)})
	}
	if len(g.Scopes) > 0 {
		scopes := make([]any, len(g.Scopes))
		for i, s := range g.Scopes {
			scopes[i] = s
		}
		out = append(out, field{"scopes", scopes})
	}
	if len(g.Params) > 0 {
		out = append(out, field{"params", authPairs(g.Params, show)})
	}
	if g.Style != auth.AnyStyle {
		out = append(out, field{"style", string(g.Style)})
	}
	return out
}

func sessionFields(l auth.LoginRequest, show reveal) ordered {
	out := ordered{{"url", address(l.URL, show)}, {"method", l.Method}}
	if len(l.Headers) > 0 {
		out = append(out, field{"headers", authPairs(l.Headers, show)})
	}
	switch {
	case len(l.Form) > 0:
		typ := "x-www-form-urlencoded"
		if l.Type == "application/json" {
			typ = "json"
		}
		out = append(out, field{"body", ordered{{"type", typ}, {"parameters", authPairs(l.Form, show)}}})
	case !l.Body.Empty():
		out = append(out, field{"body", body(Body{Type: RawBody, ContentType: l.Type, Content: l.Body}, show)})
	}
	return append(out,
		field{"token", ordered{{"in", string(l.From)}, {"path", l.Path}}},
		field{"send", ordered{{"location", string(l.Send)}, {"name", l.Name}, {"prefix", l.Prefix}}})
}

func authPairs(list []auth.Pair, show reveal) ordered {
	out := ordered{}
	for _, p := range list {
		out = append(out, field{p.Name, show(p.Name, p.Value)})
	}
	return out
}

// address shows a URL without what its query and its login hide.
func address(u secret.String, show reveal) any {
	if show("password", secret.New("probe")) != secret.Hidden {
		return u.Reveal()
	}
	return show("url", secret.New(publicURL(u.Reveal(), secret.Redactor{})))
}

func tlsFields(t TLS, show reveal) ordered {
	out := ordered{}
	if t.CA != "" {
		out = append(out, field{"ca", t.CA})
	}
	if t.Cert != "" {
		out = append(out, field{"cert", t.Cert})
	}
	if !t.Key.Empty() {
		out = append(out, field{"key", show(anySecret, t.Key)})
	}
	return out
}
