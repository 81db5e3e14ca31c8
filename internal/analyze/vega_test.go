package analyze_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// vegaTables reads the flat tables of the npm package vega-datasets.
func vegaTable(t testing.TB, file string) ([]map[string]any, []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) != ".json" {
		return csvTable(t, file, string(text))
	}
	var raw []json.RawMessage
	if json.Unmarshal(text, &raw) != nil || len(raw) == 0 || raw[0][0] != '{' {
		return nil, nil
	}
	var lines strings.Builder
	for _, r := range raw {
		lines.WriteString(strings.ReplaceAll(string(r), "\n", " ") + "\n")
	}
	return decode(t, lines.String())
}

func csvTable(t testing.TB, file, text string) ([]map[string]any, []string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	if filepath.Ext(file) == ".tsv" {
		r.Comma = '\t'
	}
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var records []map[string]any
	for _, row := range rows[1:] {
		rec := map[string]any{}
		for i, v := range row[:min(len(row), len(rows[0]))] {
			rec[rows[0][i]] = csvValue(v)
		}
		records = append(records, rec)
	}
	return records, rows[0]
}

func csvValue(v string) any {
	if v == "" {
		return nil
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil && !(len(v) > 1 && v[0] == '0' && v[1] != '.') && f == f && !strings.ContainsAny(v, "_xXpPiI") {
		return json.Number(v)
	}
	return v
}

func TestVegaDump(t *testing.T) {
	dir := os.Getenv("MILLWRIGHT_VEGA_DATASETS")
	if dir == "" {
		t.Skip("SKIPPED: set MILLWRIGHT_VEGA_DATASETS to the data folder of the npm package vega-datasets 3.2.1")
	}
	e := openEngine(t)
	files, _ := filepath.Glob(filepath.Join(dir, "*.*"))
	for _, f := range files {
		switch filepath.Ext(f) {
		case ".json", ".csv", ".tsv":
		default:
			continue
		}
		records, order := vegaTable(t, f)
		if len(records) == 0 {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		t.Run(name, func(t *testing.T) {
			p := analyzed(t, e, land(t, e, name, records, order))
			for _, c := range p.Columns {
				t.Logf("%s\t%s\t%s\t%s\t%s\td=%d n=%d/%d %s..%s %q", name, c.Name, c.Role, c.Subtype, c.ValueType().String()[:min(20, len(c.ValueType().String()))], c.Distinct, c.NonNull(), c.Rows, c.Min[:min(20, len(c.Min))], c.Max[:min(20, len(c.Max))], c.Evidence)
			}
			t.Logf("%s FACTS %+v", name, p.Facts)
		})
	}
}
