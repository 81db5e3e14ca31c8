package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const registryConfig = `
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}}
auth: {htpasswd: {realm: shop, path: %q}}
http: {addr: "127.0.0.1:%d", relativeurls: true}
`

// registryUser is ada with the password "w0rd 1815", hashed by bcrypt.
const registryUser = "ada:$2b$05$abcdefghijklmnopqrstuuHy45tnzrS1E5U7.5YYpQCWBW1/pN5.6\n"

// startRegistry runs a registry of container images and returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	config, users := filepath.Join(dir, "config.yml"), filepath.Join(dir, "users")
	for path, text := range map[string]string{config: fmt.Sprintf(registryConfig, filepath.Join(dir, "images"), users, port), users: registryUser} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	raise(t, exec.Command(program(t, "docker-registry", "registry"), "serve", config), func() error {
		status, _, err := send(t, "GET", base+"/v2/", nil, registryLogin()...)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/v2/: %d", status)
		}
		return err
	})
	return base
}

func registryLogin(headers ...string) []string {
	return append(headers, "Authorization", "Basic "+b64("ada:w0rd 1815"))
}

// push uploads an image without layers under each of the tags.
func push(t *testing.T, base, repository string, tags ...string) {
	t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(config))
	r, err := http.NewRequestWithContext(t.Context(), "POST", base+"/v2/"+repository+"/blobs/uploads/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", registryLogin()[1])
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	place, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	query := place.Query()
	query.Set("digest", digest)
	place.RawQuery = query.Encode()
	ask(t, "PUT", place.String(), config, nil, registryLogin("Content-Type", "application/octet-stream")...)
	const kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%d,"digest":%q},"layers":[]}`,
		kind, len(config), digest)
	for _, tag := range tags {
		ask(t, "PUT", base+"/v2/"+repository+"/manifests/"+tag, bytes.Clone(manifest), nil, registryLogin("Content-Type", kind)...)
	}
}

func TestRealRegistryCatalogIsPagedByLinkHeaders(t *testing.T) {
	const repositories, page = 250, 40
	base := startRegistry(t)
	var names, tags []string
	for n := range repositories {
		names = append(names, fmt.Sprintf("team-%d/app_%03d", n%4, n))
		push(t, base, names[n], "latest")
	}
	for n := range 130 {
		tags = append(tags, fmt.Sprintf("v1.%d.0-rc.%d", n, n*n))
	}
	push(t, base, names[0], tags...)
	tags = append(tags, "latest")

	s := start(t)
	spec := func(path, records string) map[string]any {
		return map[string]any{"url": base + path, "method": "GET", "responsePathExtractor": records, "authType": "Basic Auth",
			"auth": map[string]any{"basicAuth": map[string]any{"username": "ada", "password": "w0rd 1815"}}}
	}
	var whole struct{ Repositories []string }
	ask(t, "GET", base+"/v2/_catalog?n=1000", nil, &whole, registryLogin()...)
	if slices.Sort(names); !slices.Equal(whole.Repositories, names) {
		t.Fatalf("the registry lists %d repositories, want the %d that were pushed", len(whole.Repositories), len(names))
	}
	catalog := spec("/v2/_catalog?n="+strconv.Itoa(page), "repositories")
	s.finds("catalog", catalog, finding{path: "repositories", shape: "rows", paging: "link_header", proof: "Link header with rel=next"})
	s.lands("catalog", catalog, asValues(t, whole.Repositories), "complete", "no-next-link", 7)

	var one struct{ Tags []string }
	ask(t, "GET", base+"/v2/"+names[0]+"/tags/list", nil, &one, registryLogin()...)
	if slices.Sort(tags); !slices.Equal(slices.Sorted(slices.Values(one.Tags)), tags) {
		t.Fatalf("the registry lists %d tags, want the %d that were pushed", len(one.Tags), len(tags))
	}
	list := spec("/v2/"+names[0]+"/tags/list", "tags")
	s.finds("tags", list, finding{path: "tags", shape: "rows", paging: "none"})
	s.lands("tags", list, asValues(t, one.Tags), "complete_unverified", "one-answer", 1)

	// The registry says what it wants, and the test passes it on.
	stranger := spec("/v2/_catalog", "")
	delete(stranger, "authType")
	delete(stranger, "auth")
	got := s.try(stranger)
	if got.Success || got.Status != http.StatusUnauthorized || !strings.Contains(strings.Join(got.Suggestions, "\n"), "Basic Auth") {
		t.Errorf("without a login: %d %v, want 401 and the suggestion to log in", got.Status, got.Suggestions)
	}
}

// asValues are scalars as the rows that they become.
func asValues(t *testing.T, list []string) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for _, v := range list {
		text, err := json.Marshal(map[string]string{"value": v})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}
