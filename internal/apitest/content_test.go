package apitest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

func TestContentHonoursRangesAndTags(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	path := "/v1/dataobjects/" + w.ids["object"] + "/content"
	object := c.object("GET", "/v1/dataobjects/"+w.ids["object"], nil)
	whole := c.send("GET", path, nil)
	digest := sha256.Sum256(whole.body)
	if len(object.text("etag")) != 32 || hex.EncodeToString(digest[:]) != object.text("sha256") || float64(len(whole.body)) != object.get("file_size").number() {
		t.Errorf("the content is not what the object says: %s", object)
	}
	if string(whole.body[:4]) != "PAR1" {
		t.Errorf("no Parquet: %q", whole.body[:4])
	}
	size, tag := strconv.Itoa(len(whole.body)), `"`+object.text("etag")+`"`
	for _, u := range []struct {
		rule, method string
		header       []string
		status       int
		body         string
		answer       map[string]string
	}{
		{"whole", "GET", nil, 200, string(whole.body), map[string]string{"ETag": tag, "Accept-Ranges": "bytes", "Content-Length": size, "X-Content-Type-Options": "nosniff"}},
		{"head", "HEAD", nil, 200, "", map[string]string{"ETag": tag, "Content-Length": size}},
		{"a range", "GET", []string{"Range", "bytes=0-3"}, 206, "PAR1", map[string]string{"Content-Range": "bytes 0-3/" + size}},
		{"the end", "GET", []string{"Range", "bytes=-4"}, 206, "PAR1", nil},
		{"from the middle", "GET", []string{"Range", "bytes=10-"}, 206, string(whole.body[10:]), nil},
		{"beyond the end", "GET", []string{"Range", "bytes=" + size + "-"}, 416, "", nil},
		{"the caller has it", "GET", []string{"If-None-Match", tag}, 304, "", map[string]string{"ETag": tag}},
		{"the caller has another", "GET", []string{"If-None-Match", `"x"`}, 200, string(whole.body), nil},
		{"a range of what the caller has", "GET", []string{"Range", "bytes=0-3", "If-Range", tag}, 206, "PAR1", nil},
		{"a range of something else", "GET", []string{"Range", "bytes=0-3", "If-Range", `"x"`}, 200, string(whole.body), nil},
	} {
		got := c.send(u.method, path, nil, u.header...)
		if got.status != u.status || u.status < 400 && string(got.body) != u.body {
			t.Errorf("%s: %d with %d bytes, want %d with %d", u.rule, got.status, len(got.body), u.status, len(u.body))
		}
		for name, value := range u.answer {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", u.rule, name, got.header.Get(name), value)
			}
		}
	}
}

// TestNoObjectHoldsASecret reads every stored file.
func TestNoObjectHoldsASecret(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	detail := c.send("GET", "/v1/datasources/"+w.ids["datasource"]+"/with_datalines", nil)
	texts := map[string][]byte{"with_datalines": detail.body}
	for _, o := range detail.json().get("dataobjects").list() {
		texts[o.text("file_role")] = c.send("GET", "/v1/dataobjects/"+o.text("id")+"/content", nil).body
	}
	if len(texts) < 4 {
		t.Errorf("only %d texts", len(texts))
	}
	for name, text := range texts {
		if len(text) == 0 || contains(text, secretToken) {
			t.Errorf("%s: empty, or the token is in it", name)
		}
	}
}

func contains(text []byte, secret string) bool {
	for i := 0; i+len(secret) <= len(text); i++ {
		if string(text[i:i+len(secret)]) == secret {
			return true
		}
	}
	return false
}

func TestPagesOfRowsGiveEachRowOnce(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	for _, limit := range []int{100, 1000, 1037, 10000} {
		seen, after, pages := map[string]bool{}, "", 0
		for {
			page := c.object("GET", fmt.Sprintf("/v1/datalines/%s/rows?limit=%d&after=%s", w.ids["dataline"], limit, url.QueryEscape(after)), nil)
			want(t, "rows", page, "columns array", "rows array", "total_rows number", "version number", "next string+")
			if page.get("total_rows").number() != records {
				t.Fatalf("total_rows: %s", page.get("total_rows"))
			}
			id := -1
			for i, column := range page.get("columns").list() {
				if column.text("name") == "id" {
					id = i
				}
			}
			for i, row := range page.get("rows").list() {
				key := row.at(id).String()
				if seen[key] {
					t.Fatalf("limit %d: row %s twice", limit, key)
				}
				if key != strconv.Itoa(pages*limit+i) {
					t.Fatalf("limit %d: row %s at place %d", limit, key, pages*limit+i)
				}
				seen[key] = true
			}
			pages++
			if after = page.text("next"); after == "" {
				break
			}
		}
		if len(seen) != records || pages != (records+limit-1)/limit {
			t.Errorf("limit %d: %d rows in %d pages, want %d", limit, len(seen), pages, records)
		}
	}
	for after, status := range map[string]int{"x": 400, "1.-1": 400, "1.5x": 400, "01.5": 400, "99.5": 409} {
		if got := c.send("GET", "/v1/datalines/"+w.ids["dataline"]+"/rows?after="+after, nil); got.status != status {
			t.Errorf("after=%s: %s, want %d", after, got, status)
		}
	}
}

func TestWithDatalinesHoldsAllThatHangsOnADatasource(t *testing.T) {
	t.Parallel()
	w := shared
	d := w.client(t, w.owner.key).object("GET", "/v1/datasources/"+w.ids["datasource"]+"/with_datalines", nil)
	want(t, "a datasource, and more", d, "id string", "name string", "project_id string", "status string", "connect_spec object", "credentials array", "dataobjects array", "datalines array", "projects object")
	roles := map[string]int{}
	for _, o := range d.get("dataobjects").list() {
		roles[o.text("file_role")]++
		want(t, "object", o, "id string", "bucket string", "key string", "file_type string", "file_size number", "etag string", "mime_type string", "metadata object", "datasource_id string")
	}
	if len(roles) != 3 || roles["connect/http"] != 1 || roles["data/uploaded"] != 1 {
		t.Errorf("objects: %v", roles)
	}
	want(t, "dataline", d.get("datalines").at(0), "id string", "table_name string", "schema.columns array", "version number", "rows number", "bytes number", "verdict.state string")
	if d.text("status") != "ready" || d.get("credentials").at(0).text("id") != w.ids["credential"] || d.text("projects", "id") != w.ids["project"] ||
		d.get("datalines").at(0).text("dataobject_id") != w.ids["object"] || d.get("datalines").at(0).get("rows").number() != records {
		t.Errorf("got %s", d)
	}
	if got := d.get("connect_spec").String(); contains([]byte(got), secretToken) || !contains([]byte(got), "REDACTED") {
		t.Errorf("the request that it makes: %s", got)
	}
}

func TestLineageLeadsFromTheRequestToTheParquet(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	for path, wanted := range map[string]int{"/v1/datasources/" + w.ids["datasource"] + "/lineage": 3, "/v1/projects/" + w.ids["project"] + "/lineage": 3,
		"/v1/dataobjects/" + w.ids["object"] + "/lineage": 3, "/v1/datasources/" + w.ids["datasource"] + "/lineage?depth=1": 3} {
		edges := c.object("GET", path, nil).list()
		steps := map[string]int{}
		for _, e := range edges {
			steps[e.text("transformation")]++
			want(t, path, e, "id string", "upstream_id string+", "downstream_id string", "metadata object", "created_at string")
		}
		if len(edges) != wanted || steps["upload_http_request"] != 1 || steps["fetch_pages"] != 1 || steps["convert_to_parquet"] != 1 {
			t.Errorf("%s: %v", path, steps)
		}
	}
}
