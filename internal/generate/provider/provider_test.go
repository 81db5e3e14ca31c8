package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/generate/provider"
	"millwright/internal/secret"
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func client(t *testing.T, answer http.HandlerFunc, change func(*provider.Config)) *provider.Client {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	c := provider.Config{URL: srv.URL + "/v1", Key: secret.New("sk-very-secret"), Model: "m", Allow: loopback(), Timeout: 2 * time.Second}
	if change != nil {
		change(&c)
	}
	p, err := provider.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": text}}}})
	}
}

func TestTheModelIsAskedAsItsAPIWants(t *testing.T) {
	t.Parallel()
	var got struct {
		Model    string
		Messages []struct{ Role, Content string }
	}
	var header http.Header
	var path string
	p := client(t, func(w http.ResponseWriter, r *http.Request) {
		header, path = r.Header.Clone(), r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		says("fine")(w, r)
	}, nil)
	text, err := p.Complete(t.Context(), "be brief", "hello")
	if err != nil || text != "fine" {
		t.Fatal(text, err)
	}
	if path != "/v1/chat/completions" || header.Get("Authorization") != "Bearer sk-very-secret" || got.Model != "m" || len(got.Messages) != 2 || got.Messages[1].Content != "hello" {
		t.Errorf("asked %s with %v: %+v", path, header, got)
	}
}

func TestWhatTheOtherSideDoesWrongIsUpstreamAndHoldsNoKey(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"500": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "sk-very-secret", http.StatusInternalServerError)
		},
		"401":          func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) },
		"not JSON":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sk-very-secret")) },
		"no choices":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"choices":[]}`)) },
		"says nothing": says("  "),
		"without end":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 300<<10))) },
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusFound)
		},
		"never answers": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice that the client left
			<-r.Context().Done()
		},
		"hangs up midway": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := client(t, answer, func(c *provider.Config) { c.Timeout = 500 * time.Millisecond })
			text, err := p.Complete(t.Context(), "i", "t")
			if errs.KindOf(err) != errs.Upstream {
				t.Errorf("got %q, %v", text, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
}

func TestAPrivateAddressIsRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	asked := false
	p := client(t, func(w http.ResponseWriter, r *http.Request) { asked = true; says("x")(w, r) }, func(c *provider.Config) { c.Allow = nil })
	if _, err := p.Complete(t.Context(), "i", "t"); err == nil || asked {
		t.Errorf("the loopback was reached: %v %v", asked, err)
	}
}

func TestOnlyAnAddressOfAnAPIIsTaken(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "ftp://x/v1", "api.example.com/v1", "https://", "https://user:pass@api.example.com/v1", "http://api.example.com/v1"} {
		if _, err := provider.New(provider.Config{URL: url, Key: secret.New("k")}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := provider.New(provider.Config{URL: "https://api.example.com/v1", Key: secret.New("k")}); err != nil {
		t.Error(err)
	}
}
