package httpsource

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/secret"
)

// ParseSpec reads and checks the JSON of a request in the guide's form. Known
// fields may be spelled in camelCase or snake_case; names of headers and
// parameters are never changed, except that a header whose name a client
// mangled ("_accept") gets it back. Unknown top-level fields are ignored.
// Errors are errs.Invalid and point at the field.
func ParseSpec(data []byte) (Spec, error) {
	o, err := readObject(data, "")
	if err != nil {
		return Spec{}, err
	}
	return parse(o)
}

// ParseExecute reads the JSON of an execute-request: a field comes from the top
// level, and from connect_spec.config if the top level lacks it.
func ParseExecute(data []byte) (Spec, error) {
	o, err := readObject(data, "")
	if err != nil {
		return Spec{}, err
	}
	if m, ok := o.get("connect_spec"); ok {
		connect, err := readObject(m.value, m.pointer)
		if err != nil {
			return Spec{}, err
		}
		if m, ok := connect.get("config"); ok {
			config, err := readObject(m.value, m.pointer)
			if err != nil {
				return Spec{}, err
			}
			o = o.over(config)
		}
	}
	return parse(o)
}

// ParseSealed reads what [Spec.Sealed] wrote.
func ParseSealed(data []byte) (Spec, error) { return ParseSpec(data) }

func parse(o object) (s Spec, err error) {
	for _, step := range []func(*Spec, object) error{
		parseURL, parseMethod, parseHeaders, parseParameters, parseGroups, parseAuth, parseBody, parsePath, parseOptions, checkMTLS,
	} {
		if err := step(&s, o); err != nil {
			return Spec{}, err
		}
	}
	return s, nil
}

func parseURL(s *Spec, o object) error {
	text, err := o.text("url")
	if err != nil {
		return err
	}
	at := o.at("url")
	if m, ok := o.get("url"); ok {
		at = m.pointer
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return wrong(at, "is missing").Named("url-missing").Fix("give the address of the API, such as https://api.example.com/v1/items")
	}
	u, perr := url.Parse(text)
	if perr != nil {
		// The parser's own message repeats the address, and with it its secrets.
		return wrong(at, "is not a valid address").Named("url-invalid").Fix("percent-encode special characters in the address")
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "":
		return wrong(at, "has no scheme").Named("url-invalid").Fix("begin the address with https:// or http://")
	case scheme != "http" && scheme != "https":
		return wrong(at, "has the scheme %q; only http and https can be fetched", scheme).
			Named("scheme-not-supported").Fix("use an https:// or http:// address")
	case u.Hostname() == "" || u.Opaque != "":
		return wrong(at, "names no host").Named("url-invalid").Fix("write the address as https://host/path")
	}
	if !hasPort(u) {
		return wrong(at, "has a port that does not exist").Named("url-invalid").Fix("use a port from 1 to 65535, or none")
	}
	s.URL = secret.New(text)
	return nil
}

// Methods are the HTTP methods that a request may use.
func methods() []string {
	return []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
}

func parseMethod(s *Spec, o object) error {
	m, ok := o.get("method")
	if !ok {
		return wrong(o.at("method"), "is missing").Named("method-missing").Fix(`set method to "GET"`)
	}
	text, err := m.scalar()
	if err != nil {
		return err
	}
	s.Method = strings.ToUpper(strings.TrimSpace(text))
	if s.Method == "" {
		return wrong(m.pointer, "is missing").Named("method-missing").Fix(`set method to "GET"`)
	}
	if !slices.Contains(methods(), s.Method) {
		return wrong(m.pointer, "is %q, which is not supported", clip(text, 40)).
			Named("method-unknown").Fix("use one of: " + strings.Join(methods(), ", "))
	}
	return nil
}

func parsePath(s *Spec, o object) error {
	m, ok := o.get("response_path_extractor", "response_path")
	if !ok {
		return nil
	}
	text, err := m.scalar()
	if err != nil {
		return err
	}
	if s.ResponsePath = strings.TrimSpace(text); s.ResponsePath == "" {
		return nil
	}
	if _, err := decode.ParsePath(s.ResponsePath); err != nil {
		return within(err, m.pointer)
	}
	return nil
}

// within moves an error about a value to the field that holds the value.
func within(err error, pointer string) error {
	if e, ok := errs.Find(err); ok {
		return e.At(pointer)
	}
	return err
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func itoa(n int) string { return strconv.Itoa(n) }

// clip shortens foreign text for a message.
func clip(text string, n int) string {
	text = strings.ToValidUTF8(text, "�")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}
