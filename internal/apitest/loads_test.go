package apitest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// A part of a form: with a name of a file, a file.
type part struct{ field, file, contentType, content string }

func form(t *testing.T, parts ...part) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		head := map[string][]string{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q`, p.field)}}
		if p.file != "" {
			head["Content-Disposition"][0] += fmt.Sprintf(`; filename=%q`, p.file)
		}
		if p.contentType != "" {
			head["Content-Type"] = []string{p.contentType}
		}
		to, err := w.CreatePart(head)
		if err == nil {
			_, err = io.WriteString(to, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// load loads a file as a form and returns the answer and the end of the job.
func (c *client) load(project, name, content, query string) (started, end node) {
	c.t.Helper()
	body, contentType := form(c.t, part{"file", name, "application/octet-stream", content})
	a := c.send("POST", "/v1/actions/load/"+project+"?"+query, body, "Content-Type", contentType)
	if a.status != 200 {
		c.t.Fatalf("load of %s: %s", name, a)
	}
	started = a.json()
	return started, c.follow(started.text("job_id"))
}

// rows returns the rows of the datasource's dataset as CSV with types in its header.
func (c *client) rowsOf(datasource string) string {
	c.t.Helper()
	lines := c.object("GET", "/v1/datalines?datasource_id="+datasource, nil)
	got := c.object("GET", "/v1/datalines/"+lines.at(0).text("id")+"/rows", nil)
	var b strings.Builder
	for i, col := range got.get("columns").list() {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(col.text("name") + " " + col.text("type"))
	}
	for _, row := range got.get("rows").list() {
		b.WriteString("\n" + row.String())
	}
	return b.String()
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

func utf16le(text string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range text {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

func TestFilesAreLoadedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "file types")
	for _, f := range []struct{ rule, name, content, query, want string }{
		{"CSV", "a.csv", "id,name\n1,Ada\n2,\"Bo, \"\"jr\"\"\"\n", "", "id BIGINT,name VARCHAR\n[1,\"Ada\"]\n[2,\"Bo, \\\"jr\\\"\"]"},
		{"exact values", "exact.csv", "zip,big,price,day\n007,9007199254740993,0.10,2024-02-29\n012,12345678901234567890123456789012345678,12345678901234567.89,2024-03-01\n", "",
			"zip VARCHAR,big DECIMAL(38,0),price DECIMAL(19,2),day DATE\n[\"007\",\"9007199254740993\",\"0.10\",\"2024-02-29\"]\n[\"012\",\"12345678901234567890123456789012345678\",\"12345678901234567.89\",\"2024-03-01\"]"},
		{"byte order mark and CR LF", "bom.csv", "\ufeffid,name\r\n1,é\r\n", "", "id BIGINT,name VARCHAR\n[1,\"é\"]"},
		{"UTF-16", "wide.csv", utf16le("id,name\n1,é\n"), "", "id BIGINT,name VARCHAR\n[1,\"é\"]"},
		{"windows-1252 by its bytes", "west.csv", "id,name\n1,caf\xe9 \x80\n", "", "id BIGINT,name VARCHAR\n[1,\"café €\"]"},
		{"a charset that is said", "said.csv", "id,name\n1,\x82\xa0\n", "charset=shift_jis", "id BIGINT,name VARCHAR\n[1,\"あ\"]"},
		{"semicolons are found", "semi.csv", "id;name\n1;a,b\n2;c,d\n", "", "id BIGINT,name VARCHAR\n[1,\"a,b\"]\n[2,\"c,d\"]"},
		{"a delimiter that is said", "said2.csv", "a|b,c\n1|2,3\n", "delimiter=%7C", "a BIGINT,b,c VARCHAR\n[1,\"2,3\"]"},
		{"no header", "bare.csv", "1,2024-01-01\n2,2024-01-02\n", "", "column_1 BIGINT,column_2 DATE\n[1,\"2024-01-01\"]\n[2,\"2024-01-02\"]"},
		{"a header that is said", "said3.csv", "1,2\n3,4\n", "header=present", "1 BIGINT,2 BIGINT\n[3,4]"},
		{"quoted newlines", "lines.csv", "id,note\n1,\"a\nb\"\n2,c\n", "", "id BIGINT,note VARCHAR\n[1,\"a\\nb\"]\n[2,\"c\"]"},
		{"NUL in a text", "nul.csv", "id,note\n1,a\x00b\n", "", "id BIGINT,note VARCHAR\n[1,\"a\\u0000b\"]"},
		{"names twice", "twice.csv", "a,a,A\n1,2,3\n", "", "a BIGINT,a_2 BIGINT,A_1 BIGINT\n[1,2,3]"},
		{"a header alone", "head.csv", "id,name\n", "", "id VARCHAR,name VARCHAR"},
		{"TSV", "a.tsv", "id\tname\n1\tAda\n", "", "id BIGINT,name VARCHAR\n[1,\"Ada\"]"},
		{"gzip", "a.csv.gz", gzipped(t, "id\n1\n2\n"), "", "id BIGINT\n[1]\n[2]"},
		{"zstd", "a.ndjson.zst", zstandard(t, "{\"a\":1}\n{\"a\":2.50}\n"), "", "a DOUBLE\n[1]\n[2.5]"},
		{"NDJSON of one line", "one.ndjson", `{"a":{"b":[1,2]}}`, "", "a STRUCT(\"b\" BIGINT[])\n[{\"b\":[1,2]}]"},
		{"a JSON array", "a.json", `[{"a":1},{"a":null}]`, "", "a BIGINT\n[1]\n[null]"},
		{"an envelope", "env.json", `{"meta":{"n":2},"data":[{"a":1},{"a":2}]}`, "", "a BIGINT\n[1]\n[2]"},
		{"a path", "path.json", `{"x":[{"a":1}],"y":[{"b":1},{"b":2}]}`, "response_path=x", "a BIGINT\n[1]"},
		{"JSON that is called CSV", "liar.csv", `[{"a":1}]`, "", "a BIGINT\n[1]"},
		{"a type that is said", "odd.dat", "x\n1\n2\n", "file_type=csv", "x BIGINT\n[1]\n[2]"},
		{"short rows are filled up", "pad.csv", "a,b\n1\n2,3\n", "on_ragged=pad", "a BIGINT,b BIGINT\n[1,null]\n[2,3]"},
		{"short rows are left out", "skip.csv", "a,b\n1\n2,3\n", "on_ragged=skip", "a BIGINT,b BIGINT\n[2,3]"},
	} {
		started, end := c.load(project, f.name, f.content, f.query)
		if end.text("status") != "completed" {
			t.Errorf("%s: %s", f.rule, end)
			continue
		}
		if got := c.rowsOf(started.text("datasource_id")); got != f.want {
			t.Errorf("%s:\n got %s\nwant %s", f.rule, got, f.want)
		}
	}
}

func TestTenThousandColumnsAreLoaded(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "wide file")
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	started, end := c.load(project, "broad.csv", strings.Join(names, ",")+"\n"+strings.Repeat("x,", 9999)+"x\n", "")
	if end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	lines := c.object("GET", "/v1/datalines?datasource_id="+started.text("datasource_id"), nil)
	if v := c.object("GET", "/v1/datalines/"+lines.at(0).text("id")+"/versions/1", nil); len(v.get("schema", "columns").list()) != 10_000 {
		t.Errorf("%d columns", len(v.get("schema", "columns").list()))
	}
	if _, end := c.load(project, "broader.csv", strings.Join(append(names, "one more"), ",")+"\n", ""); end.text("error", "type") != "too-many-keys" {
		t.Errorf("one column more: %s", end)
	}
}

func TestALoadTellsWhatItReadAndWhereItWent(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "load report")
	started, end := c.load(project, "my orders.csv", "id,name\n1,caf\xe9\n2,x\n3\n", "on_ragged=skip&datasource_name=Shop%20orders")
	want(t, "the answer", started, "success boolean", "datasource_id string", "message string", "redirect_to string", "job_id string", "jobs array", "data_object_id string", "upload_id string")
	d := c.object("GET", "/v1/datasources/"+started.text("datasource_id")+"/with_datalines", nil)
	if d.text("name") != "Shop orders" || d.text("status") != "ready" || d.text("type") != "csv" || d.text("table_name") != "shop_orders" {
		t.Errorf("the datasource: %s", d)
	}
	verdict := d.get("datalines").at(0).get("verdict")
	file := verdict.get("landing", "file")
	if verdict.text("state") != "limited" || verdict.text("reason") != "rows-skipped" || !strings.Contains(verdict.text("message"), "1 more were left out") ||
		!strings.Contains(verdict.get("alarms").String(), "line 4 has 1") || !strings.Contains(verdict.get("alarms").String(), "windows-1252") {
		t.Errorf("the verdict: %s", verdict)
	}
	if file.text("name") != "my orders.csv" || file.text("type") != "csv" || file.text("charset") != "windows-1252" || file.get("bytes").number() != 21 || len(file.text("sha256")) != 64 {
		t.Errorf("the file: %s", file)
	}
	if ragged := verdict.get("ragged", "lines").at(0); ragged.get("line").number() != 4 || ragged.get("fields").number() != 1 {
		t.Errorf("the ragged rows: %s", verdict.get("ragged"))
	}
	if end.get("stats", "records").number() != 2 || end.get("stats", "bytes").number() != 21 || end.get("progress").number() != 100 {
		t.Errorf("the job's progress: %s", end)
	}
	var way []string
	for _, e := range c.object("GET", "/v1/datasources/"+d.text("id")+"/lineage", nil).list() {
		way = append(way, e.text("transformation"))
	}
	if got := strings.Join(way, " "); !strings.Contains(got, "upload_file") || !strings.Contains(got, "read_records") || !strings.Contains(got, "convert_to_parquet") {
		t.Errorf("lineage: %s", got)
	}
	for _, o := range d.get("dataobjects").list() {
		if o.text("file_role") != "upload/original" {
			continue
		}
		content := c.send("GET", "/v1/dataobjects/"+o.text("id")+"/content", nil)
		if string(content.body) != "id,name\n1,caf\xe9\n2,x\n3\n" {
			t.Errorf("the file is not kept as it came: %q", content.body)
		}
		return
	}
	t.Errorf("the file is not kept: %s", d.get("dataobjects"))
}

func TestFilesThatCannotBeLoadedAreRefusedByName(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "bad files")
	for _, f := range []struct{ rule, name, content, query, typ, say string }{
		{"ragged rows, which are named", "a.csv", "a,b\n1,2\n3\n4,5,6\n", "", "csv-ragged", "of 2 such records: line 3 has 1, line 4 has 3"},
		{"a quote that never ends", "a.csv", "a,b\n1,\"2\n", "", "csv-unclosed-quote", "begins at line 2"},
		{"a page of a website", "a.csv", "<!doctype html><title>Log in</title>", "", "not-json", "the file is an HTML page"},
		{"JSON that is cut off", "a.json", `[{"a":1},{"a"`, "", "body-truncated", ""},
		{"keys twice", "a.json", `[{"a":1,"a":2}]`, "", "json-duplicate-key", ""},
		{"called Parquet", "a.parquet", "id\n1\n", "", "not-parquet", "does not begin as Parquet"},
		{"begins like Parquet", "a.parquet", "PAR1" + strings.Repeat("x", 100) + "PAR1", "", "not-parquet", ""},
		{"neither UTF-8 nor windows-1252", "a.csv", "a,b\n1,\x81\xfe\n", "", "charset-unknown", "neither UTF-8 nor windows-1252"},
		{"an image", "a.csv", "\x89PNG\r\n\x1a\n", "", "not-json", "an image"},
		{"gzip that is cut off", "a.csv.gz", gzipped(t, "id\n"+strings.Repeat("1\n", 9999))[:30], "", "body-truncated", ""},
	} {
		started, end := c.load(project, f.name, f.content, f.query)
		if end.text("status") != "failed" || end.text("error", "type") != f.typ || !strings.Contains(end.text("error", "detail"), f.say) || end.text("error", "kind") == "upstream" {
			t.Errorf("%s: %s", f.rule, end)
		}
		if lines := c.object("GET", "/v1/datalines?datasource_id="+started.text("datasource_id"), nil); lines.String() != "[]" {
			t.Errorf("%s: something is stored: %s", f.rule, lines)
		}
		if d := c.object("GET", "/v1/datasources/"+started.text("datasource_id"), nil); d.text("status") != "failed" {
			t.Errorf("%s: %s", f.rule, d)
		}
	}
}

func TestLoadsThatMakeNoSenseAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "bad loads")
	body, contentType := form(t, part{"file", "a.csv", "", "a\n1\n"})
	two, twoType := form(t, part{"file", "a.csv", "", "a\n1\n"}, part{"file", "b.csv", "", "a\n1\n"})
	empty, emptyType := form(t, part{"file", "a.csv", "", ""})
	none, noneType := form(t, part{"datasource_id", "", "", ""})
	bad, badType := form(t, part{"on_ragged", "", "", "guess"}, part{"file", "a.csv", "", "a\n1\n"})
	for _, f := range []struct{ rule, body, contentType, query, typ string }{
		{"no boundary", body, "multipart/form-data", "", "multipart-malformed"},
		{"another boundary", body, "multipart/form-data; boundary=nope", "", "multipart-malformed"},
		{"cut off in the file", body[:len(body)-40], contentType, "", "body-incomplete"},
		{"two files", two, twoType, "", "load-twice"},
		{"an empty file", empty, emptyType, "", "file-empty"},
		{"no file", none, noneType, "", "file-empty"},
		{"an empty body", "", "text/csv", "", "file-empty"},
		{"an option that is not known", body, contentType, "on_ragged=guess", "load-option-invalid"},
		{"an option of the form that is not known", bad, badType, "", "load-option-invalid"},
		{"a type that is not known", body, contentType, "file_type=xlsx", "file-type-unknown"},
		{"merge without a key", body, contentType, "mode=merge", "merge-key-needed"},
		{"a mode that is not known", body, contentType, "mode=upsert", "mode-unknown"},
		{"a file and an address", body, contentType, "source_url=http%3A%2F%2Fexample.com%2Fa.csv", "load-twice"},
	} {
		a := c.send("POST", "/v1/actions/load/"+project+"?"+f.query, f.body, "Content-Type", f.contentType)
		if a.status != 400 || a.json().text("type") != f.typ {
			t.Errorf("%s: %s", f.rule, a)
		}
	}
	for rule, query := range map[string]string{"a job that is not there": "job_id=" + random, "a datasource that is not there": "datasource_id=" + random} {
		if a := c.send("POST", "/v1/actions/load/"+project+"?"+query, body, "Content-Type", contentType); a.status != 404 {
			t.Errorf("%s: %s", rule, a)
		}
	}
	if list := c.object("GET", "/v1/datasources/project/"+project, nil); list.String() != "[]" {
		t.Errorf("a refused load made a datasource: %s", list)
	}
}

func TestLoadsReplaceAppendAndMergeAsRunsDo(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "load modes")
	started, _ := c.load(project, "a.csv", "id,v\n1,a\n2,b\n", "")
	id := started.text("datasource_id")
	for _, step := range []struct{ file, query, want string }{
		{"id,v\n3,c\n", "mode=append", "id BIGINT,v VARCHAR\n[1,\"a\"]\n[2,\"b\"]\n[3,\"c\"]"},
		{"id,v\n4.5,d\n", "mode=append", "id DOUBLE,v VARCHAR\n[1,\"a\"]\n[2,\"b\"]\n[3,\"c\"]\n[4.5,\"d\"]"},
		{"id,v\n1,a\n2,b\n", "mode=merge&key=id", ""},
		{"id,v\n9,z\n", "", "id BIGINT,v VARCHAR\n[9,\"z\"]"},
		{"id,v\n9,y\n8,x\n", "mode=merge&key=id", "id BIGINT,v VARCHAR\n[8,\"x\"]\n[9,\"y\"]"},
	} {
		_, end := c.load(project, "a.csv", step.file, step.query+"&datasource_id="+id)
		if end.text("status") != "completed" {
			t.Fatalf("%s: %s", step.query, end)
		}
		if got := c.rowsOf(id); step.want != "" && got != step.want {
			t.Errorf("%s:\n got %s\nwant %s", step.query, got, step.want)
		}
	}
}

func TestAFileThatIsTooLargeIsRefusedWithTheLimit(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "too large")
	text := strings.Repeat("some words,", maxUpload/10)
	body, contentType := form(t, part{"file", "a.csv", "", text})
	for rule, known := range map[string]bool{"said before it is sent": true, "found while it comes": false} {
		var r io.Reader = strings.NewReader(body)
		if !known {
			r = struct{ io.Reader }{r} // of no known length, so it is sent in chunks
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.url+"/v1/actions/load/"+project, r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.key)
		req.Header.Set("Content-Type", contentType)
		// A server that refuses may close the connection before all is sent.
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 413 || !strings.Contains(string(said), "upload-too-large") || !strings.Contains(string(said), "4 MB") {
			t.Errorf("%s: %d %s", rule, resp.StatusCode, said)
		}
	}
}

func TestAFileIsFetchedByARun(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "fetched")
	started := c.object("POST", "/v1/actions/load/"+project+"?source_url="+url.QueryEscape(shared.upstream+"/table.csv"), map[string]any{})
	if end := c.follow(started.text("job_id")); end.text("status") != "completed" || end.text("job_type") != "http_request" {
		t.Fatalf("%s", end)
	}
	if got := c.rowsOf(started.text("datasource_id")); got != "id BIGINT,name VARCHAR\n[1,\"a\"]\n[2,\"b\"]" {
		t.Errorf("got %s", got)
	}
	id := c.send("POST", "/v1/jobs/submit", map[string]any{"project_id": project, "job_type": "upload", "payload": map[string]any{}}).json().string()
	started = c.object("POST", "/v1/actions/load/"+project+"?job_id="+id+"&source_url="+url.QueryEscape(shared.upstream+"/table.csv"), map[string]any{})
	if end := c.follow(id); end.text("status") != "completed" || started.text("job_id") != id {
		t.Errorf("%s", end)
	}
	if a := c.send("POST", "/v1/actions/load/"+project+"?source_url="+url.QueryEscape("http://10.0.0.1/a.csv"), map[string]any{}); a.status == 200 {
		if end := c.follow(a.json().text("job_id")); end.text("status") != "failed" || !strings.Contains(end.text("error", "detail"), "10.0.0.1") {
			t.Errorf("a private address: %s", end)
		}
	}
}

func TestParquetKeepsItsTypesAndValues(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "parquet")
	started, _ := c.load(project, "first.csv", "id,price,day,note,empty\n007,0.10,2024-02-29,2024-01-01 is text,\n008,12345678901234567890.5,2024-03-01,x,\n", "")
	first := started.text("datasource_id")
	lines := c.object("GET", "/v1/datalines?datasource_id="+first, nil)
	file := c.send("GET", "/v1/datalines/"+lines.at(0).text("id")+"/export?format=parquet", nil)
	if file.status != 200 || !bytes.HasPrefix(file.body, []byte("PAR1")) {
		t.Fatalf("export: %d %.100s", file.status, file.body)
	}
	again, end := c.load(project, "again.parquet", string(file.body), "")
	if end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	if diff := cmp.Diff(c.rowsOf(first), c.rowsOf(again.text("datasource_id"))); diff != "" {
		t.Error(diff)
	}
	broken := bytes.Clone(file.body)
	for i := len(broken) / 2; i < len(broken)-8; i++ {
		broken[i] ^= byte(i * 7)
	}
	if _, end := c.load(project, "broken.parquet", string(broken), ""); end.text("status") != "failed" || end.text("error", "type") != "not-parquet" {
		t.Errorf("a damaged file: %s", end)
	}
}
