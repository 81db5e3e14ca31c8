package auth_test

import (
	"net/http"
	"testing"

	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

func TestParseKindIsLenient(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]auth.Kind{
		"": auth.None, "None": auth.None, "NONE": auth.None, "API Key": auth.APIKey, "apiKey": auth.APIKey, "api_key": auth.APIKey, "apikey": auth.APIKey,
		"Bearer Token": auth.Bearer, "bearer": auth.Bearer, "bearer_token": auth.Bearer, "Basic Auth": auth.Basic, "basic": auth.Basic, "basicAuth": auth.Basic,
	} {
		if got, ok := auth.ParseKind(text); !ok || got != want {
			t.Errorf("ParseKind(%q) = %q, %v; want %q", text, got, ok, want)
		}
	}
	if _, ok := auth.ParseKind("Kerberos"); ok {
		t.Error("an unknown kind was accepted")
	}
}

func TestAKeyThatTheQueryAlreadyHoldsIsNotSentTwice(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequest("GET", "http://a/?k=server", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := auth.Credentials{Kind: auth.APIKey, APIKey: auth.Key{Name: "k", Value: secret.New("mine"), Location: auth.Query}}
	c.Apply(req)
	if req.URL.RawQuery != "k=server" {
		t.Errorf("query %q, want the link's own key only", req.URL.RawQuery)
	}
}
