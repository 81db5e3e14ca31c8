package decode_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
)

// A reading is what a body becomes when it is read as a run reads its first page.
type reading struct {
	finding decode.Finding
	format  decode.Format
	content decode.Content
	result  decode.Result
	rows    []string
}

// readAll takes a body through all of the package, as a run does.
func readAll(t testing.TB, body []byte, contentType string, path string, shape decode.Shape) (reading, error) {
	t.Helper()
	var out reading
	opened, err := decode.Open(bytes.NewReader(body), "", contentType, limits())
	if err != nil {
		return out, err
	}
	defer opened.Close()
	text, err := io.ReadAll(opened)
	if err != nil {
		return out, err
	}
	out.content = opened.Content
	var sure bool
	out.finding, out.format, sure, err = decode.Propose(decode.Hint{Head: text, Whole: true, ContentType: contentType, Path: path, Shape: shape})
	if err != nil {
		return out, err
	}
	p, err := decode.ParsePath(out.finding.Path)
	if err != nil {
		return out, err
	}
	if !sure {
		if out.finding, err = decode.Inspect(bytes.NewReader(text), p, limits()); err != nil {
			return out, err
		}
		if p, err = decode.ParsePath(out.finding.Path); err != nil {
			return out, err
		}
	}
	if again, err := decode.ParseShape(string(out.finding.Shape)); err != nil || again != out.finding.Shape {
		t.Errorf("the shape found, %q, is read back as %q: %v", out.finding.Shape, again, err)
	}
	out.rows = []string{}
	plan := decode.Plan{Path: p, Shape: out.finding.Shape, Columns: out.finding.Columns}
	out.result, err = decode.Split(bytes.NewReader(text), plan, limits(), func(raw []byte) error {
		if !jsontext.Value(raw).IsValid() || raw[0] != '{' {
			t.Errorf("row %s is not a JSON object", raw)
		}
		out.rows = append(out.rows, string(raw))
		return nil
	})
	return out, err
}

// TestShapesBecomeRowsWithoutBeingTold is the conformance table of the shapes:
// a body, where its rows are found, as what, why, and which rows they are.
func TestShapesBecomeRowsWithoutBeingTold(t *testing.T) {
	t.Parallel()
	for _, c := range shapeCases() {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(t, []byte(c.body), c.contentType, "", "")
			if err != nil {
				t.Fatal(err)
			}
			shape := got.finding.Shape
			if shape == "" {
				shape = got.result.Shape
			}
			if got.finding.Path != c.path || shape != c.shape {
				t.Errorf("found %s as %q, want %s as %q", got.finding.Path, shape, c.path, c.shape)
			}
			if all := got.finding.Evidence + "; " + got.result.Evidence; !strings.Contains(all, c.evidence) {
				t.Errorf("evidence %q lacks %q", all, c.evidence)
			}
			if diff := cmp.Diff(c.rows, got.rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

type shapeCase struct {
	rule, body, contentType string
	path                    string
	shape                   decode.Shape
	evidence                string
	rows                    []string
}

func shapeCases() []shapeCase {
	return []shapeCase{
		{"array of objects", `[{"a":1},{"a":2}]`, "", "$", decode.Rows, "the answer is an array", []string{`{"a":1}`, `{"a":2}`}},
		{"lines", "{\"a\":1}\n{\"a\":2}\n", "", "$", decode.Lines, "one JSON value after the other", []string{`{"a":1}`, `{"a":2}`}},
		{"concatenated objects", `{"a":1}{"a":2}`, "", "$", decode.Lines, "one JSON value after the other", []string{`{"a":1}`, `{"a":2}`}},
		{"lines of arrays, declared as lines", "[1]\n[2]\n", "application/x-ndjson", "$", decode.Lines, "after the other", []string{`{"value":[1]}`, `{"value":[2]}`}},
		{"one array, declared as lines", `[{"a":1}]`, "application/x-ndjson", "$", decode.Rows, "the answer is an array", []string{`{"a":1}`}},
		{"envelope", `{"total":2,"items":[{"a":1},{"a":2}]}`, "", "items", decode.Rows, "share 100% of their keys", []string{`{"a":1}`, `{"a":2}`}},
		{"single object", `{"a":1,"b":{"c":2}}`, "", "$", decode.Rows, "one row", []string{`{"a":1,"b":{"c":2}}`}},
		{"array of scalars", `[1,"x",null]`, "", "$", decode.Rows, "an array", []string{`{"value":1}`, `{"value":"x"}`, `{"value":null}`}},
		{"array of arrays with a header", `[["NAME","POP"],["Alabama",5024279],["Alaska",733391]]`, "", "$", "arrays; header=present", "holds words over 1 columns that do not",
			[]string{`{"NAME":"Alabama","POP":5024279}`, `{"NAME":"Alaska","POP":733391}`}},
		{"array of arrays of text with a header over numbers", `[["NAME","POP"],["Alabama","5024279"],["Alaska","733391"]]`, "", "$", "arrays; header=present", "is a header",
			[]string{`{"NAME":"Alabama","POP":"5024279"}`, `{"NAME":"Alaska","POP":"733391"}`}},
		{"array of arrays without a header", `[[1700000000,"1.5"],[1700000060,"1.6"]]`, "", "$", "arrays; header=absent", "like the others",
			[]string{`{"column_1":1700000000,"column_2":"1.5"}`, `{"column_1":1700000060,"column_2":"1.6"}`}},
		{"array of arrays of words alone has no evidence of a header", `[["a","b"],["c","d"]]`, "", "$", "arrays; header=absent", "nothing tells",
			[]string{`{"column_1":"a","column_2":"b"}`, `{"column_1":"c","column_2":"d"}`}},
		{"sheet whose empty cells at the end are left out", `{"range":"A1:C3","majorDimension":"ROWS","values":[["id","n","note"],["1","2","x"],["2","3"]]}`, "", "values", "arrays; header=present", "header",
			[]string{`{"id":"1","n":"2","note":"x"}`, `{"id":"2","n":"3","note":null}`}},
		{"array of arrays in an envelope", `{"prices":[[1700000000000,1.5],[1700000060000,1.25]]}`, "", "prices", "arrays; header=absent", "2 arrays of values",
			[]string{`{"column_1":1700000000000,"column_2":1.5}`, `{"column_1":1700000060000,"column_2":1.25}`}},
		{"parallel arrays", `{"lat":1,"hourly":{"time":["a","b"],"temp":[1,2]}}`, "", "hourly", decode.Columns, "2 arrays of 2 values each",
			[]string{`{"time":"a","temp":1}`, `{"time":"b","temp":2}`}},
		{"parallel arrays at the top", `{"time":["a","b"],"temp":[1,null]}`, "", "$", decode.Columns, "2 arrays of 2 values each",
			[]string{`{"time":"a","temp":1}`, `{"time":"b","temp":null}`}},
		{"columns and rows", `{"columns":["id","n"],"rows":[[1,"x"],[2,null]]}`, "", "$", decode.ColumnsRows, "2 names in columns and 2 rows",
			[]string{`{"id":1,"n":"x"}`, `{"id":2,"n":null}`}},
		{"rows before columns", `{"rows":[[1,"x"]],"columns":["id","n"]}`, "", "$", decode.ColumnsRows, "2 names in columns", []string{`{"id":1,"n":"x"}`}},
		{"columns with types", `{"data":{"cols":[{"name":"id","base_type":"int"},{"name":"id"}],"rows":[[1,2]]}}`, "", "data", decode.ColumnsRows, "2 names in data.cols",
			[]string{`{"id":1,"id_2":2}`}},
		{"fields and values", `{"fields":["id","n"],"values":[[1,"x"]]}`, "", "$", decode.ColumnsRows, "2 names in fields", []string{`{"id":1,"n":"x"}`}},
		{"head and data", `{"head":["id","n"],"data":[[1,"x"]]}`, "", "$", decode.ColumnsRows, "2 names in head", []string{`{"id":1,"n":"x"}`}},
		{"ClickHouse's meta and data", `{"meta":[{"name":"id","type":"UInt8"}],"data":[[1],[2]],"rows":2}`, "", "$", decode.ColumnsRows, "1 names in meta", []string{`{"id":1}`, `{"id":2}`}},
		{"columns without rows", `{"columns":["id"],"rows":[]}`, "", "$", decode.ColumnsRows, "0 rows", []string{}},
		{"map of id to object", `{"u1":{"n":"a","key":7},"u2":{"n":"b","key":8}}`, "", "$", decode.Map, "2 objects under keys that are ids",
			[]string{`{"key":"u1","n":"a","record_key":7}`, `{"key":"u2","n":"b","record_key":8}`}},
		{"map of words to many alike objects", `{"data":{"btc":{"usd":1},"eth":{"usd":2},"ada":{"usd":3},"dot":{"usd":4},"xrp":{"usd":5}}}`, "", "data", decode.Map, "5 objects",
			[]string{`{"key":"btc","usd":1}`, `{"key":"eth","usd":2}`, `{"key":"ada","usd":3}`, `{"key":"dot","usd":4}`, `{"key":"xrp","usd":5}`}},
		{"records of a map keep their lists", `{"u1":{"o":[{"x":1},{"x":2}]},"u2":{"o":[{"x":3}]}}`, "", "$", decode.Map, "2 objects",
			[]string{`{"key":"u1","o":[{"x":1},{"x":2}]}`, `{"key":"u2","o":[{"x":3}]}`}},
		{"an object with two addresses is no map", `{"billing":{"street":"a","city":"b"},"shipping":{"street":"c","city":"d"}}`, "", "$", decode.Rows, "one row",
			[]string{`{"billing":{"street":"a","city":"b"},"shipping":{"street":"c","city":"d"}}`}},
		{"an object with unlike parts under numbered names is no map", `{"p1":{"a":1},"p2":{"b":1},"p3":{"c":1}}`, "", "$", decode.Rows, "one row", []string{`{"p1":{"a":1},"p2":{"b":1},"p3":{"c":1}}`}},
		{"an object with a name beside five alike objects is no map", `{"a":{"k":1},"b":{"k":1},"c":{"k":1},"d":{"k":1},"e":{"k":1},"n":"x"}`, "", "$", decode.Rows, "one row",
			[]string{`{"a":{"k":1},"b":{"k":1},"c":{"k":1},"d":{"k":1},"e":{"k":1},"n":"x"}`}},
		{"a long list in a record of a map is not the rows", `{"u1":{"data":[` + strings.Repeat(`{"x":1},`, 99) + `{"x":1}]},"u2":{"data":[]}}`, "", "$", decode.Map, "2 objects",
			[]string{`{"key":"u1","data":[` + strings.Repeat(`{"x":1},`, 99) + `{"x":1}]}`, `{"key":"u2","data":[]}`}},
		{"an object with a name beside two alike objects is no map", `{"name":"x","a1":{"k":1},"a2":{"k":2}}`, "", "$", decode.Rows, "one row", []string{`{"name":"x","a1":{"k":1},"a2":{"k":2}}`}},
		{"Prometheus vector", `{"data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[0,"3"]}]}}`, "", "data.result", decode.Prometheus, "1 Prometheus series",
			[]string{`{"a":"b","timestamp":"1970-01-01T00:00:00Z","value":3}`}},
		{"InfluxDB series", `{"results":[{"statement_id":0,"series":[{"name":"cpu","tags":{"host":"a","v":"t"},"columns":["time","v"],"values":[["t0",1],["t1",null]]}]},{"statement_id":1}]}`, "", "results", decode.Influx, "2 InfluxDB results",
			[]string{`{"measurement":"cpu","host":"a","tag_v":"t","time":"t0","v":1}`, `{"measurement":"cpu","host":"a","tag_v":"t","time":"t1","v":null}`}},
		{"InfluxDB series with the values first", `{"results":[{"series":[{"values":[["t0",1]],"columns":["time","v"],"name":"cpu"}]}]}`, "", "results", decode.Influx, "InfluxDB",
			[]string{`{"measurement":"cpu","time":"t0","v":1}`}},
		{"GeoJSON", `{"type":"FeatureCollection","features":[{"type":"Feature","id":"f1","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"mag":1.5,"id":9},"bbox":[0]}]}`, "application/geo+json", "features", decode.GeoJSON, "1 GeoJSON features",
			[]string{`{"id":"f1","geometry":{"type":"Point","coordinates":[1,2]},"mag":1.5,"properties_id":9,"bbox":[0]}`}},
		{"GeoJSON without ids", `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"a":1}}]}`, "", "features", decode.GeoJSON, "GeoJSON",
			[]string{`{"geometry":null,"a":1}`}},
		{"GeoJSON without properties", `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":null}]}`, "", "features", decode.GeoJSON, "GeoJSON",
			[]string{`{"type":"Feature","geometry":null,"properties":null}`}},
		{"features among other objects stay as they are", `[{"type":"Feature","geometry":null,"properties":{"a":1}},{"a":1}]`, "", "$", decode.Rows, "an array",
			[]string{`{"type":"Feature","geometry":null,"properties":{"a":1}}`, `{"a":1}`}},
		{"objects with a node and more are no edges", `[{"node":{"a":1},"x":1}]`, "", "$", decode.Rows, "an array", []string{`{"node":{"a":1},"x":1}`}},
		{"GraphQL data", `{"data":{"movies":[{"id":1},{"id":2}]}}`, "", "data.movies", decode.Rows, "share 100%", []string{`{"id":1}`, `{"id":2}`}},
		{"GraphQL edges", `{"data":{"repo":{"stars":{"edges":[{"cursor":"c1","starredAt":"d","node":{"login":"a"}},{"cursor":"c2","starredAt":"e","node":{"login":"b","starredAt":1}}],"pageInfo":{"endCursor":"c2","hasNextPage":false}}}}}`, "", "data.repo.stars.edges", decode.Edges, "2 GraphQL edges",
			[]string{`{"login":"a","starredAt":"d"}`, `{"login":"b","starredAt":1,"record_starredAt":"e"}`}},
		{"JSON:API", `{"data":[{"type":"a","id":"1","attributes":{"t":"x","id":5},"relationships":{"r":{}}}],"included":[{"type":"p","id":"9","attributes":{}}]}`, "application/vnd.api+json", "data", decode.JSONAPI, "1 JSON:API resources",
			[]string{`{"id":"1","type":"a","t":"x","attributes_id":5,"relationships":{"r":{}}}`}},
		{"one JSON:API resource", `{"data":{"type":"a","id":"1","attributes":{"t":"x"}}}`, "", "data", decode.JSONAPI, "one JSON:API resource", []string{`{"id":"1","type":"a","t":"x"}`}},
		{"OData", `{"@odata.context":"c","@odata.count":2,"value":[{"@odata.etag":"e","id":1},{"@odata.etag":"f","id":2}]}`, "", "value", decode.Rows, "an array of 2 objects",
			[]string{`{"@odata.etag":"e","id":1}`, `{"@odata.etag":"f","id":2}`}},
		{"CSV", "id,name,joined\r\n1,Ann,2020-01-01\r\n2,\"Bob \"\"B\"\"\r\nx\",\r\n", "text/csv", "$", "csv; delimiter=comma; header=present", "3 of the first 3 records have 3 fields with the delimiter comma; the first row is a header",
			[]string{`{"id":1,"name":"Ann","joined":"2020-01-01"}`, `{"id":2,"name":"Bob \"B\"\r\nx","joined":null}`}},
		{"CSV with semicolons and a BOM, undeclared", "\ufeffid;preis\n1;1,50\n2;2,50\n", "text/plain", "$", "csv; delimiter=semicolon; header=present", "the delimiter semicolon",
			[]string{`{"id":1,"preis":"1,50"}`, `{"id":2,"preis":"2,50"}`}},
		{"TSV", "id\tname\n01\tx y\n02\tz\n", "text/tab-separated-values", "$", "csv; delimiter=tab; header=present", "the delimiter tab", []string{`{"id":"01","name":"x y"}`, `{"id":"02","name":"z"}`}},
		{"CSV without a header", "1,2.5,a\n2,3.5,b\n", "text/csv", "$", "csv; delimiter=comma; header=absent", "like the others",
			[]string{`{"column_1":1,"column_2":2.5,"column_3":"a"}`, `{"column_1":2,"column_2":3.5,"column_3":"b"}`}},
		{"CSV of words alone has the usual header", "name,city\nAnn,Oslo\nBob,Rome\n", "text/csv", "$", "csv; delimiter=comma; header=present", "as is usual", []string{`{"name":"Ann","city":"Oslo"}`, `{"name":"Bob","city":"Rome"}`}},
		{"CSV of words that occur again has no header", "oslo,no\nrome,it\noslo,no\n", "text/csv", "$", "csv; delimiter=comma; header=absent", "occur again",
			[]string{`{"column_1":"oslo","column_2":"no"}`, `{"column_1":"rome","column_2":"it"}`, `{"column_1":"oslo","column_2":"no"}`}},
		{"CSV with the delimiter that makes the records alike", "a;b\n\"1,5\";x\n2;y,z\n3;u,v,w\n", "text/csv", "$", "csv; delimiter=semicolon; header=present", "4 of the first 4",
			[]string{`{"a":"1,5","b":"x"}`, `{"a":2,"b":"y,z"}`, `{"a":3,"b":"u,v,w"}`}},
		{"CSV with the delimiter that gives more fields", "a,1;b;c\n1,5;2;3\n2,5;3;4\n", "text/csv", "$", "csv; delimiter=semicolon; header=present", "have 3 fields",
			[]string{`{"a,1":"1,5","b":2,"c":3}`, `{"a,1":"2,5","b":3,"c":4}`}},
		{"CSV with a header that has another delimiter in it", "a,x;b\n1;2\n3;4\n", "text/csv", "$", "csv; delimiter=semicolon; header=present", "3 of the first 3",
			[]string{`{"a,x":1,"b":2}`, `{"a,x":3,"b":4}`}},
		{"CSV with years as headings", "country,2019,2020\nNO,1.5,2.5\nIT,3,4\n", "", "$", "csv; delimiter=comma; header=present", "", []string{`{"country":"NO","2019":1.5,"2020":2.5}`, `{"country":"IT","2019":3,"2020":4}`}},
		{"CSV of one column", "id\n1\n\n2\n", "text/csv", "$", "csv; delimiter=comma; header=present", "1 fields", []string{`{"id":1}`, `{"id":null}`, `{"id":2}`}},
		{"CSV with a header alone", "id,name\n", "text/csv", "$", "csv; delimiter=comma; header=present", "as is usual", []string{}},
		{"CSV values keep every character", "a,b,c,d\n007,+1,TRUE,true\n1e5,1.5e5,1e-05,-0.0\n\"\",12345678901234567890, 1,1.\n", "text/csv", "$", "csv; delimiter=comma; header=present", "",
			[]string{`{"a":"007","b":"+1","c":"TRUE","d":true}`, `{"a":"1e5","b":1.5e5,"c":1e-05,"d":-0.0}`, `{"a":"","b":12345678901234567890,"c":" 1","d":"1."}`}},
		{"CSV with headings that repeat or are empty", ",a,a,a,a_2\n1,2,3,4,5\n", "text/csv", "$", "csv; delimiter=comma; header=present", "", []string{`{"column_1":1,"a":2,"a_3":3,"a_4":4,"a_2":5}`}},
		{"CSV with blank lines at the end", "a,b\n1,2\n\n\n", "text/csv", "$", "csv; delimiter=comma; header=present", "", []string{`{"a":1,"b":2}`}},
		{"JSON declared as CSV", `[{"a":1}]`, "text/csv", "$", decode.Rows, "an array", []string{`{"a":1}`}},
		{"CSV declared as JSON", "a,b,c\n1,2,3\n", "application/json", "$", "csv; delimiter=comma; header=present", "", []string{`{"a":1,"b":2,"c":3}`}},
		{"XML of repeated elements", `<?xml version="1.0"?><catalog n="2"><book id="b1"><title>A &amp; B</title><price cur="USD">1.50</price><tag>x</tag><empty/></book><book id="b2"><title><![CDATA[<C>]]></title><tag>y</tag><tag>z</tag></book></catalog>`, "application/xml", "catalog.book", "xml; lists=tag", "2 elements book",
			[]string{`{"@id":"b1","title":"A & B","price":{"@cur":"USD","#text":1.50},"tag":["x"],"empty":null}`, `{"@id":"b2","title":"<C>","tag":["y","z"]}`}},
		{"RSS with prefixes", `<rss version="2.0" xmlns:m="u"><channel><title>t</title><item><title>1</title><m:title>one</m:title></item><item><title>2</title><m:title>two</m:title></item></channel></rss>`, "application/rss+xml", "rss.channel.item", decode.XML, "2 elements item",
			[]string{`{"title":1,"m:title":"one"}`, `{"title":2,"m:title":"two"}`}},
		{"XML whose records declare namespaces", `<r><i xmlns="u" xmlns:p="v" p:k="1"/><i xmlns="u" p:k="2"/></r>`, "", "r.i", decode.XML, "2 elements i", []string{`{"@p:k":1}`, `{"@p:k":2}`}},
		{"XML of repeated elements in repeated elements takes the outer", `<r><g n="1"><item a="1"/><item a="2"/><item a="3"/></g><g n="2"><item a="4"/></g></r>`, "", "r.g", "xml; lists=item", "2 elements g",
			[]string{`{"@n":1,"item":[{"@a":1},{"@a":2},{"@a":3}]}`, `{"@n":2,"item":[{"@a":4}]}`}},
		{"XML rows under a usual name", `<r><x a="1"/><x a="1"/><x a="1"/><x a="1"/><item a="1"/><item a="2"/></r>`, "", "r.item", decode.XML, "2 elements item", []string{`{"@a":1}`, `{"@a":2}`}},
		{"XML rows beside links", `<r><link a="1"/><link a="1"/><link a="1"/><link a="1"/><thing a="1"/><thing a="2"/></r>`, "", "r.thing", decode.XML, "2 elements thing", []string{`{"@a":1}`, `{"@a":2}`}},
		{"XML behind a comment that speaks of HTML", `<!-- a > b <html> --><r><i a="1"/><i a="2"/></r>`, "", "r.i", decode.XML, "2 elements i", []string{`{"@a":1}`, `{"@a":2}`}},
		{"XML rows of attributes", `<Cube><Cube time="2024-01-02"><Rate c="USD" r="1.0956"/><Rate c="JPY" r="155.5"/></Cube></Cube>`, "", "Cube.Cube.Rate", decode.XML, "2 elements Rate", []string{`{"@c":"USD","@r":1.0956}`, `{"@c":"JPY","@r":155.5}`}},
		{"XML of repeated texts", `<r><v>1</v><v>x</v><v/></r>`, "", "r.v", decode.XML, "3 elements v", []string{`{"value":1}`, `{"value":"x"}`, `{"value":null}`}},
		{"XML of one item", `<rss><channel><title>t</title><item><title>1</title></item></channel></rss>`, "", "rss.channel.item", decode.XML, "one element under a usual name", []string{`{"title":1}`}},
		{"XML without repetition is one row", `<person id="7"><name>Ann</name><nick xsi:nil="true"/></person>`, "", "$", decode.XML, "one row", []string{`{"@id":7,"name":"Ann","nick":null}`}},
		{"XML in latin1 by its own word", "<?xml version='1.0' encoding='ISO-8859-1'?><r><i><n>caf\xe9</n></i><i><n>x</n></i></r>", "", "r.i", decode.XML, "2 elements i", []string{`{"n":"café"}`, `{"n":"x"}`}},
		{"XML with text between elements", `<r><p>a <b>c</b> d</p><p>e</p></r>`, "", "r.p", decode.XML, "2 elements p", []string{`{"b":"c","#text":"a  d"}`, `{"value":"e"}`}},
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule, body, contentType, path string
		shape                         decode.Shape
		err, say                      string
	}{
		{rule: "a record with too few fields", body: "a,b\n1,2\n3\n", contentType: "text/csv", err: "csv-ragged", say: "line 3 has 1 fields, and the first has 2"},
		{rule: "a record with too many fields behind a field of two lines", body: "a,b\n\"1\n1\",2\n3,4,5\n", contentType: "text/csv", err: "csv-ragged", say: "line 4 has 3"},
		{rule: "a blank line in the middle", body: "a,b\n1,2\n\n3,4\n", contentType: "text/csv", err: "csv-ragged", say: "line 3 has 0"},
		{rule: "a quote inside a bare field", body: "a,b\n5\" pipe,2\n", contentType: "text/csv", err: "csv-quote", say: "line 2, field 1"},
		{rule: "text behind a closing quote", body: "a,b\n1,\"x\"y\n", contentType: "text/csv", err: "csv-quote", say: "line 2, field 2"},
		{rule: "a quote that is never closed", body: "a,b\n1,\"x\n2,3\n", contentType: "text/csv", err: "csv-unclosed-quote", say: "line 2"},
		{rule: "a byte that is not UTF-8 in CSV", body: "a,b\n1,caf\xe9\n", contentType: "text/csv", err: "csv-invalid-utf8", say: "line 2, field 2"},
		{rule: "a path into CSV", body: "a,b\n1,2\n", contentType: "text/csv", path: "data", err: "path-not-for-csv"},
		{rule: "CSV is asked for and JSON comes", body: `{"a":1}`, shape: decode.CSV, path: "$", err: "csv-quote"},
		{rule: "CSV is asked for and XML comes", body: `<a/>`, shape: decode.CSV, err: "not-csv"},
		{rule: "text", body: "Hello, there\nyou\n", contentType: "text/plain", err: "not-json", say: "Hello, there"},
		{rule: "two lines with a comma each", body: "Hello, there\nyou, too\n", contentType: "text/plain", err: "not-json"},
		{rule: "an empty CSV", body: "\n", contentType: "text/csv", err: "empty-body"},
		{rule: "an HTML page", body: "<!-- x --><HTML><title>Log in</title>", err: "not-json", say: "Log in"},
		{rule: "an element that is not closed", body: "<a><b></b>", err: "body-truncated"},
		{rule: "a tag that is cut", body: "<a><b", err: "body-truncated"},
		{rule: "an end that was not begun", body: "<a><b></c></a>", err: "xml-invalid", say: "c"},
		{rule: "two roots", body: "<a/><b/>", err: "xml-invalid", say: "second root"},
		{rule: "text behind the root", body: "<a/>x", err: "xml-invalid", say: "outside"},
		{rule: "an attribute twice", body: `<a x="1" x="2"/>`, err: "xml-invalid", say: "twice"},
		{rule: "an unknown entity", body: `<a>&nbsp;</a>`, err: "xml-invalid", say: "entity"},
		{rule: "a byte that is not UTF-8 in XML", body: "<a>\xff</a>", err: "xml-invalid", say: "UTF-8"},
		{rule: "a billion laughs", body: `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>`, err: "xml-entities"},
		{rule: "an external entity", body: `<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>`, err: "xml-entities"},
		{rule: "XML that is too deep", body: strings.Repeat("<a>", 100_000), err: "xml-too-deep"},
		{rule: "an element that is too long", body: "<a>" + strings.Repeat("x", 2<<20) + "</a>", err: "record-too-large"},
		{rule: "a record that is too long by its parts", body: "<a><i>" + strings.Repeat("<b>"+strings.Repeat("x", 100<<10)+"</b>", 20) + "</i><i/></a>", path: "a.i", shape: decode.XML, err: "record-too-large"},
		{rule: "a record of too many parts", body: "<a><i>" + strings.Repeat("<b/>", 100_001) + "</i><i/></a>", path: "a.i", shape: decode.XML, err: "too-many-keys"},
		{rule: "a wildcard in XML", body: "<a><b/></a>", path: "a.*", err: "path-not-for-xml"},
		{rule: "a CSV record that is too long", body: "a,b\n1,\"" + strings.Repeat("x", 2<<20) + "\"\n", contentType: "text/csv", err: "record-too-large"},
		{rule: "too many columns", body: strings.Repeat("a,", 10_001) + "\n1\n", contentType: "text/csv", err: "too-many-keys"},
		{rule: "a row of arrays that is longer than its header", body: `[["a","b"],[1,2],[1,2,3]]`, path: "$", shape: "arrays; header=present", err: "arrays-ragged", say: "row 2 has 3 values for 2"},
		{rule: "no array among arrays", body: `[["a"],{"b":1}]`, path: "$", shape: "arrays; header=absent", err: "not-an-array"},
		{rule: "no columns and rows", body: `{"columns":[1],"rows":[]}`, path: "$", shape: decode.ColumnsRows, err: "not-columns-rows"},
		{rule: "an InfluxDB error in place of a result", body: `{"results":[{"statement_id":0,"error":"database not found: x"}]}`, err: "source-error", say: "database not found"},
		{rule: "GraphQL errors without data", body: `{"errors":[{"message":"field x unknown"}],"data":null}`, err: "source-error", say: "field x unknown"},
		{rule: "GraphQL errors where data should be", body: `{"errors":[{"message":"denied"}],"data":{"m":null}}`, path: "data.m", err: "source-error", say: "denied"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			_, err := readAll(t, []byte(c.body), c.contentType, c.path, c.shape)
			if errType(err) != c.err {
				t.Fatalf("error %v (%s), want %q", err, errType(err), c.err)
			}
			if !strings.Contains(err.Error(), c.say) {
				t.Errorf("message %q lacks %q", err, c.say)
			}
			if e, ok := errs.Find(err); ok && len(e.Fixes) == 0 {
				t.Errorf("%s says nothing to try", e.Type)
			}
		})
	}
}

func TestTheSourceSaysThatItsAnswerIsNotAll(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{"results":[{"series":[{"name":"c","columns":["v"],"values":[[1]],"partial":true}]}]}`,
		`{"results":[{"series":[{"name":"c","columns":["v"],"values":[[1]]}],"partial":true}]}`,
		`{"errors":[{"message":"m"}],"data":{"a":[{"x":1},{"x":2}]}}`,
	} {
		got, err := readAll(t, []byte(doc), "", "", "")
		if err != nil || got.result.Complaint == "" || len(got.rows) == 0 {
			t.Errorf("%s: %d rows, complaint %q, error %v", doc, len(got.rows), got.result.Complaint, err)
		}
	}
}

func TestShapesAreReadBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]decode.Shape{
		"": "", "Rows": "rows", "CSV; delimiter=tab ;header=absent": "csv; delimiter=tab; header=absent", "xml;lists=a|b/c": "xml; lists=a|b/c",
		"arrays; header=present": "arrays; header=present",
	} {
		if got, err := decode.ParseShape(in); err != nil || got != want {
			t.Errorf("%q is read as %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"rowz", "rows; header=present", "csv; delimiter=,", "csv; header", "xml; header=present"} {
		if got, err := decode.ParseShape(in); errType(err) != "shape-unknown" {
			t.Errorf("%q is read as %q, %v; want shape-unknown", in, got, err)
		}
	}
}

func TestALaterPageMayRepeatTheHeaderOrNotAndMayNotChangeIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, page, want, err string }{
		{rule: "the same header", page: "id,name\n3,c\n", want: `{"id":3,"name":"c"}`},
		{rule: "no header", page: "3,c\n", want: `{"id":3,"name":"c"}`},
		{rule: "other columns", page: "name,id\nc,3\n", err: "header-changed"},
	} {
		var got []string
		plan := decode.Plan{Shape: "csv; delimiter=comma; header=present", Columns: []string{"id", "name"}}
		_, err := decode.Split(strings.NewReader(c.page), plan, limits(), func(raw []byte) error { got = append(got, string(raw)); return nil })
		if errType(err) != c.err || strings.Join(got, "") != c.want {
			t.Errorf("%s: rows %s, error %v", c.rule, got, err)
		}
	}
	var got []string
	plan := decode.Plan{Shape: "arrays; header=present", Columns: []string{"id", "name"}}
	if _, err := decode.Split(strings.NewReader(`[[3,"c"]]`), plan, limits(), func(raw []byte) error { got = append(got, string(raw)); return nil }); err != nil || strings.Join(got, "") != `{"id":3,"name":"c"}` {
		t.Errorf("arrays: rows %s, error %v", got, err)
	}
}

func TestWhatStandsBesideElementsIsCollected(t *testing.T) {
	t.Parallel()
	got, err := readAll(t, []byte(`<feed total="7"><link rel="self" href="s"/><link rel="next" href="n"/><meta><next_token>t</next_token></meta><entry><id>1</id></entry><entry><id>2</id></entry><IsTruncated>true</IsTruncated></feed>`), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, f := range got.result.Envelope.Fields {
		fields[f.Path] = string(f.Raw)
	}
	want := map[string]string{
		"feed.@total": "7", "links[0].rel": `"self"`, "links[0].href": `"s"`, "links[1].rel": `"next"`, "links[1].href": `"n"`,
		"feed.meta.next_token": `"t"`, "feed.IsTruncated": "true",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestAnElementPathThatSelectsNothingNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	const doc = `<r><list></list><other><a/><b/></other></r>`
	for path, want := range map[string]string{"x.y": "the answer has the keys r", "r.nope": "r has the keys list, other", "r.other.c": "r.other has the keys a, b"} {
		got, err := readAll(t, []byte(doc), "", path, "")
		p, _ := decode.ParsePath(path)
		if err != nil || got.result.Selected() {
			t.Errorf("%s: selected %v, error %v", path, got.result.Selected(), err)
		} else if msg := got.result.Nothing(p).Error(); !strings.Contains(msg, want) {
			t.Errorf("%s: message %q lacks %q", path, msg, want)
		}
	}
	if got, err := readAll(t, []byte(doc), "", "r.list.item", ""); err != nil || !got.result.Selected() || len(got.rows) != 0 {
		t.Errorf("an empty list: selected %v, %d rows, error %v", got.result.Selected(), len(got.rows), err)
	}
}

func TestASetShapeDecidesBeforeTheBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body  string
		shape decode.Shape
		want  string
	}{
		{"a,b;c\n1,2;3\n", "csv; delimiter=semicolon", `{"a,b":"1,2","c":3}`},
		{"a,b\n\"1,2\"\n", "csv; quote=none", `{"a":"\"1","b":"2\""}`},
		{"\"a,b\nx,2\n", "csv; quote=none", `{"\"a":"x","b":2}`},
		{"1,2\n", "csv; header=present", ``},
		{"a,b\n", "csv; header=absent", `{"column_1":"a","column_2":"b"}`},
		{`[["a","b"],[1,2]]`, "arrays; header=absent", `{"column_1":"a","column_2":"b"}{"column_1":1,"column_2":2}`},
		{`[["a","b"],[1,2]]`, decode.Rows, `{"value":["a","b"]}{"value":[1,2]}`},
		{`{"usd":1,"eur":2}`, decode.Map, `{"key":"usd","value":1}{"key":"eur","value":2}`},
		{`{"columns":["a"],"rows":[[1]]}`, decode.Rows, `{"columns":["a"],"rows":[[1]]}`},
	} {
		got, err := readAll(t, []byte(c.body), "", "", c.shape)
		if err != nil || strings.Join(got.rows, "") != c.want || !got.finding.Given {
			t.Errorf("%q as %s: rows %s, finding %+v, error %v", c.body, c.shape, got.rows, got.finding, err)
		}
	}
}

func TestTheNamesOfColumnsAreReported(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"columns":["a","b"],"rows":[[1,2]]}`, `[["a","b"],[1,2],[3,4]]`, "a,b\n1,2\n3,4\n"} {
		got, err := readAll(t, []byte(body), "", "", "")
		if diff := cmp.Diff([]string{"a", "b"}, got.result.Columns); err != nil || diff != "" {
			t.Errorf("%s: %v, columns (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestAnEmptyPageOfACSVHasNoRows(t *testing.T) {
	t.Parallel()
	if err := decode.Sniff(nil, "text/csv; charset=utf-8", true); err != nil {
		t.Error(err)
	}
	if err := decode.Sniff(nil, "application/json", true); errType(err) != "empty-body" {
		t.Errorf("error %v, want empty-body", err)
	}
	res, err := decode.Split(strings.NewReader(""), decode.Plan{Shape: "csv; delimiter=comma; header=present"}, limits(), nil)
	if err != nil || res.Rows != 0 || !res.Selected() {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestACutRecordAtTheEndOfTheHeadDoesNotCount(t *testing.T) {
	t.Parallel()
	f, _, _, err := decode.Propose(decode.Hint{Head: []byte("a,b,c\n1,2,3\n4,5"), ContentType: "text/csv"})
	if err != nil || !strings.HasPrefix(f.Evidence, "2 of the first 2 records") {
		t.Errorf("evidence %q, error %v", f.Evidence, err)
	}
}

func TestRowsBeforeTheirNamesMayBeAsLongAsADocument(t *testing.T) {
	t.Parallel()
	row := `["` + strings.Repeat("x", 1<<10) + `"]`
	body := `{"rows":[` + strings.Repeat(row+",", 2<<10) + row + `],"columns":["a"]}`
	if got, err := readAll(t, []byte(body), "", "$", decode.ColumnsRows); err != nil || len(got.rows) != 2<<10+1 {
		t.Errorf("%d rows, error %v", len(got.rows), err)
	}
	body = `{"rows":[` + strings.Repeat(row+",", 5<<10) + row + `],"columns":["a"]}`
	if _, err := readAll(t, []byte(body), "", "$", decode.ColumnsRows); errType(err) != "record-too-large" || !strings.Contains(err.Error(), "4 MB") {
		t.Errorf("error %v, want record-too-large at 4 MB", err)
	}
}

// perElement gives one element of an array a Read and calls before ahead of each.
type perElement struct {
	n      int
	before func(n int)
}

func (r *perElement) Read(p []byte) (int, error) {
	r.before(r.n)
	if r.n++; r.n > 10 {
		return 0, io.EOF
	}
	return copy(p, map[bool]string{true: `[{"a":1}`, false: `,{"a":1}`}[r.n == 1]), nil
}

func TestPlainRecordsAreGivenAsTheyCome(t *testing.T) {
	t.Parallel()
	rows := 0
	r := &perElement{before: func(n int) {
		if rows < n-1 {
			t.Errorf("%d of %d records were given before the next was asked for", rows, n)
		}
	}}
	if _, err := decode.Split(r, decode.Plan{}, limits(), func([]byte) error { rows++; return nil }); errType(err) != "body-truncated" {
		t.Error(err)
	}
}
