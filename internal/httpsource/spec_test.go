package httpsource_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

func TestParseSpecRefuses(t *testing.T) {
	t.Parallel()
	const ok = `"url":"https://a.example/x","method":"GET"`
	cases := []struct{ rule, in, typ, pointer string }{
		{"no url", `{"method":"GET"}`, "url-missing", "/url"},
		{"an empty url", `{"url":" ","method":"GET"}`, "url-missing", "/url"},
		{"no method", `{"url":"https://a.example"}`, "method-missing", "/method"},
		{"an unknown method", `{"url":"https://a.example","method":"TRACE"}`, "method-unknown", "/method"},
		{"a scheme that cannot be fetched", `{"url":"file:///etc/passwd","method":"GET"}`, "scheme-not-supported", "/url"},
		{"no scheme", `{"url":"a.example/x","method":"GET"}`, "url-invalid", "/url"},
		{"no host", `{"url":"http:///x","method":"GET"}`, "url-invalid", "/url"},
		{"a host of a port only", `{"url":"http://:8080/","method":"GET"}`, "url-invalid", "/url"},
		{"a port that does not exist", `{"url":"http://a:99999/","method":"GET"}`, "url-invalid", "/url"},
		{"a line break in the url", `{"url":"http://a/\r\nX: y","method":"GET"}`, "url-invalid", "/url"},
		{"no object", `[1]`, "wrong-type", ""},
		{"no JSON", `{"url"`, "bad-json", "/url"},
		{"an unknown auth type", `{` + ok + `,"authType":"Kerberos"}`, "auth-type-unknown", "/authType"},
		{"an unknown auth type in snake case", `{` + ok + `,"auth_type":"Kerberos"}`, "auth-type-unknown", "/auth_type"},
		{"an API key without a name", `{` + ok + `,"authType":"API Key","auth":{"apiKey":{"value":"v","location":"header"}}}`, "api-key-without-name", "/auth/apiKey/name"},
		{"an API key without a name in snake case", `{` + ok + `,"auth_type":"api_key","auth":{"api_key":{"name":" ","value":"v"}}}`, "api-key-without-name", "/auth/api_key/name"},
		{"an API key without a value", `{` + ok + `,"authType":"API Key","auth":{"apiKey":{"name":"k"}}}`, "api-key-missing", "/auth/apiKey/value"},
		{"an API key without details", `{` + ok + `,"authType":"API Key","auth":{}}`, "api-key-missing", "/auth/apiKey"},
		{"an API key in a bad place", `{` + ok + `,"authType":"API Key","auth":{"apiKey":{"name":"k","value":"v","location":"body"}}}`, "api-key-location", "/auth/apiKey/location"},
		{"a bearer token without a token", `{` + ok + `,"authType":"Bearer Token"}`, "bearer-token-missing", "/auth/bearerToken"},
		{"a login without a name", `{` + ok + `,"authType":"Basic Auth","auth":{"basicAuth":{}}}`, "basic-auth-missing", "/auth/basicAuth/username"},
		{"a login by digest without a name", `{` + ok + `,"authType":"Digest","auth":{"digestAuth":{}}}`, "digest-auth-missing", "/auth/digestAuth/username"},
		{"OAuth without an address", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"clientId":"c","clientSecret":"s"}}}`, "url-missing", "/auth/oauth2/tokenUrl"},
		{"OAuth without details", `{` + ok + `,"authType":"OAuth2"}`, "url-missing", "/auth/oauth2/tokenUrl"},
		{"OAuth with an address of another scheme", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"token_url":"file:///etc/passwd"}}}`, "scheme-not-supported", "/auth/oauth2/token_url"},
		{"OAuth without a client", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.example","clientSecret":"s"}}}`, "oauth-client-missing", "/auth/oauth2/clientId"},
		{"OAuth without a secret", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.example","clientId":"c"}}}`, "oauth-client-missing", "/auth/oauth2/clientSecret"},
		{"OAuth by a grant that needs a browser", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.example","clientId":"c","clientSecret":"s","grantType":"authorization_code"}}}`, "oauth-grant-unknown", "/auth/oauth2/grantType"},
		{"OAuth by a refresh token without one", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.example","clientId":"c","clientSecret":"s","grantType":"refresh_token"}}}`, "oauth-token-missing", "/auth/oauth2/refreshToken"},
		{"OAuth with a field twice", `{` + ok + `,"authType":"OAuth2","auth":{"oauth2":{"tokenUrl":"https://t.example","clientId":"c","clientSecret":"s","params":{"scope":"x"}}}}`, "oauth-param-reserved", "/auth/oauth2/params/scope"},
		{"a session without a login", `{` + ok + `,"authType":"Session Login","auth":{}}`, "login-missing", "/auth/sessionLogin"},
		{"a session without an address", `{` + ok + `,"authType":"Session Login","auth":{"sessionLogin":{"method":"POST"}}}`, "url-missing", "/auth/sessionLogin/url"},
		{"a session with a token nowhere", `{` + ok + `,"authType":"Session Login","auth":{"sessionLogin":{"url":"https://l.example","token":{"in":"header"}}}}`, "login-token-unknown", "/auth/sessionLogin/token/path"},
		{"a session with a line break in a header", `{` + ok + `,"authType":"Session Login","auth":{"sessionLogin":{"url":"https://l.example","headers":{"X":"a\nb"}}}}`, "header-invalid", "/auth/sessionLogin/headers/X"},
		{"a reference without a name", `{` + ok + `,"authType":"bearer","auth":{"bearerToken":{"secret":""}}}`, "wrong-type", "/auth/bearerToken"},
		{"both safe and unsafe", `{` + ok + `,"options":{"retry":{"safe":true,"unsafe":true}}}`, "option-invalid", "/options/retry"},
		{"too many pages at once", `{` + ok + `,"options":{"parallel":1000}}`, "option-invalid", "/options/parallel"},
		{"a last row without a place", `{` + ok + `,"options":{"pagination":{"kind":"last_row","param":"after"}}}`, "pagination-invalid", "/options/pagination"},
		{"a line break in a token", `{` + ok + `,"authType":"bearer","auth":{"bearerToken":"a\r\nX: y"}}`, "header-invalid", "/auth/bearerToken"},
		{"a line break in a header", `{` + ok + `,"headers":{"X":"a\nb"}}`, "header-invalid", "/headers/X"},
		{"a header name with a space", `{` + ok + `,"headers":{"X Y":"a"}}`, "header-invalid", "/headers/X Y"},
		{"a header that is an object", `{` + ok + `,"headers":{"X":{}}}`, "wrong-type", "/headers/X"},
		{"a header twice", `{` + ok + `,"headers":{"accept":"a","Accept":"b"}}`, "header-invalid", "/headers/Accept"},
		{"a required parameter without a value", `{` + ok + `,"parameters":{"q":{"value":"","required":true}}}`, "parameter-required", "/parameters/q"},
		{"a required parameter of null", `{` + ok + `,"parameters":{"a/b":{"value":null,"required":true}}}`, "parameter-required", "/parameters/a~1b"},
		{"a required group without a value", `{` + ok + `,"parameterGroups":[{"required":true,"parameters":[{"key":"a","value":""}]}]}`, "parameter-required", "/parameterGroups/0"},
		{"a body with GET", `{` + ok + `,"body":{"type":"raw","content":"x"}}`, "body-not-allowed", "/body"},
		{"an unknown body type", `{"url":"http://a","method":"POST","body":{"type":"graphql"}}`, "body-type-unknown", "/body/type"},
		{"a response path that cannot be read", `{` + ok + `,"responsePathExtractor":"$.a["}`, "path-invalid", "/responsePathExtractor"},
		{"an unknown option", `{` + ok + `,"options":{"limit":{}}}`, "option-unknown", "/options/limit"},
		{"an unknown limit", `{` + ok + `,"options":{"limits":{"page":1}}}`, "option-unknown", "/options/limits/page"},
		{"an unknown kind of paging", `{` + ok + `,"options":{"pagination":"magic"}}`, "pagination-unknown", "/options/pagination"},
		{"a cursor without a place", `{` + ok + `,"options":{"pagination":{"kind":"cursor"}}}`, "pagination-invalid", "/options/pagination"},
		{"a rate of zero", `{` + ok + `,"options":{"rate":0}}`, "option-invalid", "/options/rate"},
		{"a negative limit", `{` + ok + `,"options":{"limits":{"pages":-1}}}`, "option-invalid", "/options/limits/pages"},
		{"the same field twice", `{"url":"http://a","url":"http://b","method":"GET"}`, "bad-json", "/url"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			_, err := httpsource.ParseSpec([]byte(c.in))
			e, ok := errs.Find(err)
			if !ok {
				t.Fatalf("error %v, want one of type %s", err, c.typ)
			}
			pointer := ""
			if len(e.Fields) > 0 {
				pointer = e.Fields[0].Pointer
			}
			if e.Kind != errs.Invalid || e.Type != c.typ || pointer != c.pointer {
				t.Errorf("%s %s at %q: %v; want %s at %q", e.Kind, e.Type, pointer, e, c.typ, c.pointer)
			}
		})
	}
}

const full = `{
 "url":"https://user:hunter2-pass@api.example.com/v1/items?fixed=a%2Fb&api_key=urlsecret-1",
 "method":"post",
 "headers":{"_accept":"application/json","X-Api-Key":"headersecret-2","X-Trace":"on"},
 "parameters":{"startDate":"2024-01-01","limit":100,"ratio":1.50,"big":9007199254740993,"flag":true,"access_token":{"value":"paramsecret-3","required":true},"opt":{"value":""},"ids":["1","2"]},
 "parameterGroups":[{"required":true,"parameters":[{"key":"zip","value":""},{"key":"city","value":"Rome"},{"key":"lat","value":"1"}]},{"parameters":[{"a":"1"},{"b":"2"}]}],
 "authType":"API Key","auth":{"apiKey":{"name":"q","value":"authsecret-4","location":"query"}},
 "body":{"type":"raw","contentType":"application/json","content":"{\"password\":\"bodysecret-5\",\"n\":{\"clientSecret\":{\"deep\":\"bodysecret-6\"}},\"keep\":1.0}"},
 "responsePathExtractor":"data.items",
 "options":{"pagination":{"kind":"cursor","path":"meta.next","param":"cursor","in":"body"},"limits":{"pages":7},"retry":{"attempts":3,"safe":true},"rate":2.5,"on_partial":"warn"}
}`

func fullSecrets() []string {
	return []string{"hunter2-pass", "urlsecret-1", "headersecret-2", "paramsecret-3", "authsecret-4", "bodysecret-5", "bodysecret-6"}
}

func TestASpecComesBackFromItsSealedForm(t *testing.T) {
	t.Parallel()
	s := spec(t, full, "")
	sealed, err := s.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := httpsource.ParseSealed(sealed)
	if err != nil {
		t.Fatalf("%v in %s", err, sealed)
	}
	sealedAgain, err := again.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(sealed), string(sealedAgain)); diff != "" {
		t.Errorf("sealing, parsing and sealing again differs (-first +second):\n%s", diff)
	}
	for _, want := range append(fullSecrets(), `"ratio":{"value":"1.50"`, `"big":{"value":"9007199254740993"`, `"flag":{"value":"true"`, `"ids":{"value":["1","2"]`, `"startDate"`, `"Accept"`, `"X-Trace":"on"`, `"method":"POST"`, `"max_wait_seconds"`) {
		if !strings.Contains(string(sealed), want) {
			t.Errorf("the sealed form lacks %s:\n%s", want, sealed)
		}
	}
}

func TestNothingPublicAboutASpecHoldsASecret(t *testing.T) {
	t.Parallel()
	s := spec(t, full, "")
	logged, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := json.Marshal(s.ParamDocs())
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"Public": string(s.Public()), "MarshalJSON": string(logged), "%v": fmt.Sprintf("%v", s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s),
		"PublicURL": s.PublicURL(), "ParamDocs": string(docs), "Origin": s.Origin(),
	}
	known := map[string]bool{}
	for _, v := range s.Secrets() {
		known[v.Reveal()] = true
	}
	for _, secret := range fullSecrets() {
		if !known[secret] {
			t.Errorf("Secrets lacks %s", secret)
		}
		for name, text := range texts {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s: %s", name, secret, text)
			}
		}
	}
	for _, want := range []string{`"authType":"API Key"`, `"parameterGroups"`, `"responsePathExtractor":"data.items"`, `"REDACTED"`, `fixed=a%2Fb`, `"startDate"`, `2024-01-01`, `\"keep\":1.0`} {
		if !strings.Contains(texts["Public"], want) {
			t.Errorf("Public lacks %s: %s", want, texts["Public"])
		}
	}
	if got, want := s.Origin(), "https://api.example.com:443"; got != want {
		t.Errorf("Origin = %s, want %s", got, want)
	}
}

func TestBothSpellingsMeanTheSame(t *testing.T) {
	t.Parallel()
	camel := `{"url":"http://a","method":"POST","authType":"Basic Auth","authConfig":{"basicAuth":{"username":"u","password":"p"}},"parameterGroups":[{"parameters":[{"key":"a","value":"1"}]}],"responsePathExtractor":"x","body":{"type":"raw","contentType":"text/csv","content":"c"}}`
	snake := `{"url":"http://a","method":"post","auth_type":"basic","auth_config":{"basic_auth":{"username":"u","password":"p"}},"parameter_groups":[{"parameters":[{"a":"1"}]}],"response_path_extractor":"x","body":{"type":"raw","content_type":"text/csv","content":"c"}}`
	a, err := spec(t, camel, "").Sealed()
	if err != nil {
		t.Fatal(err)
	}
	b, err := spec(t, snake, "").Sealed()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Errorf("(-camel +snake):\n%s", diff)
	}
}

// kinds are requests of the kinds of authentication that hold more than one
// secret; each secret in them begins with "canary".
func kinds(t *testing.T) map[string]string {
	cert, key := identity(t)
	return map[string]string{
		"client credentials": `"authType":"OAuth 2.0","auth":{"oauth2":{"tokenUrl":"https://u:canary-1@t.example/t?api_key=canary-2","clientId":"c","clientSecret":"canary-3","scopes":"a b","params":{"audience":"x","api_key":"canary-4"},"authStyle":"body"}}`,
		"refresh token":      `"auth_type":"oauth2","auth":{"oauth2":{"token_url":"https://t.example/t","client_id":"c","client_secret":"canary-3","refresh_token":"canary-4"}}`,
		"digest":             `"authType":"Digest Auth","auth":{"digestAuth":{"username":"u","password":"canary-1"}}`,
		"session by JSON":    `"authType":"Session Login","auth":{"sessionLogin":{"url":"https://l.example/l?token=canary-1","headers":{"X-Api-Key":"canary-2","X":"1"},"body":{"type":"json","parameters":{"user":"u","password":"canary-3"}},"token":{"path":"a.b"},"send":{"location":"query","name":"t"}}}`,
		"session by text":    `"authType":"login","auth":{"session_login":{"url":"https://l.example/","method":"put","body":{"type":"raw","content":"{\"password\":\"canary-1\",\"user\":\"u\"}"},"token":{"in":"cookie","path":"sid"}}}`,
		"session by form":    `"authType":"login","auth":{"login":{"url":"https://l.example/","body":{"type":"raw","contentType":"application/x-www-form-urlencoded","content":"password=canary-1&user=u"},"token":{"in":"header","path":"X-S"},"send":{"name":"X-T","prefix":""}}}`,
		"mTLS":               `"authType":"mTLS",` + tlsOption(cert, cert, key),
	}
}

func TestNoKindOfAuthenticationShowsASecret(t *testing.T) {
	t.Parallel()
	for rule, text := range kinds(t) {
		s := spec(t, `{"url":"https://a.example/","method":"GET",`+text+`}`, "")
		sealed := mustSeal(t, s)
		again, err := httpsource.ParseSealed(sealed)
		if err != nil {
			t.Fatalf("%s: %v in %s", rule, err, sealed)
		}
		if diff := cmp.Diff(string(sealed), string(mustSeal(t, again))); diff != "" {
			t.Errorf("%s: sealing, parsing and sealing again differs (-first +second):\n%s", rule, diff)
		}
		wanted := strings.Count(text, "canary")
		if rule == "mTLS" {
			text, wanted = strings.ReplaceAll(text, "PRIVATE KEY", "canary"), 0
		}
		if n := strings.Count(string(sealed), "canary"); n != wanted {
			t.Errorf("%s: the sealed form holds %d of %d secrets: %s", rule, n, wanted, sealed)
		}
		logged, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for how, shown := range map[string]string{"Public": string(s.Public()), "JSON": string(logged), "%v": fmt.Sprintf("%v", s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s)} {
			if strings.Contains(shown, "canary") || strings.Contains(shown, "PRIVATE KEY") {
				t.Errorf("%s: %s shows a secret: %s", rule, how, shown)
			}
			if how == "Public" && !strings.Contains(shown, "REDACTED") {
				t.Errorf("%s: %s does not tell that there is one: %s", rule, how, shown)
			}
		}
		known := map[string]bool{}
		for _, v := range s.Secrets() {
			known[v.Reveal()] = true
		}
		for i := 1; i <= wanted; i++ {
			if name := fmt.Sprintf("canary-%d", i); strings.Contains(text, name) && !known[name] {
				t.Errorf("%s: Secrets lacks %s", rule, name)
			}
		}
	}
}

func TestMangledHeaderNamesAreRestored(t *testing.T) {
	t.Parallel()
	s := spec(t, `{"url":"http://a","method":"GET","headers":{"_accept":"1","_authorization":"2","_x_token":"3","X-Api-Key":"4","if_match":"5"}}`, "")
	var got []string
	for _, h := range s.Headers {
		got = append(got, h.Name)
	}
	if diff := cmp.Diff([]string{"Accept", "Authorization", "XToken", "X-Api-Key", "if_match"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestParseExecuteTakesTheTopLevelFirst(t *testing.T) {
	t.Parallel()
	s, err := httpsource.ParseExecute([]byte(`{"project_id":"p","datasource_id":"d","url":"http://top","method":"GET","headers":{},"responsePathExtractor":"",
		"connect_spec":{"name":"n","id":"http-requests","config":{"url":"http://config","method":"POST","headers":{"X":"1"},"responsePathExtractor":"value","authType":"Bearer Token","auth":{"bearerToken":"tok-12345"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.URL.Reveal() != "http://top" || s.Method != "GET" || len(s.Headers) != 1 || s.ResponsePath != "value" || s.Auth.Bearer.Reveal() != "tok-12345" {
		t.Errorf("got %s %s, %d headers, path %q", s.Method, s.URL.Reveal(), len(s.Headers), s.ResponsePath)
	}
	_, err = httpsource.ParseExecute([]byte(`{"url":"http://top","method":"GET","connectSpec":{"config":{"parameters":{"q":{"value":"","required":true}}}}}`))
	if e, ok := errs.Find(err); !ok || e.Fields[0].Pointer != "/connectSpec/config/parameters/q" {
		t.Errorf("error %v, want one that points into the config", err)
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add(full)
	f.Add(`{"url":"http://a","method":"GET","parameters":{"a":[1,{"b":2}]}}`)
	f.Add(`{"url":"http://a","method":"GET","authType":"oauth2","auth":{"oauth2":{"tokenUrl":"http://t","clientId":"c","clientSecret":{"secret":"S"},"params":{"a":"b"}}}}`)
	f.Add(`{"url":"http://a","method":"GET","authType":"login","auth":{"login":{"url":"http://l","body":{"content":{"password":"p"}},"token":{"path":"t"}}}}`)
	f.Add(`{"url":"http://a?%zz","method":"PUT","body":{"type":"form-data","parameters":{"token":"abcdefgh"}}}`)
	f.Fuzz(func(t *testing.T, in string) {
		s, err := httpsource.ParseSpec([]byte(in))
		if err != nil {
			if _, ok := errs.Find(err); !ok {
				t.Errorf("error without a class: %v", err)
			}
			return
		}
		sealed, err := s.Sealed()
		if err != nil {
			t.Fatal(err)
		}
		again, err := httpsource.ParseSealed(sealed)
		if err != nil {
			t.Fatalf("sealed form cannot be read: %v\n%s", err, sealed)
		}
		if b, _ := again.Sealed(); string(b) != string(sealed) {
			t.Errorf("sealed form changed:\n%s\n%s", sealed, b)
		}
		if !json.Valid(s.Public()) {
			t.Errorf("Public is not JSON: %s", s.Public())
		}
	})
}
