package apitest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// asked publishes a program of a project of its own and returns a client and the project.
func asked(t *testing.T) (c *client, project string) {
	t.Helper()
	w := shared
	c, project = w.newProject(t, t.Name())
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "Orders", "project_id": project}).text("id")
	for _, j := range c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/orders")).get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" {
			t.Fatalf("%s", end)
		}
	}
	made := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "What is the total amount per city?", "name": "Amount per city",
		"code":  `SELECT city, sum(amount) AS total FROM orders WHERE $city IS NULL OR city = $city GROUP BY city ORDER BY city`,
		"slots": []map[string]any{{"name": "city", "type": "enum", "values": []string{"Kiel", "Lyon", "Oslo"}, "default": nil}}})
	c.object("PATCH", "/v1/queryprograms/"+made.text("id")+"/publish", map[string]any{})
	return c, project
}

func messages(text string) map[string]any {
	return map[string]any{"model": "infactory-v1", "messages": []map[string]any{{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"},
		{"role": "assistant", "content": nil}, {"role": "user", "content": []map[string]any{{"type": "text", "text": text}}}}}
}

// completed reads the content of a completion, which must be JSON.
func completed(t *testing.T, completion node) node {
	t.Helper()
	return answer{body: []byte(completion.get("choices").at(0).text("message", "content"))}.json()
}

func TestChatAnswersWithThePublishedProgram(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	for _, path := range []string{"/v1/run/" + project + "/chat/completions", "/v1/integrations/chat/" + project + "/chat/completions"} {
		whole := c.object("POST", path, messages("total amount per city"))
		want(t, path, whole, "id string", "object string", "created number", "model string", "choices array", "usage.total_tokens number", "millwright.certainty number")
		result := completed(t, whole)
		if whole.text("model") != "infactory-v1" || whole.get("choices").at(0).text("finish_reason") != "stop" || len(result.get("items", "MAIN", "item", "rows").list()) != 3 {
			t.Errorf("%s: %s", path, whole)
		}
	}
	one := c.object("POST", "/v1/run/"+project+"/chat/completions", messages("what is the total amount in Oslo?"))
	if rows := completed(t, one).get("rows").list(); len(rows) != 1 || rows[0].at(0).string() != "Oslo" || one.text("millwright", "values", "city") != "Oslo" {
		t.Errorf("a value that the words give: %s", one)
	}
	for rule, more := range map[string]map[string]any{
		"tools of the caller's own are left alone": {"tools": []map[string]any{{"type": "function", "function": map[string]any{"name": "mine", "parameters": map[string]any{}}}}, "tool_choice": map[string]any{"type": "function", "function": map[string]any{"name": "mine"}}},
		"what has no meaning here is accepted":     {"temperature": 0.2, "n": 1, "max_tokens": 5, "response_format": map[string]any{"type": "json_object"}, "tool_choice": "auto"},
	} {
		body := messages("total amount per city")
		for k, v := range more {
			body[k] = v
		}
		if got := c.object("POST", "/v1/run/"+project+"/chat/completions", body); got.get("millwright", "matched").value != true {
			t.Errorf("%s: %s", rule, got)
		}
	}
	direct := c.object("POST", "/v1/query", map[string]any{"question": "total amount per city", "projectId": project})
	if direct.get("match", "matched").value != true || len(direct.get("answer", "rows").list()) != 3 {
		t.Errorf("query: %s", direct)
	}
}

func TestChatSaysWhatCouldBeAsked(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	for _, question := range []string{"What is the weather tomorrow?", "average note length by customer", "…"} {
		whole := c.object("POST", "/v1/run/"+project+"/chat/completions", messages(question))
		n := completed(t, whole)
		could := n.get("could_ask").at(0)
		if whole.get("millwright", "matched").value != false || n.text("code") != "no-match" || n.get("result_code").number() != 1 || could.text("question") != "What is the total amount per city?" ||
			could.get("parameters").at(0).text("name") != "city" || !strings.HasPrefix(could.text("endpoint"), "/live/") {
			t.Errorf("%q: %s", question, whole)
		}
	}
	empty := c.object("POST", "/v1/projects", map[string]any{"name": "nothing published"}).text("id")
	if n := completed(t, c.object("POST", "/v1/run/"+empty+"/chat/completions", messages("anything"))); n.text("code") != "nothing-published" {
		t.Errorf("nothing is published: %s", n)
	}
	for rule, body := range map[string]any{"no messages": map[string]any{}, "no question": map[string]any{"messages": []any{map[string]any{"role": "system", "content": "x"}}}} {
		if got := c.send("POST", "/v1/run/"+project+"/chat/completions", body); got.status != 400 || got.json().get("errors").at(0).text("pointer") != "/messages" {
			t.Errorf("%s: %s", rule, got)
		}
	}
}

// TestChatStreamsChunks reads a stream as clients of language models do: data lines only.
func TestChatStreamsChunks(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	body := messages("total amount per city")
	body["stream"] = true
	got := c.send("POST", "/v1/run/"+project+"/chat/completions", body)
	if got.header.Get("Content-Type") != "text/event-stream" || strings.Contains(string(got.body), "event:") || strings.Contains(string(got.body), "\r") {
		t.Fatalf("%s %s", got.header, got)
	}
	var text, last string
	for i, block := range strings.Split(strings.TrimSuffix(string(got.body), "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(block, fmt.Sprintf("id: %d\ndata: ", i+1))
		if !ok {
			t.Fatalf("chunk %d: %q", i+1, block)
		}
		if last = data; data == "[DONE]" {
			break
		}
		chunk := answer{body: []byte(data)}.json()
		if chunk.text("object") != "chat.completion.chunk" {
			t.Errorf("chunk %d: %s", i+1, chunk)
		}
		text += chunk.get("choices").at(0).text("delta", "content")
	}
	if rows := (answer{body: []byte(text)}).json().get("rows").list(); last != "[DONE]" || len(rows) != 3 {
		t.Errorf("the chunks are %q and end with %q", text, last)
	}
}

func TestToolsOfAProject(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	base := "/v1/integrations/chat/" + project
	tools := c.object("GET", base+"/tools.json", nil)
	name := tools.get("functions").at(0).text("name")
	want(t, "tools.json", tools, "name string", "functions array", "fn_mapping."+name+" string")
	want(t, "schema", c.object("GET", base+"/schema", nil).at(0), "name string", "parameters object", "returns object", "endpoint string")
	want(t, "models", c.object("GET", base+"/models", nil), "object string", "data array")
	if got := c.object("POST", base+"/call/"+name, map[string]any{"city": "Lyon"}); len(got.get("rows").list()) != 1 {
		t.Errorf("call: %s", got)
	}
	if got := c.send("POST", base+"/call/nothing", map[string]any{}); got.status != 404 || got.json().text("type") != "tool-unknown" || got.json().get("fixes").at(0).string() != "call "+name {
		t.Errorf("an unknown tool: %s", got)
	}
	if got := c.send("POST", base+"/call/"+name, map[string]any{"town": "Lyon"}); got.status != 400 {
		t.Errorf("an unknown argument: %s", got)
	}
	imported := c.object("GET", base+"/open-webui-tools.json", nil).at(0).text("content")
	python := c.send("GET", base+"/tools.py", nil)
	if imported != string(python.body) || !strings.HasPrefix(python.header.Get("Content-Type"), "text/x-python") {
		t.Errorf("tools.py: %s %s", python.header, python)
	}
	run := exec.CommandContext(t.Context(), "python3", "-c", string(python.body)+"\nprint(Tools("+pythonText(c.url)+", "+pythonText(c.key)+")."+name+"(city=\"Kiel\"))")
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), `"city": "Kiel"`) {
		t.Errorf("the class does not call its tool: %v\n%s", err, out)
	}
}

func pythonText(text string) string {
	quoted, _ := json.Marshal(text) // text can always be written
	return string(quoted)
}

func TestConversations(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	made := c.object("POST", "/v1/explore", map[string]any{"projectId": project, "defaultSlugModel": "m"})
	id := made.text("id")
	want(t, "conversation", made, "id string", "title string", "project_id string", "created_at string", "starred boolean", "archived boolean", "deleted_at null")
	for _, path := range []string{"/v1/run/" + id, "/v1/explore/" + id, "/v1/chat/" + id} {
		got := c.send("POST", path, map[string]any{"conversationId": id, "projectId": project, "content": "total amount per city", "authorRole": "user"})
		blocks := strings.Split(strings.TrimSuffix(string(got.body), "\n\n"), "\n\n")
		if got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" || len(blocks) != 3 || !strings.HasPrefix(blocks[2], "id: 3\nevent: messages\ndata: {") ||
			!strings.Contains(blocks[2], `"content_type":"function-response"`) {
			t.Fatalf("%s: %s", path, got)
		}
	}
	if kept := c.send("POST", "/v1/run/"+id+"?no_reply=true", map[string]any{"content": "a note"}); strings.Count(string(kept.body), "event: messages") != 1 {
		t.Errorf("no_reply: %s", kept)
	}
	list := c.object("GET", "/v1/explore/"+id+"/messages", nil)
	if n := len(list.list()); n != 10 {
		t.Errorf("%d messages, want 10: %s", n, list)
	}
	want(t, "message", list.at(2), "id string", "conversation_id string", "node_id string", "author_role string", "content_type string", "content_text string", "status string", "recipient string", "weight number", "end_turn boolean", "request_id string", "created_at string")
	result := answer{body: []byte(list.at(2).text("content_text"))}.json()
	if len(result.get("items", "MAIN", "item", "rows").list()) != 3 {
		t.Errorf("the response: %s", result)
	}
	items := c.object("GET", "/v1/explore/"+id+"/graph", nil).get("items").list()
	if len(items) != 7 || items[0].text("kind") != "node" || items[0].text("message", "content_text") != "total amount per city" || items[1].text("kind") != "group" || len(items[1].get("items").list()) != 2 {
		t.Errorf("graph: %v", items)
	}
	free := c.send("POST", "/v1/run/"+id, map[string]any{"content": "average amount per day"})
	if text := string(free.body); !strings.Contains(text, `\"source\":\"written\"`) {
		t.Errorf("a question that nothing published answers: %s", free)
	}
	none := c.send("POST", "/v1/run/"+id, map[string]any{"content": "What is the weather tomorrow?"})
	if text := string(none.body); !strings.Contains(text, `"content_type":"function-response"`) || !strings.Contains(text, `could_ask`) || !strings.Contains(text, `"status":"finished_with_error"`) {
		t.Errorf("a question that nothing answers: %s", none)
	}
	if got := c.object("PATCH", "/v1/explore/"+id, map[string]any{"body": map[string]any{"isStarred": true, "title": "T"}}); got.get("is_starred").value != true || got.text("title") != "T" {
		t.Errorf("changed: %s", got)
	}
	if got := c.object("PATCH", "/v1/explore/"+id+"/archive", nil); got.get("archived").value != true {
		t.Errorf("archived: %s", got)
	}
	if list := c.object("GET", "/v1/explore?project_id="+project, nil); len(list.list()) != 1 || list.at(0).text("title") != "T" {
		t.Errorf("listed: %s", list)
	}
	if got := c.object("DELETE", "/v1/explore/"+id, nil); got.text("id") != id {
		t.Errorf("deleted: %s", got)
	}
	if got := c.send("GET", "/v1/explore/"+id+"/graph", nil); got.status != 404 {
		t.Errorf("after that: %s", got)
	}
}

// TestToolCallsInTheFormOfMessages sends JSON as text/plain, as the TypeScript client does.
func TestToolCallsInTheFormOfMessages(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	name := c.object("GET", "/v1/integrations/chat/"+project+"/tools.json", nil).get("functions").at(0).text("name")
	id := c.object("POST", "/v1/explore", map[string]any{"project_id": project}).text("id")
	body := fmt.Sprintf(`{"conversationId":%q,"projectId":%q,"content":"{\"city\":\"Oslo\"}"}`, id, project)
	got := c.send("POST", "/live/"+name, body, "Content-Type", "text/plain;charset=UTF-8")
	if text := string(got.body); got.status != 200 || !strings.Contains(text, `"content_type":"function-response"`) || strings.Contains(text, "Kiel") || !strings.Contains(text, "Oslo") {
		t.Errorf("%s", got)
	}
	if n := len(c.object("GET", "/v1/explore/"+id+"/messages", nil).list()); n != 3 {
		t.Errorf("%d messages are kept, want 3", n)
	}
}

func TestWhatIsOutOfScopeSaysSo(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	for _, u := range []string{"GET /v1/billing/subscriptions", "POST /v1/billing/subscriptions/checkout", "GET /v1/orgs/clerk/org_1", "POST /v1/users/get_or_create_user_team_organization",
		"POST /v1/integrations/fivetran/webhook", "POST /v1/connect/merge/link-token", "POST /v1/cosmos/cosmos/test-connection", "GET /v1/database/capabilities", "POST /v1/database/test-connection",
		"POST /v1/actions/generate/datamodel", "GET /v1/ontologies", "GET /v1/tasks", "GET /v1/infrastructure", "GET /api/infactory/v1/rbac/roles"} {
		method, path, _ := strings.Cut(u, " ")
		var body any
		if method == http.MethodPost {
			body = map[string]any{"body": map[string]any{}}
		}
		got := c.send(method, path, body, "x-infactory-sdk-version", "0.6.4")
		if got.status != 404 || got.json().text("type") != "out-of-scope" || got.json().text("detail") == "" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s", u, got.header.Get("Content-Type"), got)
		}
	}
	if got := c.send("GET", "/v1/nothing", nil); got.json().text("type") != "no-such-route" {
		t.Errorf("what is nowhere: %s", got)
	}
}
