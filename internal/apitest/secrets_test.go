package apitest_test

import (
	"fmt"
	"strings"
	"testing"
)

// referring is the body of a request to a path of the sample API that refers to
// a secret by name.
func (w *world) referring(project, datasource, name string) map[string]any {
	return map[string]any{"project_id": project, "datasource_id": datasource, "url": w.upstream + "/orders", "method": "GET",
		"authType": "Bearer Token", "auth": map[string]any{"bearerToken": map[string]any{"secret": name}}}
}

func TestARunUsesASecretByItsName(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "named secret")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	if got := c.object("POST", "/v1/http/test-connection", w.referring(project, d, "SHOP_TOKEN")); got.get("success").String() != "true" {
		t.Fatalf("the test: %s", got)
	}
	for _, start := range []struct{ path, body any }{{"/v1/http/execute-request", w.referring(project, d, "SHOP_TOKEN")}, {"/v1/datasources/" + d + "/runs", map[string]any{}}} {
		job := c.object("POST", fmt.Sprint(start.path), start.body).get("jobs").at(0).text("id")
		if end := c.follow(job); end.text("status") != "completed" {
			t.Fatalf("%s: %s", start.path, end)
		}
		run := c.object("GET", "/v1/datasources/"+d+"/runs/"+job, nil)
		if run.get("rows").number() != records {
			t.Errorf("%s landed %s", start.path, run)
		}
	}
	got := c.object("GET", "/v1/datasources/"+d+"/with_datalines", nil)
	if ref := got.get("connect_spec", "auth", "bearerToken"); ref.String() != `{"secret":"SHOP_TOKEN"}` {
		t.Errorf("the stored request shows %s", ref)
	}
	if strings.Contains(got.String(), secretToken) {
		t.Errorf("the value is in %s", got)
	}
}

func TestASecretThatIsNotThereIsNamedWithItsField(t *testing.T) {
	t.Parallel()
	w := shared
	type caller struct {
		*client
		project, datasource string
	}
	in := func(key string) caller {
		c := w.client(t, key)
		project := c.object("POST", "/v1/projects", map[string]any{"name": "no secret"}).text("id")
		return caller{c, project, c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")}
	}
	const none = "SHOP_TOKEX" // as long as the name of the one that is there
	for who, c := range map[string]caller{"owner": in(w.owner.key), "colleague": in(w.colleague.key), "stranger": in(w.stranger.key)} {
		for _, path := range []string{"/v1/http/test-connection", "/v1/http/execute-request"} {
			missing := c.send("POST", path, w.referring(c.project, c.datasource, none))
			p := missing.json()
			if missing.status != 400 || p.text("type") != "secret-unknown" || p.get("errors").at(0).text("pointer") != "/auth/bearerToken" {
				t.Errorf("%s, %s: %s", who, path, missing)
			}
			if who == "owner" {
				continue
			}
			// What another team has looks like what nobody has.
			foreign := c.send("POST", path, w.referring(c.project, c.datasource, "SHOP_TOKEN"))
			if foreign.status != missing.status || strings.ReplaceAll(foreign.stable(), "SHOP_TOKEN", none) != missing.stable() {
				t.Errorf("%s, %s: %s\n%s", who, path, foreign, missing)
			}
		}
		if jobs := c.object("GET", "/v1/jobs?project_id="+c.project, nil).list(); len(jobs) != 0 {
			t.Errorf("%s: a refused run left %v", who, jobs)
		}
		// A test without a project takes the caller's own teams.
		loose := w.referring("", "", "SHOP_TOKEN")
		if got := c.send("POST", "/v1/http/test-connection", loose); (who == "owner") != (got.json().get("success").String() == "true") {
			t.Errorf("%s without a project: %s", who, got)
		}
	}
	// A viewer's team lends its secrets to nobody who may only look.
	guest := w.client(t, w.guest.key)
	if got := guest.send("POST", "/v1/http/test-connection", w.referring("", "", "SHOP_TOKEN")); got.json().text("type") != "secret-unknown" {
		t.Errorf("the guest: %s", got)
	}
}

func TestASecretStaysWithItsOrigin(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "secret origin")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	path := "/v1/secrets/" + w.ids["team"]
	made := c.object("POST", path, map[string]any{"name": "FIRST_USE", "value": secretToken})
	if len(made.get("origins").list()) != 0 {
		t.Errorf("before its first use: %s", made)
	}
	if got := c.object("POST", "/v1/http/test-connection", w.referring(project, d, "FIRST_USE")); got.get("success").String() != "true" {
		t.Fatalf("the first use: %s", got)
	}
	if got := c.object("GET", path+"/FIRST_USE", nil); got.get("origins").at(0).string() != w.upstream || len(got.get("origins").list()) != 1 {
		t.Errorf("after its first use it is bound to %s, want %s", got.get("origins"), w.upstream)
	}
	for _, name := range []string{"FIRST_USE", "SHOP_TOKEN"} {
		elsewhere := w.referring(project, d, name)
		elsewhere["url"] = strings.Replace(w.upstream, "127.0.0.1", "127.0.0.2", 1) + "/orders"
		for _, path := range []string{"/v1/http/test-connection", "/v1/http/execute-request"} {
			got := c.send("POST", path, elsewhere)
			p := got.json()
			if got.status != 403 || p.text("type") != "secret-origin" || p.get("errors").at(0).text("pointer") != "/auth/bearerToken" || !strings.Contains(p.text("detail"), w.upstream) {
				t.Errorf("%s of %s: %s", path, name, got)
			}
		}
	}
	c.object("DELETE", path+"/FIRST_USE", nil)
}

func TestASecretIsRotatedAndDeleted(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "secret rotation")
	path := "/v1/secrets/" + w.ids["team"]
	// The older spelling, wrapped by mistake, at the second place.
	made := c.object("POST", "/api/infactory"+path+"/", `{"body":{"key":"ROTATED","value":"not-the-token","credentialsId":"`+w.ids["credential"]+`"}}`)
	if made.text("name") != "ROTATED" || made.text("key") != "ROTATED" || made.text("credentials_id") != w.ids["credential"] {
		t.Fatalf("made %s", made)
	}
	works := func() bool {
		return c.object("POST", "/v1/http/test-connection", w.referring(project, "", "ROTATED")).get("success").String() == "true"
	}
	if works() {
		t.Error("a wrong token works")
	}
	changed := c.object("PATCH", path+"/"+made.text("id"), map[string]any{"value": secretToken})
	if !works() {
		t.Error("the new token does not work")
	}
	for what, got := range map[string]node{"created": made, "changed": changed, "read": c.object("GET", path+"/ROTATED", nil),
		"deleted": c.object("DELETE", path+"/ROTATED", nil)} {
		if got.text("value") != "REDACTED" || got.text("id") != made.text("id") || strings.Contains(got.String(), secretToken) {
			t.Errorf("%s: %s", what, got)
		}
	}
	for _, method := range []string{"GET", "DELETE", "PATCH"} {
		if got := c.send(method, path+"/ROTATED", map[string]any{}); got.status != 404 {
			t.Errorf("%s of a deleted secret: %s", method, got)
		}
	}
	if got := c.send("POST", "/v1/http/test-connection", w.referring(project, "", "ROTATED")); got.json().text("type") != "secret-unknown" {
		t.Errorf("a test with a deleted secret: %s", got)
	}
}

func TestNobodyReachesASecretThroughAnotherTeam(t *testing.T) {
	t.Parallel()
	w := shared
	for name, p := range map[string]person{"colleague": w.colleague, "stranger": w.stranger} {
		c := w.client(t, p.key)
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			foreign := c.send(method, "/v1/secrets/"+p.teamID+"/"+w.ids["secret"], map[string]any{})
			if missing := c.send(method, "/v1/secrets/"+p.teamID+"/"+random, map[string]any{}); foreign.status != 404 || foreign.stable() != missing.stable() {
				t.Errorf("%s %s: %s\n%s", name, method, foreign, missing)
			}
		}
	}
	guest := w.client(t, w.guest.key)
	if got := guest.send("PATCH", "/v1/secrets/"+w.ids["team"]+"/SHOP_TOKEN", map[string]any{"value": "x"}); got.status != 403 {
		t.Errorf("who may only look changes it: %s", got)
	}
}
