package document

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"html/template"
	"net/url"
	"strings"

	"millwright/internal/program"
	"millwright/internal/publish"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// Policy is the Content-Security-Policy with which the page works: it loads and
// runs nothing.
func Policy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Page returns the documentation of a published API as it is served below baseURL:
// one HTML page that loads nothing and needs no script.
func Page(api publish.API, baseURL string) ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	p := page{Title: title(api), Version: api.Version, Description: api.Description, Root: Root(api, baseURL),
		KeyVariable: KeyVariable, Style: template.CSS(pageStyle)}
	if api.Status == publish.Deprecated {
		p.Warning = deprecation(api)
	}
	for _, ep := range api.Live() {
		p.Endpoints = append(p.Endpoints, section(api, ep, baseURL))
	}
	for _, c := range controls() {
		p.Controls = append(p.Controls, pageParameter{Name: c.name, Type: kindOf(c.schema), Choices: choicesOf(c.schema), Text: c.text})
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// A page is what page.html shows.
type page struct {
	Title, Version, Description, Root, Warning, KeyVariable string

	Style     template.CSS
	Endpoints []pageEndpoint
	Controls  []pageParameter
}

type pageEndpoint struct {
	ID, Name, Summary, Description, Method, URL string

	Deprecated bool
	Parameters []pageParameter
	Columns    []pageColumn
	Example    [][]string // in the order of Columns
	Snippets   []Snippet
}

type pageParameter struct {
	Name, Type, Default, Text string

	Required bool
	Choices  string
}

type pageColumn struct{ Name, Type string }

func section(api publish.API, ep publish.Endpoint, baseURL string) pageEndpoint {
	e := pageEndpoint{ID: "endpoint-" + ep.Name, Name: ep.Name, Summary: summary(ep), Method: method(ep), URL: Root(api, baseURL) + "/" + url.PathEscape(ep.Path),
		Deprecated: isDeprecated(api, ep), Snippets: Snippets(api, ep, baseURL, nil)}
	if ep.Description != e.Summary {
		e.Description = ep.Description
	}
	preset := defaults(ep.Program)
	for _, s := range ep.Program.Slots {
		e.Parameters = append(e.Parameters, slotRow(s, preset[s.Name]))
	}
	names := uniqueNames(ep.Columns)
	for i, c := range ep.Columns {
		e.Columns = append(e.Columns, pageColumn{names[i], c.Type.String()})
	}
	for _, row := range exampleRows(ep.Example) {
		cells := make([]string, len(names))
		for i, name := range names {
			cells[i] = plain(row[name])
		}
		e.Example = append(e.Example, cells)
	}
	return e
}

func slotRow(s program.Slot, preset any) pageParameter {
	schema := slotSchema(s)
	p := pageParameter{Name: s.Name, Type: kindOf(schema), Required: s.Required, Text: explain(s), Choices: choicesOf(schema)}
	if preset != nil {
		p.Default = plain(preset)
	}
	return p
}

// kindOf names the type of a schema in a word or two.
func kindOf(schema object) string {
	var words []string
	for _, m := range schema {
		if text, ok := m.value.(string); ok && (m.name == "type" || m.name == "format" && strings.HasPrefix(text, "date")) {
			words = append([]string{text}, words...)
		}
	}
	return strings.Join(words, " ")
}

// choicesOf lists what a schema allows, if that is a list.
func choicesOf(schema object) string {
	for _, m := range schema {
		switch list := m.value.(type) {
		case []any:
			return join(list)
		case []string:
			return strings.Join(list, ", ")
		case object:
			return choicesOf(list)
		}
	}
	return ""
}

func join(list []any) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = plain(v)
	}
	return strings.Join(texts, ", ")
}
