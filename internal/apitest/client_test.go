package apitest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A client asks the server. With a test, a failure ends it; without one, the
// first failure is kept in err.
type client struct {
	t   *testing.T
	url string
	key string
	err error
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// stable is the body without what differs between two equal answers.
func (a answer) stable() string {
	p := a.json()
	if m, ok := p.value.(map[string]any); ok && m["request_id"] != nil {
		m["request_id"] = "…"
	}
	return p.String()
}

func (a answer) json() node {
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return node{fmt.Sprintf("not JSON: %s", a.body)}
	}
	return node{v}
}

func (c *client) fail(format string, args ...any) {
	if c.t != nil {
		c.t.Helper()
		c.t.Fatalf(format, args...)
	}
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// send makes a request. A body that is not text is sent as JSON. Headers come in
// pairs; an empty value leaves one out.
func (c *client) send(method, path string, body any, header ...string) answer {
	var payload io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			c.fail("%v", err)
			return answer{}
		}
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, c.url+path, payload)
	if err != nil {
		c.fail("%v", err)
		return answer{}
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	// A stream that does not end fails here, with a name, and not at go test's limit.
	resp, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		c.fail("%s %s: %v", method, path, err)
		return answer{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.fail("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, text}
}

// object makes a request that must succeed and returns the JSON.
func (c *client) object(method, path string, body any) node {
	if c.t != nil {
		c.t.Helper()
	}
	a := c.send(method, path, body)
	if a.status != 200 {
		c.fail("%s %s: %s", method, path, a)
	}
	return a.json()
}

// follow waits for the end of a job and returns it.
func (c *client) follow(id string) node {
	if a := c.send("GET", "/v1/jobs/subscribe/"+id, nil); a.status != 200 {
		c.fail("subscribe: %s", a)
	}
	return c.object("GET", "/v1/jobs/"+id, nil)
}

// A node is a place in JSON. Asking for what is not there gives null.
type node struct{ value any }

func (n node) get(path ...string) node {
	for _, name := range path {
		m, _ := n.value.(map[string]any)
		n = node{m[name]}
	}
	return n
}

func (n node) has(name string) bool {
	m, _ := n.value.(map[string]any)
	_, ok := m[name]
	return ok
}

func (n node) at(i int) node {
	if l, ok := n.value.([]any); ok && i < len(l) {
		return node{l[i]}
	}
	return node{}
}

func (n node) list() []node {
	l, _ := n.value.([]any)
	all := make([]node, len(l))
	for i, v := range l {
		all[i] = node{v}
	}
	return all
}

func (n node) string() string {
	s, _ := n.value.(string)
	return s
}

func (n node) text(path ...string) string { return n.get(path...).string() }

func (n node) number() float64 {
	v, _ := n.value.(json.Number)
	f, _ := v.Float64()
	return f
}

// kind names the JSON type.
func (n node) kind() string {
	switch n.value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

func (n node) String() string {
	text, err := json.Marshal(n.value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
