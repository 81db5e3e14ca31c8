package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/demo"
)

func TestGuideInPython(t *testing.T) {
	shop := upstream(t, demo.Server{Orders: 1500, Token: "shop-token-1"})
	s := start(t)
	cmd := exec.CommandContext(t.Context(), python(t), "../../examples/http_connection.py", shop+"/orders", "data.orders")
	cmd.Env = append(os.Environ(), "MILLWRIGHT_URL="+s.url, "MILLWRIGHT_API_KEY="+testKey, "SOURCE_TOKEN=shop-token-1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
	if text := string(out); !strings.Contains(text, "has 1500 rows") || strings.Count(text, " -> ") < 10 {
		t.Error("the example did not end with 1500 rows and at least 10 answered questions")
	}
}

func TestDemoOnce(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--once", "--addr", "127.0.0.1:0", "--data", t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	started := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	t.Logf("50,000 orders in %v\n%s%s", time.Since(started).Round(10*time.Millisecond), &stderr, &stdout)
	if !strings.Contains(stderr.String(), "orders: 50,000 rows, complete") {
		t.Error("the demo does not say that 50,000 rows are complete")
	}
}

func TestDemoDataEqualTheirSource(t *testing.T) {
	const total = 3000
	shop := upstream(t, demo.Server{Orders: total})
	s := start(t)
	d := s.land("Shop orders", map[string]any{"url": shop + "/orders?per_page=700", "method": "GET", "responsePathExtractor": "data.orders"})
	if d.TableName != "shop_orders" || d.Verdict.State != "complete" {
		t.Errorf("table %q, verdict %+v; want shop_orders, complete", d.TableName, d.Verdict)
	}
	orders := make([]demo.Order, total)
	for i := range orders {
		orders[i] = demo.OrderAt(i+1, total)
	}
	text, err := json.Marshal(orders)
	if err != nil {
		t.Fatal(err)
	}
	s.compare(d, text)
	if n := s.runAll(d); n < 10 {
		t.Errorf("%d programs, want about 12", n)
	}
	// A second run replaces the first: each record is there once.
	again := s.land("Shop orders", map[string]any{"url": shop + "/orders?per_page=1000", "method": "GET", "responsePathExtractor": "data.orders"})
	if again.Rows != total {
		t.Errorf("%d rows, want %d", again.Rows, total)
	}
}

// canaries are secrets of every kind that can be typed in. Each is long and odd
// enough to be found in whatever spelling it is written.
var canaries = map[string]string{
	"bearer":    "canary-bearer+/=7f3a91c4d2",
	"api key":   "canary-apikey%25 7f3a91c4d3",
	"query key": "canary-query&key=7f3a91c4d4",
	"password":  `canary-"pass"\wörd-7f3a91c4d5`,
	"header":    "canary-header-7f3a91c4d6",
	"cookie":    "canary-cookie-7f3a91c4d7",
	"url query": "canary-url-7f3a91c4d8",
	"meta":      "canary-metadata-7f3a91c4d9",
	"named":     "canary-named+/= ü7f3a91c4da",
}

func TestNoSecretIsStoredOrPrinted(t *testing.T) {
	var fail atomic.Bool
	rude := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// An API that repeats everything it was sent, and then fails.
		if fail.Load() {
			w.WriteHeader(http.StatusForbidden)
		}
		user, password, _ := r.BasicAuth()
		_ = json.NewEncoder(w).Encode(map[string]any{"rows": []map[string]any{{"id": 1}}, "you_sent": r.URL.String(), "headers": r.Header, "user": user + password})
	}))
	s := start(t)
	specs := []map[string]any{
		{"authType": "Bearer Token", "auth": map[string]any{"bearerToken": canaries["bearer"]}},
		{"authType": "API Key", "auth": map[string]any{"apiKey": map[string]any{"name": "X-Shop", "value": canaries["api key"], "location": "header"}}},
		{"authType": "API Key", "auth": map[string]any{"apiKey": map[string]any{"name": "api_key", "value": canaries["query key"], "location": "query"}}},
		{"authType": "API Key", "auth": map[string]any{"apiKey": map[string]any{"name": "sid", "value": canaries["cookie"], "location": "cookie"}}},
		{"authType": "Basic Auth", "auth": map[string]any{"basicAuth": map[string]any{"username": "ada", "password": canaries["password"]}}},
		{"headers": map[string]any{"X-Auth-Token": canaries["header"]}},
		{"url": rude + "/x?token=" + canaries["url query"]},
		// Neither name says that it is a secret.
		{"headers": map[string]any{"X-Shop": map[string]any{"secret": "CANARY"}}, "parameters": map[string]any{"q": map[string]any{"secret": "CANARY"}}},
		{"authType": "Bearer Token", "auth": map[string]any{"bearerToken": map[string]any{"secret": "CANARY"}}},
	}
	var answers bytes.Buffer
	var teams []struct{ ID string }
	s.call("GET", "/v1/teams", nil, &teams)
	for _, method := range []string{"POST", "PATCH", "GET"} {
		path := "/v1/secrets/" + teams[0].ID
		if method != "POST" {
			path += "/CANARY"
		}
		status, text := s.raw(method, path, map[string]any{"name": "CANARY", "value": canaries["named"]})
		if answers.Write(text); status != 200 {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	for _, broken := range []bool{false, true} {
		fail.Store(broken)
		for i, spec := range specs {
			full := map[string]any{"url": rude + "/x", "method": "GET", "responsePathExtractor": "rows"}
			for k, v := range spec {
				full[k] = v
			}
			_, text := s.raw("POST", "/v1/http/test-connection", full)
			answers.Write(text)
			datasource, jobs := s.connect(fmt.Sprint("secret ", i), full)
			config := map[string]any{"url": full["url"], "headers": full["headers"], "auth": full["auth"], "apiSecret": canaries["meta"]}
			_, text = s.raw("POST", "/v1/credentials", map[string]any{"name": "c", "type": "api", "datasource_id": datasource, "metadata": config, "config": config})
			answers.Write(text)
			for _, j := range jobs {
				if got := s.wait(j.ID); !broken && got.Status != "completed" {
					t.Fatalf("%+v %+v\n%s", got, got.Error, s.log)
				}
				for _, path := range []string{"/v1/jobs/" + j.ID, "/v1/jobs/history/" + j.ID} {
					_, text := s.raw("GET", path, nil)
					answers.Write(text)
				}
			}
			for _, path := range []string{"/with_datalines", "/lineage", ""} {
				_, text := s.raw("GET", "/v1/datasources/"+datasource+path, nil)
				answers.Write(text)
			}
		}
	}
	for _, path := range []string{"/v1/credentials", "/v1/secrets", "/v1/projects/" + s.project() + "/secrets"} {
		_, text := s.raw("GET", path, nil)
		answers.Write(text)
	}
	scanned := answers.Len() + len(s.log.String())
	look(t, "answers", answers.Bytes())
	look(t, "log", []byte(s.log.String()))
	scanned += lookInFiles(t, s.data)
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.log)
	}
	scanned += lookInFiles(t, s.data)
	t.Logf("%d bytes scanned for %d secrets in 9 spellings", scanned, len(canaries))
}

// lookInFiles looks for secrets in every file below dir, inside zstd files too,
// and returns how many bytes it read.
func lookInFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n += len(text)
		look(t, path, text)
		if strings.HasSuffix(path, ".zst") {
			r, err := zstd.NewReader(nil)
			if err != nil {
				return err
			}
			defer r.Close()
			if plain, err := r.DecodeAll(text, nil); err == nil {
				look(t, path, plain)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func look(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, secret := range canaries {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		spellings := []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`), hex.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte("ada:" + secret)), secret[len(secret)-10:],
		}
		for _, s := range spellings {
			if i := bytes.Index(text, []byte(s)); i >= 0 {
				t.Errorf("the secret %q is in %s as %q: …%q…", name, where, s, text[max(0, i-60):min(len(text), i+len(s)+20)])
			}
		}
	}
}
