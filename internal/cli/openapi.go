package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/errs"
	"millwright/internal/program"
)

// maxDocument is how much of an OpenAPI document is read; the server takes no more.
const maxDocument = 16 << 20

// An offer is an operation of an OpenAPI document that could be connected.
type offer struct {
	Name         string `json:"name"`
	Summary      string `json:"summary"`
	ResponsePath string `json:"response_path"`
	Spec         struct {
		URL        string            `json:"url"`
		Method     string            `json:"method"`
		Headers    map[string]string `json:"headers"`
		Parameters map[string]struct {
			Value any `json:"value"`
		} `json:"parameters"`
		AuthType string          `json:"authType"`
		Auth     *authentication `json:"auth"`
		Body     *requestBody    `json:"body"`
	} `json:"spec"`
	Required []hole `json:"required"`
}

// A hole is a value that an operation needs and its document does not give.
type hole struct {
	Name        string `json:"name"`
	In          string `json:"in"` // path, query, header, cookie, body, server or auth
	Description string `json:"description"`
	Example     string `json:"example"`
}

// fromDocument lists the operations of an OpenAPI document, or connects the one
// that was named.
func (c *commands) fromDocument(cmd *cobra.Command, conn connection, allow, list []string) error {
	flags := cmd.Flags()
	switch {
	case conn.openapi == "":
		return usage("--operation names an operation of an OpenAPI document, and there is none").Fix("--openapi FILE --operation NAME")
	case len(list) > 0:
		return usage("the URL stands in the OpenAPI document; a second one has no place").Fix("leave the URL out")
	}
	for _, name := range []string{"curl", "curl-file", "request"} {
		if flags.Changed(name) {
			return usage("--%s cannot be combined with an OpenAPI document", name)
		}
	}
	text, from, err := c.document(cmd.Context(), conn.openapi)
	if err != nil {
		return err
	}
	return c.withSession(cmd.Context(), allow, func(ctx context.Context, s *session) error {
		var said struct {
			Candidates []offer  `json:"candidates"`
			Notes      []string `json:"notes"`
		}
		if err := s.call(ctx, "POST", "/v1/http/from-openapi", nil, map[string]string{"document": text, "url": from}, &said); err != nil {
			return err
		}
		for _, n := range said.Notes {
			c.say("openapi: %s", printable(n))
		}
		if conn.operation == "" {
			return c.print(listOffers(said.Candidates))
		}
		chosen, err := chooseOffer(said.Candidates, conn.operation)
		if err != nil {
			return err
		}
		r, err := c.accept(chosen, conn)
		if err != nil {
			return err
		}
		conn.url = r.URL
		_, err = c.connectTo(ctx, s, conn, r)
		return err
	})
}

// document reads the OpenAPI document that was named: a file, an address, or "-"
// for standard input. from is the address that it came from, if any.
func (c *commands) document(ctx context.Context, name string) (text, from string, err error) {
	var in io.ReadCloser
	switch {
	case name == "-":
		in = io.NopCloser(c.env.Stdin)
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if in, err = download(ctx, name); err != nil {
			return "", "", err
		}
		from = name
	default:
		if in, err = os.Open(name); err != nil {
			return "", "", usage("the OpenAPI document cannot be read: %v", err).Because(err)
		}
	}
	defer in.Close()
	all, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	switch {
	case err != nil:
		return "", "", errs.New(errs.Upstream, "the OpenAPI document could not be read to its end").Fix("try again").Because(err)
	case len(all) > maxDocument:
		return "", "", errs.New(errs.TooLarge, "the OpenAPI document is longer than %s", bytesText(maxDocument)).Fix("name a file with a part of it")
	}
	return string(all), from, nil
}

// download asks for the document as the person who typed its address would.
func download(ctx context.Context, address string) (io.ReadCloser, error) {
	if err := checkURL(address); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, usage("--openapi names an address that is none").Fix("--openapi https://api.example.com/openapi.json")
	}
	r.Header.Set("Accept", "application/json, application/yaml;q=0.9, */*;q=0.5")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, errs.New(errs.Upstream, "the OpenAPI document cannot be had from %s", r.URL.Host).Fix("check its address", "download it and name the file").Because(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, errs.New(errs.Upstream, "%s answers %s for the OpenAPI document", r.URL.Host, resp.Status).Fix("check its address", "download it and name the file")
	}
	return resp.Body, nil
}

func listOffers(offers []offer) grid {
	g := grid{Columns: []string{"operation", "method", "url", "records", "needs", "summary"}, Brief: 5, Typed: 1,
		Footer: "Connect one with 'millwright connect --openapi DOCUMENT --operation NAME'."}
	for _, o := range offers {
		var needs []string
		for _, h := range o.Required {
			needs = append(needs, h.Name)
		}
		g.Rows = append(g.Rows, []any{o.Name, o.Spec.Method, o.Spec.URL, o.ResponsePath, strings.Join(needs, " "), o.Summary})
	}
	return g
}

// chooseOffer returns the operation of that name, in any case.
func chooseOffer(offers []offer, name string) (offer, error) {
	var names []string
	for _, o := range offers {
		if strings.EqualFold(o.Name, name) {
			return o, nil
		}
		names = append(names, o.Name)
	}
	err := errs.New(errs.NotFound, "the document has no operation named %q that can be read", name)
	if near, ok := program.Nearest(name, names); ok {
		return offer{}, err.Fix(fmt.Sprintf("--operation %q", near))
	}
	return offer{}, err.Fix("leave --operation out to see them all")
}

// accept returns the request of an operation with what the flags give in place.
// Whatever is missing is said at once.
func (c *commands) accept(o offer, conn connection) (request, error) {
	r := request{URL: o.Spec.URL, Method: o.Spec.Method, AuthType: "None", Body: o.Spec.Body, Path: conn.path, Parameters: map[string]any{}}
	given, err := c.pairs("--param", "=", "name=value", conn.params)
	if err != nil {
		return r, err
	}
	if r.Headers, err = c.pairs("-H", ":", "'Name: value'", conn.headers); err != nil {
		return r, err
	}
	var missing []string
	for _, h := range o.Required {
		if fix := r.fill(h, o, given, conn); fix != "" {
			missing = append(missing, fix)
		}
	}
	if len(missing) > 0 {
		return r, usage("the operation %s needs more than its document says", o.Name).Fix(missing...)
	}
	for name, p := range o.Spec.Parameters {
		if text := cell(p.Value, ""); text != "" {
			r.Parameters[name] = text
		}
	}
	for name, value := range given {
		r.Parameters[name] = value
	}
	for name, value := range o.Spec.Headers {
		if _, typed := header(r.Headers, name); !typed && value != "" {
			r.Headers[name] = value
		}
	}
	if conn.body != "" {
		content, err := c.content(conn.body)
		if err != nil {
			return r, err
		}
		r.Body = &requestBody{Type: "raw", ContentType: "application/json", Content: content}
	}
	if conn.auth != "" {
		err = c.authenticate(&r, conn.auth)
	}
	return r, err
}

// fill puts one value where it belongs, or returns how to give it. What stands in
// the URL is taken out of given.
func (r *request) fill(h hole, o offer, given map[string]any, conn connection) string {
	about := ""
	if what := or(h.Description, h.Example); what != "" {
		about = " (" + what + ")"
	}
	value, typed := given[h.Name]
	switch h.In {
	case "path", "server":
		delete(given, h.Name)
		text, plain := value.(string)
		if typed = typed && plain; h.In == "path" {
			text = url.PathEscape(text)
		}
		r.URL = strings.ReplaceAll(r.URL, "{"+h.Name+"}", text)
	case "header":
		if _, typed := header(r.Headers, h.Name); !typed {
			return "-H '" + h.Name + ": VALUE'" + about
		}
		return ""
	case "cookie":
		if _, typed := header(r.Headers, "Cookie"); !typed {
			return "-H 'Cookie: file:PATH', which holds " + h.Name + "=VALUE" + about
		}
		return ""
	case "body":
		if conn.body == "" {
			return "-d BODY" + about
		}
		return ""
	case "auth":
		if conn.auth == "" {
			return signIn(o)
		}
		return ""
	}
	if !typed {
		return "--param " + h.Name + "=VALUE" + about
	}
	return ""
}

// signIn returns the flag that signs in as the operation wants it.
func signIn(o offer) string {
	switch o.Spec.AuthType {
	case "Bearer Token":
		return "--auth bearer=env:VARIABLE"
	case "Basic Auth":
		return "--auth basic=USER,env:VARIABLE"
	case "API Key":
		if a := o.Spec.Auth; a != nil && a.APIKey != nil {
			name := a.APIKey.Name
			if a.APIKey.Location != "header" {
				name = a.APIKey.Location + "." + name
			}
			return "--auth api-key=" + name + ",env:VARIABLE"
		}
	}
	return "--auth bearer=env:VARIABLE with a token, or POST /v1/http/execute-request for " + o.Spec.AuthType
}

func header(all map[string]any, name string) (any, bool) {
	for n, v := range all {
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}
