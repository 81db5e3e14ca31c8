package transfer

import (
	"os"
	"strings"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/table"
)

const small = `{"infactory_export_version":"1.1","metadata":{"created_at":"2026-01-01T00:00:00Z"},"project":{"name":"Shop","description":null,"team_id":""},
 "datasources":[{"id":"d","name":"Orders","type":"csv","uri":"","status":"ready"}],
 "dataobjects":[{"id":"o","datasource_id":"d","key":"../../etc/passwd","file_type":"parquet","content_base64":"UEFSMQ=="}],
 "datalines":[{"id":"l","name":"Orders","data_model":"{}","schema_code":"","dataobject_id":"o"}],
 "datalineage":null,"apis":[{}],"queryprograms":[{"id":"p","name":"n","query":"q","query_program":"SELECT 1","slots":"[]","published":true,"reason":"","prev_id":null}],
 "ontology":{"any":["thing"]},"references":{"credentials":[{"id":"c","name":"n"}]}}`

func TestADocumentIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc, err := read(t.Context(), strings.NewReader(small), dir, 1<<20)
	if err == nil {
		err = doc.check()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.counts(); got != (Counts{1, 1, 1, 1, 1}) || doc.Datalines[0].DatasourceID != "d" || len(doc.warnings()) != 2 {
		t.Errorf("got %+v, %v", got, doc.warnings())
	}
	content, err := os.ReadFile(doc.Objects[0].path)
	if err != nil || string(content) != "PAR1" || !strings.HasPrefix(doc.Objects[0].path, dir) {
		t.Errorf("%q in %s, %v", content, doc.Objects[0].path, err)
	}
}

func TestDocumentsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	schema := func(s string) string {
		return strings.Replace(small, `"dataobject_id":"o"`, `"dataobject_id":"o","schema":{"columns":[`+s+`]}`, 1)
	}
	for _, c := range []struct{ rule, text, typ, at string }{
		{"no JSON", `id,name`, "import-malformed", ""},
		{"an array", `[]`, "import-malformed", ""},
		{"cut off", small[:len(small)-5], "import-malformed", ""},
		{"something behind it", small + `{}`, "import-malformed", ""},
		{"another version", strings.Replace(small, `"1.1"`, `"9"`, 1), "import-version", "/infactory_export_version"},
		{"a list that is none", strings.Replace(small, `"apis":[{}]`, `"apis":{}`, 1), "import-malformed", ""},
		{"a member twice", strings.Replace(small, `"apis":[{}]`, `"project":{"name":"x"}`, 1), "import-malformed", ""},
		{"a name that is a number", strings.Replace(small, `"name":"Orders","type"`, `"name":1,"type"`, 1), "import-malformed", "/datasources/0"},
		{"content that is no base64", strings.Replace(small, `UEFSMQ==`, `***`, 1), "import-content-invalid", ""},
		{"content that is a number", strings.Replace(small, `"UEFSMQ=="`, `7`, 1), "import-content-invalid", ""},
		{"a dataset without a file", strings.Replace(small, `"dataobject_id":"o"`, `"dataobject_id":"x"`, 1), "import-invalid", "/datalines/0/dataobject_id"},
		{"a dataset without a datasource", strings.Replace(small, `"id":"o","datasource_id":"d"`, `"id":"o","datasource_id":"x"`, 1), "import-invalid", "/datalines/0/datasource_id"},
		{"no name", strings.Replace(small, `"name":"Shop"`, `"name":" "`, 1), "import-invalid", "/project/name"},
		{"SQL in place of a type", schema(`{"id":1,"name":"a","key":"a","type":{"kind":"BIGINT) FROM read_csv('/etc/passwd') --"}}`), "import-schema-invalid", "/datalines/0/schema"},
		{"SQL in place of another type", schema(`{"id":1,"name":"a","key":"a","type":{"kind":"OTHER","text":"BIGINT) FROM x --"}}`), "import-schema-invalid", "/datalines/0/schema"},
		{"a list of nothing", schema(`{"id":1,"name":"a","key":"a","type":{"kind":"LIST"}}`), "import-schema-invalid", "/datalines/0/schema"},
		{"a field id twice", schema(`{"id":1,"name":"a","key":"a","type":{"kind":"LIST","elem_id":1,"elem":{"kind":"BIGINT"}}}`), "import-schema-invalid", "/datalines/0/schema"},
		{"a name twice", schema(`{"id":1,"name":"a","key":"a","type":{"kind":"DATE"}},{"id":2,"name":"A","key":"A","type":{"kind":"DATE"}}`), "import-schema-invalid", "/datalines/0/schema"},
		{"no columns", schema(``), "import-schema-invalid", "/datalines/0/schema"},
	} {
		doc, err := read(t.Context(), strings.NewReader(c.text), t.TempDir(), 1<<20)
		if err == nil {
			err = doc.check()
		}
		e, ok := errs.Find(err)
		if !ok || e.Type != c.typ || e.Kind != errs.Invalid || c.at != "" && (len(e.Fields) == 0 || e.Fields[0].Pointer != c.at) {
			t.Errorf("%s: %v %+v, want %s at %s", c.rule, err, e, c.typ, c.at)
		}
	}
	if _, err := read(t.Context(), strings.NewReader(small), t.TempDir(), 3); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("more than there is room for: %v", err)
	}
}

func TestTypesTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	deep := table.Type{Kind: table.BigInt}
	for i := range 100 {
		inner := deep
		deep = table.Type{Kind: table.List, Elem: &inner, ElemID: i + 2}
	}
	if err := checkSchema(table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Type: deep}}}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v", err)
	}
}

// FuzzRead checks that no file is read for more than it is: every error has a class,
// and what is accepted names nothing that is not there.
func FuzzRead(f *testing.F) {
	f.Add(small)
	f.Add(strings.Replace(small, `"schema_code":""`, `"schema":{"columns":[{"id":1,"name":"a","key":"a","type":{"kind":"MAP","key_id":2,"elem_id":3,"elem":{"kind":"STRUCT","fields":[{"id":4,"name":"b","key":"b","type":{"kind":"DECIMAL","precision":3}}]}}}]}`, 1))
	f.Add(`{"infactory_export_version":"1.1","project":{"name":"x"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		doc, err := read(t.Context(), strings.NewReader(text), dir, 1<<20)
		if err == nil {
			err = doc.check()
		}
		if err != nil {
			if _, ok := errs.Find(err); !ok {
				t.Fatalf("error without a class: %v", err)
			}
			return
		}
		for i := range doc.Datalines {
			o := doc.file(&doc.Datalines[i])
			if o == nil || !strings.HasPrefix(o.path, dir+"/content-") {
				t.Fatalf("dataset %d has the file %+v", i, o)
			}
			if s := doc.Datalines[i].Schema; s != nil && s.LastID() < 1 {
				t.Fatal("a schema without ids")
			}
		}
	})
}
