package apitest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// raw sends a request line as it is: no client library tidies it.
func (w *world) raw(t *testing.T, line string, header ...string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", line, strings.Join(append(header, ""), "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func TestNoSpellingOfAPathAvoidsTheKey(t *testing.T) {
	t.Parallel()
	w := shared
	project := w.ids["project"]
	for _, c := range []struct {
		path    string
		withKey int
	}{
		{"/v1/projects/" + project, 200},
		{"/v1/projects/" + project + "/", 200},
		{"//v1//projects/" + project, 200},
		{"/v1/./projects/" + project, 200},
		{"/v1/x/../projects/" + project, 200},
		{"/healthz/../v1/projects/" + project, 200},
		{"/openapi.json/../v1/projects/" + project, 200},
		{"/api/infactory/v1/projects/" + project, 200},
		{"/api/infactory//v1/projects/" + project + "//", 200},
		{"/api//infactory/v1/projects/" + project, 200},
		{"/api/infactory/healthz/%2e%2e/v1/projects/" + project, 404},
		{"/healthz/%2e%2e/v1/projects/" + project, 404},
		{"/api/infactory/api/infactory/v1/projects/" + project, 404},
		{"/API/infactory/v1/projects/" + project, 404},
		{"/V1/projects/" + project, 404},
		{"/v1/Projects/" + project, 404},
		{"/v1/projects/" + strings.ToUpper(project), 404},
		{"/v1/projects/" + project + ";x", 404},
		{"/v1/projects/" + project + "%00", 404},
		{"/v1/projects/" + project + "%2flineage", 404},
		{"/v1%2fprojects/" + project, 404},
		{"/v1/projects/..%2f" + project, 404},
		{"/v1/projects/" + project[:35] + "%" + fmt.Sprintf("%02x", project[35]), 200},
		{"/v1/%70rojects/" + project, 404},
		{"/healthz%2f..%2fv1/projects/" + project, 404},
		{"http://other.example/v1/projects/" + project, 200},
	} {
		without := w.raw(t, "GET "+c.path)
		if without.status != 401 && without.status != 404 || strings.Contains(string(without.body), "First project") {
			t.Errorf("%s without a key: %s", c.path, without)
		}
		if got := w.raw(t, "GET "+c.path, "Authorization: Bearer "+w.owner.key); got.status != c.withKey {
			t.Errorf("%s: %s, want %d", c.path, got, c.withKey)
		}
		for name, p := range map[string]person{"colleague": w.colleague, "stranger": w.stranger} {
			if got := w.raw(t, "GET "+c.path, "Authorization: Bearer "+p.key); got.status != 404 {
				t.Errorf("%s as %s: %s, want 404", c.path, name, got)
			}
		}
	}
}

func TestNoHeaderChangesTheMethod(t *testing.T) {
	t.Parallel()
	w := shared
	for _, header := range []string{"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"} {
		got := w.raw(t, "GET /v1/projects/"+w.ids["project"], "Authorization: Bearer "+w.owner.key, header)
		if got.status != 200 || got.json().get("deleted_at").kind() != "null" {
			t.Errorf("%s: %s", header, got)
		}
		if got := w.raw(t, "GET /v1/projects/"+w.ids["project"], header); got.status != 401 {
			t.Errorf("%s without a key: %s", header, got)
		}
	}
}
