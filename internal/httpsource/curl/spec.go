package curl

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/http/httpguts"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/secret"
)

// maxFields is how many fields a form is divided into.
const maxFields = 500

const formType = "application/x-www-form-urlencoded"

// spec puts together what the options said and lets httpsource check it.
func (p *parser) spec() (httpsource.Spec, error) {
	var s httpsource.Spec
	address, err := p.fullURL()
	if err != nil {
		return s, err
	}
	s.URL = secret.New(address)
	if err := p.body(&s); err != nil {
		return s, err
	}
	if s.Method, err = p.method(s); err != nil {
		return s, err
	}
	p.credentials(&s)
	if cookies := strings.Join(p.request.cookies, "; "); cookies != "" {
		p.request.headers = append(p.request.headers, httpsource.Pair{Name: "Cookie", Value: secret.New(cookies)})
	}
	s.Headers = p.request.headers
	p.placeholders(s)
	if err := namable(s); err != nil {
		return s, err
	}
	sealed, err := s.Sealed()
	if err == nil {
		s, err = httpsource.ParseSealed(sealed)
	}
	return s, atCommand(err)
}

// namable refuses what httpsource would refuse by repeating it: after a misplaced
// quote, a method or a header's name can hold anything.
func namable(s httpsource.Spec) error {
	if !httpguts.ValidHeaderFieldName(s.Method) || len(s.Method) > 7 || strings.Trim(s.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return wrong("method-unknown", "the method after -X is not one that is supported").Fix("use one of: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	}
	for _, h := range s.Headers {
		if !httpguts.ValidHeaderFieldName(h.Name) || len(h.Name) > 100 {
			return wrong("header-invalid", "a header has a name that no header can have").Fix("write headers as -H 'Name: value'", "check the quotes")
		}
	}
	return nil
}

// atCommand moves an error about a field of the request to the command.
func atCommand(err error) error {
	e, ok := errs.Find(err)
	if !ok {
		return err
	}
	moved := *e
	moved.Fields = []errs.Field{{Pointer: "/command"}}
	return &moved
}

// fullURL returns the address with the query of -G and --url-query.
func (p *parser) fullURL() (string, error) {
	r := &p.request
	address := strings.TrimSpace(r.url)
	if address == "" {
		return "", wrong("curl-no-url", "the command has no address").Fix("paste the whole command")
	}
	if !r.globOff && several(address) {
		return "", wrong("curl-several", "the address stands for several: it holds a list {a,b} or a range [1-9]").Fix("paste one address")
	}
	if !strings.Contains(address, "://") {
		scheme := r.scheme
		if scheme == "" {
			scheme = "http"
			p.note(Changed, "the address has no scheme; http:// is taken, as curl does. Use https:// if the API has it")
		}
		address = scheme + "://" + address
	}
	address, _, _ = strings.Cut(address, "#") // a fragment is never sent
	queries := r.queries
	if r.get && r.hasData {
		queries = append([]string{r.data()}, queries...)
	}
	for _, q := range queries {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		if strings.HasSuffix(address, "?") {
			separator = ""
		}
		address += separator + q
	}
	// A blank in a query is an accident that browsers and servers forgive.
	return strings.ReplaceAll(address, " ", "%20"), nil
}

func several(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	return regexp.MustCompile(`\{[^{}]*,[^{}]*\}|\[([0-9]+-[0-9]+|[a-zA-Z]-[a-zA-Z])(:[0-9]+)?\]`).MatchString(rest)
}

func (p *parser) body(s *httpsource.Spec) error {
	r := &p.request
	hasForm := len(r.fields) > 0
	switch {
	case hasForm && r.hasData:
		return wrong("curl-body", "the command has both --form and --data, which cannot be sent together").Fix("keep one of the two")
	case hasForm:
		r.drop("Content-Type") // it is written anew, with the boundary
		s.Body = httpsource.Body{Type: httpsource.FormData, Parameters: r.fields}
	case r.hasData && !r.get:
		return p.rawBody(s)
	}
	return nil
}

func (p *parser) rawBody(s *httpsource.Spec) error {
	r := &p.request
	contentType, given := r.header("Content-Type")
	r.drop("Content-Type")
	if r.isJSON {
		if _, ok := r.header("Accept"); !ok {
			r.headers = append(r.headers, httpsource.Pair{Name: "Accept", Value: secret.New("application/json")})
		}
		if !given {
			contentType, given = "application/json", true
		}
	}
	data := r.data()
	if !given {
		contentType = formType
		if looksJSON(strings.TrimSpace(data)) {
			contentType = "application/json"
			p.note(Changed, "the body is JSON, so it is sent as application/json; curl would call it a form")
		}
	}
	if data == "" {
		return nil
	}
	if strings.EqualFold(strings.TrimSpace(contentType), formType) {
		if fields, ok := formFields(data); ok {
			s.Body = httpsource.Body{Type: httpsource.FormURL, Parameters: fields}
			return nil
		}
	}
	s.Body = httpsource.Body{Type: httpsource.RawBody, ContentType: contentType, Content: secret.New(data)}
	return nil
}

func looksJSON(text string) bool {
	return (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && jsontext.Value(text).IsValid()
}

// formFields splits a form into fields, if writing them again gives the same
// meaning: every field has a name, and equal names follow each other.
func formFields(data string) ([]httpsource.Pair, bool) {
	// A person edits a few fields; for thousands the form is better left alone.
	if strings.Count(data, "&") >= maxFields {
		return nil, false
	}
	var fields []httpsource.Pair
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(data, "&") {
		name, value, ok := strings.Cut(pair, "=")
		plainName, err := url.QueryUnescape(name)
		plainValue, err2 := url.QueryUnescape(value)
		if !ok || err != nil || err2 != nil || strings.TrimSpace(plainName) == "" {
			return nil, false
		}
		if seen[plainName] && fields[len(fields)-1].Name != plainName {
			return nil, false
		}
		seen[plainName] = true
		fields = append(fields, httpsource.Pair{Name: plainName, Value: secret.New(plainValue)})
	}
	return fields, true
}

// method decides as curl does, except that a GET cannot carry a body here.
func (p *parser) method(s httpsource.Spec) (string, error) {
	r := &p.request
	method := strings.ToUpper(strings.TrimSpace(r.method))
	switch {
	case method == "" && r.head:
		method = "HEAD"
	case method == "" && !s.Body.Empty():
		method = "POST"
	// An empty body still makes curl send a POST.
	case method == "" && r.hasData && !r.get:
		method = "POST"
	case method == "":
		method = "GET"
	}
	if method == "HEAD" {
		p.note(Missing, "the command asks for headers only: use GET to get records")
	}
	if method == "GET" && !s.Body.Empty() {
		if !searches(s.URL.Reveal()) {
			return "", wrong("curl-get-body", "the command sends a body with GET, which cannot be done here").
				Fix("use -X POST if the API accepts it", "use -G to send the data in the address")
		}
		p.note(Changed, "a search that sends a body with GET is sent with POST, which search APIs take for the same")
		method = "POST"
	}
	return method, nil
}

// searches reports whether an address is one of a search, where a POST changes
// nothing.
func searches(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return regexp.MustCompile(`/(_?search|_msearch|_count|graphql|_sql|_esql|_query|query)/?$`).MatchString(u.Path)
}

// placeholders notes values that are to be replaced by a person.
func (p *parser) placeholders(s httpsource.Spec) {
	if u := s.URL.Reveal(); regexp.MustCompile(`\{[A-Za-z_][\w-]*\}|<[A-Za-z][\w -]*>|%3C[A-Za-z][\w%-]*%3E|/:[a-z]\w+`).MatchString(u) {
		p.note(Missing, "the address holds a placeholder: put the value in its place")
	}
	hole := regexp.MustCompile(`(?i)<[a-z][\w -]*>|\byour[_-][\w-]+|\bX{4,}\b|\.\.\.$|\*{4,}`)
	for _, h := range s.Headers {
		if hole.MatchString(h.Value.Reveal()) && !strings.EqualFold(h.Name, "user-agent") {
			p.note(Missing, "the header %s holds a placeholder: put the value in its place", clipName(h.Name))
		}
	}
	for _, v := range s.Auth.Secrets() {
		if hole.MatchString(v.Reveal()) {
			p.note(Missing, "the credentials are a placeholder: put yours in their place")
		}
	}
}
