package apitest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shop makes a project with what an export has to carry: rows of several files and of
// nested and odd types, a request with a secret, questions, and one that is edited.
func shop(t *testing.T, c *client, project string) {
	t.Helper()
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "orders", "project_id": project}).text("id")
	for range 2 {
		started := c.object("POST", "/v1/http/execute-request", shared.execution(project, d, "/baskets"))
		for _, j := range started.get("jobs").list() {
			if end := c.follow(j.text("id")); end.text("status") != "completed" {
				t.Fatalf("%s", end)
			}
		}
	}
	odd, end := c.load(project, "odd keys.ndjson", `{"select":"007","A b":9007199254740993.10,"day":"2024-02-29","at":"2024-01-01T00:00:00.123456+02:00","x":{"deep":[{"n":1}],"é":null}}`+"\n", "")
	if end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	if _, end := c.load(project, "more.ndjson", `{"select":"x","A b":"text","extra":true}`+"\n", "mode=append&datasource_id="+odd.text("datasource_id")); end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	c.object("POST", "/v1/credentials", map[string]any{"name": "Key of the shop", "type": "api", "datasource_id": d, "config": map[string]any{"auth": map[string]any{"bearerToken": secretToken}}})
	c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "name": "mine", "cue": "Which ones?", "code": `SELECT "A b", count(*) AS n FROM odd_keys WHERE $word IS NULL OR "select" = $word GROUP BY ALL ORDER BY 1`,
		"slots": []any{map[string]any{"name": "word", "type": "string", "default": "007"}}})
}

// answers are the answers of every program of a project, by name, and the rows of its
// datasets, by table.
func (c *client) everything(project string) map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for _, p := range c.object("GET", "/v1/queryprograms?project_id="+project, nil).list() {
		r := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.text("id")}).json()
		all[p.text("name")+"|"+p.text("code")] = r.get("columns").String() + r.get("rows").String() + r.text("type")
	}
	for _, l := range c.object("GET", "/v1/datalines/project/"+project, nil).list() {
		rows := c.object("GET", "/v1/datalines/"+l.text("id")+"/rows?limit=500", nil)
		all[l.text("table_name")] = l.text("name") + l.get("rows").String() + rows.get("columns").String() + rows.get("rows").String()
	}
	return all
}

func TestAProjectGoesToAnotherServer(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "Shop to go")
	shop(t, c, project)
	file := c.send("GET", "/projects/"+project+"/export?team_id=x", nil)
	if file.status != 200 || !strings.Contains(file.header.Get("Content-Disposition"), `filename="Shop-to-go.json"`) || file.header.Get("Content-Type") != "application/json" {
		t.Fatalf("export: %.300s %v", file, file.header)
	}
	doc := file.json()
	want(t, "the file", doc, "infactory_export_version string", "metadata.created_at string", "metadata.source_project_id string", "metadata.source_team_id string", "project.name string",
		"project.description string", "project.team_id string", "datasources array", "dataobjects array", "datalines array", "datalineage array", "apis array", "queryprograms array", "ontology null", "references.credentials array")
	want(t, "a dataset", doc.get("datalines").at(0), "id string", "name string", "data_model string", "schema_code string", "dataobject_id string")
	want(t, "an object", doc.get("dataobjects").at(0), "id string", "file_type string", "file_role string", "content_base64 string", "etag string", "file_size number")
	want(t, "a program", doc.get("queryprograms").at(0), "id string", "name string", "query string", "query_program string", "slots string", "published boolean", "reason string")
	if strings.Contains(string(file.body), secretToken) {
		t.Error("the export holds a secret")
	}
	if n := len(doc.get("references", "credentials").list()); n != 1 || doc.get("references", "credentials").at(0).get("metadata").String() != "{}" {
		t.Errorf("credentials: %s", doc.get("references"))
	}

	ctx, cancel := context.WithCancel(context.Background())
	fresh, stopped, err := begin(ctx, t.TempDir(), shared.upstream)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}()
	there := &client{t: t, url: fresh.url, key: fresh.owner.key}
	body, contentType := form(t, part{"conflict_strategy", "", "", "rename"}, part{"file", "shop.json", "application/json", string(file.body)}, part{"team_id", "", "", fresh.owner.teamID})
	check := there.send("POST", "/projects/validate-import", body, "Content-Type", contentType).json()
	if check.String() == "" || check.get("valid").String() != "true" || check.get("counts", "datalines").number() != 2 || check.text("project_name") != "Shop to go" {
		t.Errorf("validate: %s", check)
	}
	made := there.send("POST", "/api/infactory/projects/import", body, "Content-Type", contentType)
	if made.status != 200 || made.json().get("success").String() != "true" || made.json().text("project_name") != "Shop to go" || !strings.Contains(made.String(), "no secrets") {
		t.Fatalf("import: %s", made)
	}
	imported := made.json().text("project_id")
	for _, j := range there.object("GET", "/v1/jobs?project_id="+imported, nil).list() {
		if end := there.follow(j.text("id")); end.text("status") != "completed" {
			t.Errorf("%s", end)
		}
	}
	if diff := cmp.Diff(c.everything(project), there.everything(imported)); diff != "" {
		t.Errorf("what went in differs from what came out: %s", diff)
	}
	for rule, c := range map[string]struct{ query, name string }{"rename": {"", "Shop to go (imported)"}, "rename again": {"rename_suffix=+2", "Shop to go 2"},
		"overwrite": {"conflict_strategy=overwrite", "Shop to go"}, "skip": {"conflict_strategy=skip", "Shop to go"}} {
		a := there.send("POST", "/v1/projects/import?"+c.query, string(file.body), "Content-Type", "application/json")
		if a.status != 200 || a.json().text("project_name") != c.name || (a.json().get("skipped").String() == "true") != (rule == "skip" && a.json().text("project_id") != "") {
			t.Errorf("%s: %s", rule, a)
		}
	}
}

func TestFilesThatAreNoProjectAreRefused(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "Evil")
	c.load(project, "a.csv", "id\n1\n", "")
	file := c.send("GET", "/v1/projects/"+project+"/export", nil)
	var doc map[string]any
	if err := json.Unmarshal(file.body, &doc); err != nil {
		t.Fatal(err)
	}
	object := func() map[string]any { return doc["dataobjects"].([]any)[0].(map[string]any) }
	changed := func(change func()) string {
		if err := json.Unmarshal(file.body, &doc); err != nil {
			t.Fatal(err)
		}
		change()
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, f := range []struct{ rule, body, typ string }{
		{"nothing", "", "file-empty"},
		{"no JSON", "PK", "import-malformed"},
		{"cut off", string(file.body[:len(file.body)/2]), ""},
		{"another file than was exported", changed(func() { object()["content_base64"] = "UEFSMXh4eHg=" }), "import-content-invalid"},
		{"no Parquet", changed(func() { object()["content_base64"], object()["sha256"] = "UEFSMXh4eHg=", "" }), "import-parquet-invalid"},
		{"a column that is not there", changed(func() {
			doc["datalines"].([]any)[0].(map[string]any)["schema"] = map[string]any{"columns": []any{map[string]any{"id": 1, "name": "secret", "key": "secret", "type": map[string]any{"kind": "BIGINT"}}}}
		}), "import-schema-invalid"},
		{"a table's name that SQL would not take", changed(func() { doc["datasources"].([]any)[0].(map[string]any)["table_name"] = `x" AS SELECT 1; --` }), ""},
		{"a strategy that is not known", string(file.body), "import-strategy"},
	} {
		query := "?team_id=" + shared.owner.teamID
		if f.typ == "import-strategy" {
			query += "&conflict_strategy=guess"
		}
		a := c.send("POST", "/v1/projects/import"+query, f.body, "Content-Type", "application/json")
		if a.status != 400 || f.typ != "" && a.json().text("type") != f.typ {
			t.Errorf("%s: %s", f.rule, a)
		}
		if f.typ == "import-strategy" || f.body == "" {
			continue
		}
		if v := c.send("POST", "/v1/projects/validate-import", f.body, "Content-Type", "application/json"); v.status != 200 || f.typ != "" && v.json().get("valid").String() != "false" {
			t.Errorf("validate %s: %s", f.rule, v)
		}
	}
	for _, p := range c.object("GET", "/v1/projects?include_deleted=true", nil).list() {
		if strings.Contains(p.text("name"), "being imported") {
			t.Errorf("half a project stays: %s", p)
		}
	}
	if a := c.send("POST", "/v1/projects/import?team_id="+random, string(file.body), "Content-Type", "application/json"); a.status != 404 {
		t.Errorf("into another's team: %s", a)
	}
}

func TestAForeignProjectIsImportedByItsParquetAlone(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "Foreign")
	c.load(project, "prices.csv", "day,price\n2024-01-01,1.5\n2024-01-02,2.5\n", "")
	var doc map[string]any
	if err := json.Unmarshal(c.send("GET", "/v1/projects/"+project+"/export", nil).body, &doc); err != nil {
		t.Fatal(err)
	}
	// What other servers write knows nothing of our own members.
	line, object, source := doc["datalines"].([]any)[0].(map[string]any), doc["dataobjects"].([]any)[0].(map[string]any), doc["datasources"].([]any)[0].(map[string]any)
	for _, name := range []string{"schema", "last_field_id", "rows", "verdict", "report", "table_name", "datasource_id"} {
		delete(line, name)
	}
	delete(object, "sha256")
	delete(source, "table_name")
	doc["queryprograms"] = []any{map[string]any{"id": "p", "name": "sum", "query": "How much?", "query_program": "SELECT sum(price) AS total FROM prices", "steps": nil, "slots": "[]", "stores": nil,
		"published": true, "reason": "", "prev_id": nil}}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	made := c.send("POST", "/v1/projects/import", string(text), "Content-Type", "application/json")
	if made.status != 200 || !strings.Contains(made.json().get("warnings").String(), "published") {
		t.Fatalf("%s", made)
	}
	id := made.json().text("project_id")
	got := fmt.Sprint(c.everything(id))
	if !strings.Contains(got, `[["4"]]`) && !strings.Contains(got, `[[4]]`) {
		t.Errorf("got %s", got)
	}
	if v := c.object("GET", "/v1/datalines/project/"+id, nil).at(0); v.get("verdict").text("reason") != "imported" || v.get("rows").number() != 2 {
		t.Errorf("got %s", v)
	}
}
