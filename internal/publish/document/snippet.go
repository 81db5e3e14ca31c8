package document

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"millwright/internal/publish"
)

// KeyVariable is the environment variable from which every snippet takes the API
// key: a key has no place in a text that is copied around.
const KeyVariable = "MILLWRIGHT_API_KEY"

// A Snippet is a program that calls an endpoint, in one language, as it is.
type Snippet struct {
	Language string // "curl", "python" or "javascript"
	Label    string // for people
	Code     string
}

// Snippets returns programs that call the endpoint, which is one of the API as it
// is served below baseURL, with these slot values; if values is nil, with the
// defaults, and an example for each slot that has none and needs one. They need
// nothing but curl, Python's standard library, or Node, and fail if the call fails.
func Snippets(api publish.API, ep publish.Endpoint, baseURL string, values map[string]any) []Snippet {
	if values == nil {
		values = bound(ep.Program, nil)
	}
	c := call{url: Root(api, baseURL) + "/" + url.PathEscape(ep.Path)}
	if method(ep) == "POST" {
		c.slots = body(ep, values)
	}
	for _, s := range ep.Program.Slots {
		v, given := values[s.Name]
		if !given || c.slots != nil {
			continue
		}
		for _, text := range queryTexts(s, v) {
			c.query = append(c.query, [2]string{s.Name, text})
		}
	}
	return []Snippet{{"curl", "curl", c.curl()}, {"python", "Python", c.python()}, {"javascript", "JavaScript", c.javascript()}}
}

// body returns the slot values in the order of the slots.
func body(ep publish.Endpoint, values map[string]any) object {
	o := object{}
	for _, s := range ep.Program.Slots {
		if v, given := values[s.Name]; given {
			o = o.with(s.Name, v)
		}
	}
	return o
}

// A call is a request to an endpoint: slot values are in the query, or in the body
// if that is not nil.
type call struct {
	url   string
	query [][2]string
	slots object
}

func (c call) json() string {
	text, err := json.Marshal(object{{"slots", c.slots}})
	if err != nil {
		return "{}" // unreachable: values came from JSON
	}
	return string(text)
}

func (c call) curl() string {
	lines := []string{"curl --fail-with-body --silent --show-error", "--header \"Authorization: Bearer $" + KeyVariable + "\""}
	if c.slots != nil {
		lines = append(lines, "--header 'Content-Type: application/json'", "--data-binary "+shell(c.json()))
	}
	if len(c.query) > 0 {
		lines[0] += " --get"
	}
	for _, q := range c.query {
		lines = append(lines, "--data-urlencode "+shell(q[0]+"="+q[1]))
	}
	return strings.Join(append(lines, shell(c.url)), " \\\n  ") + "\n"
}

func (c call) python() string {
	var b strings.Builder
	b.WriteString("import json\nimport os\nimport urllib.parse\nimport urllib.request\n\n")
	fmt.Fprintf(&b, "url = %s\n", python(c.url))
	headers := fmt.Sprintf(`{"Authorization": "Bearer " + os.environ["%s"]}`, KeyVariable)
	request := "urllib.request.Request(url, headers=" + headers + ")"
	switch {
	case c.slots != nil:
		fmt.Fprintf(&b, "body = %s\n", python(c.json()))
		headers = strings.TrimSuffix(headers, "}") + `, "Content-Type": "application/json"}`
		request = "urllib.request.Request(url, data=body.encode(), headers=" + headers + ")"
	case len(c.query) > 0:
		b.WriteString("params = [\n")
		for _, q := range c.query {
			fmt.Fprintf(&b, "    (%s, %s),\n", python(q[0]), python(q[1]))
		}
		b.WriteString("]\nurl += \"?\" + urllib.parse.urlencode(params)\n")
	}
	fmt.Fprintf(&b, "request = %s\nwith urllib.request.urlopen(request) as response:\n    result = json.load(response)\n", request)
	b.WriteString("for row in result[\"data\"]:\n    print(json.dumps(row))\n")
	return b.String()
}

func (c call) javascript() string {
	var b strings.Builder
	b.WriteString("// Node 18 or newer; a browser must not hold the key.\n")
	fmt.Fprintf(&b, "const url = new URL(%s);\n", javascript(c.url))
	for _, q := range c.query {
		fmt.Fprintf(&b, "url.searchParams.append(%s, %s);\n", javascript(q[0]), javascript(q[1]))
	}
	header := fmt.Sprintf("Authorization: `Bearer ${process.env.%s}`", KeyVariable)
	if c.slots == nil {
		fmt.Fprintf(&b, "\nfetch(url, { headers: { %s } })\n", header)
	} else {
		fmt.Fprintf(&b, "const body = %s;\n\nfetch(url, { method: \"POST\", body, headers: { %s, \"Content-Type\": \"application/json\" } })\n", javascript(c.json()), header)
	}
	b.WriteString("  .then(async (response) => {\n" +
		"    if (!response.ok) throw new Error(await response.text());\n" +
		"    return response.json();\n  })\n" +
		"  .then((result) => {\n    for (const row of result.data) console.log(JSON.stringify(row));\n  });\n")
	return b.String()
}

// shell quotes text for a POSIX shell. No shell can hold a NUL byte.
func shell(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, "\x00", "\uFFFD"), "'", `'\''`) + "'"
}

// python quotes text as a Python string.
func python(text string) string {
	return quoted(text, func(r rune) string {
		switch {
		case r < 0x100:
			return fmt.Sprintf(`\x%02x`, r)
		case r < 0x10000:
			return fmt.Sprintf(`\u%04x`, r)
		}
		return fmt.Sprintf(`\U%08x`, r)
	})
}

// javascript quotes text as a JavaScript string.
func javascript(text string) string {
	return quoted(text, func(r rune) string { return fmt.Sprintf(`\u{%x}`, r) })
}

// quoted puts text in double quotes; what cannot be seen is escaped.
func quoted(text string, escape func(rune) string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == utf8.RuneError || !unicode.IsPrint(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
