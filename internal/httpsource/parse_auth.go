package httpsource

import (
	"strings"

	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

func parseAuth(s *Spec, o object) error {
	kindText, at := "", o.at("authType")
	if m, ok := o.get("auth_type"); ok {
		at = m.pointer
		text, err := m.scalar()
		if err != nil {
			return err
		}
		kindText = text
	}
	kind, ok := auth.ParseKind(kindText)
	if !ok {
		names := make([]string, 0, 4)
		for _, k := range auth.Kinds() {
			names = append(names, string(k))
		}
		return wrong(at, "is %q, which is not a known kind", clip(kindText, 40)).
			Named("auth-type-unknown").Fix("use one of: " + strings.Join(names, ", "))
	}
	s.Auth.Kind = kind
	if kind == auth.None {
		return nil
	}
	m, ok := o.get("auth")
	if !ok {
		m, _ = o.get("auth_config")
	}
	if m.pointer == "" {
		m.pointer = o.at("auth")
	}
	details, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	switch kind {
	case auth.APIKey:
		return parseKey(s, details)
	case auth.Bearer:
		return parseBearer(s, details)
	case auth.OAuth2:
		return parseGrant(s, details)
	case auth.Session:
		return parseSession(s, details)
	case auth.MTLS:
		return nil // the certificate is in options.tls
	case auth.Digest:
		s.Auth.Digest, err = parseLogin(details, "digest")
	default:
		s.Auth.Basic, err = parseLogin(details, "basic")
	}
	return err
}

func parseKey(s *Spec, details object) error {
	m, ok := details.get("api_key")
	if !ok {
		return wrong(details.at("apiKey"), "is missing").Named("api-key-missing").
			Fix("give the key's name, value and location")
	}
	key, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	name, err := key.text("name", "key")
	if err != nil {
		return err
	}
	value, err := key.secret("value")
	if err != nil {
		return err
	}
	location, err := key.text("location", "in", "add_to")
	if err != nil {
		return err
	}
	if name = strings.TrimSpace(name); name == "" {
		return wrong(key.at("name"), "is missing: an API key is sent under a name").Named("api-key-without-name").
			Fix(`name the header, query parameter or cookie, such as "X-API-Key"`)
	}
	if value.Empty() {
		return wrong(key.at("value"), "is missing").Named("api-key-missing").Fix("give the key itself")
	}
	s.Auth.APIKey = auth.Key{Name: name, Value: value, Location: auth.Location(strings.ToLower(strings.TrimSpace(location)))}
	switch s.Auth.APIKey.Location {
	case "":
		s.Auth.APIKey.Location = auth.Header
	case auth.Header, auth.Query, auth.Cookie:
	default:
		return wrong(key.at("location"), "is %q", clip(location, 40)).Named("api-key-location").
			Fix("use one of: header, query, cookie")
	}
	if s.Auth.APIKey.Location == auth.Query {
		return nil
	}
	if s.Auth.APIKey.Location == auth.Cookie && strings.ContainsAny(value.Reveal(), ";") {
		return wrong(key.at("value"), "holds a semicolon, which ends a cookie").Named("header-invalid").Fix("encode the value as the API's documentation says")
	}
	return checkHeader(key.at("name"), key.at("value"), name, value.Reveal())
}

func parseBearer(s *Spec, details object) error {
	given, err := details.secret("bearer_token", "token")
	if err != nil {
		return err
	}
	if m, ok := details.get("bearer_token"); ok {
		details.pointer = strings.TrimSuffix(m.pointer, "/"+m.name)
	}
	token := given.Reveal()
	// People paste the header's whole value.
	if rest, ok := cutPrefixFold(strings.TrimSpace(token), "bearer "); ok {
		token = rest
	}
	if token = strings.TrimSpace(token); token == "" && given.Name() == "" {
		return wrong(details.at("bearerToken"), "is missing").Named("bearer-token-missing").Fix("give the token")
	}
	if s.Auth.Bearer = given; token != "" {
		s.Auth.Bearer = secret.New(token)
	}
	return checkHeader("", details.at("bearerToken"), "Authorization", token)
}

// parseLogin reads a user name with a password, under basicAuth or digestAuth.
func parseLogin(details object, kind string) (auth.Login, error) {
	m, ok := details.get(kind+"_auth", kind)
	if !ok && kind == "digest" {
		m, ok = details.get("basic_auth")
	}
	if !ok {
		return auth.Login{}, wrong(details.at(kind+"Auth"), "is missing").Named(kind + "-auth-missing").Fix("give a username and a password")
	}
	login, err := readObject(m.value, m.pointer)
	if err != nil {
		return auth.Login{}, err
	}
	name, err := login.text("username", "user_name", "user")
	if err != nil {
		return auth.Login{}, err
	}
	password, err := login.secret("password")
	if err != nil {
		return auth.Login{}, err
	}
	switch {
	case name == "" && password.Empty():
		return auth.Login{}, wrong(login.at("username"), "is missing").Named(kind + "-auth-missing").Fix("give a username and a password")
	case strings.Contains(name, ":"):
		return auth.Login{}, wrong(login.at("username"), "holds a colon, which ends a user name").Named(kind + "-auth-invalid").Fix("check the user name")
	}
	if kind == "digest" {
		err = checkHeader("", login.at("username"), "Authorization", name)
	}
	return auth.Login{Username: name, Password: password}, err
}
