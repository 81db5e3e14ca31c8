package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"millwright/internal/demo"
)

// formatsScript reads one answer in four formats and checks that they agree.
const formatsScript = `
import csv, json, sys, pyarrow.parquet, pyarrow.ipc
d = sys.argv[1]
parquet = pyarrow.parquet.read_table(d + "/a.parquet")
arrow = pyarrow.ipc.open_stream(d + "/a.arrow").read_all()
ndjson = [json.loads(l) for l in open(d + "/a.ndjson", encoding="utf-8")]
rows = list(csv.DictReader(open(d + "/a.csv", encoding="utf-8", newline="")))
assert parquet.to_pylist() == arrow.to_pylist(), "parquet and arrow differ"
assert len(ndjson) == len(rows) == parquet.num_rows, (len(ndjson), len(rows), parquet.num_rows)
for p, n, c in zip(parquet.to_pylist(), ndjson, rows):
    assert list(p) == list(n) == list(c), (p, n, c)
    for k, v in p.items():
        if isinstance(v, (int, str)):
            assert n[k] == v and c[k] == str(v), (k, v, n[k], c[k])
        elif isinstance(v, float):
            assert n[k] == v and float(c[k]) == v, (k, v, n[k], c[k])
        elif v is None:
            assert n[k] is None and c[k] == "", (k, n[k], c[k])
print(parquet.num_rows, "rows agree in four formats")
`

func TestFormatsAreTheFullResultAndAgree(t *testing.T) {
	const total = 12_345
	s := start(t)
	shop := upstream(t, demo.Server{Orders: total})
	d := s.land("orders", map[string]any{"url": shop + "/orders?per_page=1000", "method": "GET", "responsePathExtractor": "data.orders"})
	project := s.project()
	var p struct{ ID string }
	s.call("POST", "/v1/queryprograms", map[string]any{"project_id": project, "dataline_id": d.ID, "cue": "All of it",
		"code":  "SELECT id, order_no, created_at, shipped_at, amount, rating, customer.country AS country FROM orders WHERE id >= $least ORDER BY id",
		"slots": []any{map[string]any{"name": "least", "type": "integer", "default": 1}}}, &p)
	dir := t.TempDir()
	run := map[string]any{"project_id": project, "queryprogram_id": p.ID}
	for _, format := range []string{"csv", "ndjson", "parquet", "arrow"} {
		status, text := s.raw("POST", "/v1/run/queryprogram?format="+format, run)
		if status != 200 {
			t.Fatalf("%s: %d %s", format, status, text)
		}
		if err := os.WriteFile(filepath.Join(dir, "a."+format), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), python(t), "-c", formatsScript, dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("12345 rows agree")) {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
	var page struct {
		RowCount  int64 `json:"row_count"`
		Truncated bool  `json:"truncated"`
		TotalRows int64 `json:"total_rows"`
	}
	s.call("POST", "/v1/run/queryprogram?count=true", run, &page)
	if !page.Truncated || page.RowCount != 10_000 || page.TotalRows != total {
		t.Errorf("JSON: %+v, want 10000 of %d and truncated", page, total)
	}
}
