package document_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
	"millwright/internal/table"
)

var update = flag.Bool("update", false, "rewrite testdata")

const base = "https://millwright.example:7400"

func pointer[T any](v T) *T { return &v }

// shop is an API with a slot of every type and a column of every kind.
func shop() publish.API {
	sum := program.Program{Cue: "How much was ordered per month?", SQL: `SELECT 1`, Slots: []program.Slot{
		{Name: "by", Type: program.Column, Default: "status", Values: []any{"status", "channel"}},
		{Name: "measure", Type: program.Aggregate, Default: "sum"},
		{Name: "grain", Type: program.Grain, Default: "month", Values: []any{"day", "month"}},
		{Name: "direction", Type: program.Order, Default: "desc"},
	}, Tables: []string{"orders"}}
	sum.SQL = `SELECT {{by}}, date_trunc({{grain}}, day) AS period, {{measure}}(amount) AS total FROM orders GROUP BY 1, 2 ORDER BY 3 {{direction}}`
	list := program.Program{Cue: "Which orders match?", Slots: []program.Slot{
		{Name: "status", Type: program.Enum, Values: []any{"open", "it's \"done\""}, Description: "Where the order stands"},
		{Name: "tier", Type: program.Enum, Values: []any{int64(1), int64(2)}, Default: int64(2)},
		{Name: "least", Type: program.Number, Default: json.Number("0.5"), Min: pointer(0.0), Max: pointer(1e6)},
		{Name: "number", Type: program.Integer, Required: true, Min: pointer(1.0)},
		{Name: "city", Type: program.String, Column: "city", Label: "City"},
		{Name: "gift", Type: program.Boolean},
		{Name: "since", Type: program.Date, Default: "2025-01-01"},
		{Name: "seen", Type: program.Timestamp, Default: "2025-01-01"},
		{Name: "tags", Type: program.ValueList, Values: []any{"new", "a,b"}},
		{Name: "limit", Type: program.Integer, Default: int64(10)},
	}}
	list.SQL = `SELECT * FROM orders WHERE $status AND $tier AND $least AND $number AND $city AND $gift AND $since AND $seen AND $tags LIMIT $limit`
	return publish.API{
		ID: "01890000-0000-7000-8000-000000000001", Slug: "shop", Version: "v2", Name: "Shop <orders>", Description: "What was ordered", Status: publish.Published,
		Tags: []string{"sales"},
		Endpoints: []publish.Endpoint{
			{Name: "sum_by_month", Path: "sum-by-month", Method: "GET", Description: "Sums, and other measures", Program: sum, Status: publish.Live, Tags: []string{"sales"},
				Columns: []table.Column{{Name: "status", Type: table.Type{Kind: table.Varchar}}, {Name: "period", Type: table.Type{Kind: table.Date}}, {Name: "total", Type: table.Type{Kind: table.Double}}},
				Example: json.RawMessage(`[{"status":"open","period":"2025-01-01","total":12.5},{"status":null,"period":"2025-02-01","total":3}]`)},
			{Name: "find_orders", Path: "find-orders", Method: "GET", Program: list, Status: publish.Deprecated, Sunset: pointer(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)),
				Columns: everyColumn(), Example: json.RawMessage(`[{"city":"Køge","id":"9007199254740993"}]`)},
			{Name: "gone", Path: "gone", Status: publish.Removed},
		},
	}
}

func everyColumn() []table.Column {
	text := table.Type{Kind: table.Varchar}
	item := table.Type{Kind: table.Struct, Fields: []table.Column{{Name: "sku", Type: text}, {Name: "n", Type: table.Type{Kind: table.BigInt}}}}
	return []table.Column{
		{Name: "id", Type: table.Type{Kind: table.BigInt}}, {Name: "city", Type: text}, {Name: "city", Type: text},
		{Name: "gift", Type: table.Type{Kind: table.Boolean}}, {Name: "price", Type: table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}},
		{Name: "count", Type: table.Type{Kind: table.Decimal, Precision: 38}}, {Name: "share", Type: table.Type{Kind: table.Double}},
		{Name: "day", Type: table.Type{Kind: table.Date}}, {Name: "local", Type: table.Type{Kind: table.Timestamp}}, {Name: "at", Type: table.Type{Kind: table.TimestampTZ}},
		{Name: "raw", Type: table.Type{Kind: table.JSON}}, {Name: "items", Type: table.Type{Kind: table.List, Elem: &item}},
		{Name: "names", Type: table.Type{Kind: table.Map, Elem: &text}}, {Name: "took", Type: table.Type{Kind: table.Other, Text: "INTERVAL"}},
	}
}

func TestDocumentsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	api := shop()
	openapi, err := document.OpenAPI(api, base)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := document.Tools(api)
	if err != nil {
		t.Fatal(err)
	}
	page, err := document.Page(api, base)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"openapi.json": openapi, "tools.json": tools, "page.html": page} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); d != "" {
			t.Errorf("%s (-was +is):\n%s", name, d)
		}
	}
}

// python returns an interpreter that has the module.
func python(t *testing.T, module string) string {
	t.Helper()
	path, err := filepath.Abs("../../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(path, "-c", "import "+module).Run() != nil {
		t.Skipf("SKIPPED: %s is missing; make prepare installs it", module)
	}
	return path
}

func TestTheOpenAPIDocumentPassesAStrictValidator(t *testing.T) {
	t.Parallel()
	interpreter := python(t, "openapi_spec_validator")
	api := shop()
	for _, status := range []string{publish.Published, publish.Deprecated} {
		api.Status = status
		text, err := document.OpenAPI(api, base)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "openapi.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), interpreter, "-m", "openapi_spec_validator", path).CombinedOutput()
		if t.Logf("%s", bytes.TrimSpace(out)); err != nil {
			t.Errorf("%s: not valid", status)
		}
	}
}

func TestAnAPIWithoutEndpointsHasDocuments(t *testing.T) {
	t.Parallel()
	api := publish.API{Slug: "empty", Version: "v1", Status: publish.Draft}
	text, err := document.OpenAPI(api, base+"/")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Info    struct{ Title string }
		Servers []struct{ URL string }
		Paths   map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.Info.Title != "empty" || doc.Servers[0].URL != base+"/live/empty/v1" || doc.Paths == nil {
		t.Errorf("%v: %s", err, text)
	}
	if text, err = document.Tools(api); err != nil || !bytes.Contains(text, []byte(`"functions": []`)) {
		t.Errorf("%v: %s", err, text)
	}
	if text, err = document.Page(api, base); err != nil || !bytes.Contains(text, []byte("None is published")) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestWhatIsRemovedIsNotDescribedAndWhatIsDeprecatedSaysSo(t *testing.T) {
	t.Parallel()
	text, err := document.OpenAPI(shop(), base)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct{ Deprecated bool }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths) != 2 || !doc.Paths["/find-orders"]["get"].Deprecated || doc.Paths["/sum-by-month"]["get"].Deprecated {
		t.Errorf("%+v", doc.Paths)
	}
}

func TestASlotThatIsCalledLikeAParameterTakesItsName(t *testing.T) {
	t.Parallel()
	text, err := document.OpenAPI(shop(), base)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Ref  string `json:"$ref"`
				Name string
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, p := range doc.Paths["/find-orders"]["get"].Parameters {
		names[p.Name+strings.TrimPrefix(p.Ref, "#/components/parameters/")]++
	}
	if names["limit"] != 1 || names["_limit"] != 1 || names["after"] != 1 {
		t.Errorf("%v", names)
	}
}
