package apitest_test

import (
	"fmt"
	"strings"
	"testing"
)

func csvOf(header string, n int, row func(i int) string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range n {
		b.WriteString(row(i) + "\n")
	}
	return b.String()
}

// loaded loads a file and waits for all jobs that follow; it returns the dataset.
func (c *client) loaded(project, name, content string) string {
	c.t.Helper()
	started, _ := c.load(project, name, content, "questions=true")
	for range 3 {
		for _, j := range c.object("GET", "/v1/jobs?project_id="+project, nil).list() {
			c.follow(j.text("id"))
		}
	}
	return c.object("GET", "/v1/datalines?datasource_id="+started.text("datasource_id"), nil).at(0).text("id")
}

func TestDatasetsOfAProjectAreJoinedByTheirKeys(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "joins")
	// The table with the keys lands last: what points at it gets its joins then.
	sales := c.loaded(project, "sales.csv", csvOf("sale_id,customer_id,amount,quantity", 400, func(i int) string {
		return fmt.Sprintf("%d,%d,%d.5,%d", i+1, 1+(i*i*7)%45, (i*37)%500, 1+i%7)
	}))
	if links := c.object("GET", "/v1/datalines/"+sales+"/links", nil).list(); len(links) != 0 {
		t.Errorf("linked to nothing: %v", links)
	}
	customers := c.loaded(project, "customers.csv", csvOf("id,name,country", 60, func(i int) string {
		return fmt.Sprintf("%d,Customer %d,%s", i+1, i, []string{"Germany", "France", "Spain"}[(i*i)%3])
	}))
	for _, id := range []string{sales, customers} {
		links := c.object("GET", "/v1/datalines/"+id+"/links", nil).list()
		if len(links) != 1 || links[0].text("column") != "customer_id" || links[0].text("other_column") != "id" || links[0].text("other_id") != customers || links[0].text("dataline_id") != sales ||
			links[0].get("values").number() != 400 || links[0].get("matched").number() != 400 || links[0].get("keys").number() != 60 || links[0].text("names") == "" {
			t.Fatalf("links %v", links)
		}
	}
	joins := 0
	for _, p := range c.object("GET", "/v1/queryprograms/dataline/"+sales, nil).list() {
		if !strings.HasPrefix(p.text("template"), "join_") {
			continue
		}
		joins++
		if !strings.Contains(p.get("reason").String(), "400 of 400 values of customer id (100.0%)") {
			t.Errorf("%s does not say what was counted: %s", p.text("cue"), p.get("reason"))
		}
		if run := c.object("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.text("id")}); run.get("row_count").number() == 0 {
			t.Errorf("%s: %s", p.text("cue"), run)
		}
	}
	if joins == 0 {
		t.Error("no program joins the two")
	}
	c.joinsAreTrino(sales, customers)
}

// joinsAreTrino asks for the joins of a dataset as texts for Trino: they read both tables,
// with the same slots.
func (c *client) joinsAreTrino(dataset, other string) {
	c.t.Helper()
	table := c.object("GET", "/v1/datalines/"+other, nil).text("table_name")
	for _, p := range c.object("GET", "/v1/queryprograms/dataline/"+dataset, nil).list() {
		if !strings.HasPrefix(p.text("template"), "join_") {
			continue
		}
		got := c.send("GET", "/v1/queryprograms/"+p.text("id")+"/sql?dialect=trino", nil)
		if got.status != 200 || got.json().text("dialect") != "trino" {
			c.t.Errorf("%s: %s", p.text("cue"), got)
			continue
		}
		sql := got.json().text("sql")
		if table == "" || !strings.Contains(sql, table) || len(got.json().get("slot_list").list()) != len(p.get("slot_list").list()) {
			c.t.Errorf("%s: slots %s, want %s, of %s", p.text("cue"), got.json().get("slot_list"), p.get("slot_list"), sql)
		}
	}
}

func TestWhyThereAreFewProgramsIsSaid(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "few")
	for name, content := range map[string]string{
		"one-row.csv":     "id,name,amount\n1,only,3.5\n",
		"all-null.ndjson": strings.Repeat(`{"a":null,"b":null}`+"\n", 20),
		"only-text.csv":   csvOf("body", 30, func(i int) string { return fmt.Sprintf("\"some words that go on, number %d\"", i) }),
	} {
		id := c.loaded(project, name, content)
		last := c.object("GET", "/v1/datalines/"+id+"/programs/changes", nil).at(0)
		if notes := last.get("notes").String(); !strings.Contains(notes, "of 12 programs: the table has") {
			t.Errorf("%s: the notes are %s", name, last)
		}
		if len(last.get("changes").list()) == 0 {
			t.Errorf("%s has no program at all: %s", name, last)
		}
	}
}
