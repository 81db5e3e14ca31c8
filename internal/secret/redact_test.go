package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"millwright/internal/secret"
)

func TestRedactHidesAValueInEverySpelling(t *testing.T) {
	t.Parallel()
	value := `p@ss "w\rd"/+%41&é<9>`
	quoted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(string(quoted))
	if err != nil {
		t.Fatal(err)
	}
	spellings := map[string]string{
		"plain":               value,
		"query":               url.QueryEscape(value),
		"path":                url.PathEscape(value),
		"query in lower case": strings.ToLower(url.QueryEscape(value)),
		"query twice":         url.QueryEscape(url.QueryEscape(value)),
		"json":                string(quoted[1 : len(quoted)-1]),
		"json in json":        string(twice[3 : len(twice)-3]),
		"go":                  strings.Trim(fmt.Sprintf("%q", value), `"`),
		"html":                html.EscapeString(value),
		"base64":              base64.StdEncoding.EncodeToString([]byte(value)),
		"base64 url":          base64.RawURLEncoding.EncodeToString([]byte(value)),
		"base64 inside basic": base64.StdEncoding.EncodeToString([]byte("alice:" + value + "!")),
		"base64 shifted one":  base64.StdEncoding.EncodeToString([]byte("x" + value + "yy")),
		"base64 shifted two":  base64.StdEncoding.EncodeToString([]byte("xx" + value)),
		"hex":                 hex.EncodeToString([]byte(value)),
	}
	r := secret.NewRedactor(secret.New(value))
	for name, text := range spellings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := r.Redact("before " + text + " after")
			if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("Redact changed the text around the value: %q", got)
			}
			if !strings.Contains(got, secret.Hidden) || strings.Contains(got, text) {
				t.Errorf("Redact(%q) = %q, still spells the value", text, got)
			}
		})
	}
}

func TestRedactLeavesOtherTextAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ value, text, want string }{
		"a short value inside a word": {"cat", "category: the cat sat", "category: the REDACTED sat"},
		"a two-letter value":          {"ab", "ab cab", "ab cab"},
		"no value":                    {"", "text", "text"},
		"a near miss":                 {"abcdefgh", "abcdefgi", "abcdefgi"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := secret.NewRedactor(secret.New(c.value)).Redact(c.text); got != c.want {
				t.Errorf("Redact(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestLooksSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "X-API-Key", "x_api_key", "apikey", "apiKey", "APIKey", "api-key", "key", "Ocp-Apim-Subscription-Key",
		"access_token", "accessToken", "token", "client_secret", "password", "passwd", "Cookie", "Set-Cookie", "sig", "signature", "X-Auth", "auth", "oauth_nonce", "sessionId", "X-Amz-Signature", "_authorization",
	} {
		if !secret.LooksSecret(name) {
			t.Errorf("LooksSecret(%q) = false, want true", name)
		}
	}
	for _, name := range []string{"Accept", "author", "keyword", "page", "limit", "monkeys", "User-Agent", "Content-Type", "signal", "design", "passenger", "tok", ""} {
		if secret.LooksSecret(name) {
			t.Errorf("LooksSecret(%q) = true, want false", name)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("hunter22", "x=hunter22&y=%68unter22")
	f.Add(`a\b%`, `a\\b%25`)
	f.Fuzz(func(t *testing.T, value, text string) {
		if len(value) < 6 {
			return
		}
		got := secret.NewRedactor(secret.New(value)).Redact(text + value + text)
		if strings.Contains(got, value) && !strings.Contains(secret.Hidden+text+secret.Hidden, value) {
			t.Errorf("Redact left %q in %q", value, got)
		}
	})
}
