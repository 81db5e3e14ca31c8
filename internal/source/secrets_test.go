package source_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/secret"
	"millwright/internal/source"
)

const bearerSpec = `{"url":"https://api.example.org/v1/orders?limit=5","method":"POST","headers":{"Accept":"application/json","X-Trace":"t1"},
	"authType":"Bearer Token","auth":{"bearerToken":"s3cr3t-bearer"},"body":{"type":"raw","contentType":"application/json","content":"{\"password\":\"s3cr3t-body\",\"q\":1}"},
	"responsePathExtractor":"items"}`

func TestSpecIsReadBackWholeAndShownWithoutSecrets(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	_, err := p.Spec(t.Context(), d.ID)
	wantKind(t, "before it is saved", err, errs.NotFound)
	_, err = p.PublicSpec(t.Context(), d.ID)
	wantKind(t, "before it is saved", err, errs.NotFound)
	want := parse(t, bearerSpec)
	if err := p.SaveSpec(t.Context(), d.ID, want); err != nil {
		t.Fatal(err)
	}
	got, err := p.Spec(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sealed(t, got), sealed(t, want)); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	public, err := p.PublicSpec(t.Context(), d.ID)
	if err != nil || strings.Contains(string(public), "s3cr3t") || strings.Count(string(public), secret.Hidden) != 2 {
		t.Errorf("got %s, %v, want both secrets hidden", public, err)
	}
	wantKind(t, "no such datasource", p.SaveSpec(t.Context(), "gone", want), errs.NotFound)
}

func sealed(t *testing.T, spec httpsource.Spec) string {
	t.Helper()
	b, err := spec.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlaceholderInASpecIsRefusedAndChangesNothing(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	before := parse(t, bearerSpec)
	if err := p.SaveSpec(t.Context(), d.ID, before); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, spec, pointer string }{
		{"bearer", `{"url":"https://e.org/","authType":"Bearer Token","auth":{"bearerToken":"REDACTED"}}`, "/auth/bearerToken"},
		{"API key", `{"url":"https://e.org/","authType":"API Key","auth":{"apiKey":{"name":"k","value":"REDACTED","location":"header"}}}`, "/auth/apiKey/value"},
		{"password", `{"url":"https://e.org/","authType":"Basic Auth","auth":{"basicAuth":{"username":"u","password":"REDACTED"}}}`, "/auth/basicAuth/password"},
		{"header", `{"url":"https://e.org/","headers":{"X-API-Key":"REDACTED"}}`, "/headers/X-API-Key"},
		{"header with a scheme", `{"url":"https://e.org/","headers":{"Authorization":"Bearer REDACTED"}}`, "/headers/Authorization"},
		{"parameter", `{"url":"https://e.org/","parameters":{"api_key":"REDACTED"}}`, "/parameters/api_key"},
		{"group", `{"url":"https://e.org/","parameterGroups":[{"required":true,"parameters":[{"key":"token","value":"REDACTED"}]}]}`, "/parameterGroups/0/parameters/0/value"},
		{"form", `{"url":"https://e.org/","method":"POST","body":{"type":"form-data","parameters":{"client_secret":"REDACTED"}}}`, "/body/parameters/client_secret"},
		{"raw body", `{"url":"https://e.org/","method":"POST","body":{"type":"raw","contentType":"application/json","content":"{\"a\":{\"password\":\"REDACTED\"}}"}}`, "/body/content"},
		{"URL", `{"url":"https://e.org/?api_key=REDACTED"}`, "/url"},
		{"digest", `{"url":"https://e.org/","authType":"Digest","auth":{"digestAuth":{"username":"u","password":"REDACTED"}}}`, "/auth/digestAuth/password"},
		{"client secret", `{"url":"https://e.org/","authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.org/","clientId":"c","clientSecret":"REDACTED"}}}`, "/auth/oauth2/clientSecret"},
		{"refresh token", `{"url":"https://e.org/","authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.org/","clientId":"c","refreshToken":"REDACTED"}}}`, "/auth/oauth2/refreshToken"},
		{"login form", `{"url":"https://e.org/","authType":"login","auth":{"sessionLogin":{"url":"https://l.org/","body":{"type":"json","parameters":{"password":"REDACTED"}}}}}`, "/auth/sessionLogin/body/parameters/password"},
		{"login body", `{"url":"https://e.org/","authType":"login","auth":{"sessionLogin":{"url":"https://l.org/","body":{"content":{"password":"REDACTED"}}}}}`, "/auth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRefused(t, "SaveSpec", p.SaveSpec(t.Context(), d.ID, parse(t, c.spec)), c.pointer)
			after, err := p.Spec(t.Context(), d.ID)
			if err != nil || sealed(t, after) != sealed(t, before) {
				t.Errorf("the stored request changed: %v", err)
			}
		})
	}
	harmless := `{"url":"https://e.org/","parameters":{"status":"REDACTED"}}`
	if err := p.SaveSpec(t.Context(), d.ID, parse(t, harmless)); err != nil {
		t.Errorf("a harmless parameter of that value: %v", err)
	}
}

func TestEditKeepsSecretsOnlyForTheirOrigin(t *testing.T) {
	for _, c := range []struct {
		name, edit string
		keeps      bool // the stored bearer token
	}{
		{"another path", `{"url":"https://api.example.org/v2"}`, true},
		{"the same origin spelled otherwise", `{"url":"HTTPS://API.example.org.:443/v2"}`, true},
		{"no URL", `{"response_path_extractor":"data"}`, true},
		{"the same kind of authentication", `{"auth_type":"bearer"}`, true},
		{"another host", `{"url":"https://evil.example/v1"}`, false},
		{"a subdomain", `{"url":"https://x.api.example.org/"}`, false},
		{"another port", `{"url":"https://api.example.org:8443/"}`, false},
		{"another scheme", `{"url":"http://api.example.org/"}`, false},
		{"userinfo that looks like the host", `{"url":"https://api.example.org@evil.example/"}`, false},
		{"no authentication", `{"authType":"None"}`, false},
		{"another kind of authentication", `{"authType":"Basic Auth","auth":{"basicAuth":{"username":"u","password":"p"}}}`, false},
		{"authentication removed", `{"authType":null,"auth":null}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			d := p.create(t, "p1", "x")
			if err := p.SaveSpec(t.Context(), d.ID, parse(t, bearerSpec)); err != nil {
				t.Fatal(err)
			}
			if _, err := p.EditSpec(t.Context(), d.ID, json.RawMessage(c.edit)); err != nil {
				t.Fatal(err)
			}
			got, err := p.Spec(t.Context(), d.ID)
			if err != nil {
				t.Fatal(err)
			}
			if kept := got.Auth.Bearer.Reveal() == "s3cr3t-bearer"; kept != c.keeps {
				t.Errorf("bearer token kept: got %v, want %v", kept, c.keeps)
			}
			if got.Origin() != parse(t, bearerSpec).Origin() && strings.Contains(sealed(t, got), "s3cr3t") {
				t.Error("a secret went along to another origin")
			}
			if got.Method != "POST" {
				t.Errorf("got method %s, want the stored one kept", got.Method)
			}
		})
	}
}

func TestEditKeepsACertificateOnlyForItsOrigin(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := json.Marshal(map[string]string{"cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}))})
	if err != nil {
		t.Fatal(err)
	}
	for url, keeps := range map[string]bool{"https://api.example.org/v2": true, "https://evil.example/": false} {
		p := newPlace(t)
		d := p.create(t, "p1", "x")
		if err := p.SaveSpec(t.Context(), d.ID, parse(t, `{"url":"https://api.example.org/","authType":"mTLS","options":{"rate":2,"tls":`+string(pair)+`}}`)); err != nil {
			t.Fatal(err)
		}
		got, err := p.EditSpec(t.Context(), d.ID, json.RawMessage(`{"url":"`+url+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if kept := got.Options.TLS.Cert != "" || !got.Options.TLS.Key.Empty(); kept != keeps || got.Options.Rate != 2 {
			t.Errorf("%s: certificate kept: %v, rate %v; want %v, 2", url, kept, got.Options.Rate, keeps)
		}
	}
}

func TestEditIsRefused(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	_, err := p.EditSpec(t.Context(), d.ID, json.RawMessage(`{"method":"GET"}`))
	wantKind(t, "without a stored request", err, errs.NotFound)
	if err := p.SaveSpec(t.Context(), d.ID, parse(t, bearerSpec)); err != nil {
		t.Fatal(err)
	}
	_, err = p.EditSpec(t.Context(), d.ID, json.RawMessage(`{"url":"https://evil.example/","authType":"Bearer Token","auth":{"bearerToken":"REDACTED"}}`))
	wantRefused(t, "another URL with the placeholder", err, "/auth/bearerToken")
	for _, edit := range []string{`[]`, `null`, `{`, `{"url":null}`, `{"url":"ftp://x"}`, `{"url":"https://api.example.org/","Url":"https://evil.example/"}`} {
		_, err := p.EditSpec(t.Context(), d.ID, json.RawMessage(edit))
		if err == nil {
			got, _ := p.Spec(t.Context(), d.ID)
			if got.Origin() == "https://api.example.org:443" {
				continue // two URLs, and the checked one won
			}
		}
		wantKind(t, edit, err, errs.Invalid)
	}
	got, err := p.Spec(t.Context(), d.ID)
	if err != nil || got.Origin() != "https://api.example.org:443" {
		t.Errorf("after the refusals: got %s, %v", got.Origin(), err)
	}
}

const guideConfig = `{"url":"https://api.example.org/v1?page=1&api_key=s3cr3t-query","method":"GET","headers":{"Accept":"text/csv","X-Custom":"s3cr3t-header"},
	"auth":{"apiKey":{"name":"X-API-Key","value":"s3cr3t-key","location":"header"}},"authType":"API Key","note":"key is s3cr3t-key","n":12345678901234567890}`

func TestCredentialIsMaskedOnRead(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	c, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "Credentials for x", Type: "api", OrganizationID: "o1",
		DatasourceID: d.ID, Metadata: []byte(guideConfig), Config: []byte(guideConfig)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"url": "https://api.example.org/v1?page=REDACTED&api_key=REDACTED", "method": "GET", "authType": "API Key",
		"headers": map[string]any{"Accept": "REDACTED", "X-Custom": "REDACTED"},
		"auth":    map[string]any{"apiKey": map[string]any{"name": "X-API-Key", "value": "REDACTED", "location": "header"}},
		"note":    "key is REDACTED", "n": json.Number("12345678901234567890"),
	}
	got, err := p.Credential(t.Context(), p.mine, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, c); diff != "" {
		t.Errorf("(-got +created):\n%s", diff)
	}
	for name, half := range map[string]json.RawMessage{"metadata": got.Metadata, "config": got.Config} {
		dec := json.NewDecoder(strings.NewReader(string(half)))
		dec.UseNumber()
		var shown map[string]any
		if err := dec.Decode(&shown); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shown, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	if got.Origin != "https://api.example.org:443" || got.OrganizationID != "o1" || got.DatasourceID != d.ID {
		t.Errorf("got %+v", got)
	}
}

func TestMaskHidesSecretsWhereverTheyStand(t *testing.T) {
	p := newPlace(t)
	for _, config := range []string{
		`{"password":"s3cr3t"}`, `{"aws":{"secretAccessKey":"s3cr3t","region":"eu"}}`, `{"deep":[{"tokens":["s3cr3t",{"x":"s3cr3t"}]}]}`,
		`{"headers":"{\"Authorization\":\"s3cr3t\"}"}`, `{"headers":[{"name":"X","value":"s3cr3t"}]}`, `{"headers":{"name":"s3cr3t","value":"s3cr3t"}}`,
		`{"parameters":{"key":"s3cr3t","value":"1"}}`, `{"parameters":{"q":{"value":"s3cr3t","required":true}}}`, `{"auth":"s3cr3t"}`,
		`{"auth":{"basicAuth":{"username":"s3cr3t","password":"s3cr3t"}}}`, `{"api_key":{"name":"k","value":"s3cr3t"}}`, `{"api_key":{"key":"k","value":"s3cr3t"}}`,
		`{"uri":"postgres://user:s3cr3t@db/x"}`, `{"webhook":"https://h.example/?sig=s3cr3t"}`, `{"connection_string":"Host=x;Password=s3cr3t"}`,
		`{"body":{"type":"raw","content":"s3cr3t"}}`, `{"cookies":{"sid":"s3cr3t"}}`, `{"token":"s3cr3t","copy":"x s3cr3t y","b64":"czNjcjN0"}`, `{"authType":"s3cr3t"}`,
	} {
		c, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Config: json.RawMessage(config)})
		if err != nil {
			t.Fatal(err)
		}
		if text := string(c.Config); strings.Contains(text, "s3cr3t") || strings.Contains(text, "czNjcjN0") {
			t.Errorf("%s is shown as %s", config, text)
		}
	}
}

func TestCredentialIsBoundToItsOrigin(t *testing.T) {
	p := newPlace(t)
	c, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Config: []byte(guideConfig), Metadata: []byte(guideConfig)})
	if err != nil {
		t.Fatal(err)
	}
	metadata, config, err := p.RevealCredential(t.Context(), p.mine, c.ID, "https://api.example.org:443")
	if err != nil || string(config) != guideConfig || string(metadata) != guideConfig {
		t.Errorf("for its own origin: got %s, %v", config, err)
	}
	for _, origin := range []string{"", "https://evil.example:443", "http://api.example.org:443", "https://api.example.org:8443"} {
		_, config, err := p.RevealCredential(t.Context(), p.mine, c.ID, origin)
		wantKind(t, "for "+origin, err, errs.Denied)
		if config != nil {
			t.Errorf("%s: got %s", origin, config)
		}
	}
	unbound, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "aws", Config: []byte(`{"secret":"s"}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.RevealCredential(t.Context(), p.mine, unbound.ID, "")
	wantKind(t, "one that names no URL", err, errs.Denied)
}

func TestCredentialUpdate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change source.CredentialChange
		keeps  bool // the secrets in the metadata, which no change here replaces
	}{
		{"a name only", source.CredentialChange{Name: ptr("new")}, true},
		{"config for the same origin", source.CredentialChange{Config: []byte(`{"url":"https://API.example.org/other"}`)}, true},
		{"config for another origin", source.CredentialChange{Config: []byte(`{"url":"https://evil.example/"}`)}, false},
		{"config without a URL", source.CredentialChange{Config: []byte(`{"a":1}`)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			made, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Config: []byte(guideConfig), Metadata: []byte(guideConfig)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.UpdateCredential(t.Context(), p.mine, made.ID, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if kept := len(got.Metadata) > 2; kept != c.keeps {
				t.Errorf("metadata kept: got %v, want %v", kept, c.keeps)
			}
			if c.keeps != (got.Origin == made.Origin) {
				t.Errorf("got origin %q", got.Origin)
			}
			again, err := p.Credential(t.Context(), p.mine, made.ID)
			if diff := cmp.Diff(again, got); diff != "" || err != nil {
				t.Errorf("%v (-stored +returned):\n%s", err, diff)
			}
		})
	}
}

func ptr(s string) *string { return &s }

func TestPlaceholderInACredentialIsRefused(t *testing.T) {
	p := newPlace(t)
	made, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Config: []byte(guideConfig)})
	if err != nil {
		t.Fatal(err)
	}
	// The attack: read, change only the URL, send the placeholders back.
	moved := strings.Replace(string(made.Config), "api.example.org", "evil.example", 1)
	for _, config := range []string{string(made.Config), moved} {
		_, err := p.UpdateCredential(t.Context(), p.mine, made.ID, source.CredentialChange{Config: json.RawMessage(config)})
		wantRefused(t, "what was read, sent back", err, "/config/auth/apiKey/value")
	}
	_, err = p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Metadata: []byte(`{"headers":{"a/b":"REDACTED"}}`)})
	wantRefused(t, "in metadata", err, "/metadata/headers/a~1b")
	_, config, err := p.RevealCredential(t.Context(), p.mine, made.ID, made.Origin)
	if err != nil || string(config) != guideConfig {
		t.Errorf("after the refusals: got %s, %v", config, err)
	}
}

func TestCredentialsAreFound(t *testing.T) {
	p := newPlace(t)
	one, two := p.create(t, "p1", "one"), p.create(t, "p2", "two")
	add := func(name string, c source.Credential) source.Credential {
		t.Helper()
		c.Name = name
		made, err := p.CreateCredential(t.Context(), p.mine, c)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	add("made for one", source.Credential{DatasourceID: one.ID})
	used := add("used by two", source.Credential{TeamID: "b", InfrastructureID: "i"})
	add("everybody's", source.Credential{OrganizationID: "o1"})
	if _, err := p.Update(t.Context(), p.mine, two.ID, source.Change{CredentialsID: &used.ID}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		filter     source.CredentialFilter
		teams      []string
	}{
		{"all", "made for one, used by two, everybody's", source.CredentialFilter{}, p.mine},
		{"another team of the organisation", "made for one, everybody's", source.CredentialFilter{}, []string{"a"}},
		{"another organisation", "", source.CredentialFilter{}, []string{"c"}},
		{"by project", "used by two", source.CredentialFilter{ProjectID: "p2"}, p.mine},
		{"by datasource", "made for one", source.CredentialFilter{DatasourceID: one.ID}, p.mine},
		{"by team", "used by two", source.CredentialFilter{TeamID: "b"}, p.mine},
		{"by infrastructure", "used by two", source.CredentialFilter{InfrastructureID: "i"}, p.mine},
		{"by organisation", "", source.CredentialFilter{OrganizationID: "o2"}, p.mine},
	} {
		all, err := p.Credentials(t.Context(), c.teams, c.filter)
		var names []string
		for _, one := range all {
			names = append(names, one.Name)
		}
		if got := strings.Join(names, ", "); got != c.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	if _, err := p.DeleteCredential(t.Context(), p.mine, used.ID); err != nil {
		t.Fatal(err)
	}
	if d, err := p.Get(t.Context(), p.mine, two.ID); err != nil || d.CredentialsID != "" {
		t.Errorf("got %q, %v, want the user of a deleted credential to have none", d.CredentialsID, err)
	}
}
