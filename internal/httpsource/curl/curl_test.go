package curl_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource/curl"
)

// A want is what a test says of a request; empty fields are absent from it.
type want struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Auth    string            `json:"authType"`
	Secrets map[string]any    `json:"auth"`
	Body    map[string]any    `json:"body"`
}

func get(url string) want {
	return want{Method: "GET", URL: url, Headers: map[string]string{}, Auth: "None", Secrets: map[string]any{}}
}

func post(url string) want { w := get(url); w.Method = "POST"; return w }

func (w want) header(name, value string) want { w.Headers[name] = value; return w }

func (w want) bearer(token string) want {
	w.Auth, w.Secrets = "Bearer Token", map[string]any{"bearerToken": token}
	return w
}

func (w want) basic(user, password string) want {
	w.Auth, w.Secrets = "Basic Auth", map[string]any{"basicAuth": map[string]any{"username": user, "password": password}}
	return w
}

func (w want) key(name, value, location string) want {
	w.Auth, w.Secrets = "API Key", map[string]any{"apiKey": map[string]any{"name": name, "value": value, "location": location}}
	return w
}

func (w want) raw(contentType, content string) want {
	w.Body = map[string]any{"type": "raw", "contentType": contentType, "content": content}
	return w
}

func (w want) form(kind string, pairs ...string) want {
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = map[string]any{"value": pairs[i+1], "required": false}
	}
	w.Body = map[string]any{"type": kind, "parameters": fields}
	return w
}

func (w want) urlencoded(pairs ...string) want { return w.form("x-www-form-urlencoded", pairs...) }

func parsed(t *testing.T, command string) (want, []curl.Note, error) {
	t.Helper()
	spec, notes, err := curl.Parse(command)
	if err != nil {
		return want{}, nil, err
	}
	sealed, err := spec.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	var w want
	if err := json.Unmarshal(sealed, &w); err != nil {
		t.Fatal(err)
	}
	return w, notes, nil
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, command string
		want          want
		notes         string // what a note says, if one is expected
	}{
		{"a bare address is a GET", `curl https://api.example.com/v1/items`, get("https://api.example.com/v1/items"), ""},
		{"GitHub: list issues", "curl -L \\\n  -H \"Accept: application/vnd.github+json\" \\\n  -H \"Authorization: Bearer ghp_abc123\" \\\n  -H \"X-GitHub-Api-Version: 2022-11-28\" \\\n  https://api.github.com/repos/o/r/issues",
			get("https://api.github.com/repos/o/r/issues").header("Accept", "application/vnd.github+json").header("X-GitHub-Api-Version", "2022-11-28").bearer("ghp_abc123"), ""},
		{"GitHub: the placeholder of its documentation is named", `curl -H "Authorization: Bearer <YOUR-TOKEN>" https://api.github.com/user`,
			get("https://api.github.com/user").bearer("<YOUR-TOKEN>"), "credentials are a placeholder"},
		{"GitHub: an old token scheme is sent as it is", `curl -H 'Authorization: token ghp_abc123' https://api.github.com/user`,
			get("https://api.github.com/user").key("Authorization", "token ghp_abc123", "header"), ""},
		{"Stripe: a key as the user name", "curl https://api.stripe.com/v1/charges -u sk_test_4eC39Hq: -d limit=3 -G",
			get("https://api.stripe.com/v1/charges?limit=3").basic("sk_test_4eC39Hq", ""), ""},
		{"Stripe: quoted user and nested fields", "curl https://api.stripe.com/v1/customers \\\n  -u \"sk_test_4eC39Hq:\" \\\n  -d name=\"Jenny Rosen\" \\\n  --data-urlencode email=\"jenny@example.com\" -d \"metadata[order]\"=6735",
			post("https://api.stripe.com/v1/customers").basic("sk_test_4eC39Hq", "").urlencoded("name", "Jenny Rosen", "email", "jenny@example.com", "metadata[order]", "6735"), ""},
		{"Shopify: GraphQL with its own token header", "curl -X POST https://shop.myshopify.com/admin/api/2024-01/graphql.json -H 'Content-Type: application/json' -H 'X-Shopify-Access-Token: shpat_1' -d '{\n\"query\": \"{ products(first: 5) { edges { node { id } } } }\"\n}'",
			post("https://shop.myshopify.com/admin/api/2024-01/graphql.json").key("X-Shopify-Access-Token", "shpat_1", "header").
				raw("application/json", "{\n\"query\": \"{ products(first: 5) { edges { node { id } } } }\"\n}"), ""},
		{"Chrome: copy as cURL (bash)", "curl 'https://www.example.com/api/list?page=2&q=a%20b' \\\n  -H 'accept: */*' \\\n  -H 'accept-language: en-US,en;q=0.9' \\\n  -b 'sid=abc; theme=dark' \\\n  -H 'sec-fetch-mode: cors' \\\n  --data-raw $'{\"name\":\"it\\'s \\u0021 fine\"}' \\\n  --compressed",
			post("https://www.example.com/api/list?page=2&q=a%20b").header("accept", "*/*").header("accept-language", "en-US,en;q=0.9").header("sec-fetch-mode", "cors").
				header("Cookie", "sid=abc; theme=dark").raw("application/json", `{"name":"it's ! fine"}`), "body is JSON"},
		{"Chrome: copy as cURL (cmd)", "curl ^\"https://www.example.com/api?a=1^&b=2^\" ^\r\n  -H ^\"accept: application/json^\" ^\r\n  -H ^\"content-type: application/json^\" ^\r\n  --data-raw ^\"^{^\\^\"q^\\^\":^\\^\"100^%^ x^\\^\"^}^\"",
			post("https://www.example.com/api?a=1&b=2").header("accept", "application/json").raw("application/json", `{"q":"100% x"}`), ""},
		{"Windows: carets continue lines", "curl -X GET \"https://api.example.com/v1/items\" ^\n  -H \"Accept: application/json\"",
			get("https://api.example.com/v1/items").header("Accept", "application/json"), ""},
		{"Firefox: copy as cURL", "curl 'https://api.example.com/search' --compressed -X POST -H 'User-Agent: Mozilla/5.0' -H 'Accept-Encoding: gzip, deflate, br' -H 'Content-Type: application/json' -H 'Connection: keep-alive' --data-raw '{\"a\":1}'",
			post("https://api.example.com/search").header("User-Agent", "Mozilla/5.0").raw("application/json", `{"a":1}`), ""},
		{"Safari: -X with a glued value", `curl 'https://api.example.com/x' -XGET -H 'Accept: application/json'`, get("https://api.example.com/x").header("Accept", "application/json"), ""},
		{"Postman: --location --request", "curl --location --request GET 'https://api.example.com/v1/orders?limit=10' \\\n--header 'x-api-key: k-123456'",
			get("https://api.example.com/v1/orders?limit=10").key("x-api-key", "k-123456", "header"), ""},
		{"OpenAI: JSON with a bearer token", "curl https://api.openai.com/v1/chat/completions -H \"Content-Type: application/json\" -H \"Authorization: Bearer sk-1\" -d '{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}'",
			post("https://api.openai.com/v1/chat/completions").bearer("sk-1").raw("application/json", `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`), ""},
		{"a shell variable is named and left", `curl -H "Authorization: Bearer $OPENAI_API_KEY" https://api.openai.com/v1/models`,
			get("https://api.openai.com/v1/models").bearer("$OPENAI_API_KEY"), "OPENAI_API_KEY is not known"},
		{"Elasticsearch: a GET search with a body becomes a POST", "curl -X GET \"localhost:9200/my-index/_search?pretty\" -H 'Content-Type: application/json' -d'\n{\"query\":{\"match_all\":{}}}\n'",
			post("http://localhost:9200/my-index/_search?pretty").raw("application/json", "\n{\"query\":{\"match_all\":{}}}\n"), "sent with POST"},
		{"OpenWeather: a key in the address", `curl "https://api.openweathermap.org/data/2.5/weather?q=London,uk&appid=abc123def"`,
			get("https://api.openweathermap.org/data/2.5/weather?q=London,uk").key("appid", "abc123def", "query"), ""},
		{"Google: key among others keeps the rest byte for byte", `curl 'https://maps.googleapis.com/maps/api/geocode/json?address=1600+Amphitheatre&key=AIza%2D1&x=%20'`,
			get("https://maps.googleapis.com/maps/api/geocode/json?address=1600+Amphitheatre&x=%20").key("key", "AIza-1", "query"), ""},
		{"a page token is no key", `curl 'https://api.example.com/v1/x?page_token=abc&next_token=def'`, get("https://api.example.com/v1/x?page_token=abc&next_token=def"), ""},
		{"Slack: bearer and form", `curl -F limit=20 -F "cursor=" -H "Authorization: Bearer xoxb-1" https://slack.com/api/conversations.list`,
			post("https://slack.com/api/conversations.list").bearer("xoxb-1").form("form-data", "limit", "20", "cursor", ""), ""},
		{"Twilio: user, password and -X", `curl -X GET "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?PageSize=20" -u AC1:token1`,
			get("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?PageSize=20").basic("AC1", "token1"), ""},
		{"Supabase: the second key stays a header", `curl 'https://p.supabase.co/rest/v1/t?select=*' -H "apikey: anon-1" -H "Authorization: Bearer anon-1"`,
			get("https://p.supabase.co/rest/v1/t?select=*").header("apikey", "anon-1").bearer("anon-1"), ""},
		{"Datadog: the first of two keys is the credential", `curl -H "DD-API-KEY: a1" -H "DD-APPLICATION-KEY: b2" https://api.datadoghq.com/api/v1/monitor`,
			get("https://api.datadoghq.com/api/v1/monitor").header("DD-APPLICATION-KEY", "b2").key("DD-API-KEY", "a1", "header"), ""},
		{"GitLab: PRIVATE-TOKEN", `curl --header "PRIVATE-TOKEN: glpat-1" "https://gitlab.example.com/api/v4/projects"`,
			get("https://gitlab.example.com/api/v4/projects").key("PRIVATE-TOKEN", "glpat-1", "header"), ""},
		{"Basic in a header is decoded", `curl https://api.example.com/ -H 'Authorization: Basic YWRhOmxvdmU6bGFjZQ=='`, get("https://api.example.com/").basic("ada", "love:lace"), ""},
		{"a login in the address is a credential", `curl https://ada:p%40ss@api.example.com/v1?a=b`, get("https://api.example.com/v1?a=b").basic("ada", "p@ss"), ""},
		{"a header wins over -u", `curl -u ada:x -H 'Authorization: Bearer t-1' https://api.example.com/`, get("https://api.example.com/").bearer("t-1"), ""},
		{"--digest", `curl --digest -u ada:love https://api.example.com/`, func() want {
			w := get("https://api.example.com/").basic("ada", "love")
			w.Auth, w.Secrets = "Digest Auth", map[string]any{"digestAuth": w.Secrets["basicAuth"]}
			return w
		}(), ""},
		{"--oauth2-bearer", `curl --oauth2-bearer t-1 https://api.example.com/`, get("https://api.example.com/").bearer("t-1"), ""},
		{"--json sets both types and joins without an ampersand", `curl --json '{"a":' --json '1}' https://api.example.com/`,
			post("https://api.example.com/").header("Accept", "application/json").raw("application/json", `{"a":1}`), ""},
		{"--opt=value", `curl --request=PUT --header='Content-Type: text/csv' --data-raw='a,b' --url=https://api.example.com/f`, func() want {
			w := get("https://api.example.com/f").raw("text/csv", "a,b")
			w.Method = "PUT"
			return w
		}(), ""},
		{"combined short flags", `curl -sSLk -XPOST -dq=1 https://api.example.com/`, post("https://api.example.com/").urlencoded("q", "1"), "certificates are always checked"},
		{"--data-urlencode in all its spellings", `curl -G https://api.example.com/ --data-urlencode 'q=a b&c' --data-urlencode '=x=y' --data-urlencode 'plain text'`,
			get("https://api.example.com/?q=a%20b%26c&x%3Dy&plain%20text"), ""},
		{"-G goes behind a query that is there", `curl -G 'https://api.example.com/?a=1' -d b=2`, get("https://api.example.com/?a=1&b=2"), ""},
		{"a form that cannot be rewritten stays as it is", `curl https://api.example.com/ -d 'a=1&b=2&a=3'`, post("https://api.example.com/").raw("application/x-www-form-urlencoded", "a=1&b=2&a=3"), ""},
		{"a pipe ends the command", `curl -s https://api.example.com/x | jq '.items[]'`, get("https://api.example.com/x"), "only the first command"},
		{"a redirection is skipped", `curl https://api.example.com/x > out.json 2>/dev/null`, get("https://api.example.com/x"), "redirections"},
		{"an unquoted ampersand belongs to the address", `curl https://api.example.com/x?a=1&b=2`, get("https://api.example.com/x?a=1&b=2"), ""},
		{"blanks after the backslash are forgiven", "curl https://api.example.com/x \\  \n -H 'A: b'", get("https://api.example.com/x").header("A", "b"), ""},
		{"lost backslashes are forgiven", "curl https://api.example.com/x\n  -H 'A: b'", get("https://api.example.com/x").header("A", "b"), "begins with an option"},
		{"a prompt is forgiven", "$ curl https://api.example.com/x", get("https://api.example.com/x"), ""},
		{"typographic quotes and dashes are forgiven", "curl “https://api.example.com/x” —header ‘A: b’", get("https://api.example.com/x").header("A", "b"), "typographic"},
		{"the shell joins parts of a word", `curl 'https://api.example.com/'"a"\ b -H 'A: it'\''s'`, get("https://api.example.com/a%20b").header("A", "it's"), ""},
		{"a header without a value is not sent, one with a semicolon is empty", `curl https://api.example.com/ -H 'Accept:' -H 'X-Empty;'`, get("https://api.example.com/").header("X-Empty", ""), ""},
		{"a header given twice is a list", `curl https://api.example.com/ -H 'X-A: 1' -H 'x-a: 2'`, get("https://api.example.com/").header("X-A", "1, 2"), "given twice"},
		{"-I is HEAD", `curl -I https://api.example.com/`, func() want { w := get("https://api.example.com/"); w.Method = "HEAD"; return w }(), "headers only"},
		{"an address without a scheme is http", `curl api.example.com/x`, get("http://api.example.com/x"), "no scheme"},
		{"curl's defaults and fragments", `curl -A bot/1 -e https://ref.example.com/ 'https://api.example.com/x#part'`,
			get("https://api.example.com/x").header("User-Agent", "bot/1").header("Referer", "https://ref.example.com/"), ""},
		{"option names may be cut short", `curl --reques PUT --data-r x --head 'https://api.example.com/' --no-compressed -H 'Content-Type: text/plain'`, func() want {
			w := get("https://api.example.com/").raw("text/plain", "x")
			w.Method = "PUT"
			return w
		}(), ""},
		{"brackets of a query are no range", `curl -g 'https://api.example.com/x?filter[a]=1&created[gte]=2'`, get("https://api.example.com/x?filter[a]=1&created[gte]=2"), ""},
		{"a placeholder in the path is named", `curl https://api.example.com/users/{id}/orders`, get("https://api.example.com/users/{id}/orders"), "placeholder"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got, notes, err := parsed(t, c.command)
			if err != nil {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("request (-got +want):\n%s", diff)
			}
			var texts []string
			for _, n := range notes {
				texts = append(texts, n.Text)
			}
			all := strings.Join(texts, "\n")
			if c.notes == "" && all != "" || !strings.Contains(all, c.notes) {
				t.Errorf("notes %q, want one with %q", all, c.notes)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, command, typ, says string }{
		{"nothing", "  ", "curl-empty", ""},
		{"another program", "wget https://api.example.com/", "curl-not-a-command", ""},
		{"no address", "curl -X POST", "curl-no-url", ""},
		{"two addresses", "curl https://a.example.com https://b.example.com", "curl-several", ""},
		{"--next", "curl https://a.example.com --next https://b.example.com", "curl-several", ""},
		{"a list in the address", "curl 'https://{a,b}.example.com'", "curl-several", ""},
		{"a range in the address", "curl 'https://example.com/[1-9]'", "curl-several", ""},
		{"an unknown long option", "curl --frobnicate https://a.example.com", "curl-unknown-option", "--frobnicate at character 6"},
		{"an unknown short option", "curl -s -@ https://a.example.com", "curl-unknown-option", "character 9"},
		{"an option that is cut short in two ways", "curl --data- x https://a.example.com", "curl-unknown-option", ""},
		{"an open single quote", "curl 'https://a.example.com", "curl-quote", "character 6"},
		{"an open double quote", `curl "https://a.example.com`, "curl-quote", "character 6"},
		{"an open $'", `curl $'https://a.example.com`, "curl-quote", "character 6"},
		{"an open quote of Windows", "curl ^\n \"https://a.example.com", "curl-quote", ""},
		{"a substitution", `curl -H "Authorization: Bearer $(cat token)" https://a.example.com`, "curl-substitution", ""},
		{"backquotes", "curl https://a.example.com/`date`", "curl-substitution", ""},
		{"data from a file", "curl -d @body.json https://a.example.com", "curl-file", "--data "},
		{"data from standard input", "curl --data-binary @- https://a.example.com", "curl-file", ""},
		{"encoded data from a file", "curl --data-urlencode q@file https://a.example.com", "curl-file", ""},
		{"JSON from a file", "curl --json @b.json https://a.example.com", "curl-file", ""},
		{"headers from a file", "curl -H @- https://a.example.com", "curl-file", ""},
		{"a form's file", "curl -F f=@x.png https://a.example.com", "curl-file", ""},
		{"cookies from a file", "curl -b jar.txt https://a.example.com", "curl-file", ""},
		{"an upload", "curl -T x https://a.example.com", "curl-file", ""},
		{"options from a file", "curl -K x", "curl-file", ""},
		{"NTLM", "curl --ntlm -u a:b https://a.example.com", "curl-auth", ""},
		{"both kinds of body", "curl -F a=b -d c=d https://a.example.com", "curl-body", ""},
		{"a body with GET that is no search", "curl -X GET -d '{}' https://a.example.com/index/doc/1", "curl-get-body", ""},
		{"a missing value", "curl https://a.example.com -H", "curl-option-value", "-H"},
		{"another scheme", "curl ftp://a.example.com", "scheme-not-supported", ""},
		{"another method", "curl -X BREW https://a.example.com", "method-unknown", ""},
		{"a line break in a header", "curl https://a.example.com -H $'A: b\\nC: d'", "header-invalid", ""},
		{"bytes that are no text", "curl https://a.example.com/\xff", "curl-not-text", ""},
		{"bytes that are no text, written as numbers", `curl https://a.example.com/ -d $'\xff'`, "curl-not-text", ""},
		{"too long", "curl " + strings.Repeat("x", 1<<20), "curl-too-long", ""},
		{"too many words", "curl " + strings.Repeat("-s ", 6000), "curl-too-long", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			_, _, err := curl.Parse(c.command)
			e, ok := errs.Find(err)
			if !ok || e.Type != c.typ || e.Kind != errs.Invalid {
				t.Fatalf("error %v, want %s", err, c.typ)
			}
			if diff := cmp.Diff(e.Fields, []errs.Field{{Pointer: "/command"}}); diff != "" {
				t.Errorf("fields (-got +want):\n%s", diff)
			}
			if len(e.Fixes) == 0 || !strings.Contains(e.Public(), c.says) {
				t.Errorf("says %q, want fixes and %q", e.Public(), c.says)
			}
		})
	}
}

// A secret may stand anywhere in a command, also where it does not belong.
func TestErrorsAndNotesHoldNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t_VALUE"
	for _, command := range []string{
		"curl --" + secret + " https://a.example.com", "curl -" + secret, "curl https://a.example.com " + secret,
		"curl -H 'Authorization: Bearer " + secret, "curl -X " + secret + " https://a.example.com",
		"curl https://a:" + secret + "@[x/", "curl " + secret + "://x", "curl -d @" + secret + " x", "curl x -H '" + secret + "'",
		"curl x -H 'A " + secret + ": 1' -H 'A " + secret + ": 1'", "curl -b " + secret + " x", "curl --header=" + secret + "; x", "curl https://x/%zz?key=" + secret,
		secret + " curl", "curl --json '" + secret + "' -F a x", "curl x:" + secret + "/",
	} {
		_, notes, err := curl.Parse(command)
		var texts []string
		for _, n := range notes {
			texts = append(texts, n.Text)
		}
		if err != nil {
			texts = append(texts, err.Error(), errs.Public(err))
		}
		if all := strings.Join(texts, "\n"); strings.Contains(strings.ToLower(all), strings.ToLower(secret)) {
			t.Errorf("%q: %s", command, all)
		}
	}
}

// No command takes long: the longest of every kind is read within seconds, also on a busy machine, which
// a quadratic reading would not be.
func TestLongCommandsAreReadAtOnce(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"$a1 ", "\\ \t", "^ ", "^\n", "'a'", "\"a\"", "\n", "#", "`\n", "“a”", "$'\\x41'", "a1=b&", "\\\"", ">a "} {
		var b strings.Builder
		b.WriteString("curl https://a.example.com -d ")
		for i := 0; b.Len() < 1<<20-200; i++ {
			b.WriteString(strings.ReplaceAll(piece, "1", fmt.Sprint(i)))
		}
		start := time.Now()
		_, notes, _ := curl.Parse(b.String())
		if took := time.Since(start); took > 20*time.Second || len(notes) > 50 {
			t.Errorf("1 MiB of %q: %v, %d notes", piece, took, len(notes))
		} else if testing.Verbose() {
			t.Logf("1 MiB of %q: %v", piece, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`curl -X POST https://a.example.com/x?key=SECRET -H "A: $B" -d '{"a":"SECRET"}' --compressed`, "curl ^\"https://a.example.com^\" ^\r\n -H ^\"a: b^\\^\"^\"",
		`curl $'\x41\u0042\101' -u SECRET:SECRET "x" | jq`, "curl -sSLd@f --json 1 'x", "$ A=b curl -F 'a=\"b\\\"\";type=x' -G --url-query +a x > y", "curl -- a b", `curl https://u:SECRET@h/ -b SECRET`,
		"curl -XSECRET x", "curl “x” –H ‘SECRET’", `curl -H 'Authorization: Basic U0VDUkVUOlNFQ1JFVA==' x`,
	} {
		f.Add(seed)
	}
	const planted = "Zk9_SECRET_q7"
	f.Fuzz(func(t *testing.T, text string) {
		spec, notes, err := curl.Parse(strings.ReplaceAll(text, "SECRET", planted))
		if err != nil {
			if e, ok := errs.Find(err); !ok || e.Kind != errs.Invalid || e.Type == "" || len(e.Fields) != 1 {
				t.Fatalf("error without a name: %v", err)
			}
			if strings.Contains(err.Error(), planted) || strings.Contains(errs.Public(err), planted) {
				t.Fatalf("the error shows a value: %v", err)
			}
			return
		}
		for _, n := range notes {
			if strings.Contains(n.Text, planted) && !strings.Contains(text, "$") {
				t.Fatalf("a note shows a value: %s", n.Text)
			}
		}
		if _, err := spec.Sealed(); err != nil || spec.URL.Empty() || spec.Method == "" {
			t.Fatalf("an incomplete request: %v", err)
		}
	})
}
