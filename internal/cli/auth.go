package cli

import (
	"os"
	"strings"
)

// authFields turns --auth into the fields of a connection:
//
//	bearer=env:SHOP_TOKEN
//	basic=ada,file:/run/secrets/shop
//	api-key=X-Shop-Key,env:SHOP_KEY          (or query.NAME, cookie.NAME)
//
// The secret itself never stands on the command line, where ps and the shell's
// history would show it.
func (c *commands) authFields(flag string) (map[string]any, error) {
	if flag == "" {
		return map[string]any{"authType": "None"}, nil
	}
	kind, rest, _ := strings.Cut(flag, "=")
	name, from := "", rest
	if kind != "bearer" {
		var ok bool
		if name, from, ok = strings.Cut(rest, ","); !ok || name == "" {
			return nil, usage("--auth %s needs a name and a secret, as in --auth %s=NAME,env:VARIABLE", kind, kind)
		}
	}
	value, err := c.reveal(from)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "bearer":
		return map[string]any{"authType": "Bearer Token", "auth": map[string]any{"bearerToken": value}}, nil
	case "basic":
		login := map[string]any{"username": name, "password": value}
		return map[string]any{"authType": "Basic Auth", "auth": map[string]any{"basicAuth": login}}, nil
	case "api-key":
		location := "header"
		if where, rest, ok := strings.Cut(name, "."); ok && (where == "query" || where == "cookie" || where == "header") {
			location, name = where, rest
		}
		key := map[string]any{"name": name, "value": value, "location": location}
		return map[string]any{"authType": "API Key", "auth": map[string]any{"apiKey": key}}, nil
	}
	return nil, usage("unknown kind of --auth %q; use bearer=, basic= or api-key=", kind)
}

// reveal reads a secret from where it is kept: env:VARIABLE or file:PATH.
func (c *commands) reveal(from string) (string, error) {
	where, name, _ := strings.Cut(from, ":")
	switch where {
	case "env":
		if value := c.env.Getenv(name); value != "" {
			return value, nil
		}
		return "", usage("the environment variable %s is not set", name)
	case "file":
		text, err := os.ReadFile(name)
		if err != nil {
			return "", usage("the secret cannot be read: %v", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	return "", usage("a secret is named, not typed: write env:VARIABLE or file:PATH")
}

// secretHeaders are headers whose values are secrets whatever they hold.
const secretHeaders = "authorization proxy-authorization cookie x-api-key x-auth-token api-key"

// headers turns -H flags ("Name: value") into a map. A header that carries a
// secret takes its value from env: or file:.
func (c *commands) headers(flags []string) (map[string]string, error) {
	out := map[string]string{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			return nil, usage("-H takes 'Name: value', not %q", name)
		}
		named := strings.HasPrefix(value, "env:") || strings.HasPrefix(value, "file:")
		if strings.Contains(" "+secretHeaders+" ", " "+strings.ToLower(name)+" ") && !named {
			return nil, usage("the header %s carries a secret, which ps and the shell's history would show; write -H '%s: env:VARIABLE', or use --auth", name, name)
		}
		if named {
			var err error
			if value, err = c.reveal(value); err != nil {
				return nil, err
			}
		}
		out[name] = value
	}
	return out, nil
}
