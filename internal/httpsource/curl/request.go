package curl

import (
	"net/url"
	"strings"

	"millwright/internal/httpsource"
	"millwright/internal/secret"
)

// A request is what the options said, before it is checked.
type request struct {
	url     string
	hasURL  bool
	scheme  string // --proto-default
	globOff bool
	queries []string // --url-query
	method  string   // -X
	get     bool     // -G
	head    bool     // -I
	headers []httpsource.Pair
	removed []string // -H 'Name:'
	cookies []string
	parts   []string // of -d, with what stands between them
	hasData bool
	isJSON  bool
	fields  []httpsource.Pair // -F
	user    *string
	digest  bool // --digest
	bearer  string
}

func (p *parser) address(text string) error {
	if p.request.hasURL {
		return wrong("curl-several", "the command has more than one address, or a value that is not quoted").
			Fix("paste one request at a time", "put values with blanks into quotes")
	}
	p.request.url, p.request.hasURL = text, true
	return nil
}

// file is the error of a value that names a file.
func file(option string) error {
	return wrong("curl-file", "%s takes a value from a file, and files are not read from here", option).
		Fix("put the file's content into the command in place of @file")
}

func (p *parser) header(text string) error {
	if strings.HasPrefix(text, "@") {
		return file("--header")
	}
	name, value, colon := strings.Cut(text, ":")
	if strings.HasPrefix(text, ":") {
		p.note(Ignored, "a pseudo header of HTTP/2 is left out; it follows from the address")
		return nil
	}
	value = strings.TrimSpace(value)
	if !colon {
		empty, ok := strings.CutSuffix(strings.TrimSpace(text), ";")
		if !ok {
			p.note(Ignored, "a header without a colon is left out, as curl does")
			return nil
		}
		return p.named(empty, "")
	}
	name = strings.TrimSpace(name)
	if value == "" {
		p.request.removed = append(p.request.removed, strings.ToLower(name))
		return nil
	}
	return p.named(name, value)
}

// named adds a header; one that is there already gets a second value.
func (p *parser) named(name, value string) error {
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect":
		return nil // the connection is the server's own
	case "accept-encoding":
		return nil // every encoding that can be read is asked for anyway
	case "if-none-match", "if-modified-since":
		p.note(Ignored, "%s is left out: it would make the API answer that nothing is new", clipName(name))
		return nil
	case "cookie":
		p.request.cookies = append(p.request.cookies, value)
		return nil
	}
	for i, h := range p.request.headers {
		if strings.EqualFold(h.Name, name) {
			if strings.EqualFold(name, "user-agent") || strings.EqualFold(name, "referer") || strings.EqualFold(name, "authorization") || strings.EqualFold(name, "content-type") {
				p.request.headers[i].Value = secret.New(value)
				return nil
			}
			p.note(Changed, "the header %s is given twice; its values are sent as one list", clipName(name))
			p.request.headers[i].Value = secret.New(h.Value.Reveal() + ", " + value)
			return nil
		}
	}
	p.request.headers = append(p.request.headers, httpsource.Pair{Name: name, Value: secret.New(value)})
	return nil
}

// clipName shortens a name for a message, and hides what is no name.
func clipName(name string) string {
	if len(name) > 60 || strings.ContainsAny(name, " =\t\n\"'") {
		return "of that name"
	}
	return name
}

// data returns what -d and its like said in all.
func (r *request) data() string { return strings.Join(r.parts, "") }

// header returns a header's value.
func (r *request) header(name string) (string, bool) {
	for _, h := range r.headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value.Reveal(), true
		}
	}
	return "", false
}

// drop removes a header.
func (r *request) drop(name string) {
	kept := r.headers[:0]
	for _, h := range r.headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	r.headers = kept
}

func (p *parser) cookie(text string) error {
	if !strings.Contains(text, "=") {
		if text == "" {
			return nil // -b '' only switches curl's cookie engine on
		}
		return file("--cookie")
	}
	p.request.cookies = append(p.request.cookies, text)
	return nil
}

func (p *parser) data(option, text string, mayBeFile bool) error {
	if mayBeFile && strings.HasPrefix(text, "@") {
		return file(option)
	}
	p.addData("&", text)
	return nil
}

func (p *parser) addData(separator, text string) {
	if p.request.hasData {
		p.request.parts = append(p.request.parts, separator)
	}
	p.request.parts = append(p.request.parts, text)
	p.request.hasData = true
}

func (p *parser) json(text string) error {
	if strings.HasPrefix(text, "@") {
		return file("--json")
	}
	p.addData("", text)
	p.request.isJSON = true
	return nil
}

// urlencode reads content, =content and name=content.
func (p *parser) urlencode(text string) error {
	encoded, err := encoded("--data-urlencode", text)
	if err == nil {
		p.addData("&", encoded)
	}
	return err
}

func encoded(option, text string) (string, error) {
	at := strings.IndexAny(text, "=@")
	if at < 0 {
		return escape(text), nil
	}
	if text[at] == '@' {
		return "", file(option)
	}
	if at == 0 {
		return escape(text[1:]), nil
	}
	return text[:at+1] + escape(text[at+1:]), nil
}

// escape encodes as curl does: a blank is %20.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func (p *parser) urlQuery(text string) error {
	if plain, ok := strings.CutPrefix(text, "+"); ok {
		p.request.queries = append(p.request.queries, plain)
		return nil
	}
	query, err := encoded("--url-query", text)
	if err == nil {
		p.request.queries = append(p.request.queries, query)
	}
	return err
}

func (p *parser) form(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return wrong("curl-form", "a --form field has no =").Fix("write it as name=value")
	}
	if strings.HasPrefix(value, "@") || strings.HasPrefix(value, "<") {
		return file("--form")
	}
	if quoted, rest, ok := unquote(value); ok {
		value = quoted + rest
	}
	if i := strings.Index(value, ";type="); i >= 0 {
		p.note(Changed, "the content type of a form field is left out")
		value = value[:i]
	}
	p.request.fields = append(p.request.fields, httpsource.Pair{Name: name, Value: secret.New(value)})
	return nil
}

// unquote reads a form value in double quotes and returns what follows it.
func unquote(value string) (text, rest string, ok bool) {
	if !strings.HasPrefix(value, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value) && (value[i+1] == '"' || value[i+1] == '\\'):
			i++
			b.WriteByte(value[i])
		case c == '"':
			return b.String(), value[i+1:], true
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func (p *parser) formString(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return wrong("curl-form", "a --form-string field has no =").Fix("write it as name=value")
	}
	p.request.fields = append(p.request.fields, httpsource.Pair{Name: name, Value: secret.New(value)})
	return nil
}
