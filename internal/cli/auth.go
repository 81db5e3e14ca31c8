package cli

import (
	"io"
	"net/url"
	"os"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// An authentication is the auth part of a request, as the API spells it.
type authentication struct {
	APIKey      *apiKeyAuth `json:"apiKey,omitempty"`
	BearerToken any         `json:"bearerToken,omitempty"`
	BasicAuth   *basicAuth  `json:"basicAuth,omitempty"`
	DigestAuth  *basicAuth  `json:"digestAuth,omitempty"`
}

type apiKeyAuth struct {
	Name     string `json:"name"`
	Value    any    `json:"value"`
	Location string `json:"location"`
}

type basicAuth struct {
	Username string `json:"username"`
	Password any    `json:"password"`
}

// authenticate fills in what --auth says:
//
//	bearer=env:SHOP_TOKEN
//	basic=ada,file:/run/secrets/shop
//	api-key=X-Shop-Key,env:SHOP_KEY          (or query.NAME, cookie.NAME)
//	bearer=secret:SHOP_TOKEN                 (a stored one, by its name)
//
// The secret itself never stands on the command line, where ps and the shell's
// history would show it.
func (c *commands) authenticate(r *request, flag string) error {
	r.AuthType = "None"
	if flag == "" {
		return nil
	}
	kind, rest, _ := strings.Cut(flag, "=")
	name, from := "", rest
	switch kind {
	case "bearer":
	case "basic", "api-key":
		var ok bool
		if name, from, ok = strings.Cut(rest, ","); !ok || name == "" {
			return usage("--auth %s needs a name and where its secret is", kind).Fix("--auth " + kind + "=NAME,env:VARIABLE")
		}
	default:
		// What stands there may be a secret, so it is not repeated.
		return usage("--auth names an unknown kind of authentication").
			Fix("--auth bearer=env:VARIABLE", "--auth basic=USER,env:VARIABLE", "--auth api-key=HEADER,env:VARIABLE")
	}
	value, err := c.held("--auth "+kind, from)
	if err != nil {
		return err
	}
	switch kind {
	case "bearer":
		r.AuthType, r.Auth = "Bearer Token", &authentication{BearerToken: value}
	case "basic":
		r.AuthType, r.Auth = "Basic Auth", &authentication{BasicAuth: &basicAuth{name, value}}
	case "api-key":
		location := "header"
		if where, rest, ok := strings.Cut(name, "."); ok && (where == "query" || where == "cookie" || where == "header") {
			location, name = where, rest
		}
		r.AuthType, r.Auth = "API Key", &authentication{APIKey: &apiKeyAuth{name, value, location}}
	}
	return nil
}

// held returns a secret that is kept somewhere, or, for secret:NAME, the reference
// to a stored one, as the API spells it.
func (c *commands) held(flag, from string) (any, error) {
	if name, ok := strings.CutPrefix(from, "secret:"); ok && name != "" {
		return map[string]string{"secret": name}, nil
	}
	return c.reveal(flag, from)
}

// reveal reads a secret from where it is kept: env:VARIABLE or file:PATH.
func (c *commands) reveal(flag, from string) (string, error) {
	where, name, _ := strings.Cut(from, ":")
	switch where {
	case "env":
		if value := c.env.Getenv(name); value != "" {
			return value, nil
		}
		return "", usage("%s reads the environment variable %s, which is not set", flag, name).Fix("export " + name)
	case "file":
		text, err := os.ReadFile(name)
		if err != nil {
			return "", usage("%s names a file that cannot be read: %v", flag, err).Because(err)
		}
		if value := strings.TrimSpace(string(text)); value != "" {
			return value, nil
		}
		return "", usage("%s reads the file %s, which is empty", flag, name)
	}
	// What stands there may be the secret, so it is not repeated.
	return "", typed(flag)
}

// typed is the error of a secret on the command line.
func typed(flag string) *errs.Error {
	return usage("%s is for a secret, and ps and the shell's history show what is typed", flag).
		Fix("name where it is: env:VARIABLE or file:PATH")
}

// value returns what a header or parameter flag stands for: env:VARIABLE and
// file:PATH are read, secret:NAME refers, and a secret must be one of them.
func (c *commands) value(flag, name, text string) (any, error) {
	if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") || strings.HasPrefix(text, "secret:") {
		return c.held(flag+" "+name, text)
	}
	if secret.LooksSecret(name) {
		return nil, typed(flag + " " + name)
	}
	return text, nil
}

// pairs turns flags such as "Name: value" or "name=value" into a map.
func (c *commands) pairs(flag, separator, form string, list []string) (map[string]any, error) {
	all := map[string]any{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, separator)
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			return nil, usage("%s takes %s", flag, form)
		}
		var err error
		if all[name], err = c.value(flag, name, value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// checkURL refuses secrets in the URL. What else may be wrong with it, the server
// says.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return nil // the server explains it, without repeating what may be secret
	}
	if _, has := u.User.Password(); has {
		return usage("the URL holds a password, and ps and the shell's history show what is typed").Fix("--auth basic=USER,env:VARIABLE")
	}
	for name := range u.Query() {
		if secret.LooksSecret(name) {
			return usage("the URL holds a secret (%s), and ps and the shell's history show what is typed", name).
				Fix("leave it out and write --param " + name + "=env:VARIABLE")
		}
	}
	return nil
}

// content returns the request body that -d names: the text itself, @FILE, or @-
// for standard input.
func (c *commands) content(flag string) (string, error) {
	name, isFile := strings.CutPrefix(flag, "@")
	if !isFile {
		return flag, nil
	}
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(c.env.Stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return "", usage("-d names a file that cannot be read: %v", err).Because(err)
	}
	return string(text), nil
}
